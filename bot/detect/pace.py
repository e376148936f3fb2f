"""How busy the last hours are against level and season: an outage must stand out from them, not from the season alone.

Slow busy hours (a press day, a storm, a match) are no outage. Memories of different length compare what was heard with
what was usual, and the one that says most rules: whoever has been talking more for a while may go on doing so, and may
talk more still. Constants are argued in docs/adr/0003-detector.md.
"""

import math

EVERY_MINUTES = 3.0
"""So much is taken at a time."""

LAG_MINUTES = 4.0
"""It is taken when it is this old, so that an outage does not become its own yardstick as it begins."""

STEPS = 20
"""Factors are kept in steps of 1/20, so that a byte holds one."""

DOUBT_STEPS = 100
"""Doubts in steps of 1/100, up to 2.55."""

_HALF_LIVES = (25.0, 240.0, 960.0)  # minutes
_PRIOR_REPORTS = 0.5  # as many reports as usual that every memory begins with
_BUSIEST = 8.0


class Pace:
    """The local factor of one series.

    Args:
        width_minutes: Length of a bucket.

    Attributes:
        busy: By which level and season are multiplied now, at least 1; in steps of 1/20.
        doubt: Relative variance of `busy`, by the reports it rests on; in steps of 1/100.
        every: So many buckets are taken at a time…
        lag: …when the newest of them is so many buckets old.
    """

    __slots__ = ("_actual", "_keeps", "_usual", "busy", "doubt", "every", "lag")

    def __init__(self, width_minutes: float) -> None:
        self.every = max(round(EVERY_MINUTES / width_minutes), 1)
        self.lag = math.ceil(LAG_MINUTES / width_minutes)
        self._keeps = tuple(0.5 ** (self.every * width_minutes / half_life) for half_life in _HALF_LIVES)
        self._actual = [0.0] * len(_HALF_LIVES)
        self._usual = [0.0] * len(_HALF_LIVES)
        self.busy = 1.0
        self.doubt = 0.0

    def learn(self, count: int, usual: float) -> None:
        """Take the next buckets.

        Args:
            count: Their reports.
            usual: What was usual for them: 0 where nobody heard.
        """
        busy, rests_on = 1.0, 0.0
        for i, keep in enumerate(self._keeps):
            actual = self._actual[i] = self._actual[i] * keep + count
            expected = self._usual[i] = self._usual[i] * keep + usual
            if actual > expected and (found := (actual + _PRIOR_REPORTS) / (expected + _PRIOR_REPORTS)) > busy:
                busy, rests_on = found, actual
        self.busy = round(min(busy, _BUSIEST) * STEPS) / STEPS
        # weights that fade halve the variance of the sum
        self.doubt = round(DOUBT_STEPS / (2.0 * rests_on + _PRIOR_REPORTS)) / DOUBT_STEPS if rests_on else 0.0

    def amend(self, count: int, usual: float, takes: int) -> None:
        """Of buckets that were taken so many takes ago, 0 for the last ones, more has become known; told by the next.

        Args:
            count: So many reports more (or fewer).
            usual: So much more was usual for them, as more of them was heard.
            takes: How often `learn` was called since.
        """
        for i, keep in enumerate(self._keeps):
            faded = keep**takes
            self._actual[i] += count * faded
            self._usual[i] += usual * faded

    def rescale(self, ratio: float) -> None:
        """What is usual has been learned anew: it is now so many times what it was taken to be."""
        self._usual = [usual * ratio for usual in self._usual]

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        return [self.busy, self.doubt, *self._actual, *self._usual]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        n = len(_HALF_LIVES)
        self.busy, self.doubt = numbers[:2]
        self._actual, self._usual = numbers[2 : 2 + n], numbers[2 + n :]
