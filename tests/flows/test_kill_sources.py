"""kill -9 while every source is being spoken to: what a source can repeat is not lost, and nothing is counted twice."""

import asyncio
import json
import random  # noqa: TID251 - seeded: when a campaign kills
import signal
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bot.detect import Calendar, Detector
from bot.flow.counts import bucket_of
from tests.flows.bot_process import House, house
from tests.flows.real_newsroom import until
from tests.flows.speakers import Speakers, count_at, speakers

pytestmark = pytest.mark.slow

_CATCH_UP_SECONDS = 50.0  # the sources that are asked are asked at the start, and again half a minute later
_STARTING, _AIMED = 0.1, 0.4  # shares of the kills that hit the bot while it starts, and a source while it reads
_AMENDED_MINUTES = 30
_COUNTING = {"log", "matomo", "plausible"}
_MENTIONS = ("bluesky", "pushed", "asked", "webhook", "readers", "desk_log", "x")
_CURSORS = {
    *("bluesky", "pushed", "asked", "webhook", "x", "feed", "statuspage", "status_json", "page", "email", "ioda"),
    *("mobile_sites", *_COUNTING),
}


@dataclass(frozen=True)
class Found:
    """What the store holds.

    Attributes:
        signals: Source → id → its value as JSON.
        reports: (source, author, minute of its time) of those that count for Orange, in the order they were seen.
    """

    signals: Mapping[str, Mapping[str, Mapping[str, Any]]]
    reports: list[tuple[str, str, int]]
    cursors: Mapping[str, str]
    snapshot: bytes | None

    def minutes(self, source: str) -> dict[int, int]:
        """The tallies of a source: minute since 1970 → count."""
        tallies = (value for value in self.signals[source].values() if "count" in value)
        return {bucket_of(datetime.fromisoformat(value["start"])): value["count"] for value in tallies}


@dataclass(frozen=True)
class Line:
    """What became of one source: how much was said, is stored, is missing, and is there once too often."""

    said: int
    stored: int
    lost: int
    double: int


def look(folder: Path) -> Found:
    """Read the store, also while the bot writes it."""
    signals: dict[str, dict[str, Any]] = defaultdict(dict)
    path = folder / "var" / "vigie.db"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            for source, key, value in store.execute("select source, id, value from signals"):
                signals[source][key] = json.loads(value)
            rows = store.execute("select value from reports where operator = 'orange' order by seen_at, at").fetchall()
            cursors = dict(store.execute("select source, value from cursors").fetchall())
            snapshot = store.execute("select value from snapshots").fetchone()
    except sqlite3.OperationalError:  # not there yet, or being made
        return Found(defaultdict(dict), [], {}, None)
    reports = [report for (value,) in rows if not (report := json.loads(value)).get("duplicate")]
    counted = [(each["source"], each["author"], bucket_of(datetime.fromisoformat(each["at"]))) for each in reports]
    return Found(signals, counted, cursors, snapshot[0] if snapshot else None)


def said_by(folder: Path, source: str) -> str:
    """All that is stored of a source, as text."""
    try:
        with closing(sqlite3.connect(f"file:{folder / 'var' / 'vigie.db'}?mode=ro", uri=True)) as store:
            values = store.execute("select value from signals where source = ?", (source,)).fetchall()
    except sqlite3.OperationalError:
        return ""
    return "\n".join(value for (value,) in values)


def compare(world: Speakers, found: Found) -> dict[str, Line]:
    """What was said beside what is stored, by source."""
    lines = {}
    for source, said in world.said.items():
        if source in _COUNTING:
            lines[source] = _counts(source, said.minutes, found)
            continue
        values = {key: value for key, value in found.signals[source].items() if "count" not in value}
        texts = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
        if source == "page":  # its ids are hashes of its text
            bodies = Counter(value["body"] for value in values.values())
            stored = {body for body in said.must if bodies[body]}
            lines[source] = Line(len(said.must), len(values), len(said.must.keys() - stored), len(values) - len(stored))
        elif source == "readers":  # its ids and authors are hashes; who writes again may have begun a new episode
            heard, more = len({value["author"] for value in values.values()}), len(values) - len(said.people)
            people = len(said.people)
            lines[source] = Line(people, heard, max(0, people - heard), max(0, heard - people, more - len(said.may)))
        else:
            missing = sum(key not in texts or words not in texts[key] for key, words in said.must.items())
            unsaid = texts.keys() - said.must.keys() - said.may
            lines[source] = Line(len(said.must), len(texts), missing, len(unsaid))
    past = found.minutes("x")
    wrong = sum(count != count_at(datetime.fromtimestamp(minute * 60, UTC)) for minute, count in past.items())
    holes = max(past) - min(past) + 1 - len(past) if past else 1
    lines["x counts"] = Line(len(past) + holes, len(past), holes, wrong)
    return lines


def _counts(source: str, said: Mapping[int, int], found: Found) -> Line:
    """A source of counts, minute by minute as far as it has told them; Matomo and Plausible tell no older ones."""
    told = found.minutes(source)
    if not told:
        return Line(sum(said.values()), 0, sum(said.values()), 0)
    # What an engine counts is settled a minute later; the minutes after that are still to be told.
    span = range(min(told), max(told) + 1) if source != "log" else range(min(said), max(said) + 1)
    lost = sum(max(0, said.get(minute, 0) - told.get(minute, -1)) for minute in span)
    double = sum(max(0, told.get(minute, 0) - said.get(minute, 0)) for minute in span)
    return Line(sum(said.get(minute, 0) for minute in span), sum(told.get(minute, 0) for minute in span), lost, double)


async def campaign(newsroom: House, seed: int, kills: int) -> None:
    """Speak everywhere, kill so many times, let the bot catch up, and check."""
    chance = random.Random(seed)

    def stored(source: str) -> str:
        return said_by(newsroom.folder, source)

    began = asyncio.get_running_loop().time()
    async with speakers(newsroom, random.Random(seed), stored) as world:
        world.configure()
        bot = await newsroom.start()
        await first_words(newsroom, world)
        async with asyncio.TaskGroup() as senders:
            senders.create_task(world.speak(senders, every_seconds=0.05))
            for _ in range(kills):
                await moment(chance, world)
                await bot.stop(signal.SIGKILL)
                bot = await newsroom.start()
            world.over = True
        spoken = asyncio.get_running_loop().time() - began

        async def caught_up() -> Found | None:
            found = look(newsroom.folder)
            return None if any(line.lost for line in compare(world, found).values()) else found

        with suppress(TimeoutError):  # the figures tell what is missing
            await until(caught_up, seconds=_CATCH_UP_SECONDS, every=0.5)
        assert await bot.stop() == 0
        seconds = asyncio.get_running_loop().time() - began
        check(
            world,
            look(newsroom.folder),
            f"seed {seed}, {kills} kills, {spoken:.0f} s of kills, {seconds:.0f} s in all",
            bot.log,
        )


async def first_words(newsroom: House, world: Speakers) -> None:
    """Wait until the stream is heard: it can repeat what follows a cursor, and nothing that was before the first."""

    async def listening() -> bool | None:
        return bool(world.stream.queries) or None

    async def heard() -> bool | None:
        return "bluesky" in look(newsroom.folder).cursors or None

    await until(listening, seconds=15)
    await world.bluesky()
    await until(heard, seconds=15)


async def moment(chance: random.Random, world: Speakers) -> None:
    """Wait for the moment of a kill: while the bot starts, soon after it listens, or just as some source reads."""
    before = world.asked()
    kind, target = chance.random(), chance.choice(sorted(before))
    after, long_after = chance.uniform(0.0, 0.4), chance.uniform(0.0, 4.0)
    if kind < _STARTING:
        await asyncio.sleep(long_after / 3)
        return
    aimed = kind < _STARTING + _AIMED
    with suppress(TimeoutError):
        async with asyncio.timeout(6.0):
            while world.asked()[target if aimed else "bluesky"] <= before[target if aimed else "bluesky"]:
                await asyncio.sleep(0.01)
    await asyncio.sleep(after if aimed else long_after)


def check(world: Speakers, found: Found, title: str, log: bytes) -> None:
    lines = compare(world, found)
    table = [f"{name:14}{line.said:8}{line.stored:8}{line.lost:6}{line.double:8}" for name, line in lines.items()]
    figures = "\n".join([title, "source            said  stored  lost  double", *table])
    print(f"\n{figures}")  # noqa: T201 - the campaign's result
    assert not any(line.lost or line.double for line in lines.values()), figures
    assert found.cursors.keys() >= _CURSORS, title
    ledger = json.loads(found.cursors["x"])["ledger"]
    assert ledger["month_eur"] >= round(world.x.spent_eur, 6), f"{title}: X charged {world.x.spent_eur}, not {ledger}"
    people = Counter(source for source, _ in {(source, who) for source, who, _ in found.reports})
    for source in _MENTIONS:
        said = world.said[source]
        assert people[source] <= len(said.must if source == "desk_log" else said.people), f"{title}: {source}: people"
    assert counted(found) == expected(found), f"{title}: the detector counted others than the reports are"
    for source in ("x", *sorted(_COUNTING)):
        kept = tallied(found, source)
        # Of a log's minutes before the first line that was read, its detector knows nothing.
        told = {m: n for m, n in last_minutes(found, source).items() if source != "log" or m >= world.began - 1}
        assert {minute: kept[minute] for minute in told} == told, f"{title}: {source}: in its detector"
    assert b"Traceback" not in log, log.decode()


def counted(found: Found) -> dict[int, int]:
    """What the detector of Orange has counted in each minute that was closed, as it was put to rest."""
    assert found.snapshot is not None
    state = msgspec.msgpack.decode(found.snapshot)
    [data] = [kept for operator, service, kept in state["series"] if (operator, service) == ("orange", "")]
    detector = Detector.restore(Calendar(ZoneInfo("Europe/Paris")), data)
    return {minute: detector.span(minute, minute)[0] for minute, _ in state["heard"]}


def tallied(found: Found, source: str) -> dict[int, int]:
    """What the detector of a source's counts knows of its last minutes."""
    assert found.snapshot is not None
    tallies = msgspec.msgpack.decode(found.snapshot)["tallies"]
    [data] = [kept for operator, name, _, kept, _ in tallies if (operator, name) == ("orange", source)]
    detector = Detector.restore(Calendar(ZoneInfo("Europe/Paris")), data)
    return {minute: detector.span(minute, minute)[0] for minute in last_minutes(found, source)}


def last_minutes(found: Found, source: str) -> dict[int, int]:
    """The last minutes that a source has told: as many as a count may still be put right in."""
    told = found.minutes(source)
    return {minute: told[minute] for minute in sorted(told)[-_AMENDED_MINUTES:]}


def expected(found: Found) -> dict[int, int]:
    """What it must have counted: each person once, in the minute it was first heard of. (X counts by itself.)"""
    assert found.snapshot is not None
    first: dict[tuple[str, str], int] = {}
    for source, who, minute in found.reports:
        if source != "x":
            first.setdefault((source, who), minute)
    people = Counter(first.values())
    return {minute: people[minute] for minute, _ in msgspec.msgpack.decode(found.snapshot)["heard"]}


async def run(tmp_path: Path, seed: int, kills: int) -> None:
    async with house(tmp_path) as newsroom:
        await campaign(newsroom, seed, kills)


@pytest.mark.timeout(150)
async def test_five_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    await run(tmp_path, seed=1, kills=5)


@pytest.mark.soak
async def test_fifty_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    await run(tmp_path, seed=2, kills=50)
