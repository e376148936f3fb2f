"""Makes a search query of X from an operator's names, so that nobody has to write one to begin with."""

from bot.domain.operators import Operator

MAX_QUERY_CHARS = 512  # the limit of the cheapest access level
# Words are matched whole, whatever their accents and case.
_OUTAGE_WORDS = (
    '(panne OR pannes OR coupure OR coupures OR "marche plus" OR "marche pas" OR "fonctionne plus" OR "fonctionne pas"'
    ' OR "plus de réseau" OR "pas de réseau" OR "plus internet" OR bug OR HS)'
)
_TAIL = " lang:fr -is:retweet"


def default_query(operator: Operator) -> str:
    """Posts in French that name an operator and use a word of outages; as many of its names as fit."""
    names = {
        name.casefold(): name
        for name in (operator.name, *operator.aliases, *(alias for _, aliases in operator.brands for alias in aliases))
    }
    chosen: list[str] = []
    for name in names.values():
        quoted = f'"{name}"' if not name.isalnum() else name
        if len(f"({' OR '.join([*chosen, quoted])}) {_OUTAGE_WORDS}{_TAIL}") > MAX_QUERY_CHARS:
            break
        chosen.append(quoted)
    return f"({' OR '.join(chosen)}) {_OUTAGE_WORDS}{_TAIL}"
