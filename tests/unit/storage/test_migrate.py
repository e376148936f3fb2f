"""A migration that is killed leaves the older file, and the next start completes it (FAULTS 3)."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.domain.captures import Visit
from bot.domain.signals import HealthState
from bot.ports import Changes
from bot.storage.migrate import MIGRATIONS
from bot.storage.schema import HEAD, metadata
from bot.storage.sql import SqlStore
from tests.unit.storage.samples import at, incident, mention

KILLED = """
import asyncio, os, pathlib, signal, sys
from sqlalchemy import Engine, event
from bot.storage.database import Database
from bot.storage.migrate import upgrade

path, migrations, left = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])

def count(conn, cursor, statement, *_):
    global left
    if not statement.startswith(("PRAGMA", "SELECT")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database(path, read_only=False, busy_seconds=5)
    event.listen(Engine, "after_cursor_execute", count)
    await database.write(lambda connection: upgrade(connection, migrations))
    await database.close()

asyncio.run(main())
"""

NEXT = '''
"""A step that makes a table, moves rows, and drops what they came from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.create_table("posts", sa.Column("id", sa.String, primary_key=True))
    op.execute("INSERT INTO posts SELECT id FROM signals")
    op.drop_index("signals_kind", "signals")
    op.drop_table("signals")
    op.add_column("reports", sa.Column("weight", sa.Integer))
'''


def migrate(path: Path, migrations: Path, *, kill_after: int) -> int:
    """Run what is missing in a process of its own, killed after so many statements; its exit code."""
    command = [sys.executable, "-c", KILLED, str(path), str(migrations), str(kill_after)]
    return subprocess.run(command, check=False).returncode


def state(path: Path) -> tuple[str | None, set[str]]:
    """The version a file says it has, and its tables."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
        return version and version[0], tables


@pytest.mark.slow
def test_the_steps_lead_to_the_tables_of_the_code(tmp_path: Path) -> None:
    path = tmp_path / "vigie.db"
    assert ScriptDirectory(MIGRATIONS, version_locations=[MIGRATIONS]).get_heads() == [HEAD]
    assert migrate(path, MIGRATIONS, kill_after=0) == 0
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("statements", [1, 2, 7, 17, 19, 25])
async def test_a_first_start_that_is_killed_is_completed_by_the_next(tmp_path: Path, statements: int) -> None:
    path = tmp_path / "vigie.db"
    assert migrate(path, MIGRATIONS, kill_after=statements) == -9
    assert state(path) == (None, set())
    store = SqlStore(path)
    await store.open()
    await store.apply(Changes(signals=(mention(),)))
    await store.close()
    assert state(path)[0] == HEAD


@pytest.mark.slow
@pytest.mark.parametrize("statements", [1, 2, 4, 5, 6])
async def test_a_step_that_is_killed_leaves_the_older_file_whole(tmp_path: Path, statements: int) -> None:
    path, migrations = tmp_path / "vigie.db", tmp_path / "migrations"
    store = SqlStore(path)
    await store.open()
    await store.apply(Changes(signals=(mention("m1"), mention("m2"))))
    await store.close()
    before = state(path)
    shutil.copytree(MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    (migrations / "m0003_next.py").write_text(NEXT, encoding="utf-8")

    assert migrate(path, migrations, kill_after=statements) == -9
    assert state(path) == before

    assert migrate(path, migrations, kill_after=0) == 0
    version, tables = state(path)
    assert version == "0003"
    assert "posts" in tables
    assert "signals" not in tables
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM posts ORDER BY id").fetchall() == [("m1",), ("m2",)]


@pytest.mark.slow
@pytest.mark.parametrize("statements", [1, 4, 7, 9, 10])
async def test_an_older_file_is_brought_up_to_date_whole_and_its_incidents_say_whose_they_are(
    tmp_path: Path, statements: int
) -> None:
    path, older = tmp_path / "vigie.db", tmp_path / "migrations"
    older.mkdir()
    for name in ("__init__.py", "m0001_first.py"):
        shutil.copy(MIGRATIONS / name, older / name)
    assert migrate(path, older, kill_after=0) == 0
    with closing(sqlite3.connect(path)) as connection:
        value = msgspec.json.encode(incident()).decode()
        connection.execute("INSERT INTO incidents VALUES ('orange-1', 1, 'suspected', NULL, NULL, ?)", (value,))
        connection.commit()

    assert migrate(path, MIGRATIONS, kill_after=statements) == -9
    assert state(path)[0] == "0001"

    store = SqlStore(path)
    await store.open()
    assert await store.incident("1") == incident()
    proof, past = Visit("orange-etat", "orange", at(-120), HealthState.OK), at(-121)
    await store.apply(Changes(visits=(proof, replace(proof, at=past))))
    await store.purge(at(9999))  # which knows by then since when the operator is heard
    assert [visit.at for visit in await store.visits("orange", at(-999), at(999))] == [at(-120)]
    await store.close()
