"""Status pages' JSON by mappings: a table of what each document says, read from it by eye; and what goes wrong."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.domain.operators import Service
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.ports import Reading
from sources._words import counted
from sources.status_json import Settings, StatusJsonSource, create
from tests.emulators.statuspages import StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

DATA = Path(__file__).parents[2] / "data" / "status_json"
INVESTIGATING, IDENTIFIED, MONITORING = EntryState.INVESTIGATING, EntryState.IDENTIFIED, EntryState.MONITORING
RESOLVED, SCHEDULED = EntryState.RESOLVED, EntryState.SCHEDULED

# File → format, and its entries: id, title, state, time.
TABLE = {
    "google_cloud": (
        "google_cloud",
        [
            ("aB3", "Cloud Mail delays in europe-west9", IDENTIFIED, "2026-03-02T08:20:40+00:00"),
            ("aB2", "Secret Store was unavailable in europe-west2", RESOLVED, "2026-03-01T13:44:35+00:00"),
            # It works again, but has no end: it is not over.
            ("aB1", "Network latency in asia-east1", MONITORING, "2026-03-01T07:00:00+00:00"),
        ],
    ),
    "aws": (
        "aws",
        [
            (
                "arn:aws:health:eu-west-3::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/AWS_EC2_OPERATIONAL_ISSUE_1",
                "Elastic Compute : Increased Error Rates",
                IDENTIFIED,
                "2026-03-02T07:40:00+00:00",
            ),
            (
                "arn:aws:health:us-east-1::event/S3/AWS_S3_OPERATIONAL_ISSUE/AWS_S3_OPERATIONAL_ISSUE_2",
                "Simple Storage : [RESOLVED] Elevated Latency",
                RESOLVED,
                "2026-03-02T04:00:00+00:00",
            ),
        ],
    ),
    "aws_data": (
        "aws",
        [
            (
                "ec2-eu-west-3:1772433000",
                "Elastic Compute (Paris) : Network connectivity",
                INVESTIGATING,
                "2026-03-02T06:30:00+00:00",
            ),
            (
                "s3-us-west-2:1772330400",
                "Simple Storage (Oregon) : [RESOLVED] Increased API Errors",
                RESOLVED,
                "2026-03-01T02:00:00+00:00",
            ),
            ("sqs-us-west-2:1772326800", "Queues (Oregon) : Delivery delays", RESOLVED, "2026-03-01T01:00:00+00:00"),
        ],
    ),
    "better_stack": (
        "better_stack",
        [
            ("3", "Envoi des messages ralenti", IDENTIFIED, "2026-03-02T08:15:00+00:00"),
            ("2", "Portail inaccessible", RESOLVED, "2026-03-01T13:30:00+00:00"),
            ("1", "Mise à jour du portail", SCHEDULED, "2026-03-01T09:00:00+00:00"),
        ],
    ),
    "better_stack_old": (
        "better_stack",
        [("8", "Portail lent", INVESTIGATING, "2026-03-02T08:15:00+00:00")],
    ),
    "incident_io": (
        "incident_io",
        [
            ("01A", "Courriers en retard", IDENTIFIED, "2026-03-02T08:20:00+00:00"),
            ("01B", "Nouveaux disques", SCHEDULED, "2026-03-02T07:00:00+00:00"),
            ("01C", "Changement de pare-feu", SCHEDULED, "2026-03-01T07:00:00+00:00"),
        ],
    ),
    "status_io": (
        "status_io",
        [
            ("5a", "Relève du courrier lente", IDENTIFIED, "2026-03-02T08:30:00+00:00"),
            ("5b", "Nouvelle version", SCHEDULED, "2026-03-01T10:00:00+00:00"),
        ],
    ),
    "instatus": (
        "instatus",
        [
            ("i2", "Messages en retard", IDENTIFIED, "2026-03-02T07:40:00+00:00"),  # the page says UP
            ("m1", "Base de données", SCHEDULED, "2026-03-02T08:01:00+00:00"),
            ("m0", "Réseau", SCHEDULED, "2026-03-01T10:00:00+00:00"),
        ],
    ),
    "cachet2": (
        "cachet",
        [
            ("7", "Relève du courrier impossible", MONITORING, "2026-03-02T08:20:00+00:00"),
            ("6", "Site ralenti", RESOLVED, "2026-03-01T09:30:00+00:00"),
            ("5", "Changement de routeur", SCHEDULED, "2026-03-01T05:00:00+00:00"),
        ],
    ),
    "cachet3": (
        "cachet",
        [
            ("9", "Accès mobile perturbé", MONITORING, "2026-03-02T08:05:00+00:00"),
            ("8", "Portail lent", RESOLVED, "2026-03-01T07:05:00+00:00"),
        ],
    ),
    "cachet_schedules": (
        "cachet_schedules",
        [
            ("2", "Travaux sur le réseau", SCHEDULED, "2026-03-02T08:00:00+00:00"),
            ("1", "Nouveau pare-feu", RESOLVED, "2026-02-28T02:00:00+00:00"),
        ],
    ),
    "navitia": (
        "navitia",
        [
            ("d4", "Ligne Mâcon – Lyon interrompue", INVESTIGATING, "2026-03-02T08:45:00+00:00"),  # Paris time
            ("d3", "Moins de trains le soir", SCHEDULED, "2026-03-01T07:00:00+00:00"),
            ("d2", "Retards entre Chalon et Mâcon", RESOLVED, "2026-03-01T19:00:00+00:00"),
            # d1 is one late train
        ],
    ),
    "home_made": (
        "common",
        [
            ("web-3", "Portail : HTTP 503", INVESTIGATING, "2026-03-02T06:23:04+00:00"),
            ("web-2", "Portail : timeout", RESOLVED, "2026-03-01T06:50:21.531000+00:00"),
        ],
    ),
    "french": (
        "common",
        [
            ("P-12", "Coupure d'eau rue de la Barre", IDENTIFIED, "2026-03-02T08:50:00+00:00"),
            ("P-11", "Fuite à Tournus", RESOLVED, "2026-03-01T18:00:00+00:00"),
            ("T-3", "Renouvellement du réseau", SCHEDULED, "2026-02-27T10:00:00+00:00"),
        ],
    ),
    "slack": ("common", [("546", "Trouble sending messages", MONITORING, "2026-03-02T08:45:00+00:00")]),
}
FORMATS = {name: form for name, (form, _) in TABLE.items()}

MAPPING = {
    "lists": "alertes",
    "title": "quoi",
    "state": "niveau",
    "states": {"rouge": "investigating", "orange": "on", "vert": "resolved"},
    "started": "depuis",
    "updates": "journal",
    "update_text": "mot",
    "update_at": "heure",
    "area": "ou",
}
HOME = {
    "alertes": [
        {
            "id": 4,
            "quoi": "Panne du réseau mobile",
            "niveau": "Orange",
            "depuis": "2026-03-02T07:00:00Z",
            "ou": "Val de Saône",
            "journal": [
                {"heure": "2026-03-02T08:00:00Z", "mot": "La cause est identifiée."},
                {"heure": "2026-03-02T07:00:00Z", "mot": "On cherche."},
            ],
        },
        {"id": 3, "quoi": "Panne du portail", "niveau": "vert", "depuis": "2026-03-01T07:00:00Z"},
    ]
}


def document(name: str) -> bytes:
    return (DATA / f"{name}.json").read_bytes()


class Setting:
    def __init__(self, pages: StatusPages) -> None:
        self.pages = pages
        self.world = SourceWorld()

    def make(self, **more: object) -> StatusJsonSource:
        common = {"kind": "status_json", "operator": "orange", "url": self.pages.url("/status.json")}
        return create(Settings.model_validate(common | more), self.world.deps)

    async def read(
        self, body: bytes | str, cursor: str | None = None, **more: object
    ) -> tuple[dict[str, StatusEntry], Reading]:
        self.pages.put("/status.json", body, "application/json")
        reading = await read_once(self.make(**more), cursor)
        return {entry.id: entry for entry in reading.events if isinstance(entry, StatusEntry)}, reading


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with status_pages() as pages:
        made = Setting(pages)
        yield made
        await made.world.http.real.close()


@pytest.mark.parametrize("declared", [False, True], ids=["auto", "declared"])
@pytest.mark.parametrize("name", TABLE)
async def test_the_table(setting: Setting, name: str, declared: bool) -> None:
    form, expected = TABLE[name]
    entries, _ = await setting.read(document(name), **({"format": form} if declared else {}))
    assert [(e.id, e.title, e.state, e.published_at.isoformat()) for e in entries.values()] == expected


@pytest.mark.parametrize("name", TABLE)
async def test_the_format_is_seen_by_the_shape(setting: Setting, name: str) -> None:
    setting.pages.put("/status.json", document(name), "application/json")
    assert await setting.make().check() == f"{FORMATS[name]}, {counted(len(TABLE[name][1]), 'entrée')}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
async def test_any_encoding_of_unicode_is_read(setting: Setting, encoding: str) -> None:
    plain, _ = await setting.read(document("instatus"))
    coded, _ = await setting.read(document("instatus").decode().encode(encoding))
    assert coded == plain


async def test_an_old_encoding_is_read_declared_or_not(setting: Setting) -> None:
    plain, _ = await setting.read(document("instatus"))
    old = document("instatus").decode().encode("latin-1")
    for content_type in ("application/json; charset=iso-8859-1", "application/json"):
        setting.pages.put_plain("/status.json", old, content_type)
        assert {event.id: event for event in (await read_once(setting.make())).events} == plain  # type: ignore[union-attr]


async def test_texts_are_plain(setting: Setting) -> None:
    entries, _ = await setting.read(document("google_cloud"))
    assert entries["aB3"].body == "Summary: Cloud Mail is late & slow.\nThe cause has been identified."
    entries, _ = await setting.read(document("navitia"))
    assert entries["d4"].body.startswith("Un défaut de signalisation interrompt la circulation.\n")


async def test_links_areas_and_components(setting: Setting) -> None:
    words = {"cloud mail": "mail", "cloud dns": "internet", "messagerie": "mail"}
    entries, _ = await setting.read(document("google_cloud"), service_words=words, services=["web"])
    assert entries["aB3"].services == (Service.MAIL, Service.INTERNET)
    assert entries["aB2"].services == (Service.WEB,)
    assert entries["aB3"].area == "Paris (europe-west9)"
    assert entries["aB2"].area == "London (europe-west2)"
    assert entries["aB3"].url == setting.pages.url("/incidents/aB3")
    entries, _ = await setting.read(document("better_stack"), service_words=words)
    assert entries["3"].services == (Service.MAIL,)  # by the name of its resource
    assert entries["3"].url == setting.pages.url("/status.json")


async def test_only_what_is_wanted_is_read(setting: Setting) -> None:
    entries, _ = await setting.read(document("aws"), only={"region_name": ["paris"]})
    assert [entry.area for entry in entries.values()] == ["Paris"]
    entries, _ = await setting.read(
        document("google_cloud"), only={"affected_products.title": ["Cloud DNS", "Network"]}
    )
    assert list(entries) == ["aB3", "aB1"]


@pytest.mark.parametrize("empty", ["[]", '{"incidents": []}', '{"page": {"name": "x", "status": "UP"}}'])
async def test_a_calm_page_is_good(setting: Setting, empty: str) -> None:
    _, reading = await setting.read(empty)
    assert reading.events == ()
    assert reading.cursor


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "3",
        "null",
        '"ok"',
        '{"timestamp": "2026-03-02T08:00:00Z", "status": 503, "error": "Service Unavailable", "message": "down"}',
        '{"errors": [{"status": "404", "title": "not found"}]}',
        '[{"name": "web", "status": "ok"}]',
        '{"status": {"indicator": "none"}, "page": {"name": "x"}}',
        '{"incidents": [1, 2, 3], "x": 1' + "}" * 2,
        '{"incidents": [{"a": 1}]}',
        '{"incidents":' + "[" * 300 + "]" * 300 + ', "x": [{"title": 1}]}}',
        "[" * 100_000,
        "[" + "{}," * 200_000 + "{}]",
    ],
)
async def test_a_document_of_no_known_shape_is_unreadable(setting: Setting, body: str) -> None:
    setting.pages.put("/status.json", body, "application/json")
    assert (await failure(setting.make())).state is HealthState.UNREADABLE


async def test_cachets_components_are_not_its_incidents(setting: Setting) -> None:
    parts = {
        "meta": {"pagination": {"total": 1}},
        "data": [{"id": 1, "name": "API", "status": 1, "status_name": "Operational"}],
    }
    setting.pages.put("/status.json", json.dumps(parts), "application/json")
    assert (await failure(setting.make(format="cachet"))).state is HealthState.UNREADABLE


async def test_a_mapping_of_the_newsrooms_own(setting: Setting) -> None:
    entries, _ = await setting.read(json.dumps(HOME), mapping=MAPPING)
    assert [(e.id, e.title, e.state, e.area) for e in entries.values()] == [
        ("4", "Panne du réseau mobile", IDENTIFIED, "Val de Saône"),
        ("3", "Panne du portail", RESOLVED, None),
    ]
    assert entries["4"].published_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert (await setting.read('{"alertes": []}', mapping=MAPPING))[0] == {}
    setting.pages.put("/status.json", '{"autre": []}', "application/json")
    error = await failure(setting.make(mapping=MAPPING))
    assert error.state is HealthState.UNREADABLE


async def test_a_changed_mapping_reads_the_same_document_again(setting: Setting) -> None:
    _, reading = await setting.read(json.dumps(HOME), mapping=MAPPING)
    assert (await setting.read(json.dumps(HOME), reading.cursor, mapping=MAPPING))[0] == {}
    other = MAPPING | {"states": {"orange": "monitoring"}}
    assert (await setting.read(json.dumps(HOME), reading.cursor, mapping=other))[0]["4"].state is MONITORING


async def test_settings_that_cannot_be_are_refused(setting: Setting) -> None:
    with pytest.raises(ValidationError, match="must be one of auto, google_cloud"):
        setting.make(format="statusgator")
    with pytest.raises(ValidationError, match="titel"):
        setting.make(mapping=MAPPING | {"titel": "quoi"})
    with pytest.raises(ValidationError, match="states"):
        setting.make(mapping=MAPPING | {"states": {"rouge": "kaputt"}})


@pytest.mark.parametrize(
    ("begin", "state"), [("2026-03-05T08:00:00Z", SCHEDULED), ("2026-03-02T11:00:00Z", INVESTIGATING)]
)
async def test_what_begins_in_days_is_to_come(setting: Setting, begin: str, state: EntryState) -> None:
    strike = {"id": 1, "title": "Grève : service perturbé", "status": "open", "start": begin, "updated": "2026-03-02"}
    entries, _ = await setting.read(json.dumps([strike]))
    assert entries["1"].state is state


async def test_an_end_that_has_not_come_ends_nothing(setting: Setting) -> None:
    incident = {"id": 1, "title": "Panne", "start": "2026-03-02T07:00:00Z", "end": "2026-03-02T10:00:00Z"}
    entries, _ = await setting.read(json.dumps([incident]))
    assert entries["1"].state is INVESTIGATING
    setting.world.clock.move_to(NOW + timedelta(hours=2))
    entries, _ = await setting.read(json.dumps([incident]))
    assert entries["1"].state is RESOLVED
    assert entries["1"].published_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


async def test_no_text_ends_what_has_no_end(setting: Setting) -> None:
    incident = {"title": "Panne", "start": "2026-03-02T07:00:00Z", "end": None, "message": "Le service est rétabli."}
    entries, _ = await setting.read(json.dumps([incident]))
    assert [entry.state for entry in entries.values()] == [MONITORING]


async def test_unplanned_trouble_in_works_is_no_maintenance(setting: Setting) -> None:
    incident = {"title": "Panne", "start": "2026-03-02T07:00:00Z", "status": "open", "type": "unplanned"}
    entries, _ = await setting.read(json.dumps([incident, incident | {"title": "Routeur", "type": "planned"}]))
    assert [entry.state for entry in entries.values()] == [INVESTIGATING, SCHEDULED]


async def test_a_time_that_cannot_be_is_that_of_the_first_sight(setting: Setting) -> None:
    incident = {"id": 1, "title": "Panne", "status": "open", "start": "1970-01-01T00:00:00Z"}
    first, reading = await setting.read(json.dumps([incident]))
    assert first["1"].published_at == NOW
    setting.world.clock.move_to(NOW + timedelta(hours=3))
    _, reading = await setting.read("[]", reading.cursor)  # empty once: it neither ends nor begins anything
    again, _ = await setting.read(json.dumps([incident, incident | {"id": 2, "status": "closed"}]), reading.cursor)
    assert again["1"].published_at == NOW
    assert again["2"].published_at == NOW + timedelta(hours=3)


async def test_times_without_a_zone_are_in_that_of_the_settings(setting: Setting) -> None:
    incident = {"id": 1, "title": "Panne", "status": "open", "start": "2026-03-02 09:30"}
    entries, _ = await setting.read(json.dumps([incident]), timezone="Europe/Paris")
    assert entries["1"].published_at == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


async def test_of_two_versions_the_newer_counts(setting: Setting) -> None:
    old = {"id": 1, "title": "Panne", "status": "open", "updated": "2026-03-02T07:00:00Z"}
    new = old | {"status": "closed", "updated": "2026-03-02T08:00:00Z"}
    for order in ([old, new], [new, old]):
        entries, reading = await setting.read(json.dumps(order))
        assert len(reading.events) == 1
        assert entries["1"].state is RESOLVED


async def test_of_very_many_the_newest_are_kept(setting: Setting) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    many = [
        {"id": number, "title": "Panne", "status": "closed", "updated": (start + timedelta(minutes=number)).isoformat()}
        for number in range(1000)
    ]
    for order in (many, many[::-1]):
        entries, _ = await setting.read(json.dumps(order))
        assert set(entries) == {str(number) for number in range(700, 1000)}


async def test_of_endless_updates_both_ends_are_read(setting: Setting) -> None:
    updates = [{"message": f"Point {n}", "created_at": "2026-03-02T07:00:00Z"} for n in range(40_000)]
    for place, newest in ((0, True), (39_999, True), (20_000, False)):
        told = {"message": "Dernier point", "created_at": "2026-03-02T08:00:00Z"}
        listed = [*updates[:place], told, *updates[place + 1 :]]
        incident = {"id": "i", "title": "Webmail lent", "status": "open", "updates": listed}
        entries, _ = await setting.read(json.dumps({"incidents": [incident]}))
        assert (entries["i"].body == "Dernier point") is newest


AWS_EVENT = {
    "arn": "arn:aws:health:eu-west-3::event/EC2/1",
    "date": "1772433000",
    "region_name": "Paris",
    "status": "3",  # the worst it was
    "service_name": "Elastic Compute",
    "summary": "Connectivity",
    "event_log": [
        {"message": "We are investigating.", "status": 1, "timestamp": 1772433000},
        {"message": "It works again.", "status": 0, "timestamp": 1772436600},
    ],
}
KUMA_PAGE = {"config": {"slug": "etat", "title": "État"}, "publicGroupList": [{"id": 1, "monitorList": []}]}
KUMA_NEWS = {
    "id": 3, "style": "danger", "title": "Ligne fixe", "content": "Patience", "createdDate": "2026-03-02 08:00:00"
}  # fmt: skip
KUMA_WORKS = {"id": 7, "title": "Nouveau routeur", "status": "under-maintenance", "start_date": "2026-03-02 07:00:00"}
NOTICE = {
    "id": 5,
    "type": "unplanned",
    "state": "recovering",
    "subject": "Courriers en retard",
    "began_at": "2026-03-02T07:00:00Z",
    "ended_at": None,
    "latest_update": {"state": "recovering", "content": "Cela revient.", "created_at": "2026-03-02T08:00:00Z"},
}
IDFM_PERIODS = [
    {"begin": "20260301T080000", "end": "20260301T120000"}, {"begin": "20260302T070000", "end": "20260302T230000"}
]  # fmt: skip
IDFM = {
    "id": "a",
    "applicationPeriods": IDFM_PERIODS,
    "lastUpdate": "20260302T071500",  # Paris time, and nothing says so
    "cause": "PERTURBATION",
    "severity": "BLOQUANTE",
    "title": "RER Z : trafic interrompu",
    "message": "<p>Une rame est en panne.</p>",
}
PLANNED_NOTICE = {"id": 4, "type": "planned", "state": "scheduled", "subject": "Disques", "created_at": "2026-03-01"}


@pytest.mark.parametrize(
    ("page", "form", "expected"),
    [
        (
            {"ec2-eu-west-3": [AWS_EVENT], "s3-eu-west-3": []},
            "aws_history",
            [(AWS_EVENT["arn"], RESOLVED, "2026-03-02T07:30:00")],
        ),
        (
            KUMA_PAGE | {"incident": KUMA_NEWS, "maintenanceList": [KUMA_WORKS]},
            "uptime_kuma",
            [("3", INVESTIGATING, "2026-03-02T08:00:00"), ("planned:7", SCHEDULED, "2026-03-02T07:00:00")],
        ),
        (  # their numbers are counted apart
            KUMA_PAGE | {"incident": KUMA_NEWS, "maintenanceList": [KUMA_WORKS | {"id": 3}]},
            "uptime_kuma",
            [("3", INVESTIGATING, "2026-03-02T08:00:00"), ("planned:3", SCHEDULED, "2026-03-02T07:00:00")],
        ),
        (KUMA_PAGE | {"incident": None, "maintenanceList": []}, "uptime_kuma", []),
        (
            KUMA_PAGE | {"incidents": [KUMA_NEWS | {"style": "info", "title": "Le service est rétabli."}]},
            "uptime_kuma",
            [("3", RESOLVED, "2026-03-02T08:00:00")],
        ),
        (
            {"notices": [NOTICE, PLANNED_NOTICE], "meta": {"count": 2}},
            "common",
            [("5", MONITORING, "2026-03-02T08:00:00"), ("4", SCHEDULED, "2026-03-01T00:00:00")],
        ),
        ({"notices": [], "meta": {"count": 0}}, "common", []),
        (
            {"alertes": [{"Id": 1, "Titre": "Coupure d'eau", "Statut": "En cours", "DateDebut": "02/03/2026 08:00"}]},
            "common",
            [("1", INVESTIGATING, "2026-03-02T08:00:00")],
        ),
        (
            [{"Id": 42, "Title": "Mail late", "Status": "InProgress", "DateCreated": "2026-03-02T08:00:00Z"}],
            "common",
            [("42", INVESTIGATING, "2026-03-02T08:00:00")],
        ),
        (
            {"results": [{"id": "r", "titre": "Coupure", "etat": "terminé", "dateDebut": "2026-03-02T07:00:00Z",
                          "dateFin": "2026-03-02T08:00:00Z", "communes": ["Cluny", "Mâcon"]}]},
            "common",
            [("r", RESOLVED, "2026-03-02T08:00:00")],
        ),
        (
            {"records": [{"fields": {"id": "r", "titre": "Coupure", "date_debut": "2026-03-02T07:00:00Z"}}]},
            "common",
            [("r", INVESTIGATING, "2026-03-02T07:00:00")],
        ),
        (
            {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None, "properties": {
                "id": "g", "titre": "Coupure", "statut": "en cours de réparation", "debut": "02/03/2026 08:00"}}]},
            "common",
            [("g", IDENTIFIED, "2026-03-02T08:00:00")],
        ),
        ({"type": "FeatureCollection", "features": []}, "common", []),
        ({"total_count": 0, "results": []}, "common", []),
        (
            {"disruptions": [IDFM, IDFM | {"id": "b", "applicationPeriods": IDFM_PERIODS[:1]},
                             IDFM | {"id": "c", "cause": "TRAVAUX"}], "lines": []},
            "idfm",
            [("a", INVESTIGATING, "2026-03-02T06:15:00"), ("b", RESOLVED, "2026-03-01T11:00:00"),
             ("c", SCHEDULED, "2026-03-02T06:15:00")],
        ),
        (  # the keys of incident.io's widget, but with titles and phases
            {"ongoing_incidents": [{"id": "f", "title": "Slow", "phase": "identified", "updates": [
                {"content": "It is the disk.", "created_at": "2026-03-02T08:00:00Z"}]}],
             "in_progress_maintenances": []},
            "incident_io",
            [("f", IDENTIFIED, "2026-03-02T08:00:00")],
        ),
        (  # the reports that Better Stack's API lists: no page among them
            {"data": [{"id": "1", "type": "status_report", "attributes": {
                "title": "Slow", "aggregate_state": "downtime", "starts_at": "2026-03-02T08:00:00Z"}}]},
            "better_stack",
            [("1", INVESTIGATING, "2026-03-02T08:00:00")],
        ),
        (
            {"incidents": [{"id": 4, "title": "Slow", "starts_at": "2026-03-02T07:00:00Z", "ends_at": None, "updates": [
                {"type": "issue", "description": "We look.", "posted_at": "2026-03-02T07:10:00Z"},
                {"type": "monitoring", "description": "We wait.", "posted_at": "2026-03-02T08:00:00Z"}]}],
             "upcoming_maintenances": [{"id": 4, "title": "Disks", "created_at": "2026-03-01T08:00:00Z"}]},
            "common",
            [("4", MONITORING, "2026-03-02T08:00:00"), ("planned:4", SCHEDULED, "2026-03-01T08:00:00")],
        ),
        (
            {"incidents": [{"id": 9, "title": "Slow apps", "state": "open", "updates": [
                {"update_type": "monitoring", "contents": "Wait.", "created_at": "2026-03-02T08:00:00Z"}]}]},
            "common",
            [("9", MONITORING, "2026-03-02T08:00:00")],
        ),
    ],
)  # fmt: skip
async def test_more_shapes(setting: Setting, page: object, form: str, expected: list[tuple[str, object, str]]) -> None:
    entries, _ = await setting.read(json.dumps(page))
    found = [(entry.id, entry.state, entry.published_at.isoformat()[:19]) for entry in entries.values()]
    assert found == expected
    assert await setting.make().check() == f"{form}, {counted(len(expected), 'entrée')}"


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({"active": False}, RESOLVED),
        ({"active": True}, INVESTIGATING),
        ({"en_cours": False}, RESOLVED),
        ({"is_resolved": True}, RESOLVED),
        ({"is_resolved": False, "resolved_at": None}, INVESTIGATING),
        ({"closed_at": None, "closed": True}, RESOLVED),
        ({"active": False, "status": "identified"}, IDENTIFIED),
        ({"active": False, "type": "maintenance"}, SCHEDULED),
    ],
)
async def test_a_flag_says_whether_it_is_over(setting: Setting, flags: dict[str, object], state: EntryState) -> None:
    incident = {"id": 1, "title": "Panne du portail", "start": "2026-03-02T07:00:00Z", **flags}
    entries, _ = await setting.read(json.dumps([incident]))
    assert entries["1"].state is state


async def test_a_state_in_a_language_of_its_own_is_known_by_its_code(setting: Setting) -> None:
    foreign = document("cachet3").decode().replace('"Watching"', '"In osservazione"').replace('"Fixed"', '"Risolto"')
    entries, _ = await setting.read(foreign)
    assert [entry.state for entry in entries.values()] == [MONITORING, RESOLVED]
    unknown = document("cachet3").decode().replace('"Watching", "value": 3', '"Inconnu", "value": 0')
    assert next(iter((await setting.read(unknown))[0].values())).state is INVESTIGATING  # in version 2, 0 is scheduled


async def test_incidents_that_cannot_be_named_are_no_calm(setting: Setting) -> None:
    nameless = {"id": "i", "status": "INVESTIGATING", "started": "2026-03-02T07:00:00Z"}
    page = {"page": {"status": "UP"}, "activeIncidents": [nameless]}
    setting.pages.put("/status.json", json.dumps(page), "application/json")
    assert (await failure(setting.make())).state is HealthState.UNREADABLE
    page["activeIncidents"] = [nameless | {"updates": [{"message": "Courriers en retard."}]}]
    assert (await setting.read(json.dumps(page)))[0]["i"].title == "Courriers en retard."


async def test_a_title_that_breaks_is_one(setting: Setting) -> None:
    broken = document("google_cloud").decode().replace("Secret Store was", "Secret Store\\n was")
    entries, _ = await setting.read(broken)
    assert entries["aB2"].title == "Secret Store was unavailable in europe-west2"


async def test_bytes_that_no_encoding_has_spoil_no_document(setting: Setting) -> None:
    setting.pages.put_plain(
        "/status.json",
        b'[{"id": 1, "title": "Panne \x81 \xe9t\xe9", "status": "open", "start": "2026-03-02"}]',
        "application/json",
    )
    (entry,) = (await read_once(setting.make())).events
    assert isinstance(entry, StatusEntry)
    assert entry.title == "Panne � été"


async def test_a_mapping_means_the_keys_that_it_names(setting: Setting) -> None:
    setting.pages.put("/status.json", json.dumps({"Alertes": HOME["alertes"]}), "application/json")
    assert (await failure(setting.make(mapping=MAPPING))).state is HealthState.UNREADABLE


async def test_a_token_goes_into_the_header_that_the_service_wants(setting: Setting) -> None:
    await setting.read(document("navitia"), token="s3cret")
    assert setting.pages.requests[-1]["Authorization"] == "s3cret"
    await setting.read(document("navitia"), token="s3cret", token_prefix="Bearer ")
    assert setting.pages.requests[-1]["Authorization"] == "Bearer s3cret"
    await setting.read(document("navitia"), token="s3cret", token_header="apiKey")
    assert setting.pages.requests[-1]["apiKey"] == "s3cret"


async def test_a_token_is_shown_nowhere_and_not_given_to_another_host(setting: Setting) -> None:
    source = setting.make(token="s3cret", url=setting.pages.url("/moved"))
    setting.pages.put_status("/moved", 401)
    error = await failure(source)
    assert "s3cret" not in f"{error} {error.reason} {vars(source)['_settings']!r}"
    setting.pages.put("/status.json", document("navitia"), "application/json")
    async with status_pages() as other:
        other.put("/status.json", document("navitia"), "application/json")
        setting.pages.put_redirect("/moved", other.url("/status.json"))
        assert (await read_once(source)).events
        assert "Authorization" not in other.requests[-1]
        setting.pages.put_redirect("/moved", "/status.json")
        assert (await read_once(source)).events
        assert setting.pages.requests[-1]["Authorization"] == "s3cret"
