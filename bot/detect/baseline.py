"""How many reports are usual: slow level times season times what the last day was like, learned from what was heard.

Robust like Noufaily et al. 2013 (Statistics in Medicine 32, p. 1206): what sticks out is learned only up to a cap.
Constants are argued in docs/adr/0003-detector.md.
"""

import math

from bot.detect.calendar import CELLS, HOURS, Calendar

_MINUTES_A_DAY = 1440.0
_PRIOR_MINUTES = 2 * _MINUTES_A_DAY  # the prior level is worth at most so long
_LEVEL_HALF_LIFE = 7 * _MINUTES_A_DAY
_DAY_HALF_LIFE = 11 * 60.0
_DAY_PRIOR = 11.0  # as many reports as usual that the day's factor begins with
_DAY_LOW, _DAY_HIGH = 0.3, 3.0
_SEASON_HALF_LIFE = 21 * _MINUTES_A_DAY
_CAP_SIGMAS = 3.0
_LEAST_PER_MINUTE = 2e-4  # a series that has long been still is still expected to speak about twice a week

# Season cells are pulled to the coarser estimate by so many expected reports, or by so many minutes of this series if
# that is more: hours differ from day to day by more than chance, so many reports in one day are still one day.
_POOLED_PULL, _POOLED_MINUTES = 30.0, 180.0
_CELL_PULL, _CELL_MINUTES = 30.0, 360.0
_SEASON_DOUBT = 0.02  # relative variance of an hour of the default day: this series may keep other hours

_DAY_SHAPE = (
    *(0.45, 0.30, 0.20, 0.20, 0.20, 0.20, 0.30, 0.60, 0.95, 1.25, 1.40, 1.40),
    *(1.35, 1.30, 1.35, 1.35, 1.40, 1.50, 1.55, 1.50, 1.45, 1.30, 1.00, 0.70),
)
DEFAULT_DAY = tuple(part * HOURS / sum(_DAY_SHAPE) for part in _DAY_SHAPE)
"""When people in France post about operators: our round figures, mean 1; only a prior."""


class Baseline:
    """Expected count of one series.

    Learning is online, one bucket at a time in order, and forgets by what was heard: a gap teaches nothing and
    makes nothing forgotten.

    Args:
        calendar: Which season cell an hour has.
        prior_per_minute: Reports a minute before anything is known.
        prior_reports: So many reports that prior is worth, and at most two days.
        width_minutes: Length of a bucket.

    Attributes:
        level: Mean reports a minute (L).
        day: Factor of the last day.
        doubt: Relative variance of what is expected: of the level, 1 / (reports it rests on), and of the hour's season.
    """

    __slots__ = (
        "_actual",
        "_calendar",
        "_heard",
        "_hour",
        "_learned",
        "_left",
        "_level_den",
        "_level_doubt",
        "_level_num",
        "_right",
        "_season_doubt",
        "_seasonal",
        "_segment",
        "_usual",
        "_width",
        "cell_den",
        "cell_num",
        "day",
        "doubt",
        "level",
    )

    def __init__(self, calendar: Calendar, prior_per_minute: float, prior_reports: float, width_minutes: float) -> None:
        self._calendar = calendar
        self._width = width_minutes
        self.level = max(prior_per_minute, _LEAST_PER_MINUTE)
        self._level_den = min(_PRIOR_MINUTES, prior_reports / self.level)
        self._level_num = self.level * self._level_den
        self._level_doubt = 1.0 / max(self._level_num, 1.0)
        self._season_doubt = _SEASON_DOUBT
        self.doubt = self._level_doubt + self._season_doubt
        self.cell_num = [0.0] * CELLS
        self.cell_den = [0.0] * CELLS
        self._actual = self._usual = 0.0  # of the last day
        self.day = 1.0
        self._hour = 0  # being learned, not yet folded in
        self._learned = self._seasonal = self._heard = 0.0
        self._segment = -1  # half past an hour to half past the next
        self._left = self._right = 1.0

    def season(self, bucket: float) -> float:
        """The season's factor in the middle of a bucket, linear between the middles of hours."""
        minute = int(bucket + self._width / 2) - 30
        segment = minute // 60
        if segment != self._segment:
            self._segment = segment
            self._left, self._right = self._shrunk(self._calendar.cell(segment), self._calendar.cell(segment + 1))
        return self._left + (self._right - self._left) * (minute - segment * 60) / 60

    def _shrunk(self, *cells: int) -> list[float]:
        """Factors of cells: their own counts, pulled to those of the hour on all days, pulled to the default day."""
        num, den = self.cell_num, self.cell_den
        mean = self.level  # reports a minute; only the size of the pulls depends on it
        minutes = max(_POOLED_PULL / mean, _POOLED_MINUTES)
        pooled = [
            (num[hour] + num[hour + HOURS] + minutes * mean * DEFAULT_DAY[hour])
            / (den[hour] + den[hour + HOURS] + minutes)
            for hour in range(HOURS)
        ]
        hour = cells[0] % HOURS
        self._season_doubt = _SEASON_DOUBT * minutes / (minutes + den[hour] + den[hour + HOURS])
        self.doubt = self._level_doubt + self._season_doubt
        minutes = max(_CELL_PULL / mean, _CELL_MINUTES)
        whole = sum(pooled) / HOURS
        return [(num[cell] + minutes * pooled[cell % HOURS]) / (den[cell] + minutes) / whole for cell in cells]

    def rate(self, season: float) -> float:
        """Expected reports of a fully heard bucket with this season's factor."""
        return self.level * self.day * season * self._width

    def learn(self, bucket: float, count: int, rate: float, exposure: float, season: float, dispersion: float) -> float:
        """Learn a bucket that was heard, in order of time.

        Args:
            bucket: Its start, minutes since the epoch.
            count: Its reports.
            rate: What was expected of it, fully heard.
            exposure: Share heard.
            season: Its season's factor.
            dispersion: Over-dispersion of single buckets, for the cap.

        Returns:
            How many times what it was before is usual from now on, the season apart.
        """
        hour, ratio = int(bucket // 60), 1.0
        if hour != self._hour:
            ratio = self._fold(hour)
        learned = float(count)
        if count > 1:
            mean = rate * exposure
            learned = min(learned, mean + _CAP_SIGMAS * math.sqrt(mean + dispersion * mean * mean) + 1.0)
        heard = exposure * self._width
        self._learned += learned
        self._heard += heard
        self._seasonal += heard * season
        return ratio

    def _fold(self, hour: int) -> float:
        """Take the hour that ended into level, day and season.

        The level is the Poisson estimate, reports over seasonal exposure: a report at night, where the season is
        small, weighs no more than one at noon.
        """
        level, before = self.level, self.level * self.day
        if self._heard:
            cell = self._calendar.cell(self._hour)
            keep = 0.5 ** (self._heard / _SEASON_HALF_LIFE)
            self.cell_num = [value * keep for value in self.cell_num]
            self.cell_den = [value * keep for value in self.cell_den]
            self.cell_num[cell] += self._learned
            self.cell_den[cell] += self._heard
            keep = 0.5 ** (self._heard / _LEVEL_HALF_LIFE)
            self._level_num = self._level_num * keep + self._learned
            self._level_den = self._level_den * keep + self._seasonal
            self.level = max(self._level_num / self._level_den, _LEAST_PER_MINUTE)
            self._level_doubt = 1.0 / max(self._level_num, 1.0)
            self.doubt = self._level_doubt + self._season_doubt
            keep = 0.5 ** (self._heard / _DAY_HALF_LIFE)
            self._actual = self._actual * keep + self._learned
            self._usual = (self._usual * keep + self._seasonal * level) * self.level / level
            self.day = min(max((self._actual + _DAY_PRIOR) / (self._usual + _DAY_PRIOR), _DAY_LOW), _DAY_HIGH)
        self._learned = self._seasonal = self._heard = 0.0
        self._hour = hour
        return self.level * self.day / before

    def state(self) -> list[float]:
        """All that changes, as numbers; `load` takes them back."""
        level = [self._level_num, self._level_den, self.level, self._level_doubt, self._season_doubt]
        day = [self._actual, self._usual, self.day]
        hour = [float(self._hour), self._learned, self._seasonal, self._heard]
        segment = [float(self._segment), self._left, self._right]
        return level + day + hour + segment + self.cell_num + self.cell_den

    def load(self, numbers: list[float]) -> None:
        """Take back what `state` gave."""
        self._level_num, self._level_den, self.level, self._level_doubt, self._season_doubt = numbers[:5]
        self.doubt = self._level_doubt + self._season_doubt
        self._actual, self._usual, self.day = numbers[5:8]
        self._hour, self._segment = int(numbers[8]), int(numbers[12])
        self._learned, self._seasonal, self._heard = numbers[9:12]
        self._left, self._right = numbers[13:15]
        self.cell_num, self.cell_den = numbers[-2 * CELLS : -CELLS], numbers[-CELLS:]
