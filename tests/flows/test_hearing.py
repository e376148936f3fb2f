"""What we could not hear is not calm, and what we hear late is not news."""

from datetime import timedelta

from tests.flows.test_episodes import kinds, quiet_morning
from tests.flows.timetable import Day


def busy_day() -> Day:
    """A day on which somebody reports something about Orange every three minutes: that is this town's normal."""
    day = Day()
    for index in range(20 * 14):
        at = day.time("00:00") + timedelta(minutes=3 * index)
        day.post(at, ("plus de mail orange à Lille", "la box orange est en panne", "orange rame")[index % 3])
    return day


def test_a_backlog_at_its_arrival_is_no_surge() -> None:
    day = (
        busy_day()
        .checks("14:00", "15:55", "unreachable", source="scenario")
        .checks("16:00", "16:30", source="scenario")
    )
    for index in range(40):
        written = day.time("14:00") + timedelta(minutes=3 * index)
        text = ("plus de mail orange à Lille", "la box orange est en panne", "orange rame")[index % 3]
        day.post("16:00:30", text, published_at=written.isoformat())
    drafts = [line for line in day.until("16:40").run() if line["kind"] == "draft"]
    assert [draft for draft in drafts if draft["at"] > day.time("13:50").isoformat()] == []


def test_a_late_post_lands_in_its_own_minute() -> None:
    day = quiet_morning().surge("08:00", 30, 20)
    written = day.time("08:02:10").isoformat()
    day.post("08:25", "plus de mail orange à Brest", published_at=written)
    lines = day.until("08:40").run()
    assert written in [item["at"] for item in lines[-1]["evidence"]]


def test_a_source_that_hands_over_late_can_still_raise() -> None:
    day = quiet_morning()
    for index in range(30):
        written = (day.time("08:00") + timedelta(seconds=20 * index)).isoformat()
        day.post("08:15", f"plus de mail orange à {('Lille', 'Metz')[index % 2]}", published_at=written)
    lines = day.until("08:20").run()
    assert kinds(lines) == ["draft"]
    assert lines[0]["at"] == day.time("08:15").isoformat()


def test_a_post_from_next_year_counts_now() -> None:
    day = quiet_morning()
    for index in range(30):
        at = day.time("08:00") + timedelta(seconds=20 * index)
        day.post(at, "plus de mail orange à Metz", published_at="2025-03-12T08:00:00+00:00")
    lines = day.until("08:20").run()
    assert kinds(lines)[0] == "draft"
    assert lines[0]["at"] < day.time("08:10").isoformat()


def test_a_post_seen_twice_counts_once() -> None:
    day = quiet_morning()
    for index in range(30):
        at = day.time("08:00") + timedelta(seconds=20 * index)
        post = {"id": "same", "author": f"author-{index}", "text": "plus de mail orange à Metz"}
        day.add(at, mention=post)
    assert day.until("08:20").run() == []
