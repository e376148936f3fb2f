"""The part of the X API that we use, on loopback: counts, recent search, usage, its prices and its refusals."""

import html
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

TOKEN = "AAAA-emulated-token"
_RFC3339 = "%Y-%m-%dT%H:%M:%SZ"
_MAX_QUERY_CHARS = 512


@dataclass
class X:
    """`posts` are found by any query; `spent_eur` is what X would charge (0.005 a count or a post).

    `count_at`, where it is given, tells the count of each bucket instead of `counted`.
    """

    port: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    counted: int = 3
    count_at: Callable[[datetime], int] | None = None
    spent_eur: float = 0.0
    fail_status: int | None = None
    fail_path: str | None = None  # only there; None: everywhere
    fail_query: str | None = None  # only this one; None: any
    fail_headers: Mapping[str, str] = field(default_factory=dict)
    fail_html: bool = False
    fail_problem: Mapping[str, Any] = field(default_factory=dict)  # what the body says besides

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, number: int, text: str, created_at: str, author: str = "42") -> None:
        self.posts.append({"id": str(number), "text": text, "created_at": created_at, "author_id": author})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append((request.path, dict(request.query)))
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _problem(401, "Unauthorized")
        meant = self.fail_path in {None, request.path} and self.fail_query in {None, request.query.get("query")}
        if self.fail_status is not None and meant:
            if self.fail_html:
                return web.Response(
                    status=self.fail_status, text="<html>over capacity</html>", content_type="text/html"
                )
            return _problem(self.fail_status, "emulated failure", self.fail_headers, self.fail_problem)
        answer = {
            "/2/tweets/counts/recent": self._counts,
            "/2/tweets/search/recent": self._search,
            "/2/usage/tweets": self._usage,
        }.get(request.path)
        if answer is None:
            return _problem(404, f"{request.path} is not emulated")
        query = request.query.get("query", "")
        if request.path != "/2/usage/tweets" and not 0 < len(query) <= _MAX_QUERY_CHARS:
            return _problem(400, "query")
        return answer(request.query)

    def _counts(self, query: Mapping[str, str]) -> web.Response:
        unknown = set(query) - {"query", "start_time", "end_time", "granularity"}
        if unknown:
            return _problem(400, f"unexpected {unknown}")
        start, end = (_instant(query[name]) for name in ("start_time", "end_time"))
        if end <= start:
            return _problem(400, "end_time must be after start_time")
        step = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}[query.get("granularity", "hour")]
        rows: list[dict[str, Any]] = []
        while start < end:
            stop = min(start + step, end)
            rows.append(
                {
                    "start": start.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                    "end": stop.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                    "tweet_count": self.counted if self.count_at is None else self.count_at(start),
                }
            )
            start = stop
        self.spent_eur += 0.005
        return web.json_response({"data": rows, "meta": {"total_tweet_count": sum(row["tweet_count"] for row in rows)}})

    def _search(self, query: Mapping[str, str]) -> web.Response:
        unknown = set(query) - {"query", "start_time", "since_id", "max_results", "tweet.fields"}
        if unknown:
            return _problem(400, f"unexpected {unknown}")
        most = int(query["max_results"])
        if not 10 <= most <= 100:
            return _problem(400, "max_results must be 10 to 100")
        since = int(query.get("since_id", "0"))
        start = _instant(query["start_time"]) if "start_time" in query else datetime.min.replace(tzinfo=UTC)
        found = [
            post
            for post in sorted(self.posts, key=lambda post: -int(post["id"]))
            if int(post["id"]) > since and datetime.fromisoformat(post["created_at"]) >= start
        ][:most]
        self.spent_eur += 0.005 * len(found)
        meta: dict[str, Any] = {"result_count": len(found)}
        if not found:
            return web.json_response({"meta": meta})  # the real one leaves `data` out, too
        meta |= {"newest_id": found[0]["id"], "oldest_id": found[-1]["id"]}
        escaped = [post | {"text": html.escape(post["text"], quote=False)} for post in found]
        return web.json_response({"data": escaped, "meta": meta})

    def _usage(self, _: Mapping[str, str]) -> web.Response:
        return web.json_response({"data": {"project_usage": "120", "project_cap": "2000000", "project_id": "1"}})


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _RFC3339).replace(tzinfo=UTC)


def _problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> web.Response:
    body = {"title": "Problem", "detail": detail, "status": status, "type": "about:blank"} | dict(more or {})
    return web.json_response(body, status=status, headers=headers)


@asynccontextmanager
async def x_api() -> AsyncIterator[X]:
    """Run the API until the block ends."""
    api = X()
    app = web.Application()
    app.router.add_get("/{path:.*}", api._handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.port = runner.addresses[0][1]
    try:
        yield api
    finally:
        await runner.cleanup()
