"""When people write: the hour of the day and the kind of day that a bucket falls in, in the newsroom's zone."""

from collections.abc import Container
from datetime import date, datetime
from zoneinfo import ZoneInfo

HOURS = 24
CELLS = 2 * HOURS
"""Season cells: 0-23 the hours of a working day, 24-47 those of a Saturday, a Sunday or a holiday."""

_SATURDAY = 5
_CACHED_HOURS = 4096


class Calendar:
    """Local season cell of any hour; shared by all series of a newsroom.

    Daylight saving needs no rule of its own: an hour that comes twice has one cell twice, one that is skipped has none.

    Args:
        zone: The newsroom's; it moves the season, never the buckets.
        holidays: Local dates to be read like Sundays.
    """

    __slots__ = ("_cells", "_holidays", "_zone")

    def __init__(self, zone: ZoneInfo, holidays: Container[date] = frozenset()) -> None:
        self._zone = zone
        self._holidays = holidays
        self._cells: dict[int, int] = {}

    def cell(self, hour: int) -> int:
        """The cell, 0 to 47, of the hour that begins `hour` hours after the epoch (UTC)."""
        cell = self._cells.get(hour)
        if cell is None:
            local = datetime.fromtimestamp(hour * 3600 + 1800, self._zone)
            free = local.weekday() >= _SATURDAY or local.date() in self._holidays
            cell = local.hour + (HOURS if free else 0)
            if len(self._cells) >= _CACHED_HOURS:
                self._cells.clear()
            self._cells[hour] = cell
        return cell
