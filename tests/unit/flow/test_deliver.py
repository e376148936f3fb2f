"""The outbox against every way a send can fail, on virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.domain.deliveries import Alert, Delivery, DeliveryKind, DeliveryState, Notice
from bot.errors import HandlerError, TargetError
from bot.flow.deliver import Outbox
from bot.flow.newsroom import Newsroom, Outlets
from bot.ports import Changes, Pace
from bot.storage.memory import MemoryStore
from bot.wiring import build_core
from tests.fakes.desk import make_draft
from tests.fakes.destination import ScriptedDestination
from tests.flows.timetable import french

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
FLAKY = HandlerError("chat: send: 502", retryable=True)
LOST = HandlerError("chat: send: timed out", retryable=True, maybe_sent=True)
GONE = HandlerError("chat: edit: message not found", retryable=False, gone=True)
BLOCKED = HandlerError("chat: send: bot was kicked", reason="le robot a été exclu", retryable=False)


class LoopClock:
    """Wall time that follows the (virtual) loop."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return NOW + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep_until(self, when: datetime) -> None:
        """See `Clock.sleep_until`."""
        await asyncio.sleep((when - self.now()).total_seconds())


def newsroom_of(store: MemoryStore, rooms: tuple[str, ...] = ("room",), targets: tuple[str, ...] = ()) -> Newsroom:
    core = build_core(
        load(None, {}),
        store=store,
        clock=ManualClock(NOW),
        classifier=french(),
        outlets=Outlets(rooms, targets),
        author_key=b"tests",
        snapshots=False,
    )
    return core.newsroom


@asynccontextmanager
async def delivering(newsroom: Newsroom, *destinations: ScriptedDestination) -> AsyncIterator[None]:
    stop = asyncio.Event()
    outboxes = [Outbox(to, newsroom, LoopClock(), lambda: 0.5, newsroom.announcements) for to in destinations]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(outbox.run(stop)) for outbox in outboxes]
        yield
        for task in tasks:
            task.cancel()


def card(to: str = "room") -> Delivery:
    return Delivery("i/1/card/" + to, to, DeliveryKind.CARD, make_draft(), NOW, "i")


def edit(revision: int, to: str = "room") -> Delivery:
    return Delivery(f"i/{revision}/edit/{to}", to, DeliveryKind.EDIT, make_draft(revision=revision), NOW, "i")


def alert(to: str = "room") -> Delivery:
    return Delivery("i/3/alert/" + to, to, DeliveryKind.ALERT, Alert("i", "t", "x"), NOW, "i")


async def test_a_delivery_is_sent_once_and_confirmed() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(60)
    assert [(delivery.id, repeated) for delivery, repeated in room.got] == [("i/1/card/room", False)]
    sent = await store.delivery("i/1/card/room")
    assert sent is not None
    assert (sent.state, sent.remote, sent.attempts) == (DeliveryState.SENT, "room:1", 1)


async def test_a_failure_is_tried_again_with_growing_pauses_and_is_no_repeat() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    room.script.extend([FLAKY, FLAKY, FLAKY])
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(60)
    assert [repeated for _, repeated in room.got] == [False] * 4
    pauses = [after - before for before, after in pairwise(room.times)]
    assert pauses == pytest.approx([2, 4, 8], abs=0.1)


async def test_what_may_have_arrived_is_a_repeat() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    room.script.append(LOST)
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(60)
    assert [repeated for _, repeated in room.got] == [False, True]


async def test_a_send_that_a_crash_cut_short_is_a_repeat() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    begun = card()
    await store.apply(Changes(deliveries=(replace(begun, state=DeliveryState.SENDING, attempts=1),)))
    async with delivering(newsroom_of(store), room):
        await asyncio.sleep(1)
    assert [repeated for _, repeated in room.got] == [True]


async def test_a_hung_send_is_given_up_and_repeated() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    room.script.append(3600.0)
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(120)
    assert [repeated for _, repeated in room.got] == [False, True]


async def test_retry_after_is_honoured() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    room.script.append(HandlerError("chat: send: 429", retryable=True, retry_after=33.0))
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(60)
    assert room.times[1] - room.times[0] == pytest.approx(33, abs=0.5)


async def test_one_dead_room_does_not_delay_the_other() -> None:
    store, dead, live = MemoryStore(), ScriptedDestination("dead"), ScriptedDestination("live")
    dead.script.extend([3600.0] * 5)
    newsroom = newsroom_of(store, ("dead", "live"))
    async with delivering(newsroom, dead, live):
        await newsroom.tell([card("dead"), card("live")])
        await asyncio.sleep(1)
    assert len(live.got) == 1


async def test_an_edit_knows_its_card_and_only_the_newest_is_sent() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(1)
        await newsroom.tell([edit(2), edit(3), edit(4)])
        await asyncio.sleep(60)
    assert [delivery.id for delivery, _ in room.got] == ["i/1/card/room", "i/4/edit/room"]
    assert room.got[1][0].reply_to == "room:1"


async def test_edits_of_one_card_keep_their_distance() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        for revision in range(2, 62):
            await newsroom.tell([edit(revision)])
            await asyncio.sleep(1)
        await asyncio.sleep(60)
    assert len(room.got) <= 1 + 1 + 60 / 5 + 1
    assert room.got[-1][0].id == "i/61/edit/room"


async def test_a_room_that_was_away_for_hours_gets_the_card_and_the_last_notice_of_each_incident() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    newsroom = newsroom_of(store)
    room.script.extend([FLAKY] * 20)

    def notice(n: int, hours: float, incident: str | None = "i") -> Delivery:
        at = NOW - timedelta(hours=hours)
        return Delivery(f"{incident}/{n}/notice/room", "room", DeliveryKind.NOTICE, Notice(f"{n}"), at, incident)

    kept = [notice(1, 1.9, None), notice(2, 1.8, None), notice(3, 1.0, "j"), notice(6, 0.4), notice(7, 0.1)]
    async with delivering(newsroom, room):
        await newsroom.tell([card(), notice(4, 1.9), notice(5, 0.9), *kept, edit(2), edit(3)])
        await asyncio.sleep(7200)
    sent = {delivery.id for delivery, _ in room.got[20:]}
    assert sent == {"i/1/card/room", "i/3/edit/room", *(item.id for item in kept)}
    assert not await store.undelivered()


async def test_a_card_that_is_gone_is_posted_afresh_and_edited_from_then_on() -> None:
    store, room = MemoryStore(), ScriptedDestination()
    newsroom = newsroom_of(store)
    async with delivering(newsroom, room):
        await newsroom.tell([card()])
        await asyncio.sleep(1)
        room.script.append(GONE)
        await newsroom.tell([edit(2)])
        await asyncio.sleep(60)
        await newsroom.tell([edit(3)])
        await asyncio.sleep(60)
    kinds = [(delivery.kind, delivery.reply_to) for delivery, _ in room.got]
    assert kinds[-2:] == [(DeliveryKind.CARD, "room:1"), (DeliveryKind.EDIT, "room:3")]


async def test_a_refusal_for_good_is_told_in_the_other_rooms_once() -> None:
    store, room, other = MemoryStore(), ScriptedDestination(), ScriptedDestination("other")
    room.script.extend([BLOCKED, BLOCKED])
    newsroom = newsroom_of(store, ("room", "other"))
    async with delivering(newsroom, room, other):
        await newsroom.tell([card()])
        await asyncio.sleep(1)
        await newsroom.tell([Delivery("n/1", "room", DeliveryKind.NOTICE, Notice("x"), NOW)])
        await asyncio.sleep(60)
    told = [delivery.payload for delivery, _ in other.got]
    assert len(told) == 1
    assert isinstance(told[0], Notice)
    assert "le robot a été exclu" in told[0].text
    assert len(room.got) == 2


async def test_an_unsure_publication_is_never_repeated_but_asked_about() -> None:
    store, target, room = MemoryStore(), ScriptedDestination("target"), ScriptedDestination("room")
    target.script.extend(
        [
            TargetError("target: send: timed out", retryable=True, maybe_sent=True),
            TargetError("target: cannot tell", retryable=False, maybe_sent=True),
        ]
    )
    newsroom = newsroom_of(store, ("room",), ("target",))
    async with delivering(newsroom, target, room):
        await newsroom.tell([alert("target")])
        await asyncio.sleep(600)
    assert [repeated for _, repeated in target.got] == [False, True]  # the second time the adapter refused to repeat
    unsure = await store.delivery("i/3/alert/target")
    assert unsure is not None
    assert unsure.state is DeliveryState.UNSURE
    asked = [delivery.payload for delivery, _ in room.got]
    assert isinstance(asked[0], Notice)
    assert asked[0].resend == "i/3/alert/target"


async def test_sends_keep_the_pace() -> None:
    store, room = MemoryStore(), ScriptedDestination(pace=Pace(per_second=1, per_minute=20))
    newsroom = newsroom_of(store)
    notices = [Delivery(f"n/{number}", "room", DeliveryKind.NOTICE, Notice("x"), NOW) for number in range(50)]
    async with delivering(newsroom, room):
        await newsroom.tell(notices)
        await asyncio.sleep(300)
    assert len(room.got) == 50
    for start in room.times:
        assert sum(start <= time < start + 1 for time in room.times) <= 1
        assert sum(start <= time < start + 60 for time in room.times) <= 20
