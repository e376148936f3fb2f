"""A newsroom that watches the emulated world: real sources over real sockets, in real time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bot.clock import SystemClock
from bot.domain.signals import Mention
from bot.errors import StoreError
from bot.storage.sql import SqlStore
from tests.emulators.jetstream import Jetstream, jetstream, post
from tests.emulators.statuspages import StatusPages, status_pages
from tests.emulators.telegram import Message
from tests.emulators.x import X, x_api
from tests.flows.bot_process import DESK, EDITOR, House

Found = TypeVar("Found")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class World:
    """What the sources read: status pages, a stream of posts, and X."""

    pages: StatusPages
    stream: Jetstream
    x: X

    def configure(self, house: House, *sources: Mapping[str, object]) -> None:
        """Write the configuration of a newsroom with both chats and these sources."""
        house.configure(speed=1.0)
        path = house.folder / "config.toml"
        before, _, after = path.read_text(encoding="utf-8").partition("[[sources]]")
        _, _, chats = after.partition("[[handlers]]")
        blocks = [
            "[[sources]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in source.items())
            for source in sources
        ]
        http = f'[http]\nallow_private = ["127.0.0.1:{self.pages.port}"]'
        path.write_text("\n".join([before, http, *blocks, "[[handlers]]", chats]), encoding="utf-8")
        path.chmod(0o600)  # X's token stands in it

    async def write(self, *texts: str, ago_seconds: float = 0.0, author: str = "") -> None:
        """Somebody (somebody else each time) posts on Bluesky."""
        for text in texts:
            number = len(self.stream.events)
            time_us = int((now().timestamp() - ago_seconds) * 1e6)
            await self.stream.emit(post(time_us, text, rkey=f"r{number}", did=f"did:plc:{author or number}"))

    def incident(self, state: str, body: str, *, minutes_ago: float = 3) -> None:
        """The emulated Statuspage has this one incident, updated that long ago."""
        began, updated = (stamp(now() - timedelta(minutes=minutes)) for minutes in (5, minutes_ago))
        incident = {
            "id": "inc1",
            "name": "Messagerie indisponible",
            "status": state,
            "created_at": began,
            "updated_at": updated,
            "incident_updates": [{"id": f"u-{state}", "status": state, "body": body, "created_at": updated}],
            "components": [{"id": "c1", "name": "Mail", "status": "major_outage"}],
        }
        page = {"id": "p1", "name": "Orange", "updated_at": updated}
        status = {
            "indicator": "none",
            "description": "All Systems Operational",
        }  # such a page lies, and is not believed
        parts = [{"id": "c1", "name": "Mail", "status": "operational", "updated_at": updated}]
        summary = {"page": page, "status": status, "components": parts, "incidents": [incident]}
        for path, document in (("summary", summary), ("incidents", {"page": page, "incidents": [incident]})):
            self.pages.put(f"/api/v2/{path}.json", json.dumps(document), "application/json")


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Open the emulated world."""
    async with status_pages() as pages, jetstream() as stream, x_api() as x:
        yield World(pages, stream, x)


def now() -> datetime:
    """The world's time."""
    return SystemClock().now()


def stamp(when: datetime) -> str:
    """An instant as these services write it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def until(look: Callable[[], Awaitable[Found | None]], *, seconds: float, every: float = 0.1) -> Found:
    """What `look` finds, as soon as it finds anything."""
    async with asyncio.timeout(seconds):
        while (found := await look()) is None:
            await asyncio.sleep(every)
    return found


async def stored(house: House, operators: tuple[str, ...] = ()) -> tuple[list[Mention], dict[str, str], list[Any]]:
    """Mentions, cursors and operators' entries in the store, read beside the bot; nothing while there is no store."""
    store = SqlStore(house.folder / "var" / "vigie.db", read_only=True)
    try:
        await store.open()
    except StoreError:
        return [], {}, []
    try:
        mentions = list(await store.mentions(now() - _HOUR))
        entries = [entry for operator in operators for entry in await store.entries(operator, now() - _HOUR)]
        return mentions, dict((await store.load(now() - _HOUR)).cursors), entries
    finally:
        await store.close()


async def ask(house: House, command: str, *, holds: str, seconds: float = 5.0) -> Message:
    """The desk's answer to a command in Telegram, one that holds certain words."""
    before = {message.id for message in house.telegram.messages(DESK)}
    house.telegram.say(DESK, EDITOR, command)
    return await house.telegram.wait_message(
        lambda message: message.id not in before and message.chat.id == DESK and holds in message.text, timeout=seconds
    )
