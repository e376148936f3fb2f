"""The loop around a source against every way a read can fail, on virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.domain.signals import HealthState, Mention
from bot.errors import SourceError
from bot.flow.listen import Listener
from bot.flow.newsroom import Newsroom, Outlets
from bot.ports import Reading, SourceStatus
from bot.storage.memory import MemoryStore
from bot.wiring import build_core
from tests.fakes.full_store import FullStore
from tests.fakes.sources import ScriptedSource
from tests.flows.timetable import french

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
REFUSED = SourceError("GET page: 503", state=HealthState.UNREACHABLE, reason="HTTP 503")


def newsroom_of(store: MemoryStore, *sources: ScriptedSource) -> Newsroom:
    return build_core(
        load(None, {}),
        store=store,
        clock=ManualClock(NOW),
        classifier=french(),
        outlets=Outlets(),
        author_key=b"tests",
        sources=[(source.name, source.kind, source.hears) for source in sources],
        snapshots=False,
    ).newsroom


@asynccontextmanager
async def listening(newsroom: Newsroom, *sources: ScriptedSource) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(Listener(source, newsroom, newsroom.clock, lambda: 0.5, None).run()) for source in sources
        ]
        yield
        for task in tasks:
            task.cancel()


def mention(number: int = 1) -> Mention:
    return Mention("scripted", f"m{number}", f"a{number}", "orange en panne à Lille", NOW, NOW)


def status_of(newsroom: Newsroom, name: str = "scripted") -> SourceStatus:
    return next(status for status in newsroom.roster.statuses() if status.name == name)


def state_of(newsroom: Newsroom, name: str = "scripted") -> HealthState | None:
    health = status_of(newsroom, name).health
    return health.state if health else None


def pauses(source: ScriptedSource) -> list[float]:
    return [after - before for before, after in pairwise(source.times)]


async def test_it_reads_in_its_rhythm_and_goes_on_from_its_cursor() -> None:
    source = ScriptedSource()
    source.script.append(Reading((mention(),), cursor="c1"))
    store = MemoryStore()
    newsroom = newsroom_of(store, source)
    async with listening(newsroom, source):
        await asyncio.sleep(650)
    assert pauses(source) == pytest.approx([300, 300])
    assert source.cursors == [None, "c1", "c1"]
    assert (await store.load(NOW)).cursors == {"scripted": "c1"}
    assert [found.id for found in await store.mentions(NOW)] == ["m1"]


async def test_failures_are_tried_again_later_and_later_but_never_rarer_than_its_rhythm() -> None:
    source = ScriptedSource()
    source.script.extend([REFUSED] * 10)
    newsroom = newsroom_of(MemoryStore(), source)
    async with listening(newsroom, source):
        await asyncio.sleep(1500)
        assert state_of(newsroom) is HealthState.UNREACHABLE
        await asyncio.sleep(900)
        assert state_of(newsroom) is HealthState.OK
    assert pauses(source)[:10] == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300, 300, 300], abs=0.1)


async def test_a_stream_that_broke_off_is_tried_every_minute() -> None:
    source = ScriptedSource(interval=timedelta(0))
    source.script.extend([REFUSED] * 30)
    newsroom = newsroom_of(MemoryStore(), source)
    async with listening(newsroom, source):
        await asyncio.sleep(1000)
    assert max(pauses(source)) == pytest.approx(60)


async def test_what_a_server_asks_for_is_honoured_but_not_for_ever() -> None:
    source = ScriptedSource()
    polite = SourceError("429", state=HealthState.FAILING, retry_after=700.0)
    absurd = SourceError("429", state=HealthState.FAILING, retry_after=float("inf"))
    ours = SourceError("ceiling", state=HealthState.PAUSED, retry_after=40_000.0)
    source.script.extend([polite, absurd, ours])
    async with listening(newsroom_of(MemoryStore(), source), source):
        await asyncio.sleep(50_000)
    assert pauses(source)[:3] == pytest.approx([700, 3600, 40_000])


async def test_a_hanging_source_and_a_defect_delay_nobody() -> None:
    hanging, broken, live = ScriptedSource("hanging"), ScriptedSource("broken"), ScriptedSource("live")
    hanging.script.extend([1e6] * 9)
    broken.script.extend([RuntimeError("defect")] * 3)
    newsroom = newsroom_of(MemoryStore(), hanging, broken, live)
    async with listening(newsroom, hanging, broken, live):
        await asyncio.sleep(1)
        assert state_of(newsroom, "live") is HealthState.OK
        assert state_of(newsroom, "broken") is HealthState.FAILING
        assert state_of(newsroom, "hanging") is None
        await asyncio.sleep(125)
        assert state_of(newsroom, "hanging") is HealthState.UNREACHABLE
        assert state_of(newsroom, "broken") is HealthState.OK
        await asyncio.sleep(600)
    assert pauses(live) == pytest.approx([300, 300])


async def test_a_full_disk_loses_nothing_and_is_not_the_sources_fault() -> None:
    source, failing = ScriptedSource(), ScriptedSource("failing")
    source.script.extend([Reading((mention(1),), cursor="c1"), Reading((mention(2),), cursor="c2")])
    failing.script.append(REFUSED)
    store = FullStore()
    newsroom = newsroom_of(store, source, failing)
    store.full = True
    async with listening(newsroom, source, failing):
        await asyncio.sleep(3600)
        assert await store.mentions(NOW) == []
        assert state_of(newsroom) is HealthState.OK
        store.full = False
        await asyncio.sleep(600)
    assert [found.id for found in await store.mentions(NOW)] == ["m1", "m2"]
    assert (await store.load(NOW)).cursors == {"scripted": "c2"}
    assert {line.source for line in await store.checks(NOW)} == {"scripted", "failing"}
