"""The life of an incident as the desk sees it, a test a sentence of the contract."""

from datetime import timedelta
from itertools import pairwise

import pytest

from bot.errors import InputError
from tests.flows.timetable import Day, Json, minutes_of


def kinds(lines: list[Json]) -> list[str]:
    return [line["kind"] for line in lines]


def quiet_morning() -> Day:
    """Two hours in which people speak of other things, so that there is a level to rise from."""
    day = Day()
    for index in range(24):
        day.post(day.time("06:00").replace(hour=6 + index // 12, minute=index % 12 * 5), "il fait froid ce matin")
    return day


def outage() -> Day:
    return quiet_morning().surge("08:00", 30, 20)


def test_a_surge_gives_exactly_one_draft_and_soon() -> None:
    day = outage().until("08:40")
    lines = day.run()
    assert kinds(lines).count("draft") == 1
    draft = lines[0]
    assert draft["kind"] == "draft"
    assert 0 < minutes_of(day, draft, "08:00") <= 8
    assert (draft["operator"], draft["state"]) == ("orange", "suspected")
    assert draft["services"] == ["mail"]
    assert [place["name"] for place in draft["places"]] == ["Lille"]
    assert "Orange" in draft["title"]


def test_reports_are_the_distinct_authors_of_the_interval_and_each_is_evidence() -> None:
    day = outage().until("08:40")
    draft = day.run()[0]
    assert draft["reports"] == len({item["id"] for item in draft["evidence"]})
    assert draft["reports"] == draft["places"][0]["n"]
    inside = [item for item in draft["evidence"] if draft["interval"]["start"] <= item["at"] < draft["interval"]["end"]]
    assert len(inside) == draft["reports"]
    assert draft["expected"] < draft["reports"] / 3


def test_one_angry_person_is_no_surge() -> None:
    day = quiet_morning()
    for minute in range(30):
        day.post(day.time("08:00").replace(minute=minute), f"plus de mail orange à Lille, {minute} min", author="ivre")
    assert day.until("08:40").run() == []


def test_reposts_of_one_text_are_no_surge() -> None:
    day = quiet_morning()
    text = (
        "Je n'arrive plus du tout à consulter ma messagerie Orange depuis huit heures ce matin, c'est pénible vraiment"
    )
    for minute in range(30):
        day.post(day.time("08:00").replace(minute=minute), f"RT @quelquun : {text}")
    assert day.until("08:40").run() == []


def test_a_second_kind_of_source_confirms() -> None:
    lines = outage().surge("08:12", 6, 6, source="lecteurs", place="à Dijon").until("08:40").run()
    assert lines[0]["state"] == "suspected"
    assert "confirmed" in [line["state"] for line in lines if line["kind"] == "update"]


def test_the_operators_entry_confirms_at_once_and_the_text_names_their_area() -> None:
    day = outage().says("08:14:30", "investigating", area="Grand Est").until("08:40")
    update = next(line for line in day.run() if line["state"] == "confirmed")
    assert minutes_of(day, update, "08:14") == pytest.approx(0.5)
    assert update["kind"] == "update"
    assert "Grand Est" in update["text"]
    assert update["silence"]["state"] == "spoke"
    assert update["silence"]["since"] == day.time("08:14:30").isoformat()


def test_the_operators_entry_alone_opens_a_confirmed_incident() -> None:
    lines = quiet_morning().says("08:02", "investigating", services=["mail"]).until("08:40").run()
    assert kinds(lines) == ["draft"]
    assert (lines[0]["state"], lines[0]["reports"], lines[0]["services"]) == ("confirmed", 0, ["mail"])


@pytest.mark.parametrize("state", ["resolved", "scheduled", "unknown"])
def test_an_entry_of_no_trouble_opens_nothing(state: str) -> None:
    assert quiet_morning().says("08:02", state).until("08:40").run() == []


def test_an_operators_history_opens_nothing() -> None:
    day = quiet_morning()
    assert day.says("08:02", "investigating", published_at=day.time("05:00").isoformat()).until("08:40").run() == []


def test_calm_eases_and_an_hour_of_calm_resolves() -> None:
    day = outage().until("d+0 11:30")
    lines = day.run()
    easing = next(line for line in lines if line["state"] == "easing")
    resolved = lines[-1]
    assert resolved["kind"] == resolved["state"] == "resolved"
    assert minutes_of(day, resolved, "00:00") - minutes_of(day, easing, "00:00") == pytest.approx(60)
    assert kinds(lines).count("draft") == 1


def test_the_operator_saying_it_is_over_eases() -> None:
    day = outage().says("08:10", "investigating").says("08:25", "resolved", "Rétabli", services=[]).until("08:40")
    easing = next(line for line in day.run() if line["state"] == "easing")
    assert minutes_of(day, easing, "08:25") == 0


def test_a_new_raise_within_six_hours_reopens_the_same_incident() -> None:
    lines = outage().surge("12:00", 40, 20, place="à Metz").until("12:40").run()
    assert kinds(lines).count("draft") == 1
    assert len({line["incident"] for line in lines}) == 1
    after = [line for line in lines if line["at"] > "2024-03-12T12:00"]
    assert after[0]["kind"] == "update"
    assert after[0]["state"] == "suspected"


def test_a_raise_after_that_is_a_new_incident() -> None:
    lines = outage().surge("19:00", 40, 20).until("19:40").run()
    assert kinds(lines).count("draft") == 2
    assert len({line["incident"] for line in lines}) == 2


def test_an_undecided_draft_expires_with_its_episode() -> None:
    lines = outage().until("17:30").run()
    assert kinds(lines)[-2:] == ["resolved", "expired"]


def test_a_new_place_is_told_at_most_once_in_ten_minutes_and_never_swallowed() -> None:
    day = outage()
    for minute, place in enumerate(("Dijon", "Metz", "Nantes", "Rennes", "Bordeaux"), start=10):
        day.post(day.time("08:00").replace(minute=minute), f"plus de mail orange à {place}")
    lines = day.until("08:50").run()
    updates = [line for line in lines if line["kind"] == "update" and line["state"] == "suspected"]
    told = [lines[0], *updates]
    for before, after in pairwise(told):
        assert minutes_of(day, after, "00:00") - minutes_of(day, before, "00:00") >= 10
    assert {place["name"] for place in lines[-1]["places"]} == {
        "Lille",
        "Dijon",
        "Metz",
        "Nantes",
        "Rennes",
        "Bordeaux",
    }


def test_approval_publishes() -> None:
    lines = outage().decides("08:15", "approve").until("08:40").run()
    published = next(line for line in lines if line["kind"] == "published")
    assert published["at"] == Day().time("08:15").isoformat()
    assert published["state"] == "confirmed"


def test_an_editors_text_is_what_is_published_and_stays() -> None:
    day = outage().decides("08:14", "edit", text="Orange muet.").decides("08:15", "approve").until("09:30")
    lines = day.run()
    assert next(line for line in lines if line["kind"] == "published")["text"] == "Orange muet."
    assert lines[-1]["text"] == "Orange muet."


def test_claim_and_hold_give_no_line() -> None:
    day = quiet_morning().surge("08:00", 8, 6).decides("08:07", "claim").decides("08:08", "hold")
    assert kinds(day.until("08:10").run()) == ["draft"]


def test_a_dismissed_incident_stays_silent() -> None:
    lines = outage().decides("08:15", "dismiss").until("09:10").run()
    assert kinds(lines)[-1] == "dismissed"
    assert lines[-1]["state"] == "dismissed"


def test_a_dismissal_is_overruled_when_reports_double() -> None:
    lines = quiet_morning().surge("08:00", 12, 10).decides("08:10", "dismiss").surge("08:11", 40, 15).run()
    after = lines[kinds(lines).index("dismissed") + 1 :]
    assert after[0]["kind"] == "update"
    assert after[0]["state"] == "suspected"
    assert after[0]["reports"] >= 2 * next(line for line in lines if line["kind"] == "dismissed")["reports"]


def test_a_dismissal_is_overruled_when_the_operator_speaks() -> None:
    lines = outage().decides("08:15", "dismiss").says("08:30", "identified").until("08:40").run()
    assert (lines[-1]["kind"], lines[-1]["state"]) == ("update", "confirmed")


def test_a_dismissal_can_be_undone() -> None:
    lines = outage().decides("08:15", "dismiss").decides("08:16", "undo").decides("08:17", "approve").run()
    assert kinds(lines)[-3:] == ["dismissed", "update", "published"]


def test_the_second_decision_changes_nothing() -> None:
    incident = outage().run()[0]["incident"]
    day = outage().decides("08:15", "dismiss").decides("08:16", "approve", "Dominique", incident=incident)
    assert "published" not in kinds(day.until("08:40").run())


def test_a_decision_that_fits_no_incident_names_its_line() -> None:
    day = quiet_morning().decides("08:15", "approve")
    with pytest.raises(InputError, match=r"^day:25: decision.incident: "):
        day.run()


def test_other_peoples_trouble_is_another_incident() -> None:
    day = outage()
    for index in range(30):
        at = day.time("08:00").replace(minute=index * 20 // 30, second=30)
        day.post(at, f"plus de réseau sfr à {('Lyon', 'Nice', 'Brest')[index % 3]}", source="bluesky")
    drafts = [line for line in day.until("08:40").run() if line["kind"] == "draft"]
    assert {draft["operator"] for draft in drafts} == {"orange", "sfr"}


def test_the_same_input_gives_the_same_lines() -> None:
    day = outage().decides("08:15", "approve").until("11:30")
    assert day.run() == day.run()


def test_counts_alone_never_draft_but_confirm() -> None:
    def tallies(day: Day, end: int) -> Day:
        for quarter in range(end * 4):
            at = day.time("06:00").replace(hour=6 + quarter // 4, minute=quarter % 4 * 15)
            count = 400 if at >= day.time("08:00") else 3
            tally = {"operator": "orange", "start": at.isoformat(), "seconds": 900, "count": count, "source": "x"}
            day.add(at + timedelta(minutes=15), tally=tally)
        return day

    assert tallies(quiet_morning(), 3).run() == []
    assert "confirmed" in [line["state"] for line in tallies(outage(), 3).run()]
