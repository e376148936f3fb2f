"""The bot around its parts: what breaks in one of them ends neither the others nor the bot."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.signals import HealthState
from bot.errors import HandlerError
from bot.ports import Changes, Desk, Inbox
from bot.storage.memory import MemoryStore
from sources.readers import Settings, create
from tests.fakes.source_world import SourceWorld
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
