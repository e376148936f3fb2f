"""Small, tight clusters of reports in one part of the country, which the operator's own series cannot see.

A scan statistic in space and time (Kulldorff 1997, Communications in Statistics 26, p. 1481) over départements, each
alone and with its neighbours. Places hold no detector: what is expected there is the operator's baseline times the
place's learned share. Constants are argued in docs/adr/0008-one-budget.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

from bot.detect.detector import CLEAR_MINUTES, Detector
from bot.detect.event import Event
from bot.detect.scan import LEAST_REPORTS, surprise
from bot.detect.threshold import BUDGET_DAYS, CLUSTER_MINUTES, TAIL_START, Belief, Tail

SPAN_MINUTES = 60
"""Reports further apart are not one cluster."""

_LATE_MINUTES = 120  # what comes later than this is archive: the detector no longer knows what was usual then
_LEAST_EXPECTED = 0.1  # two neighbours may know each other
_LEAST_RAISED = 5  # so may a family: fewer teach the tail what is usual, and raise nothing
_PLACED = 0.35  # of the reports name a place: prior
_PRIOR_REPORTS = 50.0  # what the share of the population is worth as a prior, in reports of the operator
_SURE_REPORTS = 2.5  # a share without any reports is right within a factor of two
_MEMORY = 3000.0  # reports of an operator after which what was learned of its places has faded to a third
_MOST_SHARE = 0.9
_MOST_LOOKED_AT = 24  # reports of one hour and zone
_MINUTES_A_DAY = 1440.0
_HOUR = 60


class Departments:
    """The départements: how many live there, which touch.

    Args:
        table: Content of `departments.csv`: dep, population, lat, lon, neighbours.
    """

    __slots__ = ("around", "population", "zones")

    def __init__(self, table: str) -> None:
        rows = [line.split(",") for line in table.splitlines()[1:]]
        everyone = sum(int(row[1]) for row in rows)
        self.population: Mapping[str, float] = {row[0]: int(row[1]) / everyone for row in rows}
        self.around: Mapping[str, tuple[str, ...]] = {row[0]: (row[0], *row[4].split()) for row in rows}
        zones: dict[str, list[tuple[str, ...]]] = {code: [(code,)] for code in self.around}
        for code, zone in self.around.items():
            if len(zone) > 1:
                for member in zone:
                    zones[member].append(self.around[code])
        self.zones: Mapping[str, Sequence[tuple[str, ...]]] = zones


class LocalVerdict(NamedTuple):
    """What the scan says of the most unlikely zone and span.

    Attributes:
        departments: Their codes, the middle one first.
        reports: In that zone and span.
        expected: Usual number there and then.
        start: First bucket of the span, minutes since the epoch.
        end: Its last bucket.
        score: -log10 of the probability of so many reports or more.
        return_days: A peak as high comes once in so many days on the whole map.
    """

    departments: tuple[str, ...]
    reports: int
    expected: float
    start: int
    end: int
    score: float
    return_days: float


class _Heard(NamedTuple):
    bucket: int
    departments: frozenset[str]


class _Places:
    """What is known of one operator's places."""

    __slots__ = ("alarm", "calm", "event", "fresh", "placed", "recent", "reports")

    def __init__(self) -> None:
        self.reports = 0.0  # all that were learned, fading
        self.placed: dict[str, float] = defaultdict(float)  # by département
        self.recent: list[_Heard] = []  # in no order: late ones too
        self.fresh: list[_Heard] = []  # not scanned yet
        self.alarm = False
        self.calm = 0
        self.event = Event()

    def learn(self, heard: _Heard) -> None:
        """Learn where a report came from."""
        keep = 1.0 - 1.0 / _MEMORY
        self.reports = self.reports * keep + 1.0
        for code in self.placed:
            self.placed[code] *= keep
        for code in heard.departments:
            self.placed[code] += 1.0

    def share(self, zone: Sequence[str], population: Mapping[str, float]) -> tuple[float, float]:
        """Which share of the operator's reports comes from a zone, and the relative variance of that estimate."""
        placed = sum(self.placed.get(code, 0.0) for code in zone)
        prior = _PLACED * sum(population[code] for code in zone)
        share = (placed + _PRIOR_REPORTS * prior) / (self.reports + _PRIOR_REPORTS)
        return min(share, _MOST_SHARE), 1.0 / (placed + _SURE_REPORTS)


class LocalScan:
    """The map of all operators, with one budget of false alarms for the whole of it.

    Online and pure like the detectors, which it asks what is usual; it looks only where new reports came from.
    """

    def __init__(self, departments: Departments) -> None:
        self._departments = departments
        self._operators: dict[str, _Places] = {}
        self._tail = Tail(0.0)
        self._heard = 0.0  # minutes since the tail was last told the time

    def hear(self, operator: str, bucket: int, departments: frozenset[str]) -> None:
        """A report of a new author, with the départements it names (perhaps none)."""
        places = self._operators.setdefault(operator, _Places())
        known = departments & self._departments.population.keys()
        places.fresh.append(_Heard(bucket, known))

    def unhear(self, operator: str, bucket: int, departments: frozenset[str]) -> None:
        """That report was taken back; what was learned from it already stays learned."""
        places = self._operators.get(operator)
        heard = _Heard(bucket, departments & self._departments.population.keys())
        for kept in (places.fresh, places.recent) if places is not None else ():
            if heard in kept:
                kept.remove(heard)
                return

    def alarm(self, operator: str) -> bool:
        """Whether a local cluster of that operator is open."""
        places = self._operators.get(operator)
        return places is not None and places.alarm

    def believe(self, operator: str, belief: Belief | None) -> None:
        """What the newsroom makes of the operator's episode; None: it is over."""
        if places := self._operators.get(operator):
            if belief is None:
                places.event.settle()
            else:
                places.event.believe(self._tail, belief)

    def scan(self, operator: str, detector: Detector, budget: float) -> LocalVerdict | None:
        """Look at the reports that are new in closed buckets; the verdict if it raises.

        Args:
            detector: The operator's own. While it is in alarm nothing is looked for: the wider explanation holds.
            budget: False alarms in 30 days that the whole map may raise.
        """
        places = self._operators.get(operator)
        last = detector.last_bucket
        if places is None or not places.fresh or last is None:
            return None
        ripe = [heard for heard in places.fresh if last - _LATE_MINUTES < heard.bucket <= last]
        places.fresh = [heard for heard in places.fresh if heard.bucket > last]
        if not ripe:
            return None
        places.recent += ripe
        if detector.alarm or len(places.recent) < LEAST_REPORTS:
            return None
        zones = dict.fromkeys(
            zone for heard in ripe for code in heard.departments for zone in self._departments.zones[code]
        )
        found = [verdict for zone in zones if (verdict := self._look(places, zone, detector)) is not None]
        best = max(found, key=lambda verdict: verdict.score, default=None)
        if best is None or best.score < TAIL_START:
            return None
        # of zones that hold them all the smallest says it best
        best = min((v for v in found if v.reports >= best.reports), key=lambda v: (len(v.departments), -v.score))
        places.calm = 0
        places.event.peak = max(places.event.peak, best.score)
        if places.alarm or best.reports < _LEAST_RAISED or best.return_days * budget < BUDGET_DAYS:
            return None
        places.alarm = places.event.raised = True
        return best

    def pass_bucket(self, operator: str, detector: Detector, exposure: float) -> None:
        """A bucket was closed: let what is calm end, and learn what has become old."""
        places = self._operators.get(operator)
        if places is None or detector.last_bucket is None:
            return
        if exposure:
            places.calm += 1
            if places.alarm and places.calm >= CLEAR_MINUTES:
                places.alarm = False
            if places.event.peak and places.calm >= CLUSTER_MINUTES:
                places.event.end(self._tail)
        if places.recent:
            horizon = detector.last_bucket - SPAN_MINUTES
            for heard in places.recent:
                if heard.bucket <= horizon and not (places.alarm or detector.alarm):
                    places.learn(heard)
            places.recent = [heard for heard in places.recent if heard.bucket > horizon]

    def pass_time(self, minutes: float) -> None:
        """Let heard time pass."""
        self._heard += minutes
        if self._heard >= _HOUR:
            keep = self._tail.pass_time(self._heard / _MINUTES_A_DAY, 0.0)
            for places in self._operators.values():
                places.event.fade(keep)
            self._heard = 0.0

    def _look(self, places: _Places, zone: tuple[str, ...], detector: Detector) -> LocalVerdict | None:
        """The most unlikely span of a zone."""
        inside = sorted(heard.bucket for heard in places.recent if not heard.departments.isdisjoint(zone))
        inside = inside[-_MOST_LOOKED_AT:]
        if len(inside) < LEAST_REPORTS:
            return None
        share, doubt = places.share(zone, self._departments.population)
        best: LocalVerdict | None = None
        for first, last, reports in _spans(inside):
            total, usual, dispersion = detector.span(first, last)
            # where the whole country says more than usual, so may this part of it
            usual = share * max(usual, (total - reports) / (1.0 - share))
            score = surprise(reports, max(usual, _LEAST_EXPECTED), dispersion + doubt)
            if score > (best.score if best else 0.0):
                best = LocalVerdict(
                    zone, reports, usual, first, last, score, self._tail.return_days(max(score, TAIL_START))
                )
        return best

    def settle(self) -> None:
        """What was handed over so far in closed buckets was scanned before a restart, and what is old was learned."""
        for places in self._operators.values():
            places.recent, places.fresh = places.fresh, []

    def state(self) -> "MapState":
        """All that lasts; the reports of the last hour come back by `hear` and `settle`."""
        numbers = [self._heard, *self._tail.state()]
        return numbers, {
            operator: Remembered(known.reports, dict(known.placed), known.alarm, known.calm, known.event.state())
            for operator, known in self._operators.items()
        }

    def restore(self, numbers: Sequence[float], operators: "Mapping[str, Remembered]") -> None:
        """Take back what `state` gave."""
        self._heard = numbers[0]
        self._tail.load(list(numbers[1:]))
        for operator, kept in operators.items():
            places = self._operators[operator] = _Places()
            places.reports, places.alarm, places.calm = kept.reports, kept.alarm, kept.calm
            places.placed.update(kept.placed)
            places.event.load(kept.event)


class Remembered(NamedTuple):
    """What is stored of one operator's places: see `_Places`."""

    reports: float
    placed: dict[str, float]
    alarm: bool
    calm: int
    event: list[float]


MapState = tuple[list[float], dict[str, Remembered]]


def _spans(buckets: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Every span within an hour between two reports that holds enough: first and last bucket, and how many."""
    for i, j in combinations_with_replacement(range(len(buckets)), 2):
        if j - i + 1 >= LEAST_REPORTS and buckets[j] - buckets[i] < SPAN_MINUTES:
            yield buckets[i], buckets[j], j - i + 1
