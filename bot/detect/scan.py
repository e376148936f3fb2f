"""How unlikely the last minutes are: ten windows at once, each with its own over-dispersion.

A scan statistic in time (Kulldorff 1997) on negative binomial counts. Constants are argued in
docs/adr/0003-detector.md.
"""

import math
from bisect import bisect_left

from bot.detect.ring import Ring

WINDOW_MINUTES = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
LEAST_REPORTS = 4
"""Fewer reports than this are never a spike, however quiet the hour."""

# So much is expected in a window at least: people write in twos and threes, and at three in the morning no model knows
# how often. A handful within an hour is less strange than at once.
_LEAST_EXPECTED, _LEAST_A_MINUTE = 0.25, 0.015

_HALF_LIFE_MINUTES = 14 * 1440.0
_PRIOR_DISPERSION = 0.06
_PRIOR_PRECISION = 25.0  # of the prior: one over its variance, so 0.06 give or take 0.2
_LEAST_DISPERSION, _MOST_DISPERSION = 0.06, 5.0
_CAP_SIGMAS = 3.0
_LEARNED_EVERY_MINUTES = 5.0  # shorter windows are learned no more often: theirs are many
_NO_TAIL = 4.0  # less than two sigmas, squared, is no rarity: such a window is asked only if none sticks out more
_TURN = 360  # a multiple of every window's length, in minutes
_NATS_A_DECADE = math.log(10.0)
_BUSY_DISPERSION = 0.3  # hours that are none of the ordinary are the less certain, up to this
_GROWTH = 0.14  # by which any hours may grow busier in half an hour, without an outage
_GROWTH_MINUTES = 30.0


_FEW = 512
_LOG_FACTORIALS = tuple(math.lgamma(n + 1) for n in range(_FEW))


def surprise(count: int, mean: float, dispersion: float) -> float:
    """How unlikely `count` or more is: -log10 of the tail of a negative binomial, never too high.

    The tail is its first term times the bound of the geometric series over the ratio of its terms.

    Args:
        count: Above `mean`, or the answer is 0.
        mean: > 0.
        dispersion: > 0; the variance is mean + dispersion * mean ** 2.
    """
    if count <= mean:
        return 0.0
    size = 1.0 / dispersion
    total = size + mean
    share = mean / total
    ratio = share * (count + size) / (count + 1) if size > 1.0 else share
    term = (
        math.lgamma(count + size)
        - math.lgamma(size)
        - (_LOG_FACTORIALS[count] if count < _FEW else math.lgamma(count + 1))
        + size * math.log(size / total)
        + count * math.log(share)
    )
    nats = math.log1p(-ratio) - term
    return nats / _NATS_A_DECADE if nats > 0.0 else 0.0


class Scan:
    """The windows of one series.

    Attributes:
        windows: Their lengths in buckets, ascending; those shorter than a bucket drop out.
        dispersion: Over-dispersion of each window's sum, learned.
    """

    __slots__ = ("_den", "_due", "_every", "_growths", "_keep", "_least", "_noise", "_num", "dispersion", "windows")

    def __init__(self, width_minutes: float) -> None:
        lengths = sorted({int(minutes // width_minutes) for minutes in WINDOW_MINUTES if minutes >= width_minutes})
        self.windows = tuple(lengths)
        self._every = tuple(max(length, math.ceil(_LEARNED_EVERY_MINUTES / width_minutes)) for length in lengths)
        self._keep = tuple(0.5 ** (every * width_minutes / _HALF_LIFE_MINUTES) for every in self._every)
        self._due: dict[int, tuple[int, ...]] = {}
        self._growths = tuple(
            (1.0 + _GROWTH) ** (min(length * width_minutes, 60.0) / _GROWTH_MINUTES) for length in lengths
        )
        self._least = tuple(max(_LEAST_EXPECTED, _LEAST_A_MINUTE * length * width_minutes) for length in lengths)
        # Sums over windows of (S - mean)^2 - mean, of mean^2, and of the variance of the first if there were no
        # over-dispersion: the estimate is the first over the second, its precision the second squared over the third.
        self._num = [0.0] * len(lengths)
        self._den = [0.0] * len(lengths)
        self._noise = [0.0] * len(lengths)
        self.dispersion = [_PRIOR_DISPERSION] * len(lengths)

    def best(self, ring: Ring, doubt: float, end: int = -1, least: int = 1) -> tuple[float, int]:
        """The highest surprise of all windows that end at the same bucket, and that window's length.

        What is expected of a window goes by the hours before it, never by what is in it: people may go on talking as
        much as they have for a while, and more still the longer it lasts.

        Args:
            ring: The buckets.
            doubt: Relative variance of the level, added to every dispersion.
            end: Index of the last bucket of the windows, counted from the newest, which is -1.
            least: Shortest window to ask, in buckets.
        """
        score, window, most = 0.0, 0, 0.0
        reports, expected, dispersion = ring.reports, ring.expected, self.dispersion
        reports_to, expected_to = reports[end], expected[end]
        after = end + 1
        for i, length in enumerate(self.windows):
            count = reports_to - reports[end - length]
            if count < LEAST_REPORTS or length < least:
                continue
            busy = ring.busy[after - length] * self._growths[i]
            mean = (expected_to - expected[end - length]) * busy
            if count <= mean:
                continue
            if mean < self._least[i]:  # noqa: PLR1730 - max() would cost as much as the next two lines
                mean = self._least[i]
            doubts = dispersion[i] + doubt + ring.doubts[after - length] + _BUSY_DISPERSION * (1.0 - 1.0 / busy)
            sigmas = (count - mean) ** 2 / (mean + doubts * mean * mean)
            if sigmas < most and sigmas < _NO_TAIL:
                continue
            most = max(most, sigmas)
            found = surprise(count, mean, doubts)
            if found > score:
                score, window = found, length
        return score, window

    def doubt(self, length: int) -> float:
        """Over-dispersion of a sum over so many buckets: that of the next longer window."""
        return self.dispersion[min(bisect_left(self.windows, length), len(self.windows) - 1)]

    def learn(self, ring: Ring, position: int, end: int, calm_buckets: int) -> None:
        """Learn over-dispersion from windows whose last bucket is at `end`, each window once in its own length.

        Args:
            ring: The buckets.
            position: The bucket's number since the epoch; a window is taken when its length divides it.
            end: Index of that bucket, counted from the newest, which is -1.
            calm_buckets: Longest window to take: buckets since the last alarm.
        """
        turn = position % _TURN
        due = self._due.get(turn)
        if due is None:
            due = self._due[turn] = tuple(i for i, every in enumerate(self._every) if turn % every == 0)
        for i in due:
            length = self.windows[i]
            if length > calm_buckets:
                continue
            mean = ring.expected[end] - ring.expected[end - length]
            if mean <= 0.0:
                continue
            count = float(ring.reports[end] - ring.reports[end - length])
            if count > 1:
                count = min(count, mean + _CAP_SIGMAS * math.sqrt(mean + self.dispersion[i] * mean * mean) + 1.0)
            keep = self._keep[i]
            self._num[i] = self._num[i] * keep + (count - mean) ** 2 - mean
            self._den[i] = self._den[i] * keep + mean * mean
            self._noise[i] = self._noise[i] * keep + mean + 2.0 * mean * mean
            trust = self._den[i] / self._noise[i]
            learned = (self._num[i] * trust + _PRIOR_DISPERSION * _PRIOR_PRECISION) / (
                self._den[i] * trust + _PRIOR_PRECISION
            )
            self.dispersion[i] = min(max(learned, _LEAST_DISPERSION), _MOST_DISPERSION)

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return self._num + self._den + self._noise + self.dispersion

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        n = len(self.windows)
        self._num, self._den = numbers[:n], numbers[n : 2 * n]
        self._noise, self.dispersion = numbers[2 * n : 3 * n], numbers[3 * n :]
