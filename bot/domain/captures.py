"""What an operator's own channel answered and when: what the claim of its silence rests on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, pairwise

from bot.domain.incidents import Incident
from bot.domain.signals import HealthState, Interval, StatusEntry


@dataclass(frozen=True, slots=True)
class Capture:
    """What one address answered at one check.

    Attributes:
        url: Where the answer came from, without user, password and query (`?…` where there was one).
        status: HTTP; 304 says that the bytes of `digest`, which we hold, are still what there is to read. 0: not read
            over HTTP.
        digest: SHA-256 of the body, in hexadecimal.
        size: Of the body, in bytes.
        headers: Those that tell when and what, names in lower case; of the first answer with these bytes once stored.
        dated: The server's own clock, or None.
        body: None for a 304, and once stored: the store hands bytes out by their digest.
        first_at: When these bytes were first read at this address (aware UTC); None before they are stored.
    """

    url: str
    status: int
    digest: str
    size: int
    headers: tuple[tuple[str, str], ...] = ()
    dated: datetime | None = None
    body: bytes | None = field(default=None, repr=False)
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One check of an operator's own channel, with all the answers it rests on.

    Attributes:
        at: As in its health line (aware UTC); with `source` it is the key.
        captures: None for a check that got no answer.
        telling: It said something new: an entry, another version of one, or another state of health.
    """

    source: str
    operator: str
    at: datetime
    state: HealthState
    reason: str | None = None
    captures: tuple[Capture, ...] = ()
    telling: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What there is to show of the operator's own channels during an incident.

    Attributes:
        until: End of the incident, or the time of asking.
        visits: Every check from `incident.heard_from` to `until`, oldest first.
        entries: What the operator published from then on (newest version of each), oldest first.
    """

    incident: Incident
    until: datetime
    visits: tuple[Visit, ...]
    entries: tuple[StatusEntry, ...]

    @property
    def channels(self) -> tuple["Channel", ...]:
        """The channels that were checked, by name."""
        names = sorted({visit.source for visit in self.visits})
        span = Interval(self.incident.heard_from, self.until)
        return tuple(Channel(name, span, tuple(v for v in self.visits if v.source == name)) for name in names)

    def visit_of(self, entry: StatusEntry) -> Visit | None:
        """The check that brought this version of an entry, if it is among the visits."""
        came = (visit for visit in self.visits if visit.source == entry.source and visit.at >= entry.seen_at)
        return next(came, None)


@dataclass(frozen=True, slots=True)
class Channel:
    """The checks of one source.

    Attributes:
        span: What is to be shown; a check may be missing at either end of it.
        visits: At least one, oldest first.
    """

    source: str
    span: Interval
    visits: tuple[Visit, ...]

    @property
    def good(self) -> tuple[Visit, ...]:
        """The checks that could read the channel."""
        return tuple(visit for visit in self.visits if visit.state is HealthState.OK)

    @property
    def longest_gap(self) -> Interval:
        """The longest time without a good check, both ends of the span included: silence is not known in it."""
        times = [self.span.start, *(visit.at for visit in self.good), self.span.end]
        return max((Interval(*ends) for ends in pairwise(times)), key=lambda gap: gap.length)

    @property
    def failures(self) -> tuple[tuple[Visit, Visit, int], ...]:
        """Checks in a row that failed for the same reason: the first, the last, and how many."""
        alike = groupby(self.visits, key=lambda visit: (visit.state, visit.reason))
        runs = [list(run) for (state, _), run in alike if state is not HealthState.OK]
        return tuple((run[0], run[-1], len(run)) for run in runs)


def distinct(visits: Iterable[Visit]) -> tuple[tuple[Visit, Capture], ...]:
    """Each answer once, by source, address and bytes, with the first of these checks that rests on it."""
    found: dict[tuple[str, str, str], tuple[Visit, Capture]] = {}
    for visit in visits:
        for capture in visit.captures:
            found.setdefault((visit.source, capture.url, capture.digest), (visit, capture))
    return tuple(found.values())
