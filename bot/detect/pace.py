"""How busy the last hours are against level and season, and whether they are unusual enough to be read with caution.

Slow busy hours (a press day, a storm, a match) are no outage. Four memories of different length are kept; the one of
about an hour carries the factor of an ordinary day, and when any of them sticks out beyond chance the hours count as
unrest: the busiest memory then rules, some growth is granted to it, and every window becomes less certain. Constants
are argued in docs/adr/0003-detector.md.
"""

import math

LAG_MINUTES = 3.0
"""A bucket is taken when it is this old, so that an outage does not become its own yardstick as it begins."""

_HALF_LIVES = (12.0, 32.0, 100.0, 300.0)  # minutes
_ORDINARY = 1  # the memory that rules while there is no unrest
_ORDINARY_PRIOR = 6.0  # reports as expected that every memory begins with
_ORDINARY_LOW, _ORDINARY_HIGH = 0.8, 2.0
_UNREST_PRIOR = 8.0
_UNREST_HIGH = 8.0
_NOISE = (0.17, 0.17, 0.1, 0.1)  # relative variance of such memories on an ordinary day
_CALM_SIGMAS, _UNREST_SIGMAS = 2.0, 3.0  # unrest grows from 0 to 1 between them
_GROWTH = 0.3


class Pace:
    """The local factor of one series.

    Args:
        width_minutes: Length of a bucket.

    Attributes:
        factor: By which level and season are multiplied now.
        unrest: 0 on an ordinary day, 1 when the last hours are certainly none.
    """

    __slots__ = ("_actual", "_keeps", "_usual", "factor", "unrest")

    def __init__(self, width_minutes: float) -> None:
        self._keeps = tuple(0.5 ** (width_minutes / half_life) for half_life in _HALF_LIVES)
        self._actual = [0.0] * len(_HALF_LIVES)
        self._usual = [0.0] * len(_HALF_LIVES)
        self.factor = 1.0
        self.unrest = 0.0

    def learn(self, count: int, usual: float) -> None:
        """Take the next bucket.

        Args:
            count: Its reports.
            usual: Level times season times exposure: 0 where nobody heard.
        """
        busiest, sigmas = 1.0, 0.0
        for i, keep in enumerate(self._keeps):
            actual = self._actual[i] = self._actual[i] * keep + count
            expected = self._usual[i] = self._usual[i] * keep + usual
            if actual > expected:
                busiest = max(busiest, (actual + _UNREST_PRIOR) / (expected + _UNREST_PRIOR))
                # weights that fade halve the variance of the sum
                noise = expected / 2.0 + _NOISE[i] * expected * expected + 0.5
                sigmas = max(sigmas, (actual - expected) / math.sqrt(noise))
        ordinary = (self._actual[_ORDINARY] + _ORDINARY_PRIOR) / (self._usual[_ORDINARY] + _ORDINARY_PRIOR)
        ordinary = min(max(ordinary, _ORDINARY_LOW), _ORDINARY_HIGH)
        self.unrest = min(max((sigmas - _CALM_SIGMAS) / (_UNREST_SIGMAS - _CALM_SIGMAS), 0.0), 1.0)
        busiest = max(min(busiest, _UNREST_HIGH), ordinary)
        self.factor = (ordinary + self.unrest * (busiest - ordinary)) * (1.0 + _GROWTH * self.unrest)

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return [self.factor, self.unrest, *self._actual, *self._usual]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        self.factor, self.unrest = numbers[:2]
        self._actual, self._usual = numbers[2 : 2 + len(_HALF_LIVES)], numbers[2 + len(_HALF_LIVES) :]
