"""How big a spike looks to a person, which is another question than how surely it is one.

The tail of the series' own sums of the last weeks, whatever the hour; constants are argued in
docs/adr/0003-detector.md.
"""

import math

from bot.detect.ring import Ring
from bot.detect.scan import LEAST_REPORTS

_SPAN_MINUTES = (10, 15, 30)
_EVERY_MINUTES = 5.0
_HALF_LIFE_MINUTES = 21 * 1440.0
_TAIL_SHARE = 0.02
_TAIL_NATS = -math.log(_TAIL_SHARE)
_PRIOR_WEIGHT = 20.0  # samples above the tail's start that the prior index is worth
_PRIOR_INDEX = 0.3
_LEAST_INDEX, _MOST_INDEX = 0.1, 1.0
_HALF_OCTAVE = math.log(2.0) / 2.0
_BINS = 40
_LOCK = 0.3
_LOCK_MINUTES = 5 * 1440.0
_RESCALE = 1e6


class Severity:
    """Severity of one series.

    Six histograms, of the sum and of its excess over what was expected in 10, 15 and 30 minutes, in bins of half an
    octave of 1 + value. Samples weigh more as time goes on, which is the same as old ones fading.
    """

    __slots__ = ("_growth", "_index", "_lock", "_spans", "_start", "_weight", "_width", "bins", "every")

    def __init__(self, width_minutes: float) -> None:
        self._width = width_minutes
        self._spans = tuple(max(int(minutes // width_minutes), 1) for minutes in _SPAN_MINUTES)
        self.every = max(int(_EVERY_MINUTES // width_minutes), 1)  # buckets between two samples
        self._growth = 2.0 ** (self.every * width_minutes / _HALF_LIFE_MINUTES)
        self._weight = 1.0
        self.bins: list[list[float]] = [[] for _ in range(2 * len(_SPAN_MINUTES))]
        self._start = [float(LEAST_REPORTS)] * len(self.bins)  # of the tail, in reports
        self._index = [_PRIOR_INDEX] * len(self.bins)
        self._lock = 0.0

    def score(self, ring: Ring) -> float:
        """Mean -log10 of the tails at the newest bucket, 0 for those below their tail's start."""
        total = 0.0
        i = 0
        for span in self._spans:
            count = ring.reports[-1] - ring.reports[-1 - span]
            if count >= self._start[i]:
                total += math.log((1.0 + count) / (1.0 + self._start[i])) / self._index[i] + _TAIL_NATS
            excess = count - (ring.expected[-1] - ring.expected[-1 - span])
            if excess >= self._start[i + 1]:
                total += math.log((1.0 + excess) / (1.0 + self._start[i + 1])) / self._index[i + 1] + _TAIL_NATS
            i += 2
        return max(total / len(self.bins) / math.log(10.0) - self._lock, 0.0) if total else 0.0

    def _values(self, ring: Ring) -> list[float]:
        values = []
        for span in self._spans:
            count = ring.reports[-1] - ring.reports[-1 - span]
            values += [float(count), max(count - (ring.expected[-1] - ring.expected[-1 - span]), 0.0)]
        return values

    def learn(self, ring: Ring) -> None:
        """Take a sample; called every `every` buckets."""
        self._weight *= self._growth
        for bins, value in zip(self.bins, self._values(ring), strict=True):
            place = min(int(math.log1p(value) / _HALF_OCTAVE), _BINS - 1)
            if place >= len(bins):
                bins.extend([0.0] * (place + 1 - len(bins)))
            bins[place] += self._weight
        if self._weight > _RESCALE:
            for bins in self.bins:
                bins[:] = [weight / self._weight for weight in bins]
            self._weight = 1.0

    def pass_time(self, minutes: float) -> None:
        """Find the tails anew and let the lock-out fade; called about once an hour."""
        self._lock *= math.exp(-minutes / _LOCK_MINUTES)
        for i, bins in enumerate(self.bins):
            share = _TAIL_SHARE * sum(bins)
            above = excess = 0.0
            place = len(bins)
            while place and above < share:
                place -= 1
                above += bins[place]
            for j in range(place, len(bins)):
                excess += bins[j] * (j - place + 0.5) * _HALF_OCTAVE
            prior = _PRIOR_WEIGHT * self._weight
            index = (excess + prior * _PRIOR_INDEX) / (above + prior)
            self._start[i] = max(math.expm1(place * _HALF_OCTAVE), LEAST_REPORTS)
            self._index[i] = min(max(index, _LEAST_INDEX), _MOST_INDEX)

    def lock(self) -> None:
        """An alarm is over: the next one must be bigger to look as big."""
        self._lock += _LOCK

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        numbers = [self._weight, self._lock, *self._start, *self._index]
        for bins in self.bins:
            numbers += [float(len(bins)), *bins]
        return numbers

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        n = len(self.bins)
        self._weight, self._lock = numbers[:2]
        self._start, self._index = numbers[2 : 2 + n], numbers[2 + n : 2 + 2 * n]
        at = 2 + 2 * n
        for bins in self.bins:
            length = int(numbers[at])
            bins[:] = numbers[at + 1 : at + 1 + length]
            at += 1 + length
