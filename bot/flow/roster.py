"""Who is listening and who is not, and what the desk must be told of it: once, and once again when it is over."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.signals import Health, HealthState
from bot.ports import SourceStatus

_DOWN_AFTER = timedelta(minutes=10)  # a shorter failure mends itself and is nobody's news
_BLIND_AFTER = timedelta(minutes=2)
# A stale source answers, and what is not asked for is not missing.
_ANSWERS = frozenset({HealthState.OK, HealthState.STALE, HealthState.PAUSED, HealthState.OFF})
# Of n silences of one rhythm, one that is twice the longest comes about once in n: so many make it worth a word, if
# they hold nights and a weekend. Nobody need write to us, so the silence of an open door is no sign.
_SILENCES = 50
_WEEK = timedelta(days=7)
_DOORS = frozenset({"readers", "webhook"})
_TOO_LONG = 2
_LEAST_SILENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something the desk must hear about our own sight.

    Attributes:
        kind: `down`, `back`, `blind`, `sight`.
        source: Which source; empty for `blind` and `sight`.
        since: When it began.
        state: In which state the source is, or None.
    """

    kind: str
    source: str
    since: datetime
    reason: str = ""
    state: HealthState | None = None


@dataclass(slots=True)
class _Rhythm:
    """How long a source is silent between two signals."""

    known: timedelta | None = None  # the longest, once enough have been heard
    longest: timedelta = timedelta(0)
    silences: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    def hear(self, at: datetime) -> None:
        self.first_at = self.first_at or at
        if self.last_at is not None and at > self.last_at:
            self.longest = max(self.longest, at - self.last_at)
            self.silences += 1
        self.last_at = at
        if self.known is not None or (self.silences >= _SILENCES and at - self.first_at >= _WEEK):
            self.known = max(self.longest, self.known or self.longest)

    def is_overdue(self, now: datetime) -> bool:
        if self.known is None or self.last_at is None:
            return False
        return now - self.last_at > max(_TOO_LONG * self.known, _LEAST_SILENCE)


class Roster:
    """Health record of every source."""

    def __init__(self, sources: Sequence[tuple[str, str]]) -> None:
        self._kinds = dict(sources)
        self._status = {name: SourceStatus(name, kind) for name, kind in sources}
        self._since: dict[str, datetime] = {}
        self._rhythms: dict[str, _Rhythm] = defaultdict(_Rhythm)
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
        if health.longest_silence is not None:
            self._rhythms[health.source] = _Rhythm(health.longest_silence)

    def failing(self) -> Mapping[str, datetime]:
        """The sources that do not hear, and since when."""
        return self._since

    def told(self, source: str) -> None:
        """The desk knows already that this source is down."""
        self._told.add(source)

    def heard(self, source: str, now: datetime) -> None:
        """A source that hears people has said something new."""
        if self._kinds.get(source) not in _DOORS:
            self._rhythms[source].hear(now)

    def judged(self, health: Health) -> Health:
        """A check with what the source's own rhythm says of it: one that answers and says nothing may be broken."""
        rhythm = self._rhythms.get(health.source)
        if rhythm is None:
            return health
        if health.state is not HealthState.OK:
            rhythm.last_at = None  # what follows is not a silence of its own
        elif rhythm.is_overdue(health.at):
            reason = f"répond, mais ne dit plus rien ; jamais plus de {_span(rhythm.known or rhythm.longest)} jusqu’ici"
            health = replace(health, state=HealthState.STALE, reason=reason)
        return replace(health, longest_silence=rhythm.known)

    def note(self, health: Health) -> None:
        """A source was checked."""
        self._unchecked.discard(health.source)
        before = self._status.get(health.source) or SourceStatus(health.source, "replay")
        since = before.since if before.health and before.health.state is health.state else health.at
        if health.state is HealthState.OK:
            after = replace(before, health=health, since=since, last_ok=health.at)
            self._since.pop(health.source, None)
        else:
            after = replace(before, health=health, since=since, last_error=health.reason or health.state.value)
            self._since.setdefault(health.source, health.at)
        self._status[health.source] = after

    def state(self, source: str) -> HealthState | None:
        """How the last check found a source; None before its first."""
        status = self._status.get(source)
        return status.health.state if status is not None and status.health is not None else None

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Every source's record, the configured ones first, in the configuration's order."""
        return tuple(self._status.values())

    @property
    def blind(self) -> bool:
        """Every source that was tried fails."""
        tried = [status.health for status in self._status.values() if status.health is not None]
        return bool(tried) and all(health.state not in _ANSWERS for health in tried)

    def troubles(self, now: datetime, *, deaf: bool) -> tuple[Trouble, ...]:
        """What the desk has not been told yet.

        Args:
            now: The time.
            deaf: No source that hears people does.
        """
        found = []
        states = {status.health.state for status in self._status.values() if status.health is not None}
        blind = self.blind or (deaf and not states <= _ANSWERS)
        self._blind_since = (self._blind_since or now) if blind else None
        if self._blind_since is not None and not self._blind_told and now - self._blind_since >= _BLIND_AFTER:
            self._blind_told = True
            self._told |= set(self._since)  # "I am blind" says it of all of them
            found.append(Trouble("blind" if self.blind else "deaf", "", self._blind_since))
        elif not blind and self._blind_told:
            self._blind_told = False
            self._told &= set(self._since)
            found.append(Trouble("sight", "", now))
        for source, since in self._since.items():
            health = self._status[source].health
            if source in self._unchecked or health is None:
                continue
            paused = health.state is HealthState.PAUSED
            if source not in self._told and (paused or now - since >= _DOWN_AFTER):
                self._told.add(source)
                found.append(Trouble("down", source, since, health.reason or health.state.value, health.state))
        for source in sorted(self._told - set(self._since)):
            self._told.discard(source)
            found.append(Trouble("back", source, now))
        return tuple(found)


def _span(length: timedelta) -> str:
    hours = round(length.total_seconds() / 3600)
    return f"{hours} h" if hours else f"{round(length.total_seconds() / 60)} min"
