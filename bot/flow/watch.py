"""Watch the series: close buckets in order, and say what each operator's counts did."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import structlog

from bot.detect import Belief, Calendar, Departments, Detector, LocalScan, LocalVerdict, MapState, Verdict
from bot.domain.incidents import Spike
from bot.domain.signals import Interval, Report, Tally
from bot.flow.counts import Counts, Series, bucket_of, bucket_start, series_of
from bot.flow.tallies import Tallies, TallyState

_log = structlog.get_logger()

_EXPECTED_KEPT = 480  # minutes of an operator's baseline kept: an incident reopened after six hours needs them
_LATE = 127  # minutes a detector can still amend: the longest window and a gap of an hour more; older is archive
_WARM = 60  # heard minutes that a series begins with: nobody had said anything of it
# What an unknown series is taken to say before it has been heard, mentions a minute; see docs/adr/0003-detector.md.
_PRIOR_OPERATOR = 0.05
_PRIOR_SERVICE = 0.02
_PRIOR_REPORTS = 100.0
# How the newsroom's one budget is split; see docs/adr/0008-one-budget.md.
_OPERATORS_PART, _SERVICES_PART, _MAP_PART = 0.5, 0.25, 0.25


Observe = Callable[[str, Verdict, Detector], None]  # operator, what its own series says of a closed bucket, and it


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one closed bucket (or a late post) did to an operator's series.

    Attributes:
        spikes: Those that raised, the widest first: the operator's own series, its services, tallies, the map.
        services: Services whose series are in alarm.
    """

    spikes: tuple[Spike, ...]
    services: frozenset[str]


class _Snapshot(msgspec.Struct, frozen=True):
    """The state of all detectors after `last_closed`."""

    last_closed: int
    series: list[tuple[str, str, bytes]]
    tallies: list[TallyState]
    places: MapState
    expected: dict[str, list[float]]
    heard: list[tuple[int, float]]


class Watch:
    """All detectors of the newsroom, and the counts they look at.

    Args:
        calendar: Season cells in the newsroom's zone.
        departments: The map on which local clusters are looked for.
        operators: Those that are watched from the beginning.
        budget: False alarms a month of the whole newsroom.
        observe: Called with each closed bucket of each operator's own series; a backtest draws them.
    """

    def __init__(
        self,
        calendar: Calendar,
        departments: Departments,
        operators: Iterable[str],
        *,
        budget: float,
        observe: Observe | None = None,
    ) -> None:
        self._calendar = calendar
        self._budget = budget
        self._observe = observe
        self.counts = Counts()
        self.tallies = Tallies(calendar)
        self.last_closed: int | None = None
        self._detectors: dict[Series, Detector] = {}
        self._map = LocalScan(departments)
        self._expected: dict[str, deque[float]] = {}
        self._late: set[tuple[Series, int]] = set()
        self._heard: deque[tuple[int, float]] = deque(maxlen=_WARM)
        for operator in operators:
            self._add((operator, ""))

    def share(self, series: Series) -> float:
        """One series' share of the newsroom's budget, false alarms a month; a tally counts like an operator."""
        services = sum(bool(service) for _, service in self._detectors)
        if series[1]:
            return self._budget * _SERVICES_PART / services
        return self._budget * _OPERATORS_PART / (len(self._detectors) - services + len(self.tallies.detectors))

    def _add(self, series: Series) -> None:
        detector = self._detectors[series] = self._new_detector(series)
        for past, exposure in self._heard:
            detector.step(past, 0, exposure, 0.0)
        if not series[1]:
            self._expected[series[0]] = deque(maxlen=_EXPECTED_KEPT)

    def _new_detector(self, series: Series) -> Detector:
        prior = _PRIOR_SERVICE if series[1] else _PRIOR_OPERATOR
        return Detector(self._calendar, prior_per_minute=prior, prior_reports=_PRIOR_REPORTS)

    @property
    def is_new(self) -> bool:
        """Whether it has watched for less than an hour, and seen nothing: it may still learn at once what is usual."""
        return len(self._heard) < _WARM and not any(detector.alarm for detector in self._detectors.values())

    def learn(self, past: Iterable[Report], start: int, exposure: float) -> None:
        """Learn what was usual before the watch began, from reports of that time.

        Args:
            past: All that their sources can still tell, from `start` on.
            start: The bucket since which they can.
            exposure: Share of all sources that these are, 0 to 1: a part of what is said cannot stand for the whole.

        The detectors begin anew: what they were told of an episode must be told again (`believe`).
        """
        counts: dict[Series, Counter[int]] = defaultdict(Counter)
        for report in past:
            if not report.duplicate:
                for series in series_of(report):
                    counts[series][bucket_of(report.at)] += 1
        since = self._heard[0][0] if self._heard else (self.last_closed or start) + 1
        for series in {*self._detectors, *counts}:
            detector = self._new_detector(series)
            for bucket in range(start, since):
                detector.step(bucket, counts[series][bucket], exposure, 0.0)
            for bucket, heard in self._heard:
                detector.step(bucket, self.counts.at(series, bucket), heard, 0.0)
            self._detectors[series] = detector

    def count(self, report: Report) -> None:
        """Count a report in the bucket it belongs to, whether that is still open or closed already."""
        if report.duplicate or self.tallies.take(report):
            return
        bucket = bucket_of(report.at)
        for series in series_of(report):
            if series not in self._detectors:
                self._add(series)
        for series in self.counts.add(report):
            self._changed(series, bucket)
            if not series[1]:
                self._map.hear(report.operator, bucket, _departments(report))

    def retract(self, report: Report) -> None:
        """Count a report no more; its bucket is scored again by the next `amend`."""
        if report.duplicate:
            return
        bucket = bucket_of(report.at)
        for series in self.counts.remove(report):
            self._changed(series, bucket)
            if not series[1]:
                self._map.unhear(report.operator, bucket, _departments(report))

    def _changed(self, series: Series, bucket: int) -> None:
        if self.last_closed is not None and self.last_closed - _LATE < bucket <= self.last_closed:
            self._late.add((series, bucket))

    def tally(self, tally: Tally) -> bool:
        """Look at an aggregated count; whether its series is in alarm."""
        return self.tallies.count(tally, self.share((tally.operator, "")))

    def alarm(self, operator: str) -> bool:
        """Whether something of this operator that people said is in alarm."""
        return (
            any(detector.alarm for series, detector in self._detectors.items() if series[0] == operator)
            or self._map.alarm(operator)
            or self.tallies.stands(operator)
        )

    def believe(self, operator: str, belief: Belief | None) -> None:
        """What the newsroom makes of the operator's episode, which is what its spikes teach; None: it is over."""
        for series, detector in self._detectors.items():
            if series[0] == operator:
                detector.believe(belief)
        self._map.believe(operator, belief)
        self.tallies.believe(operator, belief)

    def close(self, bucket: int, exposure: float) -> dict[str, Sighting]:
        """Close the next bucket: step every series; sightings of the operators that are or just were in alarm."""
        seen: dict[str, list[tuple[str, Verdict]]] = {}
        at = self.counts.at
        shares = {bool(series[1]): self.share(series) for series in self._detectors}
        for series, detector in self._detectors.items():
            verdict = detector.step(bucket, at(series, bucket), exposure, shares[bool(series[1])])
            if not series[1]:
                self._expected[series[0]].append(verdict.expected)
                self._map.pass_bucket(series[0], detector, exposure)
                if self._observe is not None:
                    self._observe(series[0], verdict, detector)
            if verdict.state:
                seen.setdefault(series[0], []).append((series[1], verdict))
        self._map.pass_time(exposure)
        self.last_closed = bucket
        self._heard.append((bucket, exposure))
        if bucket % _WARM == 0:
            self.counts.forget(bucket)
            self.tallies.forget(bucket)
        return self._sightings(seen)

    def amend(self, exposure: Callable[[int], float], filled: Sequence[int] = ()) -> dict[str, Sighting]:
        """Score again what late posts changed, and the buckets of a gap that is now filled."""
        if self.last_closed is None:
            return {}
        todo = self._late | {
            (series, bucket)
            for bucket in filled
            if self.last_closed - _LATE < bucket <= self.last_closed
            for series in self._detectors
        }
        self._late = set()
        seen: dict[str, list[tuple[str, Verdict]]] = {}
        for series, bucket in sorted(todo, key=lambda key: (key[1], key[0])):
            detector = self._detectors[series]
            verdict = detector.amend(bucket, self.counts.at(series, bucket), exposure(bucket), self.share(series))
            if verdict is not None and verdict.state:
                seen.setdefault(series[0], []).append((series[1], verdict))
        return self._sightings(seen) if todo else {}

    def _sightings(self, seen: dict[str, list[tuple[str, Verdict]]]) -> dict[str, Sighting]:
        """What was seen of each operator; the map and the tallies are looked at now that the series are up to date."""
        spikes: dict[str, list[Spike]] = {
            operator: [_spike(service, verdict) for service, verdict in sorted(verdicts) if verdict.state == "raise"]
            for operator, verdicts in seen.items()
        }
        for (operator, source, minutes), verdict in self.tallies.raised(self.last_closed or 0):
            spikes.setdefault(operator, []).append(_spike(source, verdict, minutes))
        for operator in self._expected:
            cluster = self._map.scan(operator, self._detectors[operator, ""], self._budget * _MAP_PART)
            if cluster is not None:
                spikes.setdefault(operator, []).append(_cluster(cluster))
        return {
            operator: Sighting(
                spikes=tuple(found),
                services=frozenset(
                    service for service, verdict in seen.get(operator, ()) if service and verdict.state != "clear"
                ),
            )
            for operator, found in spikes.items()
        }

    def expected(self, operator: str, start: int, end: int) -> float:
        """Usual number of reports of an operator in the closed buckets [start, end), as the baseline had it then."""
        kept = self._expected.get(operator)
        if not kept or self.last_closed is None:
            return 0.0
        first = self.last_closed - len(kept) + 1
        return sum(kept[bucket - first] for bucket in range(max(start, first), min(end, self.last_closed + 1)))

    def snapshot(self) -> bytes:
        """The state after `last_closed`; with the stored reports it continues as if never interrupted."""
        return msgspec.msgpack.encode(
            _Snapshot(
                last_closed=self.last_closed or 0,
                series=[(*series, detector.snapshot()) for series, detector in self._detectors.items()],
                tallies=self.tallies.state(),
                places=self._map.state(),
                expected={operator: list(kept) for operator, kept in self._expected.items()},
                heard=list(self._heard),
            )
        )

    def restore(self, data: bytes, reports: Iterable[Report]) -> None:
        """Go on from a snapshot and the reports of the last hours, those that came after it included.

        A snapshot of another version of the program teaches nothing: the series begin anew.
        """
        try:
            state = msgspec.msgpack.decode(data, type=_Snapshot)
            detectors = {
                (operator, service): Detector.restore(self._calendar, kept) for operator, service, kept in state.series
            }
            self.tallies.restore(state.tallies)
        except (msgspec.DecodeError, ValueError) as error:
            _log.warning("detectors begin anew", reason=str(error))
            return
        self._detectors |= detectors
        self._map.restore(*state.places)
        for operator, expected in state.expected.items():
            self._expected[operator] = deque(expected, maxlen=_EXPECTED_KEPT)
        self._heard.extend(state.heard)
        closed = state.last_closed or None
        known = datetime.min.replace(tzinfo=UTC) if closed is None else bucket_start(closed + 1)
        # What came after the snapshot may belong to a bucket before it, which is then scored again; what came before
        # it must not be: a surge that is over would raise once more.
        in_order = sorted(reports, key=lambda report: report.seen_at)
        for report in in_order:
            if report.seen_at < known:
                self.count(report)
        self._map.settle()
        self.last_closed = closed
        for report in in_order:
            if report.seen_at >= known:
                self.count(report)


def _departments(report: Report) -> frozenset[str]:
    return frozenset(place.departement for place in report.places if place.departement is not None)


def _spike(series: str, verdict: Verdict, minutes: int = 1) -> Spike:
    end = verdict.window_end + minutes
    interval = Interval(bucket_start(end - verdict.window * minutes), bucket_start(end))
    return Spike(
        series, verdict.window_count, verdict.window_expected, interval, verdict.score, verdict.return_days or 0.0
    )


def _cluster(found: LocalVerdict) -> Spike:
    interval = Interval(bucket_start(found.start), bucket_start(found.end + 1))
    return Spike("", found.reports, found.expected, interval, found.score, found.return_days, found.departments)
