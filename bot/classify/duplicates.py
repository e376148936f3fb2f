"""Know a repost from a second witness: sixty copies of one text are one report, two people cut off are two.

A repost ("RT @…", "via @…") and a long text said again, as it was or with something added, are duplicates. Texts that
differ in a place are none, nor are the same few natural words ("plus de réseau orange") from two people. One author
saying it again is not decided here: an author counts once an hour whatever the words.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

from bot.classify.text import words

_SHORT_WORDS = 7  # two people do say so few in the same order…
_SHORT_CHARS = 40  # …and so little
_SHINGLE_WORDS = 3
_SKETCH_SIZE = 8  # the smallest shingle hashes of a text stand for it
_ALIKE = 0.5  # share of the smaller sketch that two copies have in common
_COMPARED = 16  # newest texts looked at for each hash: a bound on work, whatever comes
_REPOST = re.compile(r"^\W*(?:RT|QT)\b|\bvia (?:@|\[…\])", re.IGNORECASE)
# After these a word may be a place.
_PLACE_CUES = frozenset(["à", "a", "au", "aux", "dans", "sur", "vers", "en", "de", "d", "du", "des", "le", "la", "les"])
_LITTLE_LETTERS = 3  # a word this short says nothing by itself


class _Seen(NamedTuple):
    at: datetime
    author: str
    sketch: frozenset[int]
    words: frozenset[str]


class NearDuplicates:
    """Texts of the last hours; bounded in time and number, rebuilt by feeding it again in order.

    Args:
        window: How long a text is remembered.
        capacity: How many at most; the oldest go first.
    """

    def __init__(self, *, window: timedelta = timedelta(hours=6), capacity: int = 5_000) -> None:
        self._window = window
        self._capacity = capacity
        self._ring: deque[_Seen] = deque()
        self._by_hash: dict[int, deque[_Seen]] = {}

    def is_duplicate(self, author: str, text: str, at: datetime) -> bool:
        """Whether this text repeats somebody else's; if not, it is remembered.

        Args:
            author: Who says it.
            text: As written, or masked.
            at: When (event time); somewhat out of order is fine.
        """
        if _REPOST.search(text[:600]):
            return True
        said = words(text)
        spoken = [w for w in said.folded if w[0].isalnum()]
        if len(spoken) < _SHORT_WORDS or len(text) <= _SHORT_CHARS:
            return False
        self._forget(at)
        sketch = _sketch(spoken)
        vocabulary = frozenset(spoken)
        for seen in self._candidates(sketch):
            if len(seen.sketch & sketch) < _ALIKE * min(len(seen.sketch), len(sketch)):
                continue
            if abs(at - seen.at) <= self._window and self._same(seen.words, vocabulary, said.raw):
                return seen.author != author
        self._remember(_Seen(at, author, sketch, vocabulary))
        return False

    def _candidates(self, sketch: frozenset[int]) -> Iterable[_Seen]:
        return {id(seen): seen for h in sketch for seen in self._by_hash.get(h, ())}.values()

    @staticmethod
    def _same(before: frozenset[str], now: frozenset[str], raw: Sequence[str]) -> bool:
        """Whether one text only adds to the other, and what it adds is no place."""
        added = {w for w in now - before if len(w) > _LITTLE_LETTERS or w[0].isdigit()}
        left_out = {w for w in before - now if len(w) > _LITTLE_LETTERS or w[0].isdigit()}
        if added and left_out:
            return False
        lowered = [w.lower() for w in raw]
        placed = {w for cue, w in pairwise(lowered) if cue in _PLACE_CUES}
        capitals = {w.lower() for w in raw if w[0].isupper()}
        return not any(w[0].isdigit() or w in placed or w in capitals for w in added) and not any(
            w[0].isdigit() for w in left_out
        )

    def _remember(self, seen: _Seen) -> None:
        self._ring.append(seen)
        for h in seen.sketch:
            self._by_hash.setdefault(h, deque(maxlen=_COMPARED)).append(seen)
        if len(self._ring) > self._capacity:
            self._drop(self._ring.popleft())

    def _forget(self, now: datetime) -> None:
        while self._ring and now - self._ring[0].at > self._window:
            self._drop(self._ring.popleft())

    def _drop(self, seen: _Seen) -> None:
        for h in seen.sketch:
            others = self._by_hash.get(h)
            if others is None:
                continue
            if others and others[0] is seen:
                others.popleft()
            if not others:
                del self._by_hash[h]


def _sketch(spoken: Sequence[str]) -> frozenset[int]:
    """The smallest hashes of its runs of three words: two texts with most runs in common share most of these."""
    runs = {" ".join(spoken[n : n + _SHINGLE_WORDS]) for n in range(len(spoken) - _SHINGLE_WORDS + 1)}
    hashes = sorted(int.from_bytes(blake2b(run.encode(), digest_size=8).digest()) for run in runs)
    return frozenset(hashes[:_SKETCH_SIZE])
