"""The bot in the foreground: one task a source, chat and outbox, none of which can stop another."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.clock import Clock, ScenarioClock
from bot.errors import BotError, DeliveryError, StoreError
from bot.flow import publish
from bot.flow.deliver import Outbox
from bot.flow.desk import NewsroomDesk
from bot.flow.listen import Listener
from bot.flow.newsroom import Newsroom
from bot.flow.witness import Witness
from bot.ports import Destination, Handler, Source

_log = structlog.get_logger()

_STOP_SECONDS = 4.0  # what a send that has begun may still take when the bot is told to stop
_RESTART_SECONDS = 2.0  # until a chat that broke off is tried again, doubling
_RESTART_LIMIT_SECONDS = 300.0
_OPEN_SECONDS = 60.0  # until a chat that hangs while it is opened is tried again
_AWAY = timedelta(minutes=2)  # since the last look: longer than any step takes, so nobody listened meanwhile
_FIRST_READS_A_SECOND = 30  # at the start: thirty sources are read at once, thousands leave the loop its breath
_TICK_SECONDS = 0.5  # how late a bucket may close
_SCENARIO_TICK_SECONDS = 0.05  # a scenario at speed has several a second
_SETTLED_SECONDS = 10.0  # a chat that cannot be reached has said so by then
_PURGE_SECONDS = 3600.0
_CALM_KEPT = timedelta(days=1)  # checks that told nothing new, in which no incident shows up later than that
_DRAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Crew:
    """Everything that runs.

    Attributes:
        outboxes: One for each handler and target, by its name.
        chats: What keeps each chat from hearing people, kept up to date; see `SourceDeps.chats`.
        witnesses: What operators' channels are read through, by the source's name.
        ends: Stop when all sources have come to their end and everything is delivered (a demo without a terminal).
    """

    newsroom: Newsroom
    desk: NewsroomDesk
    clock: Clock
    sources: Sequence[Source]
    handlers: Sequence[Handler]
    targets: Sequence[Destination]
    outboxes: Mapping[str, Outbox]
    jitter: Callable[[], float]
    keep: timedelta
    chats: dict[str, str] = field(default_factory=dict)
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    ends: bool = False


async def run(crew: Crew, cursors: Mapping[str, str], stop: asyncio.Event) -> None:
    """Run until `stop`; then finish the sends that have begun, store what is known, and return."""
    destinations: list[Destination] = [*crew.handlers, *crew.targets]
    opened: set[str] = set()
    async with asyncio.TaskGroup() as group:
        rooms = {to.name: group.create_task(_keep(crew, to, stop, opened)) for to in destinations}
        turns = itertools.count()  # a source that is pushed to needs none
        ears = [
            group.create_task(
                _listener(crew, source, cursors.get(source.name)).run(
                    after=next(turns) // _FIRST_READS_A_SECOND if source.interval else 0
                )
            )
            for source in crew.sources
        ]
        chores = [group.create_task(_tick(crew)), group.create_task(_purge(crew))]
        if crew.ends:
            chores.append(group.create_task(_end(crew, ears, stop)))
        await stop.wait()
        crew.newsroom.stir()
        for task in (*ears, *chores, *(rooms[name] for name in rooms.keys() - opened)):
            task.cancel()
        if rooms:
            await asyncio.wait(rooms.values(), timeout=_STOP_SECONDS)
        for task in rooms.values():
            task.cancel()
    try:
        await crew.newsroom.rest()
    except StoreError as error:
        _log.error("store refuses", error=str(error))


def _listener(crew: Crew, source: Source, cursor: str | None) -> Listener:
    return Listener(source, crew.newsroom, crew.clock, crew.jitter, cursor, crew.witnesses.get(source.name))


async def _keep(crew: Crew, destination: Destination, stop: asyncio.Event, opened: set[str]) -> None:
    """Open a destination, then deliver to it and, if it is a chat, listen to it."""
    await _again(destination.name, destination.open, crew, until_done=True)
    opened.add(destination.name)
    handler = next((handler for handler in crew.handlers if handler is destination), None)
    async with asyncio.TaskGroup() as group:
        listening = (
            [group.create_task(_again(handler.name, lambda: handler.listen(crew.desk, crew.desk), crew))]
            if handler is not None
            else []
        )
        await crew.outboxes[destination.name].run(stop)
        for task in listening:
            task.cancel()


async def _again(name: str, do: Callable[[], Awaitable[None]], crew: Crew, *, until_done: bool = False) -> None:
    """Do something that talks to a chat, and again whenever it breaks off; told once to the other rooms."""
    wait = _RESTART_SECONDS
    told = False
    while True:
        started = asyncio.get_running_loop().time()
        reason = "connexion perdue"
        settled = asyncio.get_running_loop().call_later(_SETTLED_SECONDS, _hears, crew, "" if until_done else name)
        try:
            async with asyncio.timeout(_OPEN_SECONDS if until_done else None):
                await do()
            if until_done:
                return
            _log.warning("chat ended", destination=name)
        except BotError as error:
            reason = error.reason if isinstance(error, DeliveryError) else str(error)
            _log.warning("chat not reached", destination=name, reason=reason)
            if isinstance(error, DeliveryError) and not error.retryable and not told:
                told = True
                await _tell_others(crew, name, reason)
        except TimeoutError:
            _log.warning("chat not reached", destination=name, reason="no answer in time")
        except Exception:  # noqa: BLE001 - a defect in one chat must not stop the others
            _log.exception("chat failed", destination=name)
        finally:
            settled.cancel()
        _hears(crew, name, reason)
        if asyncio.get_running_loop().time() - started > _RESTART_LIMIT_SECONDS:
            wait = _RESTART_SECONDS
        await asyncio.sleep(wait * (0.5 + crew.jitter()))
        wait = min(wait * 2, _RESTART_LIMIT_SECONDS)


def _hears(crew: Crew, chat: str, trouble: str = "") -> None:
    """People who write in that chat are heard (again), or what keeps them from it."""
    if chat in crew.chats:
        crew.chats[chat] = trouble


async def _tell_others(crew: Crew, name: str, reason: str) -> None:
    others = [room for room in crew.newsroom.outlets.rooms if room != name]
    at = crew.clock.now()
    text = crew.newsroom.announcements.failed(name, reason)
    try:
        await crew.newsroom.tell(publish.for_notice(f"unreached/{name}/{at:%Y%m%dT%H%M}", text, others, at))
    except StoreError as error:
        _log.error("store refuses", error=str(error))


async def _tick(crew: Crew) -> None:
    """Close buckets as time passes. Time that no tick has seen was slept through: the machine's sleep is no calm."""
    ticked_at = crew.clock.now()
    rehearsal = isinstance(crew.clock, ScenarioClock)  # its minutes take milliseconds
    while True:
        try:
            now = crew.clock.now()
            if now - ticked_at > _AWAY and not rehearsal:
                await crew.newsroom.absent(ticked_at)
            ticked_at = now
            await crew.newsroom.advance()
        except StoreError as error:
            _log.error("store refuses", error=str(error))
            await asyncio.sleep(1.0)
        except Exception:  # noqa: BLE001 - a defect in one bucket must not end the watch; the next one is another
            _log.exception("bucket not closed")
            await asyncio.sleep(1.0)
        await asyncio.sleep(_SCENARIO_TICK_SECONDS if rehearsal else _TICK_SECONDS)


async def _purge(crew: Crew) -> None:
    """Drop texts, links and checks whose time is over."""
    while True:
        try:
            now = crew.clock.now()
            await crew.newsroom.store.purge(now - crew.keep, now - _CALM_KEPT)
        except StoreError as error:
            _log.error("store refuses", error=str(error))
        await asyncio.sleep(_PURGE_SECONDS)


async def _end(crew: Crew, ears: Sequence["asyncio.Task[None]"], stop: asyncio.Event) -> None:
    """Stop once all sources have come to their end and what they caused is delivered."""
    await asyncio.wait(ears)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _DRAIN_SECONDS
    quiet = 0
    while quiet < 3 and loop.time() < give_up:  # noqa: PLR2004 - a clock that stands still for three looks has ended
        before = crew.newsroom.watch.last_closed
        await asyncio.sleep(0.2)
        idle = not await crew.newsroom.store.undelivered() and crew.newsroom.watch.last_closed == before
        quiet = quiet + 1 if idle else 0
    stop.set()
