"""The spike detector of one series: what is usual, how unlikely the last hour is, and whether to say so.

Pure and online: a value that is stepped once a closed bucket and saves and restores bit for bit. The whole of it is
told in docs/detection.md, its constants are argued in docs/adr/0003-detector.md.
"""

import math
import struct

from bot.detect.baseline import Baseline
from bot.detect.calendar import Calendar
from bot.detect.event import Event
from bot.detect.pace import Pace
from bot.detect.ring import RING, Ring, share
from bot.detect.scan import LEAST_REPORTS, Scan
from bot.detect.severity import Severity
from bot.detect.threshold import BUDGET_DAYS, CLUSTER_MINUTES, TAIL_START, Belief, Tail
from bot.detect.verdict import State, Verdict

LAG_MINUTES = 40.0
"""A bucket is learned when it is this old: late posts are in by then, and a spike is not learned as it begins."""

CLEAR_MINUTES = 30.0
"""So many heard minutes without a score in the tail end an alarm."""

_HOUR_MINUTES = 60.0
_FREEZE_MINUTES = 360.0
_MINUTES_A_DAY = 1440.0

_VERSION = 2
_HEAD = struct.Struct("<BddH")


class Detector:
    """One series.

    Args:
        calendar: Season cells in the newsroom's zone; shared by all series.
        prior_per_minute: Reports a minute expected of a series that nothing is known of.
        prior_reports: How many reports that is worth: 2 where it is a guess of anything, 100 for an operator's.
        width_minutes: Length of a bucket.

    Attributes:
        alarm: An event is open.
        last_bucket: The last closed bucket, minutes since the epoch, or None.
    """

    __slots__ = (
        "_alarm_from",
        "_alarm_to",
        "_baseline",
        "_calm",
        "_closed",
        "_event",
        "_heard",
        "_lag",
        "_longest",
        "_pace",
        "_prior",
        "_ring",
        "_scan",
        "_severity",
        "_tail",
        "_width",
        "alarm",
        "last_bucket",
    )

    def __init__(
        self,
        calendar: Calendar,
        *,
        prior_per_minute: float = 0.05,
        prior_reports: float = 2.0,
        width_minutes: float = 1,
    ) -> None:
        self._width = width_minutes
        self._prior = prior_per_minute
        self._lag = math.ceil(LAG_MINUTES / width_minutes)
        self._ring = Ring()
        self._baseline = Baseline(calendar, prior_per_minute, prior_reports, width_minutes)
        self._pace = Pace(width_minutes)
        self._scan = Scan(width_minutes)
        self._longest = self._scan.windows[-1]
        self._tail = Tail(prior_per_minute)
        self._severity = Severity(width_minutes)
        self.last_bucket: int | None = None
        self.alarm = False
        self._closed = 0  # buckets so far, unheard ones too
        self._alarm_from = self._alarm_to = -RING  # as numbers of closed buckets
        self._calm = 0  # heard buckets since the score was last in the tail
        self._event = Event()
        self._heard = 0.0  # minutes since the tail was last told the time

    def step(self, bucket: int, count: int, exposure: float, budget: float, missed: int | None = None) -> Verdict:
        """Close a bucket.

        Args:
            bucket: Its start, minutes since the epoch, after the last one; those left out were not heard.
            count: Its reports, >= 0.
            exposure: Share of it that its sources could hear, 0 to 1.
            budget: False alarms in 30 days that this series may raise, >= 0.
            missed: How many buckets are left out, where their width is no whole number of minutes.

        Raises:
            ValueError: the bucket is not after the last one.
        """
        last = self.last_bucket
        if last is not None:
            if bucket <= last:
                raise ValueError(f"bucket {bucket}: not after the last one: {last}")
            if missed is None:
                missed = round((bucket - last) / self._width) - 1
            if missed:
                self._miss(last, missed)
        exposure = share(exposure, count)
        expected = self._push(bucket, count, exposure)
        ring = self._ring
        score, window = 0.0, 0
        if ring.reports[-1] - ring.reports[-1 - self._longest] >= LEAST_REPORTS:
            score, window = self._scan.best(ring, self._baseline.doubt)
        if score >= TAIL_START:
            self._calm = 0
        elif exposure:
            self._calm += 1
        over = self.alarm and self._calm * self._width >= CLEAR_MINUTES
        looks = exposure and self._closed % self._severity.every == 0
        severity = self._severity.step(ring) if looks else 0.0
        verdict = self._judge(bucket, count, expected, budget, score, window, over=over, severity=severity)
        self._learn(bucket, exposure)
        return verdict

    def amend(self, bucket: int, count: int, exposure: float, budget: float) -> Verdict | None:
        """Replace count and exposure of a closed bucket and score every window that holds it again; may raise.

        What level, season and dispersion learned from the bucket already stays as it was.

        Args:
            bucket: As it was closed.
            count: All its reports, old and new.
            exposure: All of its share heard, 0 to 1.
            budget: As for `step`.

        Returns:
            The best of those windows, or None where the bucket is not closed yet or is no longer kept.
        """
        if self.last_bucket is None:
            return None
        age = round((self.last_bucket - bucket) / self._width)
        if not 0 <= age < min(RING - self._longest, self._closed):
            return None
        ring = self._ring
        exposure = share(exposure, count)
        self._amend_pace(
            age, count - ring.counts[-1 - age], ring.rates[-1 - age] * (exposure - ring.exposures[-1 - age])
        )
        ring.change(age, count, exposure)
        score, window, end = 0.0, 0, -1
        for back in range(min(age, self._longest - 1) + 1):
            # `back` buckets after the amended one
            at = -1 - age + back
            if ring.reports[at] - ring.reports[at - self._longest] >= LEAST_REPORTS:
                found, length = self._scan.best(ring, self._baseline.doubt, at, back + 1)
                if found >= TAIL_START:
                    self._calm = min(self._calm, age - back)
                if found > score:
                    score, window, end = found, length, at
        expected = ring.rates[-1 - age] * exposure
        return self._judge(bucket, count, expected, budget, score, window, end)

    def expected_now(self) -> float:
        """Expected reports of a fully heard bucket, as of the last one."""
        if self.last_bucket is None:
            return self._prior * self._width
        return self._ring.rates[-1]

    def span(self, first: int, last: int) -> tuple[int, float, float]:
        """What was heard and expected in the closed buckets from `first` to `last`, both within the last two hours.

        Returns:
            Reports, expected reports, and the relative variance to give to the latter.
        """
        if self.last_bucket is None:
            raise ValueError("span: no bucket was closed yet")
        ring = self._ring
        begin, end = (round((bucket - self.last_bucket) / self._width) - 1 for bucket in (first, last))
        length = end - begin + 1
        expected = (ring.expected[end] - ring.expected[begin - 1]) * ring.busy[begin]
        return ring.reports[end] - ring.reports[begin - 1], expected, self._scan.doubt(length) + self._baseline.doubt

    def believe(self, belief: Belief | None) -> None:
        """What the newsroom makes of the series' last event, and of what follows; None: its episode is over.

        It decides what the event teaches the tail: its whole height when dismissed, nothing when confirmed.
        """
        if belief is None:
            self._event.settle()
        else:
            self._event.believe(self._tail, belief)

    def _miss(self, last: int, missed: int) -> None:
        """Let buckets pass unheard; of a long gap only its first and last ones."""
        first = min(missed, RING)
        for i in (*range(1, first + 1), *range(max(first, missed - RING) + 1, missed + 1)):
            start = int(last + i * self._width)
            self._push(start, 0, 0.0)
            self._learn(start, 0.0)

    def _push(self, bucket: int, count: int, exposure: float) -> float:
        """Put a bucket into the ring; its expected reports."""
        season = self._baseline.season(bucket)
        rate = self._baseline.rate(season)
        ring, pace = self._ring, self._pace
        if self._closed % pace.every == 0 and not self._frozen():
            end = -1 - pace.lag
            begin = end - pace.every
            if self._closed + begin >= self._alarm_to:
                pace.learn(ring.reports[end] - ring.reports[begin], ring.expected[end] - ring.expected[begin])
        ring.push(count, rate, exposure, season, busy=pace.busy, doubt=pace.doubt)
        self._closed += 1
        self.last_bucket = bucket
        return rate * exposure

    def _amend_pace(self, age: int, count: int, expected: float) -> None:
        """Late posts of buckets that the pace has taken already, as of a source that is read every few minutes."""
        pace, position = self._pace, self._closed - 1 - age
        behind = (self._closed - 1) // pace.every * pace.every - 1 - pace.lag - position
        if behind >= 0 and position >= self._alarm_to and not self._frozen():
            pace.amend(count, expected, behind // pace.every)

    def _frozen(self) -> bool:
        """An event is not learned, unless it is so long that it is no event any more."""
        return self.alarm and (self._closed - self._alarm_from) * self._width < _FREEZE_MINUTES

    def _judge(
        self,
        bucket: int,
        count: int,
        expected: float,
        budget: float,
        score: float,
        window: int,
        end: int = -1,
        *,
        over: bool = False,
        severity: float = 0.0,
    ) -> Verdict:
        """Move the state of the event by a score whose window ends at index `end`; `over` ends the open one."""
        days, above = None, False
        if score >= TAIL_START:
            days = self._tail.return_days(score)
            above = days * budget >= BUDGET_DAYS
            self._event.peak = max(self._event.peak, score)
        state: State = ""
        if over:
            state = "clear"
            self.alarm = False
            self._alarm_to = self._closed
        elif self.alarm:
            state = "open"
        elif above:
            state = "raise"
            self.alarm = self._event.raised = True
            self._alarm_from = self._closed
        ring = self._ring
        return Verdict(
            bucket,
            count,
            expected,
            score,
            severity,
            days,
            state,
            above,
            window,
            ring.reports[end] - ring.reports[end - window],
            ring.expected[end] - ring.expected[end - window],
            (self.last_bucket or bucket) + int((end + 1) * self._width),
        )

    def _learn(self, bucket: int, exposure: float) -> None:
        """Learn the bucket that is now old enough, and let what fades fade."""
        ring = self._ring
        end = -1 - self._lag
        position = self._closed - self._lag
        calm = 0 if self.alarm else position - self._alarm_to
        if not self._frozen() and (heard := ring.exposures[end]):
            ratio = self._baseline.learn(
                bucket - self._lag * self._width,
                ring.counts[end],
                ring.rates[end],
                heard,
                ring.seasons[end],
                self._scan.dispersion[0],
            )
            self._scan.learn(ring, position, end, calm)
            if ratio != 1.0:
                self._pace.rescale(ratio)
        if not exposure:
            return
        if self._event.peak and self._calm * self._width >= CLUSTER_MINUTES:
            self._event.end(self._tail)
        self._heard += self._width
        if self._heard >= _HOUR_MINUTES:
            self._event.fade(self._tail.pass_time(self._heard / _MINUTES_A_DAY, self._baseline.level))
            self._heard = 0.0

    def snapshot(self) -> bytes:
        """Everything, as bytes; `restore` continues from them bit for bit."""
        last = math.nan if self.last_bucket is None else self.last_bucket
        numbers = [last, self.alarm, self._closed, self._alarm_from, self._alarm_to, self._calm, self._heard]
        for part in self._parts:
            numbers += part.state()
        head = _HEAD.pack(_VERSION, self._width, self._prior, len(numbers))
        return head + struct.pack(f"<{len(numbers)}d", *numbers) + self._ring.pack(self._lag)

    @classmethod
    def restore(cls, calendar: Calendar, data: bytes) -> "Detector":
        """The detector that gave this snapshot.

        Raises:
            ValueError: it is no snapshot, or one of another version.
        """
        try:
            version, width, prior, length = _HEAD.unpack_from(data)
            if version != _VERSION:
                raise ValueError(f"detector snapshot: version {version}: this program reads {_VERSION}")
            numbers = list(struct.unpack_from(f"<{length}d", data, _HEAD.size))
            detector = cls(calendar, prior_per_minute=prior, width_minutes=int(width) if width.is_integer() else width)
            detector._load(numbers)
            detector._ring.unpack(data[_HEAD.size + 8 * length :], detector._lag)
        except struct.error as error:
            raise ValueError(f"detector snapshot: cut short: {error}") from error
        return detector

    @property
    def _parts(self) -> "tuple[Tail | Event | Baseline | Pace | Scan | Severity, ...]":
        return self._tail, self._event, self._baseline, self._pace, self._scan, self._severity

    def _load(self, numbers: list[float]) -> None:
        last, alarm, closed, alarm_from, alarm_to, calm, self._heard = numbers[:7]
        self.last_bucket = None if math.isnan(last) else int(last)
        self.alarm = bool(alarm)
        self._closed, self._calm = int(closed), int(calm)
        self._alarm_from, self._alarm_to = int(alarm_from), int(alarm_to)
        at = 7
        for part in self._parts:
            length = len(part.state())
            part.load(numbers[at : at + length])
            at += length
