"""The life of an incident as pure decisions: an incident and what happened in, the incident it becomes out.

suspected → confirmed → easing → resolved, or dismissed; a raise within six hours reopens.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.incidents import Incident, IncidentState, Statement
from bot.domain.signals import EntryState

RESOLVED_AFTER = timedelta(minutes=60)
REOPENS_WITHIN = timedelta(hours=6)
# An operator that opened an incident by its own entry and never closes it must not keep it open for ever.
_ENTRY_FADES_AFTER = timedelta(hours=24)

OPEN = frozenset({IncidentState.SUSPECTED, IncidentState.CONFIRMED, IncidentState.EASING})
_ACTIVE_ENTRY = frozenset({EntryState.INVESTIGATING, EntryState.IDENTIFIED, EntryState.MONITORING, EntryState.UNKNOWN})
# They say it is (still) on: that overrules our calm. "Monitoring" says the mending is done.
_STILL_ON = frozenset({EntryState.INVESTIGATING, EntryState.IDENTIFIED})


@dataclass(frozen=True, slots=True)
class Beat:
    """What the last closed bucket says about one operator.

    Attributes:
        raised: A series of the operator raised an alarm.
        alarm: One of its series is in alarm.
        cleared: The last of its alarms has just ended.
    """

    at: datetime
    raised: bool
    alarm: bool
    cleared: bool


def after_bucket(incident: Incident, beat: Beat) -> Incident:
    """The incident after a bucket has closed."""
    if beat.raised and incident.state in {IncidentState.EASING, IncidentState.RESOLVED}:
        return replace(incident, state=incident.before, eased_at=None, ended_at=None)
    if incident.state in {IncidentState.SUSPECTED, IncidentState.CONFIRMED}:
        said = incident.statement.published_at if incident.statement else incident.opened_at
        faded = not beat.alarm and beat.at - said >= _ENTRY_FADES_AFTER
        if beat.cleared or faded:
            return replace(incident, state=IncidentState.EASING, before=incident.state, eased_at=beat.at)
    if incident.state is IncidentState.EASING and incident.eased_at is not None:
        since = incident.eased_at
        if not beat.alarm and beat.at - since >= RESOLVED_AFTER:
            return replace(incident, state=IncidentState.RESOLVED, ended_at=beat.at)
    if (
        incident.state is IncidentState.DISMISSED
        and beat.alarm
        and incident.surge.reports >= 2 * max(1, incident.reports_at_dismissal)
    ):
        return replace(incident, state=incident.before, eased_at=None, ended_at=None)
    return incident


def after_statement(incident: Incident, statement: Statement, at: datetime) -> Incident:
    """The incident after the operator said something that fits it."""
    if incident.statement == statement:
        return incident
    spoken = replace(incident, statement=statement)
    if statement.state is EntryState.RESOLVED:
        if incident.state in {IncidentState.SUSPECTED, IncidentState.CONFIRMED}:
            return replace(spoken, state=IncidentState.EASING, before=IncidentState.CONFIRMED, eased_at=at)
        return spoken
    if statement.state not in _ACTIVE_ENTRY:
        return spoken
    calm = incident.state in {IncidentState.EASING, IncidentState.RESOLVED}
    if incident.state is IncidentState.DISMISSED or (calm and statement.state in _STILL_ON):
        return replace(spoken, state=IncidentState.CONFIRMED, eased_at=None, ended_at=None)
    return confirmed(spoken)


def confirmed(incident: Incident) -> Incident:
    """The incident once something independent bears it out; one that is calm or dismissed stays so."""
    if incident.state is IncidentState.SUSPECTED:
        return replace(incident, state=IncidentState.CONFIRMED)
    return replace(incident, before=IncidentState.CONFIRMED)


def dismissed(incident: Incident, at: datetime) -> Incident:
    """The incident after an editor has dismissed it."""
    before = incident.before if incident.state is IncidentState.EASING else incident.state
    return replace(
        incident,
        state=IncidentState.DISMISSED,
        before=before,
        ended_at=at,
        reports_at_dismissal=incident.surge.reports,
    )


def undismissed(incident: Incident) -> Incident:
    """The incident after an editor took the dismissal back."""
    return replace(incident, state=incident.before, ended_at=None, reports_at_dismissal=0)


def is_over(incident: Incident, at: datetime) -> bool:
    """Whether nothing can reopen it any more; a dismissed one lasts while its surge does (`ended_at` moves)."""
    return incident.ended_at is not None and at - incident.ended_at >= REOPENS_WITHIN
