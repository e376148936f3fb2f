"""Feeds in the shapes we know give the right entries, states and times."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest

from bot.domain.operators import Service
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.ports import Reading
from sources.feed import FeedSource, Settings, create
from tests.emulators.statuspages import StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

pytestmark = pytest.mark.slow  # each test starts a parsing process

DATA = Path(__file__).parents[2] / "data" / "feed"
HISTORY, BILINGUAL, INCIDENTS = (
    (DATA / name).read_bytes() for name in ("history.atom", "bilingual.rss", "incidents.rss")
)


class Setting:
    def __init__(self, pages: StatusPages) -> None:
        self.pages = pages
        self.world = SourceWorld()
        self.source = self.make()

    def make(self, **more: object) -> FeedSource:
        settings = Settings.model_validate(
            {"kind": "feed", "operator": "orange", "url": self.pages.url("/feed"), "services": ["internet"]} | more
        )
        return create(settings, self.world.deps)

    async def read(self, body: bytes | str, cursor: str | None = None) -> tuple[dict[str, StatusEntry], Reading]:
        self.pages.put("/feed", body)
        reading = await read_once(self.source, cursor)
        return {entry.id: entry for entry in reading.events if isinstance(entry, StatusEntry)}, reading


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with status_pages() as pages:
        made = Setting(pages)
        yield made
        await made.source.close()
        await made.world.http.real.close()


async def test_a_history_of_updates(setting: Setting) -> None:
    entries, _ = await setting.read(HISTORY)
    states = {key.rpartition("/")[2]: entry.state for key, entry in entries.items()}
    assert states == {
        "104": EntryState.IDENTIFIED,
        "103": EntryState.RESOLVED,
        "102": EntryState.MONITORING,
        "101": EntryState.SCHEDULED,
    }
    entry = entries["tag:status.operateur.example,2005:Incident/104"]
    assert entry.title == "Messagerie : connexions lentes"
    assert entry.published_at == datetime(2026, 3, 2, 8, 41, tzinfo=UTC)  # `updated`, not `published`
    assert entry.url == "https://status.operateur.example/incidents/104"
    assert entry.body.startswith("Mar 2, 08:41 UTC\nIdentified - Un équipement")


async def test_titles_that_carry_the_state(setting: Setting) -> None:
    entries, _ = await setting.read(BILINGUAL)
    assert [entry.state for entry in entries.values()] == [
        EntryState.RESOLVED,
        EntryState.IDENTIFIED,
        EntryState.INVESTIGATING,
    ]
    resolved = entries["https://status.cloud.example/#compute_3"]
    assert resolved.published_at == datetime(2025, 8, 23, 11, 18, 35, tzinfo=UTC)  # PDT


async def test_a_careless_feed(setting: Setting) -> None:
    entries, _ = await setting.read(INCIDENTS)
    by_title = {entry.title: entry for entry in entries.values()}
    assert {title: entry.state for title, entry in by_title.items()} == {
        "[Résolu] Panne mobile à Mâcon": EntryState.RESOLVED,
        "Coupure de la fibre à Tournus": EntryState.IDENTIFIED,
        "Télévision : chaînes indisponibles": EntryState.RESOLVED,
        "Travaux programmés à Chalon": EntryState.SCHEDULED,
        "Notre nouvelle boutique": EntryState.UNKNOWN,
    }
    assert entries["9"].published_at == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)  # CET; the newer of two with one id
    assert entries["8"].published_at == datetime(2026, 3, 2, 7, 50, tzinfo=UTC)
    assert by_title["Télévision : chaînes indisponibles"].published_at == NOW  # 1970
    assert entries["6"].published_at == NOW  # 2096
    assert entries["5"].url is None  # javascript:


async def test_an_entry_without_a_believable_time_keeps_that_of_its_first_sight(setting: Setting) -> None:
    first, reading = await setting.read(INCIDENTS)
    setting.world.clock.move_to(NOW + timedelta(hours=3))
    second, reading = await setting.read(INCIDENTS.replace(b"Venez nous voir", b"Nous avons ferm"), reading.cursor)
    assert second["6"].published_at == first["6"].published_at == NOW
    assert second["5"].published_at == NOW + timedelta(hours=3)  # its text changed: it was said now
    assert second["9"].published_at == first["9"].published_at


async def test_when_all_guids_change_nothing_looks_new(setting: Setting) -> None:
    first, reading = await setting.read(INCIDENTS)
    setting.world.clock.move_to(NOW + timedelta(hours=3))
    second, _ = await setting.read(INCIDENTS.replace(b"<guid>", b"<guid>new-"), reading.cursor)
    assert not {"5", "6", "8", "9"} & second.keys()
    assert {entry.title: entry.published_at for entry in second.values()} == {
        entry.title: entry.published_at for entry in first.values()
    }


async def test_without_a_guid_link_and_title_make_the_id(setting: Setting) -> None:
    first, _ = await setting.read(INCIDENTS)
    second, _ = await setting.read(INCIDENTS.replace(b"de nouveau r", b"maintenant r"))
    assert first.keys() == second.keys()


async def test_services_come_from_words_or_from_the_settings(setting: Setting) -> None:
    setting.source = setting.make(
        service_words={"mobile": "mobile", "télévision": "tv", "chaine": "tv"}, area="Bourgogne"
    )
    entries, _ = await setting.read(INCIDENTS)
    services = {entry.title: entry.services for entry in entries.values()}
    assert services["[Résolu] Panne mobile à Mâcon"] == (Service.MOBILE,)
    assert services["Télévision : chaînes indisponibles"] == (Service.TV,)
    assert services["Coupure de la fibre à Tournus"] == (Service.INTERNET,)
    assert {entry.area for entry in entries.values()} == {"Bourgogne"}


async def test_a_valid_feed_without_entries_is_good(setting: Setting) -> None:
    _, reading = await setting.read('<rss version="2.0"><channel><title>Rien</title></channel></rss>')
    assert reading.events == ()
    assert reading.cursor


async def test_a_truncated_feed_gives_what_it_has(setting: Setting) -> None:
    entries, _ = await setting.read(HISTORY[: HISTORY.index(b"Incident/102")])
    assert {
        "tag:status.operateur.example,2005:Incident/104",
        "tag:status.operateur.example,2005:Incident/103",
    } <= entries.keys()


async def test_a_title_is_made_where_there_is_none(setting: Setting) -> None:
    html = "&lt;p&gt;Panne &lt;b&gt;mobile&lt;/b&gt;&lt;/p&gt;&lt;p&gt;Fin&lt;/p&gt;"
    item = f"<item><guid>1</guid><description>{html}</description></item>"
    entries, _ = await setting.read(f'<rss version="2.0"><channel>{item}<item><guid>2</guid></item></channel></rss>')
    assert [(entry.id, entry.title, entry.body) for entry in entries.values()] == [
        ("1", "Panne mobile", "Panne mobile\nFin")
    ]


async def test_a_feed_in_latin_1_is_read(setting: Setting) -> None:
    setting.pages.put_plain("/feed", (DATA / "huginn" / "iso-8859-1.rss").read_bytes(), "text/xml; charset=iso-8859-1")
    reading = await read_once(setting.source)
    assert [entry.title for entry in reading.events if isinstance(entry, StatusEntry)] == ["Mëkanïk Zaïn"]


RSS = '<rss version="2.0"><channel><title>x</title>{}</channel></rss>'


def item(title: str, at: str = "Mon, 02 Mar 2026 08:00:00 GMT", **parts: str) -> str:
    fields = {"title": title, "pubDate": at} | parts
    return "<item>" + "".join(f"<{name}>{text}</{name}>" for name, text in fields.items()) + "</item>"


async def test_distinct_entries_may_share_a_url_and_even_a_guid(setting: Setting) -> None:
    page = "https://www.operateur.example/"
    for shared in ({"link": page}, {"guid": page}, {"guid": page, "link": page}):
        first = [item("Panne mobile", **shared), item("Panne de la fibre", **shared)]
        before, _ = await setting.read(RSS.format("".join(first)))
        assert [entry.title for entry in before.values()] == ["Panne mobile", "Panne de la fibre"]
        later = item("[Résolu] Panne mobile", "Mon, 02 Mar 2026 08:30:00 GMT", **shared)
        after, _ = await setting.read(RSS.format(later + first[1]))
        assert after.keys() == before.keys()
        assert [entry.state for entry in after.values()] == [EntryState.RESOLVED, EntryState.INVESTIGATING]


async def test_a_state_in_the_title_makes_no_new_entry_where_there_is_no_guid(setting: Setting) -> None:
    titles = ("Panne mobile", "[Identifié] Panne mobile", "Résolu : panne mobile", "Panne mobile (terminée)")
    ids = [list((await setting.read(RSS.format(item(title))))[0]) for title in titles]
    assert ids == [ids[0]] * 4


async def test_the_order_of_the_entries_does_not_matter(setting: Setting) -> None:
    first, _ = await setting.read(HISTORY)
    parts = HISTORY.split(b"<entry>")
    tail = parts[-1].rindex(b"</feed>")
    entries = [*parts[1:-1], parts[-1][:tail]]
    turned = b"<entry>".join([parts[0], *reversed(entries)]) + parts[-1][tail:]
    second, _ = await setting.read(turned)
    assert list(second) == list(first)[::-1]
    assert second == first


async def test_a_feed_that_is_empty_once_neither_ends_nor_begins_anything(setting: Setting) -> None:
    first, reading = await setting.read(INCIDENTS)
    setting.world.clock.move_to(NOW + timedelta(hours=1))
    nothing, reading = await setting.read(RSS.format(""), reading.cursor)
    assert nothing == {}
    setting.world.clock.move_to(NOW + timedelta(hours=2))
    again, _ = await setting.read(INCIDENTS, reading.cursor)
    times = {key: entry.published_at for key, entry in first.items()}
    assert {key: entry.published_at for key, entry in again.items()} == times  # the undated ones, too


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mon, 02 Mar 2026 00:10:00 PST", "2026-03-02T08:10:00+00:00"),
        ("Mon, 02 Mar 2026 08:10:00", "2026-03-02T08:10:00+00:00"),
        ("Mon, 02 Mar 2026 08:10:00 Z", "2026-03-02T08:10:00+00:00"),
        ("lun., 02 mars 2026 09:10:00 +0100", "2026-03-02T08:10:00+00:00"),
        ("2026-03-02 08:10", "2026-03-02T08:10:00+00:00"),
        ("hier", NOW.isoformat()),
    ],
)
async def test_times_as_operators_write_them(setting: Setting, written: str, meant: str) -> None:
    entries, _ = await setting.read(RSS.format(item("Panne", written)))
    assert [entry.published_at.isoformat() for entry in entries.values()] == [meant]


@pytest.mark.parametrize(
    "body",
    [
        '{"version": "https://jsonfeed.org/version/1.1"}',
        '{"version": "2", "items": []}',
        '{"error": "not found"}',
        '{"version": "https://jsonfeed.org/version/1.1", "items": [',
        '{"version":' * 5_000,
    ],
)
async def test_json_that_is_no_feed_is_unreadable(setting: Setting, body: str) -> None:
    setting.pages.put("/feed", body, "application/json")
    assert (await failure(setting.source)).state is HealthState.UNREADABLE


async def test_a_json_feed_without_items_is_good_and_odd_ones_are_read(setting: Setting) -> None:
    assert (await setting.read('{"version": "https://jsonfeed.org/version/1", "items": []}'))[0] == {}
    items = '[7, {"id": 8.5, "title": "Panne \\ud83d", "url": null}]'
    odd = f'{{"version": "https://jsonfeed.org/version/1", "items": {items}}}'
    entries, _ = await setting.read(odd)
    assert [(entry.id, entry.title) for entry in entries.values()] == [("8.5", "Panne ?")]


async def test_markup_that_was_escaped_once_too_often(setting: Setting) -> None:
    updates = "".join(
        escape(
            f"<p><small>Mar <var> 2</var>, <var>{time}</var> GMT+0</small><br><strong>{label}</strong> -\n {said}</p>"
        )
        for time, label, said in (("07:00:10", "Investigating", "We look."), ("07:40:00", "Resolved", "It works."))
    )
    entries, _ = await setting.read(
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>x</title><item>'
        "<title>Webmail</title><guid>1</guid><description>x</description><content:encoded>"
        f"<![CDATA[<p><strong>Type:</strong> Incident</p>{updates}]]></content:encoded></item></channel></rss>"
    )
    assert entries["1"].body.split("\n")[:3] == ["Type: Incident", "Mar 2, 07:00:10 GMT+0", "Investigating - We look."]
    assert entries["1"].state is EntryState.RESOLVED


async def test_a_bracket_in_a_text_stays(setting: Setting) -> None:
    entries, _ = await setting.read(
        '<rss version="2.0"><channel><title>x</title><item><title>Webmail</title><guid>1</guid>'
        "<description>Delay &amp;lt; 5 min, in &amp;lt;Lyon&amp;gt;</description></item></channel></rss>"
    )
    assert entries["1"].body == "Delay < 5 min, in <Lyon>"
