"""How well we could hear: exposure and watermark, so that a dead source is never read as calm."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.signals import Health, HealthState
from bot.flow.counts import bucket_of, bucket_start

_KEEP = timedelta(hours=4)
_UNHEARD = 1e-6  # of a source that may give mentions, and has given none: counts only while there is no other
MAX_LAG = timedelta(minutes=2)


@dataclass(slots=True)
class _Ear:
    """One source that gives mentions: its deaf spans, and how much it usually says."""

    deaf: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    weight: float = 1.0
    complete_to: datetime | None = None

    @property
    def is_deaf(self) -> bool:
        return bool(self.deaf) and self.deaf[-1][1] is None

    def lost(self, start: datetime, end: datetime) -> float:
        """Share of the span in which it could not hear, 0 to 1."""
        seconds = 0.0
        for begin, stop in self.deaf:
            seconds += max(0.0, (min(end, stop or end) - max(start, begin)).total_seconds())
        return min(1.0, seconds / (end - start).total_seconds())


class Ears:
    """Exposure of the sources that give mentions; one of an operator's own channel never counts here.

    Args:
        names: Sources that are known to give mentions; others join when they first do.
        unsteady: Sources whose posts say nothing of how well we hear: a replay is only a tape, X is searched only
            during a surge.
        mute: Sources that give no mentions: that they are read says nothing of whether we hear people.
    """

    def __init__(self, names: Iterable[str] = (), unsteady: Iterable[str] = (), mute: Iterable[str] = ()) -> None:
        self._ears: dict[str, _Ear] = {name: _Ear() for name in names}
        self._ears |= {name: _Ear(weight=0.0) for name in unsteady}
        self._mute = frozenset(mute)

    def heard(self, source: str, at: datetime) -> range:
        """A mention of that time came from a source; the buckets of a gap that its back-log now fills.

        A source that hands over a post from within its own gap is catching up: the whole gap is filled.
        """
        ear = self._ears.setdefault(source, _Ear())
        ear.weight += 1.0 if ear.weight else 0.0
        for index, (begin, stop) in enumerate(ear.deaf):
            if stop is not None and begin <= at < stop:
                del ear.deaf[index]
                return range(bucket_of(begin), bucket_of(stop) + 1)
        return range(0)

    def part(self, source: str) -> float:
        """What part of all that is heard a source is taken to be before anything is known, 0 to 1."""
        steady = [name for name, ear in self._ears.items() if ear.weight >= 1.0]
        return 1.0 / len(steady) if source in steady else 0.0

    def note(self, health: Health) -> range:
        """A source was checked; the buckets of a gap that it has filled."""
        mute = health.operator is not None or health.source in self._mute
        if mute and health.source not in self._ears:
            return range(0)
        ear = self._ears.setdefault(health.source, _Ear(weight=_UNHEARD))
        if health.state is not HealthState.OK:
            if not ear.is_deaf:
                ear.deaf.append((health.at, None))
            return range(0)
        if not ear.is_deaf:
            return range(0)
        begin, _ = ear.deaf.pop()
        if health.heard_from is not None and health.heard_from <= begin:
            return range(bucket_of(begin), bucket_of(health.at) + 1)
        ear.deaf.append((begin, health.at))
        return range(0)

    def deafen(self, start: datetime, end: datetime) -> None:
        """Nobody listened in this span: the bot was down."""
        for ear in self._ears.values():
            if not ear.is_deaf:
                ear.deaf.append((start, end))

    def complete(self, source: str, to: datetime) -> None:
        """A source has handed over everything published before `to`."""
        ear = self._ears.get(source)
        if ear is not None:
            ear.complete_to = to if ear.complete_to is None else max(ear.complete_to, to)

    def watermark(self, now: datetime) -> datetime:
        """Up to where buckets may close: every healthy source is complete, or 2 min have passed."""
        waits = [ear.complete_to for ear in self._ears.values() if ear.complete_to is not None and not ear.is_deaf]
        return max(min([now, *waits]), now - MAX_LAG)

    def exposure(self, bucket: int) -> float:
        """Share of the bucket in which its sources could hear, weighted by how much each usually says."""
        total = lost = 0.0
        start, end = bucket_start(bucket), bucket_start(bucket + 1)
        for ear in self._ears.values():
            total += ear.weight
            if ear.deaf:
                lost += ear.weight * ear.lost(start, end)
        return 1.0 - lost / total if total else 1.0

    @property
    def blind(self) -> bool:
        """No source that gives mentions can hear."""
        return bool(self._ears) and all(ear.is_deaf for ear in self._ears.values())

    def forget(self, now: datetime) -> None:
        """Drop gaps that no window can reach any more, and let old habits fade."""
        for ear in self._ears.values():
            ear.deaf = [span for span in ear.deaf if span[1] is None or span[1] > now - _KEEP]
            ear.weight = min(ear.weight, 1.0 + (ear.weight - 1.0) * 0.999)
