"""The HTTP side of `webhook`: whoever knocks, memory and time are bounded, and every answer is short."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.domain.signals import HealthState
from bot.errors import SourceError

MAX_BODY_BYTES = 64 * 1024
_MAX_CONNECTIONS = 200
_BODY_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_CHECK_SECONDS = 1.0
_RETRY_SECONDS = "5"
_SERVER = "Vigie"

Take = Callable[[Mapping[str, str], bytes], Awaitable[tuple[int, str]]]


class _Full(asyncio.Protocol):
    """Hangs up at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Door:
    """Serves POST on one path of one port, and nothing else.

    Args:
        listen: `address:port`; port 0 takes a free one.
        path: Where to post.
        take: Given headers and body, the status to answer and what is wrong (or nothing); must not raise.
    """

    def __init__(self, listen: str, path: str, take: Take) -> None:
        host, _, port = listen.rpartition(":")
        self._listen = listen
        self._host, self._port = host.strip("[]"), int(port)
        self._path = path
        self._take = take
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int | None:
        """The port it listens on now, or None."""
        return self._server.sockets[0].getsockname()[1] if self._server and self._server.sockets else None

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            SourceError: The port is taken, or may not be had.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,  # what is signed is what was sent
            keepalive_timeout=_BODY_SECONDS,  # also ends who never comes to the end of its headers
            lingering_time=_CLOSE_SECONDS,
            shutdown_timeout=_CLOSE_SECONDS,
        )
        await runner.setup()
        serve = runner.server

        def connect() -> asyncio.Protocol:
            assert serve is not None  # noqa: S101 - set up above
            return serve() if len(serve.connections) < _MAX_CONNECTIONS else _Full()

        self._server = await self._bind(connect)

    def shut(self) -> None:
        """Let nobody in any more; who is in may still be answered."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def close(self) -> None:
        """End everything."""
        self.shut()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def is_open(self) -> bool:
        """Whether we listen, here or in a bot that runs beside; False where the port is free.

        Raises:
            SourceError: Somebody else has the port, or it may not be had.
        """
        if self._server is not None or await self._is_ours():
            return True
        server = await self._bind(asyncio.Protocol)
        server.close()
        await server.wait_closed()
        return False

    async def _bind(self, protocol: Callable[[], asyncio.BaseProtocol]) -> asyncio.Server:
        try:
            return await asyncio.get_running_loop().create_server(protocol, self._host, self._port)
        except OSError as error:
            cause = f"impossible d’écouter sur {self._listen}"
            if error.errno == errno.EADDRINUSE:
                cause = f"{self._listen} est déjà pris (par un autre bloc « webhook » ou un autre programme)"
            raise SourceError(f"listen: {cause}", state=HealthState.FAILING, reason=cause) from error

    async def _is_ours(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                try:
                    writer.write(f"GET {self._path} HTTP/1.0\r\n\r\n".encode())
                    answer = await reader.read(1024)
                finally:
                    writer.close()
        except (OSError, ValueError):
            return False
        return b" 405 " in answer and f"Server: {_SERVER}".encode() in answer

    async def _answer(self, request: web.Request) -> web.Response:
        status, said = await self._judge(request)
        answer = web.json_response({"error": said}, status=status) if said else web.Response(status=status)
        answer.headers["Server"] = _SERVER
        if status == web.HTTPServiceUnavailable.status_code:
            answer.headers["Retry-After"] = _RETRY_SECONDS
        if status == web.HTTPMethodNotAllowed.status_code:
            answer.headers["Allow"] = "POST"
        return answer

    async def _judge(self, request: web.Request) -> tuple[int, str]:
        if request.path != self._path:
            return 404, "nothing is here"
        if request.method != "POST":
            return 405, "POST a signal"
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return 413, f"at most {MAX_BODY_BYTES} bytes"
        except TimeoutError:
            return 408, "the body took too long"
        return await self._take(request.headers, body)
