"""What the words in a status field mean: the services' own vocabularies, for channels that give a state by itself."""

import re
from typing import Literal

from bot.domain.signals import EntryState
from sources._words import fold, read_state

_WORDS: dict[EntryState | Literal["on"], str] = {
    EntryState.INVESTIGATING: (
        "investigating confirmed reported enquete investigation encoursdanalyse analyseencours diagnosticencours"
    ),
    EntryState.IDENTIFIED: (
        "identified identifie encoursderesolution encoursdereparation reparationencours interventionencours"
    ),
    EntryState.MONITORING: (
        "monitoring watching verifying recovering mitigated surveillance soussurveillance encoursderetablissement "
        "retablissementencours partiellementretabli"
    ),
    EntryState.RESOLVED: (
        "resolved completed complete postmortem closed fixed ended finished done restored recovered cancelled canceled "
        "inactive past expired archived operational available up ok normal green resolu termine cloture clos corrige "
        "retabli repare acheve annule passe"
    ),
    EntryState.SCHEDULED: (
        "scheduled planned upcoming future notstarted notstartedyet maintenance undermaintenance "
        "scheduledmaintenance planifie programme prevu avenir travaux"
    ),
    "on": (
        "on open opened active ongoing current new unresolved triggered acknowledged alerting firing inprogress update "
        "down downtime outage partialoutage majoroutage degraded degradedperformance degradation disruption disrupted "
        "servicedisruption serviceoutage serviceinformation hasissues issue incident impacted warning critical major "
        "minor error failed failing red yellow orange encours ouvert actif nouveau panne perturbe interrompu degrade "
        "incidentencours nonresolu"
    ),
}
KNOWN: dict[str, EntryState | Literal["on"]] = {
    each: state for state, words in _WORDS.items() for each in words.split()
}


def word(text: str) -> str:
    """A word or code as it is compared: `IN_PROGRESS`, `in-progress` are one, `Résolue` is `résolu`."""
    plain = re.sub(r"[^a-z0-9]", "", fold(text))
    endings = ("", "s", "e", "es")
    return next((base for ending in endings if (base := plain.removesuffix(ending)) in KNOWN), plain)


def state_of(told: EntryState | Literal["on"] | None, title: str, body: str, *, unended: bool = False) -> EntryState:
    """The state that a field and the texts beside it tell together.

    Args:
        told: What the field says: a state, any trouble, or nothing known.
        title: Headline.
        body: Plain text of the latest update.
        unended: The entry is said to have no end yet: then no text ends it.
    """
    if isinstance(told, EntryState):
        return told
    text = read_state(title, body)
    if told is None and not unended:
        return text
    if text in {EntryState.IDENTIFIED, EntryState.MONITORING}:
        return text
    headline = read_state(title)
    if text is EntryState.RESOLVED:  # prose (« is operating normally ») may speak of a part
        return EntryState.RESOLVED if headline is EntryState.RESOLVED and not unended else EntryState.MONITORING
    return EntryState.SCHEDULED if text is headline is EntryState.SCHEDULED else EntryState.INVESTIGATING
