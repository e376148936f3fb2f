"""Deliveries: every thing that leaves for a chat or a public channel, journalled before it is sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.incidents import Draft


class DeliveryKind(StrEnum):
    """What a delivery does at its destination."""

    CARD = "card"  # a new live card
    EDIT = "edit"  # the live card of this incident, changed in place
    NOTICE = "notice"  # a message that rings: a reply to the card, or to the whole room
    ALERT = "alert"  # the publication itself, to a target


class DeliveryState(StrEnum):
    """The journal: intent (`pending`) → `sending` → `sent`; or given up."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"  # given up: not retryable, or superseded
    UNSURE = "unsure"  # may have been published: an editor is asked, it is never repeated by itself


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to a room, plain text.

    Attributes:
        text: What happened, in one or two sentences.
        resend: Id of an unsure delivery the editor may send again, or None.
    """

    text: str
    resend: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """A published draft, plain text, as the public sees it."""

    incident: str
    title: str
    text: str


Payload = Draft | Notice | Alert


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing for one destination.

    Attributes:
        id: Idempotency key: the same intent has the same id, whoever writes it again.
        to: Name of the handler or target.
        kind: A `CARD` or `EDIT` carries a Draft, a `NOTICE` a Notice, an `ALERT` an Alert.
        incident: Whose card it concerns, or None for a notice to the room.
        created_at: Event time of the decision that caused it.
        attempts: Sends begun so far; > 0 with state pending or sending means an earlier one may have arrived.
        next_try_at: Transport (wall) time before which it is not tried, or None.
        remote: The platform's id of what was sent, opaque but for its adapter, or None.
        reply_to: `remote` of the card this replies to or edits; filled when it is sent.
        error: Why the last attempt failed, or None.
    """

    id: str
    to: str
    kind: DeliveryKind
    payload: Payload
    created_at: datetime
    incident: str | None = None
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_try_at: datetime | None = None
    remote: str | None = None
    reply_to: str | None = None
    error: str | None = None
