"""What fails: the services a text names, fitted to what the operators named run."""

from collections.abc import Sequence

from bot.classify.patterns import Hit
from bot.domain.operators import Operator, Service

_OUTRIGHT = 1.0  # weight of a rule that names a service; a lighter one only hints at it ("je ne peux plus jouer")
_SERVICES = {s.value: s for s in Service}


def services_named(hits: list[Hit], operators: Sequence[Operator]) -> tuple[Service, ...]:
    """Services in text order.

    Args:
        hits: Of the group `service`.
        operators: Whose service it is; empty when nobody knows.
    """
    said = [h for h in hits if not any(_unsays(other, h) for other in hits)]
    first: dict[str, int] = {}
    for hit in said:
        if hit.rule.weight >= _OUTRIGHT:
            first.setdefault(hit.rule.name, hit.start)
    if "telephone" in first and "emergency" not in first:
        fixed = "landline" in first or first.keys() >= {"internet", "tv"}  # what a box gives
        first.setdefault("landline" if fixed else "mobile", first["telephone"])
    run = {s for o in operators for s in o.services}
    other = first.keys() & {"internet", "mobile", "rail", "power"}
    if "reseau" in first and not (other & run if run else other):
        first["mobile"] = first["reseau"]
    if not first:
        first = {h.rule.name: h.start for h in said}
    named = [_SERVICES[name] for name in sorted(first, key=lambda n: first[n]) if name in _SERVICES]
    fitting = tuple(s for s in named if not run or s in run)
    if not fitting and run and Service.MOBILE not in run:
        return (operators[0].services[0],)  # a power cut needs no second word; of a telecom nobody can tell
    return fitting


def _unsays(other: Hit, hit: Hit) -> bool:
    """Whether the words of a hit are used in a way that names no service ("par téléphone", "redémarré la box")."""
    return other.rule.name == f"not {hit.rule.name}" and other.overlaps(hit)
