"""The bot around its parts: what breaks in one of them ends neither the others nor the bot."""

import asyncio

import pytest

from bot.ports import Changes
from bot.storage.memory import MemoryStore
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
