"""The newsroom's own site: people who look there for an operator are the fastest to say that something is wrong.

Only counts by the minute leave this source; who looked is known to nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

import msgspec
from pydantic import Field, SecretStr, model_validator

from bot.domain.signals import HealthState, Tally
from bot.errors import ConfigError, SourceError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources import _matomo, _plausible
from sources._audience_log import Cursor, LogCounter, Step
from sources._audience_names import SEARCH_PARAMS, Names, Site
from sources._audience_tail import Position
from sources._audience_views import Way, host_of
from sources._fetch import decode_cursor, encode_cursor

_MINUTE = timedelta(minutes=1)
_SETTLED = timedelta(seconds=5)  # a line is written when the answer has been sent
_SETTLED_ELSEWHERE = timedelta(seconds=45)  # both count from what they have stored, and they store in batches
_CAUSES = {
    FileNotFoundError: "journal introuvable",
    PermissionError: "journal interdit à la lecture",
    IsADirectoryError: "ce n’est pas un journal mais un dossier",
}
_LOOK_BACK_MINUTES = 60
_MOST_GAP_MINUTES = 24 * 60
_AGAIN_MINUTES = 1  # what they stored late is counted with the next minute


class Settings(SourceSettings):
    """Settings of an `audience` source; either `log` or `url`.

    Attributes:
        log: The access log.
        url: Address of Matomo or Plausible.
        engine: Which of the two.
        site: The site's host (log), number (Matomo) or domain (Plausible).
        token: Key of their API.
        operators: Ids of the operators that are counted; all where none is named.
        count: Which ways to a page count: from a search engine, direct, from within the site.
        pages: How a path begins → operator, where words do not tell; empty: nobody.
        search_params: Parameters that hold what was searched on the site.
        fields: Our name of a field → the log's, for JSON with names of its own.
        behind_proxy: The log has the proxy's addresses, and those of visitors as X-Forwarded-For.
    """

    file_key = "log"

    interval: timedelta = Field(default=_MINUTE, ge=timedelta(seconds=30))
    log: Path | None = None
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    engine: Literal["matomo", "plausible"] = "matomo"
    site: str = ""
    token: SecretStr = SecretStr("")
    operators: tuple[str, ...] = ()
    count: frozenset[Literal["search", "direct", "site"]] = Field(
        default=frozenset({"search", "direct", "site"}), min_length=1
    )
    pages: Mapping[str, str] = Field(default_factory=dict)
    search_params: tuple[str, ...] = SEARCH_PARAMS
    fields: Mapping[
        Literal["time", "uri", "request", "method", "status", "referrer", "agent", "address", "forwarded", "host"], str
    ] = Field(default_factory=dict)
    behind_proxy: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.log is None) == (self.url is None):
            raise ValueError("exactly one of log and url is needed")
        if self.url is not None and self.engine == "plausible" and not self.site:
            raise ValueError("site: the domain that Plausible counts is needed")
        return self


class _Asked(msgspec.Struct, frozen=True):
    """How far an engine's counts were taken; of another site nothing is known."""

    site: str = ""
    told_to: int = 0


def create(settings: Settings, deps: SourceDeps) -> "AudienceSource":
    """A source for these settings.

    Raises:
        ConfigError: An operator is not configured.
    """
    for operator in (*settings.operators, *filter(None, settings.pages.values())):
        if operator not in deps.operators:
            raise ConfigError(f"source {settings.name}: {operator} is none of {', '.join(deps.operators)}")
    return AudienceSource(settings, deps)


class AudienceSource:
    """Counts views by operator and minute; see `bot.ports.Source`."""

    kind = "audience"
    operator: str | None = None
    hears = False  # it counts and hears nobody: see the note on exposure in `bot.ports.Source`

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self.interval = settings.interval
        self._settings = settings
        self._deps = deps
        self._operators = settings.operators or tuple(deps.operators)
        self._names = Names(deps.names, self._operators, settings.search_params, settings.pages)
        self._counter: tuple[str | None, LogCounter] | None = None  # and the cursor up to which it has counted

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: the minutes that are over, each operator's count, zeros too."""
        readings = self._read_log(cursor) if self._settings.log is not None else self._ask(cursor)
        async for reading in readings:
            yield reading

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        if self._settings.log is not None:
            counter = self._new_counter(self._settings.log, None)
            await self._step(counter)
            return f"{counter.lines} lignes lues, {counter.views} visites comptées pour un opérateur"
        end = _minute(self._deps.clock.now() - _SETTLED_ELSEWHERE)
        counts = await self._engine(end - 10, end)
        return f"réponse comprise, {sum(counts.values())} visites comptées pour un opérateur en 10 minutes"

    async def close(self) -> None:
        """See `bot.ports.Source.close`; nothing is held."""

    # --- an access log ---

    async def _read_log(self, cursor: str | None) -> AsyncIterator[Reading]:
        log = self._settings.log
        assert log is not None  # noqa: S101 - `read` has looked
        held, self._counter = self._counter, None  # what fails on the way has counted what nobody stored
        if held is None or held[0] != cursor:
            known = _log_cursor(cursor)
            held = cursor, self._new_counter(log, known)
        counter = held[1]
        while True:
            try:
                step = await self._step(counter)
            except SourceError:
                self._counter = held[0], counter  # it has passed the lines that are none
                raise
            held = encode_cursor(step.cursor), counter
            if step.at_end:
                self._counter = held
            if step.told or step.at_end:  # what is understood of a log is good news, the rest is none yet
                yield Reading(events=self._tallies(step.told), cursor=held[0])
            if step.at_end:
                return

    async def _step(self, counter: LogCounter) -> Step:
        now = self._deps.clock.now()
        try:
            return await asyncio.to_thread(counter.step, _minute(now), _minute(now - _SETTLED))
        except OSError as error:
            cause = _CAUSES.get(type(error), f"journal illisible ({type(error).__name__})")
            raise SourceError(f"read log: {cause}", state=HealthState.UNREACHABLE, reason=cause) from error

    def _new_counter(self, log: Path, cursor: Cursor | None) -> LogCounter:
        settings = self._settings
        return LogCounter(
            log,
            self._names,
            self._operators,
            frozenset(Way(way) for way in settings.count),
            cursor,
            site=host_of(settings.site) if settings.site else "",
            fields={str(ours): theirs for ours, theirs in settings.fields.items()},
            behind_proxy=settings.behind_proxy,
        )

    # --- Matomo and Plausible ---

    async def _ask(self, cursor: str | None) -> AsyncIterator[Reading]:
        site = f"{self._settings.url} {self._settings.site}"
        asked = decode_cursor(cursor, _Asked())
        end = _minute(self._deps.clock.now() - _SETTLED_ELSEWHERE)
        start = end - _LOOK_BACK_MINUTES
        if asked.site == site and asked.told_to:
            start = max(asked.told_to - _AGAIN_MINUTES, end - _MOST_GAP_MINUTES)
        step = _plausible.MOST_MINUTES if self._settings.engine == "plausible" else _LOOK_BACK_MINUTES
        while start < end:
            stop = min(start + step, end)
            counts = await self._engine(start, stop)
            told = [
                (minute, operator, counts.get((minute, operator), 0))
                for minute in range(start, stop)
                for operator in self._operators
            ]
            yield Reading(events=self._tallies(told), cursor=encode_cursor(_Asked(site, stop)))
            start = stop
            if self._settings.engine == "plausible":  # its requests are counted: the rest in the next round
                break

    async def _engine(self, start: int, end: int) -> Mapping[tuple[int, str], int]:
        settings = self._settings
        site = Site(
            str(settings.url).rstrip("/"), settings.site or "1", settings.token.get_secret_value(), settings.count
        )
        if settings.engine == "plausible":
            return await _plausible.count(self._deps.http, site, self._names, start, end)
        return await _matomo.count(self._deps.http, site, self._names, start, end)

    def _tallies(self, told: Sequence[tuple[int, str, int]]) -> tuple[Tally, ...]:
        now = self._deps.clock.now()
        return tuple(
            Tally(self.name, operator, datetime.fromtimestamp(minute * 60, UTC), 60, count, now)
            for minute, operator, count in told
        )


def _minute(when: datetime) -> int:
    """Minutes since 1970."""
    return int(when.timestamp()) // 60


def _log_cursor(cursor: str | None) -> Cursor | None:
    known = decode_cursor(cursor, Cursor(Position()))
    return known if known.position.inode else None
