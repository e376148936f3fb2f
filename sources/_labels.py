"""Reads the labels of a status history (`Resolved - This incident…`), because they outweigh the prose beside them."""

import re
from typing import Literal, NamedTuple

from bot.domain.signals import EntryState

_HALF_A_YEAR = 6  # months: a January above a December is the newer one

_LABELS = {
    "investigating": EntryState.INVESTIGATING,
    "enquete": EntryState.INVESTIGATING,
    "enquete en cours": EntryState.INVESTIGATING,
    "en cours d'investigation": EntryState.INVESTIGATING,
    "en cours d'analyse": EntryState.INVESTIGATING,
    "identified": EntryState.IDENTIFIED,
    "identifie": EntryState.IDENTIFIED,
    "monitoring": EntryState.MONITORING,
    "recovering": EntryState.MONITORING,
    "surveillance": EntryState.MONITORING,
    "sous surveillance": EntryState.MONITORING,
    "resolved": EntryState.RESOLVED,
    "resolu": EntryState.RESOLVED,
    "retabli": EntryState.RESOLVED,
    "completed": EntryState.RESOLVED,
    "termine": EntryState.RESOLVED,
    "complete": EntryState.RESOLVED,
    "postmortem": EntryState.RESOLVED,
    "post-mortem": EntryState.RESOLVED,
    "scheduled": EntryState.SCHEDULED,
    "planned": EntryState.SCHEDULED,
    "planifie": EntryState.SCHEDULED,
    "programme": EntryState.SCHEDULED,
    "not started yet": EntryState.SCHEDULED,
    "in progress": EntryState.SCHEDULED,
    "verifying": EntryState.SCHEDULED,
    "verification": EntryState.SCHEDULED,
}
_PLANNING = {"scheduled", "planned", "planifie", "programme", "not started yet"}
_ON = r"active|actif|ongoing|open|ouvert|en cours"
OVER = r"(?:resolu|retabli|repare|corrige|clos|cloture|termine|resolved|fixed|completed|closed)(?:e|s|es)?"
NAMES = "|".join(sorted(_LABELS, key=len, reverse=True))
_FIELD = r"(?:current )?(?:status|statut|etat|state)(?: actuel)?\s?:\s?"
_LABEL = re.compile(
    # « Mar 2, 08:41 GMT+0 - Resolved - … »
    rf"\W{{0,3}}(?:\S[^-–—]{{0,40}} [-–—] )?({NAMES}|active)\s?[-–—:\])](?:\s|$)"
    rf"|{_FIELD}(?:maintenance )?(?:({NAMES})(?:e|s|es)?|({OVER}|fermee?)|({_ON})e?)\b"
)
_PARTED = re.compile(rf"^({NAMES})\n(?=[-–—:]\s)", re.MULTILINE)  # a label, and its text on a line below
_WORKS = re.compile(
    rf"^(?:type\s?:\s?(?:scheduled )?maintenance\b|{_FIELD}maintenance\b|this is a scheduled event\b)", re.MULTILINE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UPDATED = (
    rf"\b({'|'.join(_MONTHS)})[a-z]* (\d{{1,2}}),? (?:(\d{{4}}),? )?"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])m\b)?"
)
_STAMP = re.compile(_UPDATED)
_RUN_ON = re.compile(rf" (?={_UPDATED}[^-–—\n]{{0,20}} [-–—] (?:{NAMES})\b)")  # an update on the line of the one before

_Stamp = tuple[int, ...]  # year or 0, month, day, hour, minute, second


class Labels(NamedTuple):
    """What the labels of a text say.

    Attributes:
        state: Of the newest one; `on` for any trouble or any works; None where there is no label.
        works: Whether the text says that it is of works, not of a trouble.
    """

    state: EntryState | Literal["on"] | None
    works: bool


def read_labels(text: str) -> Labels:
    """The newest label of a folded text: the first, unless the dates beside the labels rise."""
    stamp, found = None, []
    for line in _RUN_ON.sub("\n", _PARTED.sub(r"\1 ", text)).split("\n"):
        dated = _STAMP.match(line)
        if dated is not None:
            stamp = _stamp(dated)
        label = _LABEL.match(line)
        if label is not None:
            found.append((stamp, label))
    if not found:
        return Labels(None, bool(_WORKS.search(text)))
    newest = found[-1 if _rise(found[0][0], found[-1][0]) else 0][1]
    name = newest.group(1) or newest.group(2)
    state: EntryState | Literal["on"] = EntryState.RESOLVED if newest.group(3) else _LABELS.get(name, "on")
    works = _PLANNING.intersection(label.group(1) or label.group(2) for _, label in found)
    return Labels(state, bool(works or _WORKS.search(text)))


def twelve(hour: int, half: str | None) -> int:
    """The hour of a day of 24 from one of 12, and `a` or `p` (before or after noon), if that is said."""
    return hour % 12 + 12 * (half == "p") if half else hour


def _stamp(dated: re.Match[str]) -> _Stamp:
    month, day, year, hour, minute, second, half = dated.groups()
    return int(year or 0), _MONTHS.index(month), int(day), twelve(int(hour), half), int(minute), int(second or 0)


def _rise(first: _Stamp | None, last: _Stamp | None) -> bool:
    if first is None or last is None:
        return False
    if first[0] and last[0]:
        return first < last
    turned = abs(first[1] - last[1]) >= _HALF_A_YEAR
    return (first[1:] < last[1:]) != turned
