"""Plausible's `/api/v2/query` on loopback, as far as we ask it, with the dimensions that its API documents."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

KEY = "plausible-key"
_KEYS = {"site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination"}
_DIMENSIONS = {"event:page", "event:hostname", "visit:source", "visit:channel", "time", "time:hour", "time:day"}


@dataclass
class Plausible:
    """Views as (when, page, channel, visitor), and what was asked."""

    port: int = 0
    views: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": "Invalid API key or site ID."}, status=401)
        query = await request.json()
        self.asked.append(query)
        unknown = set(query) - _KEYS | set(query["dimensions"]) - _DIMENSIONS
        if unknown:
            return web.json_response({"error": f"Invalid query: {unknown}"}, status=400)
        begin, end = (datetime.fromisoformat(text) for text in query["date_range"])
        assert query["dimensions"] == ["event:page"]
        [[operation, dimension, channels]] = query["filters"]
        assert (operation, dimension) == ("is", "visit:channel")
        people = defaultdict(set)
        for when, page, channel, visitor in self.views:
            if begin <= when <= end and channel in channels:
                people[page].add(visitor)
        rows = [{"metrics": [len(who)], "dimensions": [page]} for page, who in people.items()]
        return web.json_response({"results": rows, "meta": {}, "query": query})


@asynccontextmanager
async def plausible() -> AsyncIterator[Plausible]:
    """Run it until the block ends."""
    running = Plausible()
    app = web.Application()
    app.router.add_post("/api/v2/query", running.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()
