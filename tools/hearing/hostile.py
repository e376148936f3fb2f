"""How long the bot's loop stands still while strangers' feeds are read that were made to harm a reader."""

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.clock import SystemClock
from bot.domain.signals import HealthState
from sources import feed
from sources._parser import shared_parser
from tools.hearing import documents
from tools.hearing.cost import LoopLag, watched_loop
from tools.hearing.crew import at_work
from tools.hearing.servers import feed_server
from tools.hearing.unchanged import client

_IDLE_SECONDS = 3.0
_GIVE_UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Hostility:
    """What was seen.

    Attributes:
        idle: The loop before the feeds came.
        under: While they were read, each at least once.
        health: What the sources were found to be in the end.
    """

    idle: LoopLag
    under: LoopLag
    health: Counter[str]


def reading_hostile() -> Hostility:
    """Read every hostile feed through `sources.feed`, as a whole newsroom does."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_reading(Path(folder)))


async def _reading(folder: Path) -> Hostility:
    names = [name for name, _ in documents.hostile()]
    with feed_server("hostile") as port:
        async with watched_loop() as idle:
            await asyncio.sleep(_IDLE_SECONDS)
        def sources_of(deps):
            return [
                feed.create(
                    feed.Settings(
                        kind="feed", name=name, operator="orange", url=f"http://127.0.0.1:{port}/{name}"
                    ),
                    deps,
                )
                for name in names
            ]
        async with at_work(folder, client("127.0.0.1"), sources_of) as (newsroom, _):
            async with watched_loop() as under:
                end = asyncio.get_running_loop().time() + _GIVE_UP_SECONDS
                while asyncio.get_running_loop().time() < end:
                    await asyncio.sleep(0.2)
                    if all(status.health for status in newsroom.roster.statuses()):
                        break
            states = {s.name: s.health.state.value if s.health else "none" for s in newsroom.roster.statuses()}
    print(states)
    return Hostility(idle, under, Counter(states.values()))
