"""A small, tight cluster in one part of the country, which the national series cannot see."""

from datetime import timedelta

from tests.flows.test_episodes import kinds
from tests.flows.timetable import Day, Json

_SAID = ("plus d'internet orange {}", "box orange en panne {}", "internet orange coupé {}", "panne internet orange {}")


def ordinary_day() -> Day:
    """From midnight on somebody in France reports something about Orange every twenty minutes."""
    day = Day()
    towns = ("à Lille", "à Brest", "à Nice", "à Metz", "à Tours", "à Toulouse", "à Rennes", "à Paris", "à Lyon")
    for index in range(3 * 14):
        day.post(day.time("00:00") + timedelta(minutes=20 * index), _SAID[index % 4].format(towns[index % len(towns)]))
    return day


def here(day: Day, start: str, people: int, minutes: int, *towns: str) -> Day:
    for index in range(people):
        at = day.time(start) + timedelta(minutes=minutes) * index / people
        day.post(at.replace(microsecond=0), _SAID[index % 4].format(f"à {towns[index % len(towns)]}"), source="bluesky")
    return day


def drafts(lines: list[Json]) -> list[Json]:
    return [line for line in lines if line["kind"] == "draft"]


def test_a_few_people_of_one_departement_are_a_draft_that_says_where() -> None:
    lines = here(ordinary_day(), "11:00", 5, 20, "Mâcon", "Cluny", "Tournus").until("11:40").run()
    [draft] = drafts(lines)
    assert draft["operator"] == "orange"
    assert draft["title"].endswith("en Saône-et-Loire")
    assert {"71270", "71137", "71543"} <= {place["id"] for place in draft["places"]}


def test_as_many_people_all_over_the_country_are_none() -> None:
    towns = ("Lille", "Brest", "Nice", "Metz", "Mâcon")
    assert here(ordinary_day(), "11:00", 5, 20, *towns).until("11:40").run() == []


def test_where_others_report_too_the_text_says_where_the_reports_lie() -> None:
    lines = here(ordinary_day(), "11:01", 6, 20, "Mâcon", "Cluny").until("11:40").run()
    text = drafts(lines)[0]["text"].replace("\u00a0", " ")
    assert "Les signalements se concentrent en Saône-et-Loire" in text or "en Saône-et-Loire, d’après" in text


def test_it_is_one_incident_when_the_whole_country_follows() -> None:
    day = here(ordinary_day(), "11:00", 5, 15, "Mâcon", "Cluny")
    lines = here(day, "11:20", 60, 20, "Lille", "Brest", "Nice", "Metz", "Nantes", "Lyon").until("12:00").run()
    assert kinds(lines).count("draft") == 1
    assert "Saône-et-Loire" in lines[0]["title"]
    assert "Saône-et-Loire" not in lines[-1]["title"]
    assert "se concentrent" not in lines[-1]["text"]


def test_it_ends_like_any_other() -> None:
    lines = here(ordinary_day(), "11:00", 6, 20, "Mâcon").until("14:00").run()
    assert kinds(lines)[0] == "draft"
    assert kinds(lines)[-1] == "resolved"
