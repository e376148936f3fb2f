"""Watch the series: close buckets in order, and say what each operator's counts did."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from bot.detect import Calendar, Detector, Verdict
from bot.domain.signals import Report, Tally
from bot.flow.counts import Counts, Series, bucket_start, series_of

_EXPECTED_KEPT = 480  # minutes of an operator's baseline kept: an incident reopened after six hours needs them
_FUTURE = timedelta(minutes=2)
_TALLY_KEPT = timedelta(days=31)  # an older count says nothing of today
_LATE = 127  # minutes a detector can still amend: the longest window and a gap of an hour more; older is archive
_WARM = 60  # heard minutes that a series begins with: nobody had said anything of it
# What an unknown series is taken to say before it has been heard, mentions a minute; see docs/adr/0003-detector.md.
_PRIOR_OPERATOR = 0.05
_PRIOR_SERVICE = 0.02


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one closed bucket (or a late post) did to an operator's series.

    Attributes:
        raised: The verdicts that raised, the operator's own series first.
        alarm: One of its series is in alarm.
        services: Services whose series are in alarm.
    """

    operator: str
    raised: tuple[Verdict, ...]
    alarm: bool
    services: frozenset[str]


class _Snapshot(msgspec.Struct, frozen=True):
    """The state of all detectors after `last_closed`."""

    last_closed: int
    series: list[tuple[str, str, bytes]]
    tallies: list[tuple[str, str, int, bytes]]
    expected: dict[str, list[float]]
    heard: list[tuple[int, float]]


class Watch:
    """All detectors of the newsroom, and the counts they look at."""

    def __init__(self, calendar: Calendar, operators: Iterable[str], *, budget: float) -> None:
        self._calendar = calendar
        self._budget = budget
        self.counts = Counts()
        self.last_closed: int | None = None
        self._detectors: dict[Series, Detector] = {}
        self._tallies: dict[tuple[str, str, int], Detector] = {}
        self._expected: dict[str, deque[float]] = {}
        self._late: set[tuple[Series, int]] = set()
        self._heard: deque[tuple[int, float]] = deque(maxlen=_WARM)
        for operator in operators:
            self._detectors[operator, ""] = Detector(calendar, prior_per_minute=_PRIOR_OPERATOR)
            self._expected[operator] = deque(maxlen=_EXPECTED_KEPT)

    @property
    def share(self) -> float:
        """One series' share of the newsroom's budget, false alarms a month."""
        return self._budget / (len(self._detectors) + len(self._tallies) + 1)

    def count(self, report: Report) -> None:
        """Count a report in the bucket it belongs to, whether that is still open or closed already."""
        if report.duplicate:
            return
        bucket = int(report.at.timestamp()) // 60
        for series in series_of(report):
            if series not in self._detectors:
                prior = _PRIOR_SERVICE if series[1] else _PRIOR_OPERATOR
                detector = self._detectors[series] = Detector(self._calendar, prior_per_minute=prior)
                for past, exposure in self._heard:
                    detector.step(past, 0, exposure, self.share)
                if not series[1]:
                    self._expected[series[0]] = deque(maxlen=_EXPECTED_KEPT)
        for series in self.counts.add(report):
            if self.last_closed is not None and self.last_closed - _LATE < bucket <= self.last_closed:
                self._late.add((series, bucket))

    def tally(self, tally: Tally) -> bool:
        """Look at an aggregated count; whether its series is in alarm. One from next year would end its series."""
        if not -_FUTURE <= tally.seen_at - tally.start <= _TALLY_KEPT:
            return False
        minutes = max(1, tally.seconds // 60)
        key = (tally.operator, tally.source, minutes)
        detector = self._tallies.get(key)
        if detector is None:
            detector = self._tallies[key] = Detector(self._calendar, width_minutes=minutes)
        bucket = int(tally.start.timestamp()) // 60
        if detector.last_bucket is None or bucket > detector.last_bucket:
            detector.step(bucket, tally.count, 1.0, self.share)
        else:
            detector.amend(bucket, tally.count, 1.0, self.share)
        return detector.alarm

    def tally_alarm(self, operator: str) -> bool:
        """Whether an aggregated count of this operator is in alarm."""
        return any(detector.alarm for key, detector in self._tallies.items() if key[0] == operator)

    def alarm(self, operator: str) -> bool:
        """Whether one of the operator's series of mentions is in alarm."""
        return any(detector.alarm for series, detector in self._detectors.items() if series[0] == operator)

    def close(self, bucket: int, exposure: float) -> dict[str, Sighting]:
        """Close the next bucket: step every series; sightings of the operators that are or just were in alarm."""
        seen: dict[str, list[tuple[str, Verdict]]] = {}
        at = self.counts.at
        share = self.share
        for series, detector in self._detectors.items():
            verdict = detector.step(bucket, at(series, bucket), exposure, share)
            if not series[1]:
                self._expected[series[0]].append(verdict.expected)
            if verdict.state:
                seen.setdefault(series[0], []).append((series[1], verdict))
        self.last_closed = bucket
        self._heard.append((bucket, exposure))
        if bucket % _WARM == 0:
            self.counts.forget(bucket)
        return {operator: _sighting(operator, verdicts) for operator, verdicts in seen.items()}

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
            verdict = detector.amend(bucket, self.counts.at(series, bucket), exposure(bucket), self.share)
            if verdict is not None and verdict.state:
                seen.setdefault(series[0], []).append((series[1], verdict))
        return {operator: _sighting(operator, verdicts) for operator, verdicts in seen.items()}

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
                tallies=[(*key, detector.snapshot()) for key, detector in self._tallies.items()],
                expected={operator: list(kept) for operator, kept in self._expected.items()},
                heard=list(self._heard),
            )
        )

    def restore(self, data: bytes, reports: Iterable[Report]) -> None:
        """Go on from a snapshot and the reports of the last hours, those that came after it included."""
        state = msgspec.msgpack.decode(data, type=_Snapshot)
        for operator, service, detector in state.series:
            self._detectors[operator, service] = Detector.restore(self._calendar, detector)
        for operator, source, minutes, detector in state.tallies:
            self._tallies[operator, source, minutes] = Detector.restore(self._calendar, detector)
        for operator, kept in state.expected.items():
            self._expected[operator] = deque(kept, maxlen=_EXPECTED_KEPT)
        self._heard.extend(state.heard)
        closed = state.last_closed or None
        known = datetime.min.replace(tzinfo=UTC) if closed is None else bucket_start(closed + 1)
        # What came after the snapshot may belong to a bucket before it, which is then scored again; what came before
        # it must not be: a surge that is over would raise once more.
        in_order = sorted(reports, key=lambda report: report.seen_at)
        for report in in_order:
            if report.seen_at < known:
                self.count(report)
        self.last_closed = closed
        for report in in_order:
            if report.seen_at >= known:
                self.count(report)


def _sighting(operator: str, verdicts: Sequence[tuple[str, Verdict]]) -> Sighting:
    ordered = sorted(verdicts, key=lambda pair: pair[0])
    return Sighting(
        operator=operator,
        raised=tuple(verdict for _, verdict in ordered if verdict.state == "raise"),
        alarm=any(verdict.state in {"raise", "open"} for _, verdict in ordered),
        services=frozenset(service for service, verdict in ordered if service and verdict.state in {"raise", "open"}),
    )
