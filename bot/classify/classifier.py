"""The understanding room's front door: text in, who, what, where and when out, with the words that decided."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.classify.data import ClassifierData
from bot.classify.explain import Explanation, Mark
from bot.classify.operators import Named, Naming, OperatorFinder, network_of
from bot.classify.patterns import Hit
from bot.classify.places import Found, PlaceFinder
from bot.classify.reading import Reading, read
from bot.classify.services import services_named
from bot.classify.text import Words, words
from bot.domain.operators import Operator
from bot.domain.places import Place
from bot.domain.signals import Classification, Kind

_TELECOM = frozenset(["telecom", "outage", "service"])
_SAYS_WHAT = frozenset(["telecom", "service"])


class Classifier:
    """Reads mentions.

    Args:
        data: Rules and names.
        operators: Those the newsroom watches.
        home: INSEE code of the newsroom's commune, or its département (`D71`); its area wins between namesakes.
    """

    def __init__(self, data: ClassifierData, operators: Sequence[Operator], *, home: str | None = None) -> None:
        self._patterns = data.patterns
        self._operators = OperatorFinder(operators, data.homonyms)
        self._region_of = data.gazetteer.region_of
        self._places = PlaceFinder(data.gazetteer, data.places, home)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Those the newsroom watches, in the order given."""
        return tuple(self._operators.operators.values())

    @property
    def region_of(self) -> Mapping[str, str]:
        """The region (`R27`) of each département, by its code (`71`, `2A`)."""
        return self._region_of

    def gate(self, text: str) -> bool:
        """Whether a text may name a configured operator, brand or product; cheap, for streams."""
        return self._operators.gate(text)

    def operator(self, text: str) -> Operator | None:
        """The operator an editor typed: id, name or alias, whatever the case and accents."""
        return self._operators.by_name(text)

    def place(self, text: str) -> Place | None:
        """The place an editor typed: name, postal code, number, INSEE code; None if it cannot be told."""
        return self._places.place(text)

    def located(self, text: str) -> Place | None:
        """A place by its id, which an INSEE code is (and no postal code), else as `place` tells it."""
        return self._places.by_id(text) or self._places.place(text)

    def classify(self, text: str, *, operator_hint: str | None = None, at: datetime | None = None) -> Classification:
        """Read one mention; any text at all gives an answer.

        Args:
            text: As written.
            operator_hint: The mention was found by a search for that operator.
            at: When it was published (aware), so that dates in it can be understood.
        """
        return self._read(text, operator_hint, at)[0]

    def explain(self, text: str, *, operator_hint: str | None = None, at: datetime | None = None) -> Explanation:
        """Read one mention like `classify`, with the words that decided."""
        classification, said, reading, named, places, services = self._read(text, operator_hint, at)
        marks = [Mark(h.start, h.end, h.rule.group, h.rule.name, h.rule.weight) for h in reading.deciding]
        marks += [Mark(n.start, n.end, "operator", n.brand or n.operator) for n in named]
        marks += [Mark(f.start, f.end, "place", f.place.name) for f in places]
        marks += [
            Mark(h.start, h.end, "service", h.rule.name) for h in services if h.rule.name in classification.services
        ]
        return Explanation(classification, said.raw, sorted(marks, key=lambda mark: (mark.start, mark.end)))

    def _read(
        self, text: str, operator_hint: str | None, at: datetime | None
    ) -> tuple[Classification, Words, Reading, list[Named], list[Found], list[Hit]]:
        """The reading, and what it rests on."""
        said = words(text)
        hits = self._patterns.hits(said.folded)
        telecom = not hits.keys().isdisjoint(_TELECOM)
        naming = self._operators.find(said, telecom=telecom, english="english" in hits and "outage" not in hits)
        departments = {n for h in hits.get("department", ()) for n in range(h.start, h.end)}
        places = self._places.find(said, departments.__contains__)
        named = _not_places(naming, places)
        operators = list(dict.fromkeys(n.operator for n in named))
        if not named and operator_hint and operator_hint not in naming.homonyms.union(n.operator for n in naming.named):
            operators = [operator_hint]
        concerned = bool(operators) or not hits.keys().isdisjoint(_SAYS_WHAT)
        reading = read(hits, said.folded, at, places=len(places), named=bool(named), concerned=concerned)
        troubled = reading.kind is not Kind.NOISE or (operators and (reading.faulty or "noise" not in hits))
        known = [self._operators.operators[o] for o in operators if o in self._operators.operators]
        services = hits.get("service", [])
        classification = Classification(
            operators=tuple(operators),
            brands=tuple(dict.fromkeys(n.brand for n in named if n.brand)),
            kind=reading.kind,
            fresh=reading.fresh,
            onset=reading.onset,
            services=services_named(services, known) if troubled else (),
            places=tuple(f.place for f in places),
            professional="professional" in hits,
            score=round(reading.score, 3),
            why=tuple(_why(reading, named, places, said)),
            network=network_of(named, said.folded),
        )
        return classification, said, reading, named, places, services


def _not_places(naming: Naming, places: list[Found]) -> list[Named]:
    """Names that are not read as a place ("panne orange à Orange")."""
    taken = {n for f in places for n in range(f.start, f.end)}
    return [n for n in naming.named if n.start not in taken]


def _why(reading: Reading, named: Iterable[Named], places: Iterable[Found], said: Words) -> Iterable[str]:
    for hit in reading.deciding:
        yield f"{hit.rule.name}: {said.said(hit.start, hit.end)}"
    for n in named:
        yield f"{n.brand or n.operator}: {said.said(n.start, n.end)}"
    for f in places:
        yield f"{f.place.name}: {said.said(f.start, f.end)}"
