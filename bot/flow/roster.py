"""Who is listening and who is not, and what the desk must be told of it: once, and once again when it is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.signals import Health, HealthState
from bot.ports import SourceStatus

_DOWN_AFTER = timedelta(minutes=10)  # a shorter failure mends itself and is nobody's news
_BLIND_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something the desk must hear about our own sight.

    Attributes:
        kind: `down`, `back`, `blind`, `sight`.
        source: Which source; empty for `blind` and `sight`.
        since: When it began.
    """

    kind: str
    source: str
    since: datetime
    reason: str = ""


class Roster:
    """Health record of every source."""

    def __init__(self, sources: Sequence[tuple[str, str]]) -> None:
        self._kinds = dict(sources)
        self._status = {name: SourceStatus(name, kind, None, None, None) for name, kind in sources}
        self._since: dict[str, datetime] = {}
        self._told: set[str] = set()
        self._unchecked: set[str] = set()
        self._blind_since: datetime | None = None
        self._blind_told = False

    def knows(self, source: str) -> bool:
        """Whether a source is still configured; a roster without any is a tape's, whose sources it names itself."""
        return source in self._kinds or not self._kinds

    def restore(self, health: Health) -> None:
        """A check of an earlier run: it is on record, but no news until this run has checked for itself."""
        self.note(health)
        self._unchecked.add(health.source)

    def failing(self) -> Mapping[str, datetime]:
        """The sources that do not hear, and since when."""
        return self._since

    def told(self, source: str) -> None:
        """The desk knows already that this source is down."""
        self._told.add(source)

    def note(self, health: Health) -> None:
        """A source was checked."""
        self._unchecked.discard(health.source)
        before = self._status.get(health.source) or SourceStatus(health.source, "replay", None, None, None)
        if health.state is HealthState.OK:
            after = replace(before, health=health, last_ok=health.at)
            self._since.pop(health.source, None)
        else:
            after = replace(before, health=health, last_error=health.reason or health.state.value)
            self._since.setdefault(health.source, health.at)
        self._status[health.source] = after

    def state(self, source: str) -> HealthState | None:
        """How the last check found a source; None before its first."""
        status = self._status.get(source)
        return status.health.state if status is not None and status.health is not None else None

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Every source's record, the configured ones first, in the configuration's order."""
        return tuple(self._status.values())

    def troubles(self, now: datetime, *, blind: bool) -> tuple[Trouble, ...]:
        """What the desk has not been told yet."""
        found = []
        self._blind_since = (self._blind_since or now) if blind else None
        if self._blind_since is not None and not self._blind_told and now - self._blind_since >= _BLIND_AFTER:
            self._blind_told = True
            self._told |= set(self._since)  # "I am blind" says it of all of them
            found.append(Trouble("blind", "", self._blind_since))
        elif not blind and self._blind_told:
            self._blind_told = False
            self._told &= set(self._since)
            found.append(Trouble("sight", "", now))
        for source, since in self._since.items():
            health = self._status[source].health
            if source in self._unchecked:
                continue
            paused = health is not None and health.state is HealthState.PAUSED
            if source not in self._told and (paused or now - since >= _DOWN_AFTER):
                self._told.add(source)
                reason = (health.reason or health.state.value) if health is not None else ""
                found.append(Trouble("down", source, since, reason))
        for source in sorted(self._told - set(self._since)):
            self._told.discard(source)
            found.append(Trouble("back", source, now))
        return tuple(found)
