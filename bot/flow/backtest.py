"""Would it have fired? A past lived again with other settings: its alarms, its delays, and what else would be seen."""

import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.detect import Calendar, Detector, Verdict
from bot.domain.incidents import Draft, DraftKind, Incident, IncidentState
from bot.domain.signals import Report
from bot.flow.counts import bucket_of
from bot.flow.outages import Outage

PEOPLE = (4, 6, 10, 20, 50)
"""Sizes of an outage that are tried: so many people more report it in ten minutes."""

_SIZE_MINUTES = 10.0
_RAMP_MINUTES = 5
_PATIENCE = 60  # minutes after which an outage that was not found is missed
_SOON = 30
_TRIES = 48  # times at which each size is tried
_TRIED_OVER = timedelta(days=14)  # before the end
_EARLY = timedelta(minutes=30)  # an alarm so long before a known outage may be of it: its begin is somebody's estimate
_LATE = timedelta(hours=1)

Poisson = Callable[[float], int]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident that was opened, with why; `outage` is the known one it belongs to.

    Attributes:
        incident: As its first draft had it.
        state: What became of it by the end.
        reports: Distinct authors by the end.
    """

    at: datetime
    incident: Incident
    state: IncidentState
    reports: int
    outage: Outage | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How soon an outage of some size is found.

    Attributes:
        people: Who report it in ten minutes, beside the usual ones.
        minutes: Median delay; None where most are not found within an hour.
        soon: Share found within half an hour.
    """

    people: int
    minutes: float | None
    soon: float


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of an operator, and which outages would be seen beside it."""

    operator: str
    reports_a_day: float
    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a backtest found.

    Attributes:
        budget: False drafts a month that were allowed to the whole newsroom.
        delays: Each known outage with the alarm that found it, if any.
    """

    start: datetime
    end: datetime
    budget: float
    alarms: tuple[Alarm, ...]
    delays: tuple[tuple[Outage, Alarm | None], ...]
    usual: tuple[Usual, ...]

    @property
    def months(self) -> float:
        """Length of the past, in months of thirty days."""
        return max((self.end - self.start) / timedelta(days=30), 1e-9)

    @property
    def unexplained(self) -> tuple[Alarm, ...]:
        """Alarms that belong to no known outage."""
        return tuple(alarm for alarm in self.alarms if alarm.outage is None)


@dataclass(frozen=True, slots=True)
class _Try:
    bucket: int
    detector: bytes


class Backtest:
    """Watches a replay from outside and puts together what it comes to.

    Args:
        start: Of the past.
        end: Its end.
        known: Outages that somebody knows of.
    """

    def __init__(self, start: datetime, end: datetime, known: Sequence[Outage] = ()) -> None:
        self._start, self._end, self._known = start, end, known
        self._opened: dict[str, Draft] = {}
        self._latest: dict[str, Incident] = {}
        self._tries: dict[str, list[_Try]] = defaultdict(list)
        self._expected: dict[str, dict[int, float]] = defaultdict(dict)
        begin = max(start, end - _TRIED_OVER)
        step = max(int((end - begin).total_seconds() // 60 / _TRIES), 1)
        self._try_at = range(bucket_of(begin) + step - 1, bucket_of(end) + 1, step)

    def on_line(self, draft: Draft) -> None:
        """Takes each line for the desk."""
        if draft.kind is DraftKind.DRAFT:
            self._opened[draft.incident.id] = draft
        self._latest[draft.incident.id] = draft.incident

    def observe(self, operator: str, verdict: Verdict, detector: Detector) -> None:
        """Takes each closed bucket of each operator; see `Watch`."""
        self._expected[operator][verdict.bucket] = verdict.expected
        if verdict.bucket in self._try_at and not detector.alarm:
            self._tries[operator].append(_Try(verdict.bucket, detector.snapshot()))

    def expected(self, operator: str) -> Mapping[int, float]:
        """Usual number of reports by bucket."""
        return self._expected[operator]

    def findings(
        self,
        reports: Sequence[Report],
        calendar: Calendar,
        share: Callable[[str], float],
        budget: float,
        chance: Poisson,
    ) -> Findings:
        """All of it.

        Args:
            reports: Of the past.
            calendar: The detectors' own.
            share: An operator's share of the budget.
            budget: The newsroom's.
            chance: Poisson numbers of a given mean: who reports an outage that is tried.
        """
        alarms = [
            Alarm(draft.at, draft.incident, latest.state, latest.surge.reports)
            for draft in self._opened.values()
            if (latest := self._latest[draft.incident.id])
        ]
        alarms = [replace(alarm, outage=self._outage_of(alarm)) for alarm in sorted(alarms, key=lambda alarm: alarm.at)]
        first = {alarm.outage: alarm for alarm in reversed(alarms) if alarm.outage is not None}
        minutes = counts_by_minute(reports)
        return Findings(
            start=self._start,
            end=self._end,
            budget=budget,
            alarms=tuple(alarms),
            delays=tuple((outage, first.get(outage)) for outage in self._known),
            usual=tuple(
                Usual(operator, _a_day(expected), self._sizes(operator, minutes[operator], calendar, share, chance))
                for operator, expected in self._expected.items()
                if minutes.get(operator)
            ),
        )

    def _outage_of(self, alarm: Alarm) -> Outage | None:
        for outage in self._known:
            if outage.operator == alarm.incident.operator and outage.start - _EARLY <= alarm.at <= outage.end + _LATE:
                return outage
        return None

    def _sizes(
        self,
        operator: str,
        minutes: Mapping[int, int],
        calendar: Calendar,
        share: Callable[[str], float],
        chance: Poisson,
    ) -> tuple[Size, ...]:
        found = []
        for people in PEOPLE:
            delays = sorted(
                _delay(tried, people, minutes, calendar, share(operator), chance) for tried in self._tries[operator]
            )
            if delays:
                median = statistics.median(delays)
                soon = bisect_left(delays, _SOON + 1) / len(delays)
                found.append(Size(people, median if median <= _PATIENCE else None, soon))
        return tuple(found)


def counts_by_minute(reports: Sequence[Report]) -> dict[str, dict[int, int]]:
    """Reports of each operator by bucket."""
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for report in reports:
        if not report.duplicate:
            counts[report.operator][bucket_of(report.at)] += 1
    return counts


def _a_day(expected: Mapping[int, float]) -> float:
    return 1440 * sum(expected.values()) / len(expected)


def _delay(
    tried: _Try, people: int, minutes: Mapping[int, int], calendar: Calendar, budget: float, chance: Poisson
) -> int:
    """Minutes from the begin of an outage to the raise; more than an hour where there is none."""
    detector = Detector.restore(calendar, tried.detector)
    for minute in range(1, _PATIENCE + 1):
        bucket = tried.bucket + minute
        count = minutes.get(bucket, 0) + chance(people / _SIZE_MINUTES * min(minute / _RAMP_MINUTES, 1.0))
        if detector.step(bucket, count, 1.0, budget).state == "raise":
            return minute
    return _PATIENCE + 1
