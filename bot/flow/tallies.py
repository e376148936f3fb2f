"""Aggregated counts, each a series of its own: what one search counts and what it finds must not count twice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta

from bot.detect import Belief, Calendar, Detector, Verdict
from bot.domain.signals import Report, Tally
from bot.flow.counts import bucket_of

_FUTURE = timedelta(minutes=2)
_KEPT = timedelta(days=31)  # an older count says nothing of today
_GIVES = 24 * 60  # minutes for which a source that has counted goes on being one that counts
_STALE = 120  # minutes after which a count that has not gone on says nothing of now
_ONCE = 60  # minutes in which an author is one
_LEAST_AUTHORS = 4  # a draft has people behind it: as many as any spike needs

Key = tuple[str, str, int]  # operator, source, minutes
TallyState = tuple[str, str, int, bytes, Verdict | None]  # its key, its detector, what it raised and nobody bore out


class Tallies:
    """The detectors of all tallies, and who wrote what they count.

    A source that gives tallies of an operator speaks through them alone: its posts are found by the same search, and
    only when that surges, so they feed no other series. They are the evidence without which a tally opens no incident.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.detectors: dict[Key, Detector] = {}
        self._authors: dict[str, dict[str, int]] = defaultdict(dict)  # operator → author → bucket of the latest post
        self._pending: dict[Key, Verdict] = {}  # raised, and nobody's words for it yet
        self._now = 0  # the last closed bucket

    def count(self, tally: Tally, budget: float) -> bool:
        """Look at a tally; whether its series is in alarm. One from next year would end its series."""
        if not -_FUTURE <= tally.seen_at - tally.start <= _KEPT:
            return False
        key = (tally.operator, tally.source, max(1, tally.seconds // 60))
        detector = self.detectors.get(key)
        if detector is None:
            detector = self.detectors[key] = Detector(self._calendar, width_minutes=key[2])
        bucket = bucket_of(tally.start)
        verdict: Verdict | None
        if detector.last_bucket is None or bucket > detector.last_bucket:
            verdict = detector.step(bucket, tally.count, 1.0, budget)
        else:
            verdict = detector.amend(bucket, tally.count, 1.0, budget)
        if verdict is not None and verdict.state == "raise":
            self._pending[key] = verdict
        elif not detector.alarm:
            self._pending.pop(key, None)
        return detector.alarm

    def take(self, report: Report) -> bool:
        """Whether a report's source counts it already, so that no other series may."""
        bucket = bucket_of(report.at)
        for (operator, source, _), detector in self.detectors.items():
            last = detector.last_bucket
            if (operator, source) == (report.operator, report.source) and last is not None and last > bucket - _GIVES:
                self._authors[operator][report.author] = bucket
                return True
        return False

    def alarms(self, operator: str) -> frozenset[str]:
        """The sources whose tally of this operator is in alarm."""
        return frozenset(source for _, source, _ in self._alarmed(operator))

    def stands(self, operator: str) -> bool:
        """Whether a tally of this operator is in alarm, with people behind it."""
        return any(key not in self._pending for key in self._alarmed(operator))

    def _alarmed(self, operator: str) -> Iterator[Key]:
        for key, detector in self.detectors.items():
            last = detector.last_bucket
            if key[0] == operator and detector.alarm and last is not None and last + key[2] > self._now - _STALE:
                yield key

    def raised(self, bucket: int) -> Iterator[tuple[Key, Verdict]]:
        """Raises for which enough people have been heard by the end of this bucket; each once."""
        self._now = bucket
        for key, verdict in list(self._pending.items()):
            authors = self._authors[key[0]]
            if sum(heard > bucket - _ONCE for heard in authors.values()) >= _LEAST_AUTHORS:
                del self._pending[key]
                yield key, verdict

    def forget(self, before: int) -> None:
        """Drop authors that no window can reach any more."""
        for operator, authors in self._authors.items():
            self._authors[operator] = {who: heard for who, heard in authors.items() if heard > before - _ONCE}

    def believe(self, operator: str, belief: Belief | None) -> None:
        """See `Watch.believe`."""
        for key, detector in self.detectors.items():
            if key[0] == operator:
                detector.believe(belief)

    def state(self) -> list[TallyState]:
        """All that lasts; the authors come back with the stored reports."""
        return [(*key, detector.snapshot(), self._pending.get(key)) for key, detector in self.detectors.items()]

    def restore(self, state: Iterable[TallyState]) -> None:
        """Take back what `state` gave.

        Raises:
            ValueError: a detector's state is of another version.
        """
        for operator, source, minutes, data, pending in state:
            key = operator, source, minutes
            self.detectors[key] = Detector.restore(self._calendar, data)
            if pending is not None:
                self._pending[key] = pending
