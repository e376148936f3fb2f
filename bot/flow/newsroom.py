"""The core at work: takes what sources say, closes buckets, and turns every step into one transaction."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
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
from bot.errors import StoreError
from bot.flow import publish, transitions
from bot.flow.batch import Batch
from bot.flow.caseload import Caseload
from bot.flow.channels import Channels
from bot.flow.counts import bucket_of, bucket_start
from bot.flow.draft import Drafts
from bot.flow.ears import Ears
from bot.flow.episode import KindOf
from bot.flow.ingest import Ingest, digest, key_of
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
        snapshots: bool = True,
    ) -> None:
        self.store = store
        self.clock = clock
        self.watch = watch
        self.roster = roster
        self.channels = Channels()
        self.observers = Observers()
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
        self._batch = Batch()
        self._spoke: set[str] = set()  # operators whose entries of this step wait to be judged
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
            await self._commit()

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
            await self._flush()
            now = self.clock.now()
            events = tuple(events)
            signals = [event for event in events if isinstance(event, Mention | StatusEntry | Tally)]
            known = await self.store.known([key_of(signal) for signal in signals]) if signals else {}
            new = {id(signal) for signal in self._ingest.new(signals, known)}
            deletions = await self._posts_deleted(events)
            if visit is not None:
                telling = bool(new) or visit.state is not self.roster.state(visit.source)
                self._batch.visits.append(replace(visit, telling=telling))
            verdicts = self._events(events, new, now)
            self._take_back(deletions)
            self._keep_counts(event for event in signals if id(event) in new)
            if cursor is not None:
                self._batch.cursors[cursor[0]] = cursor[1]
            if complete_to is not None:
                self._ears.complete(*complete_to)
            await self._commit()
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
            await self._flush()
            self._batch.heard.append(Heard(mention, digest(mention)))
            self._report(report)
            self._amend(range(0), self.clock.now())
            await self._flush()

    async def retract(self, source: str, key: str, who: str) -> bool:
        """Take a mention back with the reports it made; False if there are none (any more).

        Raises:
            StoreError: it could not be stored.
        """
        async with self._lock:
            await self._flush()
            reports = await self.store.reports_of(source, key)
            if not reports:
                return False
            now = self.clock.now()
            self._batch.retracted.append((source, key))
            for report in reports:
                if report.operator in self.operators:
                    self.watch.retract(report)
                    self.cases.retract(report, who, now)
            self._amend(range(0), now)
            if self._snapshots and self.watch.last_closed is not None:  # or a restart would count it again
                self._batch.snapshot = self.watch.snapshot()
            await self._flush()
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
            await self._flush()
            now = self.clock.now()
            end = bucket_of(self._ears.watermark(now))
            if self.watch.last_closed is None:
                self.watch.last_closed = end - 1
            self.watch.last_closed = max(self.watch.last_closed, end - _LONGEST_GAP)
            while self.watch.last_closed + 1 < end:
                self._close(self.watch.last_closed + 1, now)
                await self._commit()

    async def decide(self, decision: Decision) -> Verdict:
        """Take one editor's decision, at most once a key.

        Raises:
            StoreError: it could not be stored yet.
        """
        async with self._lock:
            await self._flush()
            if decision.key is not None and await self.store.decided(decision.key):
                return Verdict(OutcomeKind.DONE, self.cases.latest(decision))
            self._batch.decisions.append(decision)
            verdict = self.cases.decide(decision, self.clock.now())
            await self._flush()
            return verdict

    async def published(self, incident: str) -> None:
        """Every target has confirmed an approved draft: say so on its card."""
        async with self._lock:
            self.cases.published(incident, self.clock.now())
            await self._commit()

    async def tell(self, deliveries: Iterable[Delivery]) -> None:
        """Store deliveries that no draft causes, or that have moved on in the journal.

        Raises:
            StoreError: they could not be stored.
        """
        async with self._lock:
            self._batch.deliveries.extend(deliveries)
            await self._flush()

    async def rest(self) -> None:
        """Store the detectors' state before the end."""
        async with self._lock:
            if self._snapshots and self.watch.last_closed is not None:
                self._batch.snapshot = self.watch.snapshot()
            await self._flush()

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
            self._batch.snapshot = self.watch.snapshot()
        await self._commit()

    # --- what steps are made of ----------------------------------------------------------------------------------

    def _missed(self, since: datetime, until: datetime) -> None:
        """What we could not hear is not calm; the desk is told of a long absence."""
        self._ears.deafen(since, until)
        if until - since >= _WAS_AWAY:
            text = self.announcements.returned(since, until)
            key = f"returned/{until:%Y%m%dT%H%M}"
            self._batch.deliveries.extend(publish.for_notice(key, text, self.outlets.rooms, until))

    def _events(self, events: Iterable[Event | Report], new: Container[int], now: datetime) -> list[Verdict]:
        """Take them in their order; signals by their `id()`, if they say something new."""
        verdicts = []
        for event in events:
            if not isinstance(event, StatusEntry):
                self._look_at_channels(now)
            if isinstance(event, Health):
                self._check(event, now)
            elif isinstance(event, Decision):
                self._batch.decisions.append(event)
                verdicts.append(self.cases.decide(event, now))
            elif isinstance(event, Report):
                self._report(event)
                self._amend(self._ears.heard(event.source, event.at), now)
            elif not isinstance(event, Deletion) and id(event) in new:
                self._signal(event, now)
        self._look_at_channels(now)
        return verdicts

    def _check(self, health: Health, now: datetime) -> None:
        health = self.roster.judged(health)
        self._batch.health.append(health)
        self.roster.note(health)
        self.channels.note(health)
        self._amend(self._ears.note(health), now)
        if health.operator is not None:
            self.cases.look_at_channel(health.operator, now)

    def _signal(self, signal: Mention | StatusEntry | Tally, now: datetime) -> None:
        taken = self._ingest.take(signal)
        self._batch.heard.append(taken.heard)
        if isinstance(signal, Mention):
            for report in taken.reports:
                self._report(report)
            self._amend(self._ears.heard(signal.source, signal.published_at), now)
            self.roster.heard(signal.source, now)
        elif isinstance(signal, Tally):
            if self.watch.tally(signal):
                self.cases.bear_out(signal.operator, now)
        elif isinstance(taken.heard.signal, StatusEntry) and signal.operator in self.operators:
            self._entry(taken.heard.signal, now)

    async def _posts_deleted(self, events: Sequence[Event | Report]) -> list[Deletion]:
        """The deletions among the events, post by post where an account has gone."""
        posts = []
        for deletion in (event for event in events if isinstance(event, Deletion)):
            if not deletion.account:
                posts.append(deletion)
                continue
            told = {event.id for event in events if isinstance(event, Mention) and event.source == deletion.source}
            ids = {key for key in told if key.startswith(deletion.id)}
            ids |= set(await self.store.mentions_under(deletion.source, deletion.id))
            posts += [Deletion(deletion.source, key) for key in sorted(ids)]
        return posts

    def _take_back(self, deletions: Sequence[Deletion]) -> None:
        self._batch.deletions.extend(deletions)
        if deletions:
            self.cases.unlink({(deletion.source, deletion.id) for deletion in deletions})

    def _keep_counts(self, signals: Iterable[Signal]) -> None:
        """Keep the detectors with the counts they have just seen: reports come back after a restart, counts do not."""
        if self._snapshots and any(isinstance(signal, Tally) for signal in signals):
            self._batch.snapshot = self.watch.snapshot()

    def _entry(self, entry: StatusEntry, now: datetime) -> None:
        if entry.observer is None:
            self.channels.add(entry)
            self.cases.entry(entry, now)
            self._spoke.add(entry.operator)
        else:  # never the operator's word
            self.observers.add(entry)
            if entry.place is None:
                self.cases.observed(entry.operator, now)

    def _look_at_channels(self, now: datetime) -> None:
        """Judge what operators said once all of it is known: three hundred entries of one reading are one update."""
        for operator in sorted(self._spoke):
            self.cases.look_at_channel(operator, now)
        self._spoke.clear()

    def _report(self, report: Report) -> None:
        self._batch.reports.append(report)
        if report.operator in self.operators:
            self.watch.count(report)
            self.cases.hear(report)

    def _amend(self, filled: Sequence[int], now: datetime) -> None:
        sightings = self.watch.amend(self._ears.exposure, filled)
        if sightings:
            self.cases.sight(sightings, now)

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
            self._batch.snapshot = self.watch.snapshot()

    def _announce(self, now: datetime) -> None:
        for trouble in self.roster.troubles(now, deaf=self._ears.blind):
            text = self.announcements.trouble(
                trouble.kind, trouble.source, trouble.since, trouble.reason, trouble.state
            )
            key = _trouble_key(trouble.kind, trouble.source, trouble.since)
            self._batch.deliveries.extend(publish.for_notice(key, text, self.outlets.rooms, now))

    def _emit(self, before: Draft | None, draft: Draft) -> None:
        """A new revision: kept, and sent to everyone it concerns, in the transaction of what caused it.

        The alarm behind it is kept along: a restart must not take an open incident for a calm one.
        """
        self._batch.drafts.append(draft)
        if self._snapshots:
            self._batch.snapshot = self.watch.snapshot()
        self._batch.incidents[draft.incident.id] = draft.incident
        fresh = publish.is_fresh(before, draft)
        self._batch.deliveries.extend(publish.for_draft(draft, self.outlets.rooms, fresh_card=fresh))
        if draft.kind is DraftKind.PUBLISHED:
            self._batch.deliveries.extend(publish.for_publication(draft, self.outlets.targets))
        if self.outlets.on_line is not None and draft.kind is not DraftKind.DECISION:
            self.outlets.on_line(draft)

    async def _commit(self) -> None:
        """Store what the step changed; what cannot be stored now goes with the next step."""
        try:
            await self._flush()
        except StoreError as error:
            _log.error("store refuses", error=str(error))

    async def _flush(self) -> None:
        changes = self._batch.changes()
        if not changes:
            return
        try:
            await self.store.apply(changes)
        except StoreError as error:
            if not error.retryable:
                self._batch = Batch()  # it would be refused for ever, and everything after it would wait
            raise
        self._batch = Batch()
        if changes.deliveries:
            self.stir()


def _trouble_key(kind: str, source: str, since: datetime) -> str:
    """The same trouble has the same key in every run: it is told once."""
    return f"{kind}/{source}/{since:%Y%m%dT%H%M%S}"
