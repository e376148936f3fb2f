"""What one event's peak teaches the tail, which may change as long as the newsroom makes up its mind about it."""

from bot.detect.threshold import Belief, Tail

_BELIEFS: tuple[Belief, ...] = ("suspected", "confirmed", "dismissed")


class Event:
    """The cluster of scores that is not over, and the last one in which an alarm was raised.

    A dismissed event teaches the tail its whole height, a confirmed one nothing, any other a capped one. A decision may
    come before the cluster is over or after it; what was taught by then is taken back.

    Attributes:
        peak: Highest score of the cluster that is not over; 0 without one.
        raised: An alarm was raised in it.
        belief: What the newsroom makes of the event, now and of what still follows.
    """

    __slots__ = ("_last", "_taught", "_weight", "belief", "peak", "raised")

    def __init__(self) -> None:
        self.peak = 0.0
        self.raised = False
        self.belief: Belief = "suspected"
        self._last = 0.0  # peak of the last event, while a decision on it may still come
        self._taught: float | None = None  # the height the tail was taught of it, if any
        self._weight = 1.0  # what is left of it in the tail: what that learns fades

    def end(self, tail: Tail) -> None:
        """The cluster is over: teach its peak."""
        if self.raised:
            self._last, self._weight, self._taught = self.peak, 1.0, None
            self._teach(tail)
        else:
            tail.learn(tail.height(self.peak))
        self.peak, self.raised = 0.0, False

    def believe(self, tail: Tail, belief: Belief) -> None:
        """The newsroom has made up its mind, or changed it."""
        if belief != self.belief:
            self.belief = belief
            if self._last:
                self._teach(tail)

    def settle(self) -> None:
        """The episode is over: what was taught of its event stays, and the next one is judged anew."""
        self.belief = "suspected"
        self._last, self._taught = 0.0, None

    def fade(self, keep: float) -> None:
        """What the tail has learned has faded to this share."""
        self._weight *= keep

    def _teach(self, tail: Tail) -> None:
        if self._taught is not None:
            tail.learn(self._taught, -self._weight)
        self._taught = None if self.belief == "confirmed" else tail.height(self._last, self.belief)
        if self._taught is not None:
            tail.learn(self._taught, self._weight)

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        taught = -1.0 if self._taught is None else self._taught
        return [self.peak, float(self.raised), float(_BELIEFS.index(self.belief)), self._last, taught, self._weight]

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        self.peak, raised, belief, self._last, taught, self._weight = numbers
        self.raised, self.belief = bool(raised), _BELIEFS[int(belief)]
        self._taught = None if taught < 0 else taught
