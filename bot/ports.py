"""What the core asks of the outside, and what it offers to it: small protocols, no behaviour.

Adapters (`sources`, `handlers`, `handlers.targets`) see this module, `bot.domain`, `bot.clock` and `bot.errors` only.
An adapter module exposes `Settings` (a subclass of the settings base of its port) and
`create(settings, deps)`; its module name is its `kind` in the configuration.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from bot.clock import Clock
from bot.domain.deliveries import Delivery
from bot.domain.incidents import Decision, Draft, Incident, IncidentState, Silence, Statement
from bot.domain.operators import Operator, Service
from bot.domain.signals import Classification, Health, Mention, Report, Signal, StatusEntry, Tally


class AdapterSettings(BaseModel):
    """Base of every adapter's settings: unknown keys are errors, secrets never show."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: str
    name: str = ""  # the configuration fills it: the kind, or kind-2, kind-3 where it repeats


# --- sources -----------------------------------------------------------------------------------------------------


class SourceSettings(AdapterSettings):
    """Settings every source has."""

    interval: timedelta = Field(default=timedelta(minutes=5), ge=timedelta(seconds=30))


Event = Signal | Health | Decision


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read of a source gave; stored whole, in one transaction with its effects.

    Attributes:
        events: Signals, in the source's order. (`replay` also gives recorded health and decisions.)
        cursor: Where to go on after a restart; opaque to all but the source. None leaves the stored one.
        complete_to: Everything published before this event time has been handed over; None: not known.
        heard_from: Since when this reading and those before it cover everything; None: no gap was filled.
    """

    events: tuple[Event, ...] = ()
    cursor: str | None = None
    complete_to: datetime | None = None
    heard_from: datetime | None = None


class Source(Protocol):
    """A configured origin of signals.

    Attributes:
        name: From the configuration, unique.
        kind: The module's name: two sources of one kind are not independent of each other.
        operator: Set when this is that operator's official channel (silence is computed from it).
        hears: It gives mentions or tallies, so it counts for exposure.
        interval: Time between reads; zero for a source that is pushed to.
    """

    name: str
    kind: str
    operator: str | None
    hears: bool
    interval: timedelta

    def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Read once (a polled source: yields one Reading, also when nothing is new) or for ever (a pushed one).

        Each Reading is a good check at the time it is yielded. The caller keeps time: it calls again after
        `interval` with jitter, backs off after an error, honours `retry_after`. Reading again from the same cursor
        may repeat signals but loses none.

        Raises:
            SourceError: with the health it means. Nothing else leaves an adapter.
        """
        ...

    async def check(self) -> str:
        """Try what `read` needs by reading only, paying nothing; what was found, in a few words.

        Raises:
            SourceError: with what an operator of the bot can do about it in `reason`.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and processes; called once, also after a failure."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer with its whole (capped, decompressed) body.

    Attributes:
        headers: Names in lower case.
        url: Where it came from after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Http(Protocol):
    """The one safe HTTP client of the sources: total timeout, body cap, at most 3 redirects, no private addresses."""

    async def get(self, url: str, headers: Mapping[str, str] | None = None, *, total_seconds: float = 20.0) -> Response:
        """GET a URL; any status below 500 but 429 is returned, the caller judges it.

        Raises:
            SourceError: `unreachable` (connection, timeout, 5xx, refused address), `failing` with `retry_after`
                (429), `unreadable` (body over the cap).
        """
        ...


@dataclass(frozen=True, slots=True)
class SourceDeps:
    """What a source may use.

    Attributes:
        http: For plain reads.
        clock: Event time.
        operators: By id.
        gate: Whether a text may name a configured operator at all; cheap, for streams.
        surging: Whether a surge of that operator is open now (paid reads wait for it).
        user_agent: Product, version and a contact, for clients that bring their own transport.
        allow_private: Hosts (`host` or `host:port`) that may resolve to private addresses.
    """

    http: Http
    clock: Clock
    operators: Mapping[str, Operator]
    gate: Callable[[str], bool]
    surging: Callable[[str], bool]
    user_agent: str
    allow_private: frozenset[str] = frozenset()


# --- the desk ----------------------------------------------------------------------------------------------------


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
class OperatorStatus:
    """The answer to `/status OPERATOR`, every figure with its age.

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

    async def status(self, operator: str) -> OperatorStatus | None:
        """The status of an operator by id, name or alias; None if it is not known."""
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


# --- handlers and targets ----------------------------------------------------------------------------------------


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


# --- the store ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal as it is stored: masked, hashed, read.

    Attributes:
        digest: Hash of its content: tells an entry updated in place from a repeat.
    """

    signal: Signal
    digest: str
    classification: Classification | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything one step changes; the store applies it in one transaction, or not at all.

    Signals, reports and decisions are inserted once by key (a repeat is ignored; a StatusEntry with a new digest
    replaces the old one); incidents, drafts (by incident and revision), deliveries and cursors replace what was there.

    Attributes:
        snapshot: The detectors' state, opaque, with all that `last_closed` implies; None leaves the stored one.
    """

    signals: tuple[Heard, ...] = ()
    reports: tuple[Report, ...] = ()
    health: tuple[Health, ...] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    drafts: tuple[Draft, ...] = ()
    decisions: tuple[Decision, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    snapshot: bytes | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to apply."""
        return bool(
            self.signals
            or self.reports
            or self.health
            or self.cursors
            or self.incidents
            or self.drafts
            or self.decisions
            or self.deliveries
            or self.snapshot
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a start needs.

    Attributes:
        drafts: Latest revision of each incident that is open, or ended after the given time.
        health: Latest line of each source.
        numbers: Highest incident number so far.
    """

    snapshot: bytes | None
    cursors: Mapping[str, str]
    drafts: tuple[Draft, ...]
    health: tuple[Health, ...]
    numbers: int


class Store(Protocol):
    """The newsroom's memory. One writer; any number of readers beside it."""

    async def open(self) -> None:
        """Make ready, migrate if behind. Raises StoreError (locked by another bot, corrupt, newer than we are)."""
        ...

    async def close(self) -> None:
        """Flush and let go."""
        ...

    async def apply(self, changes: Changes) -> None:
        """Apply in one transaction. Raises StoreError, and then nothing of it is stored."""
        ...

    async def load(self, ended_after: datetime) -> Loaded:
        """What a start needs; see `Loaded`."""
        ...

    async def known(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """Of these (source, id), those stored, with their digest."""
        ...

    async def decided(self, key: str) -> bool:
        """Whether a decision with this idempotency key is stored."""
        ...

    async def reports(self, since: datetime, operator: str | None = None) -> Sequence[Report]:
        """Reports with `at` >= since, in order of (at, source, id); duplicates included and marked."""
        ...

    async def mentions(self, since: datetime) -> Sequence[Mention]:
        """Mentions with `published_at` >= since whose text is still kept, oldest first."""
        ...

    async def entries(self, operator: str, since: datetime) -> Sequence[StatusEntry]:
        """The operator's own entries with `published_at` >= since, oldest first."""
        ...

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        """Tallies with `start` >= since, oldest first."""
        ...

    async def checks(self, since: datetime) -> Sequence[Health]:
        """Health lines with `at` >= since and, for each source, the last one before it; in order of `at`."""
        ...

    async def draft(self, number: int) -> Draft | None:
        """Latest revision of the draft of incident `number`."""
        ...

    async def undelivered(self, to: str | None = None) -> Sequence[Delivery]:
        """Deliveries pending or sending (or unsure), oldest first."""
        ...

    async def delivery(self, delivery: str) -> Delivery | None:
        """One delivery by id."""
        ...

    async def card(self, to: str, incident: str) -> Delivery | None:
        """The newest `CARD` delivery of an incident to a destination that was sent, or None."""
        ...

    async def purge(self, before: datetime) -> int:
        """Drop texts and links of mentions seen before, old health lines and sent deliveries; rows touched."""
        ...
