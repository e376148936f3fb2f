"""The operators' own channels: what they say of an incident, or the provable fact that they say nothing."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.incidents import HEARD_BEFORE, Silence, SilenceState, Statement
from bot.domain.operators import Service
from bot.domain.signals import EntryState, Health, HealthState, StatusEntry

_KEEP = timedelta(days=3)
ACTIVE = frozenset({EntryState.INVESTIGATING, EntryState.IDENTIFIED, EntryState.MONITORING})


@dataclass(slots=True)
class _Channel:
    """The present unbroken run of one channel's checks, and its last good one."""

    state: HealthState
    run_start: datetime
    last_ok: datetime | None


def fits(
    entry: StatusEntry, services: tuple[Service, ...], first_report_at: datetime, said: Statement | None = None
) -> bool:
    """Whether an entry can be about an incident: near in time, no other service named.

    "Resolved" published before anybody reported is the end of something else. The entry that is already known as the
    operator's word on it (`said`) stays that, whatever becomes of it or joins the incident.
    """
    earliest = first_report_at - HEARD_BEFORE
    if said is not None and entry.id == said.entry_id:
        return entry.published_at >= min(earliest, said.published_at)  # it opened the incident before anybody reported
    if entry.published_at < earliest:
        return False
    if entry.state is EntryState.RESOLVED and entry.published_at < first_report_at:
        return False
    return not entry.services or not services or not set(entry.services).isdisjoint(services)


def statement_of(entry: StatusEntry) -> Statement:
    """An entry as an incident keeps it."""
    return Statement(
        entry_id=entry.id,
        source=entry.source,
        title=entry.title,
        state=entry.state,
        published_at=entry.published_at,
        area=entry.area,
        url=entry.url,
    )


class Channels:
    """Health and entries of every operator's own channels, as far as open incidents need them."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, _Channel]] = defaultdict(dict)
        self._entries: dict[str, list[StatusEntry]] = defaultdict(list)

    def note(self, health: Health) -> None:
        """A channel was checked."""
        if health.operator is None:
            return
        ok = health.at if health.state is HealthState.OK else None
        channels = self._channels[health.operator]
        channel = channels.get(health.source)
        if channel is None:
            channels[health.source] = _Channel(health.state, health.at, ok)
            return
        if channel.state is not health.state:
            channel.state, channel.run_start = health.state, health.at
        channel.last_ok = ok or channel.last_ok

    def add(self, entry: StatusEntry) -> None:
        """An operator said something, or changed what it had said: every version is kept for a while."""
        entries = self._entries[entry.operator]
        entries.append(entry)
        horizon = entry.seen_at - _KEEP
        self._entries[entry.operator] = [kept for kept in entries if kept.seen_at > horizon]

    def fitting(
        self, operator: str, services: tuple[Service, ...], first_report_at: datetime, said: Statement | None = None
    ) -> tuple[StatusEntry, ...]:
        """The operator's entries that fit an incident, oldest first."""
        entries = (e for e in self._entries.get(operator, ()) if fits(e, services, first_report_at, said))
        return tuple(sorted(entries, key=lambda entry: entry.published_at))

    def latest(self, operator: str, since: datetime) -> StatusEntry | None:
        """The operator's newest entry published since then."""
        entries = [entry for entry in self._entries.get(operator, ()) if entry.published_at >= since]
        return max(entries, key=lambda entry: entry.published_at, default=None)

    def silence(
        self, operator: str, services: tuple[Service, ...], first_report_at: datetime, said: Statement | None = None
    ) -> Silence:
        """What the operator's channels say of an incident; the five states of the contract.

        Several channels prove a silence only together: all were healthy, none spoke.
        """
        channels = self._channels.get(operator, {}).values()
        checked_at = _latest(channel.last_ok for channel in channels)
        entries = self.fitting(operator, services, first_report_at, said)
        if entries:
            return Silence(SilenceState.SPOKE, entries[0].published_at, checked_at)
        if not channels:
            known = bool(self._entries.get(operator))
            return Silence(SilenceState.UNREACHABLE if known else SilenceState.NO_CHANNEL)
        states = {channel.state for channel in channels}
        run_start = max(channel.run_start for channel in channels)
        if states == {HealthState.OK}:
            all_checked = min(channel.last_ok or channel.run_start for channel in channels)
            return Silence(SilenceState.SILENT, max(first_report_at, run_start), all_checked)
        if states == {HealthState.UNREADABLE}:
            return Silence(SilenceState.UNREADABLE, max(first_report_at, run_start), checked_at)
        return Silence(SilenceState.UNREACHABLE, checked_at, checked_at)


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((at for at in times if at is not None), default=None)
