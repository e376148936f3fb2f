import random  # noqa: TID251 - a test makes its own stream, from a seed
from itertools import accumulate
from pathlib import Path

import pytest

import bot
from bot.detect import Departments, Detector, LocalScan, LocalVerdict
from tests.unit.detect.streams import DAY, HOUR, MONDAY, UTC_CALENDAR

TABLE = (Path(bot.__file__).parent / "classify" / "data" / "departments.csv").read_text(encoding="utf-8")
FRANCE = Departments(TABLE)
NOON = MONDAY + 3 * DAY + 12 * HOUR
BUDGET = 0.25
"""The map's quarter of one false alarm a month."""

Report = tuple[int, str]  # minute after NOON, départements


class Room:
    """One operator, and the map; France speaks now and then."""

    def __init__(self, per_minute: float = 0.05, days: int = 3) -> None:
        self.map = LocalScan(FRANCE)
        self.detector = Detector(UTC_CALENDAR, prior_per_minute=per_minute)
        codes, weights = zip(*FRANCE.population.items(), strict=True)
        totals = list(accumulate(weights))
        rng = random.Random(f"{per_minute} {days}")
        for minute in range(NOON - days * DAY, NOON):
            said = [rng.choices(codes, cum_weights=totals)[0] for _ in range(rng.random() < per_minute)]
            assert self.step(minute, said, 0.0) is None

    def step(
        self, minute: int, said: list[str], budget: float = BUDGET, exposure: float = 1.0, national: float = 0.0
    ) -> LocalVerdict | None:
        for places in said:
            self.map.hear("orange", minute, frozenset(places.split()))
        self.detector.step(minute, len(said), exposure, national)
        self.map.pass_bucket("orange", self.detector, exposure)
        self.map.pass_time(exposure)
        return self.map.scan("orange", self.detector, budget)

    def run(self, *reports: Report, minutes: int = 40) -> list[LocalVerdict]:
        """What is raised of these reports."""
        found = (self.step(NOON + i, [places for at, places in reports if at == i]) for i in range(minutes))
        return [verdict for verdict in found if verdict is not None]


def test_a_zone_is_a_departement_alone_or_with_its_neighbours() -> None:
    assert FRANCE.around["71"] == ("71", "01", "03", "21", "39", "42", "58", "69")
    assert ("71",) in FRANCE.zones["71"]
    assert FRANCE.around["69"] in FRANCE.zones["71"]
    assert sum(FRANCE.population.values()) == pytest.approx(1.0)
    assert len(FRANCE.population) > 100
    for code, around in FRANCE.around.items():
        assert all(code in FRANCE.around[other] for other in around)


def test_five_people_of_one_departement_in_twenty_minutes_are_found() -> None:
    [verdict] = Room(per_minute=0.1).run((0, "71"), (5, "71"), (9, "71"), (14, "71"), (18, "71"))
    assert verdict.departments == ("71",)
    assert verdict.reports == 5
    assert verdict.expected < 0.1
    assert (verdict.start, verdict.end) == (NOON, NOON + 18)
    assert verdict.return_days >= 120


def test_five_people_all_over_the_country_are_not() -> None:
    assert Room().run((0, "71"), (5, "59"), (9, "13"), (14, "35"), (18, "75")) == []


def test_neighbours_make_one_zone() -> None:
    [verdict] = Room().run((0, "71"), (3, "21"), (6, "39"), (9, "71"), (12, "01"), (15, "69"), (17, "58"))
    assert len(verdict.departments) > 1
    assert "71" in verdict.departments


def test_a_report_without_a_place_is_no_part_of_any() -> None:
    assert Room().run((0, "71"), (5, "71"), (9, ""), (14, ""), (18, "")) == []


def test_who_names_two_neighbours_is_one_person() -> None:
    two = Room().run((0, "71 21"), (9, "71 21"), minutes=30)
    assert two == []


def test_the_smallest_zone_that_says_it_all_is_named() -> None:
    [verdict] = Room().run(*[(3 * i, "29") for i in range(6)])
    assert verdict.departments == ("29",)


def test_where_many_live_more_are_usual() -> None:
    few, many = (Room(per_minute=0.4).run(*[(3 * i, code) for i in range(6)]) for code in ("48", "59"))
    assert few
    assert not many or many[0].score < few[0].score - 1


def test_a_place_that_often_speaks_is_expected_to() -> None:
    room = Room()
    for i in range(60 * DAY // HOUR):  # a club of the Nièvre: one report an hour for two months
        room.map.hear("orange", NOON + i * HOUR, frozenset(["58"]))
        room.detector.step(NOON + i * HOUR, 1, 1.0, 0.0)
        room.map.pass_bucket("orange", room.detector, 1.0)
        room.map.scan("orange", room.detector, 0.0)
    share, doubt = room.map._operators["orange"].share(("58",), FRANCE.population)
    assert share > 0.8
    assert doubt < 0.01


def test_while_the_whole_country_speaks_no_part_of_it_is_news() -> None:
    rng = random.Random("everywhere")
    codes, weights = zip(*FRANCE.population.items(), strict=True)
    everywhere = [(i % 20, code) for i, code in enumerate(rng.choices(codes, weights, k=100))]
    five = [(3 * i, "71") for i in range(5)]
    assert Room().run(*five)
    room = Room()
    for i in range(40):
        said = [code for at, code in (*everywhere, *five) if at == i]
        assert room.step(NOON + i, said, national=1.0) is None
    assert room.detector.alarm


def test_one_cluster_is_raised_once_and_ends_after_thirty_calm_minutes() -> None:
    room = Room()
    assert len(room.run(*[(2 * i, "71") for i in range(12)], minutes=24)) == 1
    assert room.map.alarm("orange")
    for i in range(24, 80):
        room.step(NOON + i, [])
        if not room.map.alarm("orange"):
            break
    assert 45 <= i <= 55


def test_unheard_minutes_are_not_calm() -> None:
    room = Room()
    room.run(*[(2 * i, "71") for i in range(6)], minutes=12)
    for i in range(12, 200):
        room.step(NOON + i, [], exposure=0.0)
    assert room.map.alarm("orange")


def test_late_reports_are_found_where_they_belong() -> None:
    room = Room()
    room.run(minutes=30)
    for minute in (3, 6, 9, 12, 15):
        room.map.hear("orange", NOON + minute, frozenset(["71"]))
        room.detector.amend(NOON + minute, 1, 1.0, 0.0)
    verdict = room.map.scan("orange", room.detector, BUDGET)
    assert verdict is not None
    assert (verdict.start, verdict.end) == (NOON + 3, NOON + 15)


def test_the_budget_decides() -> None:
    reports = [(4 * i, "71") for i in range(5)]
    room = Room()
    assert [room.step(NOON + i, [p for at, p in reports if at == i], 0.0001) for i in range(40)] == [None] * 40


def test_what_the_newsroom_makes_of_it_teaches_the_one_tail_of_the_map() -> None:
    rarity = {}
    for belief in ("confirmed", "suspected", "dismissed"):
        room = Room()
        room.run(*[(2 * i, "71") for i in range(9)], minutes=30)
        room.map.believe("orange", belief)
        for i in range(30, 130):
            room.step(NOON + i, [])
        rarity[belief] = room.map._tail.return_days(6.0)
    assert rarity["confirmed"] > rarity["suspected"] > rarity["dismissed"]


def test_an_operator_nobody_spoke_of_has_no_alarm() -> None:
    scan = LocalScan(FRANCE)
    assert not scan.alarm("sfr")
    assert scan.scan("sfr", Detector(UTC_CALENDAR), BUDGET) is None


def test_codes_that_are_none_are_passed_over() -> None:
    assert Room().run(*[(i, "99") for i in range(8)]) == []


def test_saved_and_restored_it_goes_on_the_same() -> None:
    room = Room()
    room.run((0, "71"), (2, "71"), (4, "71"), minutes=10)
    again = Room.__new__(Room)
    again.map, again.detector = LocalScan(FRANCE), Detector.restore(UTC_CALENDAR, room.detector.snapshot())
    again.map.restore(*room.map.state())
    for heard in room.map._operators["orange"].recent:
        again.map.hear("orange", *heard)
    again.map.settle()
    for i in range(10, 120):
        said = ["71"] * (i in {11, 13, 15})
        assert room.step(NOON + i, said) == again.step(NOON + i, said)
    assert room.map.state() == again.map.state()


def test_reports_of_the_night_that_come_in_the_morning_are_archive() -> None:
    room = Room()
    for minute in range(0, 300, 3):
        room.map.hear("orange", NOON - 600 + minute, frozenset(["71"]))
    assert room.step(NOON, []) is None
