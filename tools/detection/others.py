"""Detectors of others, to have ours beside: each in a few lines after its source, online, on 1-minute counts.

A baseline gives a score a minute. Whoever runs it raises when the score reaches a threshold, keeps the event open until
30 minutes below it, and gets the threshold from `tools.detection.calibration`. Constants were chosen in hindsight on
other seeds of such streams, one set for all rates; what the usual choice would have given is said where it differs.
"""

import copy
import math
from array import array
from collections.abc import Callable
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
from river import drift

_DAY = 1440


class Baseline(Protocol):
    """A detector of one series."""

    def step(self, minute: int, count: int) -> float:
        """Score of the next minute, 0 or more; higher is less usual.

        Args:
            minute: Since the epoch; one after the other, without gaps.
            count: Mentions in it.
        """

    def copy(self) -> Self:
        """A detector in the same state that goes its own way."""


class Usual:
    """The learned hourly mean, for the methods that need one: what is usual in a minute, by hour and kind of day.

    48 cells (weekday and weekend, UTC) with a half-life of three weeks, linear between the middles of hours. A cell is
    pulled to its hour on all days, that to the mean of all hours, each as if by two hours of data.

    Attributes:
        level: Mean of all hours, a minute.
    """

    _KEEP = 0.5 ** (1 / (21 * 24))
    _PULL_MINUTES = 120.0
    _HOURS = 24
    _FRIDAY = 4

    def __init__(self) -> None:
        self._counts = [0.0] * 2 * self._HOURS
        self._minutes = [0.0] * 2 * self._HOURS
        self._hour, self._segment = -1, -2  # none
        self._count = 0
        self._left = self._right = 0.0
        self.level = 0.0

    def step(self, minute: int, count: int) -> float:
        """What is usual in this minute, from the hours before; then learn its count."""
        if minute // 60 != self._hour:
            self._fold(minute // 60)
        segment, part = divmod(minute - 30, 60)
        if segment != self._segment:
            self._segment = segment
            self._left, self._right = self._mean(segment), self._mean(segment + 1)
        self._count += count
        return self._left + (self._right - self._left) * part / 60

    def _fold(self, hour: int) -> None:
        if self._hour >= 0:
            self._counts = [value * self._KEEP for value in self._counts]
            self._minutes = [value * self._KEEP for value in self._minutes]
            self._counts[self._cell(self._hour)] += self._count
            self._minutes[self._cell(self._hour)] += 60
        self._hour, self._count = hour, 0
        self.level = (sum(self._counts) + 1) / (sum(self._minutes) + 60)

    def _cell(self, hour: int) -> int:
        weekday = (hour // 24 + 3) % 7  # the epoch was a Thursday
        return hour % 24 + (self._HOURS if weekday > self._FRIDAY else 0)

    def _mean(self, hour: int) -> float:
        counts, minutes, pull, cell = self._counts, self._minutes, self._PULL_MINUTES, self._cell(hour)
        other = (cell + self._HOURS) % len(counts)
        pooled = (counts[cell] + counts[other] + pull * self.level) / (minutes[cell] + minutes[other] + pull)
        return (counts[cell] + pull * pooled) / (minutes[cell] + pull)


class _Copied:
    def copy(self) -> Self:
        return copy.deepcopy(self)


class Ewma(_Copied):
    """EWMA chart: Roberts 1959 (Technometrics 1, p. 239), of counts: Borror, Champ and Rigdon 1998 (JQT 30, p. 352).

    In standard deviations from the same average of the hourly mean. The variance is Poisson's, w/(2 - w) times the
    mean, plus the chart's own over-dispersion, learned by moments; the deviation is at least half the step that one
    count makes, or single posts of the night set the threshold.
    """

    _WEIGHT = 0.2
    _KEEP = 0.5 ** (1 / (21 * _DAY))
    _LEAST_DISPERSION = 0.05

    def __init__(self) -> None:
        self._usual = Usual()
        self._chart = self._mean = self._excess = self._squares = 0.0

    def step(self, minute: int, count: int) -> float:
        """Standard deviations above the centre line."""
        weight = self._WEIGHT
        self._mean += weight * (self._usual.step(minute, count) - self._mean)
        self._chart += weight * (count - self._chart)
        above, mean = self._chart - self._mean, self._mean
        poisson = weight / (2 - weight) * mean
        self._excess = self._KEEP * self._excess + above * above - poisson
        self._squares = self._KEEP * self._squares + mean * mean
        dispersion = max(self._excess / self._squares, self._LEAST_DISPERSION)
        return max(above / math.sqrt(poisson + dispersion * mean * mean + (weight / 2) ** 2), 0.0)


class RollingZ(_Copied):
    """Rolling z-score, everybody's first: the sum of the last 8 minutes against such sums of the last 24 hours.

    It has no season. Single minutes would be the usual choice, but miss most outages at 0.04 a minute. The variance is
    at least the mean's (Poisson) and a half.
    """

    _WINDOW = 8
    _LEAST_VARIANCE = 0.5

    def __init__(self) -> None:
        self._counts = array("q", bytes(8 * self._WINDOW))
        self._sums = array("q", bytes(8 * _DAY))
        self._sum = self._total = self._squares = self._steps = 0

    def step(self, minute: int, count: int) -> float:
        """Standard deviations above the mean of 24 hours; 0 in the first 24."""
        i, j = minute % self._WINDOW, minute % _DAY
        self._sum += count - self._counts[i]
        self._counts[i] = count
        mean = self._total / _DAY
        variance = max(self._squares / _DAY - mean * mean, mean, self._LEAST_VARIANCE)
        above, old = self._sum - mean, self._sums[j]
        self._sums[j] = self._sum
        self._total += self._sum - old
        self._squares += self._sum * self._sum - old * old
        self._steps += 1
        return above / math.sqrt(variance) if above > 0 and self._steps > _DAY else 0.0


class EarsC2(_Copied):
    """EARS C2: Hutwagner, Thompson, Seeman and Treadwell 2003 (Journal of Urban Health 80, p. i89).

    The sum of the last 8 minutes against the same minutes of the days 3 to 9 before: seven days of baseline, two of
    guard. The deviation is at least 1 (Tokars et al. 2009, Emerging Infectious Diseases 15, p. 533) and Poisson's, as
    that of seven values is often far too small. The season is in the method: same hour, each weekday once.
    """

    _WINDOW = 8
    _LAGS = tuple(range(3 * _DAY, 10 * _DAY, _DAY))
    _RING = 10 * _DAY

    def __init__(self) -> None:
        self._counts = array("q", bytes(8 * self._WINDOW))
        self._sums = array("q", bytes(8 * self._RING))
        self._sum = self._steps = 0

    def step(self, minute: int, count: int) -> float:
        """Standard deviations above the baseline; 0 in the first nine days."""
        i, j, sums = minute % self._WINDOW, minute % self._RING, self._sums
        self._sum += count - self._counts[i]
        self._counts[i] = count
        sums[j] = self._sum
        self._steps += 1
        if not self._sum or self._steps < self._LAGS[-1] + self._WINDOW:
            return 0.0
        before = [sums[j - lag] for lag in self._LAGS]  # a negative index is the ring's other end
        mean = sum(before) / len(before)
        variance = sum([(value - mean) ** 2 for value in before]) / (len(before) - 1)
        return max((self._sum - mean) / math.sqrt(max(variance, mean, 1.0)), 0.0)


class Kleinberg(_Copied):
    """Bursts: Kleinberg 2002 (KDD, p. 91; 2003, Data Mining and Knowledge Discovery 7, p. 373), two states, online.

    The batched automaton with Poisson counts for its binomial ones, and the hourly mean for its documents a batch. Up
    costs γ ln n, down nothing, so the cheapest path is in a burst as soon as the weight of the burst (the cost saved
    since it began) passes γ ln n: the score is that weight, the threshold chooses γ. Online Viterbi owes one move up
    at most; here the weight is capped. s = 15: Kleinberg's usual 2 takes slow swings for bursts, so that ×10 at 0.2 a
    minute is found after an hour, with 3 after half an hour.
    """

    _SCALE = 15.0
    _MOST = 200.0

    def __init__(self) -> None:
        self._usual = Usual()
        self._weight = 0.0

    def step(self, minute: int, count: int) -> float:
        """Weight of the burst now, in nats."""
        saved = count * math.log(self._SCALE) - (self._SCALE - 1) * self._usual.step(minute, count)
        self._weight = min(max(self._weight + saved, 0.0), self._MOST)
        return self._weight


# Of n!: with a prior of shape 1 the only Gamma function that is needed. Enough for 65,535 mentions in two hours.
_LOG_FACTORIAL = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1.0, 65536.0)))))


class Bocpd(_Copied):
    """Bayesian online change point detection: Adams and MacKay 2007 (arXiv:0710.3742), Poisson-Gamma.

    Counts are Poisson with a factor times the hourly mean; the factor has a Gamma(1, 0.2) prior and is drawn anew with
    a hazard of 1/200 a minute. Run lengths of two hours and more share the sums of two hours. The score is the log
    odds, plus 30, that a run of at most 30 minutes with a factor above 4 is on. With buckets of more than a minute (the
    constants are then in buckets but for the hourly mean) the score is the last bucket's.
    """

    _HAZARD = 1 / 200
    _RATE = 0.2
    _RUNS = 120
    _RECENT = 30
    _FACTOR = 4.0
    _CALM = 30.0
    _TINY = 1e-200

    def __init__(self, width_minutes: int = 1) -> None:
        self._width = width_minutes
        self._usual = Usual()
        self._count, self._expected, self._score = 0, 0.0, 0.0
        self._chance: npt.NDArray[np.float64] = np.ones(1)  # of run lengths 0, 1, … before this bucket
        self._counts: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._usuals: npt.NDArray[np.float64] = np.full(1, self._RATE)

    def step(self, minute: int, count: int) -> float:
        """Log odds of a recent change upward, plus 30."""
        self._count += count
        self._expected += self._usual.step(minute, count)
        if minute % self._width == self._width - 1:
            self._close()
        return self._score

    def _close(self) -> None:
        counts, rates = self._counts + self._count, self._usuals + self._expected
        fit = (self._counts + 1) * np.log(self._usuals / rates) - self._count * np.log(rates)
        fit += _LOG_FACTORIAL[counts] - _LOG_FACTORIAL[self._counts]
        chance = self._chance * np.exp(fit - fit.max())
        chance /= chance.sum()
        recent = chance[: self._RECENT]
        up = recent[counts[: self._RECENT] + 1 > self._FACTOR * rates[: self._RECENT]].sum()
        rest = recent.sum() - up + chance[self._RECENT :].sum()
        self._score = max(self._CALM + math.log((up + self._TINY) / (rest + self._TINY)), 0.0)
        grown = min(len(chance), self._RUNS - 1)
        self._chance = np.concatenate(([self._HAZARD], chance[:grown] * (1 - self._HAZARD)))
        self._chance[-1] += chance[grown:].sum() * (1 - self._HAZARD)
        self._counts = np.concatenate(([0], counts[:grown]))
        self._usuals = np.concatenate(([self._RATE], rates[:grown]))
        self._count, self._expected = 0, 0.0


class RiverPageHinkley(_Copied):
    """`river.drift.PageHinkley`, upward: Page 1954 (Biometrika 41, p. 100).

    It has no season; it is fed (count - usual) / √(usual · level), so that its `delta` is in multiples of the level: 4,
    half of a rise to ×9. `alpha` is 1, Page's own: with less the fading sum keeps a minimum from long ago. river
    tells only whether the statistic passed `threshold`; the score is that statistic, read and never reset.
    """

    def __init__(self) -> None:
        self._usual = Usual()
        self._chart = drift.PageHinkley(mode="up", delta=4.0, alpha=1.0, threshold=math.inf)

    def step(self, minute: int, count: int) -> float:
        """Rise of the sum above its minimum, in levels."""
        usual = self._usual.step(minute, count)
        self._chart.update((count - usual) / math.sqrt(usual * self._usual.level))
        return float(self._chart._sum_increase - self._chart._min_increase)  # noqa: SLF001 - what `update` compares


class RiverAdwin(_Copied):
    """`river.drift.ADWIN`: Bifet and Gavaldà 2007 (SIAM Data Mining, p. 443).

    It has no season; it is fed counts standardised by the hourly mean. The score is the mean of the window that ADWIN
    keeps (`estimation`, `width`) in standard deviations of such a mean, those of slow swings included. `delta` is 0.3
    for 0.002, the check is each minute for each 32nd: it cuts early and often, and the threshold makes up for it.
    """

    _LEAST_VARIANCE = 0.05
    _SWINGS = 0.1

    def __init__(self) -> None:
        self._usual = Usual()
        self._window = drift.ADWIN(delta=0.3, clock=1, min_window_length=2)

    def step(self, minute: int, count: int) -> float:
        """Standard deviations of the window's mean above 0."""
        usual = self._usual.step(minute, count)
        self._window.update((count - usual) / math.sqrt(usual + self._LEAST_VARIANCE))
        return max(float(self._window.estimation) / math.sqrt(1 / self._window.width + self._SWINGS), 0.0)


BASELINES: dict[str, Callable[[], Baseline]] = {
    "EWMA chart": Ewma,
    "rolling z-score": RollingZ,
    "EARS C2": EarsC2,
    "Kleinberg bursts": Kleinberg,
    "Bayesian change point": Bocpd,
    "river PageHinkley": RiverPageHinkley,
    "river ADWIN": RiverAdwin,
}
