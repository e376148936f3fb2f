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
    """A source's health record.

    Attributes:
        health: Of its last check; None before the first.
        since: Since when it is in this state.
        last_ok: Last good answer.
        last_error: Why it last failed.
    """

    name: str
    kind: str
    health: Health | None = None
    since: datetime | None = None
    last_ok: datetime | None = None
    last_error: str | None = None


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
        at: When we have it (event time).
        written_at: When it was typed, by the platform's clock; None: at once.
    """

    key: str
    who: str
    operator: str
    service: Service
    place: str
    at: datetime
    professional: bool = False
    written_at: datetime | None = None


class TakingBack(StrEnum):
    """What became of the wish to take a report back."""

    DONE = "done"
    ALREADY = "already"  # it was taken back before
    LATE = "late"  # it has been counted for too long
    UNKNOWN = "unknown"  # there is no such report, or it is somebody else's


@dataclass(frozen=True, slots=True)
class Welcome:
    """On which terms readers may write to the newsroom.

    Attributes:
        source: Name of the source their messages belong to.
        through: Names of the handlers by which they may; empty: by all that can hear them.
        hourly: Messages of one person that are read and answered in an hour.
        daily: Messages of all persons that are read and answered in a day.
        keep_days: Days for which a text is kept.
    """

    source: str
    through: tuple[str, ...] = ()
    hourly: int = 5
    daily: int = 5000
    keep_days: int = 30


@dataclass(frozen=True, slots=True)
class ReaderMessage:
    """What a person writes to the newsroom.

    Attributes:
        key: Platform's id of the message; kept as a keyed hash only.
        person: Platform's id of the person; kept as a keyed hash only, never a name.
        at: When we have it (event time).
        written_at: When it was written, by the platform's clock.
        through: Name of the handler that heard it.
        edited: It was written before, and has been changed since.
    """

    key: str
    person: str
    text: str
    at: datetime
    written_at: datetime
    through: str
    edited: bool = False


class Reception(StrEnum):
    """How a reader's message was taken."""

    COUNTED = "counted"
    AGAIN = "again"  # this person's report counts already
    RECOVERY = "recovery"
    OLD = "old"  # an outage, but none of today
    UNCLEAR = "unclear"  # which operator, what fails: it does not say


@dataclass(frozen=True, slots=True)
class ReaderAnswer:
    """What a reader may be told: what we understood, and nothing that no editor has published but plain counts.

    Attributes:
        operator: Name of the operator they write of; empty when unclear.
        others: Other people who reported the same.
        since: When the first of them did.
        published: Title of the alert an editor has published; None: no alert is out.
        statement: The operator's own latest word of this trouble.
        keep_days: Days for which the text is kept.
    """

    kind: Reception
    operator: str = ""
    services: tuple[Service, ...] = ()
    places: tuple[Place, ...] = ()
    others: int = 0
    since: datetime | None = None
    published: str | None = None
    statement: Statement | None = None
    keep_days: int = 30


class Inbox(Protocol):
    """Where what people tell the newsroom enters, as mentions."""

    async def log_call(self, call: Call) -> Report | str:
        """Log a call; the report it became, or in words for the editor why not (unknown operator or place)."""
        ...

    async def undo_call(self, key: str, who: str) -> TakingBack:
        """An editor takes a logged call back, within an hour of it: it counts nowhere any more. Idempotent.

        Args:
            key: The call's.
            who: The editor, shown to the others where the call had made an incident.

        Raises:
            StoreError: it could not be stored.
        """
        ...

    def welcome(self, through: str) -> Welcome | None:
        """On which terms readers may write by that handler; None: they may not."""
        ...

    async def hear(self, message: ReaderMessage) -> ReaderAnswer | None:
        """Take what a reader writes; None: say nothing (not welcome, too many messages, an edit that says no more).

        A person counts once an episode, or once a day where there is none. The same `key` counts once, as it was
        when it was understood first.

        Raises:
            StoreError: it could not be stored.
        """
        ...

    async def take_back(self, key: str, person: str) -> TakingBack:
        """A reader takes their own message back, within an hour of it; see `undo_call`."""
        ...

    async def forget(self, key: str) -> None:
        """A reader's message was deleted where it was written: its text goes, that somebody was affected stays counted.

        Raises:
            StoreError: it could not be stored.
        """
        ...
