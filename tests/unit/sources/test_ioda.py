"""IODA's events: which are on, which are over, and whose they are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.operators import Operator, Service
from bot.domain.places import Level, Place
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import ConfigError
from sources.ioda import IodaSource, Settings, create
from tests.emulators.ioda import Ioda, Outage, ioda
from tests.emulators.statuspages import status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

DATA = Path(__file__).parents[2] / "data" / "ioda"
ORANGE, SFR = 3215, 15557
T = int(NOW.timestamp())
BURGUNDY = Place("R27", Level.REGION, "Bourgogne-Franche-Comté", None)
CHALON = Place("71076", Level.COMMUNE, "Chalon-sur-Saône", "71")


@pytest.fixture
async def server() -> AsyncIterator[Ioda]:
    async with ioda() as running:
        yield running


@pytest.fixture
async def world() -> AsyncIterator[SourceWorld]:
    made = SourceWorld()
    made.deps = replace(made.deps, place={"R27": BURGUNDY, "71076": CHALON}.get)
    yield made
    await made.http.real.close()


def make(world: SourceWorld, url: str, **more: Any) -> IodaSource:
    return create(Settings.model_validate({"kind": "ioda", "name": "ioda", "url": url, **more}), world.deps)


async def entries(source: IodaSource, cursor: str | None = None) -> tuple[list[StatusEntry], str | None]:
    reading = await read_once(source, cursor)
    return [event for event in reading.events if isinstance(event, StatusEntry)], reading.cursor


async def test_an_outage_that_goes_on_is_a_measure_of_its_operator(server: Ioda, world: SourceWorld) -> None:
    server.outages.append(Outage(SFR, T - 3000, datasource="ping-slash24"))
    (entry,), _ = await entries(make(world, server.url))
    assert (entry.operator, entry.observer, entry.place) == ("sfr", "ioda", None)
    assert (entry.state, entry.services) == (EntryState.IDENTIFIED, (Service.INTERNET,))
    assert entry.published_at == NOW - timedelta(seconds=3000)
    assert entry.title == "SFR (AS15557) : baisse de connectivité mesurée par IODA (sondage actif)"
    assert (entry.url or "").startswith("https://ioda.inetintel.cc.gatech.edu/asn/15557?")


async def test_it_asks_for_a_day_of_each_network_of_the_operators_there_are(server: Ioda, world: SourceWorld) -> None:
    await entries(make(world, f"{server.url}?entityCode=1&includeAlerts=false"))
    window = {"from": str(T - 86_400), "until": str(T), "entityType": "asn", "includeAlerts": "false"}
    assert server.queries == [{**window, "entityCode": "3215"}, {**window, "entityCode": "15557"}]


async def test_a_network_is_measured_in_a_region_as_well(server: Ioda, world: SourceWorld) -> None:
    source = make(world, server.url, regions={"R27": [1098, 1099]})
    server.outages.append(outage := Outage(SFR, T - 3000, region=1099))
    (entry,), cursor = await entries(source)
    assert (entry.id, entry.place, entry.area) == ("geoasn/15557-1099:bgp:" + str(T - 3000), "R27", BURGUNDY.name)
    assert entry.title.startswith("SFR (AS15557, Bourgogne-Franche-Comté) : baisse de connectivité")
    assert (entry.url or "").startswith("https://ioda.inetintel.cc.gatech.edu/region/1099?")
    assert [query["entityCode"] for query in server.queries] == [
        *("3215", "15557"),
        *("3215-1098", "15557-1098"),
        *("3215-1099", "15557-1099"),
    ]
    server.outages.remove(outage)
    (over,), _ = await entries(source, cursor)
    assert (over.id, over.place, over.state) == (entry.id, "R27", EntryState.RESOLVED)


@pytest.mark.parametrize("name", ["71076", "Atlantis"])
def test_a_region_must_be_one(world: SourceWorld, name: str) -> None:
    with pytest.raises(ConfigError, match=f"regions: must be the id of a region, such as R27; got {name}"):
        make(world, "http://127.0.0.1:9/", regions={name: [1]})


async def test_an_outage_that_ends_is_the_same_entry_and_over(server: Ioda, world: SourceWorld) -> None:
    source = make(world, server.url)
    server.outages.append(outage := Outage(ORANGE, T - 3000))
    (begun,), cursor = await entries(source)
    world.clock.move_to(NOW + timedelta(minutes=10))
    (still,), cursor = await entries(source, cursor)
    assert (still.state, still.published_at, still.body) == (begun.state, begun.published_at, begun.body)
    outage.end = T + 660
    world.clock.move_to(NOW + timedelta(minutes=20))
    (ended,), cursor = await entries(source, cursor)
    assert (ended.id, ended.state) == (begun.id, EntryState.RESOLVED)
    assert ended.published_at == NOW + timedelta(seconds=660)
    assert ended.body == "durée : 61 min ; score : 12"
    world.clock.move_to(NOW + timedelta(minutes=30))
    assert (await entries(source, cursor))[0] == [replace(ended, seen_at=world.clock.now())]


async def test_an_outage_that_is_taken_back_is_over_once(server: Ioda, world: SourceWorld) -> None:
    source = make(world, server.url)
    server.outages += [Outage(ORANGE, T - 3000), Outage(SFR, T - 3000)]
    _, cursor = await entries(source)
    del server.outages[0]
    world.clock.move_to(NOW + timedelta(minutes=10))
    told, cursor = await entries(source, cursor)
    assert [(e.operator, e.state) for e in told] == [("orange", EntryState.RESOLVED), ("sfr", EntryState.IDENTIFIED)]
    world.clock.move_to(NOW + timedelta(minutes=20))
    told, _ = await entries(make(world, server.url), cursor)
    assert [e.operator for e in told] == ["sfr"]


async def test_a_recorded_answer(world: SourceWorld) -> None:
    async with status_pages() as pages:
        pages.put("/events", (DATA / "events.json").read_bytes(), "application/json")
        told, _ = await entries(make(world, pages.url("/events"), networks={"orange": [ORANGE]}))
    assert [(e.id, e.state, e.body) for e in told] == [
        ("asn/3215:bgp:1772400000", EntryState.RESOLVED, "durée : 40 min ; score : 311"),
        ("asn/3215:ping-slash24:1772439000", EntryState.IDENTIFIED, ""),
    ]


async def test_an_error_in_a_good_answer_is_failing(server: Ioda, world: SourceWorld) -> None:
    server.error = "datasource not found"
    error = await failure(make(world, server.url))
    assert (error.state, error.reason) == (HealthState.FAILING, "IODA répond par une erreur")


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": null}',
        b'{"error": null, "data": null}',
        b'{"error": null, "data": {}}',
        b'{"error": null, "data": [{"location": "asn/3215"}]}',
        b'{"error": null, "data": [{"location": "asn/3215", "start": 1e300}]}',
        b'{"error": null, "data": [{"location": "asn/3215", "start": "now"}]}',
        b'{"error": null, "data": [{"location": "asn/3215", "start": 0, "duration": 60}]}',
        b'{"error": null, "data": [{"location": "asn/3215", "start": 1772439000, "datasource": "%s"}]}' % (b"x" * 5000),
    ],
)
async def test_another_shape_is_unreadable(world: SourceWorld, body: bytes) -> None:
    async with status_pages() as pages:
        pages.put("/events", body, "application/json")
        source = make(world, pages.url("/events"), networks={"orange": [ORANGE]})
        assert (await failure(source)).state is HealthState.UNREADABLE


async def test_an_answer_on_others_ends_nothing(world: SourceWorld) -> None:
    async with status_pages() as pages:
        pages.put("/events", (DATA / "events.json").read_bytes(), "application/json")
        both = await entries(make(world, pages.url("/events"), networks={"orange": [ORANGE], "sfr": [SFR]}))
        assert [entry.operator for entry in both[0]] == ["orange", "orange"]  # one file that is tried for all of them
        source = make(world, pages.url("/events"), networks={"orange": [ORANGE]})
        _, cursor = await entries(source)
        pages.put(
            "/events", b'{"data": [{"location": "asn/1", "start": 1772439000, "duration": 60}]}', "application/json"
        )
        assert (await failure(source, cursor)).state is HealthState.UNREADABLE


async def test_no_outages_are_a_good_answer(server: Ioda, world: SourceWorld) -> None:
    source = make(world, server.url)
    assert (await entries(source))[0] == []
    assert await source.check() == "réseaux : 2 ; événements en 24 h : 0"


def test_networks_must_be_somebodys(world: SourceWorld) -> None:
    with pytest.raises(ConfigError, match="networks: must be one of orange, sfr; got free"):
        make(world, "https://api.example", networks={"free": [1]})
    world.deps = replace(world.deps, operators={"enedis": Operator("enedis", "Enedis", (Service.POWER,))})
    with pytest.raises(ConfigError, match="none is known of enedis"):
        make(world, "https://api.example")
