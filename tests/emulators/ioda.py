"""IODA's API on loopback: outage events of networks, in the shape and with the habits that its own source shows.

An event that goes on is cut at the end of the window that was asked for, and grows from one answer to the next.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PATH = "/v2/outages/events"


@dataclass
class Outage:
    """One outage as IODA measures it; `end` None: it goes on. Times in seconds since 1970.

    Attributes:
        region: IODA's number of the region in which the network is down; None: everywhere.
    """

    network: int
    start: int
    end: int | None = None
    datasource: str = "bgp"
    region: int | None = None

    @property
    def location(self) -> str:
        return f"asn/{self.network}" if self.region is None else f"geoasn/{self.network}-{self.region}"


@dataclass
class Ioda:
    """The server: what it measures, and what it was asked for."""

    port: int = 0
    outages: list[Outage] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    error: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def _events(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.queries.append(asked)
        if not (asked.get("from", "").isdigit() and asked.get("until", "").isdigit()):
            return web.json_response(
                {"type": "outages.events", "error": "from and until are needed", "data": None}, status=400
            )
        since, until = int(asked["from"]), int(asked["until"])
        data: list[dict[str, Any]] = [
            {
                "location": outage.location,
                "start": outage.start,
                "duration": min(outage.end or until, until) - outage.start,
                "uncertainty": None,
                "status": 0,
                "fraction": None,
                "score": 12.5,
                "location_name": f"AS{outage.network}",
                "overlaps_window": outage.end is None,
                "datasource": outage.datasource,
                "method": "median",
            }
            for outage in self.outages
            if f"{asked.get('entityType')}/{asked.get('entityCode')}" == outage.location
            if outage.start < until and (outage.end or until) >= since
        ]
        body = {"type": "outages.events", "requestParameters": asked, "error": self.error, "data": data}
        return web.json_response(body)


@asynccontextmanager
async def ioda() -> AsyncIterator[Ioda]:
    """Run the server until the block ends."""
    server = Ioda()
    app = web.Application()
    app.router.add_get(PATH, server._events)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
