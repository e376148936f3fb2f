"""How the whole bot bears a stream of posts: how soon one is stored, whether one is lost, and what it takes."""

import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from bot.clock import SystemClock
from tools import shipped
from tools.hearing.bot import bot_beside, configuration
from tools.hearing.cost import cpu_seconds_of_all, resident_mb
from tools.hearing.servers import post_server

_LOOK_SECONDS = 0.02
_DRAIN_SECONDS = 60.0
_SETTLE_SECONDS = 2.0
_SERVICES = ("réseau", "internet", "messagerie", "connexion", "4G")
_PLACES = ("Lille", "Lyon", "Dijon", "Rennes", "Toulouse", "Nantes", "Reims", "Tours", "Metz", "Brest", "Pau", "Nice")


@dataclass(slots=True)
class Streamed:
    """What was seen.

    Attributes:
        rate: Posts a second that the server managed to send.
        sent: Posts in all.
        wanted: Posts that pass the gate, of those.
        ages: Of each mention stored: seconds from when it was written to when another program saw its row.
        cpu: Share of one core while the posts came.
        before_mb: Resident before the first post.
        most_mb: The most.
        after_mb: When all is stored.
        incidents: How many came of it.
    """

    rate: float = 0.0
    sent: int = 0
    wanted: int = 0
    ages: list[float] = field(default_factory=list)
    cpu: float = 0.0
    before_mb: float = 0.0
    most_mb: float = 0.0
    after_mb: float = 0.0
    incidents: int = 0

    def look(self, store: sqlite3.Connection, pid: int) -> None:
        """Take what is new."""
        self.most_mb = max(self.most_mb, resident_mb(pid))
        rows = store.execute("SELECT at FROM signals WHERE rowid > ?", (len(self.ages),)).fetchall()
        now = SystemClock().now().timestamp()
        self.ages += [now - at / 1e6 for (at,) in rows]


def ordinary() -> list[str]:
    """The project's own texts that pass the gate."""
    gate = shipped.classifier().gate
    return [text for text in shipped.texts() if gate(text)]


def crowd() -> list[str]:
    """What ten thousand people write when everything is down: short, alike, each a report that counts."""
    return [f"plus de {service} orange à {place}" for service in _SERVICES for place in _PLACES]


def streamed(rate: int, seconds: float, wanted: list[str], one_in: int) -> Streamed:
    """Run the bot on a Jetstream of so many posts a second, of which one in so many is a wanted text."""
    with tempfile.TemporaryDirectory() as folder, post_server(rate, seconds, wanted, one_in) as posts:
        return asyncio.run(_streamed(Path(folder), posts))


async def _streamed(folder: Path, posts: Connection) -> Streamed:
    sources = f'[[sources]]\nkind = "bluesky"\nendpoints = ["ws://127.0.0.1:{posts.recv()}/subscribe"]\n'
    seen = Streamed()
    async with bot_beside(configuration(folder, ["127.0.0.1"], sources)) as pid:
        await asyncio.to_thread(posts.recv)
        await asyncio.sleep(_SETTLE_SECONDS)
        seen.before_mb = resident_mb(pid)
        worked, begun = cpu_seconds_of_all(pid), time.monotonic()
        posts.send("go")
        with closing(sqlite3.connect(f"file:{folder / 'vigie.db'}?mode=ro", uri=True)) as store:
            while not posts.poll():
                seen.look(store, pid)
                await asyncio.sleep(_LOOK_SECONDS)
            taken, seen.sent, seen.wanted = posts.recv()
            seen.rate = seen.sent / taken
            seen.cpu = (cpu_seconds_of_all(pid) - worked) / (time.monotonic() - begun)
            end = time.monotonic() + _DRAIN_SECONDS
            while len(seen.ages) < seen.wanted and time.monotonic() < end:
                seen.look(store, pid)
                await asyncio.sleep(_LOOK_SECONDS)
            seen.incidents = store.execute("SELECT count(*) FROM incidents").fetchone()[0]
        seen.after_mb = resident_mb(pid)
    return seen
