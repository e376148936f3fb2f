"""Recorded days can be lived again: a scenario is read as if its sources spoke now, for the demo and the tests."""

from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Self

from pydantic import model_validator

from bot.domain.signals import HealthState
from bot.errors import InputError, SourceError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources._scenario import Line, parse, parse_file, scenario_path

__all__ = ["Line", "ReplaySource", "Settings", "create", "parse", "parse_file", "scenario_path"]


class Settings(SourceSettings):
    """A scenario by its file, or by its name if it is a bundled one."""

    file_key = "path"

    path: Path | None = None
    scenario: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.scenario is None):
            raise ValueError("exactly one of path and scenario is needed")
        return self


class ReplaySource:
    """Hands over each line when event time comes to it, and ends after the last one.

    The cursor is the number of lines done.
    """

    kind = "replay"
    operator = None
    hears = True
    interval = timedelta(0)

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self._scenario = str(settings.path or settings.scenario)
        self._clock = deps.clock

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `Source.read`; lines of one time come in one reading."""
        done = int(cursor) if cursor and cursor.isdecimal() else 0
        try:
            left = (line for line in parse_file(scenario_path(self._scenario)) if line.number > done)
            for at, lines in groupby(left, key=lambda line: line.at):
                batch = tuple(lines)
                await self._clock.sleep_until(at)
                yield Reading(tuple(line.event for line in batch), cursor=str(batch[-1].number), complete_to=at)
        except InputError as error:
            raise _unreadable(error) from error

    async def check(self) -> str:
        """Read the whole file; how much it holds, and of when."""
        try:
            lines = parse_file(scenario_path(self._scenario))
            first = next(lines)
            last = next(iter(deque(lines, maxlen=1)), first)
        except InputError as error:
            raise _unreadable(error) from error
        return f"{last.number} lines, {first.at:%Y-%m-%d %H:%M} to {last.at:%Y-%m-%d %H:%M} UTC"

    async def close(self) -> None:
        """Nothing is held between reads."""


def create(settings: Settings, deps: SourceDeps) -> ReplaySource:
    """See `bot.ports`."""
    return ReplaySource(settings, deps)


def _unreadable(error: InputError) -> SourceError:
    return SourceError(str(error), state=HealthState.UNREADABLE, retryable=False)
