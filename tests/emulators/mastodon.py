"""A Mastodon instance on loopback: hashtag timelines, search, server-sent events, limits; and it fails on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST = 40


def id_at(at: datetime, number: int = 0) -> str:
    """An id as an instance makes them: the time a post was written, then a counter."""
    return str(((int(at.timestamp() * 1000)) << 16) + number)


def status(
    at: datetime, text: str, *tags: str, number: int = 0, host: str = "home.example", **more: Any
) -> dict[str, Any]:
    """A post; its id tells when it was written, its `uri` is the same wherever it is known."""
    author = more.pop("author", "camille")
    key = id_at(at, number)
    marked = " ".join(
        f'<a href="https://{host}/tags/{tag}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>' for tag in tags
    )
    return {
        "id": key,
        "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "in_reply_to_id": None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": "public",
        "language": "fr",
        "uri": f"https://{host}/users/{author}/statuses/{key}",
        "url": f"https://{host}/@{author}/{key}",
        "edited_at": None,
        "content": f"<p>{text} {marked}</p>" if marked else f"<p>{text}</p>",
        "reblog": None,
        "account": {"id": "1", "username": author, "acct": author, "bot": False, "url": f"https://{host}/@{author}"},
        "media_attachments": [],
        "mentions": [],
        "tags": [{"name": tag.lower(), "url": f"https://{host}/tags/{tag}"} for tag in tags],
        **more,
    }


@dataclass
class Mastodon:
    """One instance.

    Attributes:
        statuses: What it knows, in any order; it sorts by id.
        token: The only one it takes.
        locked: Hashtags are for accounts only; `"remote"`: posts of other servers are (Mastodon 4.5).
        fault: Answers instead, for everything but streams.
        refuse_streams: Status of the answer to a stream, instead of one.
        remaining: Requests left; None: no limit is told.
        asked: Path and parameters of each request, and the token it came with.
    """

    port: int = 0
    statuses: list[dict[str, Any]] = field(default_factory=list)
    token: str = "good-token"
    locked: bool | Literal["remote"] = False
    fault: Fault | None = None
    refuse_streams: int | None = None
    remaining: int | None = None
    reset_seconds: float = 120.0
    thump_seconds: float = 0.05
    most: int = MOST
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    streams: dict[web.StreamResponse, str] = field(default_factory=dict)
    streaming_url: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def timelines(self) -> list[dict[str, str]]:
        """Parameters of the hashtag timelines that were asked for."""
        return [params for path, params, _ in self.asked if path.startswith("/api/v1/timelines/tag/")]

    # --- what happens on it ---

    async def post(self, *statuses: dict[str, Any], event: str = "update") -> None:
        """Posts come in, and are pushed."""
        self.statuses += statuses
        for each in statuses:
            tags = {tag["name"] for tag in each["tags"]}
            await self.push(f"event: {event}\ndata: {json.dumps(each)}\n\n".encode(), tags)

    async def push(self, data: bytes, tags: set[str]) -> None:
        """Bytes on the streams of some hashtags."""
        for stream, tag in tuple(self.streams.items()):
            if tag in tags:
                with suppress(ConnectionError):  # its reader has gone, and nobody has noticed yet
                    await stream.write(data)

    async def drop(self) -> None:
        """Cut every stream."""
        for stream in tuple(self.streams):
            self.streams.pop(stream)
            transport = stream._req.transport if stream._req else None
            if transport is not None:
                transport.close()

    # --- what it answers ---

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append((request.path, dict(request.query), token))
        if token and token != self.token:
            return web.json_response({"error": "The access token is invalid"}, status=401)
        if request.path == "/api/v1/streaming/hashtag":
            return await self._stream(request, token)
        if self.fault is not None:
            return await self.fault(request)
        if self.remaining is not None:
            if self.remaining <= 0:
                return web.json_response({"error": "Too many requests"}, status=429, headers=self._limits())
            self.remaining -= 1
        return self._answer(request, token)

    def _answer(self, request: web.Request, token: str) -> web.Response:
        if request.path.startswith("/api/v1/timelines/tag/"):
            return self._tagged(request, token)
        if request.path == "/api/v2/search":
            return self._found(request, token)
        if request.path == "/api/v2/instance":
            urls = {"streaming": self.streaming_url or self.url.replace("http", "ws")}
            return web.json_response({"domain": "home.example", "configuration": {"urls": urls}})
        if request.path == "/api/v1/streaming/health":
            return web.Response(text="OK")
        return web.json_response({"error": "Not found"}, status=404)

    def _tagged(self, request: web.Request, token: str) -> web.Response:
        own = request.query.get("local") == "true"
        if self.locked and not token and not (self.locked == "remote" and own):
            return web.json_response({"error": "This method requires an authenticated user"}, status=401)
        tag = request.path.rpartition("/")[2].lower()
        query = request.query
        known = sorted(
            (
                each
                for each in self.statuses
                if tag in {name["name"] for name in each["tags"]} and not (own and "@" in each["account"]["acct"])
            ),
            key=lambda s: int(s["id"]),
        )
        lowest = int(query.get("min_id") or query.get("since_id") or 0)
        highest = int(query.get("max_id") or 1 << 80)
        between = [each for each in known if lowest < int(each["id"]) < highest]
        most = min(int(query.get("limit", 20)), self.most)
        page = (between[:most] if "min_id" in query else between[-most:])[::-1]
        headers = self._limits()
        if page:
            headers["Link"] = (
                f'<{self.url}{request.path}?limit={most}&max_id={page[-1]["id"]}>; rel="next", '
                f'<{self.url}{request.path}?limit={most}&min_id={page[0]["id"]}>; rel="prev"'
            )
        return web.json_response(page, headers=headers)

    def _found(self, request: web.Request, token: str) -> web.Response:
        words = request.query["q"].lower().split()
        known = sorted(self.statuses, key=lambda each: -int(each["id"]))
        found = [each for each in known if token and all(word in each["content"].lower() for word in words)]
        offset = int(request.query.get("offset", 0))
        page = found[offset : offset + min(int(request.query.get("limit", 20)), self.most)]
        return web.json_response({"accounts": [], "statuses": page, "hashtags": []}, headers=self._limits())

    def _limits(self) -> dict[str, str]:
        if self.remaining is None:
            return {}
        reset = datetime.now(UTC) + timedelta(seconds=self.reset_seconds)  # noqa: TID251 - a server has its own clock
        return {
            "X-RateLimit-Limit": "300",
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": reset.isoformat(),
        }

    async def _stream(self, request: web.Request, token: str) -> web.StreamResponse:
        if self.refuse_streams is not None or not token:
            return web.json_response({"error": "Missing access token"}, status=self.refuse_streams or 401)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        await stream.write(b":)\n")
        self.streams[stream] = request.query["tag"].lower()
        try:
            while True:
                await asyncio.sleep(self.thump_seconds)
                await stream.write(b":thump\n")
        except ConnectionError:
            return stream
        finally:
            self.streams.pop(stream, None)


@asynccontextmanager
async def mastodon(**settings: Any) -> AsyncIterator[Mastodon]:
    """Run an instance until the block ends."""
    instance = Mastodon(**settings)
    app = web.Application()
    app.router.add_get("/{path:.*}", instance.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    instance.port = runner.addresses[0][1]
    try:
        yield instance
    finally:
        await instance.drop()
        await runner.cleanup()
