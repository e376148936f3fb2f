"""One SQLite file as the store wants it: durable, whole or refused, and every failure said in one line.

SQLAlchemy's own `AsyncEngine` imports the ORM, 80 ms that every start would pay; what it does with the ORM left out is
to run plain Core code in a greenlet, and that is done here.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import MsgspecError
from sqlalchemy import URL, Connection, RowMapping, Select, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from bot.errors import StoreError
from bot.storage.schema import HEAD

_T = TypeVar("_T")

_RETRYABLE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another program holds it",
    sqlite3.SQLITE_LOCKED: "another program holds it",
    sqlite3.SQLITE_IOERR: "the disk does not answer",
}
# A larger file is not read through at the start (1 ms a megabyte): its damage is told when it is met.
_CHECKED_BYTES = 200_000_000
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Database:
    """An engine on one file, and transactions on it."""

    def __init__(self, path: Path, *, read_only: bool, busy_seconds: float) -> None:
        self._path = path
        self._read_only = read_only
        name = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rwc'}"
        self._engine = create_engine(
            URL.create("sqlite+aiosqlite", database=name, query={"uri": "true"}),
            # No transaction but those begun below: sqlite3's own habit begins none before DDL.
            connect_args={"isolation_level": None, "timeout": busy_seconds},
            hide_parameters=True,  # they hold what people wrote
            pool_size=3,
            max_overflow=0,
        )
        if not read_only:
            event.listen(self._engine, "connect", _durable)

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Work that sees one state of the file. Raises StoreError."""
        return await greenlet_spawn(self._run, "BEGIN", work)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Work that is stored whole or not at all. Raises StoreError."""
        return await greenlet_spawn(self._run, "BEGIN IMMEDIATE", work)

    async def all(self, query: Select[Any], value: Callable[[RowMapping], _T]) -> list[_T]:
        """The values of all rows. Raises StoreError."""
        return await self.read(lambda connection: [value(row) for row in connection.execute(query).mappings()])

    async def first(self, query: Select[Any], value: Callable[[RowMapping], _T]) -> _T | None:
        """The value of the first row, or None. Raises StoreError."""
        return next(iter(await self.all(query, value)), None)

    async def make_ready(self) -> None:
        """Look whether the file is sound, and migrate it if it is older than the code. Raises StoreError."""
        version = await self.read(self._version)
        if version == HEAD:
            return
        if version > HEAD:
            raise StoreError(
                f"store: {self._path}: of a newer Vigie (its tables are {version}, this one knows {HEAD}): update Vigie"
            )
        if self._read_only:
            raise StoreError(f"store: {self._path}: of an older Vigie: start the bot once, it brings it up to date")
        from bot.storage.migrate import upgrade  # noqa: PLC0415 - 140 ms, wanted once a release

        await self.write(upgrade)

    def _version(self, connection: Connection) -> str:
        if not self._read_only and self._path.stat().st_size <= _CHECKED_BYTES:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if found != "ok":
                raise _damaged(self._path, found)
        if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first() is None:
            return ""
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or ""

    async def close(self) -> None:
        """Close all connections; the last one empties the write-ahead log."""
        await greenlet_spawn(self._engine.dispose)

    def _run(self, begin: str, work: Callable[[Connection], _T]) -> _T:
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(begin)
                result = work(connection)
                connection.commit()
                return result
        except (SQLAlchemyError, MsgspecError, UnicodeError) as error:
            raise self._said(error) from error

    def _said(self, error: Exception) -> StoreError:
        cause: BaseException = error
        if isinstance(error, DBAPIError) and error.orig is not None:
            cause = error.orig
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code tells no more
        if code in _DAMAGED:
            return _damaged(self._path, str(cause))
        if code in _RETRYABLE:
            return StoreError(f"store: {self._path}: {_RETRYABLE[code]} ({cause})", retryable=True)
        return StoreError(f"store: {self._path}: {cause}")


def _damaged(path: Path, cause: str) -> StoreError:
    """The refusal of a damaged file, with the way out."""
    return StoreError(
        f"store: {path}: damaged, left as it is ({cause}): move it away with its -wal file and put your last backup in"
        f" its place, or rescue what can be read: sqlite3 {path} .recover | sqlite3 rescued.db"
    )


def _durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit outlives a power cut: an alert said is never said twice
    cursor.execute("PRAGMA secure_delete = ON")  # what is dropped is gone from the file as well
    cursor.close()
