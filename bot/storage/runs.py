"""Folds health lines, because a source checked every minute says the same thing half a million times a year.

Lines of one source that repeat each other become a run, kept as its first and its last line: enough to prove that every
check between the two said the same, and to find the last good one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.signals import Health


@dataclass(frozen=True, slots=True)
class Run:
    """Health lines of one source that say the same; its key is the source and the first line's time."""

    first: Health
    last: Health


def fold(run: Run | None, line: Health) -> Run | None:
    """Take in a line.

    Args:
        run: The run of the line's source that begins last at or before the line, or None.
        line: Lines may come again or out of order; a late one that disagrees stands between the ends of a run.

    Returns:
        The run to store under its key, new or in place of what is there; None if the line adds nothing.
    """
    if run is None or not _same(run.last, line):
        if run is not None and run.first.at == line.at < run.last.at:
            return None  # contradicts the begin of a longer run: no place left for it
        return Run(line, line)
    return Run(run.first, line) if line.at > run.last.at else None


def lines(runs: Iterable[Run], since: datetime) -> list[Health]:
    """The lines from `since` on and, for each source, the last one before it, by (at, source).

    Args:
        runs: At least those that end at or after `since`, and of each source the last one that ended before.
        since: Of a run that holds at this time, the first line stands for all those before.
    """
    after: list[Health] = []
    before: dict[str, Health] = {}
    for run in sorted(runs, key=lambda run: run.first.at):
        for line in (run.first, run.last) if run.first.at < run.last.at else (run.last,):
            if line.at >= since:
                after.append(line)
            elif line.source not in before or before[line.source].at <= line.at:
                before[line.source] = line
    return sorted([*before.values(), *after], key=lambda line: (line.at, line.source))


def _same(a: Health, b: Health) -> bool:
    return (a.state, a.reason, a.operator) == (b.state, b.reason, b.operator)
