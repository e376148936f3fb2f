"""Kill the bot's store at any moment, ten times: each step is there whole or not at all (FAULTS 1)."""

import asyncio
import random  # noqa: TID251 - the seed is the test's
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.storage.sql import SqlStore
from tests.unit.storage.samples import EIGHT, at

KILLS = 10

WRITER = """
import asyncio, hashlib, pathlib, sys
from bot.domain.captures import Capture, Visit
from bot.domain.signals import HealthState
from bot.ports import Changes
from bot.storage.sql import SqlStore
from tests.unit.storage.samples import at, decision, delivery, draft, health, incident, mention, report

def visit(n):
    body = str(n).encode() * 10_000
    page = Capture("https://etat.example/", 200, hashlib.sha256(body).hexdigest(), len(body), body=body)
    return Visit("orange-etat", "orange", at(n), HealthState.OK, None, (page,))

def step(n):
    return Changes(
        signals=tuple(mention(f"{n}/{m}") for m in range(20)),
        reports=tuple(report(f"{n}/{m}", minutes=n) for m in range(20)),
        health=(health(n),),
        visits=(visit(n),),
        cursors={"bluesky": str(n)},
        incidents=(incident(n),),
        drafts=(draft(1, incident(n)),),
        decisions=(decision(f"key {n}"),),
        deliveries=(delivery(f"card {n}"), delivery(f"alert {n}", to="channel")),
        snapshot=str(n).encode() * 10_000,
    )

async def main():
    store = SqlStore(pathlib.Path(sys.argv[1]))
    await store.open()
    n = int(sys.argv[2])
    while True:
        await store.apply(step(n))
        print(n, flush=True)
        n += 1

asyncio.run(main())
"""


async def steps_found(path: Path) -> int:
    """How many steps the store holds, from nought on; fails when one is there in part."""
    store = SqlStore(path)
    await store.open()
    loaded = await store.load(EIGHT)
    count = int(loaded.cursors.get("bluesky", "-1")) + 1
    reports = await store.reports(EIGHT)
    pending = {delivery.id for delivery in await store.undelivered()}
    for n in range(count + 2):
        there = n < count
        known = await store.known([("bluesky", f"{n}/{m}") for m in range(20)])
        assert len(known) == (20 if there else 0)
        assert await store.decided(f"key {n}") is there
        assert (f"card {n}" in pending, f"alert {n}" in pending) == (there, there)
    assert len(reports) == 20 * count
    visits = await store.visits("orange", at(0), at(count + 2))
    assert [visit.at for visit in visits] == [at(n) for n in range(count)]
    assert [await store.body(visit.captures[0].digest) for visit in visits] == [
        str(n).encode() * 10_000 for n in range(count)
    ]
    assert loaded.numbers == max(0, count - 1)
    assert len(loaded.drafts) == count
    assert loaded.snapshot == (str(count - 1).encode() * 10_000 if count else None)
    await store.close()
    return count


@pytest.mark.slow
def test_a_killed_store_holds_every_step_it_confirmed_and_none_in_part(tmp_path: Path) -> None:
    path = tmp_path / "vigie.db"
    chance = random.Random(20231205)
    count = 0
    for _ in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(path), str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            told = writer.stdout.readline()  # from here on it may be killed
            try:
                writer.wait(timeout=chance.uniform(0.0, 0.05))
            except subprocess.TimeoutExpired:
                writer.kill()
            confirmed = int((told + writer.stdout.read()).split()[-1]) + 1
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        before, count = count, asyncio.run(steps_found(path))
        assert count > before
        assert confirmed <= count <= confirmed + 1
