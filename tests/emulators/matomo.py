"""The part of Matomo's reporting API that we use, on loopback: `Live.getLastVisitsDetails`, and how it refuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass
class Matomo:
    """Visits, and what was asked. `columns` that nobody asked for (the address!) are not sent, as with Matomo."""

    port: int = 0
    visits: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    error: str | None = None  # said with status 200, as Matomo says most of them

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stats"

    def visit(self, referrer: str, *actions: dict[str, Any]) -> None:
        """A visit by somebody, its actions in order."""
        self.visits.append(
            {
                "idVisit": len(self.visits) + 1,
                "visitIp": "198.51.100.7",
                "visitorId": f"{len(self.visits):016x}",
                "referrerType": referrer,
                "lastActionTimestamp": max(action["timestamp"] for action in actions),
                "actionDetails": list(actions),
            }
        )

    async def handle(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append(form)
        self.queries.append(request.query_string)
        if form.get("token_auth") != TOKEN:
            message = "Unable to authenticate with the provided token. It is either invalid or expired."
            return web.json_response({"result": "error", "message": message}, status=401)
        if form.get("module") != "API" or form.get("method") != "Live.getLastVisitsDetails":
            return _error("The method is not emulated.")
        if self.error is not None:
            return _error(self.error)
        if form["idSite"] != "3":
            return _error(
                f"You can't access this resource as it requires 'view' access for the website id = {form['idSite']}."
            )
        since, offset, limit = (int(form[key]) for key in ("minTimestamp", "filter_offset", "filter_limit"))
        found = sorted(
            (visit for visit in self.visits if visit["lastActionTimestamp"] >= since),
            key=lambda visit: (-int(visit["lastActionTimestamp"]), -int(visit["idVisit"])),
        )
        columns = form["showColumns"].split(",")
        return web.json_response(
            [{key: visit[key] for key in columns if key in visit} for visit in found[offset : offset + limit]]
        )


def page(at: datetime, path: str, title: str = "") -> dict[str, Any]:
    """A page view as Matomo lists it."""
    return {
        "type": "action",
        "url": f"https://www.journal.example{path}",
        "pageTitle": title,
        "pageIdAction": "12",
        "timeSpent": "0",
        "timestamp": int(at.timestamp()),
    }


def search(at: datetime, words: str) -> dict[str, Any]:
    """A search on the site as Matomo lists it."""
    return {"type": "search", "url": None, "siteSearchKeyword": words, "timestamp": int(at.timestamp())}


def _error(message: str) -> web.Response:
    return web.json_response({"result": "error", "message": message})


@asynccontextmanager
async def matomo() -> AsyncIterator[Matomo]:
    """Run it until the block ends."""
    running = Matomo()
    app = web.Application()
    app.router.add_post("/stats/index.php", running.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()
