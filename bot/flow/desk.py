"""The desk and the inbox as every chat calls them: answers from memory and store, decisions through the newsroom."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.deliveries import DeliveryState
from bot.domain.incidents import Decision, Draft
from bot.domain.operators import Operator
from bot.domain.places import Level, Place
from bot.domain.signals import Classification, Mention, Report
from bot.flow import transitions
from bot.flow.channels import statement_of
from bot.flow.counts import bucket_of, bucket_start
from bot.flow.newsroom import Newsroom
from bot.flow.readers import Readers, said_at, taken_back
from bot.ports import (
    Call,
    OperatorStatus,
    Outcome,
    OutcomeKind,
    ReaderAnswer,
    ReaderMessage,
    SourceStatus,
    TakingBack,
    Welcome,
)

DESK_LOG = "desk_log"  # the source of logged calls: it is there without being configured, and nothing polls it

_DAY_HOURS = 24
_HOUR = timedelta(hours=1)


class NewsroomDesk:
    """Implements `bot.ports.Desk` and `bot.ports.Inbox`.

    Args:
        find_operator: By id, name or alias.
        find_place: What an editor typed for a place.
        read: The classifier's.
    """

    def __init__(
        self,
        newsroom: Newsroom,
        find_operator: Callable[[str], Operator | None],
        find_place: Callable[[str], Place | None],
        read: Callable[..., Classification],
    ) -> None:
        self._newsroom = newsroom
        self._find_operator = find_operator
        self._find_place = find_place
        self._read = read
        self._readers: Readers | None = None
        self._turns = asyncio.Lock()

    def open_to_readers(self, welcome: Welcome) -> None:
        """From now on readers may write."""
        self._readers = Readers(self._newsroom, self._read, welcome)

    async def decide(self, decision: Decision) -> Outcome:
        """See `Desk.decide`."""
        verdict = await self._newsroom.decide(decision)
        if verdict.kind is OutcomeKind.UNKNOWN and decision.incident is not None:
            return Outcome(OutcomeKind.CLOSED)  # known once, or its card would not be there: over for good
        return Outcome(verdict.kind, verdict.draft)

    async def status(self, operator: str, place: str = "") -> OperatorStatus | None:
        """See `Desk.status`."""
        found = self._find_operator(operator)
        if found is None:
            return None
        where = self._commune_or_departement(place) if place else None
        now = self._newsroom.clock.now()
        closed = self._newsroom.watch.last_closed
        closed_to = bucket_start(closed + 1) if closed is not None else None
        reports = await self._newsroom.store.reports(now - _DAY_HOURS * _HOUR - _HOUR, found.id)
        end = closed_to or now
        episode = self._newsroom.cases.episodes.get(found.id)
        incident = episode.draft.incident if episode and episode.draft else None
        is_open = incident is not None and incident.state in transitions.OPEN
        entry = self._newsroom.channels.latest(found.id, now - _DAY_HOURS * _HOUR)
        silence = (
            self._newsroom.channels.silence(found.id, incident.services, incident.first_report_at, incident.statement)
            if incident is not None and is_open
            else self._newsroom.channels.silence(found.id, (), now)
        )
        return OperatorStatus(
            at=now,
            operator=found,
            state=incident.state if incident is not None and is_open else None,
            incident=episode.draft if episode is not None and is_open else None,
            reports=_authors(reports, end - _HOUR, end),
            expected=self._newsroom.watch.expected(found.id, bucket_of(end - _HOUR), bucket_of(end)),
            hourly=tuple(
                _authors(reports, now - (back + 1) * _HOUR, now - back * _HOUR) for back in reversed(range(_DAY_HOURS))
            ),
            silence=silence,
            statement=statement_of(entry) if entry is not None else None,
            closed_to=closed_to,
            sources=tuple(
                status
                for status in self._newsroom.roster.statuses()
                if status.health is None or status.health.operator in {None, found.id}
            ),
            asked=place,
            place=where,
            sites=self._newsroom.observers.sites(found.id, where) if where or not place else (),
        )

    def _commune_or_departement(self, typed: str) -> Place | None:
        """What lists of sites can be looked up by: a postal code of several communes stands for its département."""
        found = self._find_place(typed)
        if found is not None and found.level is Level.POSTCODE:
            found = self._find_place(found.departement or "")
        return None if found is None or found.level is Level.REGION else found

    async def open_drafts(self) -> tuple[Draft, ...]:
        """See `Desk.open_drafts`."""
        episodes = self._newsroom.cases.episodes.values()
        drafts = [
            episode.draft
            for episode in episodes
            if episode.draft is not None and episode.incident.state in transitions.OPEN
        ]
        return tuple(sorted(drafts, key=lambda draft: -draft.incident.number))

    async def draft(self, number: int) -> Draft | None:
        """See `Desk.draft`; in the order asked, as of two presses the first decides and the store's reads overtake."""
        async with self._turns:
            return await self._newsroom.store.draft(number)

    async def sources(self) -> tuple[SourceStatus, ...]:
        """See `Desk.sources`."""
        return self._newsroom.roster.statuses()

    async def resend(self, delivery: str, who: str) -> bool:
        """See `Desk.resend`."""
        found = await self._newsroom.store.delivery(delivery)
        if found is None or found.state is not DeliveryState.UNSURE:
            return False
        again = replace(found, state=DeliveryState.PENDING, attempts=0, next_try_at=None, error=f"sent again by {who}")
        await self._newsroom.tell((again,))
        return True

    def operators(self) -> tuple[Operator, ...]:
        """See `Desk.operators`."""
        return tuple(self._newsroom.operators.values())

    async def log_call(self, call: Call) -> Report | str:
        """See `Inbox.log_call`; each call is a person of its own, and verified."""
        unknown = self._newsroom.announcements.unknown
        operator = self._find_operator(call.operator)
        if operator is None:
            return unknown("operator", call.operator, ", ".join(known.name for known in self.operators()))
        place = self._find_place(call.place)
        if place is None:
            return unknown("place", call.place)
        text = f"{operator.name} : {call.service.value} en panne à {place.name} (appel noté par la rédaction)"
        at = said_at(call.at, call.written_at or call.at)
        mention = Mention(DESK_LOG, call.key, call.key, text, at, call.at, None, operator.id, verified=True)
        report = Report(
            source=mention.source,
            id=mention.id,
            operator=operator.id,
            author=call.key,
            at=at,
            seen_at=call.at,
            services=(call.service,),
            places=(place,),
            professional=call.professional,
            verified=True,
        )
        if not await self._newsroom.store.known([(mention.source, mention.id)]):
            await self._newsroom.log_call(mention, report)
        return report

    async def undo_call(self, key: str, who: str) -> TakingBack:
        """See `Inbox.undo_call`."""
        return await taken_back(self._newsroom, DESK_LOG, key, who)

    def welcome(self, through: str) -> Welcome | None:
        """See `Inbox.welcome`."""
        terms = self._readers.welcome if self._readers else None
        return terms if terms and (not terms.through or through in terms.through) else None

    async def hear(self, message: ReaderMessage) -> ReaderAnswer | None:
        """See `Inbox.hear`."""
        if self._readers is None or self.welcome(message.through) is None:
            return None
        return await self._readers.hear(message)

    async def take_back(self, key: str, person: str) -> TakingBack:
        """See `Inbox.take_back`."""
        return await self._readers.take_back(key, person) if self._readers else TakingBack.UNKNOWN

    async def forget(self, key: str) -> None:
        """See `Inbox.forget`."""
        if self._readers is not None:
            await self._readers.forget(key)


def _authors(reports: Sequence[Report], start: datetime, end: datetime) -> int:
    return len({report.author for report in reports if start <= report.at < end and not report.duplicate})
