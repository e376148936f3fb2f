"""Who is named: operators, brands and products, and the ordinary words that only look like them.

The gate is the cheap question for streams ("may this name an operator at all?"), the reading is the careful one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import ahocorasick

from bot.classify.text import Words, fold, key, words
from bot.domain.operators import Operator

_OWN = frozenset(["mon", "ma", "mes", "notre", "nos", "chez", "client", "cliente", "abonne", "abonnee", "clients"])


class Named(NamedTuple):
    """An operator named at words `start` to `end`; `brand` where the name is a brand's."""

    operator: str
    brand: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Trap:
    before: frozenset[str]
    after: frozenset[str]
    sure_before: frozenset[str]
    by_itself: bool = False
    by_capital: bool = True
    english: bool = False


class Naming(NamedTuple):
    """Who a text names.

    Attributes:
        named: In text order.
        homonyms: Operators whose name is used as something else.
    """

    named: tuple[Named, ...]
    homonyms: frozenset[str]


def network_of(named: Sequence[Named], folded: Sequence[str]) -> str | None:
    """Whose customer the writer is, of several operators named: the one said to be theirs, else the one named first."""
    if len({n.operator for n in named}) < 2:  # noqa: PLR2004 - one alone needs no telling
        return None
    own = (n for n in named if not _OWN.isdisjoint(folded[max(n.start - 2, 0) : n.start]))
    return next(own, named[0]).operator


class OperatorFinder:
    """Finds operators in words.

    Args:
        operators: Those the newsroom watches.
        homonyms: Parsed `homonyms.toml`.
    """

    def __init__(self, operators: Sequence[Operator], homonyms: Mapping[str, Any]) -> None:
        self.operators = {o.id: o for o in operators}
        self._sure = frozenset(homonyms["sure"].split())
        self._after_sure = frozenset(homonyms["after_sure"].split())
        self._town = frozenset(homonyms["town"].split())
        self._traps = {
            word: _Trap(
                frozenset(t["before"].split()),
                frozenset(t["after"].split()),
                frozenset(t.get("sure_before", "").split()),
                by_itself=t.get("by_itself", False),
                by_capital=t.get("by_capital", True),
                english=t.get("english", False),
            )
            for word, t in homonyms.items()
            if isinstance(t, dict)
        }
        self._names: dict[str, list[tuple[list[str], str, str | None]]] = {}
        self._by_name: dict[str, Operator] = {}
        self._automaton = ahocorasick.Automaton()
        for operator in operators:
            if operator.homonym:
                self._traps.setdefault(key(operator.name), _Trap(frozenset(), frozenset(), frozenset()))
            for said, brand in _names(operator):
                phrase = words(said).folded
                self._names.setdefault(phrase[0], []).append((phrase, operator.id, brand))
                self._by_name.setdefault(key(said), operator)
                for form in {said.lower(), fold(said)}:
                    self._automaton.add_word(form, len(form))
        self._automaton.make_automaton()
        for names in self._names.values():
            names.sort(key=lambda entry: -len(entry[0]))

    def gate(self, text: str) -> bool:
        """Whether a text may name one of the operators: a whole word of it is a name, traps included."""
        text = text.lower()
        for end, length in self._automaton.iter(text):
            start = end - length
            if (start < 0 or not text[start].isalnum()) and not text[end + 1 : end + 2].isalnum():
                return True
        return False

    def by_name(self, text: str) -> Operator | None:
        """The operator an editor typed: id, name or alias."""
        said = key(text.replace("_", " "))
        return self.operators.get(text.strip().lower()) or self._by_name.get(said)

    def find(self, text: Words, *, telecom: bool, english: bool = False) -> Naming:
        """Who is named.

        Args:
            telecom: The text speaks of a service or a fault, so a homonym is most likely the operator.
            english: It tells a fault in English and none in French.
        """
        folded = text.folded
        named: list[Named] = []
        homonyms: set[str] = set()
        free = 0
        for n in [n for n, word in enumerate(folded) if word in self._names]:
            if n < free:
                continue
            for phrase, operator, brand in self._names[folded[n]]:
                end = n + len(phrase)
                if len(phrase) > 1 and folded[n:end] != phrase:
                    continue
                if self._is_name(text, n, end, telecom=telecom, english=english):
                    named.append(Named(operator, brand, n, end))
                else:
                    homonyms.add(operator)
                free = end
                break
        return Naming(tuple(named), frozenset(homonyms))

    def _is_name(self, text: Words, start: int, end: int, *, telecom: bool, english: bool) -> bool:
        folded = text.folded
        trap = self._traps.get(folded[start]) if end == start + 1 else None
        if trap is None:
            return True
        previous = folded[start - 1] if start else "."
        following = folded[end] if end < len(folded) else ""
        if previous in trap.before or following in trap.after:
            return False
        if previous in {"d", "de"} and start > 1 and folded[start - 2] in trap.before:
            return False
        if previous in {"d", "de"} and start > 1 and folded[start - 2] in self._town:
            return False
        if (
            trap.by_itself
            or previous in self._sure
            or following in trap.sure_before
            or (telecom and not (english and trap.english))
        ):
            return True
        inside = previous.isalpha() and previous not in {"a", "d"}
        return trap.by_capital and text.raw[start][0].isupper() and (inside or following in self._after_sure)


def _names(operator: Operator) -> Iterable[tuple[str, str | None]]:
    for said in {operator.name, *operator.aliases}:
        yield said, None
    for brand, aliases in operator.brands:
        for said in aliases:
            yield said, brand
