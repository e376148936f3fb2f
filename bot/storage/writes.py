"""What is written, as plain functions on a connection: they run inside the one transaction of a step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Select, Table, and_, bindparam, delete, exists, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import Insert, insert

from bot.domain.incidents import Evidence
from bot.domain.signals import Deletion, EntryState, Health
from bot.ports import Changes
from bot.storage import rows, visits
from bot.storage.runs import fold
from bot.storage.schema import (
    STATE,
    cursors,
    decisions,
    deliveries,
    drafts,
    health,
    incidents,
    reports,
    signals,
    snapshots,
)
from bot.storage.values import FINISHED


def _replacing(table: Table, *keys: str) -> Insert:
    """An insert that replaces all but the keys of a row that is there; `number`, given by SQLite, stays too."""
    new = insert(table)
    kept = {*keys, "number"} if table is deliveries else set(keys)
    return new.on_conflict_do_update(
        index_elements=keys, set_={c.name: new.excluded[c.name] for c in table.c if c.name not in kept}
    )


def _hearing() -> Insert:
    """Signals are inserted once, but what an operator says or a count may be put right under the same key."""
    new = insert(signals)
    return new.on_conflict_do_update(
        index_elements=["source", "id"],
        set_={c.name: new.excluded[c.name] for c in signals.c if c.name not in {"source", "id"}},
        where=and_(
            signals.c.kind != "mention",
            signals.c.kind == new.excluded.kind,
            signals.c.digest != new.excluded.digest,
        ),
    )


_SIGNALS = _hearing()
_REPORTS = insert(reports).on_conflict_do_nothing()
_HEALTH = _replacing(health, "source", "first_at")
_CURSORS = _replacing(cursors, "source")
_INCIDENTS = _replacing(incidents, "id")
_DRAFTS = _replacing(drafts, "incident", "revision")
_DECISIONS = insert(decisions).on_conflict_do_nothing()
_DELIVERIES = _replacing(deliveries, "id")
_SNAPSHOT = _replacing(snapshots, "name")
_FORGOTTEN = (
    update(signals)
    .where(signals.c.source == bindparam("of"), signals.c.id == bindparam("key"), signals.c.kind == "mention")
    .values(value=None, classification=None)
)
_UNLINKED = (
    update(reports)
    .where(reports.c.source == bindparam("of"), reports.c.id == bindparam("key"), reports.c.url.is_not(None))
    .values(url=None)
)


def apply(connection: Connection, changes: Changes, packed: Mapping[str, bytes]) -> None:
    """Write all of it; a statement a table, however many rows (but for checks, which are few)."""
    batches: Sequence[tuple[Insert, list[rows.Values]]] = (
        (_SIGNALS, [rows.of_heard(heard) for heard in changes.signals]),
        (_REPORTS, [rows.of_report(report) for report in changes.reports]),
        (_CURSORS, [{"source": source, "value": value} for source, value in changes.cursors.items()]),
        (_INCIDENTS, [rows.of_incident(incident) for incident in changes.incidents]),
        (_DRAFTS, [rows.of_draft(draft) for draft in changes.drafts]),
        (_DECISIONS, [rows.of_decision(decision) for decision in changes.decisions]),
        (_DELIVERIES, [rows.of_delivery(delivery) for delivery in changes.deliveries]),
        (_SNAPSHOT, [] if changes.snapshot is None else [{"name": "detectors", "value": changes.snapshot}]),
    )
    for statement, batch in batches:
        if batch:
            connection.execute(statement, batch)
    for source, key in changes.retracted:
        connection.execute(delete(reports).where(reports.c.source == source, reports.c.id == key))
        taken = (signals.c.source == source, signals.c.id == key, signals.c.kind == "mention")
        connection.execute(update(signals).where(*taken).values(value=None, classification=None))
    for line in changes.health:
        _check(connection, line)
    for visit in changes.visits:
        visits.write(connection, visit, packed)
    if changes.deletions:
        _forget(connection, changes.deletions)


def _check(connection: Connection, line: Health) -> None:
    begun = (
        select(health.c.first, health.c.last)
        .where(health.c.source == line.source, health.c.first_at <= line.at)
        .order_by(health.c.first_at.desc())
        .limit(1)
    )
    row = connection.execute(begun).mappings().first()
    if run := fold(None if row is None else rows.to_run(row), line):
        connection.execute(_HEALTH, rows.of_run(run))


def _forget(connection: Connection, deletions: Sequence[Deletion]) -> None:
    """Most deletions are of posts that were never ours: only what a report had linked is looked for further."""
    keys = [{"of": deletion.source, "key": deletion.id} for deletion in deletions]
    connection.execute(_FORGOTTEN, keys)
    if connection.execute(_UNLINKED, keys).rowcount:
        gone = {(deletion.source, deletion.id) for deletion in deletions}
        _unlink(
            connection,
            select(incidents.c.value).where(incidents.c.links_from.is_not(None)),
            select(drafts.c.value).where(drafts.c.links_from.is_not(None)),
            lambda evidence: (evidence.source, evidence.id) in gone,
        )


def purge(connection: Connection, before: datetime, calm_before: datetime) -> int:
    """Drop what `Store.purge` says; rows touched."""
    later = health.alias()
    lasting = select(incidents.c.id).where(or_(incidents.c.ended_at.is_(None), incidents.c.ended_at >= before))
    statements = (
        update(signals)
        .where(signals.c.kind == "mention", signals.c.seen_at < before, signals.c.value.is_not(None))
        .values(value=None, classification=None),
        delete(signals).where(
            signals.c.kind == "observation", signals.c.seen_at < before, STATE == EntryState.RESOLVED
        ),
        update(reports).where(reports.c.seen_at < before, reports.c.url.is_not(None)).values(url=None),
        delete(health).where(  # the last run that ended before stays: it is the line that held then
            health.c.last_at < before,
            exists().where(
                later.c.source == health.c.source,
                later.c.last_at < before,
                tuple_(later.c.last_at, later.c.first_at) > tuple_(health.c.last_at, health.c.first_at),
            ),
        ),
        delete(deliveries).where(
            deliveries.c.state.in_(FINISHED),
            deliveries.c.created_at < before,
            or_(deliveries.c.incident.is_(None), deliveries.c.incident.not_in(lasting)),
        ),
    )
    touched = sum(connection.execute(statement).rowcount for statement in statements)
    touched += visits.purge(connection, before, calm_before)
    return touched + _unlink(
        connection,
        select(incidents.c.value).where(incidents.c.links_from < before),
        select(drafts.c.value).where(drafts.c.links_from < before),
        lambda evidence: evidence.at < before,
    )


def _unlink(
    connection: Connection,
    some_incidents: Select[tuple[str]],
    some_drafts: Select[tuple[str]],
    drops: Callable[[Evidence], bool],
) -> int:
    stripped = [rows.to_incident(row).unlinked(drops) for row in connection.execute(some_incidents).mappings()]
    revised = [
        replace(draft, incident=draft.incident.unlinked(drops))
        for draft in map(rows.to_draft, connection.execute(some_drafts).mappings())
    ]
    if stripped:
        connection.execute(_INCIDENTS, [rows.of_incident(incident) for incident in stripped])
    if revised:
        connection.execute(_DRAFTS, [rows.of_draft(draft) for draft in revised])
    return len(stripped) + len(revised)
