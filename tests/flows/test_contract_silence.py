"""The contract's sentences on silence where an operator has several channels, or one that comes and goes."""

import pytest

from tests.flows.test_episodes import outage, quiet_morning
from tests.flows.timetable import Day, Json


def silence(day: Day) -> Json:
    last: Json = day.run()[-1]["silence"]
    return last


def test_two_channels_prove_a_silence_together() -> None:
    day = outage().checks("06:00", "08:40").checks("08:06", "08:36", source="orange-bis", operator="orange")
    assert silence(day.until("08:45"))["since"] == day.time("08:06").isoformat()


@pytest.mark.parametrize("state", ["stale", "failing", "unreachable", "unreadable", "paused", "off"])
def test_one_of_two_that_is_not_read_leaves_it_unproven(state: str) -> None:
    day = outage().checks("06:00", "08:40").checks("06:00", "08:40", state, source="orange-bis", operator="orange")
    assert silence(day.until("08:45"))["state"] == "unreachable"


def test_a_word_on_one_of_two_is_their_word() -> None:
    day = (
        outage()
        .checks("06:00", "08:40")
        .checks("06:00", "08:40", "unreachable", source="orange-bis", operator="orange")
        .says("08:20", "unknown")
    )
    assert silence(day.until("08:45"))["state"] == "spoke"


def test_an_old_entry_shows_that_there_is_a_channel() -> None:
    day = outage().says("06:30", "resolved", "Autre chose", published_at=Day().time("05:00").isoformat())
    assert silence(day.until("08:45")) == {"state": "unreachable", "since": None, "checked_at": None}


def test_ok_true_and_false_are_checks_too() -> None:
    day = outage()
    for clock, ok in (("07:00", True), ("07:30", False), ("08:05", True)):
        day.add(clock, health={"source": "orange-etat", "operator": "orange", "ok": ok})
    found = silence(day.until("08:45"))
    assert (found["state"], found["since"], found["checked_at"]) == (
        "silent",
        day.time("08:05").isoformat(),
        day.time("08:05").isoformat(),
    )


def test_silent_to_unreadable_is_told() -> None:
    day = outage().checks("06:00", "08:18").checks("08:21", "09:00", "unreadable")
    states = [line["silence"]["state"] for line in day.until("09:00").run()]
    assert states[0] == "silent"
    assert states[-1] == "unreadable"


def test_a_source_of_mentions_proves_no_silence() -> None:
    assert silence(outage().checks("06:00", "08:40", source="bluesky").until("08:45"))["state"] == "no_channel"


def test_an_entry_changed_in_place_keeps_the_time_of_its_first_word() -> None:
    day = outage().says("08:10", "investigating").says("08:20", "identified", "Cause trouvée")
    last = day.until("08:45").run()[-1]
    assert last["silence"]["since"] == day.time("08:10").isoformat()
    assert "Cause trouvée" in last["text"]


def test_the_entry_that_opened_an_incident_stays_their_word_when_people_report_hours_later() -> None:
    day = quiet_morning().says("08:00", "investigating").post("10:30", "plus de mail orange à Lille").until("11:00")
    assert [line["silence"]["state"] for line in day.run()] == ["spoke", "spoke"]
