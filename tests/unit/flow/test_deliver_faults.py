"""The outbox where the trouble is not one send's: limits of a whole chat, a full disk, a clock that is put back."""

import asyncio
from datetime import datetime, timedelta

import pytest

from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState, Notice
from bot.errors import HandlerError
from bot.flow.deliver import Outbox
from bot.ports import Pace
from bot.storage.memory import MemoryStore
from tests.fakes.destination import ScriptedDestination
from tests.fakes.full_store import FullStore
from tests.unit.flow.test_deliver import FLAKY, NOW, LoopClock, card, delivering, newsroom_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class SteppedClock(LoopClock):
    """A wall clock that can be put back."""

    step = timedelta(0)

    def now(self) -> datetime:
        """See `Clock.now`."""
        return super().now() + self.step


def notices(count: int) -> list[Delivery]:
    return [Delivery(f"n/{number}", "room", DeliveryKind.NOTICE, Notice("x"), NOW) for number in range(count)]


async def test_a_chat_that_asks_for_quiet_gets_it_from_every_delivery_and_no_burst_after() -> None:
    room = ScriptedDestination(pace=Pace(per_second=1, per_minute=20))
    room.script.append(HandlerError("chat: send: 429", retryable=True, retry_after=33.0))
    newsroom = newsroom_of(MemoryStore())
    async with delivering(newsroom, room):
        await newsroom.tell(notices(5))
        await asyncio.sleep(60)
    assert [time - room.times[0] for time in room.times[1:]] == pytest.approx([33, 34, 35, 36, 37], abs=0.1)


async def test_waiting_for_its_turn_costs_a_send_none_of_its_time() -> None:
    room = ScriptedDestination(pace=Pace(per_second=1000, per_minute=2))
    room.script.extend([0.0, 0.0, 1.0, 1.0])
    newsroom = newsroom_of(MemoryStore())
    async with delivering(newsroom, room):
        await newsroom.tell(notices(4))
        await asyncio.sleep(200)
    assert [repeated for _, repeated in room.got] == [False] * 4


async def test_a_stop_does_not_wait_for_a_turn_and_leaves_no_false_intent() -> None:
    store, room = MemoryStore(), ScriptedDestination(pace=Pace(per_second=1000, per_minute=1))
    newsroom = newsroom_of(store)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(Outbox(room, newsroom, LoopClock(), lambda: 0.5, newsroom.announcements).run(stop))
        await newsroom.tell(notices(2))
        await asyncio.sleep(5)
        stop.set()
        newsroom.stir()
        async with asyncio.timeout(1):
            while asyncio.get_running_loop().time() < 5.5:
                await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() < 7
    waiting = await store.delivery("n/1")
    assert waiting is not None
    assert (waiting.state, waiting.attempts) == (DeliveryState.PENDING, 0)


async def test_a_disk_full_before_a_send_makes_it_no_repeat() -> None:
    store, room = FullStore(), ScriptedDestination()
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        store.full = True
        await asyncio.sleep(600)
        assert room.got == []
        store.full = False
        await asyncio.sleep(10)
    assert [repeated for _, repeated in room.got] == [False]


async def test_a_disk_full_after_a_send_does_not_repeat_it() -> None:
    store, room = FullStore(), ScriptedDestination()
    room.script.append(2.0)
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(1)
        store.full = True  # while it is under way
        await asyncio.sleep(600)
        store.full = False
        await asyncio.sleep(60)
    assert len(room.got) == 1
    sent = await store.delivery("i/1/card/room")
    assert sent is not None
    assert sent.state is DeliveryState.SENT


async def test_a_clock_put_back_an_hour_delays_no_retry() -> None:
    room, clock = ScriptedDestination(), SteppedClock()
    room.script.extend([FLAKY, FLAKY])
    newsroom = newsroom_of(MemoryStore())
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(Outbox(room, newsroom, clock, lambda: 0.5, newsroom.announcements).run(stop))
        await newsroom.tell([card()])
        await asyncio.sleep(3)
        clock.step = timedelta(hours=-1)
        await asyncio.sleep(60)
        stop.set()
        newsroom.stir()
    assert len(room.got) == 3


async def test_a_wild_retry_after_stops_nobody() -> None:
    room = ScriptedDestination()
    room.script.append(HandlerError("chat: send: 429", retryable=True, retry_after=float("inf")))
    newsroom = newsroom_of(MemoryStore())
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(25 * 3600)
    assert len(room.got) == 2
