"""One continuous trouble of one operator while it lasts: its reporters, its incident, its draft."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from bot.domain.incidents import Draft, DraftKind, Evidence, Incident, IncidentState, Spike, Surge
from bot.domain.operators import Service
from bot.domain.places import Place, PlaceCount
from bot.domain.signals import EntryState, Interval, Report
from bot.drafting.evidence import select_evidence

_EVIDENCE_KEPT = 100  # every number can be traced to it, and a storm of posts still fits a card's row in the store
_EVIDENCE_SPREAD = 12  # the first ones are chosen to show the whole: what a card links to
_EVIDENCE_LOOKED_AT = 1000
# A service belongs to the incident when two people name it and it is no stray word: see docs/adr/0007-episodes.md.
_SERVICE_AUTHORS = 2
_SERVICE_SHARE = 0.25
# So many authors of a second kind of source confirm a suspicion; one is enough where an editor logged the call.
_SECOND_KIND_AUTHORS = 2
_DESK = "desk"
_REVISIONS_KEPT = 20  # an editor may press on a card that is some edits behind

KindOf = Callable[[str], str]


class _Authors:
    """Who reported, by what they said: kept up with each report, since a storm has ten thousand of them."""

    def __init__(self) -> None:
        self.all: set[str] = set()
        self.professional: set[str] = set()
        self.by_kind: dict[str, set[str]] = defaultdict(set)
        self.by_source: dict[str, set[str]] = defaultdict(set)
        self.by_network: dict[str, set[str]] = defaultdict(set)
        self.by_service: dict[Service, set[str]] = defaultdict(set)
        self.by_place: dict[Place, set[str]] = defaultdict(set)

    def add(self, report: Report, kind: str) -> None:
        who = report.author
        self.all.add(who)
        if report.professional:
            self.professional.add(who)
        self.by_kind[kind].add(who)
        self.by_source[report.source].add(who)
        self.by_network[report.network or report.operator].add(who)
        for service in report.services:
            self.by_service[service].add(who)
        for place in report.places:
            self.by_place[place].add(who)


class Episode:
    """Gathers reports into an incident. All that is decided about its state is in `bot.flow.transitions`.

    Attributes:
        incident: As it is now.
        draft: Latest revision, or None before the first.
        shown: The incident as the desk last received a line about it.
        shown_at: When that was.
        alarmed: A series of the operator was in alarm when last looked at.
        revisions: The last revisions by number: what an editor approves is what that editor saw.
    """

    def __init__(self, incident: Incident, kind_of: KindOf, draft: Draft | None = None) -> None:
        self.incident = incident
        self.draft = draft
        self.shown: Incident | None = draft.incident if draft else None
        self.shown_at: datetime = draft.at if draft else incident.opened_at
        said = incident.statement
        self.alarmed = self.surged and (said is None or said.state is EntryState.RESOLVED)
        self.revisions: dict[int, Draft] = {draft.revision: draft} if draft else {}
        self._kind_of = kind_of
        self._reports: list[Report] = []
        self._authors = _Authors()
        self._queued: list[Report] = []

    def keep(self, draft: Draft) -> None:
        """Take a new revision; a line of the contract also counts as shown to the desk."""
        self.draft = draft
        self.revisions[draft.revision] = draft
        self.revisions.pop(draft.revision - _REVISIONS_KEPT, None)
        if draft.kind is not DraftKind.DECISION:
            self.shown, self.shown_at = draft.incident, draft.at

    def hear(self, reports: Iterable[Report]) -> None:
        """Take reports of this operator; they count once the bucket they belong to is closed."""
        self._queued.extend(report for report in reports if not report.duplicate)

    def unlink(self, gone: AbstractSet[tuple[str, str]]) -> None:
        """Drop the links of these (source, id), from the drafts that an editor may still act on too."""

        def without(incident: Incident) -> Incident:
            return incident.unlinked(lambda evidence: (evidence.source, evidence.id) in gone)

        self._reports, self._queued = unlinked(self._reports, gone), unlinked(self._queued, gone)
        if any((item.source, item.id) in gone for item in self.incident.evidence):
            self.incident = without(self.incident)
            self.revisions = {
                n: replace(draft, incident=without(draft.incident)) for n, draft in self.revisions.items()
            }
            self.draft = self.draft and self.revisions.get(self.draft.revision, self.draft)

    def fold(self, end: datetime, expected: float, alarmed: frozenset[str] = frozenset()) -> None:
        """Bring the incident up to the end of the last closed bucket.

        Args:
            end: New end of the interval, exclusive.
            expected: Usual number of reports from the interval's end so far to `end`.
            alarmed: Services whose own series is in alarm.
        """
        start = self.incident.surge.interval.start
        ripe = [report for report in self._queued if start <= report.at < end]
        self._queued = [report for report in self._queued if not start <= report.at < end]
        self._reports.extend(ripe)
        for report in ripe:
            self._authors.add(report, self._group(report))
        before = self.incident.surge
        surge = replace(before, interval=Interval(start, end), expected=before.expected + expected)
        self.incident = replace(self.incident, surge=surge)
        if ripe or alarmed:
            self._recount(alarmed)

    def retract(self, report: Report) -> bool:
        """Forget a report that was taken back; whether it had been folded in."""
        key = report.source, report.id
        self._queued = [kept for kept in self._queued if (kept.source, kept.id) != key]
        left = [kept for kept in self._reports if (kept.source, kept.id) != key]
        if len(left) == len(self._reports):
            return False
        self._reports, self._authors = left, _Authors()
        for kept in left:
            self._authors.add(kept, self._group(kept))
        self._recount(frozenset())
        return True

    def _group(self, report: Report) -> str:
        return _DESK if report.verified else self._kind_of(report.source)

    def peaked(self, spikes: Iterable[Spike]) -> None:
        """Series raised: the widest explanation counts, and of equally wide ones the rarest."""
        known = [self.incident.surge.spike] if self.incident.surge.spike else []
        spike = min((*known, *spikes), key=_width_and_rarity, default=None)
        self.incident = replace(self.incident, surge=replace(self.incident.surge, spike=spike))

    @property
    def surged(self) -> bool:
        """Whether it rests on a surge, not on the operator's entry alone."""
        return self.incident.surge.spike is not None

    @property
    def second_kind(self) -> bool:
        """Whether a second independent kind of source bears the reports out."""
        strong = sum(
            len(found) >= (1 if kind == _DESK else _SECOND_KIND_AUTHORS)
            for kind, found in self._authors.by_kind.items()
        )
        return strong >= 2  # noqa: PLR2004 - "second" is the word of the contract

    def reported_beside(self, kind: str) -> bool:
        """Whether enough people report it by other kinds of source than this one, which then bears them out."""
        others = {who for other, found in self._authors.by_kind.items() if other != kind for who in found}
        return len(others) >= _SECOND_KIND_AUTHORS or bool(self._authors.by_kind.get(_DESK))

    def documented(self) -> Incident:
        """The incident with its evidence: the operator's entry, third parties' measures, a spread of reports."""
        chosen = select_evidence(self._reports[:_EVIDENCE_LOOKED_AT], limit=_EVIDENCE_SPREAD)
        shown = {(item.source, item.id) for item in chosen}
        others = sorted(
            (report for report in self._reports if (report.source, report.id) not in shown),
            key=lambda report: (report.at, report.source, report.id),
        )
        evidence = (*chosen, *(Evidence(report.source, report.id, report.at, report.url) for report in others))
        self.incident = replace(self.incident, evidence=(*_others_evidence(self.incident), *evidence[:_EVIDENCE_KEPT]))
        return self.incident

    def _recount(self, alarmed: frozenset[str]) -> None:
        by_service = self._authors.by_service
        least = max(_SERVICE_AUTHORS, _SERVICE_SHARE * max((len(found) for found in by_service.values()), default=0))
        joined = [
            service
            for service, found in sorted(by_service.items(), key=lambda pair: (-len(pair[1]), pair[0].value))
            if (len(found) >= least or service.value in alarmed) and service not in self.incident.services
        ]
        self.incident = replace(
            self.incident,
            surge=replace(
                self.incident.surge,
                reports=len(self._authors.all),
                by_source=_counts(self._authors.by_source),
                by_network=_counts(self._authors.by_network),
            ),
            services=(*self.incident.services, *joined),
            places=_place_counts(self._authors.by_place),
            professional=len(self._authors.professional),
            first_report_at=min((report.at for report in self._reports), default=self.incident.first_report_at),
        )


def unlinked(reports: list[Report], gone: AbstractSet[tuple[str, str]]) -> list[Report]:
    """The reports, without the links of those whose (source, id) is given."""
    return [replace(report, url=None) if (report.source, report.id) in gone else report for report in reports]


def open_incident(
    number: int, operator: str, at: datetime, start: datetime, services: tuple[Service, ...] = ()
) -> Incident:
    """A new suspicion about an operator since `start`; facts are folded into it next."""
    return Incident(
        id=f"{operator}-{at:%Y%m%d-%H%M}",
        number=number,
        operator=operator,
        state=IncidentState.SUSPECTED,
        opened_at=at,
        first_report_at=start,
        surge=Surge(reports=0, expected=0.0, interval=Interval(start, start)),
        services=services,
    )


def _place_counts(by_place: Mapping[Place, set[str]]) -> tuple[PlaceCount, ...]:
    counts = [PlaceCount(place, len(authors)) for place, authors in by_place.items()]
    return tuple(sorted(counts, key=lambda count: (-count.n, count.place.id)))


def _others_evidence(incident: Incident) -> tuple[Evidence, ...]:
    said = (incident.statement,) if incident.statement else ()
    return tuple(Evidence(o.source, o.entry_id, o.published_at, o.url) for o in (*said, *incident.observations))


def _width_and_rarity(spike: Spike) -> tuple[bool, int, float]:
    """Sorts the widest first: everywhere, then by how many départements; then the rarest."""
    return bool(spike.departements), -len(spike.departements), -spike.return_days


def _counts(authors: Mapping[str, set[str]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((name, len(who)) for name, who in authors.items()), key=_most_first))


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
