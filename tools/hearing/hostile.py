"""How long the bot's loop stands still while strangers' feeds are read that were made to harm a reader."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.hearing import documents
from tools.hearing.bot import bot_here, configuration, health_in
from tools.hearing.cost import LoopLag, watched_loop
from tools.hearing.servers import feed_server

_IDLE_SECONDS = 3.0
_GIVE_UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Hostility:
    """What was seen.

    Attributes:
        idle: The loop of the running bot before the first feed is asked for.
        under: While all of them are read, each at least once.
        health: How many of the sources came to which state.
    """

    idle: LoopLag
    under: LoopLag
    health: Mapping[str, int]


def hostile_feeds() -> Hostility:
    """Read every hostile feed as a bot does that has them all configured."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_hostile_feeds(Path(folder)))


async def _hostile_feeds(folder: Path) -> Hostility:
    names = [name for name, _ in documents.hostile()]
    async with watched_loop() as idle:
        await asyncio.sleep(_IDLE_SECONDS)
    with feed_server("hostile") as port:
        sources = "".join(
            f'[[sources]]\nkind = "feed"\nname = "{name}"\noperator = "orange"\nurl = "http://127.0.0.1:{port}/{name}"\n'
            for name in names
        )
        async with bot_here(configuration(folder, ["127.0.0.1"], sources)):
            while not await asyncio.to_thread(health_in, folder):  # its start is another figure
                await asyncio.sleep(0.01)
            async with asyncio.timeout(_GIVE_UP_SECONDS), watched_loop() as under:
                while len(health := await asyncio.to_thread(health_in, folder)) < len(names):
                    await asyncio.sleep(0.1)
    return Hostility(idle, under, Counter(health.values()))
