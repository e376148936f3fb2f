"""Incidents and drafts: what we believe is wrong, and what we propose to say about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.operators import Service
from bot.domain.places import PlaceCount
from bot.domain.signals import EntryState, Interval

HEARD_BEFORE = timedelta(hours=2)  # an entry so much older than the first report can be about it (contract)


class IncidentState(StrEnum):
    """Our belief; the arrows are in `bot.flow.episodes`."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    EASING = "easing"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class SilenceState(StrEnum):
    """What the operator's own channel says, five states a draft never confuses."""

    NO_CHANNEL = "no_channel"
    SPOKE = "spoke"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Silence:
    """The operator's silence, computed from health records, never from absence alone.

    Attributes:
        since: Begin of what `state` says (see the contract), or None where nothing is known.
        checked_at: Last good check of the operator's channel, or None.
    """

    state: SilenceState
    since: datetime | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What the operator says of this incident: its latest entry that fits."""

    entry_id: str
    source: str
    title: str
    state: EntryState
    published_at: datetime
    area: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a third party measured that bears an incident out: a second kind of source, never the operator's word."""

    observer: str
    source: str
    entry_id: str
    published_at: datetime
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A signal that an incident rests on."""

    source: str
    id: str
    at: datetime
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Spike:
    """Buckets significantly above their baseline: why an incident was opened.

    Attributes:
        series: A service, the source of a tally, or empty for the operator as a whole.
        reports: In `interval`.
        expected: Usual number for it.
        score: -log10 of the probability of so many reports or more.
        return_days: A peak as high comes once in so many days on this series (or on the whole map).
        departements: Codes of those where it was found, the middle one first; empty when it was everywhere.
    """

    series: str
    reports: int
    expected: float
    interval: Interval
    score: float
    return_days: float
    departements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surge:
    """The figures of a spike as an editor is told them.

    Attributes:
        reports: Distinct authors in `interval`.
        expected: Usual number for that interval.
        interval: From the spike's first bucket to the last closed one.
        spike: The widest one that raised, of those the rarest; None when the incident rests on something else.
        by_source: (source, distinct authors), most first.
        by_network: (operator, distinct authors whose own network it is), most first.
    """

    reports: int
    expected: float
    interval: Interval
    spike: Spike | None = None
    by_source: tuple[tuple[str, int], ...] = ()
    by_network: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """One continuous trouble of one operator (its episode).

    Attributes:
        id: Stable and readable (`orange-20231205-0812`); the same input gives the same id.
        number: Counts up over the newsroom's life; what editors type (`/draft 3`).
        state: Ours.
        before: The state to return to when a dismissal is undone or an easing incident is raised again.
        first_report_at: Earliest report that counts, or the operator's entry when it came alone.
        services: In the order they joined; never shrinks during an episode.
        eased_at: Since when it eases; None otherwise.
        ended_at: When it was resolved or dismissed; None while open.
        reports_at_dismissal: Against which "reports double" is measured after a dismissal.
        observations: Measures of third parties that bear it out, in the order in which they joined.
    """

    id: str
    number: int
    operator: str
    state: IncidentState
    opened_at: datetime
    first_report_at: datetime
    surge: Surge
    services: tuple[Service, ...] = ()
    places: tuple[PlaceCount, ...] = ()
    silence: Silence = Silence(SilenceState.NO_CHANNEL)
    statement: Statement | None = None
    evidence: tuple[Evidence, ...] = ()
    before: IncidentState = IncidentState.SUSPECTED
    eased_at: datetime | None = None
    ended_at: datetime | None = None
    reports_at_dismissal: int = 0
    professional: int = 0
    observations: tuple[Observation, ...] = ()

    @property
    def heard_from(self) -> datetime:
        """Since when what the operator says, or does not say, belongs to it."""
        return self.first_report_at - HEARD_BEFORE

    def unlinked(self, drops: Callable[[Evidence], bool]) -> "Incident":
        """The incident without the links of the evidence that `drops` tells."""
        return replace(self, evidence=tuple(replace(e, url=None) if drops(e) else e for e in self.evidence))


class DraftKind(StrEnum):
    """Why a revision of a draft reaches the desk (the contract's `kind`)."""

    DRAFT = "draft"
    UPDATE = "update"
    RESOLVED = "resolved"
    PUBLISHED = "published"
    DISMISSED = "dismissed"
    EXPIRED = "expired"
    DECISION = "decision"  # claim, hold, edit, undo: the card changes, no line of its own in a replay


class DraftState(StrEnum):
    """Where a draft stands with the editors."""

    PROPOSED = "proposed"
    CLAIMED = "claimed"
    HELD = "held"
    APPROVED = "approved"
    PUBLISHED = "published"
    DISMISSED = "dismissed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Draft:
    """One revision of a proposed alert: everything a card shows, and nothing it must look up.

    Attributes:
        revision: 1 for the first; a decision names the revision its editor saw.
        at: Decision time of this revision (event time).
        kind: Why this revision reaches the desk.
        incident: The incident as it was then.
        operator_name: As a journalist writes it.
        title: Plain text, our wording or the editor's.
        text: Plain text, our wording or the editor's; no markup of any platform.
        state: Where it stands with the editors.
        decided_by: Who decided last (a display name), or None.
        edited: The text is an editor's: later revisions keep it.
        notice: One line an editor must notice (it becomes a reply that rings), or None.
        changed_in: Latest revision in which an editor changed the text or the incident changed state: who saw an
            older one is asked again before a decision counts.
    """

    revision: int
    at: datetime
    kind: DraftKind
    incident: Incident
    operator_name: str
    title: str
    text: str
    state: DraftState = DraftState.PROPOSED
    decided_by: str | None = None
    edited: bool = False
    notice: str | None = None
    changed_in: int = 1


class Action(StrEnum):
    """What an editor can do to a draft."""

    CLAIM = "claim"
    EDIT = "edit"
    HOLD = "hold"
    APPROVE = "approve"
    DISMISS = "dismiss"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an editor did to a draft.

    Attributes:
        who: Display name of the editor, shown to the others.
        at: Event time.
        incident: Id, or None for the only open one.
        text: The new text, for an edit.
        revision: The revision the editor saw, or None when unknown; see `Desk.decide`.
        key: Idempotency key of the press (platform and its id), or None.
    """

    who: str
    action: Action
    at: datetime
    incident: str | None = None
    text: str | None = None
    revision: int | None = None
    key: str | None = None
