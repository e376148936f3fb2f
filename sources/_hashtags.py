"""Makes hashtags from operators' names, so that nobody has to list them, and tells whose a hashtag is."""

from collections.abc import Mapping

from bot.domain.operators import Operator
from sources._words import fold

_LEAST_BRAND_CHARS = 4  # #red, #cic, #edf are about other things than a network


def default_tags(operators: Mapping[str, Operator]) -> tuple[str, ...]:
    """What people tag posts on an outage with: #panneorange, #sfr, #sosh; those of operators before those of brands.

    A name that is also an ordinary word (Orange, Free) is only taken with a word of outages.
    """
    tags: dict[str, None] = {}
    for operator in operators.values():
        for name in _own(operator):
            tags[f"panne{name}"] = None
            tags[f"{name}hs" if operator.homonym else name] = None
    for operator in operators.values():
        tags |= {name: None for name in _brands(operator) if len(name) >= _LEAST_BRAND_CHARS}
    return tuple(tags)


def owners(tags: tuple[str, ...], operators: Mapping[str, Operator]) -> dict[str, str]:
    """Hashtag (as `compact` writes it) → the operator whose name it holds; of several, the longest name decides."""
    names = {
        compact(name): operator.id
        for operator in operators.values()
        for name in (*operator.aliases, *_own(operator), *_brands(operator))
    }
    longest = sorted((name for name in names if len(name) > 2), key=len, reverse=True)  # noqa: PLR2004 - "b" is in all
    found = {}
    for tag in map(compact, tags):
        name = next((name for name in longest if name in tag), None)
        if name is not None:
            found[tag] = names[name]
    return found


def compact(name: str) -> str:
    """A name as a hashtag has it: letters and digits only, lower case, no accents."""
    return "".join(char for char in fold(name) if char.isalnum())


def _own(operator: Operator) -> dict[str, None]:
    return {compact(name): None for name in (operator.name, operator.id)}


def _brands(operator: Operator) -> list[str]:
    return [compact(brand) for brand, _ in operator.brands]
