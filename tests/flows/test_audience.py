"""A rush to the newsroom's own site bears out what people say; a link from elsewhere, or the site alone, does not."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.domain.signals import Health, HealthState, Tally
from bot.flow.ears import Ears
from bot.flow.newsroom import Outlets
from bot.storage.memory import MemoryStore
from bot.wiring import Core, build_core
from sources.audience import Settings, create
from tests.fakes.access_log import GOOGLE, SITE, AccessLog, combined
from tests.fakes.source_world import NOW, SourceWorld
from tests.flows.test_episodes import kinds, outage, quiet_morning
from tests.flows.timetable import Day, Json, french

LINK = "https://www.facebook.com/"


async def tallies(day: Day, log: Path) -> list[Tally]:
    """What the source says of a log at nine o'clock."""
    world = SourceWorld()
    world.clock = ManualClock(day.time("09:00"))
    deps = replace(world.deps, clock=world.clock, names=lambda text: french().classify(text).operators)
    settings = Settings(kind="audience", log=log, site="www.journal.example", operators=("orange",))
    found = []
    async for reading in create(settings, deps).read(None):
        found += [tally for tally in reading.events if isinstance(tally, Tally)]
    return found


def usual_morning(day: Day, log: AccessLog) -> Iterator[None]:
    """Three hours of a small site: somebody every minute, and now and then for an old article on Orange."""
    for minute in range(180):
        at = day.time("06:00") + timedelta(minutes=minute)
        if minute == 122:
            yield
        log.write(combined(at, "/meteo/vigilance-orange", who=5_000 + minute, referrer=SITE))
        if minute % 25 == 0:
            log.write(combined(at, who=9_000 + minute, referrer=GOOGLE))


def morning_with(day: Day, log: AccessLog, referrer: str | None, people: int = 25) -> None:
    """The usual one, and from 08:02 on so many people a minute for ten minutes who come so."""
    for _ in usual_morning(day, log):
        if referrer is not None:
            for minute in range(10):
                at = day.time("08:02") + timedelta(minutes=minute)
                log.rush(at, people, referrer=referrer, first=minute * people)


def lived_through(day: Day, found: list[Tally]) -> list[Json]:
    for tally in found:
        count = {"operator": tally.operator, "start": tally.start.isoformat(), "seconds": 60, "count": tally.count}
        day.add(tally.start + timedelta(seconds=65), tally={**count, "source": "audience"})
    return day.until("09:00").run()


def newsroom(store: MemoryStore | None = None) -> Core:
    return build_core(
        load(None, {}),
        store=store or MemoryStore(),
        clock=ManualClock(NOW),
        classifier=french(),
        outlets=Outlets(),
        author_key=b"tests",
        sources=[("audience", "audience", False)],
    )


@pytest.mark.parametrize(
    ("referrer", "alarmed"), [("-", True), (GOOGLE, True), (SITE, True), (LINK, False), (None, False)]
)
async def test_a_rush_alarms_and_a_link_from_elsewhere_does_not(
    tmp_path: Path, referrer: str | None, alarmed: bool
) -> None:
    day, log = Day(), AccessLog(tmp_path / "access.log")
    morning_with(day, log, referrer)
    watch = newsroom().newsroom.watch
    raised = [tally.start for tally in await tallies(day, log.path) if watch.tally(tally)]
    assert bool(raised) is alarmed
    if alarmed:
        assert day.time("08:02") <= raised[0] <= day.time("08:04")


@pytest.mark.parametrize(("referrer", "confirmed"), [("-", True), (LINK, False)])
def test_it_confirms_what_people_say(tmp_path: Path, referrer: str, confirmed: bool) -> None:
    day, log = outage(), AccessLog(tmp_path / "access.log")
    morning_with(day, log, referrer)
    lines = lived_through(day, asyncio.run(tallies(day, log.path)))
    assert kinds(lines).count("draft") == 1
    assert ("confirmed" in {line["state"] for line in lines}) is confirmed


def test_alone_it_drafts_nothing(tmp_path: Path) -> None:
    day, log = quiet_morning(), AccessLog(tmp_path / "access.log")
    morning_with(day, log, "-", people=100)
    assert lived_through(day, asyncio.run(tallies(day, log.path))) == []


async def test_the_newsroom_counts_a_tally_told_again_once(tmp_path: Path) -> None:
    day, log = Day(), AccessLog(tmp_path / "access.log")
    morning_with(day, log, "-")
    core = newsroom()
    found = await tallies(day, log.path)
    await core.newsroom.take(found)
    await core.newsroom.take(found)
    assert len(await core.newsroom.store.tallies(day.time("06:00"))) == len(found) == 179


async def test_a_count_is_known_to_its_detector_after_a_kill_at_any_time(tmp_path: Path) -> None:
    day, log, store = Day(), AccessLog(tmp_path / "access.log"), MemoryStore()
    morning_with(day, log, "-")
    await newsroom(store).newsroom.take(await tallies(day, log.path))
    again = newsroom(store).newsroom
    await again.wake()
    [(_, _, _, _, raised)] = again.watch.tallies.state()
    assert raised is not None
    assert again.surging("orange")


def test_whether_the_site_is_read_says_nothing_of_whether_we_hear_people() -> None:
    ears = Ears(["bluesky"], (), ["audience"])
    ears.note(Health("audience", HealthState.OK, NOW))
    ears.note(Health("bluesky", HealthState.UNREACHABLE, NOW))
    assert ears.blind
    ears.note(Health("bluesky", HealthState.OK, NOW + timedelta(minutes=1)))
    ears.note(Health("audience", HealthState.UNREACHABLE, NOW + timedelta(minutes=1)))
    assert not ears.blind
