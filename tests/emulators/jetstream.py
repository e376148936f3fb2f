"""A Jetstream instance on loopback: keeps events, replays from a cursor, then follows; and fails on demand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


def post(time_us: int, text: str, *, rkey: str = "", did: str = "did:plc:a", **record: Any) -> dict[str, Any]:
    """One event of the stream: somebody posted."""
    return {
        "did": did,
        "time_us": time_us,
        "kind": "commit",
        "commit": {
            "rev": "3l3qo2vutsw2b",
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": rkey or f"r{time_us}",
            "record": {"$type": "app.bsky.feed.post", "text": text, "langs": ["fr"], **record},
            "cid": "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi",
        },
    }


def delete(
    time_us: int, *, rkey: str, did: str = "did:plc:a", collection: str = "app.bsky.feed.post"
) -> dict[str, Any]:
    """One event of the stream: somebody took a record back."""
    commit = {"rev": "3l3qo2vutsw2c", "operation": "delete", "collection": collection, "rkey": rkey}
    return {"did": did, "time_us": time_us, "kind": "commit", "commit": commit}


def account(time_us: int, *, did: str, status: str | None = None) -> dict[str, Any]:
    """One event of the stream, sent whatever collections are wanted: an account has gone (`status`) or is back."""
    told: dict[str, Any] = {"active": status is None, "did": did, "seq": 1, "time": "2026-03-02T09:00:00.000Z"}
    return {"did": did, "time_us": time_us, "kind": "account", "account": told | ({"status": status} if status else {})}


@dataclass
class Jetstream:
    """Events in order of `time_us`; `queries` are the requests that came in."""

    port: int = 0
    refuse_with: int | None = None
    events: list[dict[str, Any] | str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _open: set[web.WebSocketResponse] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/subscribe"

    async def emit(self, *events: dict[str, Any] | str) -> None:
        async with self._news:
            self.events += events
            self._news.notify_all()

    async def drop(self) -> None:
        """Close every connection."""
        for connection in tuple(self._open):
            await connection.close()

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        if self.refuse_with is not None:
            return web.Response(status=self.refuse_with, text="no")
        if request.query.get("wantedCollections") != "app.bsky.feed.post":
            return web.Response(status=400, text="unexpected collections")
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        self._open.add(connection)
        cursor = request.query.get("cursor")
        # Without a cursor, or with one of a time to come, a client hears what is new; with another, everything from it
        # on, the boundary included.
        newest = max((event["time_us"] for event in self.events if isinstance(event, dict)), default=1 << 63)
        sent = 0 if cursor and int(cursor) <= newest else len(self.events)
        async with asyncio.TaskGroup() as tasks:
            most = int(request.query.get("maxMessageSizeBytes", 1 << 30))
            follower = tasks.create_task(self._follow(connection, sent, int(cursor or 0), most))
            async for _ in connection:
                pass
            follower.cancel()
        self._open.discard(connection)
        return connection

    async def _follow(self, connection: web.WebSocketResponse, sent: int, since: int, most: int) -> None:
        while True:
            for event in self.events[sent:]:
                if isinstance(event, str) or event["time_us"] >= since:
                    text = event if isinstance(event, str) else json.dumps({"cursor": sent + 1} | event)
                    if len(text) <= most:
                        await connection.send_str(text)
                sent += 1
            async with self._news:
                await self._news.wait_for(lambda: len(self.events) > sent)  # noqa: B023 - evaluated in this round


@asynccontextmanager
async def jetstream() -> AsyncIterator[Jetstream]:
    """Run an instance until the block ends."""
    instance = Jetstream()
    app = web.Application()
    app.router.add_get("/subscribe", instance._subscribe)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    instance.port = runner.addresses[0][1]
    try:
        yield instance
    finally:
        await instance.drop()
        await runner.cleanup()
