"""The benchmark's runs of our own detector: a month with its outages, first weeks, gaps, and what only looks so."""

import random  # noqa: TID251 - a benchmark makes its own streams, from a seed
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bot.detect import Calendar, Detector
from tools.detection import storms
from tools.detection.streams import (
    CLEAN,
    DAY,
    HARSH,
    MONDAY,
    MONTH,
    RAMP,
    REALISTIC,
    SWELLS,
    Noise,
    counts,
    lorden,
    outage,
    poisson,
    rates,
    season,
    spread,
)

BASES = (0.04, 0.2, 1.0)
SIZES = {0.04: (0.4, 0.5, 2.0), 0.2: (2.0, 5.0), 1.0: (5.0, 10.0, 20.0)}
"""Outages a minute that are tried at each base: 10 to 50 times it, and the one of 5 times that the design names."""

WARM = MONTH // 2
"""Minutes before anything is measured."""
PATIENCE = 90
"""Minutes after which an outage that was not found is missed."""
GAP = 120
PRIOR = 0.05
"""What the detector is told of every series, mentions a minute: right for none of them."""

SHARE = 1 / 20
"""Of the budget: what one of ten operators has in a newsroom."""

_NEWSROOM_PRIOR = 100.0  # reports that the prior rate is worth there

CALENDAR = Calendar(ZoneInfo("UTC"))
NOISES = {"clean": CLEAN, "realistic": REALISTIC, "harsh": HARSH}
_OUTAGES, _SWELLS, _GAPS, _STORMS = 8, 4, 4, 6  # of each kind in a month
_WEEK = 7 * DAY


@dataclass
class Month:
    """What one month of one stream gave.

    Attributes:
        alarms: False ones, in the month after warming up.
        delays: By outage size: (delay, Lorden's limit), `PATIENCE + 1` for none.
        fooled: By what was no outage: alarms, and how often it was tried.
        seconds: Of processor time, for `steps` buckets.
        saved_bytes: Of the saved state.
    """

    base: float
    alarms: int = 0
    delays: dict[float, list[tuple[int, int]]] = field(default_factory=dict)
    fooled: dict[str, tuple[int, int]] = field(default_factory=dict)
    seconds: float = 0.0
    steps: int = 0
    saved_bytes: int = 0

    def fool(self, what: str, alarms: int) -> None:
        """Note one try of something that is no outage."""
        before, tried = self.fooled.get(what, (0, 0))
        self.fooled[what] = before + alarms, tried + 1


class Stream:
    """One seeded stream with the places where things branch off it; the same for every detector."""

    def __init__(self, seed: str, base: float, noise: Noise, months: int = 1) -> None:
        rng = random.Random(seed)
        self.seed, self.base = seed, base
        self.end = WARM + months * MONTH
        self.rates = rates(rng, base, self.end + 1200, noise)
        self.counts = counts(rng, self.rates)
        self.outages = spread(rng, WARM, self.end, _OUTAGES * months)
        self.swells = spread(rng, WARM, self.end, _SWELLS * months)
        self.gaps = spread(rng, WARM, self.end, _GAPS * months)
        self.storms = spread(rng, WARM, self.end, _STORMS * months)

    def chance(self, *about: object) -> random.Random:
        """Chance for one try; the same for every detector."""
        return random.Random(f"{self.seed} {about}")

    def with_outage(self, size: float, begin: int) -> tuple[list[int], int]:
        """Counts from the begin of an outage on, and Lorden's limit."""
        added = outage(size, begin, PATIENCE)
        usual = self.rates[begin : begin + PATIENCE]
        chance = self.chance("outage", size, begin)
        seen = [n + poisson(chance, a) for n, a in zip(self.counts[begin:], added, strict=False)]
        return seen, lorden(usual, added) or PATIENCE + 1

    def swollen(self, begin: int, factors: Sequence[float]) -> list[int]:
        """Counts from `begin` on, when everybody talks more."""
        chance = self.chance("swell", begin)
        more = [rate * (f - 1) for rate, f in zip(self.rates[begin:], factors, strict=False)]
        return [n + poisson(chance, a) for n, a in zip(self.counts[begin:], more, strict=False)]


def month(seed: str, base: float, noise: str, *, branch: bool = True, budget: float = 1.0) -> Month:
    """Run a month after half a month of warming up; with `branch`, all that can be tried in it."""
    stream = Stream(f"{seed} {base} {noise}", base, NOISES[noise])
    found = Month(base, delays={size: [] for size in SIZES[base]})
    begins = {
        minute: what for what in ("outages", "swells", "gaps", "storms") for minute in getattr(stream, what) if branch
    }
    detector = Detector(CALENDAR, prior_per_minute=PRIOR)
    for minute in range(stream.end):
        if (what := begins.get(minute)) and not detector.alarm:
            _branch(what, detector.snapshot(), stream, minute, found, budget)
        begun = time.process_time()
        state = detector.step(MONDAY + minute, stream.counts[minute], 1.0, budget).state
        found.seconds += time.process_time() - begun
        found.alarms += state == "raise" and minute >= WARM
    found.steps = stream.end
    found.saved_bytes = len(detector.snapshot())
    return found


def _branch(what: str, saved: bytes, stream: Stream, minute: int, found: Month, budget: float) -> None:
    if what == "outages":
        for size, delays in found.delays.items():
            seen, limit = stream.with_outage(size, minute)
            delays.append((_first(saved, minute, seen, budget), limit))
    elif what == "swells":
        for name, factors in SWELLS.items():
            seen = stream.swollen(minute, factors)
            found.fool(name, _first(saved, minute, seen, budget) <= len(seen))
        usual, doubled = stream.counts[minute : minute + DAY // 2], stream.swollen(minute, [2.0] * (DAY // 2))
        found.fool("level ×2 from one minute to the next, 12 h", _first(saved, minute, doubled, budget) <= len(usual))
    elif what == "gaps":
        _gaps(saved, stream, minute, found, budget)
    else:
        for name, seen in storms.storms(stream.chance("storm", minute)).items():
            told = [n + s for n, s in zip(stream.counts[minute:], seen, strict=False)]
            found.fool(name, _first(saved, minute, told, budget) <= len(told))


def _date(minute: int) -> date:
    return datetime.fromtimestamp((MONDAY + minute) * 60, UTC).date()


def _first(saved: bytes, minute: int, seen: Sequence[int], budget: float) -> int:
    """Minutes to the first raise, one more than there are if there is none."""
    detector = Detector.restore(CALENDAR, saved)
    for i, count in enumerate(seen):
        if detector.step(MONDAY + minute + i, count, 1.0, budget).state == "raise":
            return i + 1
    return len(seen) + 1


def _gaps(saved: bytes, stream: Stream, minute: int, found: Month, budget: float) -> None:
    """A source is dead for two hours; what comes of it, by what is made of the gap, until two hours after it."""
    missed = stream.counts[minute : minute + GAP]
    after = stream.counts[minute + GAP : minute + 2 * GAP]
    zeros = [0] * GAP
    found.fool("gap of 2 h, fed as zeros", _first(saved, minute, zeros + after, budget) <= 2 * GAP)
    arrived = [sum(missed) + after[0], *after[1:]]
    found.fool("gap of 2 h, back-log counted at its arrival", _first(saved, minute, zeros + arrived, budget) <= 2 * GAP)
    for name, fills in (("gap of 2 h, by exposure", False), ("gap of 2 h, by exposure, back-log filled in", True)):
        detector, raised, at_arrival = Detector.restore(CALENDAR, saved), False, False
        for i in range(GAP):
            raised |= detector.step(MONDAY + minute + i, 0, 0.0, budget).state == "raise"
        if fills:
            for i, count in enumerate(missed):
                verdict = detector.amend(MONDAY + minute + i, count, 1.0, budget)
                at_arrival |= verdict is not None and verdict.state == "raise"
            found.fool("back-log filled in: alarms at its arrival", at_arrival)
        for i, count in enumerate(after):
            raised |= detector.step(MONDAY + minute + GAP + i, count, 1.0, budget).state == "raise"
        found.fool(name, raised or at_arrival)


def from_nothing(rate: float, hour: int) -> int:
    """Delay of an outage after one quiet hour of a new series, at a newsroom's share; evenly spaced reports."""
    detector = Detector(CALENDAR, prior_per_minute=PRIOR, prior_reports=_NEWSROOM_PRIOR)
    begin = MONDAY + hour * 60
    for minute in range(60):
        detector.step(begin + minute, 0, 1.0, SHARE)
    owed = 0.0
    for minute in range(1, PATIENCE + 1):
        owed += rate * min(minute / RAMP, 1.0)
        if detector.step(begin + 59 + minute, int(owed), 1.0, SHARE).state == "raise":
            return minute
        owed %= 1.0
    return PATIENCE + 1


def first_week(seed: str, base: float, prior: float, budget: float = 1.0) -> int:
    """False alarms in the first week of a series whose prior rate is `prior` times its true one."""
    stream = Stream(f"{seed} {base} week", base, REALISTIC, months=0)
    detector = Detector(CALENDAR, prior_per_minute=base * prior)
    steps = (detector.step(MONDAY + i, stream.counts[i], 1.0, budget) for i in range(_WEEK))
    return sum(verdict.state == "raise" for verdict in steps)


def with_storms(seed: str, base: float, budget: float = 1.0) -> int:
    """False alarms of a month with a repost storm every other day, its duplicates known."""
    stream = Stream(f"{seed} {base} stormy", base, REALISTIC)
    rng = stream.chance("stormy")
    for begin in spread(rng, 0, stream.end - storms.WATCHED, stream.end // (2 * DAY)):
        for i, extra in enumerate(storms.storms(rng)[storms.KNOWN]):
            stream.counts[begin + i] += extra
    detector = Detector(CALENDAR, prior_per_minute=PRIOR)
    verdicts = [detector.step(MONDAY + i, n, 1.0, budget) for i, n in enumerate(stream.counts[: stream.end])]
    return sum(verdict.state == "raise" for verdict in verdicts[WARM:])


def polled(
    seed: str, base: float, size: float, every: int = 5, budget: float = 1.0
) -> tuple[int, list[tuple[int, int]]]:
    """A month of a source that is read every so many minutes: false alarms, and (delay, limit) of outages."""
    stream = Stream(f"{seed} {base} polled", base, REALISTIC)
    detector, alarms, begins = Detector(CALENDAR, prior_per_minute=PRIOR), 0, set(stream.outages)
    delays = []
    for minute in range(stream.end):
        if minute in begins and not detector.alarm:
            seen, limit = stream.with_outage(size, minute)
            branch = Detector.restore(CALENDAR, detector.snapshot())
            waiting = stream.counts[minute - minute % every : minute]
            delays.append((_first_polled(branch, minute, waiting, seen, every, budget), limit))
        begun = minute - minute % every
        raised = _poll(detector, begun, stream.counts[begun : minute + 1], every, budget)
        alarms += raised and minute >= WARM
    return alarms, delays


def _poll(detector: Detector, begun: int, since: Sequence[int], every: int, budget: float) -> bool:
    """Close a minute; at the end of a round all that was said since the last one comes in, late."""
    raised = detector.step(MONDAY + begun + len(since) - 1, 0, 1.0, budget).state == "raise"
    if len(since) == every:
        for i, count in enumerate(since):
            verdict = detector.amend(MONDAY + begun + i, count, 1.0, budget) if count else None
            raised |= verdict is not None and verdict.state == "raise"
    return raised


def _first_polled(
    detector: Detector, minute: int, waiting: Sequence[int], seen: Sequence[int], every: int, budget: float
) -> int:
    begun = minute - len(waiting)
    line = [*waiting, *seen]
    for i in range(len(waiting), len(line)):
        start = i - i % every
        if _poll(detector, begun + start, line[start : i + 1], every, budget):
            return i + 1 - len(waiting)
    return PATIENCE + 1


def holiday(seed: str, base: float, *, known: bool, budget: float = 1.0) -> int:
    """Whether a Wednesday that is a holiday raises, in the fourth week; `known` to the calendar or not."""
    stream = Stream(f"{seed} {base} holiday", base, REALISTIC)
    rng = random.Random(f"{seed} {base} free day")
    day = range(23 * DAY, 24 * DAY)
    dates = {_date(day.start)} if known else frozenset()
    detector = Detector(Calendar(ZoneInfo("UTC"), dates), prior_per_minute=PRIOR)
    raised = 0
    for i in range(day.stop):
        count = stream.counts[i]
        if i in day:
            count = poisson(rng, stream.rates[i] * season(i, weekend=True) / season(i))
        verdict = detector.step(MONDAY + i, count, 1.0, budget)
        raised += i in day and verdict.state == "raise"
    return raised
