"""Rules as short word patterns in data files, fast enough to read every post.

A pattern is a line of items: `plus d|de? <net>` reads "plus", then perhaps "d" or "de", then any word of the class
`net`. `..3` lets up to three words pass within a sentence, `^` stands for the start of a sentence, `<n>` for a number,
`<clock>` for "9h30", `<days>` for "3j", `<ask>` for a question mark. Every known word becomes one character, so that a
pattern is a tiny regular expression without nested repeats over one character a word: its time grows linearly.
A pattern is tried only when its rarest word occurs, and its second rarest.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.classify.text import BREAKS

_UNKNOWN, _NUMBER, _CLOCK, _DAYS = "\x01", "\x02", "\x03", "\x04"
_CLOCK_RE = re.compile(r"\d{1,2}h(?:\d\d)?(?:mn|min)?")
_DAYS_RE = re.compile(r"\d{1,3}j(?:rs?|ours?)?")
_SELDOM = 0.2  # texts of a hundred: how often the words of a pattern occur that `often` does not list
_FIRST = 0x4E00  # one private-use-like block of single characters, larger than any vocabulary here


@dataclass(frozen=True, slots=True)
class Rule:
    """What a pattern means.

    Attributes:
        group: What it is evidence for (`outage`, `noise`, `service`…).
        name: Shown in `why`; for services and onsets the value itself.
        weight: Strength; its scale is that of a log-odds.
    """

    group: str
    name: str
    weight: float


class Hit(NamedTuple):
    """A rule found at words `start` to `end`."""

    rule: Rule
    start: int
    end: int

    def overlaps(self, other: "Hit") -> bool:
        """Whether both say something of the same words."""
        return self.start < other.end and other.start < self.end


class Patterns:
    """All rules, compiled together.

    Args:
        classes: Class name → its words, separated by spaces; a class may hold `<other>` classes.
        rules: (rule, its patterns).
        often: In how many of a hundred texts a word occurs; decides only which word of a pattern is looked for first.
    """

    def __init__(
        self,
        classes: Mapping[str, str],
        rules: Iterable[tuple[Rule, Iterable[str]]],
        often: Mapping[str, float] | None = None,
    ) -> None:
        self._classes = classes
        self._symbols = _Symbols()
        for mark in (*BREAKS, ",", "(", ")"):
            self._symbols.of(mark)
        self._often = {self._symbols.of(word): share for word, share in (often or {}).items()}
        parsed = [(rule, p, [self._item(i) for i in p.split()]) for rule, patterns in rules for p in patterns]
        numbers = "".join(c for w, c in self._symbols.items() if w.isdigit())
        self._breaks = "".join(self._symbols.of(b) for b in BREAKS)
        self._compiled: list[tuple[Rule, re.Pattern[str], frozenset[str]]] = []
        self._by_anchor: dict[str, list[int]] = {}
        for rule, line, items in parsed:
            if not items:
                raise ValueError(f"pattern: {rule.name}: empty")
            regex = "".join(self._regex(item, numbers) for item in items)
            anchor, second = self._anchors(items, line, numbers)
            for symbol in anchor:
                self._by_anchor.setdefault(symbol, []).append(len(self._compiled))
            self._compiled.append((rule, re.compile(regex), second))

    def _item(self, item: str) -> tuple[str, set[str], bool]:
        """(what it is, its words' symbols, may it be absent)."""
        if item.startswith("..") or item == "^":
            return item, set(), True
        optional = item.endswith("?") and len(item) > 1
        chars: set[str] = set()
        for word in item.removesuffix("?").split("|") if optional else item.split("|"):
            chars |= self._word(word)
        return item, chars, optional

    def _word(self, word: str) -> set[str]:
        special = {"<n>": _NUMBER, "<clock>": _CLOCK, "<days>": _DAYS, "<ask>": self._symbols.of("?")}.get(word)
        if special:
            return {special}
        if word.startswith("<"):
            if (members := self._classes.get(word.strip("<>"))) is None:
                raise ValueError(f"pattern: {word}: no such class")
            return set().union(*(self._word(w) for w in members.split()))
        if word.isalnum() or word in {*BREAKS, *",()&+€"}:
            return {self._symbols.of(word)}
        raise ValueError(f"pattern: {word}: neither a word nor a class")

    def _regex(self, item: tuple[str, set[str], bool], numbers: str) -> str:
        text, chars, optional = item
        if text == "^":
            return f"(?:^|(?<=[{self._breaks}]))"
        if text.startswith(".."):
            return f"[^{self._breaks}]{{0,{int(text[2:])}}}?"
        if _NUMBER in chars:
            chars = chars | set(numbers)
        body = "".join(sorted(chars))
        return (f"[{body}]" if len(body) > 1 else body) + ("?" if optional else "")

    def _anchors(
        self, items: list[tuple[str, set[str], bool]], line: str, numbers: str
    ) -> tuple[frozenset[str], frozenset[str]]:
        """The words of the rarest and of the second rarest item that must occur (the same where there is but one)."""
        required = [chars for _, chars, optional in items if not optional]
        if not required:
            raise ValueError(f"pattern: {line}: nothing in it must occur")
        rarest = sorted(required, key=lambda chars: sum(self._often.get(char, _SELDOM) for char in chars))[:2]
        first, *others = (frozenset(c | set(numbers) if _NUMBER in c else c) for c in rarest)
        return first, others[0] if others else first

    def hits(self, folded: list[str]) -> dict[str, list[Hit]]:
        """Every rule that applies, by its group, at most twice a pattern, in text order."""
        symbols = self._symbols
        chars = [symbols.get(word, _UNKNOWN) for word in folded]
        for n, word in enumerate(folded):
            if word[0] <= "9" and chars[n] == _UNKNOWN:
                chars[n] = _shape(word)
        text = "".join(chars)
        by_anchor = self._by_anchor
        wanted: set[int] = set()
        present = set(text)
        for symbol in present:
            if symbol in by_anchor:
                wanted.update(by_anchor[symbol])
        found = []
        compiled = self._compiled
        for n in wanted:
            _, pattern, second = compiled[n]
            if second.isdisjoint(present):
                continue
            search = pattern.search
            match = search(text)
            if match:
                start, end = match.span()
                found.append((start, -end, n))
                match = search(text, end)
                if match:
                    start, end = match.span()
                    found.append((start, -end, n))
        found.sort()
        groups: dict[str, list[Hit]] = {}
        for start, end, n in found:
            rule = compiled[n][0]
            groups.setdefault(rule.group, []).append(Hit(rule, start, -end))
        return groups


class _Symbols(dict[str, str]):
    """Word → one character."""

    def of(self, word: str) -> str:
        if word not in self:
            self[word] = chr(_FIRST + len(self))
        return self[word]


def _shape(word: str) -> str:
    """The character that words of no pattern share if they are alike."""
    if word.isdigit():
        return _NUMBER
    if _CLOCK_RE.fullmatch(word):
        return _CLOCK
    return _DAYS if _DAYS_RE.fullmatch(word) else _UNKNOWN
