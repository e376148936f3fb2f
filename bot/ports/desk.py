"""What editors can do (the desk) and what they can tell us (the inbox): every chat calls the same ones."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.incidents import Decision, Draft, IncidentState, Silence, Statement
from bot.domain.operators import Operator, Service
from bot.domain.places import Place
from bot.domain.signals import Health, Report


class OutcomeKind(StrEnum):
    """What became of a decision."""

    DONE = "done"
    ALREADY = "already"  # somebody decided before; `draft.decided_by` says who
    CHANGED = "changed"  # the draft changed since this editor saw it: show it and ask again
    CLOSED = "closed"  # the incident is over, or its draft may no longer be decided so
    UNKNOWN = "unknown"  # no such incident


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a decision; `draft` is the latest revision, None for `unknown`."""

    kind: OutcomeKind
    draft: Draft | None = None


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source's health record."""

    name: str
    kind: str
    health: Health | None
    last_ok: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class SitesOut:
    """Mobile sites out of service, as an observer's last list has them: context, never a reason for an incident.

    Attributes:
        observer: Whose list it is.
        listed_at: Time of the list.
        fresh: Out for less than 24 h at that time.
        older: All others.
        url: The list, or None.
    """

    observer: str
    listed_at: datetime
    fresh: int
    older: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class OperatorStatus:
    """The answer to `/status OPERATOR [PLACE]`, every figure with its age.

    Attributes:
        state: Of the open incident; None means calm.
        incident: The open incident's latest draft, or None.
        reports: Distinct authors in the last hour up to `closed_to`.
        expected: Usual number for that hour.
        hourly: Reports in each of the last 24 hours, oldest first.
        silence: What the operator's own channel says now.
        statement: The operator's latest entry of the last 24 h, whether or not it fits an incident.
        closed_to: End of the last closed bucket: the age of `reports`; None before the first.
        sources: Health of everything that is heard about this operator.
        asked: The place that was asked for, as typed; empty: none.
        place: What that is, a commune or a département; None where it cannot be told.
        sites: Its mobile sites out of service at `place`, or everywhere when none was asked for.
    """

    at: datetime
    operator: Operator
    state: IncidentState | None
    incident: Draft | None
    reports: int
    expected: float
    hourly: tuple[int, ...]
    silence: Silence
    statement: Statement | None
    closed_to: datetime | None
    sources: tuple[SourceStatus, ...]
    asked: str = ""
    place: Place | None = None
    sites: tuple[SitesOut, ...] = ()


class Desk(Protocol):
    """What editors can do; every chat and every page calls the same one.

    A handler checks who is asking before it calls: the desk trusts its callers.
    """

    async def decide(self, decision: Decision) -> Outcome:
        """Take a decision, at most once a `key`; its deliveries are stored in the same transaction.

        A decision that carries a `revision` older than an edit, a change of state or a resolution is answered `changed`
        and has no effect; the handler shows the new draft and asks again. Without `revision` it is taken as it is.
        """
        ...

    async def status(self, operator: str, place: str = "") -> OperatorStatus | None:
        """The status of an operator by id, name or alias, and of a place there as typed; None if it is not known."""
        ...

    async def open_drafts(self) -> tuple[Draft, ...]:
        """Latest revision of each incident that is not over, newest first."""
        ...

    async def draft(self, number: int) -> Draft | None:
        """Latest revision for an incident's number."""
        ...

    async def sources(self) -> tuple[SourceStatus, ...]:
        """Health of every configured source, in the configuration's order."""
        ...

    async def resend(self, delivery: str, who: str) -> bool:
        """An editor has looked and says: send that unsure delivery again. False if it is no longer unsure."""
        ...

    def operators(self) -> tuple[Operator, ...]:
        """All known operators, in the configuration's order."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A reader's call as an editor logs it.

    Attributes:
        key: Idempotency key of the command message.
        who: The editor; `place` is what they typed, the inbox resolves it.
    """

    key: str
    who: str
    operator: str
    service: Service
    place: str
    at: datetime
    professional: bool = False


class Inbox(Protocol):
    """Where what people tell the newsroom enters, as mentions."""

    async def log_call(self, call: Call) -> Report | str:
        """Log a call; the report it became, or in words for the editor why not (unknown operator or place)."""
        ...
