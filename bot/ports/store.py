"""What the core asks of its memory: one transaction a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.captures import Visit
from bot.domain.deliveries import Delivery
from bot.domain.incidents import Decision, Draft, Incident
from bot.domain.signals import Classification, Deletion, Health, Mention, Report, Signal, StatusEntry, Tally


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

    Signals, reports, visits and decisions are inserted once by key (a repeat is ignored; a StatusEntry with a new
    digest replaces the old one); incidents, drafts (by incident and revision), deliveries and cursors replace what was
    there.
    Deletions come last: they drop the text of a mention, and its link here, in reports, incidents and drafts.

    Attributes:
        snapshot: The detectors' state, opaque, with all that `last_closed` implies; None leaves the stored one.
        retracted: (source, id) of mentions that were taken back: their reports and texts go, the key stays known.
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
    retracted: tuple[tuple[str, str], ...] = ()
    visits: tuple[Visit, ...] = ()
    deletions: tuple[Deletion, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to apply."""
        return bool(
            self.signals
            or self.reports
            or self.retracted
            or self.deletions
            or self.health
            or self.visits
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

    async def mentions_under(self, source: str, prefix: str) -> Sequence[str]:
        """Ids, in order, of the source's mentions that begin so and whose text is still kept."""
        ...

    async def decided(self, key: str) -> bool:
        """Whether a decision with this idempotency key is stored."""
        ...

    async def reports(self, since: datetime, operator: str | None = None) -> Sequence[Report]:
        """Reports with `at` >= since, in order of (at, source, id); duplicates included and marked."""
        ...

    async def reports_of(self, source: str, key: str) -> Sequence[Report]:
        """The reports that one mention made: none, one, or one an operator."""
        ...

    async def mentions(self, since: datetime) -> Sequence[Mention]:
        """Mentions with `published_at` >= since whose text is still kept, oldest first."""
        ...

    async def entries(self, operator: str, since: datetime) -> Sequence[StatusEntry]:
        """The operator's own entries with `published_at` >= since, oldest first; no observer's."""
        ...

    async def observations(self, operator: str) -> Sequence[StatusEntry]:
        """What observers last said of the operator and have not said to be over, oldest first."""
        ...

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        """Tallies with `start` >= since, oldest first."""
        ...

    async def checks(self, since: datetime) -> Sequence[Health]:
        """Health lines with `at` >= since and, for each source, the last one before it; in order of `at`."""
        ...

    async def visits(self, operator: str, since: datetime, until: datetime) -> Sequence[Visit]:
        """Checks of the operator's own channels in [since, until] as far as kept, by (at, source), without bodies."""
        ...

    async def body(self, digest: str) -> bytes | None:
        """The bytes of a capture; None if they are not kept (too many in one day, or dropped since)."""
        ...

    async def incident(self, name: str) -> Incident | None:
        """An incident by its id or, in digits, its number."""
        ...

    async def decisions(self, since: datetime) -> Sequence[Decision]:
        """Editors' decisions with `at` >= since, oldest first."""
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

    async def purge(self, before: datetime, calm_before: datetime | None = None) -> int:
        """Drop what is old; what an incident's silence rests on (`Incident.heard_from` to its end) stays.

        Args:
            before: Texts and links of mentions seen before, observations that are over, health lines, sent deliveries
                and visits go.
            calm_before: Visits that told nothing new go from then on; None: as all others.

        Returns:
            Rows touched.
        """
        ...
