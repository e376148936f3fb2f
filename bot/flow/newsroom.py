"""The core at work: takes what sources say, closes buckets, and turns every step into one transaction."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.clock import Clock
from bot.domain.captures import Visit
from bot.domain.deliveries import Delivery
from bot.domain.incidents import Decision, Draft, DraftKind
from bot.domain.operators import Operator
from bot.domain.signals import Deletion, Health, Mention, Report, Signal, StatusEntry, Tally
from bot.drafting.announcements import Announcements
from bot.flow import publish, transitions
from bot.flow.batch import Step
from bot.flow.caseload import Caseload
from bot.flow.channels import Channels
from bot.flow.counts import bucket_of, bucket_start
from bot.flow.draft import Drafts
from bot.flow.ears import Ears
from bot.flow.episode import KindOf
from bot.flow.ingest import Ingest, digest, key_of
from bot.flow.intake import Intake
from bot.flow.observers import Observers
from bot.flow.review import Verdict
from bot.flow.roster import Roster
from bot.flow.watch import Watch
from bot.ports import Event, Heard, OutcomeKind, Store

_log = structlog.get_logger()

_REPORTS_KEPT = timedelta(hours=3)  # what the windows and an author's hour need again after a restart
_CHANNELS_KEPT = timedelta(days=3)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)  # an operator that once spoke has a channel, however long ago that was
_ENTRIES_KEPT = 100
_SNAPSHOT_EVERY = 5  # buckets; what came since is fed again from the stored reports
_LONGEST_GAP = 2 * 24 * 60  # buckets nobody listened in are stepped one by one up to here, then skipped
_HOUR = 60
_WORTH_LEARNING = timedelta(hours=12)
_WAS_AWAY = timedelta(hours=1)  # a shorter stop is a restart, and nobody's news


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where drafts go.

    Attributes:
        rooms: Names of the handlers, whose cards follow each incident.
        targets: Names of the targets an approved draft goes to.
        on_line: Called with each line of the contract (draft, update, …) as it is decided; a replay prints it.
    """

    rooms: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    on_line: Callable[[Draft], None] | None = None


class Newsroom:
    """One writer of the store; every public method is one step, and steps do not overlap.

    A step that cannot be stored is kept and stored with the next one: nothing is lost. While that lasts, new signals
    are refused with StoreError and wait where they are.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ingest: Ingest,
        watch: Watch,
        ears: Ears,
        roster: Roster,
        drafts: Drafts,
        announcements: Announcements,
        operators: Mapping[str, Operator],
        outlets: Outlets,
        kind_of: KindOf,
        region_of: Mapping[str, str],
        snapshots: bool = True,
    ) -> None:
        self.store = store
        self.clock = clock
        self.watch = watch
        self.roster = roster
        self.channels = Channels()
        self.observers = Observers(region_of)
        self.operators = operators
        self.outlets = outlets
        self.cases = Caseload(
            watch=watch,
            channels=self.channels,
            observers=self.observers,
            drafts=drafts,
            operators=operators,
            kind_of=kind_of,
            emit=self._emit,
            targets=bool(outlets.targets),
        )
        self._ingest = ingest
        self._ears = ears
        self.announcements = announcements
        self._snapshots = snapshots
        self._lock = asyncio.Lock()
        self._step = Step(store, self.stir)
        self._intake = Intake(
            step=self._step,
            ingest=ingest,
            watch=watch,
            cases=self.cases,
            channels=self.channels,
            observers=self.observers,
            ears=ears,
            roster=roster,
            operators=operators,
        )
        self._told_past: dict[str, datetime] = {}
        self._wakers: list[asyncio.Event] = []

    def waker(self) -> asyncio.Event:
        """An event that is set whenever a step has left something to deliver."""
        event = asyncio.Event()
        self._wakers.append(event)
        return event

    def stir(self) -> None:
        """Wake whoever waits for something to deliver (or to be told to stop)."""
        for waker in self._wakers:
            waker.set()

    # --- steps ---------------------------------------------------------------------------------------------------

    async def wake(self) -> Mapping[str, str]:
        """Go on where the last run stopped; the sources' cursors. Nothing was heard while it was down."""
        now = self.clock.now()
        loaded = await self.store.load(now - transitions.REOPENS_WITHIN)
        for health in await self.store.checks(now - _CHANNELS_KEPT):
            if self.roster.knows(health.source):  # one that is gone proves no silence and is nobody's news
                self.channels.note(health)
                self.roster.restore(health)
        for source, since in self.roster.failing().items():
            notices = publish.for_notice(_trouble_key("down", source, since), "", self.outlets.rooms, now)
            if any([await self.store.delivery(notice.id) for notice in notices]):
                self.roster.told(source)
        await self._recall_entries()
        for mention in await self.store.mentions(now - _REPORTS_KEPT):
            self._ingest.remember(mention)
        since = min([now - _REPORTS_KEPT, *(draft.incident.first_report_at for draft in loaded.drafts)])
        reports = [report for report in await self.store.reports(since) if report.operator in self.operators]
        self.cases.restore(loaded.drafts, reports, loaded.numbers)
        if loaded.snapshot is not None:
            self.watch.restore(loaded.snapshot, reports)
        if self.watch.last_closed is not None:
            down_from = bucket_start(self.watch.last_closed + 1)
            self._missed(down_from, max(now, down_from))
        return loaded.cursors

    async def _recall_entries(self) -> None:
        for operator in self.operators:
            for entry in (await self.store.entries(operator, _EVER))[-_ENTRIES_KEPT:]:
                self.channels.add(entry)
            for entry in await self.store.observations(operator):
                if self.roster.knows(entry.source):  # nobody says any more when that is over
                    self.observers.add(entry)

    async def absent(self, since: datetime) -> None:
        """Nobody listened since then: the machine slept, or its clock was put forward."""
        async with self._lock:
            self._missed(since, self.clock.now())
            await self._step.commit()

    async def take(
        self,
        events: Iterable[Event | Report],
        *,
        cursor: tuple[str, str] | None = None,
        complete_to: tuple[str, datetime] | None = None,
        visit: Visit | None = None,
    ) -> list[Verdict]:
        """Take what a source handed over, in its order, and store it with its effects.

        Args:
            events: Signals, checks and recorded decisions; a report stands for a mention whose text is gone.
            cursor: (source, cursor) to store along.
            complete_to: (source, time) before which nothing more is to come.
            visit: The check of an operator's channel that gave all this; whether it is telling is found here.

        Returns:
            What the decisions among the events came to, in order.

        Raises:
            StoreError: an earlier step could not be stored yet; nothing of this one was taken.
        """
        async with self._lock:
            await self._step.flush()
            now = self.clock.now()
            events = await self._post_by_post(tuple(events))
            signals = [event for event in events if isinstance(event, Mention | StatusEntry | Tally)]
            known = await self.store.known([key_of(signal) for signal in signals]) if signals else {}
            new = {id(signal) for signal in self._ingest.new(signals, known)}
            if visit is not None:
                telling = bool(new) or visit.state is not self.roster.state(visit.source)
                self._step.batch.visits.append(replace(visit, telling=telling))
            verdicts = self._intake.events(events, new, now)
            self._keep_detectors(event for event in signals if id(event) in new)
            if cursor is not None:
                self._step.batch.cursors[cursor[0]] = cursor[1]
            if complete_to is not None:
                self._ears.complete(*complete_to)
            await self._step.commit()
            for event in events:
                if isinstance(event, Health):
                    await self._learn(event, now)
            return verdicts

    async def log_call(self, mention: Mention, report: Report) -> None:
        """An editor logged a reader's call: a report as it stands, nothing to read in it.

        Raises:
            StoreError: it could not be stored yet.
        """
        async with self._lock:
            await self._step.flush()
            self._step.batch.heard.append(Heard(mention, digest(mention)))
            now = self.clock.now()
            self._intake.report(report, now)
            self._intake.amend(range(0), now)
            await self._step.flush()

    async def retract(self, source: str, key: str, who: str) -> bool:
        """Take a mention back with the reports it made; False if there are none (any more).

        Raises:
            StoreError: it could not be stored.
        """
        async with self._lock:
            await self._step.flush()
            reports = await self.store.reports_of(source, key)
            if not reports:
                return False
            now = self.clock.now()
            self._step.batch.retracted.append((source, key))
            for report in reports:
                if report.operator in self.operators:
                    self.watch.retract(report)
                    self.cases.retract(report, who, now)
            self._intake.amend(range(0), now)
            if self._snapshots and self.watch.last_closed is not None:  # or a restart would count it again
                self._step.batch.snapshot = self.watch.snapshot()
            await self._step.flush()
            return True

    def pseudonym(self, source: str, name: str) -> str:
        """What is kept instead of a person's name; see `Ingest.pseudonym`."""
        return self._ingest.pseudonym(source, name)

    async def advance(self) -> None:
        """Close every bucket that may be closed by now.

        Raises:
            StoreError: an earlier step could not be stored yet; no bucket was closed.
        """
        async with self._lock:
            await self._step.flush()
            now = self.clock.now()
            end = bucket_of(self._ears.watermark(now))
            if self.watch.last_closed is None:
                self.watch.last_closed = end - 1
            self.watch.last_closed = max(self.watch.last_closed, end - _LONGEST_GAP)
            while self.watch.last_closed + 1 < end:
                self._close(self.watch.last_closed + 1, now)
                await self._step.commit()

    async def decide(self, decision: Decision) -> Verdict:
        """Take one editor's decision, at most once a key.

        Raises:
            StoreError: it could not be stored yet.
        """
        async with self._lock:
            await self._step.flush()
            if decision.key is not None and await self.store.decided(decision.key):
                return Verdict(OutcomeKind.DONE, self.cases.latest(decision))
            self._step.batch.decisions.append(decision)
            verdict = self.cases.decide(decision, self.clock.now())
            await self._step.flush()
            return verdict

    async def published(self, incident: str) -> None:
        """Every target has confirmed an approved draft: say so on its card."""
        async with self._lock:
            self.cases.published(incident, self.clock.now())
            await self._step.commit()

    async def tell(self, deliveries: Iterable[Delivery]) -> None:
        """Store deliveries that no draft causes, or that have moved on in the journal.

        Raises:
            StoreError: they could not be stored.
        """
        async with self._lock:
            self._step.batch.deliveries.extend(deliveries)
            await self._step.flush()

    async def rest(self) -> None:
        """Store the detectors' state before the end."""
        async with self._lock:
            if self._snapshots and self.watch.last_closed is not None:
                self._step.batch.snapshot = self.watch.snapshot()
            await self._step.flush()

    def surging(self, operator: str) -> bool:
        """Whether a surge of that operator is open now, in posts or in counts."""
        episode = self.cases.episodes.get(operator)
        is_open = episode is not None and episode.incident.state in transitions.OPEN
        return is_open or self.watch.alarm(operator) or bool(self.watch.tallies.alarms(operator))

    async def _learn(self, health: Health, now: datetime) -> None:
        """A source has told the past of a newsroom that has none: a week of it tells at once what is usual."""
        since, part = health.heard_from, self._ears.part(health.source)
        if since is None or now - since < _WORTH_LEARNING or not part or not self.watch.is_new:
            return
        self._told_past[health.source] = since
        since = max(self._told_past.values())
        past = [report for report in await self.store.reports(since) if report.source in self._told_past]
        share = min(1.0, part * len(self._told_past))
        _log.info("learned from the past", sources=[*self._told_past], since=since.isoformat(), reports=len(past))
        await asyncio.to_thread(self.watch.learn, past, bucket_of(since), share)  # a second of work for a week
        self.cases.teach()
        if self._snapshots and self.watch.last_closed is not None:  # the source will not tell it again
            self._step.batch.snapshot = self.watch.snapshot()
        await self._step.commit()

    # --- what steps are made of ----------------------------------------------------------------------------------

    def _missed(self, since: datetime, until: datetime) -> None:
        """What we could not hear is not calm; the desk is told of a long absence."""
        self._ears.deafen(since, until)
        if until - since >= _WAS_AWAY:
            text = self.announcements.returned(since, until)
            key = f"returned/{until:%Y%m%dT%H%M}"
            self._step.batch.deliveries.extend(publish.for_notice(key, text, self.outlets.rooms, until))

    async def _post_by_post(self, events: Sequence[Event | Report]) -> tuple[Event | Report, ...]:
        """The events, with the deletion of each post where an account has gone with all it wrote."""
        spread: list[Event | Report] = []
        for event in events:
            if isinstance(event, Deletion) and event.account:
                told = {each.id for each in events if isinstance(each, Mention) and each.source == event.source}
                ids = {key for key in told if key.startswith(event.id)}
                ids |= set(await self.store.mentions_under(event.source, event.id))
                spread += [Deletion(event.source, key) for key in sorted(ids)]
            else:
                spread.append(event)
        return tuple(spread)

    def _keep_detectors(self, signals: Iterable[Signal]) -> None:
        """Keep the detectors with what a restart would not feed them again.

        That is counts, and what was seen before the last closed minute and held back while the store refused.
        """
        closed = None if self.watch.last_closed is None else bucket_start(self.watch.last_closed + 1)
        if self._snapshots and any(
            isinstance(signal, Tally) or (closed is not None and signal.seen_at < closed) for signal in signals
        ):
            self._step.batch.snapshot = self.watch.snapshot()

    def _close(self, bucket: int, now: datetime) -> None:
        sightings = self.watch.close(bucket, self._ears.exposure(bucket))
        if sightings or self.cases.episodes:
            self.cases.sight(sightings, now)
        if self.outlets.rooms:
            self._announce(now)
        if bucket % _HOUR == 0:
            self._ears.forget(now)
            self.cases.forget(now)
        if self._snapshots and bucket % _SNAPSHOT_EVERY == 0:
            self._step.batch.snapshot = self.watch.snapshot()

    def _announce(self, now: datetime) -> None:
        for trouble in self.roster.troubles(now, deaf=self._ears.blind):
            text = self.announcements.trouble(
                trouble.kind, trouble.source, trouble.since, trouble.reason, trouble.state
            )
            key = _trouble_key(trouble.kind, trouble.source, trouble.since)
            self._step.batch.deliveries.extend(publish.for_notice(key, text, self.outlets.rooms, now))
        for operator, at, dropped in self._intake.flood.news(now):
            _log.warning("flood", operator=operator, dropped=dropped)
            text = self.announcements.flood(self.operators[operator].name, dropped)
            key = _trouble_key("flood over" if dropped else "flood", operator, at)
            self._step.batch.deliveries.extend(publish.for_notice(key, text, self.outlets.rooms, now))

    def _emit(self, before: Draft | None, draft: Draft) -> None:
        """A new revision: kept, and sent to everyone it concerns, in the transaction of what caused it.

        The alarm behind it is kept along: a restart must not take an open incident for a calm one.
        """
        self._step.batch.drafts.append(draft)
        if self._snapshots:
            self._step.batch.snapshot = self.watch.snapshot()
        self._step.batch.incidents[draft.incident.id] = draft.incident
        fresh = publish.is_fresh(before, draft)
        self._step.batch.deliveries.extend(publish.for_draft(draft, self.outlets.rooms, fresh_card=fresh))
        if draft.kind is DraftKind.PUBLISHED:
            self._step.batch.deliveries.extend(publish.for_publication(draft, self.outlets.targets))
        if self.outlets.on_line is not None and draft.kind is not DraftKind.DECISION:
            self.outlets.on_line(draft)


def _trouble_key(kind: str, source: str, since: datetime) -> str:
    """The same trouble has the same key in every run: it is told once."""
    return f"{kind}/{source}/{since:%Y%m%dT%H%M%S}"
