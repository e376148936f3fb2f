"""Seeded streams that several tests of the detector share."""

import math
import random  # noqa: TID251 - tests make their own streams, from a seed
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from bot.detect import Detector, Verdict
from bot.detect.calendar import Calendar

MONDAY = 28_400_040 // 10_080 * 10_080 + 4 * 1440
"""A Monday at midnight, UTC, in minutes since the epoch (the epoch was a Thursday)."""
DAY = 1440
HOUR = 60
MONTH = 30 * DAY

UTC_CALENDAR = Calendar(ZoneInfo("UTC"))
PARIS_CALENDAR = Calendar(ZoneInfo("Europe/Paris"))


def poisson(rng: random.Random, mean: float) -> int:
    floor, product, count = math.exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        count += 1
    return count


def steady(seed: str, per_minute: float, minutes: int) -> list[int]:
    rng = random.Random(seed)
    return [poisson(rng, per_minute) for _ in range(minutes)]


def ramp(per_minute: float, minutes: int, rise: int = 5) -> list[int]:
    """Evenly spaced reports, rising to a rate within a few minutes; no chance in it."""
    counts, owed = [], 0.0
    for minute in range(1, minutes + 1):
        owed += per_minute * min(minute / rise, 1.0)
        counts.append(int(owed))
        owed -= counts[-1]
    return counts


def feed(
    detector: Detector, counts: Iterable[int], start: int | None = None, *, budget: float = 1.0, exposure: float = 1.0
) -> list[Verdict]:
    """Step through counts, from `start` or where the detector stands."""
    if start is None:
        assert detector.last_bucket is not None
        start = detector.last_bucket + 1
    return [detector.step(start + i, count, exposure, budget) for i, count in enumerate(counts)]


def raises(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.state == "raise"]
