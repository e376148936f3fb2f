"""Signals: what a source said once, and what we read in it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.operators import Service
from bot.domain.places import Place


@dataclass(frozen=True, slots=True)
class Mention:
    """One post, message or logged call by one person.

    Attributes:
        source: Name of the source; with `id` it is the key that makes storing idempotent.
        id: The source's own id.
        author: Keyed hash of the author once stored; a source hands over what it knows, ingest hashes it.
        text: As written; ingest masks handles, numbers and addresses before storing.
        published_at: Their clock (aware UTC); decides the bucket.
        seen_at: Our clock (aware UTC).
        url: Link for editors, or None.
        operator_hint: The post was found by a search for that operator.
        verified: An editor logged it (a reader's call): it weighs as a kind of source of its own.
    """

    source: str
    id: str
    author: str
    text: str
    published_at: datetime
    seen_at: datetime
    url: str | None = None
    operator_hint: str | None = None
    verified: bool = False


class EntryState(StrEnum):
    """What an operator says of its own trouble (the contract's list)."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    SCHEDULED = "scheduled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One entry of an operator's own channel: their state, impact and area, never ours.

    Or, with an `observer`, what a third party measured or published of the operator: context and confirmation, never
    the operator's word. Without a `place` it is a measure of the whole network, with a region (`R27`) one of the
    network there; both bear an incident out. With a smaller place it is about one thing there (a mobile site out of
    service) and is context only; with the state `unknown` it only dates the list that the others come from.

    An entry updated in place keeps its id; ingest tells a repeat from an update by its content.

    Attributes:
        services: Empty when the entry names none: it then fits any service.
        area: In the operator's own words, or None.
        published_at: Time of this version of the entry, by their clock (aware UTC).
        observer: Who says it where it is not the operator (`ioda`, `arcep`); None: the operator itself.
        place: Id of the place that an observer's entry is about (`71076`, `D71`, `R27`; `FR` where it does not say
            which).
    """

    source: str
    operator: str
    id: str
    title: str
    state: EntryState
    published_at: datetime
    seen_at: datetime
    body: str = ""
    services: tuple[Service, ...] = ()
    area: str | None = None
    url: str | None = None
    observer: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """A count that arrives already aggregated; a series of its own that never drafts alone.

    Attributes:
        start: Start of the half-open interval (aware UTC).
        seconds: Its length in seconds, > 0.
        count: Occurrences in it, >= 0.
    """

    source: str
    operator: str
    start: datetime
    seconds: int
    count: int
    seen_at: datetime


Signal = Mention | StatusEntry | Tally


@dataclass(frozen=True, slots=True)
class Deletion:
    """Who wrote a mention has taken it back: its text and link go, that somebody was affected stays.

    Attributes:
        source: As in the mention.
        id: As in the mention; mostly of one that we never kept.
        account: A whole account has gone: `id` is what the ids of all its mentions begin with.
    """

    source: str
    id: str
    account: bool = False


class HealthState(StrEnum):
    """How well a source can hear; unknown is a state, silence is not."""

    OK = "ok"
    STALE = "stale"
    FAILING = "failing"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    PAUSED = "paused"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Health:
    """One check of a source; it holds until the source's next one.

    Attributes:
        operator: Set when the source is that operator's official channel.
        at: When we checked (aware UTC).
        reason: Why it is not `ok`, for an editor.
        heard_from: The source has handed over everything since then, so a gap before `at` is filled;
            None: only from `at` on.
        next_try: When it is read again; None: it is pushed to, or nobody knows.
        note: What else an editor should know of it while it works: money spent, a part that does not answer.
        longest_silence: Between two signals of it, as far as is known; None: too little is known to judge by.
    """

    source: str
    state: HealthState
    at: datetime
    operator: str | None = None
    reason: str | None = None
    heard_from: datetime | None = None
    next_try: datetime | None = None
    note: str | None = None
    longest_silence: timedelta | None = None


class Kind(StrEnum):
    """What a mention is."""

    OUTAGE = "outage"
    RECOVERY = "recovery"
    NOISE = "noise"


class Onset(StrEnum):
    """When the trouble began, as far as the text says; only now and today feed the detector."""

    NOW = "now"
    TODAY = "today"
    DAYS = "days"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Classification:
    """How a mention was read.

    Attributes:
        operators: Network ids in text order.
        brands: Brand ids named (`sosh`), whose network is in `operators`.
        fresh: The writer is affected and it began within about three days.
        onset: Finer than fresh; None unless it is an outage whose begin can be told.
        services: In text order, without repeats.
        places: Only what the text names.
        score: Probability of a fresh outage, 0 to 1.
        why: The words that decided, as `"rule: words"`.
        network: Of several operators named, the writer's own; None where one or none is named.
    """

    operators: tuple[str, ...]
    brands: tuple[str, ...]
    kind: Kind
    fresh: bool
    onset: Onset | None
    services: tuple[Service, ...]
    places: tuple[Place, ...]
    professional: bool
    score: float
    why: tuple[str, ...]
    network: str | None = None

    @property
    def counts(self) -> bool:
        """Whether this mention is a report: somebody is affected now."""
        return self.fresh and self.onset in {Onset.NOW, Onset.TODAY}


@dataclass(frozen=True, slots=True)
class Report:
    """A mention read as "this person is affected now", for one operator.

    Attributes:
        author: Keyed hash; reports are counted by distinct author.
        at: The mention's `published_at`, clamped to what can be true (aware UTC).
        duplicate: A repost or near-duplicate: evidence perhaps, but not counted.
        network: The writer's own where several operators are named ("Free n'arrive plus à appeler Orange": free).
    """

    source: str
    id: str
    operator: str
    author: str
    at: datetime
    seen_at: datetime
    services: tuple[Service, ...] = ()
    places: tuple[Place, ...] = ()
    professional: bool = False
    verified: bool = False
    url: str | None = None
    duplicate: bool = False
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open span of time, aware UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start
