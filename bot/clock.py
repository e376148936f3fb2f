"""Event time: the one place that asks what time it is.

Transport time (timeouts, back-off, pacing) is the event loop's own and never goes through here.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells event time; a replay runs it at scenario time and speed."""

    def now(self) -> datetime:
        """Current event time, aware UTC."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return once `now()` is at or after `when`."""
        ...


class SystemClock:
    """The world's time."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that asks

    async def sleep_until(self, when: datetime) -> None:
        """See `Clock.sleep_until`; wakes at least once a minute, so a stepped wall clock is noticed."""
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 60.0))


class ScenarioClock:
    """Time that starts at a scenario's first line, runs `speed` times as fast as the world's, and stops at its end."""

    def __init__(self, start: datetime, end: datetime, speed: float) -> None:
        self._start = start
        self._end = end
        self._speed = speed
        self._t0 = time.monotonic()

    def now(self) -> datetime:
        """See `Clock.now`."""
        return min(self._end, self._start + timedelta(seconds=(time.monotonic() - self._t0) * self._speed))

    def resume(self, when: datetime) -> None:
        """Go on from where an earlier run had come to."""
        self._start, self._t0 = max(self._start, when), time.monotonic()

    async def sleep_until(self, when: datetime) -> None:
        """See `Clock.sleep_until`."""
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(max(left / self._speed, 0.001))


class ManualClock:
    """Time that moves when told: a replay at full speed, and most tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._now

    def move_to(self, when: datetime) -> None:
        """Set the time; it never moves backwards."""
        self._now = max(self._now, when)

    async def sleep_until(self, when: datetime) -> None:
        """See `Clock.sleep_until`: moves there at once."""
        self.move_to(when)
        await asyncio.sleep(0)
