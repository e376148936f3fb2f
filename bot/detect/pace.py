"""How busy the last hours are against level and season: an outage must stand out from them as well.

Slow busy hours (a press day, a storm, a match) are no outage. Memories of different length compare what was heard with
what was usual. One of about half an hour gives the factor of an ordinary day. The busiest of all of them is a second
explanation, that people have been talking more for a while: a window must be unlikely under that one too. Constants are
argued in docs/adr/0003-detector.md.
"""

LAG_MINUTES = 3.0
"""A bucket is taken when it is this old, so that an outage does not become its own yardstick as it begins."""

_HALF_LIVES = (20.0, 36.0, 115.0, 500.0)  # minutes
_ORDINARY = 1  # the memory that gives the ordinary factor
_ORDINARY_PRIOR = 6.0  # as many reports as usual that it begins with
_ORDINARY_LOW, _ORDINARY_HIGH = 0.85, 2.0
_BUSY_PRIOR = 1.0
_BUSIEST = 8.0


class Pace:
    """The local factors of one series.

    Args:
        width_minutes: Length of a bucket.

    Attributes:
        factor: By which level and season are multiplied now.
        busy: The same by the busiest of the memories, at least 1.
        doubt: Relative variance of `busy`, by the reports it rests on.
    """

    __slots__ = ("_actual", "_keeps", "_usual", "busy", "doubt", "factor")

    def __init__(self, width_minutes: float) -> None:
        self._keeps = tuple(0.5 ** (width_minutes / half_life) for half_life in _HALF_LIVES)
        self._actual = [0.0] * len(_HALF_LIVES)
        self._usual = [0.0] * len(_HALF_LIVES)
        self.factor = self.busy = 1.0
        self.doubt = 0.0

    def learn(self, count: int, usual: float) -> None:
        """Take the next bucket.

        Args:
            count: Its reports.
            usual: Level times season times exposure: 0 where nobody heard.
        """
        busy, rests_on = 1.0, 0.0
        for i, keep in enumerate(self._keeps):
            actual = self._actual[i] = self._actual[i] * keep + count
            expected = self._usual[i] = self._usual[i] * keep + usual
            if actual > expected and (found := (actual + _BUSY_PRIOR) / (expected + _BUSY_PRIOR)) > busy:
                busy, rests_on = found, actual
        self.busy = min(busy, _BUSIEST)
        # weights that fade halve the variance of the sum
        self.doubt = 1.0 / (2.0 * rests_on + _BUSY_PRIOR) if rests_on else 0.0
        factor = (self._actual[_ORDINARY] + _ORDINARY_PRIOR) / (self._usual[_ORDINARY] + _ORDINARY_PRIOR)
        self.factor = min(max(factor, _ORDINARY_LOW), _ORDINARY_HIGH)

    def rescale(self, ratio: float) -> None:
        """What is usual has been learned anew: it is now so many times what it was taken to be."""
        self._usual = [usual * ratio for usual in self._usual]

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return [self.factor, self.busy, self.doubt, *self._actual, *self._usual]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        n = len(_HALF_LIVES)
        self.factor, self.busy, self.doubt = numbers[:3]
        self._actual, self._usual = numbers[3 : 3 + n], numbers[3 + n :]
