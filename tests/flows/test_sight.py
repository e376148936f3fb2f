"""What the bot says of its own sight: once when it fails, once when it is back, and never that a dark hour was calm."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bot.config import load
from bot.domain.deliveries import DeliveryKind, Notice
from bot.domain.incidents import Draft
from bot.domain.signals import HealthState, Mention
from bot.errors import SourceError
from bot.flow.counts import bucket_of
from bot.flow.deliver import Outbox
from bot.flow.newsroom import Outlets
from bot.flow.run import Crew, run
from bot.ports import Desk, Inbox, Reading, Source
from bot.storage.memory import MemoryStore
from bot.wiring import Core, build_core
from tests.fakes.destination import ScriptedDestination
from tests.fakes.sources import ScriptedSource
from tests.flows.timetable import french

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime, pytest.mark.slow]  # a tick every 50 ms of virtual hours

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
REFUSED = SourceError("GET page: 503", state=HealthState.UNREACHABLE, reason="HTTP 503")


class World:
    """Time that follows the virtual loop, unless it jumps; a store that outlives a run of the bot."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.jumped = timedelta(0)
        self.room = Room()
        self.chats: dict[str, str] = {}

    def now(self) -> datetime:
        """See `Clock.now`."""
        return NOW + timedelta(seconds=asyncio.get_running_loop().time()) + self.jumped

    async def sleep_until(self, when: datetime) -> None:
        """See `Clock.sleep_until`."""
        await asyncio.sleep((when - self.now()).total_seconds())

    @property
    def told(self) -> list[str]:
        """The notices the room received, their spaces and apostrophes as on a keyboard."""
        notices = [delivery.payload.text for delivery, _ in self.room.got if isinstance(delivery.payload, Notice)]
        return [text.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'") for text in notices]

    @property
    def cards(self) -> list[Draft]:
        """The cards the room received."""
        return [
            delivery.payload
            for delivery, _ in self.room.got
            if isinstance(delivery.payload, Draft) and delivery.kind is DeliveryKind.CARD
        ]

    @asynccontextmanager
    async def running(self, *sources: Source) -> AsyncIterator[Core]:
        """A run of the bot with these sources."""
        core = build_core(
            load(None, {}),
            store=self.store,
            clock=self,
            classifier=french(),
            outlets=Outlets((self.room.name,)),
            author_key=b"tests",
            sources=[(source.name, source.kind, source.hears) for source in sources],
        )
        crew = Crew(
            newsroom=core.newsroom,
            desk=core.desk,
            clock=self,
            sources=sources,
            handlers=[self.room],
            targets=[],
            outboxes={self.room.name: Outbox(self.room, core.newsroom, self, lambda: 0.5, core.announcements)},
            jitter=lambda: 0.5,
            keep=timedelta(days=30),
            chats=self.chats,
        )
        stop = asyncio.Event()
        cursors = await core.newsroom.wake()
        async with asyncio.TaskGroup() as group:
            group.create_task(run(crew, cursors, stop))
            yield core
            stop.set()


class Room(ScriptedDestination):
    """A chat that nobody writes in."""

    async def listen(self, _desk: Desk, _inbox: Inbox) -> None:
        """See `Handler.listen`."""
        await asyncio.Event().wait()


def crowd() -> ScriptedSource:
    """Where people write."""
    return ScriptedSource("crowd", interval=timedelta(minutes=1))


def page() -> ScriptedSource:
    """An operator's page."""
    return ScriptedSource("page", operator="orange", interval=timedelta(minutes=1))


def failing(source: ScriptedSource, minutes: float) -> ScriptedSource:
    """It fails for about so long: after 5, 10, 20, 40, then every 60 seconds."""
    source.script.extend([REFUSED] * (round(minutes) + 3))
    return source


def posts(world: World, minutes: Sequence[float], *, prefix: str, first: int = 0) -> Reading:
    """Complaints written so many minutes from now, all by different people."""
    towns = ("Lille", "Metz", "Brest", "Pau", "Dijon", "Nancy", "Arras")
    return Reading(
        tuple(
            Mention(
                "crowd",
                f"{prefix}{index}",
                f"{prefix}{index}",
                f"plus de mail orange à {towns[(first + index) % len(towns)]} {prefix}{index}",
                world.now() + timedelta(minutes=minute),
                world.now(),
            )
            for index, minute in enumerate(minutes)
        )
    )


async def test_a_source_that_is_down_is_told_once_and_its_return_once() -> None:
    world = World()
    async with world.running(crowd(), failing(page(), 25)):
        await asyncio.sleep(9 * 60)
        assert world.told == []
        await asyncio.sleep(2 * 60)
        assert len(world.told) == 1
        assert "« page » ne répond plus depuis 9 h 00 (HTTP 503)" in world.told[0]
        await asyncio.sleep(20 * 60)
    assert [text.partition(" :")[0] for text in world.told] == ["Source muette", "Source rétablie"]


async def test_a_short_failure_is_nobodys_news() -> None:
    world = World()
    async with world.running(crowd(), failing(page(), 5)):
        await asyncio.sleep(1800)
    assert world.told == []


async def test_blind_is_told_once_and_sight_once_and_not_every_source_besides() -> None:
    world = World()
    async with world.running(failing(crowd(), 25), failing(page(), 25)) as core:
        await asyncio.sleep(4 * 60)
        assert len(world.told) == 1
        assert world.told[0].startswith("Je suis aveugle")
        status = await core.desk.status("orange")
        assert status is not None
        assert {source.health.state for source in status.sources if source.health} == {HealthState.UNREACHABLE}
        await asyncio.sleep(28 * 60)
    assert [text.partition(" :")[0] for text in world.told] == ["Je suis aveugle", "Je vois de nouveau"]


async def test_a_restart_in_the_middle_of_it_says_nothing_twice_and_still_the_end() -> None:
    world = World()
    async with world.running(crowd(), failing(page(), 15)):
        await asyncio.sleep(12 * 60)
    async with world.running(crowd(), failing(page(), 15)):
        await asyncio.sleep(12 * 60)
        assert [text.partition(" :")[0] for text in world.told] == ["Source muette"]
        await asyncio.sleep(20 * 60)
    assert [text.partition(" :")[0] for text in world.told] == ["Source muette", "Source rétablie"]


async def test_a_source_that_was_down_before_a_stop_is_no_news_until_it_was_tried_again() -> None:
    world = World()
    async with world.running(crowd(), failing(page(), 5)):
        await asyncio.sleep(120)
    world.jumped += timedelta(minutes=50)
    async with world.running(crowd(), page()):
        await asyncio.sleep(600)
    assert world.told == []


async def test_a_source_taken_out_of_the_settings_is_forgotten() -> None:
    world = World()
    async with world.running(crowd(), failing(page(), 5)):
        await asyncio.sleep(120)
    async with world.running(crowd()) as core:
        await asyncio.sleep(1200)
        status = await core.desk.status("orange")
    assert world.told == []
    assert status is not None
    assert [source.name for source in status.sources] == ["crowd"]
    assert status.silence.state.value == "no_channel"


async def test_back_after_a_long_stop_and_not_after_a_restart() -> None:
    world = World()
    async with world.running(crowd()):
        await asyncio.sleep(300)
    world.jumped += timedelta(minutes=5)
    async with world.running(crowd()):
        await asyncio.sleep(300)
    assert world.told == []
    world.jumped += timedelta(hours=9)
    async with world.running(crowd()) as core:
        await asyncio.sleep(300)
        assert core.newsroom._ears.exposure(bucket_of(world.now() - timedelta(hours=2))) == 0.0
    assert len(world.told) == 1
    assert world.told[0].startswith("De retour après 9 h")


async def test_eight_hours_of_the_machines_sleep_are_told_once_and_are_no_calm() -> None:
    world = World()
    async with world.running(crowd()) as core:
        await asyncio.sleep(600)
        world.jumped += timedelta(hours=8)
        await asyncio.sleep(600)
        ears = core.newsroom._ears
        assert ears.exposure(bucket_of(world.now() - timedelta(hours=2))) == 0.0
        assert ears.exposure(bucket_of(world.now() - timedelta(minutes=3))) == 1.0
    assert len(world.told) == 1
    assert world.told[0].startswith("De retour après 8 h")
    assert world.cards == []


async def test_what_was_written_during_the_sleep_is_no_surge_when_it_arrives() -> None:
    world, source = World(), crowd()
    async with world.running(source):
        await asyncio.sleep(600)
        world.jumped += timedelta(hours=8)
        source.script.append(posts(world, [-5.0 * step for step in range(1, 90)], prefix="night"))
        await asyncio.sleep(1200)
    assert world.cards == []


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_put_wrong_raises_nothing_and_a_surge_is_still_found(hours: int) -> None:
    world, source = World(), crowd()
    for number in range(120):  # somewhere somebody complains every ten minutes
        source.script.append(
            Reading() if number % 10 else posts(world, [-0.5], prefix=f"usual{number}-", first=number // 10)
        )
    async with world.running(source):
        await asyncio.sleep(3600)
        world.jumped += timedelta(hours=hours)
        await asyncio.sleep(1200)
        assert world.cards == []
        source.script.clear()
        source.script.append(posts(world, [-step / 30 for step in range(60)], prefix="surge"))
        await asyncio.sleep(240)
    assert len(world.cards) == 1
