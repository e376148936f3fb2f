"""The whole bot for the benches of the ears: beside the measure in its own process, or as one that is looked at."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from bot.config import load
from bot.logs import configure
from bot.wiring import run_bot


def configuration(folder: Path, hosts: Iterable[str], sources: str) -> Path:
    """Write a newsroom of these sources and no chat, its store in the folder; the file."""
    allowed = ", ".join(f'"{host}"' for host in hosts)
    path = folder / "config.toml"
    path.write_text(
        f'[store]\npath = "{folder / "vigie.db"}"\n[http]\nallow_private = [{allowed}]\n{sources}', encoding="utf-8"
    )
    return path


@asynccontextmanager
async def bot_here(config: Path) -> AsyncIterator[None]:
    """Run the bot on this loop until the block ends."""
    configure(quiet=True)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run_bot(load(config, {}), stop, ends=False))
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def bot_beside(config: Path) -> AsyncIterator[int]:
    """Run `vigie run` as its own process until the block ends; its pid."""
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        cwd=config.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield bot.pid
        if bot.returncode is not None:
            raise RuntimeError(f"the bot ended by itself ({bot.returncode}): the figures would mean nothing")
    finally:
        if bot.returncode is None:
            bot.terminate()
        await bot.wait()


def health_in(folder: Path) -> dict[str, str]:
    """State of every source that the bot at work in this folder has read."""
    try:
        with closing(sqlite3.connect(f"file:{folder / 'vigie.db'}?mode=ro", uri=True)) as store:
            return dict(store.execute("SELECT source, json_extract(last, '$.state') FROM health").fetchall())
    except sqlite3.OperationalError:  # the file or its tables are not made yet
        return {}
