"""Values to rows and back: JSON by msgspec, so that a value of a later version only needs defaults for new fields."""

from dataclasses import replace
from typing import Any

from msgspec.json import Decoder, Encoder
from sqlalchemy import RowMapping

from bot.domain.deliveries import Alert, Delivery, DeliveryKind, DeliveryState, Notice
from bot.domain.incidents import Decision, Draft, Incident
from bot.domain.signals import Health, Mention, Report, StatusEntry, Tally
from bot.ports import Heard
from bot.storage.runs import Run
from bot.storage.values import decision_key, links_from, signal_key

Values = dict[str, Any]

_encode = Encoder().encode
_drafts = Decoder(Draft)
_incidents = Decoder(Incident)
_mentions = Decoder(Mention)
_reports = Decoder(Report)
_entries = Decoder(StatusEntry)
_tallies = Decoder(Tally)
_health = Decoder(Health)
_decisions = Decoder(Decision)
# A union of plain dataclasses has no tag: the kind of the delivery tells.
_payloads: dict[DeliveryKind, Decoder[Draft] | Decoder[Notice] | Decoder[Alert]] = {
    DeliveryKind.CARD: _drafts,
    DeliveryKind.EDIT: _drafts,
    DeliveryKind.NOTICE: Decoder(Notice),
    DeliveryKind.ALERT: Decoder(Alert),
}


def _json(value: object) -> str:
    return _encode(value).decode()


def of_heard(heard: Heard) -> Values:
    """A row of `signals`."""
    signal = heard.signal
    source, key = signal_key(signal)
    match signal:
        case Mention():
            kind, operator, at = "mention", None, signal.published_at
        case StatusEntry():
            kind = "entry" if signal.observer is None else "observation"
            operator, at = signal.operator, signal.published_at
        case Tally():
            kind, operator, at = "tally", signal.operator, signal.start
    return {
        "source": source,
        "id": key,
        "kind": kind,
        "operator": operator,
        "at": at,
        "seen_at": signal.seen_at,
        "digest": heard.digest,
        "value": _json(signal),
        "classification": None if heard.classification is None else _json(heard.classification),
    }


def to_mention(row: RowMapping) -> Mention:
    """From `signals`."""
    return _mentions.decode(row["value"])


def to_entry(row: RowMapping) -> StatusEntry:
    """From `signals`."""
    return _entries.decode(row["value"])


def to_tally(row: RowMapping) -> Tally:
    """From `signals`."""
    return _tallies.decode(row["value"])


def of_report(report: Report) -> Values:
    """A row of `reports`; the link stands in its column alone."""
    link, value = report.url, report if report.url is None else replace(report, url=None)
    return {
        "source": report.source,
        "id": report.id,
        "operator": report.operator,
        "at": report.at,
        "seen_at": report.seen_at,
        "url": link,
        "value": _json(value),
    }


def to_report(row: RowMapping) -> Report:
    """From `reports`."""
    report = _reports.decode(row["value"])
    return report if row["url"] is None else replace(report, url=row["url"])


def of_run(run: Run) -> Values:
    """A row of `health`."""
    return {
        "source": run.first.source,
        "first_at": run.first.at,
        "last_at": run.last.at,
        "first": _json(run.first),
        "last": _json(run.last),
    }


def to_run(row: RowMapping) -> Run:
    """From `health`."""
    return Run(_health.decode(row["first"]), _health.decode(row["last"]))


def of_incident(incident: Incident) -> Values:
    """A row of `incidents`."""
    return {
        "id": incident.id,
        "number": incident.number,
        "state": incident.state,
        "ended_at": incident.ended_at,
        "links_from": links_from(incident),
        "value": _json(incident),
        "operator": incident.operator,
        "heard_from": incident.heard_from,
    }


def to_incident(row: RowMapping) -> Incident:
    """From `incidents`."""
    return _incidents.decode(row["value"])


def of_draft(draft: Draft) -> Values:
    """A row of `drafts`."""
    return {
        "incident": draft.incident.id,
        "revision": draft.revision,
        "number": draft.incident.number,
        "links_from": links_from(draft.incident),
        "value": _json(draft),
    }


def to_draft(row: RowMapping) -> Draft:
    """From `drafts`."""
    return _drafts.decode(row["value"])


def of_decision(decision: Decision) -> Values:
    """A row of `decisions`."""
    return {
        "key": decision_key(decision),
        "at": decision.at,
        "incident": decision.incident,
        "value": _json(decision),
    }


def to_decision(row: RowMapping) -> Decision:
    """From `decisions`."""
    return _decisions.decode(row["value"])


def of_delivery(delivery: Delivery) -> Values:
    """A row of `deliveries`, all columns: the outbox is what one looks at when something went wrong."""
    return {
        "id": delivery.id,
        "to": delivery.to,
        "kind": delivery.kind,
        "payload": _json(delivery.payload),
        "created_at": delivery.created_at,
        "incident": delivery.incident,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_try_at": delivery.next_try_at,
        "remote": delivery.remote,
        "reply_to": delivery.reply_to,
        "error": delivery.error,
    }


def to_delivery(row: RowMapping) -> Delivery:
    """From `deliveries`."""
    kind = DeliveryKind(row["kind"])
    return Delivery(
        id=row["id"],
        to=row["to"],
        kind=kind,
        payload=_payloads[kind].decode(row["payload"]),
        created_at=row["created_at"],
        incident=row["incident"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        next_try_at=row["next_try_at"],
        remote=row["remote"],
        reply_to=row["reply_to"],
        error=row["error"],
    )
