"""Bounds what a flood of reports takes of memory: what is beyond counts no more, and the desk is told so."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.signals import Report

# Bounds of memory, argued in docs/adr/0011-floods.md.
_AT_ONCE = 100_000
_A_MINUTE = 200
_OF_ONE_AUTHOR = 100  # in an hour; all of them are one report to the detectors
_HOUR = timedelta(hours=1)
_OVER_AFTER = timedelta(minutes=10)


@dataclass(slots=True)
class _Operator:
    """How much more of an operator's reports is taken, and what was not.

    Attributes:
        left: Reports that may still be taken, as of `at`.
        by_author: Reports of each author in the hour since `hour`.
        dropped: How many were not taken since the flood began.
        dropped_at: When the last of them came.
        told: The desk knows.
    """

    at: datetime
    hour: datetime
    left: float = _AT_ONCE
    by_author: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    dropped_at: datetime | None = None
    told: bool = False

    def takes(self, author: str, now: datetime) -> bool:
        """Whether one more report is taken; it is on record if not."""
        if now - self.hour >= _HOUR:
            self.hour, self.by_author = now, Counter()
        if self.by_author[author] >= _OF_ONE_AUTHOR:
            return False
        since = max(now - self.at, timedelta(0))
        self.left, self.at = min(_AT_ONCE, self.left + since / timedelta(minutes=1) * _A_MINUTE), now
        if self.left < 1:
            self.dropped, self.dropped_at = self.dropped + 1, now
            return False
        self.left -= 1
        self.by_author[author] += 1
        return True


class Flood:
    """What of the reports is taken: so many of an operator, and so many of a person."""

    def __init__(self) -> None:
        self._operators: dict[str, _Operator] = {}

    def takes(self, report: Report, now: datetime) -> bool:
        """Whether a report is to be counted; an editor's own always is."""
        known = self._operators.setdefault(report.operator, _Operator(now, now))
        return report.verified or known.takes(report.author, now)

    def news(self, now: datetime) -> Iterator[tuple[str, datetime, int]]:
        """What the desk has not been told: (operator, last drop, 0) at a flood's beginning, its number at its end."""
        for operator, known in self._operators.items():
            if known.dropped_at is None:
                continue
            if not known.told:
                known.told = True
                yield operator, known.dropped_at, 0
            elif now - known.dropped_at >= _OVER_AFTER:
                yield operator, known.dropped_at, known.dropped
                known.told, known.dropped, known.dropped_at = False, 0, None
