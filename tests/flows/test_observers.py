"""A third party's word: it bears out what people report, opens nothing, and is never the operator's."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.commands import print_status
from bot.config import load
from bot.domain.incidents import IncidentState
from bot.domain.signals import EntryState, StatusEntry
from bot.flow.newsroom import Outlets
from bot.flow.replay import Line, replay
from bot.storage.sql import SqlStore
from bot.wiring import Core, build_core
from sources.replay import parse
from tests.flows.test_episodes import kinds, quiet_morning
from tests.flows.timetable import Day, Json, french, lived

_INTERNET = (
    "plus d'internet orange {place}",
    "panne internet orange {place} depuis ce matin",
    "ma livebox orange ne marche plus {place}, plus de connexion internet",
    "internet orange en panne {place}, vous aussi ?",
)


def fibre(day: Day, start: str = "08:10", posts: int = 20) -> Day:
    """People lose Orange's internet."""
    for index in range(posts):
        at = day.time(start) + timedelta(seconds=36 * index)
        day.post(at, _INTERNET[index % 4].format(place=("à Lille", "à Metz", "à Brest")[index % 3]), source="bluesky")
    return day


def measures(day: Day, clock: str, state: str = "identified", *, since: str | None = None, **more: Any) -> Day:
    """IODA sees Orange's network go down."""
    entry: Json = {"operator": "orange", "id": "bgp", "title": "Orange (AS3215)", "state": state, "observer": "ioda"}
    entry |= {"services": ["internet"], "published_at": day.time(since or clock).isoformat(), **more}
    return day.add(clock, status=entry)


def states(lines: list[Json]) -> list[str]:
    return [line["state"] for line in lines]


def test_people_alone_are_a_suspicion() -> None:
    assert set(states(fibre(quiet_morning()).until("09:00").run())) == {"suspected"}


def test_a_measure_confirms_what_people_report_at_once_and_is_evidence() -> None:
    day = measures(fibre(quiet_morning()), "08:40", since="08:05", url="https://example.org/asn/3215")
    lines = day.until("09:00").run()
    confirmed = next(line for line in lines if line["state"] == "confirmed")
    assert states(lines)[0] == "suspected"
    assert confirmed["at"] == day.time("08:40").isoformat()
    assert confirmed["kind"] == "update"
    assert confirmed["evidence"][0] == {
        "source": "ioda",
        "id": "bgp",
        "at": day.time("08:05").isoformat(),
        "url": "https://example.org/asn/3215",
    }
    assert "Une mesure indépendante (IODA) montre elle aussi une coupure" in confirmed["text"].replace("\u00a0", " ")


def test_it_is_never_the_operators_word() -> None:
    lines = measures(fibre(quiet_morning()), "08:40").until("09:00").run()
    assert {line["silence"]["state"] for line in lines} == {"no_channel"}


def test_one_that_came_before_the_reports_waits_for_them() -> None:
    lines = fibre(measures(quiet_morning(), "07:30")).until("09:00").run()
    assert set(states(lines)) == {"confirmed"}


def test_alone_it_opens_nothing() -> None:
    assert measures(quiet_morning(), "08:10").until("09:00").run() == []


def test_one_that_began_long_before_is_of_something_else() -> None:
    lines = fibre(measures(quiet_morning(), "06:30", since="05:00")).until("09:00").run()
    assert set(states(lines)) == {"suspected"}


def test_one_that_is_over_when_people_report_is_of_something_else() -> None:
    day = measures(measures(quiet_morning(), "07:30"), "07:50", "resolved", since="07:50")
    assert set(states(fibre(day).until("09:00").run())) == {"suspected"}


def test_an_internet_measure_says_nothing_of_mail() -> None:
    lines = measures(quiet_morning().surge("08:10", 20, 12), "08:40").until("09:00").run()
    assert "mail" in lines[0]["services"]
    assert set(states(lines)) == {"suspected"}


def test_a_measure_of_another_operator_is_of_no_concern() -> None:
    lines = measures(fibre(quiet_morning()), "08:40", operator="sfr").until("09:00").run()
    assert set(states(lines)) == {"suspected"}


def test_sites_out_of_service_open_confirm_and_say_nothing() -> None:
    day = fibre(quiet_morning())
    for number in range(30):
        site: dict[str, Any] = {"observer": "arcep", "id": f"orange/{number}", "place": "71076", "services": []}
        measures(day, "08:20", **site)
    lines = day.until("09:00").run()
    assert kinds(lines)[0] == "draft"
    assert set(states(lines)) == {"suspected"}
    assert {line["silence"]["state"] for line in lines} == {"no_channel"}


@pytest.mark.parametrize(("region", "state"), [("R32", "confirmed"), ("R27", "suspected")])
def test_a_measure_of_a_region_confirms_what_is_reported_from_there(region: str, state: str) -> None:
    day = quiet_morning()
    for index in range(20):
        at = day.time("08:10") + timedelta(seconds=36 * index)
        day.post(at, _INTERNET[index % 4].format(place=("à Lille", "à Amiens", "à Metz")[index % 3]), source="bluesky")
    lines = measures(day, "08:40", since="08:05", place=region).until("09:00").run()
    assert states(lines)[-1] == state


def test_a_measure_of_a_region_confirms_nothing_that_names_no_place() -> None:
    day = quiet_morning()
    for index in range(20):
        at = day.time("08:10") + timedelta(seconds=36 * index)
        day.post(at, _INTERNET[index % 4].format(place="").strip(), source="bluesky")
    assert set(states(measures(day, "08:40", since="08:05", place="R32").until("09:00").run())) == {"suspected"}


def test_one_that_comes_while_it_eases_does_not_reopen_it() -> None:
    lines = measures(fibre(quiet_morning()), "10:40").until("12:30").run()
    assert "confirmed" not in states(lines)
    assert states(lines)[-1] == "resolved"


# --- /status -----------------------------------------------------------------------------------------------------


def site(number: int, state: str, since: str, place: str = "71076") -> Json:
    return {"id": f"orange/{number}", "title": "Antenne hors service", "state": state, "since": since, "place": place}


def listed(day: Day, clock: str, *sites: Json) -> Day:
    """A list of sites as a source hands it over."""
    for entry in sites:
        since = day.time(entry.pop("since"))
        measures(day, clock, **entry, published_at=since.isoformat(), observer="arcep", services=["mobile"])
    return measures(day, clock, "unknown", id="liste:orange", observer="arcep", services=["mobile"])


async def test_status_tells_new_sites_from_old_ones_and_where_they_are() -> None:
    day = listed(
        Day(),
        "d+2 11:00",
        site(1, "identified", "d+2 06:00"),
        site(2, "identified", "d+1 12:00"),
        site(3, "identified", "d+1 10:00"),
        site(4, "scheduled", "d+0 10:00", "71306"),
        site(5, "identified", "d+2 07:00", "59350"),
        site(6, "resolved", "d+2 08:00"),
    )
    core, _ = await lived(list(parse(day.until("d+2 11:05").lines(), "day")))

    async def counted(place: str = "") -> list[tuple[int, int]]:
        status = await core.desk.status("orange", place)
        assert status is not None
        assert all(sites.listed_at == day.time("d+2 11:00") for sites in status.sites)
        return [(sites.fresh, sites.older) for sites in status.sites]

    assert await counted() == [(3, 2)]
    assert await counted("Chalon-sur-Saône") == [(2, 1)]
    assert await counted("71") == [(2, 2)]
    assert await counted("Lyon") == [(0, 0)]
    assert await counted("Nulle-Part-sur-Mer") == []
    status = await core.desk.status("sfr", "Lille")
    assert status is not None
    assert status.sites == ()


async def test_a_site_that_is_listed_no_more_is_out_no_more() -> None:
    day = listed(Day(), "08:00", site(1, "identified", "06:00"))
    listed(day, "09:00", site(1, "resolved", "09:00"))
    core, _ = await lived(list(parse(day.until("09:05").lines(), "day")))
    status = await core.desk.status("orange")
    assert status is not None
    assert [(sites.fresh, sites.older) for sites in status.sites] == [(0, 0)]


# --- restarts ----------------------------------------------------------------------------------------------------


async def wake(path: Path, lines: Sequence[Line], *, sources: tuple[tuple[str, str, bool], ...] = ()) -> Core:
    """A newsroom on a store, after it has lived through more lines; the store is closed again."""
    store = SqlStore(path)
    await store.open()
    clock = ManualClock(lines[0].at)
    core = build_core(
        load(None, {}),
        store=store,
        clock=clock,
        classifier=french(),
        outlets=Outlets(),
        author_key=b"tests",
        sources=sources,
    )
    await core.newsroom.wake()
    await replay(lines, "day", core.newsroom, clock)
    await store.close()
    return core


async def test_a_measure_outlives_a_restart(tmp_path: Path) -> None:
    day = fibre(measures(quiet_morning(), "07:30")).until("09:00")
    lines = list(parse(day.lines(), "day"))
    night = next(n for n, line in enumerate(lines) if line.at > day.time("07:40"))
    await wake(tmp_path / "vigie.db", lines[:night])
    core = await wake(tmp_path / "vigie.db", lines[night:])
    assert core.newsroom.cases.episodes["orange"].incident.state is IncidentState.CONFIRMED
    assert core.newsroom.channels.latest("orange", day.time("00:00")) is None


async def test_a_confirmed_incident_keeps_its_observation_over_a_restart(tmp_path: Path) -> None:
    day = measures(fibre(quiet_morning()), "08:40").until("09:00")
    lines = list(parse(day.lines(), "day"))
    await wake(tmp_path / "vigie.db", lines[:-1])
    core = await wake(tmp_path / "vigie.db", lines[-1:])
    incident = core.newsroom.cases.episodes["orange"].incident
    assert [observation.observer for observation in incident.observations] == ["ioda"]
    assert incident.state is IncidentState.CONFIRMED


async def test_sites_outlive_a_restart_but_not_their_source(tmp_path: Path) -> None:
    day = listed(Day(), "08:00", site(1, "identified", "06:00")).until("08:05")
    lines = list(parse(day.lines(), "day"))
    await wake(tmp_path / "vigie.db", lines)
    core = await wake(tmp_path / "vigie.db", lines[-1:], sources=(("arcep", "mobile_sites", False),))
    assert core.newsroom.observers.sites("orange", None)[0].fresh == 1
    core = await wake(tmp_path / "vigie.db", lines[-1:], sources=(("bluesky", "bluesky", True),))
    assert core.newsroom.observers.sites("orange", None) == ()


def test_a_replay_with_an_observer_gives_the_same_bytes_twice() -> None:
    day = measures(fibre(quiet_morning()), "08:40").until("09:00")
    assert day.run() == day.run()


def test_an_entry_without_observer_is_the_operators_as_before() -> None:
    line = next(iter(parse(Day().says("08:00", "investigating").lines(), "day")))
    assert isinstance(line.event, StatusEntry)
    assert (line.event.observer, line.event.place, line.event.state) == (None, None, EntryState.INVESTIGATING)
    assert asyncio.run(lived([line]))[1][0].incident.statement is not None


async def test_the_command_line_tells_the_sites_of_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = listed(Day(), "08:00", site(1, "identified", "06:00"), site(2, "identified", "06:00", "59350"))
    await wake(tmp_path / "vigie.db", list(parse(day.until("08:05").lines(), "day")))
    config = tmp_path / "config.toml"
    config.write_text(
        f'[store]\npath = "{tmp_path}/vigie.db"\n'
        '[[sources]]\nkind = "mobile_sites"\nname = "arcep"\nurl = "https://example.org/list"\n'
    )
    await print_status(load(config, {}), "orange", "Chalon-sur-Saône")
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Antennes hors service, Chalon-sur-Saône (71)" in shown
    assert "1 depuis moins de 24 h, 0 de plus longue date · liste de l’ARCEP" in shown
