"""Lists of mobile sites out of service: every shape they have had, and what becomes of a site from day to day."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.operators import Service
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import ConfigError
from sources._sitelists import SiteOut, local_time, read_list
from sources._siterows import ListError
from sources.mobile_sites import MobileSitesSource, Settings, create
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once
from tests.flows.timetable import french

DATA = Path(__file__).parents[2] / "data" / "mobile_sites"
IDENTIFIED, SCHEDULED, RESOLVED, UNKNOWN = (
    EntryState.IDENTIFIED,
    EntryState.SCHEDULED,
    EntryState.RESOLVED,
    EntryState.UNKNOWN,
)


def sites(name: str) -> list[SiteOut]:
    return read_list((DATA / name).read_bytes())


def paris(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    """A time of winter."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


# --- shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "lost", "begun", "count"),
    [
        ("arcep.geojson", ("0712390001", "71076"), "voix et données", paris(2026, 3, 2, 6, 12), 7),
        ("orange.csv", ("00012345X1", "71076"), "voix et données", paris(2026, 3, 2, 6, 12), 2),
        ("sfr.csv", ("710123", "71076"), "voix et données", None, 2),
        ("bouygues.csv", ("T12345", "59350"), "voix et données", paris(2026, 3, 1, 22, 15), 2),
        ("free.csv", ("71076_001_01", "71076"), "voix et données", paris(2026, 3, 2, 5, 0), 2),
        ("free_2020.csv", ("", ""), "voix et données", None, 2),
        ("sfr_2020.csv", ("", "71076"), "voix", None, 1),
        ("orange_2020.csv", ("", ""), "voix et données", paris(2026, 3, 1, 18, 30), 1),
    ],
)
def test_each_shape_is_read(name: str, first: tuple[str, str], lost: str, begun: datetime | None, count: int) -> None:
    found = sites(name)
    assert len(found) == count
    assert (found[0].key, found[0].insee) == first
    assert (found[0].lost, found[0].begun, found[0].maintenance) == (lost, begun, False)
    assert found[0].commune.upper().replace("-", " ").replace("Ô", "O") in {"CHALON SUR SAONE", "LILLE"}


def test_details_of_the_columns() -> None:
    orange = sites("orange.csv")[1]
    assert (orange.lost, orange.maintenance) == ("données 4G et 5G", True)
    assert (orange.detail, orange.ends) == ("Travaux; accès difficile", "02/03/2026 à 20 h 00")
    assert orange.position == (46.801, 4.44)
    sfr = sites("sfr.csv")[1]
    assert (sfr.insee, sfr.departement, sfr.lost, sfr.detail) == ("01004", "01", "données", "Équipement en défaut")
    corsican = sites("free.csv")[1]
    assert (corsican.insee, corsican.postcode, corsican.lost) == ("2A004", "20000", "données 4G")
    assert sites("bouygues.csv")[1].begun == paris(2026, 2, 10, 0, 0)
    assert sites("free_2020.csv")[1].lost == "données"
    assert sites("orange_2020.csv")[0].ends == "03/03/2026"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_charset_separator_and_line_end(encoding: str, separator: str, end: str) -> None:
    header = ["code_site_op", "Département", "Commune", "Code INSEE", "voix", "data", "détail"]
    row = ["1", "71", "Chalon-sur-Saône", "71076", "HS", "OK", f'"réparé{separator} à dix heures"']
    body = end.join(separator.join(cells) for cells in (["Mise à jour"], header, row, ["Légende"])).encode(encoding)
    (site,) = read_list(body)
    assert (site.commune, site.lost) == ("Chalon-sur-Saône", "voix")
    assert site.detail == f"réparé{separator} à dix heures".replace("\t", "")


def test_a_quote_that_is_never_closed_spoils_its_own_line_only() -> None:
    body = (DATA / "orange.csv").read_bytes().replace(b"INT;Panne", b'INT;"Panne', 1)
    assert [site.key for site in read_list(body)] == ["00012345X1", "00012346X1"]


def test_a_text_in_quotes_may_be_of_several_lines() -> None:
    rows = '9;71;Chalon;71076;"Coupure\r\nÉquipe, ""demain"""', '8;59;Lille;59350;"sans fin', '6;59;Lille;59350;"ni là'
    body = "\r\n".join(("code_site_op;departement;commune;code_insee;detail", *rows, "7;59;Lille;59350;")).encode(
        "cp1252"
    )
    assert [(site.key, site.detail) for site in read_list(body)] == [
        ("9", 'Coupure Équipe, "demain"'),
        ("8", "sans fin"),
        ("6", "ni là"),
        ("7", ""),
    ]


@pytest.mark.parametrize(
    ("services", "lost"),
    [
        ("HS;OK;OK;HS;OK;OK", "voix 2G"),  # an operator calls voice out where one generation is
        ("OK;HS;OK;HS;OK;HS", "voix 3G et données"),
        ("HS;HS;;HS;HS;HS", "voix et données"),
        ("HS;OK;;;OK;", "voix 2G"),
        ("OK;OK;;HS;OK;OK", "voix"),
        ("HS;;;OK;;OK", "voix 2G"),
        (";;;Non disponible;;Interrompu", "voix et données"),
        ("NE;NE;NE;NE;NE;NE", ""),
    ],
)
def test_what_is_out_is_told_of_each_generation(services: str, lost: str) -> None:
    body = f"departement;commune;code_insee;2Gvoix;3Gvoix;4Gvoix;voix;4Gdata;data\n71;Chalon;71076;{services}".encode()
    assert [site.lost for site in read_list(body)] == [lost]


def test_an_operator_is_known_by_its_name_before_its_code() -> None:
    named = b"op_code;operateur;departement;commune;code_insee\n20801;Orange;71;Chalon;71076\nsfr;;71;Chalon;71076"
    assert [site.operator for site in read_list(named)] == ["Orange", "sfr"]


def test_a_cell_is_cut_and_holds_no_nul() -> None:
    body = f"code_site_op;departement;commune;code_insee;detail\n9\0;71;Chalon;71076;{'x' * 5000}".encode()
    assert [(site.key, site.detail) for site in read_list(body)] == [("9", "x" * 500)]


def test_a_site_of_which_all_works_is_not_out() -> None:
    body = b"departement;commune;code_insee;2Gvoix;voix;data\n71;Chalon;71076;OK;OK;OK\n71;Chalon;71076;;En service;\n"
    assert read_list(body) == []
    assert read_list(b'{"features": [{"properties": {"commune": "Chalon", "voix": "OK"}}]}') == []


def test_columns_and_places_that_are_written_otherwise() -> None:
    body = (
        "Opérateur|Département|Commune|Latitude|Longitude|Voix|Date de début|Date de fin prévue\n"
        "Orange|71 - Saône-et-Loire|Chalon|46°46'52\"N|4°51'13,5\"O|HS|26-02-2026 22h10|27/02/2026\n"
        "Orange|Saône-et-Loire|Le Creusot|||HS||\n"
    ).encode()
    first, second = read_list(body)
    assert (first.operator, first.departement, first.begun) == ("Orange", "71", paris(2026, 2, 26, 22, 10))
    assert first.position == pytest.approx((46.78111, -4.85375), abs=1e-4)
    assert (first.ends, second.departement) == ("27/02/2026", "SAÔNE-ET-LOIRE")
    spreadsheet = read_list(b"departement,commune,code_insee,voix\n1.0,AMBERIEU EN BUGEY,1004.0,HS\n")
    assert [(site.departement, site.insee) for site in spreadsheet] == [("01", "01004")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (HTML_ERROR, "une page HTML"),
        (b"\xef\xbb\xbf<html></html>", "une page HTML"),
        (b"PK\x03\x04 and so on", "un fichier Excel"),
        (b"\xd0\xcf\x11\xe0 and so on", "un fichier Excel"),
        (b'{"type": "FeatureCollection"}', "du JSON sans les sites"),
        (b'{"features": {}}', "du JSON sans les sites"),
        (b'{"features": [', "du JSON sans les sites"),
        (b'{"features": [{"geometry": null, "properties": {}}]}', "aucun point n’est une antenne"),
        (b"[]", "du JSON sans les sites"),
        (b"a;b;c\n1;2;3", "ni les colonnes"),
        (b"date;commune\n1;2", "ni les colonnes"),
    ],
)
def test_what_is_no_list_says_what_it_is(body: bytes, why: str) -> None:
    with pytest.raises(ListError, match=why):
        read_list(body)


def test_a_feature_that_is_none_costs_no_other() -> None:
    whole = json.loads((DATA / "arcep.geojson").read_bytes())
    whole["features"][1:1] = [3, {"properties": []}, {"geometry": {"coordinates": "x"}, "properties": {"commune": 3}}]
    assert len(read_list(json.dumps(whole).encode())) == 8  # a commune called 3 is one all the same


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-07-01 06:12:00", datetime(2026, 7, 1, 4, 12, tzinfo=UTC)),
        ("01/07/2026 06:12:00", datetime(2026, 7, 1, 4, 12, tzinfo=UTC)),
        ("2026-03-02T06:12:00Z", datetime(2026, 3, 2, 6, 12, tzinfo=UTC)),
        ("2026-03-02T06:12:00+01:00", datetime(2026, 3, 2, 5, 12, tzinfo=UTC)),
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first of two
        ("2026-03-02 06:12:00+01", datetime(2026, 3, 2, 5, 12, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 05:12:00 GMT", datetime(2026, 3, 2, 5, 12, tzinfo=UTC)),
        ("1772428320", datetime(2026, 3, 2, 5, 12, tzinfo=UTC)),
        ("99/99/2026", None),
        ("bientôt", None),
    ],
)
def test_times_are_those_of_paris(text: str, when: datetime | None) -> None:
    assert local_time(text) == when


# --- entries -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


@pytest.fixture
async def world() -> AsyncIterator[SourceWorld]:
    made = SourceWorld()
    operators = {operator.id: operator for operator in french().operators if operator.id != "bouygues"}
    made.deps = replace(made.deps, operators=operators, place=french().located)
    yield made
    await made.http.real.close()


def make(world: SourceWorld, url: str, **more: Any) -> MobileSitesSource:
    return create(Settings.model_validate({"kind": "mobile_sites", "url": url, **more}), world.deps)


async def read(source: MobileSitesSource, cursor: str | None = None) -> tuple[dict[str, StatusEntry], str | None]:
    reading = await read_once(source, cursor)
    return {event.id: event for event in reading.events if isinstance(event, StatusEntry)}, reading.cursor


def csv(*rows: str, columns: str = "code_site_op;departement;commune;code_insee;voix;data;debut") -> bytes:
    return "\n".join((columns, *rows)).encode()


async def test_arceps_list_speaks_of_every_operator_that_is_watched(pages: StatusPages, world: SourceWorld) -> None:
    pages.put("/raw", (DATA / "arcep.geojson").read_bytes(), "application/json")
    source = make(world, pages.url("/raw"))
    told, _ = await read(source)
    chalon = told["orange/0712390001"]
    assert chalon.title == "Antenne hors service à Chalon-sur-Saône (71) : voix et données"
    assert (chalon.state, chalon.services, chalon.observer) == (IDENTIFIED, (Service.MOBILE,), "arcep")
    assert (chalon.place, chalon.area) == ("71076", "Chalon-sur-Saône (71)")
    assert (chalon.published_at, chalon.body) == (paris(2026, 3, 2, 6, 12), "Panne de transmission")
    works = next(entry for entry in told.values() if entry.place == "71306")
    assert (works.state, works.title) == (
        SCHEDULED,
        "Antenne en maintenance à Montceau-les-Mines (71) : données 4G et 5G",
    )
    assert works.body == "Travaux ; rétablissement prévu : 05/03/2026 à 18 h 00"
    assert (told["sfr/0691390077"].place, told["sfr/0691390077"].area) == ("69123", "Lyon (69)")
    assert told["free/0591390004"].operator == "free"
    assert [entry.place for entry in told.values() if "Creusot" in entry.title] == ["71153"]
    assert told["orange/liste"].title == "Antennes hors service : 1 depuis moins de 24 h, 2 de plus longue date"
    assert (told["orange/liste"].state, told["orange/liste"].place) == (UNKNOWN, None)
    assert {entry.operator for entry in told.values()} == {"orange", "sfr", "free"}
    assert await source.check() == "5 antennes hors service, 1 d’opérateurs non suivis"


async def test_doubles_are_one_site_with_the_widest_loss_since_the_first_time(
    pages: StatusPages, world: SourceWorld
) -> None:
    rows = "9;71;Chalon;71076;OK;HS;2026-03-01 08:00:00", "9;71;Chalon;71076;HS;HS;2026-03-01 10:00:00"
    pages.put("/raw", csv(*rows), "text/csv")
    told, _ = await read(make(world, pages.url("/raw"), operator="orange"))
    assert set(told) == {"orange/9", "orange/liste"}
    assert told["orange/9"].title.endswith(": voix et données")
    assert told["orange/9"].published_at == paris(2026, 3, 1, 8, 0)
    assert told["orange/9"].observer == "mobile_sites"


async def test_works_beside_an_incident_are_the_lesser_news(pages: StatusPages, world: SourceWorld) -> None:
    def feature(reason: str, begun: str, **services: str) -> dict[str, Any]:
        named = {"operateur": "Orange", "commune": "Chalon", "code_insee": "71076", "station_anfr": "9"}
        return {"properties": named | services | {"raison": reason, "detail": reason, "debut": begun}}

    both = [
        feature("MAINT", "2026-03-01 08:00:00", data4g="HS", data3g="OK", data="HS"),
        feature("INT", "2026-03-01 17:50:21", voix2g="HS", voix3g="OK", voix="HS"),
    ]
    pages.put("/raw", json.dumps({"features": both}), "application/json")
    told, _ = await read(make(world, pages.url("/raw")))
    site = told["orange/0000000009"]
    assert site.title == "Antenne hors service à Chalon-sur-Saône (71) : voix 2G et données 4G"
    assert (site.state, site.body) == (IDENTIFIED, "INT")
    assert site.published_at == paris(2026, 3, 1, 17, 50) + timedelta(seconds=21)


async def test_works_of_tonight_say_when_they_begin(pages: StatusPages, world: SourceWorld) -> None:
    columns = "code_site_op;departement;commune;code_insee;voix;raison;debut"
    pages.put("/raw", csv("9;71;Chalon;71076;HS;MAINT;02/03/2026 20:00", columns=columns), "text/csv")
    told, _ = await read(make(world, pages.url("/raw"), operator="orange"))
    assert (told["orange/9"].state, told["orange/9"].body) == (SCHEDULED, "début prévu : 02/03/2026 à 20 h 00")
    assert told["orange/9"].published_at < NOW


async def test_a_site_that_is_listed_no_more_is_over_once(pages: StatusPages, world: SourceWorld) -> None:
    both = "9;71;Chalon;71076;HS;HS;2026-03-01 08:00:00", "8;59;Lille;59350;HS;HS;2026-03-01 08:00:00"
    pages.put("/raw", csv(*both), "text/csv")
    _, cursor = await read(make(world, pages.url("/raw"), operator="orange"))
    pages.put("/raw", csv(both[1]), "text/csv")
    told, cursor = await read(make(world, pages.url("/raw"), operator="orange"), cursor)
    assert {key: entry.state for key, entry in told.items()} == {
        "orange/9": RESOLVED,
        "orange/8": IDENTIFIED,
        "orange/liste": UNKNOWN,
    }
    assert told["orange/9"].title == "Antenne de nouveau en service à Chalon-sur-Saône (71)"
    assert told["orange/9"].place == "71076"
    pages.put("/raw", csv(both[1], "") + b"\n", "text/csv")
    told, _ = await read(make(world, pages.url("/raw"), operator="orange"), cursor)
    assert set(told) == {"orange/8", "orange/liste"}


async def test_a_list_without_any_of_an_operators_sites_repairs_none(pages: StatusPages, world: SourceWorld) -> None:
    whole = json.loads((DATA / "arcep.geojson").read_bytes())
    pages.put("/raw", json.dumps(whole), "application/json")
    _, cursor = await read(make(world, pages.url("/raw")))
    whole["features"] = [f for f in whole["features"] if (f["properties"] or {}).get("op_code") != "orange"]
    pages.put("/raw", json.dumps(whole), "application/json")
    told, cursor = await read(make(world, pages.url("/raw")), cursor)
    assert {entry.operator for entry in told.values()} == {"sfr", "free"}
    pages.put("/raw", '{"features": []}', "application/json")
    told, cursor = await read(make(world, pages.url("/raw")), cursor)
    assert told == {}
    pages.put("/raw", (DATA / "arcep.geojson").read_bytes(), "application/json")
    told, _ = await read(make(world, pages.url("/raw")), cursor)
    assert RESOLVED not in {entry.state for entry in told.values()}


async def test_a_header_alone_is_a_list_without_sites(pages: StatusPages, world: SourceWorld) -> None:
    pages.put("/raw", csv(), "text/csv")
    told, cursor = await read(make(world, pages.url("/raw"), operator="orange"))
    assert {key: entry.title for key, entry in told.items()} == {
        "orange/liste": "Antennes hors service : 0 depuis moins de 24 h, 0 de plus longue date"
    }
    assert cursor is not None


async def test_a_list_that_names_no_operator_needs_the_setting(pages: StatusPages, world: SourceWorld) -> None:
    pages.put("/raw", (DATA / "sfr.csv").read_bytes(), "text/csv")
    error = await failure(make(world, pages.url("/raw")))
    assert error.state is HealthState.UNREADABLE
    assert "« operator »" in error.reason
    assert "sfr/710123" in (await read(make(world, pages.url("/raw"), operator="sfr")))[0]


async def test_a_site_without_a_time_is_out_since_we_first_saw_it(pages: StatusPages, world: SourceWorld) -> None:
    old, new = "9;71;Chalon;71076;HS;HS;", "8;59;Lille;59350;HS;HS;"
    pages.put("/raw", csv(old), "text/csv")
    told, cursor = await read(make(world, pages.url("/raw"), operator="orange"))
    assert told["orange/9"].published_at == NOW - timedelta(days=1)  # we cannot say that it is new
    world.clock.move_to(NOW + timedelta(hours=1))
    pages.put("/raw", csv(old, new), "text/csv")
    told, cursor = await read(make(world, pages.url("/raw"), operator="orange"), cursor)
    assert told["orange/9"].published_at == NOW - timedelta(days=1)
    assert told["orange/8"].published_at == NOW + timedelta(hours=1)
    world.clock.move_to(NOW + timedelta(hours=2))
    pages.put("/raw", csv(new, old), "text/csv")
    told, _ = await read(make(world, pages.url("/raw"), operator="orange"), cursor)
    assert told["orange/8"].published_at == NOW + timedelta(hours=1)


async def test_a_site_without_a_number_keeps_its_id(pages: StatusPages, world: SourceWorld) -> None:
    pages.put("/raw", (DATA / "free_2020.csv").read_bytes(), "text/csv")
    first, _ = await read(make(world, pages.url("/raw"), operator="free"))
    pages.put("/raw", (DATA / "free_2020.csv").read_bytes().replace(b"OK,HS", b"HS,HS"), "text/csv")
    second, _ = await read(make(world, pages.url("/raw"), operator="free"))
    assert first.keys() == second.keys()
    assert len(first) == 3
    assert {entry.place for entry in first.values()} == {"71076", "59350", None}


async def test_places_that_cannot_be_told_are_somewhere(pages: StatusPages, world: SourceWorld) -> None:
    rows = ("1;71;Nulle-Part;;HS;HS;", "2;;Nulle-Part;99999;HS;HS;", "3;Saône-et-Loire;Nulle-Part;;HS;HS;")
    features = [{"properties": {"op_code": "free", "station_anfr": 4, "commune": "Nulle-Part"}}]
    pages.put("/raw", csv(*rows), "text/csv")
    told, _ = await read(make(world, pages.url("/raw"), operator="orange"))
    assert {key: entry.place for key, entry in told.items()} == {
        "orange/1": "D71",
        "orange/2": "99999",
        "orange/3": "D71",
        "orange/liste": None,
    }
    pages.put("/raw", json.dumps({"features": features}), "application/json")
    told, _ = await read(make(world, pages.url("/raw")))
    assert told["free/0000000004"].place == "FR"


async def test_the_lists_time_is_its_servers_else_its_own(pages: StatusPages, world: SourceWorld) -> None:
    async def answer(_: Any) -> Any:
        from aiohttp import web  # noqa: PLC0415

        body = (DATA / "arcep.geojson").read_bytes()
        return web.Response(body=body, headers={"Last-Modified": "Mon, 02 Mar 2026 08:02:00 GMT"})

    pages.answers["/raw"] = answer
    told, _ = await read(make(world, pages.url("/raw")))
    assert told["orange/liste"].published_at == datetime(2026, 3, 2, 8, 2, tzinfo=UTC)
    pages.put("/raw", (DATA / "arcep.geojson").read_bytes(), "application/json")
    told, _ = await read(make(world, pages.url("/raw")))
    assert told["orange/liste"].published_at == paris(2026, 3, 2, 0, 0)
    pages.put_plain(
        "/raw", b"Sites indisponibles au 01/03/2026 \xe0 06h00;;\n" + csv("9;71;Chalon;71076;HS;HS;"), "text/csv"
    )
    told, _ = await read(make(world, pages.url("/raw"), operator="orange"))
    assert told["orange/liste"].published_at == paris(2026, 3, 1, 6, 0)
    pages.put("/raw2026-02-28.csv", csv("9;71;Chalon;71076;HS;HS;2026-02-27 20:00:00"), "text/csv")
    told, _ = await read(make(world, pages.url("/raw2026-02-28.csv"), operator="orange"))
    assert told["orange/liste"].published_at == paris(2026, 2, 28, 11, 0)
    assert told["orange/liste"].title.startswith("Antennes hors service : 1 depuis moins de 24 h")


# --- dated lists -------------------------------------------------------------------------------------------------


async def test_the_newest_of_the_last_ten_days_is_read(pages: StatusPages, world: SourceWorld) -> None:
    pages.put("/2026-02-27.csv", csv("9;71;Chalon;71076;HS;HS;"), "text/csv")
    source = make(world, pages.url("/{date}.csv"), operator="orange")
    told, cursor = await read(source)
    assert "orange/9" in told
    assert pages.served == [f"/{day}.csv" for day in ("2026-03-02", "2026-03-01", "2026-02-28", "2026-02-27")]
    assert (await read(source, cursor))[0] == {}
    assert pages.statuses[-1] == 304
    pages.put("/2026-03-02.csv", csv("8;59;Lille;59350;HS;HS;"), "text/csv")
    told, _ = await read(source, cursor)
    assert {told["orange/8"].state, told["orange/9"].state} == {IDENTIFIED, RESOLVED}


async def test_no_list_in_ten_days_is_failing_and_the_catalogue_may_know_another(
    pages: StatusPages, world: SourceWorld
) -> None:
    error = await failure(make(world, pages.url("/{date}.csv"), operator="orange"))
    assert (error.state, error.reason) == (HealthState.FAILING, "rien à cette adresse (HTTP 404)")
    assert len(pages.served) == 11
    moved = [
        {"format": None, "title": None, "url": pages.url("/2026-03-03.html")},
        {"format": "csv", "title": "2026-03-02.csv", "url": pages.url("/x.csv")},
        {"format": "geojson", "title": "2026-02-10.geojson", "url": pages.url("/old.geojson")},
        {"format": "geojson", "title": "liste", "url": pages.url("/new/2026-02-11.geojson")},
        {"format": "geojson", "title": "2026-02-12.geojson", "url": "file:///etc/passwd"},
    ]
    pages.put("/dataset", json.dumps({"resources": moved}), "application/json")
    pages.put("/new/2026-02-11.geojson", (DATA / "arcep.geojson").read_bytes(), "application/json")
    told, _ = await read(make(world, pages.url("/{date}.geojson"), catalogue=pages.url("/dataset")))
    assert "orange/0712390001" in told
    pages.put("/dataset", '{"resources": []}', "application/json")
    error = await failure(make(world, pages.url("/{date}.geojson"), catalogue=pages.url("/dataset")))
    assert error.state is HealthState.UNREADABLE


async def test_a_server_that_is_down_is_not_asked_for_ten_days(pages: StatusPages, world: SourceWorld) -> None:
    pages.put_status("/2026-03-02.csv", 503)
    assert (await failure(make(world, pages.url("/{date}.csv"), operator="orange"))).state is HealthState.UNREACHABLE
    assert len(pages.served) == 1


# --- size --------------------------------------------------------------------------------------------------------


async def test_a_storm_of_sites_comes_in_parts_and_the_loop_goes_on(pages: StatusPages, world: SourceWorld) -> None:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [4.85, 46.78]},
            "properties": {
                "op_code": ("orange", "sfr", "free")[number % 3],
                "code_insee": "71076",
                "commune": "CHALON SUR SAONE",
                "station_anfr": f"{number:010}",
                "voix": "HS",
                "data": "HS",
                "debut": "2026-03-02 06:12:00",
                "detail": "x" * 400,
            },
        }
        for number in range(12_000)
    ]
    body = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    assert len(body) > 5 * 1024 * 1024
    pages.put_plain("/raw", body, "application/json")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        readings = [reading async for reading in make(world, pages.url("/raw")).read(None)]
        ticking.cancel()
    assert sum(len(reading.events) for reading in readings) == 12_003
    assert max(len(reading.events) for reading in readings) == 250
    assert [reading.cursor is None for reading in readings] == [True] * (len(readings) - 1) + [False]
    assert ticks > 5  # it was parsed beside the loop


def test_an_operator_that_nobody_watches_is_a_configuration_error(world: SourceWorld) -> None:
    with pytest.raises(ConfigError, match="operator: must be one of orange, sfr"):
        make(world, "https://example.org/list.csv", operator="bouygues")


@pytest.mark.parametrize(
    ("address", "operator"),
    [("/static/orange_hs.csv", "orange"), ("/media/SFR/sites.csv", "sfr"), ("/orange-sfr.csv", None)],
)
async def test_a_list_that_names_nobody_is_of_whom_its_address_names(address: str, operator: str | None) -> None:
    listed = (
        "Liste des sites hors services\nDate de mise à jour : 01/03/2026 06:00\n\n"
        "departement;code_insee;commune;code_site_op;voix;data;raison;debut\n"
        "71;71076;CHALON SUR SAONE;710123;HS;HS;INT;28/02/2026 23:10:00\n"
    )
    async with status_pages() as pages:
        world = SourceWorld()
        pages.put_plain(address, listed.encode("cp1252"), "text/csv")
        settings = Settings.model_validate({"kind": "mobile_sites", "url": pages.url(address)})
        source = create(settings, world.deps)
        if operator is None:
            assert "il manque le réglage « operator »" in (await failure(source)).reason
        else:
            *sites, total = (await read_once(source)).events
            assert {site.operator for site in sites if isinstance(site, StatusEntry)} == {operator}
            assert isinstance(total, StatusEntry)
            assert total.title == "Antennes hors service : 1 depuis moins de 24 h, 0 de plus longue date"
        await world.http.real.close()
