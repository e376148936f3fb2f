from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bot.detect.calendar import Calendar

PARIS = ZoneInfo("Europe/Paris")


def hour(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 3600


def test_the_cell_is_the_local_hour() -> None:
    calendar = Calendar(PARIS)
    assert calendar.cell(hour("2024-01-10T11:00")) == 12
    assert calendar.cell(hour("2024-07-10T11:00")) == 13
    assert Calendar(ZoneInfo("UTC")).cell(hour("2024-07-10T11:00")) == 11


def test_weekends_have_cells_of_their_own() -> None:
    calendar = Calendar(PARIS)
    assert calendar.cell(hour("2024-07-12T21:00")) == 23  # Friday 23:00
    assert calendar.cell(hour("2024-07-12T22:00")) == 24  # Saturday 00:00
    assert calendar.cell(hour("2024-07-14T21:00")) == 47
    assert calendar.cell(hour("2024-07-14T22:00")) == 0  # Monday 00:00


def test_holidays_are_read_like_sundays() -> None:
    calendar = Calendar(PARIS, holidays={date(2024, 8, 15)})
    assert calendar.cell(hour("2024-08-15T10:00")) == 24 + 12
    assert calendar.cell(hour("2024-08-16T10:00")) == 12


def test_a_day_of_25_hours_has_one_cell_twice_and_one_of_23_lacks_one() -> None:
    calendar = Calendar(PARIS)
    autumn = [calendar.cell(hour("2024-10-26T22:00") + i) for i in range(25)]
    assert autumn == [24, 25, 26, 26, *range(27, 48)]
    spring = [calendar.cell(hour("2024-03-30T23:00") + i) for i in range(23)]
    assert spring == [24, 25, *range(27, 48)]


def test_the_cache_changes_nothing() -> None:
    calendar = Calendar(PARIS)
    first = [calendar.cell(480_000 + i) for i in range(5000)]
    assert [calendar.cell(480_000 + i) for i in range(5000)] == first
