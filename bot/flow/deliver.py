"""The outbox: intent → send → confirm, so that a crash loses nothing and knows a repeat for what it is.

One worker a destination: a slow or dead chat never delays another.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

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
_TIMER_SECONDS = 0.01  # a timer may fire a hair early; to ask again at once would turn on the spot
_ASKED_LIMIT_SECONDS = 24 * 3600.0  # longer than any platform makes us wait; a wild number is no reason to stop
_EDIT_EVERY_SECONDS = 5.0  # an edit rings no bell: a later one says it as well
_OLD_CARD_SECONDS = 3600.0
_WINDOW_SECONDS = 60.0
# To a room that was away so long, each incident's last notice is enough: the card has all.
_LATE = timedelta(minutes=30)


class _Pacer:
    """Keeps a destination's sends under its limits (loop time: a wall clock may be put back)."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._sent: deque[float] = deque()
        self._quiet_until = 0.0

    def pause(self, now: float) -> float:
        """Seconds until one more send is within the limits; not more than 0 if it is now."""
        while self._sent and now - self._sent[0] >= _WINDOW_SECONDS:
            self._sent.popleft()
        free_at = self._quiet_until
        if self._sent:
            free_at = max(free_at, self._sent[-1] + 1.0 / self._pace.per_second)
        if len(self._sent) >= self._pace.per_minute:
            free_at = max(free_at, self._sent[0] + _WINDOW_SECONDS)
        return free_at - now

    def count(self, now: float) -> None:
        """A send begins."""
        self._sent.append(now)

    def hold(self, until: float) -> None:
        """The destination asked for quiet: from all of us, not from one message."""
        self._quiet_until = max(self._quiet_until, until)


class Outbox:
    """Delivers to one destination what the store holds for it, oldest first, an incident's deliveries in order.

    Args:
        wall: Transport time that outlives a restart (never a scenario's); until then the loop's time counts.
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
        self._due: dict[str, float] = {}  # delivery → loop time of its next try
        self._edited: dict[str, float] = {}  # incident → loop time, as in the next
        self._carded: dict[str, float] = {}
        self._unbegun: set[str] = set()  # the intent may be journalled, but nothing was sent
        self._complained = False

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; a send that has begun is finished first. The destination is open."""
        while not stop.is_set():
            self._stirred.clear()
            try:
                await self._newsroom.tell(())  # what the store refused before: perhaps that we have sent this already
                delivery, wait = await self._next()
                if delivery is not None:
                    await self._deliver(delivery)
                    continue
            except StoreError as error:
                _log.error("outbox waits for the store", destination=self._to.name, error=str(error))
                wait = _STORE_SECONDS
            except Exception:  # noqa: BLE001 - a defect here must not stop the other destinations, nor the bot
                _log.exception("outbox failed", destination=self._to.name)
                wait = _STORE_SECONDS
            try:
                async with asyncio.timeout(max(wait, _TIMER_SECONDS)):
                    await self._stirred.wait()
            except TimeoutError:
                continue

    async def _next(self) -> tuple[Delivery | None, float]:
        """The delivery whose turn it is; or None and for how many seconds to wait."""
        now = asyncio.get_running_loop().time()
        pause = self._pacer.pause(now)
        if pause > 0:
            return None, pause
        wait = _IDLE_SECONDS
        waiting: set[str | None] = set()
        todo = await self._newsroom.store.undelivered(self._to.name)
        newest = {(item.incident, item.kind): item.id for item in todo}
        for item in todo:
            if item.state is DeliveryState.UNSURE or (item.incident is not None and item.incident in waiting):
                continue
            if newest[item.incident, item.kind] != item.id and self._is_superseded(item):
                await self._journal(replace(item, state=DeliveryState.FAILED, error=f"a later {item.kind} says it"))
                continue
            due = max(self._try_at(item, now), self._edit_due(item, now))
            if due <= now:
                return item, 0.0
            if item.kind is not DeliveryKind.EDIT:  # what rings never waits for what does not
                waiting.add(item.incident)
            wait = min(wait, due - now)
        return None, wait

    def _is_superseded(self, item: Delivery) -> bool:
        """Whether one of the same kind and incident that waits behind it is all that a reader needs."""
        late = self._newsroom.clock.now() - item.created_at > _LATE
        return item.kind is DeliveryKind.EDIT or (
            item.kind is DeliveryKind.NOTICE and item.incident is not None and late
        )

    def _try_at(self, item: Delivery, now: float) -> float:
        if item.next_try_at is None:
            return now
        if item.id not in self._due:  # from an earlier run
            left = (item.next_try_at - self._wall.now()).total_seconds()
            self._due[item.id] = now + min(left, _BACKOFF_LIMIT_SECONDS)
        return self._due[item.id]

    def _edit_due(self, item: Delivery, now: float) -> float:
        incident = item.incident or ""
        edited = self._edited.get(incident)
        if item.kind is not DeliveryKind.EDIT or edited is None:
            return now
        old = now - self._carded.get(incident, now) > _OLD_CARD_SECONDS
        return edited + (max(_EDIT_EVERY_SECONDS, self._to.pace.old_edit_seconds) if old else _EDIT_EVERY_SECONDS)

    async def _deliver(self, item: Delivery) -> None:
        repeated = item.state is DeliveryState.SENDING and item.id not in self._unbegun  # never confirmed
        sending = replace(item, state=DeliveryState.SENDING, attempts=item.attempts + 1)
        if item.incident is not None and item.kind in {DeliveryKind.EDIT, DeliveryKind.NOTICE}:
            card = await self._newsroom.store.card(self._to.name, item.incident)
            sending = replace(sending, reply_to=card.remote if card else None)
        if item.kind is DeliveryKind.EDIT and sending.reply_to is None:
            await self._journal(replace(sending, state=DeliveryState.FAILED, error="there is no card to edit"))
            return
        if not repeated:
            self._unbegun.add(item.id)
        await self._journal(sending)
        self._unbegun.discard(item.id)
        self._pacer.count(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(_SEND_SECONDS):
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
        now = asyncio.get_running_loop().time()
        self._due.pop(item.id, None)
        await self._journal(replace(item, state=DeliveryState.SENT, remote=remote, error=None, next_try_at=None))
        self._complained = False
        if item.kind is DeliveryKind.EDIT and item.incident:
            self._edited[item.incident] = now
        if item.kind is DeliveryKind.CARD and item.incident:
            self._carded[item.incident] = now
        if item.kind is DeliveryKind.ALERT and item.incident:
            left = await self._newsroom.store.undelivered()
            if not any(other.kind is DeliveryKind.ALERT and other.incident == item.incident for other in left):
                await self._newsroom.published(item.incident)

    async def _failed(self, item: Delivery, error: DeliveryError, *, repeated: bool) -> None:
        _log.warning("not delivered", destination=self._to.name, delivery=item.id, reason=error.reason)
        rooms = self._newsroom.outlets.rooms
        at = item.created_at
        now = asyncio.get_running_loop().time()
        asked = min(error.retry_after or 0.0, _ASKED_LIMIT_SECONDS)
        self._pacer.hold(now + asked)
        self._due.pop(item.id, None)
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
            wait = max(backoff, asked)
            self._due[item.id] = now + wait
            next_try_at = self._wall.now() + timedelta(seconds=wait)
            await self._journal(replace(item, state=state, error=error.reason, next_try_at=next_try_at))
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
