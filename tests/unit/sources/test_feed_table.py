"""What every recorded feed says, as read from the files by eye: entries, states, times, or why there are none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.signals import EntryState, HealthState, StatusEntry
from sources.feed import FeedSource, Settings, create
from tests.emulators.statuspages import StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

pytestmark = pytest.mark.slow  # each test starts a parsing process

DATA = Path(__file__).parents[2] / "data" / "feed"
INVESTIGATING, IDENTIFIED, MONITORING = EntryState.INVESTIGATING, EntryState.IDENTIFIED, EntryState.MONITORING
RESOLVED, SCHEDULED, UNKNOWN = EntryState.RESOLVED, EntryState.SCHEDULED, EntryState.UNKNOWN
SIGHT = NOW.isoformat()  # an entry without a believable time has that of its first sight

# File → its entries in order: title, state, time.
TABLE: dict[str, list[tuple[str, EntryState, str]]] = {
    "history.atom": [
        ("Messagerie : connexions lentes", IDENTIFIED, "2026-03-02T08:41:00+00:00"),
        ("Panne de la téléphonie mobile", RESOLVED, "2026-02-27T18:20:00+00:00"),
        ("Lenteurs sur le site client", MONITORING, "2026-02-26T11:30:00+00:00"),
        ("Maintenance du réseau fibre", SCHEDULED, "2026-02-20T09:00:00+00:00"),
    ],
    "bilingual.rss": [
        (
            "Service is operating normally: [RESOLVED] Connectivité des instances | Instance connectivity",
            RESOLVED,
            "2025-08-23T11:18:35+00:00",
        ),
        (
            "Service disruption: Connectivité des instances | Instance connectivity",
            IDENTIFIED,
            "2025-08-23T09:39:42+00:00",
        ),
        (
            "Informational message: Connectivité des instances | Instance connectivity",
            INVESTIGATING,
            "2025-08-23T08:18:32+00:00",
        ),
    ],
    "incidents.rss": [
        ("[Résolu] Panne mobile à Mâcon", RESOLVED, "2026-03-02T07:30:00+00:00"),
        ("Coupure de la fibre à Tournus", IDENTIFIED, "2026-03-02T07:50:00+00:00"),
        ("Télévision : chaînes indisponibles", RESOLVED, SIGHT),
        ("Travaux programmés à Chalon", SCHEDULED, SIGHT),
        ("Notre nouvelle boutique", UNKNOWN, SIGHT),
    ],
    "feed.json": [
        ("Panne mobile à Mâcon", IDENTIFIED, "2026-03-02T08:30:00+00:00"),
        ("Résolu : fibre coupée & réparée", RESOLVED, "2026-03-01T10:00:00+00:00"),
        ("Maintenance programmée du réseau dans la nuit.", SCHEDULED, SIGHT),
    ],
    "rss10.rdf": [
        ("Coupure de la fibre à Cluny", INVESTIGATING, "2026-03-02T08:10:00+00:00"),
        ("[Rétabli] Télévision", RESOLVED, "2026-03-01T00:00:00+00:00"),
    ],
    "rss091.xml": [("Panne générale de la messagerie", INVESTIGATING, SIGHT)],
    # Its items stand outside the channel. The first tells of a trouble with a begin and an end.
    "azure.xml": [
        ("Virtual Machines - Paris", RESOLVED, SIGHT),
        ("Storage - Paris", INVESTIGATING, "2026-03-02T08:20:00+00:00"),
    ],
    "huginn/iso-8859-1.rss": [("Mëkanïk Zaïn", UNKNOWN, "2016-11-21T16:00:10+00:00")],
    "reader/full.rss": [
        ("Example entry", UNKNOWN, "2009-09-06T16:20:00+00:00"),
        ("Example entry, again", UNKNOWN, "2009-09-06T00:00:00+00:00"),
        # the other three have an id and no word
    ],
    "reader/empty.rss": [],
    "feedparser/encoding_bozo_double-encoded-html.xml": [("…", UNKNOWN, SIGHT)],
    "feedparser/encoding_bozo_http_i18n.xml": [],
    "feedparser/encoding_bozo_http_text_plain_charset.xml": [],
    "feedparser/encoding_bozo_linenoise.xml": [("â€™<>â€Š", UNKNOWN, SIGHT)],
    "feedparser/illformed_always_strip_doctype.xml": [],
    "feedparser/illformed_geo_georss_polygon_insufficient_coords.xml": [],
    "feedparser/illformed_http_high_bit_date.xml": [],
    "feedparser/wellformed_base_malformed_base.xml": [("Example test", UNKNOWN, SIGHT)],
}
# East Asian and Hebrew encodings that nothing declares: an entry, though not its letters.
UNDECLARED = ["eucjp", "gb2312", "shiftjis", "windows1255"]
UNREADABLE = {
    "feedparser/illformed_rss_empty_document.xml": "ce n’est pas un flux RSS, Atom ou JSON Feed",
    "feedparser/illformed_rss_item_link_corrupted_ampersands.xml": "flux illisible",  # breaks off, and no word before
}


class Setting:
    def __init__(self, pages: StatusPages) -> None:
        self.pages = pages
        self.world = SourceWorld()
        settings = Settings.model_validate({"kind": "feed", "operator": "orange", "url": pages.url("/feed")})
        self.source: FeedSource = create(settings, self.world.deps)

    def serve(self, name: str) -> None:
        kinds = {".json": "application/feed+json", ".atom": "application/atom+xml", ".rdf": "application/rdf+xml"}
        path = DATA / name
        self.pages.put("/feed", path.read_bytes(), kinds.get(path.suffix, "application/rss+xml"))

    async def entries(self, name: str) -> list[StatusEntry]:
        self.serve(name)
        return [event for event in (await read_once(self.source)).events if isinstance(event, StatusEntry)]


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with status_pages() as pages:
        made = Setting(pages)
        yield made
        await made.source.close()
        await made.world.http.real.close()


async def test_the_table(setting: Setting) -> None:
    found = {
        name: [(entry.title, entry.state, entry.published_at.isoformat()) for entry in await setting.entries(name)]
        for name in TABLE
    }
    assert found == TABLE


async def test_the_table_is_whole() -> None:
    files = {
        path.relative_to(DATA).as_posix()
        for path in DATA.rglob("*")
        if path.suffix in {".xml", ".rss", ".atom", ".rdf", ".json"}
    }
    undeclared = {f"feedparser/illformed_chardet_{name}.xml" for name in UNDECLARED}
    assert files == TABLE.keys() | UNREADABLE.keys() | undeclared


async def test_an_encoding_that_nothing_declares_still_gives_the_entry(setting: Setting) -> None:
    for name in UNDECLARED:
        assert len(await setting.entries(f"feedparser/illformed_chardet_{name}.xml")) == 1, name


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_wrong_is_said(setting: Setting, name: str) -> None:
    setting.serve(name)
    error = await failure(setting.source)
    assert (error.state, error.reason) == (HealthState.UNREADABLE, UNREADABLE[name])
