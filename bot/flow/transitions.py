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
        lasting: It is in alarm, and not only for what was said half an hour ago or more.
    """

    at: datetime
    raised: bool
    alarm: bool
    cleared: bool
    lasting: bool


def after_bucket(incident: Incident, beat: Beat) -> Incident:
    """The incident after a bucket has closed."""
    match incident.state:
        case IncidentState.SUSPECTED | IncidentState.CONFIRMED:
            said = incident.statement.published_at if incident.statement else incident.opened_at
            faded = not beat.alarm and beat.at - said >= _ENTRY_FADES_AFTER
            if beat.cleared or faded:
                return replace(incident, state=IncidentState.EASING, before=incident.state, eased_at=beat.at)
        case IncidentState.EASING if incident.eased_at is not None:
            if beat.raised:
                return _reopened(incident)
            if not beat.lasting and beat.at - incident.eased_at >= RESOLVED_AFTER:
                return replace(incident, state=IncidentState.RESOLVED, ended_at=beat.at)
        case IncidentState.RESOLVED if beat.raised:
            return _reopened(incident)
        case IncidentState.DISMISSED:
            return _while_dismissed(incident, beat)
    return incident


def _while_dismissed(incident: Incident, beat: Beat) -> Incident:
    """Only double the reports lift a dismissal; calm is noted, for it is what an undone one goes back to."""
    if beat.alarm and incident.surge.reports >= 2 * max(1, incident.reports_at_dismissal):
        return _reopened(incident)
    if beat.raised or beat.cleared:
        return replace(incident, eased_at=beat.at if beat.cleared else None)
    return incident


def _reopened(incident: Incident) -> Incident:
    return replace(incident, state=incident.before, eased_at=None, ended_at=None)


def after_statement(incident: Incident, statement: Statement, at: datetime) -> Incident:
    """The incident after the operator said something that fits it; whatever it says, a dismissal is over."""
    if incident.statement == statement:
        return incident
    spoken = replace(incident, statement=statement)
    if statement.state is EntryState.RESOLVED:
        if incident.state in {IncidentState.EASING, IncidentState.RESOLVED}:
            return spoken
        easing = replace(spoken, state=IncidentState.EASING, before=IncidentState.CONFIRMED)
        return replace(easing, eased_at=at, ended_at=None)
    if statement.state not in _ACTIVE_ENTRY:
        return undismissed(spoken) if incident.state is IncidentState.DISMISSED else spoken
    calm = incident.state in {IncidentState.EASING, IncidentState.RESOLVED}
    if incident.state is IncidentState.DISMISSED or (calm and statement.state in _STILL_ON):
        return replace(spoken, state=IncidentState.CONFIRMED, eased_at=None, ended_at=None)
    return confirmed(spoken)


def confirmed(incident: Incident) -> Incident:
    """The incident once something independent bears it out; one that is calm or dismissed stays so."""
    if incident.state is IncidentState.SUSPECTED:
        return replace(incident, state=IncidentState.CONFIRMED)
    return replace(incident, before=IncidentState.CONFIRMED)


def unconfirmed(incident: Incident) -> Incident:
    """The incident once what bore it out was taken back: we must not go on saying that it is confirmed."""
    if incident.state is IncidentState.CONFIRMED:
        return replace(incident, state=IncidentState.SUSPECTED)
    return replace(incident, before=IncidentState.SUSPECTED)


def dismissed(incident: Incident, at: datetime) -> Incident:
    """The incident after an editor has dismissed it."""
    over = incident.state in {IncidentState.EASING, IncidentState.RESOLVED}
    before = incident.before if over else incident.state
    return replace(
        incident,
        state=IncidentState.DISMISSED,
        before=before,
        ended_at=at,
        reports_at_dismissal=incident.surge.reports,
    )


def undismissed(incident: Incident) -> Incident:
    """The incident after its dismissal was taken back."""
    state = incident.before if incident.eased_at is None else IncidentState.EASING
    return replace(incident, state=state, ended_at=None, reports_at_dismissal=0)


def is_over(incident: Incident, at: datetime) -> bool:
    """Whether nothing can reopen it any more; a dismissed one lasts while its surge does (`ended_at` moves)."""
    return incident.ended_at is not None and at - incident.ended_at >= REOPENS_WITHIN
