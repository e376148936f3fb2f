"""What one search counts and what it finds count once, and it cannot confirm itself."""

from datetime import timedelta

from tests.flows.test_episodes import kinds, outage, quiet_morning
from tests.flows.timetable import Day, Json


def tallies(day: Day, surge: str | None, *, usual: int = 6, until: str = "09:30", source: str = "x") -> Day:
    """What a source counts of Orange in each quarter from six o'clock on."""
    at = day.time("06:00")
    while at < day.time(until):
        surging = surge is not None and day.time(surge) <= at < day.time(surge) + timedelta(hours=1)
        count = 300 if surging else usual
        tally = {"operator": "orange", "start": at.isoformat(), "seconds": 900, "count": count, "source": source}
        day.add(at + timedelta(minutes=15), tally=tally)
        at += timedelta(minutes=15)
    return day


def drafts(lines: list[Json]) -> list[Json]:
    return [line for line in lines if line["kind"] == "draft"]


def test_posts_of_a_search_that_is_counted_raise_nothing_while_its_count_is_calm() -> None:
    day = tallies(quiet_morning(), None).surge("08:16", 20, 12, source="x")
    assert drafts(day.until("08:50").run()) == []
    assert drafts(quiet_morning().surge("08:16", 20, 12, source="x").until("08:50").run())


def test_a_count_that_surges_drafts_once_four_people_stand_behind_it() -> None:
    alone = tallies(quiet_morning(), "08:00").until("09:00")
    assert alone.run() == []
    three = tallies(quiet_morning(), "08:00").surge("08:16", 3, 3, source="x").until("09:00")
    assert three.run() == []
    four = tallies(quiet_morning(), "08:00").surge("08:16", 4, 4, source="x").until("09:00")
    lines = four.run()
    assert kinds(lines).count("draft") == 1
    assert four.time("08:16").isoformat() < lines[0]["at"] <= four.time("08:22").isoformat()
    assert lines[0]["reports"] == 4
    assert lines[0]["operator"] == "orange"


def test_it_stays_suspected_for_a_search_does_not_confirm_itself() -> None:
    lines = tallies(quiet_morning(), "08:00").surge("08:16", 12, 12, source="x").until("09:00").run()
    assert {line["state"] for line in lines} == {"suspected"}


def test_two_people_heard_elsewhere_confirm_it() -> None:
    day = tallies(quiet_morning(), "08:00").surge("08:16", 12, 12, source="x")
    lines = day.surge("08:30", 2, 2, source="bluesky", place="à Metz").until("09:00").run()
    assert lines[0]["state"] == "suspected"
    assert "confirmed" in {line["state"] for line in lines}


def test_the_count_of_another_source_confirms_what_people_say() -> None:
    lines = tallies(outage(), "08:00").until("09:00").run()
    assert "confirmed" in {line["state"] for line in lines}


def test_a_source_that_has_stopped_counting_is_listened_to_again() -> None:
    day = Day()
    for index in range(24):
        day.post(day.time("06:00") + timedelta(minutes=5 * index), "il fait froid ce matin")
    tallies(day, None, until="07:00")
    day.post("d+1 07:50", "il fait encore froid")
    for index in range(30):
        at = day.time("d+1 08:00") + timedelta(seconds=40 * index)
        day.post(at, f"plus de mail orange à {('Lille', 'Metz', 'Brest')[index % 3]}", source="x")
    assert drafts(day.until("d+1 08:40").run())


def test_a_count_that_goes_on_no_more_holds_no_incident_open() -> None:
    day = tallies(quiet_morning(), "08:00", until="08:15").surge("08:16", 8, 8, source="x")
    lines = day.until("12:30").run()
    assert kinds(lines)[0] == "draft"
    assert kinds(lines)[-1] == "resolved"
