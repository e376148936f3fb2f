"""Made-up values for the tests of the store, since each needs a few and none cares which."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.deliveries import Alert, Delivery, DeliveryKind, DeliveryState, Notice, Payload
from bot.domain.incidents import (
    Action,
    Decision,
    Draft,
    DraftKind,
    Evidence,
    Incident,
    IncidentState,
    Silence,
    SilenceState,
    Spike,
    Statement,
    Surge,
)
from bot.domain.operators import Service
from bot.domain.places import Level, Place, PlaceCount
from bot.domain.signals import (
    Classification,
    EntryState,
    Health,
    HealthState,
    Interval,
    Kind,
    Mention,
    Onset,
    Report,
    StatusEntry,
    Tally,
)
from bot.ports import Heard

EIGHT = datetime(2023, 12, 5, 8, tzinfo=UTC)
LILLE = Place("59350", Level.COMMUNE, "Lille", "59")


def at(minutes: float) -> datetime:
    """Some minutes after eight."""
    return EIGHT + timedelta(minutes=minutes)


def mention(key: str = "m1", *, source: str = "bluesky", minutes: float = 0, seen: float | None = None) -> Heard:
    published_at = at(minutes)
    signal = Mention(
        source,
        key,
        f"author of {key}",
        "plus de messagerie à Lille ce matin",
        published_at,
        published_at if seen is None else at(seen),
        url=f"https://example.org/{key}",
    )
    read = Classification(
        operators=("orange",),
        brands=("sosh",),
        kind=Kind.OUTAGE,
        fresh=True,
        onset=Onset.NOW,
        services=(Service.MAIL,),
        places=(LILLE,),
        professional=False,
        score=0.9,
        why=("outage: plus de",),
    )
    return Heard(signal, f"digest of {key}", read)


def report(key: str = "m1", *, operator: str = "orange", source: str = "bluesky", minutes: float = 0) -> Report:
    return Report(
        source,
        key,
        operator,
        f"author of {key}",
        at(minutes),
        at(minutes),
        services=(Service.MAIL,),
        places=(LILLE,),
        url=f"https://example.org/{key}",
    )


def entry(
    key: str = "e1", *, operator: str = "orange", minutes: float = 0, title: str = "Incident messagerie"
) -> StatusEntry:
    return StatusEntry(
        f"status:{operator}",
        operator,
        key,
        title,
        EntryState.INVESTIGATING,
        at(minutes),
        at(minutes),
        services=(Service.MAIL,),
        area="Grand Est",
    )


def tally(minutes: float = 0, *, operator: str = "orange", count: int = 7) -> Tally:
    return Tally("x", operator, at(minutes), 900, count, at(minutes + 15))


def health(minutes: float, state: HealthState = HealthState.OK, *, source: str = "orange-etat", **more: Any) -> Health:
    return Health(source, state, at(minutes), operator="orange", **more)


SPIKE = Spike("mail", 9, 0.4, Interval(at(0), at(3)), 8.5, 900.0, ("59", "62"))


def incident(number: int = 1, state: IncidentState = IncidentState.SUSPECTED, **more: Any) -> Incident:
    return Incident(
        id=f"orange-{number}",
        number=number,
        operator="orange",
        state=state,
        opened_at=at(4),
        first_report_at=at(0),
        surge=Surge(24, 2.5, Interval(at(0), at(4)), SPIKE, (("bluesky", 20), ("x", 4))),
        services=(Service.MAIL,),
        places=(PlaceCount(LILLE, 5),),
        silence=Silence(SilenceState.SILENT, at(0), at(3)),
        statement=Statement("e1", "status:orange", "Incident messagerie", EntryState.INVESTIGATING, at(2)),
        evidence=(Evidence("bluesky", "m1", at(0), "https://example.org/m1"), Evidence("x", "m2", at(3))),
        **more,
    )


def draft(revision: int = 1, of: Incident | None = None, *, minutes: float = 4) -> Draft:
    return Draft(
        revision=revision,
        at=at(minutes),
        kind=DraftKind.DRAFT if revision == 1 else DraftKind.UPDATE,
        incident=of or incident(),
        operator_name="Orange",
        title="Orange : la messagerie semble en panne",
        text=f"Révision {revision}.",
    )


def decision(key: str | None = "telegram:1", *, action: Action = Action.APPROVE) -> Decision:
    return Decision("Camille", action, at(10), incident="orange-1", revision=1, key=key)


def delivery(
    key: str = "d1",
    *,
    to: str = "telegram",
    kind: DeliveryKind = DeliveryKind.CARD,
    minutes: float = 4,
    state: DeliveryState = DeliveryState.PENDING,
    incident: str | None = "orange-1",
    **more: Any,
) -> Delivery:
    payloads: dict[DeliveryKind, Payload] = {
        DeliveryKind.CARD: draft(),
        DeliveryKind.EDIT: draft(2),
        DeliveryKind.NOTICE: Notice("Orange s'exprime.", resend="d0"),
        DeliveryKind.ALERT: Alert("orange-1", "Panne chez Orange", "La messagerie est en panne."),
    }
    return Delivery(key, to, kind, payloads[kind], at(minutes), incident=incident, state=state, **more)
