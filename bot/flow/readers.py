"""What readers tell the newsroom: read, counted once a person and episode, and answered with what is known."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import structlog

from bot.domain.incidents import Draft, DraftKind, DraftState
from bot.domain.operators import Service
from bot.domain.signals import Classification, Deletion, Kind, Mention, Report
from bot.flow import transitions
from bot.flow.channels import statement_of
from bot.flow.newsroom import Newsroom
from bot.ports import ReaderAnswer, ReaderMessage, Reception, TakingBack, Welcome

_log = structlog.get_logger()

UNDONE_WITHIN = timedelta(hours=1)  # later a report has been counted, learned from and perhaps published
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SAME_TROUBLE = timedelta(hours=2)  # without an incident, who reported within so long reports the same


class Turnstile:
    """How much is let in: so many messages a person and hour, so many a day in all; its memory is bounded by both."""

    def __init__(self, hourly: int, daily: int) -> None:
        self._hourly, self._daily = hourly, daily
        self._day: date | None = None
        self._let_in = self.refused = 0
        self._persons: dict[str, deque[datetime]] = {}

    def lets_in(self, person: str, now: datetime) -> bool:
        """Whether this message may be read; one that may not is counted in `refused`."""
        if now.date() != self._day:
            self._day, self._let_in, self._persons = now.date(), 0, {}
        before = self._persons.get(person) or deque[datetime]()
        often = len(before) == self._hourly and now - before[0] < _HOUR
        if often or self._let_in >= self._daily:
            self.refused += 1
            return False
        self._let_in += 1
        self._persons.setdefault(person, deque(maxlen=self._hourly)).append(now)
        return True


class Readers:
    """The newsroom's open door.

    Args:
        read: The classifier's.
    """

    def __init__(self, newsroom: Newsroom, read: Callable[..., Classification], welcome: Welcome) -> None:
        self.welcome = welcome
        self._newsroom = newsroom
        self._read = read
        self._turnstile = Turnstile(welcome.hourly, welcome.daily)
        self._turn = asyncio.Lock()

    async def hear(self, message: ReaderMessage) -> ReaderAnswer | None:
        """See `Inbox.hear`."""
        author = self._pseudonym(message.person)
        if not self._turnstile.lets_in(author, message.at):
            if self._turnstile.refused % 1000 == 1:
                _log.warning("readers refused", so_far=self._turnstile.refused)
            return None
        at = said_at(message.at, message.written_at)
        reading = self._read(message.text, at=at)
        hint = None if reading.operators else self._only_one(reading.services)
        if hint is not None:
            reading = self._read(message.text, at=at, operator_hint=hint)
        kind = _kind(reading)
        if kind in {Reception.UNCLEAR, Reception.OLD}:  # nothing that is of no use is kept
            return None if message.edited else ReaderAnswer(kind, keep_days=self.welcome.keep_days)
        key = self._pseudonym(message.key)
        async with self._turn:  # or two messages at once would both be the first
            # Told again by the chat, as we were killed before we answered, it is that one report, not one more.
            repeated = bool(await self._newsroom.store.known([(self.welcome.source, key)]))
            if repeated and message.edited:
                return None
            counts = kind is Reception.COUNTED and not repeated
            if counts and await self._has_counted(author, reading.operators, message.at):
                kind = Reception.AGAIN
            else:
                said = Mention(self.welcome.source, key, message.person, message.text, at, message.at)
                await self._newsroom.take([replace(said, operator_hint=hint)])
        if not reading.operators:
            return ReaderAnswer(kind, places=reading.places, keep_days=self.welcome.keep_days)
        return await self._answer(kind, reading, author, message.at)

    async def take_back(self, key: str, person: str) -> TakingBack:
        """See `Inbox.take_back`."""
        author = self._pseudonym(person)
        return await taken_back(self._newsroom, self.welcome.source, self._pseudonym(key), author, author=author)

    async def forget(self, key: str) -> None:
        """See `Inbox.forget`."""
        await self._newsroom.take([Deletion(self.welcome.source, self._pseudonym(key))])

    def _only_one(self, services: Sequence[Service]) -> str | None:
        """The only operator that runs these: who writes of the current need not name who brings it."""
        operators = self._newsroom.operators.values()
        able = [operator.id for operator in operators if services and set(services) <= set(operator.services)]
        return able[0] if len(able) == 1 else None

    def _pseudonym(self, name: str) -> str:
        return self._newsroom.pseudonym(self.welcome.source, name)

    async def _has_counted(self, author: str, operators: Iterable[str], now: datetime) -> bool:
        """Whether this person counts already for all of these operators: in their episode, or within a day."""
        for operator in operators:
            reports = await self._newsroom.store.reports(self._begun(operator, now, _DAY), operator)
            if not any(report.author == author for report in reports):
                return False
        return True

    def _begun(self, operator: str, now: datetime, without: timedelta) -> datetime:
        """Since when the trouble lasts: its episode's beginning, or so long where there is none."""
        episode = self._newsroom.cases.episodes.get(operator)
        if episode is None or episode.incident.state not in transitions.OPEN:
            return now - without
        return min(episode.incident.first_report_at, episode.incident.surge.interval.start)

    async def _answer(self, kind: Reception, reading: Classification, author: str, now: datetime) -> ReaderAnswer:
        operator, newsroom = reading.operators[0], self._newsroom
        begun = self._begun(operator, now, _SAME_TROUBLE)
        same = [
            report
            for report in await newsroom.store.reports(begun, operator)
            if report.author != author and not report.duplicate and _is_same(report, reading.services)
        ]
        episode = newsroom.cases.episodes.get(operator)
        is_open = episode is not None and episode.incident.state in transitions.OPEN
        drafts = (*episode.revisions.values(), episode.draft) if episode is not None and is_open else ()
        entry = newsroom.channels.latest(operator, begun)
        return ReaderAnswer(
            kind,
            operator=newsroom.operators[operator].name,
            services=reading.services,
            places=reading.places,
            others=len({report.author for report in same}),
            since=min((report.at for report in same), default=None),
            published=_published(drafts),
            statement=statement_of(entry) if entry is not None else None,
            keep_days=self.welcome.keep_days,
        )


def said_at(have: datetime, written: datetime) -> datetime:
    """What was written while we were down belongs to its own time, up to a day back."""
    return written if timedelta(0) <= have - written <= _DAY else have


async def taken_back(newsroom: Newsroom, source: str, key: str, who: str, *, author: str | None = None) -> TakingBack:
    """Take a mention back, if it is one, recent and (given an `author`) theirs."""
    reports = await newsroom.store.reports_of(source, key)
    if not reports:
        known = await newsroom.store.known([(source, key)])
        return TakingBack.ALREADY if known else TakingBack.UNKNOWN
    if author is not None and reports[0].author != author:
        return TakingBack.UNKNOWN
    if newsroom.clock.now() - reports[0].seen_at > UNDONE_WITHIN:
        return TakingBack.LATE
    return TakingBack.DONE if await newsroom.retract(source, key, who) else TakingBack.ALREADY


def _kind(reading: Classification) -> Reception:
    if reading.kind is Kind.RECOVERY:
        return Reception.RECOVERY
    if not reading.operators or reading.kind is Kind.NOISE:
        return Reception.UNCLEAR
    return Reception.COUNTED if reading.counts else Reception.OLD


def _is_same(report: Report, services: Sequence[Service]) -> bool:
    """Whether a report is of the same services; who names none says that nothing works."""
    return not services or not set(services).isdisjoint(report.services)


def _published(drafts: Iterable[Draft | None]) -> str | None:
    """The title that went out: of the revision that was approved, or of one whose words an editor has fixed."""
    out = [draft for draft in drafts if draft is not None and draft.state is DraftState.PUBLISHED]
    if not out:
        return None
    approved = [draft for draft in drafts if draft is not None and draft.kind is DraftKind.PUBLISHED]
    fixed = approved or [draft for draft in out if draft.edited]
    return fixed[-1].title if fixed else ""
