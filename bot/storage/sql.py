"""The newsroom's memory on disk: one transaction a step, so that a kill leaves a step done or not begun."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, func, or_, select, tuple_

from bot.domain.captures import Visit
from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState
from bot.domain.incidents import Decision, Draft, Incident
from bot.domain.signals import EntryState, Health, Mention, Report, StatusEntry, Tally
from bot.errors import StoreError
from bot.ports import Changes, Loaded
from bot.storage import rows, visits, writes
from bot.storage.database import Database
from bot.storage.lock import WriterLock
from bot.storage.runs import lines
from bot.storage.schema import (
    STATE,
    bodies,
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
from bot.storage.values import OPEN, UNDELIVERED

_T = TypeVar("_T")

_KEYS_AT_ONCE = 500  # SQLite before 3.32 takes 999 parameters in a statement


class SqlStore:
    """See `bot.ports.Store`; on one SQLite file.

    Args:
        path: The file; its folder is made where it is missing. A `.lock` file beside it keeps a second writer off.
        read_only: For `vigie status` beside a running bot: takes no lock, migrates nothing, and `apply` raises.
        busy_seconds: How long to wait for another program that holds the file (a backup, a shell).
    """

    def __init__(self, path: Path, *, read_only: bool = False, busy_seconds: float = 5.0) -> None:
        self._path = path
        self._read_only = read_only
        self._busy_seconds = busy_seconds
        self._lock: WriterLock | None = None
        self._opened: Database | None = None
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """See `Store.open`."""
        if self._read_only:
            if not self._path.is_file():
                raise StoreError(f"store: {self._path}: no such file: the bot has never run here")
        else:
            self._lock = WriterLock.take(self._path)
        self._opened = Database(self._path, read_only=self._read_only, busy_seconds=self._busy_seconds)
        try:
            await self._opened.make_ready()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """See `Store.close`."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
        if self._lock is not None:
            self._lock.free()
            self._lock = None

    @property
    def _database(self) -> Database:
        if self._opened is None:
            raise StoreError(f"store: {self._path}: not open")
        return self._opened

    async def apply(self, changes: Changes) -> None:
        """See `Store.apply`."""
        if changes:
            # A thread of its own costs as much as packing a small answer; most steps have none at all.
            packed = await asyncio.to_thread(visits.pack, changes.visits) if changes.visits else {}
            await self._write(lambda connection: writes.apply(connection, changes, packed))

    async def purge(self, before: datetime, calm_before: datetime | None = None) -> int:
        """See `Store.purge`."""
        return await self._write(lambda connection: writes.purge(connection, before, calm_before or before))

    async def _write(self, work: Callable[[Connection], _T]) -> _T:
        if self._read_only:
            raise StoreError(f"store: {self._path}: opened for reading only")
        async with self._writing:
            return await self._database.write(work)

    async def load(self, ended_after: datetime) -> Loaded:
        """See `Store.load`."""
        newest = select(drafts.c.incident, func.max(drafts.c.revision)).group_by(drafts.c.incident)
        wanted = (
            select(drafts.c.value)
            .join(incidents, drafts.c.incident == incidents.c.id)
            .where(
                or_(incidents.c.state.in_(OPEN), incidents.c.ended_at >= ended_after),
                tuple_(drafts.c.incident, drafts.c.revision).in_(newest),
            )
            .order_by(incidents.c.number)
        )
        last = select(health.c.source, func.max(health.c.last_at)).group_by(health.c.source)
        said_last = (
            select(health.c.first, health.c.last)
            .where(tuple_(health.c.source, health.c.last_at).in_(last))
            .order_by(health.c.source, health.c.first_at)
        )

        def work(connection: Connection) -> Loaded:
            runs = [rows.to_run(row) for row in connection.execute(said_last).mappings()]
            return Loaded(
                snapshot=connection.execute(select(snapshots.c.value)).scalar(),
                cursors={row.source: row.value for row in connection.execute(select(cursors))},
                drafts=tuple(rows.to_draft(row) for row in connection.execute(wanted).mappings()),
                health=tuple({run.last.source: run.last for run in runs}.values()),
                numbers=connection.execute(select(func.max(incidents.c.number))).scalar() or 0,
            )

        return await self._database.read(work)

    async def known(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """See `Store.known`."""
        ids: dict[str, list[str]] = defaultdict(list)
        for source, key in keys:
            ids[source].append(key)

        def work(connection: Connection) -> dict[tuple[str, str], str]:
            found: dict[tuple[str, str], str] = {}
            for source, wanted in ids.items():
                for start in range(0, len(wanted), _KEYS_AT_ONCE):
                    some = signals.c.id.in_(wanted[start : start + _KEYS_AT_ONCE])
                    query = select(signals.c.id, signals.c.digest).where(signals.c.source == source, some)
                    found |= {(source, row.id): row.digest for row in connection.execute(query)}
            return found

        return await self._database.read(work) if ids else {}

    async def mentions_under(self, source: str, prefix: str) -> Sequence[str]:
        """See `Store.mentions_under`."""
        c = signals.c
        # A span of the primary key, which no LIKE would be.
        span = (c.id >= prefix, c.id < prefix + chr(0x10FFFF))
        query = select(c.id).where(c.source == source, *span, c.kind == "mention", c.value.is_not(None)).order_by(c.id)
        return await self._database.all(query, lambda row: str(row["id"]))

    async def decided(self, key: str) -> bool:
        """See `Store.decided`."""
        query = select(decisions.c.key).where(decisions.c.key == key)
        return await self._database.read(lambda connection: connection.execute(query).first() is not None)

    async def reports(self, since: datetime, operator: str | None = None) -> Sequence[Report]:
        """See `Store.reports`."""
        c = reports.c
        query = select(c.url, c.value).where(c.at >= since).order_by(c.at, c.source, c.id, c.operator)
        if operator is not None:
            query = query.where(c.operator == operator)
        return await self._database.all(query, rows.to_report)

    async def reports_of(self, source: str, key: str) -> Sequence[Report]:
        """See `Store.reports_of`."""
        c = reports.c
        query = select(c.url, c.value).where(c.source == source, c.id == key).order_by(c.operator)
        return await self._database.all(query, rows.to_report)

    async def mentions(self, since: datetime) -> Sequence[Mention]:
        """See `Store.mentions`."""
        c = signals.c
        query = select(c.value).where(c.kind == "mention", c.at >= since, c.value.is_not(None))
        return await self._database.all(query.order_by(c.at, c.source, c.id), rows.to_mention)

    async def entries(self, operator: str, since: datetime) -> Sequence[StatusEntry]:
        """See `Store.entries`."""
        c = signals.c
        query = select(c.value).where(c.kind == "entry", c.operator == operator, c.at >= since)
        return await self._database.all(query.order_by(c.at, c.source, c.id), rows.to_entry)

    async def observations(self, operator: str) -> Sequence[StatusEntry]:
        """See `Store.observations`."""
        c = signals.c
        query = select(c.value).where(c.kind == "observation", c.operator == operator, STATE != EntryState.RESOLVED)
        return await self._database.all(query.order_by(c.at, c.source, c.id), rows.to_entry)

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        """See `Store.tallies`."""
        c = signals.c
        query = select(c.value).where(c.kind == "tally", c.at >= since).order_by(c.at, c.source, c.id)
        return await self._database.all(query, rows.to_tally)

    async def checks(self, since: datetime) -> Sequence[Health]:
        """See `Store.checks`; of lines that repeat each other, the first and the last."""
        c = health.c
        ended = select(c.source, func.max(c.last_at)).where(c.last_at < since).group_by(c.source)
        query = select(c.first, c.last).where(or_(c.last_at >= since, tuple_(c.source, c.last_at).in_(ended)))
        return lines(await self._database.all(query, rows.to_run), since)

    async def visits(self, operator: str, since: datetime, until: datetime) -> Sequence[Visit]:
        """See `Store.visits`."""
        return await self._database.read(lambda connection: visits.read(connection, operator, since, until))

    async def body(self, digest: str) -> bytes | None:
        """See `Store.body`."""
        query = select(bodies.c.packed).where(bodies.c.digest == digest)
        return await self._database.first(query, lambda row: visits.unpack(row["packed"]))

    async def incident(self, name: str) -> Incident | None:
        """See `Store.incident`."""
        c = incidents.c
        named = c.number == int(name) if name.isdecimal() else c.id == name
        return await self._database.first(select(c.value).where(named), rows.to_incident)

    async def decisions(self, since: datetime) -> Sequence[Decision]:
        """See `Store.decisions`."""
        c = decisions.c
        query = select(c.value).where(c.at >= since).order_by(c.at, c.key)
        return await self._database.all(query, rows.to_decision)

    async def draft(self, number: int) -> Draft | None:
        """See `Store.draft`."""
        query = select(drafts.c.value).where(drafts.c.number == number).order_by(drafts.c.revision.desc()).limit(1)
        return await self._database.first(query, rows.to_draft)

    async def undelivered(self, to: str | None = None) -> Sequence[Delivery]:
        """See `Store.undelivered`."""
        c = deliveries.c
        query = select(deliveries).where(c.state.in_(UNDELIVERED)).order_by(c.created_at, c.number)
        if to is not None:
            query = query.where(c.to == to)
        return await self._database.all(query, rows.to_delivery)

    async def delivery(self, delivery: str) -> Delivery | None:
        """See `Store.delivery`."""
        return await self._database.first(select(deliveries).where(deliveries.c.id == delivery), rows.to_delivery)

    async def card(self, to: str, incident: str) -> Delivery | None:
        """See `Store.card`."""
        c = deliveries.c
        query = (
            select(deliveries)
            .where(c.to == to, c.incident == incident, c.kind == DeliveryKind.CARD, c.state == DeliveryState.SENT)
            .order_by(c.created_at.desc(), c.number.desc())
            .limit(1)
        )
        return await self._database.first(query, rows.to_delivery)
