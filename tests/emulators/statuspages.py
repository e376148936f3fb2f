"""A status-page server on loopback that misbehaves in every way we were told of."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

HTML_ERROR = (
    b"<!DOCTYPE html><html><head><title>503</title></head><body><h1>Service momentanement indisponible</h1></body>"
)


@dataclass
class StatusPages:
    """Answers by path; what is not set is a 404. `served` tells how often each path was asked for."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    requests: list[Mapping[str, str]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def put(self, path: str, body: bytes | str, content_type: str = "application/xml") -> None:
        """Serve a document the proper way: ETag, 304 when it is unchanged."""
        data = body.encode() if isinstance(body, str) else body
        etag = f'"{sha256(data).hexdigest()[:16]}"'

        async def answer(request: web.Request) -> web.StreamResponse:
            headers = {"ETag": etag, "Content-Type": content_type}
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers=headers)
            return web.Response(body=data, headers=headers)

        self.answers[path] = answer

    def put_status(self, path: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers=headers, body=HTML_ERROR, content_type="text/html")

        self.answers[path] = answer

    def put_plain(self, path: str, body: bytes, content_type: str = "application/xml") -> None:
        """Serve a document without any validator."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=body, headers={"Content-Type": content_type})

        self.answers[path] = answer

    def put_bomb(self, path: str, unpacked_bytes: int) -> None:
        packed = gzip.compress(bytes(unpacked_bytes), 9)

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/xml"})

        self.answers[path] = answer

    def put_truncated(self, path: str, body: bytes) -> None:
        """Promise a length, send half, hang up."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/xml"})
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
            assert request.transport is not None
            request.transport.close()
            return response

        self.answers[path] = answer

    def put_drop(self, path: str) -> None:
        """Hang up without a word."""

        async def answer(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        self.answers[path] = answer

    def put_hang(self, path: str) -> None:
        """Take the request, and never answer."""

        async def answer(_: web.Request) -> web.StreamResponse:
            await asyncio.Event().wait()
            return web.Response()

        self.answers[path] = answer

    def put_drip(self, path: str, every_seconds: float = 0.05) -> None:
        """A byte now and then, for ever: no read timeout ever fires."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/xml"})
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(every_seconds)

        self.answers[path] = answer

    def put_redirect(self, path: str, to: str, status: int = 302) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": to})

        self.answers[path] = answer

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.served.append(request.path)
        self.requests.append(dict(request.headers))
        answer = self.answers.get(request.path)
        response = await answer(request) if answer else web.Response(status=404, body=HTML_ERROR)
        self.statuses.append(response.status)
        return response


@asynccontextmanager
async def status_pages() -> AsyncIterator[StatusPages]:
    """Run the server until the block ends."""
    pages = StatusPages()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pages._handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pages.port = runner.addresses[0][1]
    try:
        yield pages
    finally:
        await runner.cleanup()
