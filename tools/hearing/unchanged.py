"""What it costs to read a feed that says nothing new, here and in two other readers; and to parse one that does."""

import asyncio
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from io import BytesIO
from pathlib import Path

import feedparser

from bot.clock import SystemClock
from bot.domain.operators import Operator, Service
from bot.net.addresses import refusal
from bot.net.http import SafeHttp
from bot.ports import SourceDeps
from sources._parser import Parser
from sources.feed import FeedSource, Settings
from tools.hearing import documents
from tools.hearing.cost import cpu_seconds_of
from tools.hearing.servers import feed_server

_ROUNDS = 5
_OTHERS_FEEDS = 50
_OPERATOR = Operator("orange", "Orange", (Service.INTERNET,))

_READER = """
import statistics, sys, time
from reader import make_reader
base, feeds, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
reader = make_reader(":memory:")
urls = [f"{base}/{n}" for n in range(feeds)]
for url in urls:
    reader.add_feed(url)
    reader.update_feed(url)
times = []
for _ in range(rounds):
    begun = time.process_time()
    for url in urls:
        reader.update_feed(url)  # `update_feeds` leaves alone what was updated a moment ago
    times.append((time.process_time() - begun) / feeds)
print(statistics.median(times))
"""


# --- ours ---------------------------------------------------------------------------------------------------------


def ours(kind: str, reads: int, *, keep: bool) -> list[float]:
    """Median processor seconds a read of this process, one figure a round.

    Args:
        kind: `etag` is answered by 304, `same` by the same body again.
        reads: In all rounds together.
        keep: Whether the server keeps the connection, which at five minutes' rhythm none does.
    """
    return asyncio.run(_ours(kind, reads, keep=keep))


async def _ours(kind: str, reads: int, *, keep: bool) -> list[float]:
    http = SafeHttp("Vigie/bench", frozenset({"127.0.0.1"}))
    deps = SourceDeps(
        http=http,
        clock=SystemClock(),
        operators={_OPERATOR.id: _OPERATOR},
        gate=bool,
        surging=bool,
        user_agent="Vigie/bench",
        refusal=refusal,
    )
    with feed_server("steady", keep=keep) as port:
        url = f"http://127.0.0.1:{port}/{kind}/1"
        source = FeedSource(Settings(kind="feed", name="feed", operator=_OPERATOR.id, url=url), deps)
        cursor: str | None = None
        medians = []
        for of_round in range(-1, _ROUNDS):
            taken = []
            for _ in range(reads // _ROUNDS):
                begun = time.process_time()
                async for reading in source.read(cursor):
                    cursor = reading.cursor
                taken.append(time.process_time() - begun)
            if of_round >= 0:  # the first one warms up
                medians.append(statistics.median(taken))
    await source.close()
    await http.close()
    return medians


def parsing(parses: int) -> list[float]:
    """Processor seconds that the parsing process takes for a feed of 100 entries, each."""
    return asyncio.run(_parsing(parses))


def feedparser_alone(parses: int) -> list[float]:
    """The part of it that is feedparser's own."""
    body, taken = documents.feed(100), []
    for _ in range(parses):
        begun = time.process_time()
        feedparser.parse(BytesIO(body), sanitize_html=False, resolve_relative_uris=False)  # as the worker asks it
        taken.append(time.process_time() - begun)
    return taken


async def _parsing(parses: int) -> list[float]:
    parser, body, taken = Parser(), documents.feed(100), []
    for number in range(parses + 1):
        begun = cpu_seconds_of(parser.pid) if parser.pid else 0.0
        await parser.run({"do": "feed"}, body, dict[str, object])
        if number and parser.pid:  # the first one imports feedparser
            taken.append(cpu_seconds_of(parser.pid) - begun)
    await parser.close()
    return taken


# --- others -------------------------------------------------------------------------------------------------------


def reader(kind: str, python: str) -> float | None:
    """Processor seconds an unchanged feed in the library `reader`, or None where that Python has none."""
    if subprocess.run([python, "-c", "import reader"], capture_output=True, check=False).returncode:  # noqa: S603
        return None
    with feed_server("steady") as port:
        command = [python, "-c", _READER, f"http://127.0.0.1:{port}/{kind}", str(_OTHERS_FEEDS), str(_ROUNDS)]
        return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603


def newsboat(kind: str, program: str) -> float | None:
    """Processor seconds an unchanged feed in newsboat, its start taken off; None where it is not installed."""
    if shutil.which(program) is None:
        return None
    with feed_server("steady") as port:
        base = f"http://127.0.0.1:{port}/{kind}"
        return (_reload(program, base, _OTHERS_FEEDS) - _reload(program, base, 1)) / (_OTHERS_FEEDS - 1)


def _reload(program: str, base: str, feeds: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "urls").write_text("".join(f"{base}/{n}\n" for n in range(feeds)), encoding="ascii")
        (folder / "config").touch()
        files = ("-u", folder / "urls", "-c", folder / "cache.db", "-C", folder / "config")
        taken = []
        for _ in range(_ROUNDS + 1):  # the first one is not unchanged
            reload = subprocess.Popen([program, *files, "-x", "reload"], env={**os.environ, "HOME": name})  # noqa: S603
            used = os.wait4(reload.pid, 0)[2]  # the only one who tells what a child used
            reload.returncode = 0
            taken.append(used.ru_utime + used.ru_stime)
        return statistics.median(taken[1:])
