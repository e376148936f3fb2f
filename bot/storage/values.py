"""What both stores must agree on about a value: its key, its place in an order, and what is dropped with age."""

from datetime import datetime

from bot.domain.deliveries import DeliveryState
from bot.domain.incidents import Decision, Incident, IncidentState
from bot.domain.signals import Mention, Report, Signal, StatusEntry, Tally

OPEN = (IncidentState.SUSPECTED, IncidentState.CONFIRMED, IncidentState.EASING)
UNDELIVERED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNSURE)
FINISHED = (DeliveryState.SENT, DeliveryState.FAILED)


def signal_key(signal: Signal) -> tuple[str, str]:
    """The (source, id) a signal is stored under; a tally's id is made of its series and interval."""
    if isinstance(signal, Tally):
        return signal.source, f"{signal.operator}/{signal.start:%Y-%m-%dT%H:%M:%S}/{signal.seconds}"
    return signal.source, signal.id


def decision_key(decision: Decision) -> str:
    """The key of the press, or the decision's own content where a press has none."""
    return decision.key or repr(decision)


def report_order(report: Report) -> tuple[datetime, str, str, str]:
    """A post that names two operators is two reports, hence the last part."""
    return report.at, report.source, report.id, report.operator


def mention_order(mention: Mention) -> tuple[datetime, str, str]:
    """Oldest first."""
    return mention.published_at, *signal_key(mention)


def entry_order(entry: StatusEntry) -> tuple[datetime, str, str]:
    """Oldest first."""
    return entry.published_at, *signal_key(entry)


def tally_order(tally: Tally) -> tuple[datetime, str, str]:
    """Oldest first."""
    return tally.start, *signal_key(tally)


def decision_order(decision: Decision) -> tuple[datetime, str]:
    """Oldest first."""
    return decision.at, decision_key(decision)


def links_from(incident: Incident) -> datetime | None:
    """Time of the oldest evidence that still has its link, or None."""
    return min((evidence.at for evidence in incident.evidence if evidence.url is not None), default=None)
