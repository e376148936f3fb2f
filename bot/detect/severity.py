"""How big a spike looks to a person, which is another question than how surely it is one.

So many times as tall as the series usually is, whatever the hour, told once when it stops growing; constants are argued
in docs/adr/0003-detector.md.
"""

from bot.detect.ring import Ring
from bot.detect.scan import LEAST_REPORTS

_SPAN_MINUTES = 90.0
_EVERY_MINUTES = 5.0
_HALF_LIFE_MINUTES = 21 * 1440.0
_POWER = 2.5  # of the mean of past sums: high enough that their peaks weigh, low enough that the last one is not all
_MARGIN = 1.5  # as many times as tall as the last peak must the next one be, at first
_MARGIN_HALF_LIFE_MINUTES = 6 * 60.0


class Severity:
    """Severity of one series.

    The height of a moment is the sum of the last 90 minutes over the mean of such sums in the last weeks, a power mean
    with old ones fading. A peak is a height above 1 that the next look does not surpass. After a peak only a taller one
    counts, how much taller fades in hours; so a long event is told a few times while it grows and no more.

    Attributes:
        every: Buckets between two looks.
    """

    __slots__ = ("_bar", "_fade", "_keep", "_peak", "_power", "_span", "_weight", "every")

    def __init__(self, width_minutes: float) -> None:
        self._span = max(int(_SPAN_MINUTES // width_minutes), 1)
        self.every = max(int(_EVERY_MINUTES // width_minutes), 1)
        self._keep = 0.5 ** (self.every * width_minutes / _HALF_LIFE_MINUTES)
        self._fade = 0.5 ** (self.every * width_minutes / _MARGIN_HALF_LIFE_MINUTES)
        self._power = 0.0  # faded sum of (sum + LEAST_REPORTS) ** _POWER
        self._weight = 0.0  # how many sums are in it
        self._peak = 0.0  # height of the climb that is under way, 0 when there is none
        self._bar = 0.0  # height that the next climb must reach

    def step(self, ring: Ring) -> float:
        """Look at the newest bucket, a heard one; called once in `every` buckets.

        Returns:
            Height of the peak that has just ended, so many times the usual; 0 where none has.
        """
        count = ring.reports[-1] - ring.reports[-1 - self._span]
        tall = float(count + LEAST_REPORTS)  # a handful more or less is no difference
        self._power = self._power * self._keep + tall**_POWER
        self._weight = self._weight * self._keep + 1.0
        self._bar *= self._fade
        enough = count >= LEAST_REPORTS
        height = tall / (self._power / self._weight) ** (1.0 / _POWER) if enough else 0.0
        if height > max(self._peak, self._bar, 1.0):
            self._peak = height
            return 0.0
        ended, self._peak = self._peak, 0.0
        if ended:
            self._bar = _MARGIN * ended
        return ended if enough else 0.0

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return [self._power, self._weight, self._peak, self._bar]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        self._power, self._weight, self._peak, self._bar = numbers
