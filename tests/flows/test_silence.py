"""Silence is news, so it must be provable: five states that a draft never confuses."""

from tests.flows.test_episodes import outage, quiet_morning
from tests.flows.timetable import Day, Json


def silence(day: Day) -> Json:
    last: Json = day.run()[-1]["silence"]
    return last


def test_an_operator_without_a_channel_is_not_silent() -> None:
    assert silence(outage().until("08:30")) == {"state": "no_channel", "since": None, "checked_at": None}


def test_silent_since_the_first_report_while_every_check_was_good() -> None:
    day = outage().checks("06:00", "08:30")
    first = day.run()[0]
    assert first["silence"]["state"] == "silent"
    assert first["silence"]["since"] == min(item["at"] for item in first["evidence"])
    assert first["silence"]["checked_at"] <= first["at"]
    assert "Orange" in first["text"]


def test_silent_only_since_the_channel_could_be_read_again() -> None:
    day = outage().checks("06:00", "07:55").checks("08:00", "08:09", "unreachable").checks("08:10", "08:40")
    found = silence(day.until("08:45"))
    assert found["state"] == "silent"
    assert found["since"] == day.time("08:10").isoformat()


def test_unreachable_says_when_it_was_last_read() -> None:
    day = outage().checks("06:00", "07:55").checks("08:00", "08:40", "unreachable")
    assert silence(day) == {
        "state": "unreachable",
        "since": day.time("07:55").isoformat(),
        "checked_at": day.time("07:55").isoformat(),
    }


def test_never_read_is_unreachable_and_says_no_time() -> None:
    assert silence(outage().checks("06:00", "08:40", "failing")) == {
        "state": "unreachable",
        "since": None,
        "checked_at": None,
    }


def test_an_error_page_is_unreadable() -> None:
    day = outage().checks("06:00", "07:30").checks("07:35", "08:40", "unreadable")
    found = silence(day)
    assert found["state"] == "unreadable"
    assert found["checked_at"] == day.time("07:30").isoformat()
    assert found["since"] is not None
    assert found["since"] >= day.time("08:00").isoformat()


def test_an_entry_about_another_service_is_no_word_on_this_one() -> None:
    day = outage().checks("06:00", "08:40").says("08:05", "investigating", "Mobile", services=["mobile"])
    assert silence(day)["state"] == "silent"


def test_an_entry_of_the_two_hours_before_counts_as_their_word() -> None:
    day = outage().checks("06:00", "08:40").says("07:10", "scheduled", "Maintenance messagerie", services=["mail"])
    found = silence(day)
    assert (found["state"], found["since"]) == ("spoke", day.time("07:10").isoformat())


def test_an_older_one_does_not() -> None:
    day = quiet_morning().says("05:50", "unknown").surge("08:10", 30, 20).checks("05:55", "08:40")
    assert silence(day)["state"] == "silent"


def test_their_word_is_told_at_once() -> None:
    day = outage().checks("06:00", "08:40").says("08:12:10", "unknown", "Nous enquêtons")
    spoke = next(line for line in day.run() if line["silence"]["state"] == "spoke")
    assert spoke["at"] == day.time("08:12:10").isoformat()
