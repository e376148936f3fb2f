"""Prints what the store costs: opening, a step, a crowd of mentions, the reads of a status, bytes a mention.

Run it as `python tools/bench_store.py`. CPU is that of the whole process, the database's thread included.
"""

# ruff: noqa: ASYNC240, S603 - nobody waits on this loop, and the subprocess is this file's own text

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.operators import Service
from bot.domain.places import Level, Place
from bot.domain.signals import Classification, Health, HealthState, Kind, Mention, Onset, Report
from bot.ports import Changes, Heard
from bot.storage.sql import SqlStore

START = datetime(2023, 12, 5, 7, tzinfo=UTC)
LILLE = Place("59350", Level.COMMUNE, "Lille", "59")
TEXT = "Bonjour, plus de messagerie depuis ce matin à Lille, impossible d'envoyer un courriel, et vous ?"
CROWD = 1_000
STEPS = 200


def mention(n: int) -> tuple[Heard, Report]:
    """A post and its report."""
    at = START + timedelta(seconds=n)
    post = Mention("bluesky", f"at://did:plc:{n % 977:024}/app.bsky.feed.post/{n:013}", f"{n:032x}", TEXT, at, at)
    read = Classification(
        ("orange",), (), Kind.OUTAGE, True, Onset.NOW, (Service.MAIL,), (LILLE,), False, 0.9, ("outage: plus de",)
    )
    report = Report("bluesky", post.id, "orange", post.author, at, at, (Service.MAIL,), (LILLE,), url=f"https://x/{n}")
    return Heard(post, f"{n:032x}", read), report


async def timed(label: str, times: int, work: Callable[[], Awaitable[object]]) -> None:
    """Print the mean of some runs."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        await work()
    wall, cpu = (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times
    print(f"{label:44} {wall * 1e3:8.2f} ms  {cpu * 1e3:8.2f} ms CPU")


async def main(path: Path) -> None:
    """Measure on a new file."""
    store = SqlStore(path)
    await timed("open, first time (migrates)", 1, store.open)
    crowd = [mention(n) for n in range(CROWD * 20)]
    batches = iter(crowd[start : start + CROWD] for start in range(0, len(crowd), CROWD))

    async def many() -> None:
        batch = next(batches)
        await store.apply(Changes(signals=tuple(h for h, _ in batch), reports=tuple(r for _, r in batch)))

    await timed(f"apply {CROWD} mentions and their reports", 20, many)
    steps = iter(range(CROWD * 20, CROWD * 20 + STEPS))

    async def one() -> None:
        n = next(steps)
        heard, report = mention(n)
        line = Health("bluesky", HealthState.OK, START + timedelta(seconds=n))
        await store.apply(Changes((heard,), (report,), (line,), {"bluesky": str(n)}))

    await timed("apply a step: mention, health, cursor", STEPS, one)
    snapshot = bytes(300_000)
    await timed("apply a snapshot of 300 kB", 20, lambda: store.apply(Changes(snapshot=snapshot)))
    keys = [("bluesky", heard.signal.id) for heard, _ in crowd[:CROWD] if isinstance(heard.signal, Mention)]
    await timed(f"known, {CROWD} keys", 20, lambda: store.known(keys))
    await timed("reports, the last 1,000", 20, lambda: store.reports(crowd[-CROWD][1].at, "orange"))
    await timed("checks", 20, lambda: store.checks(START))
    await timed("undelivered, none", 100, store.undelivered)
    await timed("load", 20, lambda: store.load(START))
    await store.close()
    size = path.stat().st_size
    print(f"{'file, a mention and its report':44} {size / len(crowd):8.0f} bytes")
    await timed(f"open again, {size / 1e6:.0f} MB", 1, store.open)
    await timed("purge all of it", 1, lambda: store.purge(START + timedelta(days=30)))
    for minute in range(1440):
        await store.apply(Changes(health=(Health("orange", HealthState.OK, START + timedelta(minutes=minute)),)))
    kept = [line for line in await store.checks(START) if line.source == "orange"]
    print(f"{'health lines kept of 1,440 alike':44} {len(kept):8}")
    await store.close()


COLD = """
import time
wall = time.perf_counter()
import asyncio, pathlib, sys
import bot.ports
ports = time.perf_counter()
from bot.storage.sql import SqlStore
async def main():
    store = SqlStore(pathlib.Path(sys.argv[1]))
    await store.open()
    print(f"{'cold start: import and open' :44} {(time.perf_counter() - ports) * 1e3:8.2f} ms"
          f"  (after {(ports - wall) * 1e3:.0f} ms for what the bot imports anyway)", flush=True)
    await store.close()
asyncio.run(main())
"""

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder, "vigie.db")))
        subprocess.run([sys.executable, "-c", COLD, Path(folder, "small.db")], check=True, stdout=subprocess.DEVNULL)
        for _ in range(3):
            subprocess.run([sys.executable, "-c", COLD, Path(folder, "small.db")], check=True)
