"""What two thousand polled feeds cost the whole bot, and whether their first reads leave the loop its breath."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from sources._parser import shared_parser
from tools.hearing.bot import bot_here, configuration, health_in
from tools.hearing.cost import LoopLag, cpu_seconds_of, watched_loop
from tools.hearing.servers import ASKED, feed_server

TRUE_RHYTHM_SECONDS = 300.0
_OPERATORS = ("orange", "sfr", "bouygues", "free", "enedis", "sncf", "ovh", "la_banque_postale", "credit_mutuel")
_A_HOST = 4  # feeds
_LOOK_SECONDS = 0.5
_GIVE_UP_SECONDS = 300.0


@dataclass(slots=True)
class Polled:
    """What was seen.

    Attributes:
        first_round_seconds: From the first request to when a read of every feed was stored.
        first_cpu: Share of one core meanwhile, the parsing process included.
        first_lag: The loop meanwhile.
        reads: A second, afterwards.
        cpu: Share of one core afterwards, the parsing process included.
        lag: The loop afterwards.
    """

    first_round_seconds: float = 0.0
    first_cpu: float = 0.0
    first_lag: LoopLag = field(default_factory=LoopLag)
    reads: float = 0.0
    cpu: float = 0.0
    lag: LoopLag = field(default_factory=LoopLag)


def polled(feeds: int, interval_seconds: float, seconds: float) -> Polled:
    """Run the bot on so many feeds, of which one in fifty changes each round, until all were read; then go on.

    Args:
        feeds: Four on each host.
        interval_seconds: Their rhythm: 30 is ten times the usual one.
        seconds: How long to look after the first round.
    """
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_polled(Path(folder), feeds, interval_seconds, seconds))


async def _polled(folder: Path, feeds: int, interval_seconds: float, seconds: float) -> Polled:
    hosts = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(-(-feeds // _A_HOST))]
    seen = Polled()
    with feed_server("changing", hosts, keep=False) as port:  # at the true rhythm no connection lasts
        sources = "".join(
            f'[[sources]]\nkind = "feed"\nname = "feed-{n}"\noperator = "{_OPERATORS[n % len(_OPERATORS)]}"\n'
            f'url = "http://{hosts[n // _A_HOST]}:{port}/{n}"\ninterval = "{interval_seconds:g}s"\n'
            for n in range(feeds)
        )

        async def asked() -> int:
            url = f"http://{hosts[0]}:{port}{ASKED}"
            return int(await asyncio.to_thread(lambda: urlopen(url, timeout=20).read()))

        async with bot_here(configuration(folder, hosts, sources)):
            while not await asked():
                await asyncio.sleep(0.01)
            begun, worked = time.monotonic(), _worked()
            async with asyncio.timeout(_GIVE_UP_SECONDS), watched_loop() as seen.first_lag:
                while len(await asyncio.to_thread(health_in, folder)) < feeds:
                    await asyncio.sleep(_LOOK_SECONDS)
            seen.first_round_seconds = time.monotonic() - begun
            seen.first_cpu = (_worked() - worked) / seen.first_round_seconds
            begun, worked, before = time.monotonic(), _worked(), await asked()
            async with watched_loop() as seen.lag:
                await asyncio.sleep(seconds)
            seen.reads = (await asked() - before) / (time.monotonic() - begun)
            seen.cpu = (_worked() - worked) / (time.monotonic() - begun)
    return seen


def _worked() -> float:
    """Processor time of this process and the parsing one, in seconds."""
    parser = shared_parser().pid
    return time.process_time() + (cpu_seconds_of(parser) if parser else 0.0)
