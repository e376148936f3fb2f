"""A store that forgets at the end: for replays, for tests of the flow, and a second opinion on what the port means."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.captures import Visit
from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState
from bot.domain.incidents import Decision, Draft, Evidence, Incident
from bot.domain.signals import Deletion, EntryState, Health, Mention, Report, StatusEntry, Tally
from bot.ports import Changes, Heard, Loaded
from bot.storage.memory_visits import MemoryVisits
from bot.storage.runs import Run, fold, lines
from bot.storage.values import (
    FINISHED,
    OPEN,
    UNDELIVERED,
    decision_key,
    decision_order,
    entry_order,
    links_from,
    mention_order,
    report_order,
    signal_key,
    tally_order,
)
from bot.storage.visits import pack


class MemoryStore:
    """See `bot.ports.Store`. For one run of the bot: nothing is kept on disk."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], str] = {}
        self._mentions: dict[tuple[str, str], Mention] = {}  # those whose text is kept
        self._entries: dict[tuple[str, str], StatusEntry] = {}
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._reports: dict[tuple[str, str, str], Report] = {}
        self._runs: dict[str, list[Run]] = defaultdict(list)  # by the time of their first lines
        self._visits = MemoryVisits()
        self._cursors: dict[str, str] = {}
        self._incidents: dict[str, Incident] = {}
        self._drafts: dict[str, dict[int, Draft]] = defaultdict(dict)
        self._decisions: dict[str, Decision] = {}
        self._deliveries: dict[str, Delivery] = {}  # a delivery that changes keeps its place
        self._snapshot: bytes | None = None

    async def open(self) -> None:
        """See `Store.open`."""

    async def close(self) -> None:
        """See `Store.close`; opened again it still remembers."""

    async def apply(self, changes: Changes) -> None:
        """See `Store.apply`."""
        for heard in changes.signals:
            self._hear(heard)
        for report in changes.reports:
            self._reports.setdefault((report.source, report.id, report.operator), report)
        for key in changes.retracted:
            self._retract(key)
        for line in changes.health:
            self._check(line)
        packed = pack(changes.visits)
        for visit in changes.visits:
            self._visits.write(visit, packed)
        self._cursors.update(changes.cursors)
        self._incidents.update((incident.id, incident) for incident in changes.incidents)
        for draft in changes.drafts:
            self._drafts[draft.incident.id][draft.revision] = draft
        for decision in changes.decisions:
            self._decisions.setdefault(decision_key(decision), decision)
        self._deliveries.update((delivery.id, delivery) for delivery in changes.deliveries)
        if changes.snapshot is not None:
            self._snapshot = changes.snapshot
        if changes.deletions:
            self._forget(changes.deletions)

    def _retract(self, key: tuple[str, str]) -> None:
        self._mentions.pop(key, None)
        for made in [made for made in self._reports if made[:2] == key]:
            del self._reports[made]

    def _check(self, line: Health) -> None:
        runs = self._runs[line.source]
        place = bisect_right(runs, line.at, key=lambda run: run.first.at)
        begun = runs[place - 1 : place]  # the run that begins last at or before the line, if any
        if run := fold(begun[0] if begun else None, line):
            runs[place - 1 if begun and begun[0].first.at == run.first.at else place : place] = [run]

    def _hear(self, heard: Heard) -> None:
        signal, key = heard.signal, signal_key(heard.signal)
        stored = self._entries.get(key) or self._tallies.get(key)
        if key in self._digests and (self._digests[key] == heard.digest or type(stored) is not type(signal)):
            return
        self._digests[key] = heard.digest
        match signal:
            case Mention():
                self._mentions[key] = signal
            case StatusEntry():
                self._entries[key] = signal
            case Tally():
                self._tallies[key] = signal

    def _forget(self, deletions: Sequence[Deletion]) -> None:
        gone = {(deletion.source, deletion.id) for deletion in deletions}
        for key in gone:
            self._mentions.pop(key, None)
        linked = [key for key, report in self._reports.items() if (report.source, report.id) in gone and report.url]
        for report_key in linked:
            self._reports[report_key] = replace(self._reports[report_key], url=None)
        if linked:
            self._unlink(lambda evidence: (evidence.source, evidence.id) in gone)

    def _unlink(self, drops: Callable[[Evidence], bool]) -> None:
        for name, incident in self._incidents.items():
            self._incidents[name] = incident.unlinked(drops)
        for drafts in self._drafts.values():
            for revision, draft in drafts.items():
                drafts[revision] = replace(draft, incident=draft.incident.unlinked(drops))

    async def load(self, ended_after: datetime) -> Loaded:
        """See `Store.load`."""
        wanted = (
            incident
            for incident in self._incidents.values()
            if incident.state in OPEN or (incident.ended_at is not None and incident.ended_at >= ended_after)
        )
        drafts = [
            self._drafts[incident.id][max(self._drafts[incident.id])]
            for incident in sorted(wanted, key=lambda incident: incident.number)
            if incident.id in self._drafts
        ]
        last = [max(runs, key=lambda run: (run.last.at, run.first.at)).last for runs in self._runs.values()]
        return Loaded(
            snapshot=self._snapshot,
            cursors=dict(self._cursors),
            drafts=tuple(drafts),
            health=tuple(sorted(last, key=lambda line: line.source)),
            numbers=max((incident.number for incident in self._incidents.values()), default=0),
        )

    async def known(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """See `Store.known`."""
        return {key: self._digests[key] for key in keys if key in self._digests}

    async def mentions_under(self, source: str, prefix: str) -> Sequence[str]:
        """See `Store.mentions_under`."""
        return sorted(key for of, key in self._mentions if of == source and key.startswith(prefix))

    async def decided(self, key: str) -> bool:
        """See `Store.decided`."""
        return key in self._decisions

    async def reports(self, since: datetime, operator: str | None = None) -> Sequence[Report]:
        """See `Store.reports`."""
        wanted = (report for report in self._reports.values() if operator in {None, report.operator})
        return sorted((report for report in wanted if report.at >= since), key=report_order)

    async def reports_of(self, source: str, key: str) -> Sequence[Report]:
        """See `Store.reports_of`."""
        return sorted((r for r in self._reports.values() if (r.source, r.id) == (source, key)), key=report_order)

    async def mentions(self, since: datetime) -> Sequence[Mention]:
        """See `Store.mentions`."""
        return sorted((m for m in self._mentions.values() if m.published_at >= since), key=mention_order)

    async def entries(self, operator: str, since: datetime) -> Sequence[StatusEntry]:
        """See `Store.entries`."""
        own = (e for e in self._entries.values() if e.operator == operator and e.observer is None)
        return sorted((entry for entry in own if entry.published_at >= since), key=entry_order)

    async def observations(self, operator: str) -> Sequence[StatusEntry]:
        """See `Store.observations`."""
        theirs = (e for e in self._entries.values() if e.operator == operator and e.observer is not None)
        return sorted((entry for entry in theirs if entry.state is not EntryState.RESOLVED), key=entry_order)

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        """See `Store.tallies`."""
        return sorted((tally for tally in self._tallies.values() if tally.start >= since), key=tally_order)

    async def checks(self, since: datetime) -> Sequence[Health]:
        """See `Store.checks`; of lines that repeat each other, the first and the last."""
        return lines((run for runs in self._runs.values() for run in runs), since)

    async def visits(self, operator: str, since: datetime, until: datetime) -> Sequence[Visit]:
        """See `Store.visits`."""
        return self._visits.read(operator, since, until)

    async def body(self, digest: str) -> bytes | None:
        """See `Store.body`."""
        return self._visits.body(digest)

    async def incident(self, name: str) -> Incident | None:
        """See `Store.incident`."""
        named = (i for i in self._incidents.values() if name in {i.id, str(i.number)})
        return next(named, None)

    async def decisions(self, since: datetime) -> Sequence[Decision]:
        """See `Store.decisions`."""
        return sorted((d for d in self._decisions.values() if d.at >= since), key=decision_order)

    async def draft(self, number: int) -> Draft | None:
        """See `Store.draft`."""
        revisions = (d for drafts in self._drafts.values() for d in drafts.values() if d.incident.number == number)
        return max(revisions, key=lambda draft: draft.revision, default=None)

    async def undelivered(self, to: str | None = None) -> Sequence[Delivery]:
        """See `Store.undelivered`."""
        waiting = (d for d in self._deliveries.values() if d.state in UNDELIVERED and to in {None, d.to})
        return sorted(waiting, key=lambda delivery: delivery.created_at)

    async def delivery(self, delivery: str) -> Delivery | None:
        """See `Store.delivery`."""
        return self._deliveries.get(delivery)

    async def card(self, to: str, incident: str) -> Delivery | None:
        """See `Store.card`."""
        cards = [
            d
            for d in self._deliveries.values()
            if (d.to, d.incident, d.kind, d.state) == (to, incident, DeliveryKind.CARD, DeliveryState.SENT)
        ]
        return max(reversed(cards), key=lambda delivery: delivery.created_at, default=None)

    async def purge(self, before: datetime, calm_before: datetime | None = None) -> int:
        """See `Store.purge`."""
        old_mentions = [key for key, mention in self._mentions.items() if mention.seen_at < before]
        for key in old_mentions:
            del self._mentions[key]
        over = [
            key
            for key, entry in self._entries.items()
            if entry.observer is not None and entry.state is EntryState.RESOLVED and entry.seen_at < before
        ]
        for key in over:
            del self._entries[key], self._digests[key]
        touched = self._purge_links(before) + self._purge_runs(before) + self._purge_deliveries(before)
        visits = self._visits.purge(before, calm_before or before, self._incidents.values())
        return len(old_mentions) + len(over) + visits + touched

    def _purge_links(self, before: datetime) -> int:
        touched = 0
        for key, report in self._reports.items():
            if report.url is not None and report.seen_at < before:
                self._reports[key] = replace(report, url=None)
                touched += 1
        drafts = [draft.incident for revisions in self._drafts.values() for draft in revisions.values()]
        linked = (links_from(incident) for incident in (*self._incidents.values(), *drafts))
        touched += sum(oldest is not None and oldest < before for oldest in linked)
        self._unlink(lambda evidence: evidence.at < before)
        return touched

    def _purge_runs(self, before: datetime) -> int:
        touched = 0
        for runs in self._runs.values():
            ended = sorted((run.last.at, run.first.at) for run in runs if run.last.at < before)
            dropped = {first_at for _, first_at in ended[:-1]}  # the last one is still the line before `before`
            runs[:] = [run for run in runs if run.first.at not in dropped]
            touched += len(dropped)
        return touched

    def _purge_deliveries(self, before: datetime) -> int:
        lasting = {i.id for i in self._incidents.values() if i.ended_at is None or i.ended_at >= before}
        finished = [
            d.id
            for d in self._deliveries.values()
            if d.state in FINISHED and d.created_at < before and d.incident not in lasting
        ]
        for key in finished:
            del self._deliveries[key]
        return len(finished)
