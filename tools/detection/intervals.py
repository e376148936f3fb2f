"""95 % intervals of what a benchmark counts; closed formulas, each with its source."""

import math
import statistics
from collections.abc import Sequence

_Z = 1.96


def share(hits: int, tries: int) -> tuple[float, float]:
    """Of a proportion: Wilson 1927 (Journal of the American Statistical Association 22, p. 209)."""
    if not tries:
        return 0.0, 1.0
    p, z2 = hits / tries, _Z * _Z
    middle = (p + z2 / (2 * tries)) / (1 + z2 / tries)
    half = _Z / (1 + z2 / tries) * math.sqrt(p * (1 - p) / tries + z2 / (4 * tries * tries))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def rate(events: int, length: float) -> tuple[float, float]:
    """Of a Poisson rate: Byar's approximation (Breslow and Day 1987, IARC Scientific Publications 82, p. 69)."""

    def bound(n: float, z: float) -> float:
        return n * (1 - 1 / (9 * n) + z / (3 * math.sqrt(n))) ** 3 if n else 0.0

    return bound(events, -_Z) / length, bound(events + 1, _Z) / length


def median(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and the order statistics around it (Conover 1999, Practical Nonparametric Statistics, p. 143)."""
    ordered, n = sorted(values), len(values)
    half = _Z * math.sqrt(n) / 2
    low, high = max(math.floor(n / 2 - half), 0), min(math.ceil(n / 2 + half), n - 1)
    return statistics.median(ordered), ordered[low], ordered[high]
