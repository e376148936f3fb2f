"""A page's text: a change is an entry, its clock is no change, and what stands in for it is no page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.ports import Reading
from sources.page import PageSource, Settings, create
from tests.emulators.statuspages import StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

pytestmark = pytest.mark.slow  # each test starts a parsing process

DATA = Path(__file__).parents[2] / "data" / "page"
CALM, INCIDENT = ((DATA / f"{name}.html").read_text() for name in ("calm", "incident"))


class Setting:
    def __init__(self, pages: StatusPages) -> None:
        self.pages = pages
        self.world = SourceWorld()
        self.source = self.make()

    def make(self, selector: str = "#etat") -> PageSource:
        url = self.pages.url("/etat")
        values = {"kind": "page", "operator": "orange", "url": url, "selector": selector}
        return create(Settings.model_validate(values), self.world.deps)

    async def read(self, body: str, cursor: str | None = None) -> tuple[list[StatusEntry], Reading]:
        self.pages.put("/etat", body, "text/html; charset=utf-8")
        reading = await read_once(self.source, cursor)
        return [entry for entry in reading.events if isinstance(entry, StatusEntry)], reading


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with status_pages() as pages:
        made = Setting(pages)
        yield made
        await made.source.close()
        await made.world.http.real.close()


async def test_the_first_sight_of_a_calm_page_is_a_baseline(setting: Setting) -> None:
    entries, reading = await setting.read(CALM)
    assert entries == []
    assert reading.cursor


async def test_a_page_that_never_says_more_than_how_to_report_is_a_baseline(setting: Setting) -> None:
    entries, _ = await setting.read('<main id="etat"><h1>Pannes et incidents</h1><p>Signaler une panne.</p></main>')
    assert entries == []


async def test_a_trouble_at_first_sight_is_told(setting: Setting) -> None:
    [entry], _ = await setting.read(INCIDENT)
    assert entry.state is EntryState.INVESTIGATING


async def test_a_change_is_an_entry(setting: Setting) -> None:
    _, reading = await setting.read(CALM)
    setting.world.clock.move_to(NOW + timedelta(minutes=5))
    [entry], reading = await setting.read(INCIDENT, reading.cursor)
    assert entry.title == "Un incident est en cours sur la messagerie dans le Grand Est."
    assert (entry.state, entry.published_at) == (EntryState.INVESTIGATING, NOW + timedelta(minutes=5))
    assert entry.url == setting.pages.url("/etat")
    assert "Signaler une panne" not in entry.body  # outside the selector
    [after], reading = await setting.read(CALM, reading.cursor)
    assert after.state is EntryState.RESOLVED
    [again], _ = await setting.read(INCIDENT, reading.cursor)
    assert again.id not in {entry.id, after.id}


async def test_a_clock_on_the_page_is_no_change(setting: Setting) -> None:
    _, reading = await setting.read(CALM)
    entries, reading = await setting.read(CALM.replace("02/03/2026 à 08:00", "02/03/2026 à 08:05"), reading.cursor)
    assert entries == []
    entries, _ = await setting.read(CALM.replace("02/03/2026 à 08:00", "03/03/2026 à 9h10"), reading.cursor)
    assert entries == []


async def test_markup_around_the_same_text_is_no_change(setting: Setting) -> None:
    _, reading = await setting.read(CALM)
    entries, _ = await setting.read(
        CALM.replace("<p>Aucun incident", '<p class="x"><b>Aucun</b> incident'), reading.cursor
    )
    assert entries == []


async def test_a_missing_selector_is_unreadable(setting: Setting) -> None:
    setting.pages.put("/etat", CALM, "text/html")
    error = await failure(setting.make("#disparu"))
    assert (error.state, error.reason) == (HealthState.UNREADABLE, "la page n’a plus de « #disparu »")


async def test_another_selector_is_another_baseline(setting: Setting) -> None:
    _, reading = await setting.read(CALM)
    setting.source = setting.make("h1")
    entries, reading = await setting.read(CALM, reading.cursor)
    assert entries == []
    setting.source = setting.make("#disparu")
    assert (await failure(setting.source, reading.cursor)).state is HealthState.UNREADABLE


async def test_a_selector_that_is_none_is_unreadable(setting: Setting) -> None:
    setting.pages.put("/etat", CALM, "text/html")
    assert (await failure(setting.make("#[["))).state is HealthState.UNREADABLE


@pytest.mark.parametrize("name", ["parked", "empty", "bot_check"])
async def test_what_stands_in_for_the_page_is_unreadable(setting: Setting, name: str) -> None:
    setting.pages.put("/etat", (DATA / f"{name}.html").read_text(), "text/html")
    assert (await failure(setting.make("body"))).state is HealthState.UNREADABLE


async def test_a_service_that_is_down_for_a_moment_is_news_not_an_error_page(setting: Setting) -> None:
    [entry], _ = await setting.read('<main id="etat">Le webmail est actuellement indisponible.</main>')
    assert entry.state is EntryState.INVESTIGATING
