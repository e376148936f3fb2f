"""Rules and names as values, so that this package needs no file: the wiring reads them and hands them in."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.classify.gazetteer import Gazetteer
from bot.classify.patterns import Patterns, Rule
from bot.domain.operators import Operator, Service

_RULES = ("lexicon.toml", "services.toml", "onset.toml")


@dataclass(frozen=True, slots=True)
class ClassifierData:
    """Everything the classifier knows but the operators.

    Attributes:
        patterns: All rules.
        homonyms: Operator names that are also something else.
        places: Cues and names that are no communes.
    """

    patterns: Patterns
    homonyms: Mapping[str, Any]
    gazetteer: Gazetteer
    places: Mapping[str, Any]


def load_data(read: Callable[[str], bytes], more_rules: str = "") -> ClassifierData:
    """Load the data files.

    Args:
        read: Gives the content of a file of `bot/classify/data` by name.
        more_rules: A newsroom's own `[[rule]]` and `[classes]` tables (TOML), added to those shipped.

    Raises:
        ValueError: a file or a rule is wrong; the text says which.
    """
    classes: dict[str, str] = {}
    often: dict[str, float] = {}
    rules: list[tuple[Rule, list[str]]] = []
    for text in (*(read(name).decode() for name in _RULES), more_rules):
        parsed = tomllib.loads(text)
        classes |= parsed.get("classes", {})
        often |= {word: float(share) for share, said in parsed.get("often", {}).items() for word in said.split()}
        rules += [(Rule(r["group"], r["name"], float(r["weight"])), r["patterns"]) for r in parsed.get("rule", ())]
    places = tomllib.loads(read("places.toml").decode())
    return ClassifierData(
        patterns=Patterns(classes, rules, often),
        homonyms=tomllib.loads(read("homonyms.toml").decode()),
        gazetteer=Gazetteer(read("gazetteer.tsv.gz"), places),
        places=places,
    )


def load_operators(toml_text: str) -> tuple[Operator, ...]:
    """Operators from a TOML text of `[[operator]]` tables (`operators.toml` shows the keys).

    Raises:
        ValueError: it is no TOML, or an operator lacks a key or has a service that is not on the list.
    """
    return tuple(_operator(table) for table in tomllib.loads(toml_text).get("operator", ()))


def _operator(table: Mapping[str, Any]) -> Operator:
    try:
        return Operator(
            id=table["id"],
            name=table["name"],
            services=tuple(Service(s) for s in table["services"]),
            aliases=tuple(table.get("aliases", ())),
            brands=tuple((brand, tuple(names)) for brand, names in table.get("brands", {}).items()),
            homonym=bool(table.get("homonym", False)),
        )
    except KeyError as missing:
        raise ValueError(f"operator: {table.get('id', '?')}: {missing} is missing") from missing
