"""All incidents that are not over: opens them, feeds them, and asks for a line to the desk when one is owed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from bot.detect import Belief
from bot.domain.incidents import Action, Decision, Draft, DraftKind, DraftState, Incident, IncidentState, Spike
from bot.domain.operators import Operator, Service
from bot.domain.signals import EntryState, Report, StatusEntry
from bot.flow import review, transitions
from bot.flow.channels import ACTIVE, Channels, fits, statement_of
from bot.flow.counts import bucket_of, bucket_start
from bot.flow.draft import Drafts
from bot.flow.episode import Episode, KindOf, open_incident, unlinked
from bot.flow.observers import Observers
from bot.flow.watch import Sighting, Watch
from bot.ports import OutcomeKind

_RECENT = timedelta(hours=2)  # reports kept for an incident that may open: the longest window and late posts
# An operator's entry opens an incident only while it is news: a feed's history at start is none.
_ENTRY_IS_NEWS = timedelta(hours=2)
# An alarm outlasts its surge by the longest window; only reports as recent as this say that people are still cut off.
_STILL = timedelta(minutes=30)
_LEAST_REPORTS = 4
_BELIEFS: Mapping[IncidentState, Belief] = {
    IncidentState.SUSPECTED: "suspected",
    IncidentState.CONFIRMED: "confirmed",
    IncidentState.DISMISSED: "dismissed",
}
_OBSERVATIONS_KEPT = 8
_UNDECIDED = frozenset({DraftState.PROPOSED, DraftState.CLAIMED, DraftState.HELD})

Emit = Callable[[Draft | None, Draft], None]


class Caseload:
    """One episode an operator at most, from its first sign to six hours after its end.

    Args:
        emit: Takes every new revision of a draft, with the one before.
        targets: There is somewhere to publish.
    """

    def __init__(
        self,
        *,
        watch: Watch,
        channels: Channels,
        observers: Observers,
        drafts: Drafts,
        operators: Mapping[str, Operator],
        kind_of: KindOf,
        emit: Emit,
        targets: bool,
    ) -> None:
        self.episodes: dict[str, Episode] = {}
        self.numbers = 0
        self._watch = watch
        self._channels = channels
        self._observers = observers
        self._drafts = drafts
        self._operators = operators
        self._kind_of = kind_of
        self._emit = emit
        self._targets = targets
        self._recent: dict[str, list[Report]] = defaultdict(list)

    def restore(self, drafts: Iterable[Draft], reports: Iterable[Report], numbers: int) -> None:
        """Go on with the incidents a store has kept."""
        self.numbers = numbers
        for draft in sorted(drafts, key=lambda draft: draft.incident.number):
            self.episodes[draft.incident.operator] = Episode(draft.incident, self._kind_of, draft)
        for report in reports:
            self.hear(report)

    def hear(self, report: Report) -> None:
        """Take a report; it counts for an incident once its bucket is closed."""
        self._recent[report.operator].append(report)
        episode = self.episodes.get(report.operator)
        if episode is not None:
            episode.hear([report])

    def retract(self, report: Report, who: str, now: datetime) -> None:
        """A report was taken back: the figures follow, and so does a confirmation that rested on it alone.

        A suspicion does not vanish with it, unless nobody is left who reports anything.
        """
        operator, key = report.operator, (report.source, report.id)
        self._recent[operator] = [kept for kept in self._recent[operator] if (kept.source, kept.id) != key]
        episode = self.episodes.get(operator)
        if episode is None:
            return
        self._fold(operator, episode, episode.incident.surge.interval.end)  # after a restart they wait to be
        borne_out = episode.second_kind or self._is_counted(operator, episode)
        if not episode.retract(report) or episode.draft is None:
            return
        incident, state = episode.incident, episode.draft.state
        said = incident.statement is not None and incident.statement.state is not EntryState.SCHEDULED
        still = said or episode.second_kind or self._is_counted(operator, episode)
        if borne_out and not still and state in _UNDECIDED:  # an editor's word stands
            incident = transitions.unconfirmed(incident)
        if incident.surge.reports or incident.statement or state not in _UNDECIDED:
            episode.incident = incident
            self._teach(operator, incident)
            self._owe(operator, episode, now)
            if episode.draft.incident.surge.reports != incident.surge.reports:
                self._revise(episode, now, DraftKind.DECISION, state)
        else:
            episode.incident = transitions.dismissed(incident, now)
            self._teach(operator, episode.incident)
            self._revise(episode, now, DraftKind.DISMISSED, DraftState.DISMISSED, who)

    def unlink(self, gone: AbstractSet[tuple[str, str]]) -> None:
        """Drop the links of these (source, id): their authors have taken them back."""
        for operator, reports in self._recent.items():
            self._recent[operator] = unlinked(reports, gone)
        for episode in self.episodes.values():
            episode.unlink(gone)

    def sight(self, sightings: Mapping[str, Sighting], now: datetime) -> None:
        """A bucket was closed or scored again: open and reopen incidents, feed all of them, let them ease and end."""
        for operator in sightings:
            if sightings[operator].spikes and operator not in self.episodes:
                self._open(operator, sightings[operator].spikes, now)
        for operator, episode in list(self.episodes.items()):
            self._follow(operator, episode, sightings.get(operator), now)

    def bear_out(self, operator: str, now: datetime) -> None:
        """An aggregated count of this operator is in alarm."""
        episode = self.episodes.get(operator)
        if episode is not None and self._is_counted(operator, episode):
            episode.incident = transitions.confirmed(episode.incident)
            self._teach(operator, episode.incident)
            self._owe(operator, episode, now)

    def observed(self, operator: str, now: datetime) -> None:
        """A third party has measured something of this operator: it bears out what people report, and opens nothing."""
        episode = self.episodes.get(operator)
        if episode is not None and episode.incident.eased_at is None:
            self._observe(episode)
            self._teach(operator, episode.incident)
            self._owe(operator, episode, now)

    def entry(self, entry: StatusEntry, now: datetime) -> None:
        """The operator said something: it opens an incident of its own, unless it may speak of one that is open."""
        news = entry.state in ACTIVE and now - entry.published_at <= _ENTRY_IS_NEWS
        episode = self.episodes.get(entry.operator)
        if news and episode is not None and self._is_other_trouble(entry, episode.incident):
            self._end(entry.operator, episode, now)
            episode = None
        if episode is None and news:
            start = min(entry.published_at, self._closed_end(now))
            episode = self._begin(entry.operator, now, start, entry.services)
            self._fold(entry.operator, episode, self._closed_end(now))

    def look_at_channel(self, operator: str, now: datetime) -> None:
        """The operator's channel was checked or spoke: recompute silence and statement."""
        episode = self.episodes.get(operator)
        if episode is None:
            return
        incident = episode.incident
        about = (operator, incident.services, incident.first_report_at, incident.statement)
        incident = replace(incident, silence=self._channels.silence(*about))
        fitting = self._channels.fitting(*about)
        said = incident.statement
        if fitting and (said is None or fitting[-1].published_at >= said.published_at):  # a newer word stays known
            incident = transitions.after_statement(incident, statement_of(fitting[-1]), now)
        episode.incident = incident
        self._teach(operator, incident)
        self._owe(operator, episode, now)

    def decide(self, decision: Decision, now: datetime) -> review.Verdict:
        """Apply an editor's decision."""
        episode = self._meant(decision)
        if episode is None:
            return review.Verdict(OutcomeKind.UNKNOWN)
        before = episode.draft
        operator = self._operators[episode.incident.operator]
        verdict = review.decide(decision, episode, operator, self._drafts, targets=self._targets, at=now)
        self._teach(operator.id, episode.incident)
        if verdict.kind is OutcomeKind.DONE and verdict.draft is not None:
            self._emit(before, verdict.draft)
        return verdict

    def published(self, incident: str, now: datetime) -> None:
        """Every target has confirmed an approved draft."""
        for episode in self.episodes.values():
            draft = episode.draft
            if episode.incident.id == incident and draft is not None and draft.state is DraftState.APPROVED:
                self._revise(episode, now, DraftKind.DECISION, DraftState.PUBLISHED)

    def refitted(self, decision: Decision) -> Decision:
        """A decision of another run on the incident that its operator has in this one."""
        operator = (decision.incident or "").rsplit("-", 2)[0]
        episode = self.episodes.get(operator)
        return replace(decision, incident=episode.incident.id, revision=None) if episode else decision

    def latest(self, decision: Decision) -> Draft | None:
        """The draft a decision is about, as it is now."""
        episode = self._meant(decision)
        return episode.draft if episode else None

    # --- one episode ---------------------------------------------------------------------------------------------

    def _open(self, operator: str, spikes: Iterable[Spike], now: datetime) -> None:
        start = max(spikes, key=lambda spike: spike.score).interval.start
        end = self._closed_end(now)
        inside = [report.at for report in self._recent[operator] if start <= report.at < end and not report.duplicate]
        first = bucket_start(bucket_of(min(inside, default=start)))  # the window may begin before anybody reported
        self._begin(operator, now, first)

    def _begin(self, operator: str, now: datetime, start: datetime, services: tuple[Service, ...] = ()) -> Episode:
        self.numbers += 1
        incident = open_incident(self.numbers, operator, now, start, services)
        episode = self.episodes[operator] = Episode(incident, self._kind_of)
        episode.hear(self._recent[operator])
        return episode

    def _follow(self, operator: str, episode: Episode, sighting: Sighting | None, now: datetime) -> None:
        state, alarm = episode.incident.state, self._watch.alarm(operator)
        raised = sighting is not None and _is_new(sighting, episode.incident.eased_at)
        # An alarm that is still open cannot raise again; what starts anew after the operator's all-clear is a raise.
        raised |= alarm and state is IncidentState.RESOLVED and self._goes_on(operator, 2.0, now)
        lasting = alarm and state is IncidentState.EASING and self._goes_on(operator, 1.0, now)
        if sighting is not None:
            episode.peaked(sighting.spikes)
        if episode.incident.eased_at is None or raised or state is IncidentState.DISMISSED:
            self._fold(operator, episode, self._closed_end(now), sighting.services if sighting else frozenset())
        else:  # the interval has ended; late posts from inside it still count
            self._fold(operator, episode, episode.incident.surge.interval.end)
        self._observe(episode)
        incident = episode.incident
        if episode.second_kind or self._is_counted(operator, episode):
            incident = transitions.confirmed(incident)
        if incident.state is IncidentState.DISMISSED and alarm:
            incident = replace(incident, ended_at=now)  # its six hours begin when its surge ends
        beat = transitions.Beat(now, raised, alarm, cleared=episode.alarmed and not alarm, lasting=lasting)
        episode.incident = transitions.after_bucket(incident, beat)
        episode.alarmed = alarm
        self.look_at_channel(operator, now)
        if transitions.is_over(episode.incident, now):
            self._end(operator, episode, now)

    def _fold(self, operator: str, episode: Episode, end: datetime, alarmed: frozenset[str] = frozenset()) -> None:
        so_far = episode.incident.surge.interval.end
        episode.fold(end, self._watch.expected(operator, bucket_of(so_far), bucket_of(end)), alarmed)

    def _end(self, operator: str, episode: Episode, now: datetime) -> None:
        if episode.draft is not None and episode.draft.state in _UNDECIDED:
            self._revise(episode, now, DraftKind.EXPIRED, DraftState.EXPIRED)
        del self.episodes[operator]
        self._watch.believe(operator, None)

    def teach(self) -> None:
        """Tell detectors that have begun anew what the newsroom makes of every episode."""
        for operator, episode in self.episodes.items():
            self._teach(operator, episode.incident)

    def _teach(self, operator: str, incident: Incident) -> None:
        """Tell the detectors what the newsroom makes of the episode: it decides what its spikes teach."""
        state = incident.state if incident.state in _BELIEFS else incident.before
        self._watch.believe(operator, _BELIEFS[state])

    def _owe(self, operator: str, episode: Episode, now: datetime) -> None:
        before = episode.draft
        draft = self._drafts.owed(episode, self._operators[operator], now)
        if draft is not None:
            self._emit(before, draft)

    def _revise(
        self, episode: Episode, now: datetime, kind: DraftKind, state: DraftState, who: str | None = None
    ) -> None:
        before = episode.draft
        operator = self._operators[episode.incident.operator]
        who = who or (before.decided_by if before else None)
        self._emit(before, self._drafts.revise(episode, operator, now, kind, state=state, decided_by=who))

    # --- looking things up ---------------------------------------------------------------------------------------

    def _meant(self, decision: Decision) -> Episode | None:
        if decision.incident is not None:
            found = [episode for episode in self.episodes.values() if episode.incident.id == decision.incident]
        else:
            wanted = {IncidentState.DISMISSED} if decision.action is Action.UNDO else set()
            found = [e for e in self.episodes.values() if e.incident.state in transitions.OPEN] or [
                e for e in self.episodes.values() if e.incident.state in wanted
            ]
        return found[0] if len(found) == 1 else None

    def _is_counted(self, operator: str, episode: Episode) -> bool:
        """Whether an aggregated count bears out what people say elsewhere; its own search may not confirm itself."""
        alarms = self._watch.tallies.alarms(operator)
        return episode.surged and any(episode.reported_beside(self._kind_of(source)) for source in alarms)

    def _observe(self, episode: Episode) -> None:
        """Take the measures that fit what people report now; one that comes when it eases is of something else."""
        incident = episode.incident
        found = self._observers.bearing_out(incident) if episode.surged and incident.eased_at is None else ()
        if found:
            observations = (*incident.observations, *found)[:_OBSERVATIONS_KEPT]
            episode.incident = transitions.confirmed(replace(incident, observations=observations))

    def _goes_on(self, operator: str, times: float, now: datetime) -> bool:
        """Whether people still report: in the last half hour as many as a spike needs, and `times` what is usual."""
        end = self._closed_end(now)
        start = end - _STILL
        late = sum(start <= report.at < end and not report.duplicate for report in self._recent[operator])
        return late >= max(_LEAST_REPORTS, times * self._watch.expected(operator, bucket_of(start), bucket_of(end)))

    @staticmethod
    def _is_other_trouble(entry: StatusEntry, incident: Incident) -> bool:
        over = incident.state is IncidentState.RESOLVED
        return over and not fits(entry, incident.services, incident.first_report_at, incident.statement)

    def _closed_end(self, now: datetime) -> datetime:
        closed = self._watch.last_closed
        return bucket_start(bucket_of(now) if closed is None else closed + 1)

    def forget(self, now: datetime) -> None:
        """Drop reports no incident can begin with any more."""
        for operator, reports in self._recent.items():
            self._recent[operator] = [report for report in reports if report.at > now - _RECENT]


def _is_new(sighting: Sighting, eased_at: datetime | None) -> bool:
    """Whether a series raised, and not only for a late post from before the incident eased."""
    return any(eased_at is None or spike.interval.end > eased_at for spike in sighting.spikes)
