"""When is a score rare enough: learns how often this series peaks by itself, so that a budget is all anyone sets.

Peaks over a threshold with a Pareto tail (Siffer et al. 2017, SPOT). Constants are argued in
docs/adr/0003-detector.md.
"""

import math

TAIL_START = 2.5
"""Scores from here on belong to the tail (u)."""

BUDGET_DAYS = 30.0
"""A budget is false alarms in so many days."""

_PRIOR_DAYS = 20.0
_PRIOR_PEAKS_PER_DAY = 0.3
_PRIOR_INDEX = 0.2
_HALF_LIFE_DAYS = 45.0
_PEAK_CAP = 4.0
_LEAST_INDEX, _MOST_INDEX = 0.1, 1.0


class Tail:
    """The tail of one series' scores.

    Attributes:
        peaks_per_day: Clusters of scores above the tail's start, a heard day (rho).
        index: Pareto index of their peaks (xi).
    """

    __slots__ = ("_days", "_logs", "_peaks", "index", "peaks_per_day")

    def __init__(self) -> None:
        self._days = _PRIOR_DAYS
        self._peaks = _PRIOR_DAYS * _PRIOR_PEAKS_PER_DAY
        self._logs = self._peaks * _PRIOR_INDEX
        self.peaks_per_day = _PRIOR_PEAKS_PER_DAY
        self.index = _PRIOR_INDEX

    def return_days(self, score: float) -> float:
        """Mean days between peaks as high as `score`, which is at or above the tail's start."""
        return float((score / TAIL_START) ** (1.0 / self.index) / self.peaks_per_day)

    def learn(self, peak: float) -> None:
        """Learn the peak of a cluster that is over; a very high one counts as four times the usual excess."""
        self._peaks += 1.0
        self._logs += min(math.log(peak / TAIL_START), _PEAK_CAP * self.index)
        self._update()

    def pass_time(self, days: float) -> None:
        """Let heard time pass."""
        keep = 0.5 ** (days / _HALF_LIFE_DAYS)
        self._days = self._days * keep + days
        self._peaks *= keep
        self._logs *= keep
        self._update()

    def _update(self) -> None:
        self.peaks_per_day = self._peaks / self._days
        self.index = min(max(self._logs / self._peaks, _LEAST_INDEX), _MOST_INDEX)

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return [self._days, self._peaks, self._logs, self.peaks_per_day, self.index]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        self._days, self._peaks, self._logs, self.peaks_per_day, self.index = numbers
