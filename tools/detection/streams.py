"""Streams of mentions for the benchmark: a seasonal day, swings fitted on real series, outages, and what only looks so.

Rates are mentions a minute. A stream begins on a Monday at midnight (UTC, which is also its zone).
"""

import math
import random  # noqa: TID251 - a benchmark makes its own streams, from a seed
import tomllib
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

FITTED = tomllib.loads(Path(__file__).with_name("fitted.toml").read_text(encoding="utf-8"))
MONDAY = 28_400_040 // 10_080 * 10_080 + 4 * 1440
"""The first minute of every stream, since the epoch (which was a Thursday)."""
DAY = 1440
MONTH = 30 * DAY
RAMP = 5
FALSE_ALARM_MINUTES = MONTH
"""One false alarm a month: what Lorden's limit is computed for."""

_DAYS = 7
_SATURDAY = 5


class Noise(NamedTuple):
    """How a rate swings: length in minutes and standard deviation of the logarithm of each swing."""

    minutes: Sequence[float]
    sigmas: Sequence[float]


CLEAN = Noise((), ())
REALISTIC = Noise(FITTED["swings_minutes"], FITTED["swings"])
HARSH = Noise(FITTED["swings_minutes"], FITTED["swings_of_all_five"])


def season(minute: int, *, weekend: bool | None = None) -> float:
    """Factor of a minute of the stream, linear between the middles of hours; mean 1 over a week."""
    hours: list[float] = FITTED["day"]
    day: float = FITTED["weekend"]
    hour, part = divmod((minute + 0.5 - 30) / 60, 1)
    values = []
    for at in (int(hour), int(hour) + 1):
        free = at // 24 % _DAYS >= _SATURDAY if weekend is None else weekend
        values.append(hours[at % 24] * (day if free else 1.0))
    return (values[0] + (values[1] - values[0]) * part) * _DAYS / (_SATURDAY + 2 * day)


def rates(rng: random.Random, base: float, minutes: int, noise: Noise = REALISTIC) -> list[float]:
    """The rate of each minute of an ordinary time."""
    keeps = [math.exp(-1 / length) for length in noise.minutes]
    pushes = [sigma * math.sqrt(1 - keep * keep) for keep, sigma in zip(keeps, noise.sigmas, strict=True)]
    swings = [rng.gauss(0, sigma) for sigma in noise.sigmas]
    centre = sum(sigma * sigma / 2 for sigma in noise.sigmas)
    made = []
    for minute in range(minutes):
        swings = [s * keep + rng.gauss(0, push) for s, keep, push in zip(swings, keeps, pushes, strict=True)]
        made.append(base * season(minute) * math.exp(sum(swings) - centre))
    return made


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number by Knuth's product, in pieces where the mean is large."""
    count = 0
    while mean > 0:
        piece = min(mean, 20.0)
        floor, product = math.exp(-piece), rng.random()
        while product > floor:
            product *= rng.random()
            count += 1
        mean -= piece
    return count


def counts(rng: random.Random, means: Sequence[float]) -> list[int]:
    """Mentions of each minute."""
    return [poisson(rng, mean) for mean in means]


def outage(size: float, begin: int, minutes: int, ramp: int = RAMP) -> list[float]:
    """What an outage adds to the rate: its size times the season's factor, after a ramp."""
    return [size * season(begin + i) * min((i + 1) / ramp, 1.0) for i in range(minutes)]


def lorden(usual: Sequence[float], added: Sequence[float]) -> int | None:
    """The limit: the first minute by which the divergence since the outage began sums to ln(a month of minutes).

    First order, of a detector that knows both rates (Lorden 1971); None where it is not reached within the outage.
    """
    gains = ((u + a) * math.log((u + a) / u) - a for u, a in zip(usual, added, strict=True))
    limit = math.log(FALSE_ALARM_MINUTES)
    return next((minute for minute, nats in enumerate(accumulate(gains), 1) if nats >= limit), None)


def swell(peak: float, rise: int, hold: int, fall: int) -> list[float]:
    """Factors of a time at which everybody talks more: linear up, a plateau, linear down."""
    up = [1 + (peak - 1) * (i + 1) / rise for i in range(rise)]
    down = [peak - (peak - 1) * (i + 1) / fall for i in range(fall)]
    return [*up, *[peak] * hold, *down]


SWELLS = {
    "press day ×4, 3-h ramp": swell(4, 180, 240, 180),
    "press day ×4, 60-min ramp": swell(4, 60, 240, 180),
    "weather day ×3": swell(3, 120, 600, 180),
    "nothing, for 10 h": [1.0] * 600,
}


def spread(rng: random.Random, begin: int, end: int, number: int) -> list[int]:
    """So many different minutes of [begin, end), at random, in order."""
    return sorted(rng.sample(range(begin, end), number))
