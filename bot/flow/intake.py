"""What each thing that a source hands over does: to the counts, to the incidents, to what is known of the sources."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime

from bot.domain.incidents import Decision
from bot.domain.operators import Operator
from bot.domain.signals import Deletion, Health, Mention, Report, StatusEntry, Tally
from bot.flow.batch import Step
from bot.flow.caseload import Caseload
from bot.flow.channels import Channels
from bot.flow.ears import Ears
from bot.flow.flood import Flood
from bot.flow.ingest import Ingest
from bot.flow.observers import Observers, is_measure
from bot.flow.review import Verdict
from bot.flow.roster import Roster
from bot.flow.watch import Watch
from bot.ports import Event


class Intake:
    """Takes events in their order; what they change is in `step`, to be stored by the caller.

    Attributes:
        flood: What of the reports is counted.
    """

    def __init__(
        self,
        *,
        step: Step,
        ingest: Ingest,
        watch: Watch,
        cases: Caseload,
        channels: Channels,
        observers: Observers,
        ears: Ears,
        roster: Roster,
        operators: Mapping[str, Operator],
    ) -> None:
        self.flood = Flood()
        self._step = step
        self._ingest = ingest
        self._watch = watch
        self._cases = cases
        self._channels = channels
        self._observers = observers
        self._ears = ears
        self._roster = roster
        self._operators = operators
        self._spoke: set[str] = set()  # operators whose entries of this step wait to be judged

    def events(self, events: Sequence[Event | Report], new: Container[int], now: datetime) -> list[Verdict]:
        """Take them in their order; what the decisions among them came to.

        Args:
            events: What one reading gave.
            new: `id()` of the signals that say something new.
            now: The time.
        """
        verdicts = []
        for event in events:
            if not isinstance(event, StatusEntry):
                self._look_at_channels(now)
            if isinstance(event, Health):
                self._check(event, now)
            elif isinstance(event, Decision):
                self._step.batch.decisions.append(event)
                verdicts.append(self._cases.decide(event, now))
            elif isinstance(event, Report):
                self.report(event, now)
                self.amend(self._ears.heard(event.source, event.at), now)
            elif not isinstance(event, Deletion) and id(event) in new:
                self._signal(event, now)
        self._look_at_channels(now)
        self._take_back([event for event in events if isinstance(event, Deletion)])
        return verdicts

    def report(self, report: Report, now: datetime) -> None:
        """Keep a report, and count it if its operator is watched; what a flood brings beyond is dropped."""
        if report.operator in self._operators and not self.flood.takes(report, now):
            return
        self._step.batch.reports.append(report)
        if report.operator in self._operators:
            self._watch.count(report)
            self._cases.hear(report)

    def amend(self, filled: Sequence[int], now: datetime) -> None:
        """Score again what late posts have changed, and the minutes of a gap that is now filled."""
        sightings = self._watch.amend(self._ears.exposure, filled)
        if sightings:
            self._cases.sight(sightings, now)

    def _check(self, health: Health, now: datetime) -> None:
        health = self._roster.judged(health)
        self._step.batch.health.append(health)
        self._roster.note(health)
        self._channels.note(health)
        self.amend(self._ears.note(health), now)
        if health.operator is not None:
            self._cases.look_at_channel(health.operator, now)

    def _signal(self, signal: Mention | StatusEntry | Tally, now: datetime) -> None:
        taken = self._ingest.take(signal)
        self._step.batch.heard.append(taken.heard)
        if isinstance(signal, Mention):
            for report in taken.reports:
                self.report(report, now)
            self.amend(self._ears.heard(signal.source, signal.published_at), now)
            self._roster.heard(signal.source, now)
        elif isinstance(signal, Tally):
            if self._watch.tally(signal):
                self._cases.bear_out(signal.operator, now)
        elif isinstance(taken.heard.signal, StatusEntry) and signal.operator in self._operators:
            self._entry(taken.heard.signal, now)

    def _entry(self, entry: StatusEntry, now: datetime) -> None:
        if entry.observer is None:
            self._channels.add(entry)
            self._cases.entry(entry, now)
            self._spoke.add(entry.operator)
        else:  # never the operator's word
            self._observers.add(entry)
            if is_measure(entry):
                self._cases.observed(entry.operator, now)

    def _look_at_channels(self, now: datetime) -> None:
        """Judge what operators said once all of it is known: three hundred entries of one reading are one update."""
        for operator in sorted(self._spoke):
            self._cases.look_at_channel(operator, now)
        self._spoke.clear()

    def _take_back(self, deletions: Sequence[Deletion]) -> None:
        self._step.batch.deletions.extend(deletions)
        if deletions:
            self._cases.unlink({(deletion.source, deletion.id) for deletion in deletions})
