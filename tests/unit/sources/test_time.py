"""Times as strangers write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sources._time import believable, parse_time

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-03-02T08:30:00Z", "08:30"),
        ("2026-03-02T09:30:00.123+01:00", "08:30"),
        ("2026-03-02 08:30:00", "08:30"),  # no zone: UTC
        ("Mon, 02 Mar 2026 08:30:00 GMT", "08:30"),
        ("Mon, 02 Mar 2026 01:30:00 PDT", "08:30"),
        ("Mon, 02 Mar 2026 09:30:00 CET", "08:30"),
        ("Mon, 02 Mar 2026 10:30:00 CEST", "08:30"),
        ("Mon, 02 Mar 2026 08:30:00 Z", "08:30"),
        ("02/03/2026 08:30", "08:30"),
        ("02/03/2026 à 08h30", "08:30"),
        ("02/03/2026", "00:00"),
        ("02.03.2026 08:30", "08:30"),
        ("02-03-2026 08:30:00", "08:30"),
        ("02/03/26 08:30", "08:30"),
        ("le 02/03/2026 à 8 h 30", "08:30"),
        ("02/03/2026 09:30:00 CET", "08:30"),
        ("02/03/2026 09:30 +01:00", "08:30"),
        ("2026/03/02 08:30", "08:30"),
        ("2026-03-02 08h30", "08:30"),
        ("2026-03-02 09:30:00 CET", "08:30"),
        ("2026-03-02 09:30:00 +0100", "08:30"),
        ("2 mars 2026 à 8 heures 30", "08:30"),
        ("20260302T083000", "08:30"),
        ("2026-03-02T08:30:00 UTC", "08:30"),
        ("lun., 02 mars 2026 09:30:00 +0100", "08:30"),
        ("lundi 2 mars 2026 à 8 h 30", "08:30"),
        ("2 mars 2026", "00:00"),
        ("Mar 2, 2026 8:30 AM", "08:30"),
        ("Mar 2, 2026 8:30 PM UTC", "20:30"),
        ("Mon, 02 Mar 2026 12:30:00 am GMT", "00:30"),
        ("2026-03-02 08:30 PM", "20:30"),
        ("Mon, 02 Mar 2026 09:30:00 GMT+1", "08:30"),
        ("Mon, 02 Mar 2026 09:30:00 UTC+01:00", "08:30"),
        ("Mon, 02 Mar 2026 08:30:00 GMT+0", "08:30"),
        ("2026-03-02 03:30 GMT-0500", "08:30"),
        ("1772440200", "08:30"),  # seconds since 1970
        ("1772440200000", "08:30"),  # milliseconds
    ],
)
def test_understood(text: str, hour: str) -> None:
    when = parse_time(text)
    assert when is not None
    assert when.tzinfo is UTC
    assert when.strftime("%Y-%m-%d %H:%M") == f"2026-03-02 {hour}"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "hier",
        "31/31/2026",
        "31/02/2026",
        "0001-01-01T00:00:00+14:00",
        "Mon, 99 Mar 2026",
        "2026",
        "nan",
        "1e300",
    ],
)
def test_not_a_time(text: str | None) -> None:
    assert parse_time(text) is None


def test_an_endless_text_is_read_at_its_beginning() -> None:  # the whole took a hundred seconds
    assert parse_time("2026-03-02" + " " * 100_000 + "+") == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_time_without_a_zone_is_in_the_given_one() -> None:
    paris = ZoneInfo("Europe/Paris")
    assert parse_time("2026-03-02 09:30", paris) == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    assert parse_time("2026-07-02 10:30", paris) == datetime(2026, 7, 2, 8, 30, tzinfo=UTC)
    assert parse_time("2026-03-02T08:30:00Z", paris) == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def test_what_can_be_true() -> None:
    assert believable(NOW, NOW)
    assert believable(NOW - timedelta(days=3650), NOW)
    assert not believable(NOW + timedelta(seconds=1), NOW)
    assert not believable(datetime(1970, 1, 1, tzinfo=UTC), NOW)
    assert not believable(None, NOW)
