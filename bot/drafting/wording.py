"""An incident becomes a title and a few sentences that say no more than it knows."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.domain.incidents import Incident, IncidentState, Spike, Statement, Surge
from bot.domain.operators import Operator, Service
from bot.domain.places import Level, Place, PlaceCount
from bot.domain.signals import EntryState, Interval
from bot.drafting.english import English
from bot.drafting.french import French
from bot.drafting.territory import TERRITORIES, far_apart

TEMPLATES = ("title", "text", "notice")

_PLACES_NAMED = 4
_QUOTE_CHARS = 160  # an operator's title is a headline; beyond, its page says it better
_MOSTLY_NONE = 0.5  # below it, most such intervals have no report at all
_WORTH_A_RATIO = 1.5  # below, "1,3 times" would make much of little
_OBSERVERS = {"ioda": "IODA", "arcep": "ARCEP"}
_OPEN = {IncidentState.SUSPECTED, IncidentState.CONFIRMED}


class Wording:
    """Writes drafts and notices in one language; the same incident always gives the same words.

    Args:
        templates: Jinja sources by name, for each of `TEMPLATES` (the files of `templates/fr` or `templates/en`).
        language: `fr` or `en`.
        zone: The newsroom's.
        operators: All that the newsroom watches: an incident of one may be reported by another's customers.
    """

    def __init__(
        self, templates: Mapping[str, str], *, language: str, zone: ZoneInfo, operators: Iterable[Operator] = ()
    ) -> None:
        # The words are plain text; each chat escapes them its own way.
        environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
        self._templates = {name: environment.from_string(templates[name]) for name in TEMPLATES}
        self._tongue = French if language == "fr" else English
        self._zone = zone
        self._operators = {operator.id: operator for operator in operators}

    def compose(self, incident: Incident, operator: Operator, at: datetime) -> tuple[str, str]:
        """Title and text for the incident as it is now; `at` tells which times need no date."""
        tongue = self._tongue(self._zone, at.astimezone(self._zone).date())
        known = _known(incident, operator, tongue) | {"others": self._others(incident, tongue)}
        return self._write("title", known, tongue), self._write("text", known, tongue)

    def _others(self, incident: Incident, tongue: "_Tongue") -> dict[str, Any] | None:
        """The network that most reports come from, where it is not the incident's own."""
        network, reports = next(iter(incident.surge.by_network), ("", 0))
        operator = self._operators.get(network)
        if operator is None or network == incident.operator or 2 * reports <= incident.surge.reports:
            return None
        return {"of_operator": tongue.of(tongue.operator(operator)), "operator": operator.name, "reports": reports}

    def notice(self, before: Incident | None, after: Incident, operator: Operator, at: datetime) -> str | None:
        """What an editor must notice between two versions of an incident, on one line; None if nothing."""
        news = _news(before, after)
        if before is None or not news:
            return None
        tongue = self._tongue(self._zone, at.astimezone(self._zone).date())
        known = _known(after, operator, tongue) | {"news": news, "reports_before": before.surge.reports}
        return self._write("notice", known, tongue).replace("\n\n", " ")

    def _write(self, name: str, known: Mapping[str, Any], tongue: "_Tongue") -> str:
        paragraphs = re.split(r"\n\s*\n", self._templates[name].render(known))
        lines = (re.sub(r"[ \n]+", " ", paragraph).strip() for paragraph in paragraphs)
        return tongue.finish("\n\n".join(line[:1].upper() + line[1:] for line in lines if line))


class _Tongue(Protocol):
    """What a language must know; see `bot.drafting.french`."""

    def time(self, when: datetime) -> str: ...
    def at_time(self, when: datetime) -> str: ...
    def interval(self, interval: Interval) -> str: ...
    def services(self, services: Sequence[Service]) -> str: ...
    def operator(self, operator: Operator) -> str: ...
    def of(self, name: str) -> str: ...
    def place(self, place: Place, *, precise: bool = True) -> str: ...
    def span(self, one: Place, other: Place, *, precise: bool) -> str: ...
    def series(self, items: Sequence[str]) -> str: ...
    def figure(self, value: float) -> str: ...
    def finish(self, text: str) -> str: ...


def _known(incident: Incident, operator: Operator, tongue: _Tongue) -> dict[str, Any]:
    """All that a template may say, already in words."""

    def time(when: datetime | None) -> str:
        return tongue.time(when) if when else ""

    def at_time(when: datetime | None) -> str:
        return tongue.at_time(when) if when else ""

    state, surge, silence = incident.state, incident.surge, incident.silence
    name = tongue.operator(operator)
    ratio = surge.reports / surge.expected if surge.expected >= 1 else 0.0
    belief = state if state in _OPEN else incident.before
    return {
        "operator": operator.name,
        "the_operator": name,
        "The_operator": name[:1].upper() + name[1:],
        "of_operator": tongue.of(name),
        "services": tongue.services(incident.services),
        "several": len(incident.services) > 1,
        "rail": incident.services == (Service.RAIL,),
        "phase": {IncidentState.EASING: "easing", IncidentState.RESOLVED: "resolved"}.get(state, "open"),
        "certain": belief is IncidentState.CONFIRMED,
        "since": time(incident.first_report_at),
        "since_at": at_time(incident.first_report_at),
        "eased": time(incident.eased_at or incident.ended_at),
        "reports": surge.reports,
        "interval": tongue.interval(surge.interval),
        "sources": len(surge.by_source),
        "agreed": belief is IncidentState.CONFIRMED and incident.statement is None and len(surge.by_source) > 1,
        "measured": _measured(incident, tongue),
        "usual": _usual(surge.expected, tongue),
        "ratio": tongue.figure(ratio) if ratio >= _WORTH_A_RATIO else "",
        "professional": incident.professional,
        "cluster": _cluster(surge, tongue),
        **_places(incident, tongue),
        "statement": _statement(incident.statement, tongue),
        "silence": silence.state.value,
        "silent_since": time(silence.since),
        "silent_since_at": at_time(silence.since),
        "checked": at_time(silence.checked_at),
        "provable": bool(silence.since and silence.checked_at and silence.checked_at >= silence.since),
    }


def _usual(expected: float, tongue: _Tongue) -> str:
    """The usual number; less than one report is no yardstick and is said in words: `none` or `one`."""
    if expected >= 1:
        return tongue.figure(expected)
    return "none" if expected < _MOSTLY_NONE else "one"


def _statement(statement: Statement | None, tongue: _Tongue) -> dict[str, Any] | None:
    if statement is None:
        return None
    return {
        "at": tongue.at_time(statement.published_at),
        "title": _quoted(statement.title),
        "area": _quoted(statement.area or ""),
        "resolved": statement.state is EntryState.RESOLVED,
        "scheduled": statement.state is EntryState.SCHEDULED,
    }


def _measured(incident: Incident, tongue: _Tongue) -> dict[str, Any] | None:
    """The first measure of a third party that bears it out."""
    if not incident.observations:
        return None
    first = incident.observations[0]
    by = _OBSERVERS.get(first.observer, _quoted(first.observer))
    return {"by": by, "since": tongue.time(first.published_at), "at": tongue.at_time(first.published_at)}


def _quoted(text: str) -> str:
    """Somebody else's words on one line, without what cannot be seen and without quotes of their own; cut at a word."""
    seen = "".join(" " if character.isspace() else character for character in text)
    seen = "".join(character for character in seen if unicodedata.category(character) not in {"Cc", "Cf", "Cs"})
    line = " ".join(re.sub(r"[«»“”\"]", " ", seen).split())
    return line if len(line) <= _QUOTE_CHARS else line[:_QUOTE_CHARS].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _places(incident: Incident, tongue: _Tongue) -> dict[str, Any]:
    """How far it reaches (`scope` for the title, `reach` for the text) and `where` else, with `more` than is said."""
    communes = {count.place.departement for count in incident.places if count.place.level is Level.COMMUNE}
    # A département says nothing beside one of its communes.
    places = [
        count
        for count in incident.places
        if count.place.level is not Level.DEPARTEMENT or count.place.departement not in communes
    ]
    scope = reach = ""
    middle = _middle(incident.surge.spike)
    ends, area = far_apart(places) if middle is None else None, middle or _area(places, incident.surge.reports)
    if ends:
        north, south = (count.place for count in ends)
        scope = f", {tongue.span(north, south, precise=False)}"
        reach = f", {tongue.span(north, south, precise=True)}"
        places = [count for count in places if count not in ends]
    elif area:
        scope = reach = f" {tongue.place(area)}"
        places = [count for count in places if count.place != area]
    shown = [count.place for count in places[:_PLACES_NAMED]]
    # Neighbours in the list share one mention of their département.
    same = [one.departement == other.departement for one, other in pairwise(shown)] + [False]
    named = [tongue.place(place, precise=area is None and not after) for place, after in zip(shown, same, strict=False)]
    # All reports come from there only where all places are said, and each report names one.
    more = bool(ends) or len(places) > len(named) or sum(count.n for count in places) < incident.surge.reports
    return {"scope": scope, "reach": reach, "ends": bool(ends), "where": tongue.series(named), "more": more}


def _cluster(surge: Surge, tongue: _Tongue) -> dict[str, Any] | None:
    """Where and when the few reports lie that only the map could see, unless they are all there is."""
    spike, middle = surge.spike, _middle(surge.spike)
    if spike is None or middle is None or (surge.reports <= spike.reports and surge.expected < _MOSTLY_NONE):
        return None
    return {
        "place": tongue.place(middle),
        "around": len(spike.departements) > 1,
        "reports": spike.reports,
        "interval": tongue.interval(spike.interval),
        "usual": _usual(spike.expected, tongue),
    }


def _middle(spike: Spike | None) -> Place | None:
    """The département in the middle of a local spike."""
    code = spike.departements[0] if spike is not None and spike.departements else ""
    return Place(f"D{code}", Level.DEPARTEMENT, TERRITORIES[code].name, code) if code in TERRITORIES else None


def _area(places: Sequence[PlaceCount], reports: int) -> Place | None:
    """The one place, or the one département, that at least half of the reports name; None if there is none."""
    codes = {count.place.departement for count in places}
    if len(codes) != 1 or 2 * sum(count.n for count in places) < reports:
        return None
    (code,) = codes
    if len(places) == 1:
        return places[0].place
    return Place(f"D{code}", Level.DEPARTEMENT, TERRITORIES[code].name, code) if code in TERRITORIES else None


def _news(before: Incident | None, after: Incident) -> list[str]:
    """What happened between two versions, by the names the notice's template uses."""
    if before is None:
        return []
    news = []
    told = before.statement and (before.statement.title, before.statement.state, before.statement.area)
    if after.statement and (after.statement.title, after.statement.state, after.statement.area) != told:
        news.append("spoke")
    if after.state is not before.state:
        if after.state in {IncidentState.EASING, IncidentState.RESOLVED}:
            news.append(after.state.value)
        elif after.state in _OPEN and before.state in {IncidentState.EASING, IncidentState.RESOLVED}:
            news.append("reopened")
        elif after.state is IncidentState.CONFIRMED and before.state is IncidentState.SUSPECTED and not news:
            news.append("confirmed")
        elif after.state is IncidentState.SUSPECTED and before.state is IncidentState.CONFIRMED:
            news.append("unconfirmed")
    if "reopened" not in news and after.surge.reports >= max(2 * before.surge.reports, 1):
        news.append("doubled" if before.surge.reports else "joined")
    return news
