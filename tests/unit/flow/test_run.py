"""The bot around its parts: what breaks in one of them ends neither the others nor the bot."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import HandlerError
from bot.ports import Changes, Desk, Inbox, Reading
from bot.storage.memory import MemoryStore
from sources.readers import Settings, create
from tests.fakes.source_world import SourceWorld
from tests.fakes.sources import ScriptedSource
from tests.flows.test_sight import Room, World, crowd, posts

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime, pytest.mark.slow]


class SlowToOpen(Room):
    """A chat that hangs the first time it is opened."""

    opened = 0

    async def open(self) -> None:
        """See `Destination.open`."""
        self.opened += 1
        if self.opened == 1:
            await asyncio.Event().wait()


class DefectOnce(MemoryStore):
    """Fails once in a way nobody foresaw."""

    failed = False

    async def apply(self, changes: Changes) -> None:
        """See `Store.apply`."""
        if changes.snapshot is not None and not self.failed:
            self.failed = True
            raise RuntimeError("defect")
        await super().apply(changes)


async def surge_gives_a_card(world: World) -> None:
    source = crowd()
    source.script.extend([posts(world, [], prefix=""), posts(world, [step / 40 for step in range(40)], prefix="a")])
    async with world.running(source):
        await asyncio.sleep(240)
    assert len(world.cards) == 1


async def test_a_chat_that_hangs_while_it_is_opened_is_opened_again() -> None:
    world = World()
    world.room = SlowToOpen()
    await surge_gives_a_card(world)
    assert world.room.opened == 2


async def test_a_defect_in_one_bucket_ends_nothing() -> None:
    world = World()
    world.store = DefectOnce()
    await surge_gives_a_card(world)
    assert world.store.failed


class CutOff(Room):
    """A chat whose connection breaks, again and again, for some minutes."""

    cut = False

    async def listen(self, _desk: Desk, _inbox: Inbox) -> None:
        """See `Handler.listen`."""
        while not self.cut:
            await asyncio.sleep(1)
        raise HandlerError("room: gateway: cannot be reached", reason="injoignable", retryable=True)


async def test_while_no_chat_is_connected_readers_are_not_calm_but_unheard() -> None:
    world = World()
    world.room = room = CutOff()
    world.chats[room.name] = ""
    readers = create(Settings(kind="readers", name="readers"), replace(SourceWorld().deps, chats=world.chats))
    async with world.running(readers) as core:

        async def state() -> HealthState | None:
            (status,) = await core.desk.sources()
            return status.health.state if status.health else None

        await asyncio.sleep(60)
        assert await state() is HealthState.OK
        room.cut = True
        await asyncio.sleep(300)
        assert world.chats == {room.name: "injoignable"}
        assert await state() is HealthState.UNREACHABLE
        assert "Je suis aveugle" in world.told[0]  # there was no other source
        room.cut = False
        await asyncio.sleep(400)
        assert world.chats == {room.name: ""}
        assert await state() is HealthState.OK
    assert [text[:20] for text in world.told[1:]] == ["Je vois de nouveau :"]


async def test_a_handful_of_sources_is_read_at_once_and_thousands_one_after_another() -> None:
    world = World()
    pushed = ScriptedSource("pushed", interval=timedelta(0))
    polled = [ScriptedSource(f"s{n}", operator="orange") for n in range(300)]
    async with world.running(*polled, pushed):
        await asyncio.sleep(12)
    first = [source.times[0] for source in polled]
    assert {*first[:30], *pushed.times} == {0}
    assert first == sorted(first)
    assert max(first) == pytest.approx(9, abs=0.1)


async def test_three_hundred_entries_of_one_reading_are_one_line_to_the_desk() -> None:
    world = World()
    source = ScriptedSource("etat", operator="orange")
    at = world.now()
    source.script.append(
        Reading(
            tuple(
                StatusEntry("etat", "orange", f"e{n}", f"Point {n}", EntryState.INVESTIGATING, at, at)
                for n in range(300)
            )
        )
    )
    async with world.running(source):
        await asyncio.sleep(30)
    assert [card.revision for card in world.cards] == [1]
    (known,) = (await world.store.load(at)).drafts
    assert known.revision == 1
