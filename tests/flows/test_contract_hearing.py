"""The contract's sentences on what we could hear: exposure is of those who speak, and storms are read in seconds."""

import time
from datetime import timedelta

import pytest

from tests.flows.test_episodes import kinds, outage, quiet_morning
from tests.flows.timetable import Day


def deaf(source: str) -> Day:
    """The outage, told by `scenario`, while another source cannot be read from the first minute on."""
    day = outage().until("08:40")
    return day.add("06:00", health={"source": source, "state": "failing"})


def test_a_source_that_gives_no_mentions_takes_nothing_from_what_we_hear() -> None:
    assert deaf("weather").run() == outage().until("08:40").run()


def test_a_source_that_does_takes_its_share() -> None:
    told, whole = deaf("bluesky").run(), outage().until("08:40").run()
    assert told[0]["expected"] < whole[0]["expected"]


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00Z", "2025-03-12T08:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_count_with_a_wrong_clock_ends_no_series(start: str) -> None:
    day = outage()
    day.add("06:01", tally={"operator": "orange", "start": start, "seconds": 900, "count": 3, "source": "x"})
    for quarter in range(12):
        at = day.time("06:00") + timedelta(minutes=15 * quarter)
        count = 400 if quarter >= 8 else 3
        tally = {"operator": "orange", "start": at.isoformat(), "seconds": 900, "count": count, "source": "x"}
        day.add(at + timedelta(minutes=15), tally=tally)
    assert "confirmed" in [line["state"] for line in day.until("09:05").run()]


@pytest.mark.slow
def test_ten_thousand_posts_in_an_hour_take_seconds() -> None:
    day = quiet_morning()
    for index in range(10_000):
        text = ("plus de mail orange {}", "orange en panne {}")[index % 2].format(("à Lille", "à Metz", "")[index % 3])
        day.post(day.time("08:00") + timedelta(seconds=index * 0.36), text, source=("bluesky", "x")[index % 2])
    begun = time.process_time()
    lines = day.until("09:10").run()
    assert time.process_time() - begun < 20
    assert kinds(lines).count("draft") == 1
    assert lines[-1]["reports"] > 7_000
    assert len(lines[-1]["evidence"]) == 100
