"""What a whole day of misleading or two-sided posts makes of the desk."""

from datetime import timedelta

from tests.flows.test_episodes import kinds
from tests.flows.timetable import Day, Json


def drafts(lines: list[Json]) -> list[Json]:
    return [line for line in lines if line["kind"] == "draft"]


_WARNED = (
    "vigilance orange orages en {}",
    "Météo-France place {} en vigilance orange",
    "alerte orange pluie-inondation, prudence en {}",
    "{} en orange ce soir, rentrez vos parasols",
)
_DEPARTMENTS = ("Saône-et-Loire", "Côte-d'Or", "Isère", "Gironde", "Savoie", "Ardèche")


def warned_day() -> Day:
    """From eight o'clock on everybody shares the orange warning: five hundred posts an hour at the height of it."""
    day = Day()
    for index in range(600):
        at = day.time("08:00") + timedelta(seconds=20 * index)
        day.post(at, f"{_WARNED[index % 4].format(_DEPARTMENTS[index % 6])} ({index})")
    return day


def test_a_day_of_orange_warnings_is_nobodys_outage() -> None:
    assert warned_day().until("12:00").run() == []


def test_an_outage_in_the_middle_of_a_warning_is_still_found() -> None:
    day = warned_day().surge("10:00", 24, 15)
    lines = day.until("10:40").run()
    assert kinds(lines)[0] == "draft"
    assert drafts(lines)[0]["operator"] == "orange"


def test_two_networks_named_are_two_incidents_and_the_texts_say_whose_customers_report() -> None:
    day = Day()
    said = ("Free n'arrive plus à appeler Orange à {}", "impossible d'appeler les Orange depuis mon mobile Free, {}")
    for index in range(30):
        at = day.time("09:00") + timedelta(seconds=30 * index)
        day.post(at, said[index % 2].format(("Lille", "Metz", "Brest", "Pau", "Dijon")[index % 5]))
    found = {line["operator"]: line["text"].replace("\u00a0", " ") for line in drafts(day.until("09:40").run())}
    assert set(found) == {"orange", "free"}
    assert "viennent de clients de Free" in found["orange"]
    assert "viennent de clients" not in found["free"]
