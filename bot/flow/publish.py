"""What leaves for which room when a draft changes: cards, edits, notices that ring, publications.

Every delivery's id is made of what causes it, so the same cause planned twice is the same delivery.
"""

from collections.abc import Iterable
from datetime import datetime

from bot.domain.deliveries import Alert, Delivery, DeliveryKind, Notice
from bot.domain.incidents import Draft, DraftKind, DraftState


def for_draft(draft: Draft, rooms: Iterable[str], *, fresh_card: bool) -> tuple[Delivery, ...]:
    """A new revision for the desk's rooms: a new card, or an edit of the live one and perhaps a reply that rings."""
    deliveries = []
    for room in rooms:
        kind = DeliveryKind.CARD if fresh_card else DeliveryKind.EDIT
        deliveries.append(_delivery(draft, room, kind))
        if draft.notice and not fresh_card:
            deliveries.append(
                Delivery(
                    id=f"{draft.incident.id}/{draft.revision}/notice/{room}",
                    to=room,
                    kind=DeliveryKind.NOTICE,
                    payload=Notice(draft.notice),
                    created_at=draft.at,
                    incident=draft.incident.id,
                )
            )
    return tuple(deliveries)


def is_fresh(before: Draft | None, draft: Draft) -> bool:
    """Whether a revision needs a card of its own: the first one, and one that facts lift out of a dismissal."""
    if before is None:
        return True
    return before.state is DraftState.DISMISSED and draft.kind is DraftKind.UPDATE and draft.decided_by is None


def for_publication(draft: Draft, targets: Iterable[str]) -> tuple[Delivery, ...]:
    """An approved draft for every configured target."""
    alert = Alert(draft.incident.id, draft.title, draft.text)
    return tuple(
        Delivery(
            id=f"{draft.incident.id}/{draft.revision}/alert/{target}",
            to=target,
            kind=DeliveryKind.ALERT,
            payload=alert,
            created_at=draft.at,
            incident=draft.incident.id,
        )
        for target in targets
    )


def for_notice(
    key: str, text: str, rooms: Iterable[str], at: datetime, resend: str | None = None
) -> tuple[Delivery, ...]:
    """A notice to every room, about no incident in particular."""
    return tuple(
        Delivery(
            id=f"{key}/notice/{room}",
            to=room,
            kind=DeliveryKind.NOTICE,
            payload=Notice(text, resend),
            created_at=at,
        )
        for room in rooms
    )


def _delivery(draft: Draft, room: str, kind: DeliveryKind) -> Delivery:
    return Delivery(
        id=f"{draft.incident.id}/{draft.revision}/{kind.value}/{room}",
        to=room,
        kind=kind,
        payload=draft,
        created_at=draft.at,
        incident=draft.incident.id,
    )
