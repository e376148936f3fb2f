"""One restart loop a source: reads in its rhythm, backs off when it fails, and keeps its health as a fact."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.domain.captures import Capture, Visit
from bot.domain.signals import Health, HealthState
from bot.errors import SourceError, StoreError
from bot.flow.newsroom import Newsroom
from bot.flow.witness import Witness
from bot.ports import Event, Reading, Source

_log = structlog.get_logger()

_READ_SECONDS = 120.0  # until a polled source has handed something over, or come to the end of its read
_BACKOFF_SECONDS = 5.0  # after the first failure, doubling up to the source's own rhythm: a page fails when it matters
_STREAM_BACKOFF_SECONDS = 60.0  # the same for a stream, which has no rhythm
_ASKED_LIMIT_SECONDS = 3600.0  # a server that asks us to stay away longer is asked again all the same
_STORE_SECONDS = 1.0


class Listener:
    """Keeps one source talking; nothing that happens to it reaches the others.

    Args:
        jitter: 0 to 1, uniformly; spreads reads so that a hundred feeds do not wake at once.
        cursor: Where the last run stopped.
        witness: What an operator's channel is read through; None: nothing of its answers is kept.
    """

    def __init__(
        self,
        source: Source,
        newsroom: Newsroom,
        clock: Clock,
        jitter: Callable[[], float],
        cursor: str | None,
        witness: Witness | None = None,
    ) -> None:
        self._source = source
        self._newsroom = newsroom
        self._clock = clock
        self._jitter = jitter
        self._cursor = cursor
        self._witness = witness
        self._failures = 0

    async def run(self, *, after: float = 0.0) -> None:
        """Read until cancelled; returns when a pushed source has come to its end (a replay).

        Args:
            after: Seconds until the first read.
        """
        await asyncio.sleep(after)
        while (wait := await self.once()) is not None:
            await asyncio.sleep(wait)

    async def once(self) -> float | None:
        """Read once; seconds until the next read, None when a pushed source has come to its end."""
        polled = self._source.interval > timedelta(0)
        wait = self._source.interval.total_seconds() * (0.9 + 0.2 * self._jitter()) if polled else None
        try:
            await self._read(_READ_SECONDS if polled else None, wait)
        except SourceError as error:
            return await self._failed(error)
        except TimeoutError:
            return await self._failed(
                SourceError("source: read: no end in time", state=HealthState.UNREACHABLE, reason="trop lent")
            )
        except Exception as error:  # noqa: BLE001 - a defect in one adapter is that source's failure only
            _log.exception("source failed", source=self._source.name)
            return await self._failed(SourceError(f"source: read: {type(error).__name__}", state=HealthState.FAILING))
        return wait

    async def _read(self, seconds: float | None, wait: float | None) -> None:
        """Read once; only the source is timed: it is not its fault when the store makes a reading wait."""
        readings = self._source.read(self._cursor)
        while True:
            async with asyncio.timeout(seconds):
                reading = await anext(readings, None)
            if reading is None:
                return
            await self._take(reading, wait)
            self._failures = 0

    async def _take(self, reading: Reading, wait: float | None) -> None:
        now = self._clock.now()
        name = self._source.name
        healthy = Health(
            name,
            HealthState.OK,
            now,
            self._source.operator,
            heard_from=reading.heard_from,
            next_try=now + timedelta(seconds=wait) if wait is not None else None,
            note=reading.note,
        )
        # A replay's sources keep their own health; the replay itself is only the tape.
        events = (*reading.events, healthy) if self._source.kind != "replay" else reading.events
        cursor = (name, reading.cursor) if reading.cursor is not None else None
        complete = (name, reading.complete_to) if reading.complete_to is not None else None
        await self._store(events, cursor, complete, self._visit(healthy, reading.captures))
        self._cursor = reading.cursor or self._cursor

    async def _store(
        self,
        events: tuple[Event, ...],
        cursor: tuple[str, str] | None = None,
        complete: tuple[str, datetime] | None = None,
        visit: Visit | None = None,
    ) -> None:
        """Hand over to the newsroom, and wait as long as it cannot store: nothing is lost."""
        while True:
            try:
                await self._newsroom.take(events, cursor=cursor, complete_to=complete, visit=visit)
            except StoreError:
                await asyncio.sleep(_STORE_SECONDS)
            else:
                return

    def _visit(self, health: Health, captures: tuple[Capture, ...] = ()) -> Visit | None:
        """What there is to prove of a check of an operator's own channel."""
        captures += self._witness.take() if self._witness is not None else ()
        if health.operator is None:
            return None
        return Visit(health.source, health.operator, health.at, health.state, health.reason, captures)

    async def _failed(self, error: SourceError) -> float:
        """Note the failure; seconds until the next try."""
        self._failures += 1
        _log.warning("source not heard", source=self._source.name, state=error.state.value, reason=error.reason)
        rhythm = self._source.interval.total_seconds() or _STREAM_BACKOFF_SECONDS
        backoff = min(_BACKOFF_SECONDS * 2.0 ** min(self._failures - 1, 10), rhythm)
        asked = error.retry_after or 0.0
        if error.state is not HealthState.PAUSED:  # a pause is our own decision
            asked = min(asked, _ASKED_LIMIT_SECONDS)
        wait = max(backoff * (0.5 + self._jitter()), asked)
        now = self._clock.now()
        next_try = now + timedelta(seconds=wait)
        name, operator = self._source.name, self._source.operator
        health = Health(name, error.state, now, operator, error.reason, next_try=next_try)
        await self._store((health,), visit=self._visit(health))
        return wait
