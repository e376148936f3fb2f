"""The contract's sentences on episodes that are easy to break: long ones, dismissed ones, ones the operator ends."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.flows.test_episodes import kinds, outage, quiet_morning
from tests.flows.timetable import Day, Json, minutes_of

INCIDENT = "orange-20240312-0803"  # of `outage()`


def after(lines: Sequence[Json], kind: str) -> list[Json]:
    """The lines behind the first one of a kind."""
    return list(lines[kinds(list(lines)).index(kind) + 1 :])


def long_outage() -> Day:
    """Seven hours in which people report all the time."""
    day = quiet_morning()
    for hour in range(8, 15):
        day.surge(f"{hour:02}:00", 40, 60)
    return day


# --- expected, interval ------------------------------------------------------------------------------------------


def test_what_is_usual_is_that_of_the_whole_interval_however_long() -> None:
    lines = [line for line in long_outage().until("15:30").run() if line["state"] == "suspected"]

    def usual_a_minute(line: Json) -> float:
        start, end = (Day().time(line["interval"][key][11:16]) for key in ("start", "end"))
        return float(line["expected"]) / ((end - start) / timedelta(minutes=1))

    assert minutes_of(Day(), lines[-1], "08:00") > 4 * 60
    for before, later in pairwise(lines):
        assert usual_a_minute(later) > 0.9 * usual_a_minute(before), "it rises while people get used to it"


def test_what_is_usual_of_a_reopened_incident_spans_the_calm_between() -> None:
    lines = outage().surge("15:30", 40, 20, place="à Metz").until("16:00").run()
    reopened = after(lines, "resolved")[0]
    assert (reopened["kind"], reopened["interval"]["start"]) == ("update", Day().time("08:00").isoformat())
    assert reopened["expected"] > 2 * lines[kinds(lines).index("resolved")]["expected"]


def test_a_post_from_inside_the_interval_counts_even_when_it_comes_after_the_easing() -> None:
    day = outage()
    written = day.time("08:11:30").isoformat()
    day.post("10:00", "plus de mail orange à Brest", published_at=written)
    lines = day.until("10:45").run()
    assert [line["state"] for line in lines][-2:] == ["easing", "resolved"], "it is no news"
    resolved = lines[-1]
    assert resolved["interval"]["end"] < day.time("10:00").isoformat()
    assert written in [item["at"] for item in resolved["evidence"]]
    assert "Brest" in [place["name"] for place in resolved["places"]]


def test_the_interval_begins_with_the_window_that_raised_in_whatever_order_posts_come() -> None:
    day = quiet_morning().post("07:57:30", "plus de mail orange à Nice")
    for second in range(580, 400, -20):
        written = (day.time("08:00") + timedelta(seconds=second)).isoformat()
        day.post("08:12", "plus de mail orange à Lille", published_at=written)
    draft = day.until("08:20").run()[0]
    assert draft["interval"]["start"] >= day.time("08:06").isoformat()


# --- easing, resolved, reopened ----------------------------------------------------------------------------------


def test_an_hour_after_the_operators_all_clear_it_is_resolved() -> None:
    day = outage().says("08:10", "investigating").says("08:25", "resolved", "Rétabli").until("10:30")
    resolved = next(line for line in day.run() if line["kind"] == "resolved")
    assert minutes_of(day, resolved, "08:25") == 60


def test_it_is_not_resolved_while_people_go_on_reporting() -> None:
    day = quiet_morning().surge("08:00", 300, 150)
    lines = day.says("08:10", "investigating").says("08:25", "resolved", "Rétabli").until("10:30").run()
    assert lines[-1]["state"] == "easing"


def test_a_relapse_soon_after_the_resolution_reopens_it() -> None:
    day = outage().says("08:10", "investigating").says("08:25", "resolved", "Rétabli")
    lines = day.surge("09:27", 40, 20, place="à Metz").until("10:00").run()
    assert after(lines, "resolved")[0]["state"] == "confirmed"


def test_the_operators_word_after_the_end_is_still_told() -> None:
    day = outage().until("11:30").says("11:40", "resolved", "Incident terminé").until("12:00")
    last = day.run()[-1]
    assert (last["kind"], last["state"], last["at"]) == ("update", "resolved", day.time("11:40").isoformat())
    assert (last["silence"]["state"], last["silence"]["since"]) == ("spoke", day.time("11:40").isoformat())
    assert "Incident terminé" in last["text"]


def test_the_operators_entry_on_something_else_after_the_end_is_an_incident_of_its_own() -> None:
    day = outage().says("12:00", "investigating", "Réseau mobile", services=["mobile"]).until("12:30")
    lines = after(day.run(), "resolved")
    assert kinds(lines) == ["expired", "draft"]
    assert lines[0]["incident"] == INCIDENT
    assert (lines[1]["incident"], lines[1]["services"]) == ("orange-20240312-1200", ["mobile"])


# --- dismissed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dismissed_at", ["08:15", "10:20", "11:20"])
def test_a_dismissed_incident_is_lifted_by_double_the_reports_whenever_it_was_dismissed(dismissed_at: str) -> None:
    day = outage().decides(dismissed_at, "dismiss", incident=INCIDENT).surge("11:50", 60, 30, place="à Metz")
    lines = day.until("12:40").run()
    dismissed = lines[kinds(lines).index("dismissed")]
    lifted = after(lines, "dismissed")[0]
    assert (lifted["kind"], lifted["state"], lifted["incident"]) == ("update", "suspected", INCIDENT)
    assert lifted["reports"] >= 2 * dismissed["reports"]
    assert kinds(lines).count("draft") == 1


@pytest.mark.parametrize("undone_at", ["08:20", "10:30", "12:30"])
def test_a_dismissal_undone_goes_on_to_its_end(undone_at: str) -> None:
    day = outage().decides("08:15", "dismiss").decides(undone_at, "undo").until("14:00")
    lines = after(day.run(), "dismissed")
    assert lines[0]["at"] == day.time(undone_at).isoformat()
    assert lines[0]["state"] == ("suspected" if undone_at < "09" else "easing")
    assert lines[-1]["kind"] == "resolved"


def test_the_dismissal_of_what_is_over_can_be_undone_and_a_raise_still_reopens_it() -> None:
    day = outage().decides("11:20", "dismiss", incident=INCIDENT).decides("11:25", "undo")
    lines = after(day.surge("12:30", 60, 20, place="à Metz").until("13:00").run(), "dismissed")
    assert [(line["kind"], line["state"]) for line in lines[:3]] == [
        ("update", "easing"),
        ("resolved", "resolved"),
        ("update", "suspected"),
    ]


@pytest.mark.parametrize(("said", "state"), [("resolved", "easing"), ("scheduled", "suspected")])
def test_whatever_the_operator_says_lifts_a_dismissal(said: str, state: str) -> None:
    lines = outage().decides("08:15", "dismiss").says("08:40", said, "Messagerie").until("08:45").run()
    lifted = after(lines, "dismissed")
    assert [(line["kind"], line["state"]) for line in lifted] == [("update", state)]
    assert lifted[0]["silence"]["state"] == "spoke"


# --- updates -----------------------------------------------------------------------------------------------------


def test_one_report_that_becomes_two_has_doubled() -> None:
    day = quiet_morning().post("08:01", "plus de mail orange")
    day.says("08:03", "investigating", services=["mail"], published_at=day.time("07:50").isoformat())
    lines = day.post("08:20", "ma messagerie orange est en panne").until("08:40").run()
    assert [line["reports"] for line in lines] == [1, 2]


def test_what_the_operator_said_of_an_incident_stays_its_word_when_a_service_joins() -> None:
    day = quiet_morning()
    for index in range(12):
        text = ("orange en panne totale", "Panne chez Orange !", "orange est en panne, vous aussi ?")[index % 3]
        day.post(day.time("08:00") + timedelta(seconds=40 * index), text)
    day.says("08:07", "investigating", "Mobile", services=["mobile"]).checks("06:00", "09:00")
    day.surge("08:10", 40, 15).says("08:40", "resolved", "Mobile", services=["mobile"])
    told = day.until("08:45").run()
    spoken = told[[line["silence"]["state"] for line in told].index("spoke") :]
    assert {(line["silence"]["state"], line["silence"]["since"]) for line in spoken} == {
        ("spoke", day.time("08:07").isoformat())
    }
    assert "mail" in spoken[-1]["services"]
    assert spoken[-1]["state"] == "easing"


def test_their_last_word_is_never_an_older_one() -> None:
    day = quiet_morning().says("07:00", "investigating", "Début").says("07:20", "resolved", "Fin")
    lines = day.surge("07:50", 40, 20).until("08:20").run()
    assert lines[-1]["state"] == "confirmed"
    assert "Fin" in lines[-1]["text"]
    assert "Début" not in lines[-1]["text"]
