"""When is a score rare enough: learns how often this series peaks by itself, so that a budget is all anyone sets.

Peaks over a threshold (Siffer et al. 2017, SPOT), with an exponential tail: a score is a logarithm already. Constants
and the choice of the tail are argued in docs/adr/0003-detector.md.
"""

import math
from typing import Literal

TAIL_START = 2.5
"""Scores from here on belong to the tail (u)."""

BUDGET_DAYS = 30.0
"""A budget is false alarms in so many days."""

CLUSTER_MINUTES = 60.0
"""So many heard minutes without a score in the tail end a cluster of scores."""

Belief = Literal["suspected", "confirmed", "dismissed"]
"""What the newsroom makes of an event: not known yet, a true outage, a false alarm."""

_PRIOR_DAYS = 20.0
# A sparse series peaks less often than a busy one, as fewer windows reach four reports at all: fitted on streams of
# 0.01 to 1 a minute.
_PRIOR_PEAKS_PER_DAY = 0.73  # at
_PRIOR_LEVEL = 0.05  # a minute, growing with
_PRIOR_POWER = 0.6  # of the level, between
_LEAST_PRIOR, _MOST_PRIOR = 0.5, 6.0
_PRIOR_EXCESS = 0.57
_HALF_LIFE_DAYS = 45.0
_PEAK_CAP = 4.0
_LEAST_EXCESS = 0.3
_MOST_NATS = 50.0  # beyond 10^21 days "once in" has lost its meaning


class Tail:
    """The tail of one series' scores.

    Attributes:
        peaks_per_day: Clusters of scores above the tail's start, a heard day (rho).
        excess: Mean height of their peaks above the tail's start.
    """

    __slots__ = ("_days", "_heights", "_level", "_peaks", "_prior", "excess", "peaks_per_day")

    def __init__(self, level: float) -> None:
        self._level = level
        self._prior = _PRIOR_DAYS  # what the prior is still worth
        self._days = self._peaks = self._heights = 0.0
        self._fit()

    def return_days(self, score: float) -> float:
        """Mean days between peaks as high as `score`, which is at or above the tail's start."""
        return math.exp(min((score - TAIL_START) / self.excess, _MOST_NATS)) / self.peaks_per_day

    def height(self, peak: float, belief: Belief = "suspected") -> float:
        """What a peak adds to the mean height: all of it for a false alarm, else at most four times the mean."""
        return peak - TAIL_START if belief == "dismissed" else min(peak - TAIL_START, _PEAK_CAP * self.excess)

    def learn(self, height: float, peaks: float = 1.0) -> None:
        """Learn peaks of this height above the tail's start; a negative number of them is taken back."""
        self._peaks = max(self._peaks + peaks, 0.0)
        self._heights = max(self._heights + peaks * height, 0.0)
        self._fit()

    def pass_time(self, days: float, level: float) -> float:
        """Let heard time pass; how much is left of what was known.

        Args:
            days: Of heard time.
            level: The series' level now, in reports a minute.
        """
        keep = math.pow(0.5, days / _HALF_LIFE_DAYS)
        self._prior *= keep
        self._days = self._days * keep + days
        self._peaks *= keep
        self._heights *= keep
        self._level = level
        self._fit()
        return keep

    def _fit(self) -> None:
        usual = _PRIOR_PEAKS_PER_DAY * math.pow(self._level / _PRIOR_LEVEL, _PRIOR_POWER)
        usual = min(max(usual, _LEAST_PRIOR), _MOST_PRIOR)
        self.peaks_per_day = (self._peaks + self._prior * usual) / (self._days + self._prior)
        prior = self._prior * _PRIOR_PEAKS_PER_DAY
        self.excess = max((self._heights + prior * _PRIOR_EXCESS) / (self._peaks + prior), _LEAST_EXCESS)

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return [self._days, self._peaks, self._heights, self._level, self._prior]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        self._days, self._peaks, self._heights, self._level, self._prior = numbers
        self._fit()
