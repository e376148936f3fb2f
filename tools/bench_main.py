"""Measures what the whole program costs: to ask for help, to start, to keep in memory, to replay a month.

    python tools/bench_main.py [--runs 5] [--month-runs 1] [--seed 1] [--days 30]

Everything is run as a process of its own, against the tests' emulators on loopback; figures are medians of the runs.
Memory is the highest proportional share (PSS) of the bot and its children while a scenario runs. PSS splits what other
Python programs share with them, such as this one; what it would be without any is printed below it.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter

from tests.emulators.discord import DiscordEmulator
from tests.emulators.statuspages import StatusPages, status_pages
from tests.emulators.telegram import TelegramEmulator, User
from tests.emulators.x import TOKEN, X, x_api
from tools.quiet_month import TENTH_OPERATOR, quiet_month

DESK = -1001
_PAGE, _FEED = "/api/v2/summary.json", "/feed.xml"
_GIVE_UP_SECONDS = 30.0
_WATCHED_SECONDS = 15.0  # the card is out after six of scenario; then the surge lasts


# --- a month ------------------------------------------------------------------------------------------------------


def replay_seconds(folder: Path, seed: int, days: int) -> tuple[float, int, int]:
    """Wall time of `vigie replay --json`, lines in, lines out."""
    lines = list(quiet_month(seed, days))
    (folder / "month.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "ten.toml").write_text(TENTH_OPERATOR, encoding="utf-8")
    begun = perf_counter()
    done = _vigie("replay", "month.jsonl", "--config", "ten.toml", "--json", folder=folder)
    return perf_counter() - begun, len(lines), done.count(b"\n")


# --- processes ----------------------------------------------------------------------------------------------------


def _vigie(*arguments: str, folder: Path) -> bytes:
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout  # noqa: S603 - it is our own


def help_seconds(folder: Path) -> float:
    """Wall time of `vigie --help`."""
    begun = perf_counter()
    _vigie("--help", folder=folder)
    return perf_counter() - begun


@asynccontextmanager
async def world() -> AsyncIterator[tuple[TelegramEmulator, DiscordEmulator, StatusPages, X]]:
    """All that the bot talks to."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramEmulator())
        telegram.group(DESK, administrators=(User(11, "Camille"),))
        discord = await stack.enter_async_context(DiscordEmulator())
        pages = await stack.enter_async_context(status_pages())
        pages.put(
            _PAGE,
            json.dumps({"page": {"id": "p", "name": "OVHcloud"}, "components": [], "incidents": []}),
            "application/json",
        )
        pages.put(
            _FEED, "<rss version='2.0'><channel><title>Incidents</title><item><title>x</title></item></channel></rss>"
        )
        yield telegram, discord, pages, await stack.enter_async_context(x_api())


def configuration(telegram: TelegramEmulator, pages: StatusPages) -> str:
    """A newsroom with one chat, a status page, a feed (whose parser is a child), and a scenario as its public."""
    return f"""
        [run]
        scenario_speed = 1000
        [http]
        allow_private = ["127.0.0.1:{pages.port}"]
        [[sources]]
        kind = "replay"
        scenario = "orange-mail"
        [[sources]]
        kind = "statuspage"
        operator = "ovh"
        url = "{pages.url(_PAGE)}"
        [[sources]]
        kind = "feed"
        operator = "sfr"
        url = "{pages.url(_FEED)}"
        [[handlers]]
        kind = "telegram"
        chat = {DESK}
        administrators = true
        api_base_url = "{telegram.base_url}"
    """


def everything(discord: DiscordEmulator, x: X) -> str:
    """The other chat and X."""
    return f"""
        [[handlers]]
        kind = "discord"
        guild = {discord.guild}
        channel = {discord.channel}
        editor_roles = [{discord.editor_role}]
        api_base_url = "{discord.api_base_url}"
        gateway_url = "{discord.gateway_url}"
        [[sources]]
        kind = "x"
        operators = ["orange"]
        counts_interval = "1m"
        endpoint = "{x.url}"
    """


@asynccontextmanager
async def running(folder: Path, text: str, telegram: TelegramEmulator, discord: DiscordEmulator) -> AsyncIterator[int]:
    """`vigie run` with this configuration on a new store; its pid."""
    (folder / "config.toml").write_text(text, encoding="utf-8")
    secrets = {
        "VIGIE_TELEGRAM_TOKEN": telegram.token,
        "VIGIE_DISCORD_TOKEN": discord.token,
        "VIGIE_X_BEARER_TOKEN": TOKEN,
    }
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=folder, env={**os.environ, **secrets}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield bot.pid
    finally:
        if bot.returncode is None:
            bot.terminate()
        await bot.wait()


async def until(done: Callable[[], object], begun: float) -> float:
    """Look every 5 ms; the seconds it took."""
    while not done():
        if perf_counter() - begun > _GIVE_UP_SECONDS:
            raise TimeoutError("the bot does not do what it is measured for")
        await asyncio.sleep(0.005)
    return perf_counter() - begun


async def start_seconds() -> tuple[float, float]:
    """From the start of the process, on a new store, to the first GET of a status page and the first getUpdates."""
    async with world() as (telegram, discord, pages, _):
        with tempfile.TemporaryDirectory() as folder:
            begun = perf_counter()
            async with running(Path(folder), configuration(telegram, pages), telegram, discord):
                return await asyncio.gather(
                    until(lambda: pages.served, begun), until(lambda: telegram.sent("getUpdates"), begun)
                )


async def memory_mb(*, all_of_it: bool) -> tuple[float, float]:
    """The highest sums of PSS, and of all that is resident, of the bot and its children while the scenario runs."""
    async with world() as (telegram, discord, pages, x):
        text = configuration(telegram, pages) + (everything(discord, x) if all_of_it else "")
        pss = resident = 0.0
        with tempfile.TemporaryDirectory() as folder:
            async with running(Path(folder), text, telegram, discord) as pid:
                end = perf_counter() + _WATCHED_SECONDS
                while perf_counter() < end:
                    bot, *children = (memory_of(member) for member in family(pid))
                    pss = max(pss, bot["Pss"] + sum(child["Pss"] for child in children))
                    private = sum(child["Private_Clean"] + child["Private_Dirty"] for child in children)
                    resident = max(resident, bot["Rss"] + private)
                    await asyncio.sleep(0.25)
        card = any("Lille" in message.text for message in telegram.messages(DESK))
        if not card or (all_of_it and not (discord.messages() and x.calls)):
            raise RuntimeError("the scenario did not reach everybody: the figure would mean nothing")
        return pss, resident


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(member for child in children for member in family(int(child)))]


def memory_of(pid: int) -> Counter[str]:
    """Its rows of /proc, in MB; none of a process that has just ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return Counter()
    rows = (line.split() for line in rollup.splitlines()[1:])
    return Counter({name.rstrip(":"): int(size) / 1024 for name, size, _ in rows})


# --- the table ----------------------------------------------------------------------------------------------------


def row(what: str, figures: list[float], bar: float, unit: str) -> None:
    """Print a figure beside its bar."""
    figure = statistics.median(figures)
    spread = f"{min(figures):.2f} to {max(figures):.2f}"
    mark = "" if figure <= bar else "  MISSED"
    print(f"{what:62}  {figure:7.2f}  {bar:6g} {unit:2}  {spread}{mark}", flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--month-runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    runs = range(options.runs)
    head = f"seed {options.seed}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors before"
    print(f"{head:62}   median     bar     lowest to highest")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        help_seconds(folder)  # the first one may compile
        row("vigie --help", [help_seconds(folder) for _ in runs], 0.3, "s")
        starts = [asyncio.run(start_seconds()) for _ in runs]
        row("vigie run, new store: to the first GET of a status page", [page for page, _ in starts], 2.5, "s")
        row("vigie run, new store: to the first getUpdates", [chat for _, chat in starts], 2.5, "s")
        if Path("/proc/self/smaps_rollup").exists():
            rows = (
                ("Telegram, feed worker and scenario", 150.0, False),
                ("both chats, X, feed worker and scenario", 180.0, True),
            )
            for what, bar, all_of_it in rows:
                taken = [asyncio.run(memory_mb(all_of_it=all_of_it)) for _ in runs]
                row(f"memory: {what}", [pss for pss, _ in taken], bar, "MB")
                row("    nothing shared with other programs", [resident for _, resident in taken], bar, "MB")
        replays = [replay_seconds(folder, options.seed + run, options.days) for run in range(options.month_runs)]
        _, read, said = replays[0]
        what = f"replay of {options.days} days, ten operators ({read} lines in, {said} out)"
        row(what, [seconds for seconds, _, _ in replays], 60.0, "s")


if __name__ == "__main__":
    main()
