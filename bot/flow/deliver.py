"""The outbox: intent → send → confirm, so that a crash loses nothing and knows a repeat for what it is.

One worker a destination: a slow or dead chat never delays another.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState
from bot.drafting.announcements import Announcements
from bot.errors import DeliveryError, StoreError
from bot.flow import publish
from bot.flow.newsroom import Newsroom
from bot.ports import Destination, Pace

_log = structlog.get_logger()

_SEND_SECONDS = 60.0
_BACKOFF_SECONDS = 2.0  # after the first failure, doubling
_BACKOFF_LIMIT_SECONDS = 300.0
_STORE_SECONDS = 1.0  # until a store that refuses is asked again
_IDLE_SECONDS = 30.0
_EDIT_EVERY = timedelta(seconds=5)  # an edit rings no bell: a later one says it as well
_OLD_CARD = timedelta(hours=1)
_WINDOW_SECONDS = 60.0


class _Pacer:
    """Keeps a destination's sends under its limits (transport time)."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._sent: deque[float] = deque()

    async def turn(self) -> None:
        """Wait until one more send is within the limits, and count it."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            while self._sent and now - self._sent[0] >= _WINDOW_SECONDS:
                self._sent.popleft()
            wait = 0.0
            if self._sent:
                wait = self._sent[-1] + 1.0 / self._pace.per_second - now
            if len(self._sent) >= self._pace.per_minute:
                wait = max(wait, self._sent[0] + _WINDOW_SECONDS - now)
            if wait <= 0:
                self._sent.append(now)
                return
            await asyncio.sleep(wait)


class Outbox:
    """Delivers to one destination what the store holds for it, oldest first, an incident's deliveries in order.

    Args:
        wall: Transport time that outlives a restart (never a scenario's).
        jitter: 0 to 1, uniformly.
    """

    def __init__(
        self,
        destination: Destination,
        newsroom: Newsroom,
        wall: Clock,
        jitter: Callable[[], float],
        announcements: Announcements,
    ) -> None:
        self._to = destination
        self._newsroom = newsroom
        self._wall = wall
        self._jitter = jitter
        self._announcements = announcements
        self._pacer = _Pacer(destination.pace)
        self._stirred = newsroom.waker()
        self._edited: dict[str, datetime] = {}
        self._carded: dict[str, datetime] = {}
        self._complained = False

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; a send that has begun is finished first. The destination is open."""
        while not stop.is_set():
            self._stirred.clear()
            try:
                delivery, wait = await self._next()
                if delivery is not None:
                    await self._deliver(delivery)
                    continue
            except StoreError as error:
                _log.error("outbox waits for the store", destination=self._to.name, error=str(error))
                wait = _STORE_SECONDS
            try:
                async with asyncio.timeout(wait):
                    await self._stirred.wait()
            except TimeoutError:
                continue

    async def _next(self) -> tuple[Delivery | None, float]:
        """The delivery whose turn it is; or None and for how many seconds to wait."""
        now = self._wall.now()
        wait = _IDLE_SECONDS
        waiting: set[str | None] = set()
        todo = await self._newsroom.store.undelivered(self._to.name)
        newest = {item.incident: item.id for item in todo if item.kind is DeliveryKind.EDIT}
        for item in todo:
            if item.state is DeliveryState.UNSURE or (item.incident is not None and item.incident in waiting):
                continue
            if item.kind is DeliveryKind.EDIT and newest[item.incident] != item.id:
                await self._journal(replace(item, state=DeliveryState.FAILED, error="a later edit says it"))
                continue
            due = max(item.next_try_at or now, self._edit_due(item, now))
            if due <= now:
                return item, 0.0
            if item.kind is not DeliveryKind.EDIT:  # what rings never waits for what does not
                waiting.add(item.incident)
            wait = min(wait, (due - now).total_seconds())
        return None, wait

    def _edit_due(self, item: Delivery, now: datetime) -> datetime:
        incident = item.incident or ""
        edited = self._edited.get(incident)
        if item.kind is not DeliveryKind.EDIT or edited is None:
            return now
        old = now - self._carded.get(incident, item.created_at) > _OLD_CARD
        return edited + (max(_EDIT_EVERY, timedelta(seconds=self._to.pace.old_edit_seconds)) if old else _EDIT_EVERY)

    async def _deliver(self, item: Delivery) -> None:
        repeated = item.state is DeliveryState.SENDING  # begun before, never confirmed
        sending = replace(item, state=DeliveryState.SENDING, attempts=item.attempts + 1)
        if item.incident is not None and item.kind in {DeliveryKind.EDIT, DeliveryKind.NOTICE}:
            card = await self._newsroom.store.card(self._to.name, item.incident)
            sending = replace(sending, reply_to=card.remote if card else None)
        if item.kind is DeliveryKind.EDIT and sending.reply_to is None:
            await self._journal(replace(sending, state=DeliveryState.FAILED, error="there is no card to edit"))
            return
        await self._journal(sending)
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._pacer.turn()
                remote = await self._to.send(sending, repeated=repeated)
        except DeliveryError as error:
            await self._failed(sending, error, repeated=repeated)
        except TimeoutError:
            slow = DeliveryError("outbox: send: no answer in time", retryable=True, maybe_sent=True)
            await self._failed(sending, slow, repeated=repeated)
        except Exception as error:  # noqa: BLE001 - a defect in one adapter must not stop the others' deliveries
            _log.exception("delivery failed", destination=self._to.name, delivery=item.id)
            defect = DeliveryError(f"outbox: send: {type(error).__name__}", retryable=True, maybe_sent=True)
            await self._failed(sending, defect, repeated=repeated)
        else:
            await self._confirmed(sending, remote)

    async def _confirmed(self, item: Delivery, remote: str) -> None:
        await self._journal(replace(item, state=DeliveryState.SENT, remote=remote, error=None, next_try_at=None))
        self._complained = False
        if item.kind is DeliveryKind.EDIT and item.incident:
            self._edited[item.incident] = self._wall.now()
        if item.kind is DeliveryKind.CARD and item.incident:
            self._carded[item.incident] = self._wall.now()
        if item.kind is DeliveryKind.ALERT and item.incident:
            left = await self._newsroom.store.undelivered()
            if not any(other.kind is DeliveryKind.ALERT and other.incident == item.incident for other in left):
                await self._newsroom.published(item.incident)

    async def _failed(self, item: Delivery, error: DeliveryError, *, repeated: bool) -> None:
        _log.warning("not delivered", destination=self._to.name, delivery=item.id, reason=error.reason)
        rooms = self._newsroom.outlets.rooms
        at = item.created_at
        if error.gone and item.kind is not DeliveryKind.ALERT:
            await self._journal(replace(item, state=DeliveryState.FAILED, error=error.reason), _afresh(item))
        elif item.kind is DeliveryKind.ALERT and error.maybe_sent and repeated:
            # Nobody but an editor can tell whether it is out: never repeat a publication on our own.
            notices = publish.for_notice(
                f"{item.id}/unsure", self._announcements.unsure(self._to.name), rooms, at, item.id
            )
            await self._journal(replace(item, state=DeliveryState.UNSURE, error=error.reason), *notices)
        elif error.retryable:
            state = DeliveryState.SENDING if error.maybe_sent else DeliveryState.PENDING
            backoff = min(_BACKOFF_SECONDS * 2 ** (item.attempts - 1), _BACKOFF_LIMIT_SECONDS) * (0.5 + self._jitter())
            wait = timedelta(seconds=max(backoff, error.retry_after or 0.0))
            await self._journal(
                replace(item, state=state, error=error.reason, next_try_at=self._wall.now() + wait),
            )
        else:
            others = [room for room in rooms if room != self._to.name]
            text = self._announcements.failed(self._to.name, error.reason)
            tell = item.kind is DeliveryKind.ALERT or not self._complained
            notices = publish.for_notice(f"{item.id}/failed", text, others, at) if tell else ()
            self._complained = True
            await self._journal(replace(item, state=DeliveryState.FAILED, error=error.reason), *notices)

    async def _journal(self, *deliveries: Delivery) -> None:
        await self._newsroom.tell(deliveries)


def _afresh(item: Delivery) -> Delivery:
    """The same to be posted anew: the message it should have changed or replied to is gone."""
    fresh = replace(item, id=f"{item.id}/afresh", state=DeliveryState.PENDING, attempts=0, error=None)
    if item.kind is DeliveryKind.EDIT:
        return replace(fresh, kind=DeliveryKind.CARD)  # a reply to the old card where that is still there: a link to it
    return replace(fresh, incident=None, reply_to=None)
