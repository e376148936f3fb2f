"""What the store on disk does when the disk, another program or another version stands in its way (FAULTS 3 to 6)."""

# ruff: noqa: ASYNC220, ASYNC240 - the test owns the loop and the files: nobody waits

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

from bot.errors import StoreError
from bot.flow.ingest import key_of
from bot.ports import Changes, Heard
from bot.storage.schema import HEAD
from bot.storage.sql import SqlStore
from bot.storage.values import signal_key
from tests.unit.storage.samples import EIGHT, decision, delivery, entry, mention, report, tally


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vigie.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqlStore]:
    store = SqlStore(path)
    await store.open()
    yield store
    await store.close()


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def test_ingest_and_the_store_mean_the_same_key() -> None:
    for signal in (mention().signal, entry(), tally()):
        assert signal_key(signal) == key_of(signal)


# --- one writer --------------------------------------------------------------------------------------------------

HOLDER = """
import asyncio, pathlib, sys
from bot.storage.sql import SqlStore
async def main():
    await SqlStore(pathlib.Path(sys.argv[1])).open()
    print("open", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_second_bot_is_refused_until_the_first_is_gone_even_if_it_was_killed(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreError) as refused:
            await SqlStore(path).open()
        assert str(refused.value) == f"store: {path}: another bot (pid {holder.pid}) is using it"
        holder.kill()
        holder.wait()
    store = SqlStore(path)
    await store.open()
    await store.close()


async def test_a_second_store_in_the_same_process_is_refused_as_well(path: Path, store: SqlStore) -> None:
    with pytest.raises(StoreError, match="another bot"):
        await SqlStore(path).open()
    await store.apply(Changes(cursors={"x": "1"}))


async def test_a_folder_that_is_a_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        await SqlStore(tmp_path / "var" / "vigie.db").open()


async def test_a_store_that_was_never_opened_says_so(path: Path) -> None:
    with pytest.raises(StoreError, match="not open"):
        await SqlStore(path).draft(1)


# --- reading beside it -------------------------------------------------------------------------------------------


async def test_a_reader_beside_a_running_bot_sees_each_step_and_writes_nothing(path: Path, store: SqlStore) -> None:
    reader = SqlStore(path, read_only=True)
    await reader.open()
    await store.apply(Changes(cursors={"x": "1"}))
    assert (await reader.load(EIGHT)).cursors == {"x": "1"}
    await store.apply(Changes(cursors={"x": "2"}))
    assert (await reader.load(EIGHT)).cursors == {"x": "2"}
    with pytest.raises(StoreError, match="reading only"):
        await reader.apply(Changes(cursors={"x": "3"}))
    with pytest.raises(StoreError, match="reading only"):
        await reader.purge(EIGHT)
    await reader.close()
    await store.apply(Changes(cursors={"x": "4"}))


async def test_a_reader_needs_no_running_bot(path: Path, store: SqlStore) -> None:
    await store.apply(Changes(cursors={"x": "1"}))
    await store.close()
    reader = SqlStore(path, read_only=True)
    await reader.open()
    assert (await reader.load(EIGHT)).cursors == {"x": "1"}
    await reader.close()


async def test_a_reader_where_no_bot_ever_ran_says_so_and_makes_nothing(path: Path) -> None:
    with pytest.raises(StoreError, match="the bot has never run here"):
        await SqlStore(path, read_only=True).open()
    assert list(path.parent.iterdir()) == []


# --- versions ----------------------------------------------------------------------------------------------------


async def test_a_file_of_a_newer_version_is_refused_and_kept(path: Path, store: SqlStore) -> None:
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for read_only in (False, True):
        with pytest.raises(StoreError, match=f"newer Vigie .*9999.*{HEAD}.*update Vigie"):
            await SqlStore(path, read_only=read_only).open()


async def test_a_reader_migrates_nothing(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match="older Vigie"):
        await SqlStore(path, read_only=True).open()
    assert path.stat().st_size == 0


COLD = """
import asyncio, pathlib, sys
from bot.storage.sql import SqlStore
async def main():
    store = SqlStore(pathlib.Path(sys.argv[1]))
    await store.open()
    await store.close()
    print([name for name in ("alembic", "sqlalchemy.orm") if name in sys.modules])
asyncio.run(main())
"""


@pytest.mark.slow
def test_a_start_with_nothing_to_migrate_imports_neither_alembic_nor_the_orm(path: Path) -> None:
    outputs = [
        subprocess.run([sys.executable, "-c", COLD, path], capture_output=True, check=True).stdout.decode().strip()
        for _ in range(2)
    ]
    assert outputs[1] == "[]"
    assert "alembic" in outputs[0]


# --- damage ------------------------------------------------------------------------------------------------------


async def filled(path: Path) -> None:
    store = SqlStore(path)
    await store.open()
    await store.apply(Changes(signals=tuple(mention(f"m{n}") for n in range(300))))
    await store.close()


async def refuses(path: Path, *, read_only: bool = False) -> str:
    before = path.read_bytes()
    store = SqlStore(path, read_only=read_only)
    with pytest.raises(StoreError) as refused:
        await store.open()
    assert path.read_bytes() == before
    assert not refused.value.retryable
    return str(refused.value)


async def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.write_bytes(b"These are the notes of the night desk.\n" * 200)
    for read_only in (False, True):
        text = await refuses(path, read_only=read_only)
        assert "damaged, left as it is" in text
        assert "backup" in text
        assert ".recover" in text
        assert "\n" not in text


async def test_a_page_of_rubbish_in_the_middle_is_found_at_the_start(path: Path) -> None:
    await filled(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    assert "damaged" in await refuses(path)


async def test_a_file_cut_short_is_refused(path: Path) -> None:
    await filled(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert "damaged" in await refuses(path)


async def test_a_refused_file_is_free_for_the_one_that_replaces_it(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)
    await refuses(path)
    path.unlink()
    await filled(path)


async def test_a_text_that_was_dropped_is_gone_from_the_file(path: Path, store: SqlStore) -> None:
    crowd = tuple(mention(f"m{n}") for n in range(200))
    await store.apply(Changes(signals=crowd, reports=tuple(report(f"m{n}") for n in range(200))))
    await store.close()
    assert b"plus de messagerie" in path.read_bytes()
    await store.open()
    await store.purge(EIGHT + timedelta(days=30))
    await store.close()
    assert b"plus de messagerie" not in path.read_bytes()
    assert b"https://example.org" not in path.read_bytes()


# --- a full or a busy disk ---------------------------------------------------------------------------------------


@contextmanager
def pages(cap: list[int]) -> Iterator[None]:
    """Every connection of every store may use at most `cap[0]` pages: beyond that SQLite says that the disk is full."""

    def limit(connection: DBAPIConnection, _: ConnectionPoolEntry, __: PoolProxiedConnection) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count = {cap[0]}")
        cursor.close()

    event.listen(Pool, "checkout", limit)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", limit)


async def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(path: Path) -> None:
    cap = [60]
    with pages(cap):
        store = SqlStore(path)
        await store.open()
        step = 0
        while True:
            crowd = tuple(mention(f"{step}/{n}") for n in range(50))
            changes = Changes(
                signals=crowd,
                cursors={"bluesky": str(step)},
                decisions=(decision(f"key {step}"),),
                deliveries=(delivery(f"d{step}"),),
            )
            try:
                await store.apply(changes)
            except StoreError as error:
                full = error
                break
            step += 1
        assert full.retryable
        assert "disk is full" in str(full)
        assert step > 0
        assert (await store.load(EIGHT)).cursors == {"bluesky": str(step - 1)}
        assert not await store.decided(f"key {step}")
        assert await store.delivery(f"d{step}") is None
        assert await store.known([("bluesky", heard.signal.id) for heard in crowd if hasattr(heard.signal, "id")]) == {}
        cap[0] = 100_000
        await store.apply(changes)
        assert await store.decided(f"key {step}")
        await store.close()
    assert integrity(path) == "ok"


async def test_a_file_that_another_program_holds_is_retryable(path: Path) -> None:
    store = SqlStore(path, busy_seconds=0.05)
    await store.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program holds it") as busy:
            await store.apply(Changes(cursors={"x": "1"}))
        assert busy.value.retryable
        assert (await store.load(EIGHT)).cursors == {}
        shell.execute("ROLLBACK")
    await store.apply(Changes(cursors={"x": "1"}))
    await store.close()


async def test_what_cannot_be_written_is_refused_whole_and_named_without_its_text(store: SqlStore) -> None:
    broken = Heard(entry("e2", title="half a surrogate: \ud83d"), "digest")
    with pytest.raises(StoreError) as refused:
        await store.apply(Changes(signals=(mention(), broken), reports=(report(),)))
    assert not refused.value.retryable
    assert "messagerie" not in str(refused.value)
    assert await store.known([("bluesky", "m1")]) == {}


async def test_steps_at_the_same_time_wait_for_each_other(store: SqlStore) -> None:
    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(store.apply(Changes(signals=(mention(f"m{n}"),), cursors={f"c{n}": "1"})))
            group.create_task(store.load(EIGHT))
    assert len((await store.load(EIGHT)).cursors) == 20


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_a_step_that_is_cancelled_is_stored_whole_or_not_at_all(store: SqlStore, turns: int) -> None:
    changes = Changes(signals=(mention(),), reports=(report(),), decisions=(decision("key"),), deliveries=(delivery(),))
    async with asyncio.TaskGroup() as group:
        step = group.create_task(store.apply(changes))
        for _ in range(turns):
            await asyncio.sleep(0.0002)
        step.cancel()
    there = [
        bool(await store.known([("bluesky", "m1")])),
        bool(await store.reports(EIGHT)),
        await store.decided("key"),
        await store.delivery("d1") is not None,
    ]
    assert len(set(there)) == 1
    await store.apply(changes)
    assert await store.decided("key")
