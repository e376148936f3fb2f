"""The last buckets of a series, kept so that a late post can change one and every window that holds it."""

import struct

from bot.detect.pace import DOUBT_STEPS, STEPS

RING = 188
"""Buckets kept: a window of 60 may end at any of the last 128, so a two-hour gap can be filled from behind."""

_SHARES = 240
"""Exposure is kept in steps of 1/240: exact for halves, thirds, fifths and whole minutes of an hour, and one byte."""

_COUNT_SIZES = {"B": 2**8 - 1, "H": 2**16 - 1, "Q": 2**64 - 1}


class Ring:
    """Counts, rates and exposures with their running sums; the newest is at index -1.

    Attributes:
        counts: Reports a bucket.
        rates: Expected reports of a bucket if it were fully heard on an ordinary day.
        busy: How busy the hours before it were against that, in steps of 1/20; see `Pace`.
        doubts: Relative variance of `busy`, in steps of 1/100.
        seasons: The season's factor of each bucket, which learning needs some buckets later.
        exposures: Share heard, in steps of 1/240.
        reports: Running sum of `counts`, one longer: a window of w ends with `reports[-1] - reports[-1 - w]`.
        expected: Running sum of rate times exposure, likewise. Sums are made in order from the oldest bucket kept, so
            that a restored ring continues bit for bit.
    """

    __slots__ = ("busy", "counts", "doubts", "expected", "exposures", "rates", "reports", "seasons")

    def __init__(self) -> None:
        self.counts = [0] * RING
        self.rates = [0.0] * RING
        self.seasons = [0.0] * RING
        self.exposures = [0.0] * RING
        self.busy = [1.0] * RING
        self.doubts = [0.0] * RING
        self.reports = [0] * (RING + 1)
        self.expected = [0.0] * (RING + 1)

    def push(
        self,
        count: int,
        rate: float,
        exposure: float,
        season: float,
        *,
        busy: float = 1.0,
        doubt: float = 0.0,
    ) -> None:
        """Append the next bucket."""
        self.counts.append(count)
        self.rates.append(rate)
        self.seasons.append(season)
        self.exposures.append(exposure)
        self.busy.append(busy)
        self.doubts.append(doubt)
        self.reports.append(self.reports[-1] + count)
        self.expected.append(self.expected[-1] + rate * exposure)
        if len(self.counts) >= 2 * RING:
            for kept in self._by_bucket():
                del kept[:-RING]
            base = self.reports[-1 - RING]
            self.reports = [total - base for total in self.reports[-1 - RING :]]
            del self.expected[: -1 - RING]

    def _by_bucket(self) -> tuple[list[int] | list[float], ...]:
        return self.counts, self.rates, self.seasons, self.exposures, self.busy, self.doubts

    def change(self, age: int, count: int, exposure: float) -> None:
        """Replace count and exposure of the bucket `age` before the newest (0 is the newest)."""
        first = len(self.counts) - 1 - age
        self.counts[first] = count
        self.exposures[first] = exposure
        self._sum_from(first)

    def pack(self, lag: int) -> bytes:
        """The kept buckets as bytes; seasons only of those that are still to be learned."""
        counts = self.counts[-RING:]
        size = next(size for size, most in _COUNT_SIZES.items() if max(counts) <= most)
        numbers = [self.expected[-1 - RING], *self.rates[-RING:], *self.seasons[-lag:]]
        steps = [round(share * _SHARES) for share in self.exposures[-RING:]]
        steps += [round(busy * STEPS) for busy in self.busy[-RING:]]
        steps += [round(doubt * DOUBT_STEPS) for doubt in self.doubts[-RING:]]
        return struct.pack(f"<{len(numbers)}dc{RING}{size}", *numbers, size.encode(), *counts) + bytes(steps)

    def unpack(self, data: bytes, lag: int) -> None:
        """Take back what `pack` gave, into a new ring.

        Raises:
            struct.error: it is longer or shorter than that.
        """
        numbers = list(struct.unpack_from(f"<{1 + RING + lag}dc", data))
        counts = f"<{RING}{numbers.pop().decode('latin-1')}"
        at = 8 * len(numbers) + 1
        self.counts = list(struct.unpack_from(counts, data, at))
        steps = struct.unpack(f"<{3 * RING}B", data[at + struct.calcsize(counts) :])
        self.exposures = [step / _SHARES for step in steps[:RING]]
        self.busy = [step / STEPS for step in steps[RING : 2 * RING]]
        self.doubts = [step / DOUBT_STEPS for step in steps[2 * RING :]]
        self.rates = numbers[1 : 1 + RING]
        self.seasons[-lag:] = numbers[1 + RING :]
        self.expected[0] = numbers[0]
        self._sum_from(0)

    def _sum_from(self, first: int) -> None:
        for i in range(first, len(self.counts)):
            self.reports[i + 1] = self.reports[i] + self.counts[i]
            self.expected[i + 1] = self.expected[i] + self.rates[i] * self.exposures[i]


def share(exposure: float, count: int) -> float:
    """Exposure as it is kept: within [0, 1], in steps of 1/240; a bucket where somebody was heard was heard."""
    if exposure >= 1.0:
        return 1.0
    steps = round(max(exposure, 0.0) * _SHARES)
    return steps / _SHARES if steps or not count else 1.0
