"""Weigh what the rules found: is this person cut off, is it back, or is it something else?

Evidence adds up as log-odds. Words inside a phrase that takes them back ("aucune panne", "panne de réveil") do not
count; a rule counts once. The strongest rule counts whole, each further one half as much as the one before, so that
a long rant does not outweigh one plain sentence. Weights are in the data files; docs/understanding.md has the figures.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.classify.onset import onset
from bot.classify.patterns import Hit
from bot.domain.signals import Kind, Onset

_BIAS = -1.4
_TIME_BONUS = 1.2  # people who are cut off say since when
_PLACE_BONUS = 0.6  # and where
_SOCIAL_ALONE = 1.6  # "vous aussi ?" strengthens a fault that is named, and is nothing by itself
_STALE_SHARE = 0.15  # of a true complaint that began long ago: how often "long ago" is misread
_CHRONIC = 1.5
_NOISE_SHARE = 0.7
_STRONG_FAULT = 1.5
_IDEM, _WHAT_HAPPENS = "idem ici", "que se passe-t-il ?"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is, before who and where.

    Attributes:
        faulty: It speaks of a fault at all, also when it is no report (press, an operator's reply).
        deciding: The hits that decided, in text order.
    """

    kind: Kind
    fresh: bool
    onset: Onset | None
    score: float
    faulty: bool
    deciding: tuple[Hit, ...]


def read(
    hits: Mapping[str, list[Hit]], folded: list[str], at: datetime | None, *, places: int, named: bool, concerned: bool
) -> Reading:
    """Weigh the hits of one text.

    Args:
        hits: All that apply, by group.
        folded: The text's words.
        at: When it was published, for dates in it; None if not known.
        places: How many places it names.
        named: It names an operator; a fault told in English counts only then.
        concerned: It names or was found for an operator, or says which service: "panne" alone may be anything's.
    """
    cancel, noise, social, chronic = (hits.get(g, []) for g in ("cancel", "noise", "social", "chronic"))
    faults = [*hits.get("outage", []), *(hits.get("english", []) if named else [])]
    outage = _not_taken_back(faults, cancel) if concerned else []
    recovery = _not_taken_back(hits.get("recovery", []), hits.get("unrecovery", []))
    against = _sum(noise, share=_NOISE_SHARE)
    if recovery and _recovered(recovery, outage, against):
        return _reading(Kind.RECOVERY, None, 0.03, recovery)
    began, since = onset(hits, folded, at)
    faulty = bool(outage or recovery)
    if not outage and not against:
        outage = _echo(social, since, places)
    if not outage:
        return _reading(Kind.NOISE, None, 0.02, [*noise, *cancel], faulty=faulty)
    z = _BIAS + _sum(outage) + min(_sum(social) * 0.5, _SOCIAL_ALONE) - against
    z += _TIME_BONUS if since and began is not Onset.PAST else 0.0
    z += _PLACE_BONUS if places else 0.0
    probability = 1 / (1 + math.exp(-z))
    if z <= 0:
        return _reading(Kind.NOISE, None, probability, [*outage, *noise])
    deciding = [*outage, *social, *([since] if since else [])]
    if began is Onset.PAST or (since is None and _sum(chronic) >= _CHRONIC):
        return _reading(Kind.OUTAGE, Onset.PAST, _STALE_SHARE * probability, [*deciding, *chronic])
    return _reading(Kind.OUTAGE, began, probability, deciding)


def _reading(kind: Kind, began: Onset | None, score: float, deciding: Iterable[Hit], *, faulty: bool = True) -> Reading:
    fresh = kind is Kind.OUTAGE and began is not Onset.PAST
    return Reading(kind, fresh, began, score, faulty, _ordered(deciding))


def _echo(social: list[Hit], since: Hit | None, places: int) -> list[Hit]:
    """What reports a fault without naming one: "idem dans le 34", "que se passe-t-il à Lyon depuis ce matin ?"."""
    if not places:
        return []
    return [h for h in social if h.rule.name == _IDEM or (since and h.rule.name == _WHAT_HAPPENS)]


def _not_taken_back(hits: list[Hit], cancels: list[Hit]) -> list[Hit]:
    return [h for h in hits if not any(c.overlaps(h) for c in cancels)]


def _recovered(recovery: list[Hit], outage: list[Hit], against: float) -> bool:
    """The last word is that it works, and it is no press item or operator's reply."""
    last = max(h.end for h in recovery)
    return against < _sum(recovery) and not any(h.start >= last and h.rule.weight > _STRONG_FAULT for h in outage)


def _sum(hits: list[Hit], share: float = 0.5) -> float:
    if not hits:
        return 0.0
    strongest: dict[str, float] = {}
    for hit in hits:
        strongest[hit.rule.name] = max(hit.rule.weight, strongest.get(hit.rule.name, 0.0))
    return sum(w * share**n for n, w in enumerate(sorted(strongest.values(), reverse=True)))


def _ordered(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Each rule once, in text order."""
    first: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda h: h.start):
        first.setdefault(hit.rule.name, hit)
    return tuple(first.values())
