"""Prints what captures cost: bytes in the file after days of ten operators' pages, and CPU for each check.

    python tools/bench_captures.py [--days 8] [--seed 1]

Ten channels checked every 5 minutes: four pages whose bytes change at each read (a token, a clock) and that say
something new once in two days, four documents that change twice a day and answer 304 in between, two pages that never
change; one incident of six hours a week. Purged every hour, as the bot does.
"""

# ruff: noqa: ASYNC240 - nobody waits on this loop

import argparse
import asyncio
import hashlib
import random  # noqa: TID251 - the seed is this tool's
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.captures import Capture, Visit
from bot.domain.incidents import Incident, IncidentState, Surge
from bot.domain.signals import HealthState, Interval
from bot.ports import Changes
from bot.storage.sql import SqlStore

START = datetime(2024, 3, 1, tzinfo=UTC)
EVERY, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
RESTLESS, RARE, STILL = 4, 4, 2
PAGE_BYTES, DOCUMENT_BYTES = 120_000, 20_000


class Page:
    """A page of words and tags, which packs as such pages do (to about a third)."""

    def __init__(self, chance: random.Random, size: int) -> None:
        words = ["".join(chance.choices("aeilnorstu", k=chance.randint(3, 9))) for _ in range(900)]
        text: list[str] = []
        while sum(map(len, text)) < size:
            kind = chance.choice(("bloc", "ligne", "titre", "etat"))
            text.append(f'<div class="{kind} {chance.choice(words)}" id="{chance.getrandbits(40):x}">')
            text.append(f"{' '.join(chance.choices(words, k=chance.randint(4, 20)))}</div>\n")
        self._text = "".join(text)

    def body(self, version: int, token: str = "") -> bytes:
        """Its bytes."""
        return f"<html><head><meta content='{token}'></head>{self._text}<p>{version}</p></html>".encode()


def checks(seed: int, days: int) -> Iterator[Visit]:
    """All checks in order of time."""
    chance = random.Random(seed)
    names = [f"restless-{n}" for n in range(RESTLESS)] + [f"rare-{n}" for n in range(RARE)]
    names += [f"still-{n}" for n in range(STILL)]
    sizes = [PAGE_BYTES] * RESTLESS + [DOCUMENT_BYTES] * RARE + [PAGE_BYTES] * STILL
    pages = [Page(chance, size) for size in sizes]
    versions = dict.fromkeys(names, 0)
    known: dict[str, tuple[int, Capture]] = {}
    for step in range(days * DAY // EVERY):
        at = START + step * EVERY
        for name, page in zip(names, pages, strict=True):
            odds = {"restless": 1 / 576, "rare": 1 / 144, "still": 0.0}[name.partition("-")[0]]
            telling = step == 0 or chance.random() < odds
            versions[name] += telling
            token = f"{chance.getrandbits(128):032x}" if name.startswith("restless") else ""
            if token or telling:
                body = page.body(versions[name], token)
                digest = hashlib.sha256(body).hexdigest()
                headers = (("date", f"{at:%a, %d %b %Y %H:%M:%S} GMT"), ("content-type", "text/html; charset=utf-8"))
                capture = Capture(f"https://{name}.example/etat", 200, digest, len(body), headers, at, body)
                known[name] = versions[name], capture
            else:
                before = known[name][1]
                capture = Capture(before.url, 304, before.digest, before.size, before.headers, at)
            yield Visit(name, name, at, HealthState.OK, None, (capture,), telling)


def incident(number: int, operator: str, at: datetime) -> Incident:
    """Six hours of trouble."""
    surge = Surge(9, 0.5, Interval(at, at + HOUR))
    ended_at = at + 6 * HOUR
    return Incident(f"i{number}", number, operator, IncidentState.RESOLVED, at, at, surge, ended_at=ended_at)


async def main(path: Path, seed: int, days: int) -> None:
    """Live through it, an hour a transaction."""
    store = SqlStore(path)
    await store.open()
    empty = path.stat().st_size
    batch: list[Visit] = []
    count = packed = 0
    wall, cpu = time.perf_counter(), time.process_time()
    hour = START + HOUR
    for visit in checks(seed, days):
        if visit.at >= hour:
            weekly = (hour - START) % (7 * DAY) == 2 * DAY
            incidents = (incident(count, "restless-0", hour),) if weekly else ()
            await store.apply(Changes(visits=tuple(batch), incidents=incidents))
            await store.purge(hour - 30 * DAY, hour - DAY)
            batch.clear()
            hour += HOUR
        batch.append(visit)
        count += 1
        packed += visit.captures[0].status != 304  # noqa: PLR2004 - HTTP's
    await store.apply(Changes(visits=tuple(batch)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await store.close()
    size = path.stat().st_size - empty
    told(f"checks, {count:,} of them, with other bytes than before", f"{packed:,}")
    told(f"file after {days} days of ten operators' pages", f"{size / 1e6:.1f} MB")
    told("of it, a check that found nothing changed", f"{await unchanged_bytes(path.with_name('calm.db')):.0f} bytes")
    told(
        "a check with its share of packing and purging", f"{wall / count * 1e3:.2f} ms, {cpu / count * 1e3:.2f} ms CPU"
    )


def told(what: str, figure: str) -> None:
    """Print a line."""
    print(f"{what:60} {figure}")


async def unchanged_bytes(path: Path) -> float:
    """What a check adds whose page is the same as before."""
    store = SqlStore(path)
    await store.open()
    body = b"calm"
    page = Capture("https://etat.example/", 200, hashlib.sha256(body).hexdigest(), len(body), (), START, body)
    await store.apply(Changes(visits=(Visit("etat", "orange", START, HealthState.OK, None, (page,)),)))
    await store.close()
    before, number = path.stat().st_size, 10_000
    await store.open()
    same = Capture(page.url, 304, page.digest, page.size, (), START)
    told = (Visit("etat", "orange", START + n * EVERY, HealthState.OK, None, (same,)) for n in range(1, number + 1))
    await store.apply(Changes(visits=tuple(told)))
    await store.close()
    return (path.stat().st_size - before) / number


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=8)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder, "vigie.db"), chosen.seed, chosen.days))
