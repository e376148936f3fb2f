"""Status pages' JSON in its shapes: entries from incidents, never from the page's own verdict."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.operators import Service
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.ports import Reading
from sources.statuspage import Settings, StatuspageSource, create
from tests.emulators.statuspages import StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

DATA = Path(__file__).parents[2] / "data" / "statuspage"
SUMMARY, INCIDENTS, INSTATUS = ((DATA / f"{name}.json").read_text() for name in ("summary", "incidents", "instatus"))


class Setting:
    def __init__(self, pages: StatusPages) -> None:
        self.pages = pages
        self.world = SourceWorld()
        self.source = self.make()

    def make(self, path: str = "", **more: object) -> StatuspageSource:
        url = self.pages.url(path)
        settings = Settings.model_validate({"kind": "statuspage", "operator": "orange", "url": url} | more)
        return create(settings, self.world.deps)

    async def read(
        self, summary: str, incidents: str, cursor: str | None = None
    ) -> tuple[dict[str, StatusEntry], Reading]:
        self.pages.put("/api/v2/summary.json", summary, "application/json")
        self.pages.put("/api/v2/incidents.json", incidents, "application/json")
        reading = await read_once(self.source, cursor)
        return {entry.id: entry for entry in reading.events if isinstance(entry, StatusEntry)}, reading


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with status_pages() as pages:
        made = Setting(pages)
        yield made
        await made.world.http.real.close()


async def test_incidents_maintenances_and_lone_components(setting: Setting) -> None:
    entries, _ = await setting.read(SUMMARY, INCIDENTS)
    assert {key: entry.state for key, entry in entries.items()} == {
        "inc2": EntryState.IDENTIFIED,  # though the page says that all systems are operational
        "inc1": EntryState.RESOLVED,
        "inc0": EntryState.RESOLVED,
        "m1": EntryState.SCHEDULED,
        "component:c2": EntryState.INVESTIGATING,  # broken, and no incident speaks of it
    }
    entry = entries["inc2"]
    assert (entry.title, entry.body) == ("Accès perturbés", "L'origine du problème est identifiée.")
    assert entry.published_at == datetime(2026, 3, 2, 8, 40, tzinfo=UTC)  # of its latest update
    assert entry.url == "https://stspg.example/inc2"
    assert entries["component:c2"].title == "Réseau mobile : panne partielle"
    assert entries["inc0"].published_at == datetime(2019, 2, 20, 19, 40, 58, 586000, tzinfo=UTC)
    assert all(entry.published_at <= NOW for entry in entries.values())


async def test_components_and_their_groups_name_services(setting: Setting) -> None:
    words = {"messagerie": "mail", "mobile": "mobile", "télévision": "tv"}
    setting.source = setting.make(service_words=words, services=["internet"])
    entries, _ = await setting.read(SUMMARY, INCIDENTS)
    assert entries["inc2"].services == (Service.MAIL,)  # its component is « Webmail », of the group « Messagerie »
    assert entries["inc1"].services == (Service.TV,)
    assert entries["component:c2"].services == (Service.MOBILE,)
    assert entries["m1"].services == (Service.INTERNET,)


async def test_only_the_document_that_changed_is_told(setting: Setting) -> None:
    _, first = await setting.read(SUMMARY, INCIDENTS)
    entries, _ = await setting.read(
        SUMMARY, INCIDENTS.replace('"status": "identified"', '"status": "resolved"', 1), first.cursor
    )
    assert entries["inc2"].state is EntryState.RESOLVED
    assert "m1" not in entries


async def test_a_component_that_works_again_is_told_once(setting: Setting) -> None:
    _, reading = await setting.read(SUMMARY, INCIDENTS)
    whole = SUMMARY.replace(
        '"partial_outage", "updated_at": "2026-03-02T06:30', '"operational", "updated_at": "2026-03-02T07:30'
    )
    entries, reading = await setting.read(whole, INCIDENTS, reading.cursor)
    assert entries["component:c2"].state is EntryState.RESOLVED
    assert entries["component:c2"].published_at == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    entries, _ = await setting.read(whole.replace("Entretien", "Travaux"), INCIDENTS, reading.cursor)
    assert "component:c2" not in entries


async def test_of_an_endless_page_the_newest_is_told(setting: Setting) -> None:
    incidents = [{"id": f"i{n}", "name": f"Panne {n}", "status": "identified"} for n in range(1_000)]
    parts = [{"id": f"c{n}", "name": f"Partie {n}", "status": "major_outage"} for n in range(1_000)]
    work = {"id": "m", "name": "Travaux", "status": "scheduled"}
    page = {"page": {"name": "Orange"}, "incidents": incidents, "components": parts, "scheduled_maintenances": [work]}
    none = json.dumps({"page": {"name": "Orange"}, "incidents": []})
    entries, first = await setting.read(json.dumps(page), none)
    assert [key for key in entries if key[0] in "im"] == [*(f"i{n}" for n in range(300)), "m"]
    assert len(entries) == 601
    whole = [part | {"status": "operational"} for part in parts]
    entries, _ = await setting.read(json.dumps(page | {"components": whole}), none, first.cursor)
    assert {entry.state for key, entry in entries.items() if key.startswith("c")} == {EntryState.RESOLVED}
    assert len(entries) == 601


async def test_an_incident_that_vanishes_is_not_resolved(setting: Setting) -> None:
    _, reading = await setting.read(SUMMARY, INCIDENTS)
    empty = '{"page": {"name": "Opérateur Exemple"}, "incidents": []}'
    entries, _ = await setting.read(empty, empty, reading.cursor)
    assert entries == {}


async def test_one_document_at_an_address_of_its_own(setting: Setting) -> None:
    setting.pages.put("/summary.json", INSTATUS, "application/json")
    source = setting.make("/summary.json")
    reading = await read_once(source)
    [entry] = [event for event in reading.events if isinstance(event, StatusEntry)]
    assert (entry.title, entry.state) == ("Messages en retard", EntryState.IDENTIFIED)  # the page says UP
    assert entry.published_at == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert setting.pages.served == ["/summary.json"]


@pytest.mark.parametrize(
    ("name", "title"),
    [("Mail &amp; <b>web</b>\n: panne\0", "Mail & web : panne"), (" ", "(sans titre)"), ("x" * 5000, "x" * 200)],
)
async def test_a_title_is_one_line_of_plain_text(setting: Setting, name: str, title: str) -> None:
    document = {"page": {"name": "x"}, "incidents": [{"id": "1", "name": name, "status": "investigating"}]}
    body = json.dumps(document)
    entries, _ = await setting.read(body, body)
    assert [entry.title for entry in entries.values()] == [title]


async def test_a_check_counts_incidents(setting: Setting) -> None:
    await setting.read(SUMMARY, INCIDENTS)
    assert await setting.source.check() == "Opérateur Exemple : 2 entrées, 3 entrées"


PAGE = {"id": "p", "name": "Opérateur Exemple"}
BROKEN = {"id": "c1", "name": "Relève du courrier", "status": "major_outage", "updated_at": "2026-03-02T08:00:00Z"}
WORKS = {
    "id": "m1",
    "name": "Nouveau routeur",
    "status": "scheduled",
    "created_at": "2026-03-01T09:00:00+01:00",
    "scheduled_for": "2026-03-09T09:00:00+01:00",
    "incident_updates": [{"body": "Nous le changeons.", "created_at": "2026-03-01T09:00:00+01:00"}],
    "components": [BROKEN],
}


async def read_one(setting: Setting, **document: object) -> dict[str, StatusEntry]:
    setting.pages.put("/one.json", json.dumps({"page": PAGE} | document), "application/json")
    reading = await read_once(setting.make("/one.json"))
    return {entry.id: entry for entry in reading.events if isinstance(entry, StatusEntry)}


async def test_maintenances_or_components_alone_are_a_document_too(setting: Setting) -> None:
    entries = await read_one(setting, scheduled_maintenances=[WORKS])
    assert entries["m1"].state is EntryState.SCHEDULED
    assert entries["m1"].published_at == datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    assert await read_one(setting, scheduled_maintenances=[]) == {}
    assert list(await read_one(setting, components=[BROKEN])) == ["component:c1"]
    assert await read_one(setting, components=[BROKEN | {"status": "operational"}]) == {}


async def test_a_page_that_only_speaks_of_itself_is_unreadable(setting: Setting) -> None:
    for document in ({"status": {"indicator": "none"}}, {"components": None}, {"scheduled_maintenances": None}):
        setting.pages.put("/one.json", json.dumps({"page": PAGE} | document), "application/json")
        assert (await failure(setting.make("/one.json"))).state is HealthState.UNREADABLE


async def test_one_incident_without_a_name_does_not_hide_the_others(setting: Setting) -> None:
    named = {"id": 7, "name": "Webmail lent", "status": "identified", "created_at": "2026-03-02T08:00:00Z"}
    told = {"id": "t", "name": None, "incident_updates": [{"body": "Nous cherchons la cause.\nPatience."}]}
    entries = await read_one(setting, incidents=[{"id": "n", "name": None, "status": None}, told, named])
    assert {key: (entry.title, entry.state) for key, entry in entries.items()} == {
        "t": ("Nous cherchons la cause.", EntryState.INVESTIGATING),
        "7": ("Webmail lent", EntryState.IDENTIFIED),
    }


async def test_incidents_of_another_shape_are_no_calm(setting: Setting) -> None:
    document = {"page": PAGE, "incidents": [{"id": 1, "title": "Webmail lent", "state": "open"}]}
    setting.pages.put("/one.json", json.dumps(document), "application/json")
    assert (await failure(setting.make("/one.json"))).state is HealthState.UNREADABLE


async def test_of_endless_updates_both_ends_are_read(setting: Setting) -> None:
    updates = [{"body": f"Point {n}", "created_at": "2026-03-02T07:00:00Z"} for n in range(40_000)]
    for place, newest in ((0, True), (39_999, True), (20_000, False)):
        told = {"body": "Dernier point", "created_at": "2026-03-02T08:00:00Z"}
        listed = [*updates[:place], told, *updates[place + 1 :]]
        incident = {"id": "i", "name": "Webmail lent", "status": "identified", "incident_updates": listed}
        entries = await read_one(setting, incidents=[incident])
        assert (entries["i"].body == "Dernier point") is newest


async def test_works_to_come_do_not_hide_a_broken_component(setting: Setting) -> None:
    entries = await read_one(setting, incidents=[], components=[BROKEN], scheduled_maintenances=[WORKS])
    assert entries["component:c1"].state is EntryState.INVESTIGATING
    under_way = WORKS | {"status": "in_progress"}
    entries = await read_one(setting, incidents=[], components=[BROKEN], scheduled_maintenances=[under_way])
    assert list(entries) == ["m1"]


async def test_instatus_says_when_an_event_changed_and_when_works_begin(setting: Setting) -> None:
    told = """{"page": {"name": "x", "status": "HASISSUES"}, "activeIncidents": [
      {"id": "a", "name": "Retard", "status": "MONITORING", "started": "2026-03-02T06:00:00Z",
       "updatedAt": "2026-03-02T07:30:00Z"}],
      "activeMaintenances": [{"id": "b", "name": "Base", "start": "2026-03-02T05:00:00Z", "status": "INPROGRESS"}]}"""
    setting.pages.put("/summary.json", told, "application/json")
    events = (await read_once(setting.make("/summary.json"))).events
    assert [(entry.state, entry.published_at) for entry in events if isinstance(entry, StatusEntry)] == [
        (EntryState.MONITORING, datetime(2026, 3, 2, 7, 30, tzinfo=UTC)),
        (EntryState.SCHEDULED, datetime(2026, 3, 2, 5, 0, tzinfo=UTC)),
    ]
