"""What the detector says of one bucket: the one value that leaves it."""

from typing import Literal, NamedTuple

State = Literal["raise", "open", "clear", ""]


class Verdict(NamedTuple):
    """What the detector says of a bucket.

    Attributes:
        bucket: Its start, minutes since the epoch.
        count: Its reports.
        expected: Its expected reports, before it was learned.
        score: -log10 of the probability of the most unlikely window; 0 where no window has four reports.
        severity: How big a spike looked, told when it stops growing: so many times as tall as usual; else 0.
        return_days: A peak as high as `score` comes once in so many days; None below the tail's start.
        state: `raise` once, when an event opens; `open` while it lasts; `clear` on the bucket that ends it; else empty.
        above: The return period is beyond what the budget allows, whether or not an event is open already.
        window: Length in buckets of the most unlikely window; 0 when `score` is 0.
        window_count: Its reports.
        window_expected: Its expected reports.
        window_end: Its last bucket: `bucket`, or of an amendment perhaps a later one.
    """

    bucket: int
    count: int  # type: ignore[assignment]  # hides tuple.count; a tuple is made three times as fast as a frozen dataclass
    expected: float
    score: float
    severity: float
    return_days: float | None
    state: State
    above: bool
    window: int
    window_count: int
    window_expected: float
    window_end: int
