"""What the core asks of a chat or a publication target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.domain.deliveries import Delivery
from bot.ports.desk import Desk, Inbox
from bot.ports.settings import AdapterSettings


class DestinationSettings(AdapterSettings):
    """Settings every handler and target has."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a destination may be written to; the outbox keeps to it (transport time).

    Attributes:
        old_edit_seconds: Time between two edits of a message older than an hour, where the platform limits them.
    """

    per_second: float
    per_minute: float
    old_edit_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One row of `vigie check`: what was tried, whether it works, what to do about it."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""


class Destination(Protocol):
    """Where deliveries go: one desk room of a chat, or one publication target."""

    name: str
    kind: str
    pace: Pace

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """Do what the delivery says; the platform's id of the message (for `EDIT`: of the edited card).

        Args:
            delivery: `reply_to` names the card for an `EDIT` or a `NOTICE` that belongs to one.
            repeated: An earlier attempt may have arrived. The adapter removes the repeat where its platform can
                (same nonce, a search of its own messages), labels it where it cannot (« envoi répété »), or, for a
                public target that can do neither, raises with `maybe_sent` and sends nothing.

        Raises:
            HandlerError, TargetError: the outbox retries as they say; `gone` makes it post a fresh card.
        """
        ...

    async def check(self, *, send: bool) -> Sequence[Check]:
        """Who am I, does the room exist, may I send and edit there; posts nothing unless `send`."""
        ...

    async def open(self) -> None:
        """Get ready to send. Raises HandlerError or TargetError; it may be called again after a failure."""
        ...

    async def close(self) -> None:
        """Let go of connections; called once."""
        ...


class Handler(Destination, Protocol):
    """A chat where editors decide: a destination that also listens."""

    async def listen(self, desk: Desk, inbox: Inbox) -> None:
        """Take commands and presses until cancelled; the caller restarts it after an error.

        Raises:
            HandlerError: the connection was lost for good.
        """
        ...


Target = Destination


@dataclass(frozen=True, slots=True)
class DestinationDeps:
    """What a handler or target may use.

    Attributes:
        language: `fr` or `en`.
        zone: The newsroom's, for wording only.
        newsroom: Its name.
    """

    clock: Clock
    language: str
    zone: ZoneInfo
    newsroom: str
