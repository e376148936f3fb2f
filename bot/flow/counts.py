"""Distinct authors a minute and series, because ten posts of one angry person are one report."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from bot.domain.signals import Report

MINUTE = timedelta(minutes=1)
_ONCE = 60  # an author counts once a series in any 60 minutes
_KEEP = 180  # minutes of counts and authors kept: the longest window, a late post, an author's hour

Series = tuple[str, str]  # operator, service ("" for the operator as a whole)


def bucket_of(at: datetime) -> int:
    """The minute of an instant, counted from the epoch."""
    return int(at.timestamp()) // 60


def bucket_start(bucket: int) -> datetime:
    """The instant at which a bucket begins (aware UTC)."""
    return datetime.fromtimestamp(bucket * 60, UTC)


def series_of(report: Report) -> Iterator[Series]:
    """The series a report counts in."""
    yield report.operator, ""
    for service in report.services:
        yield report.operator, service.value


class Counts:
    """Counts of the last hours; sparse, so quiet series cost nothing."""

    def __init__(self) -> None:
        self._counts: dict[Series, dict[int, int]] = {}
        self._last: dict[Series, dict[str, int]] = {}

    def add(self, report: Report) -> tuple[Series, ...]:
        """Count a report by its time; the series in which it counted (none for a repeat of its author)."""
        bucket = bucket_of(report.at)
        counted = []
        for series in series_of(report):
            last = self._last.setdefault(series, {})
            before = last.get(report.author)
            if before is not None and abs(bucket - before) < _ONCE:
                continue
            last[report.author] = bucket if before is None else max(before, bucket)
            minutes = self._counts.setdefault(series, {})
            minutes[bucket] = minutes.get(bucket, 0) + 1
            counted.append(series)
        return tuple(counted)

    def remove(self, report: Report) -> tuple[Series, ...]:
        """Count a report no more; the series in which it had counted. Its author is taken to have made no other."""
        bucket = bucket_of(report.at)
        lowered = []
        for series in series_of(report):
            last, minutes = self._last.get(series, {}), self._counts.get(series, {})
            if last.get(report.author) == bucket and minutes.get(bucket):
                del last[report.author]
                minutes[bucket] -= 1
                lowered.append(series)
        return tuple(lowered)

    def at(self, series: Series, bucket: int) -> int:
        """Distinct authors of a series in a bucket."""
        minutes = self._counts.get(series)
        return minutes.get(bucket, 0) if minutes else 0

    def minutes(self, series: Series) -> Iterable[tuple[int, int]]:
        """All (bucket, count) kept for a series."""
        return self._counts.get(series, {}).items()

    def forget(self, before: int) -> None:
        """Drop what no window can reach any more."""
        horizon = before - _KEEP
        for minutes in self._counts.values():
            for bucket in [bucket for bucket in minutes if bucket < horizon]:
                del minutes[bucket]
        for last in self._last.values():
            for author in [author for author, bucket in last.items() if bucket < horizon]:
                del last[author]
