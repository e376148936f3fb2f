"""What was checked, when, and what changed, on one page that an editor can hand to a lawyer."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.domain.captures import Capture, Channel, Proof, Visit, distinct
from bot.domain.operators import Operator
from bot.domain.signals import EntryState, HealthState
from bot.drafting.french import French

FileOf = Callable[[Visit, Capture], str | None]
"""The file that holds the bytes of a capture; None where they were not kept."""

_FORMATS = {"fr": "%d/%m/%Y %H:%M:%S", "en": "%Y-%m-%d %H:%M:%S"}
_HEALTH = {
    "fr": {
        HealthState.OK: "lue",
        HealthState.STALE: "figée",
        HealthState.FAILING: "refusée",
        HealthState.UNREACHABLE: "injoignable",
        HealthState.UNREADABLE: "illisible",
        HealthState.PAUSED: "en pause",
        HealthState.OFF: "arrêtée",
    },
    "en": {HealthState.OK: "read", HealthState.FAILING: "refused"},
}
_ENTRY = {
    "fr": {
        EntryState.INVESTIGATING: "en cours d'analyse",
        EntryState.IDENTIFIED: "cause identifiée",
        EntryState.MONITORING: "sous surveillance",
        EntryState.RESOLVED: "résolu",
        EntryState.SCHEDULED: "prévu",
        EntryState.UNKNOWN: "état non précisé",
    },
    "en": {EntryState.UNKNOWN: "no state given"},
}


def proof_text(
    template: str,
    proof: Proof,
    operator: Operator,
    *,
    language: str,
    zone: ZoneInfo,
    file_of: FileOf,
    made_at: datetime,
    version: str,
) -> str:
    """The page.

    Args:
        template: Jinja source, the file `proof.j2` of the language.
        proof: What there is to show.
        operator: Whose channels.
        language: `fr` or `en`.
        zone: The newsroom's.
        file_of: Names the files beside the page.
        made_at: Now (aware UTC).
        version: Of Vigie.
    """

    def time(at: datetime) -> str:
        return at.astimezone(zone).strftime(_FORMATS[language])

    incident = proof.incident
    known = {
        "of": French(zone, made_at.date()).of(operator.name),
        "operator": operator.name,
        "number": incident.number,
        "id": incident.id,
        "since": time(incident.heard_from),
        "until": time(proof.until),
        "first_report": time(incident.first_report_at),
        "zone": zone.key,
        "channels": [_channel(channel, time) for channel in proof.channels],
        "changes": [
            {
                "at": time(visit.at),
                "source": visit.source,
                "state": _HEALTH[language].get(visit.state, visit.state.value),
                "files": _files(visit, file_of),
            }
            for visit in proof.visits
            if visit.telling
        ],
        "entries": [
            {
                "at": time(entry.published_at),
                "title": " ".join(entry.title.split()),
                "state": _ENTRY[language].get(entry.state, entry.state.value),
                "files": _files(proof.visit_of(entry), file_of),
            }
            for entry in proof.entries
        ],
        "contents": len(distinct(proof.visits)),
        "missing": sum(file_of(visit, capture) is None for visit, capture in distinct(proof.visits)),
        "made": time(made_at),
        "version": version,
    }
    environment = ImmutableSandboxedEnvironment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    text = environment.from_string(template).render(known)
    return French.finish(text) if language == "fr" else text


def _channel(channel: Channel, time: Callable[[datetime], str]) -> dict[str, Any]:
    gap = channel.longest_gap
    contents = distinct(channel.visits)
    return {
        "source": channel.source,
        "urls": sorted({capture.url for _, capture in contents}),
        "checks": len(channel.visits),
        "good": len(channel.good),
        "first": time(channel.visits[0].at),
        "last": time(channel.visits[-1].at),
        "gap": _span(gap.length),
        "gap_start": time(gap.start),
        "gap_end": time(gap.end),
        "failures": [
            {"reason": last.reason or last.state.value, "times": times, "first": time(first.at), "last": time(last.at)}
            for first, last, times in channel.failures
        ],
        "contents": len(contents),
    }


def _files(visit: Visit | None, file_of: FileOf) -> Sequence[str]:
    if visit is None:
        return ()
    return [name for capture in visit.captures if (name := file_of(visit, capture)) is not None]


def _span(length: timedelta) -> str:
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
