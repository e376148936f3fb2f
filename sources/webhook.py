"""Whatever else a newsroom has ears for: its own programs post signals, signed, and are told once they are stored."""

import asyncio
import errno
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import web
from pydantic import Field, SecretStr, field_validator

from bot.domain.signals import HealthState, Signal, StatusEntry, Tally
from bot.errors import ConfigError, InputError, SourceError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources._fetch import decode_cursor, encode_cursor
from sources._scenario import parse_signals
from sources._signature import RefusedError, Seen, Stamp, key_of, verify
from sources._time import believable

MAX_BODY_BYTES = 64 * 1024
MAX_WAITING = 100
_MAX_CONNECTIONS = 200
_AT_ONCE = 20  # posts of one Reading
_BODY_SECONDS = 10.0
_STORE_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_CHECK_SECONDS = 1.0
_RETRY_SECONDS = "5"
_FUTURE = timedelta(minutes=2)  # as far as clocks differ
_SERVER = "Vigie"
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):([0-9]{1,5})", re.ASCII)
_MAX_PORT = 65_535

log = structlog.get_logger()


class Settings(SourceSettings):
    """Settings of a `webhook` source.

    Attributes:
        interval: Unused: the signals come by themselves.
        listen: Address and port, of which each block needs its own.
        path: Where to post; `/signals/NAME` when left out.
        secret: Shared with the senders; `whsec_` and base64, or any text of at least 24 bytes.
        max_age: How far a signature's time may be from ours.
        speaks_for: Operators whose own words these senders pass on; a `status` of another operator is what a third
            party says of it, and breaks no silence.
        quiet_seconds: So often we say that we still listen.
    """

    url_key = "listen"

    listen: str = "127.0.0.1:8787"
    path: str = Field(default="", pattern=r"^(/[^\s?#]+)?$")
    secret: SecretStr
    max_age: timedelta = Field(default=timedelta(minutes=5), ge=timedelta(seconds=10), le=timedelta(hours=1))
    speaks_for: tuple[str, ...] = ()
    quiet_seconds: float = Field(default=15.0, gt=0)

    @field_validator("listen")
    @classmethod
    def _is_address(cls, listen: str) -> str:
        found = _LISTEN.fullmatch(listen)
        if found is None or int(found[2]) > _MAX_PORT:
            raise ValueError("must be address:port, such as 127.0.0.1:8787")
        return listen

    @field_validator("secret")
    @classmethod
    def _is_long(cls, secret: SecretStr) -> SecretStr:
        key_of(secret.get_secret_value())
        return secret


@dataclass(frozen=True, slots=True)
class _Post:
    """A believed request; `stored` tells its sender whether it may forget it."""

    stamp: Stamp
    signals: tuple[Signal, ...]
    stored: asyncio.Future[bool]


class _Full(asyncio.Protocol):
    """Hangs up at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def create(settings: Settings, deps: SourceDeps) -> "WebhookSource":
    """A source for these settings."""
    for operator in settings.speaks_for:
        if operator not in deps.operators:
            known = ", ".join(deps.operators)
            raise ConfigError(f"source {settings.name}: speaks_for: must be of {known}; got {operator}")
    return WebhookSource(settings, deps)


class WebhookSource:
    """Serves one path of one port while it is read; see `bot.ports.Source`."""

    kind = "webhook"
    operator: str | None = None  # that nothing is posted proves no silence: the sender may be broken
    hears = True
    interval = timedelta(0)

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self._settings = settings
        self._deps = deps
        self._path = settings.path or f"/signals/{self.name}"
        self._key = key_of(settings.secret.get_secret_value())
        host, _, port = settings.listen.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._posts: asyncio.Queue[_Post] = asyncio.Queue(MAX_WAITING)
        self._in_hand: dict[str, _Post] = {}  # by signature: believed, and not yet stored
        self._seen = Seen()
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int | None:
        """The port it listens on now (the configured one may be 0), or None."""
        return self._server.sockets[0].getsockname()[1] if self._server and self._server.sockets else None

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: for ever; a sender hears 204 once its Reading is stored."""
        await self.close()  # a read that was broken off
        self._seen = decode_cursor(cursor, Seen())
        await self._open()
        try:
            yield Reading()
            while True:
                posts = await self._next_posts()
                stamps = [post.stamp for post in posts]
                self._seen = self._seen.with_more(stamps, self._deps.clock.now(), self._settings.max_age)
                yield Reading(
                    events=tuple(signal for post in posts for signal in post.signals),
                    cursor=encode_cursor(self._seen) if posts else None,
                )
                for post in posts:
                    self._done(post, stored=True)
        finally:
            await self.close()

    async def check(self) -> str:
        """See `bot.ports.Source.check`: whether the port is free, or ours already (a bot that runs beside)."""
        where = f"http://{self._settings.listen}{self._path}"
        if self._server is None and not await self._is_ours():
            server = await self._bind(asyncio.Protocol)
            server.close()
            await server.wait_closed()
            return f"prêt à recevoir sur {where}"
        return f"à l’écoute sur {where}"

    async def close(self) -> None:
        """See `bot.ports.Source.close`; who waits for an answer is told to try again."""
        server, self._server = self._server, None
        runner, self._runner = self._runner, None
        if server is not None:
            server.close()
        for post in tuple(self._in_hand.values()):
            self._done(post, stored=False)
        self._posts = asyncio.Queue(MAX_WAITING)
        if runner is not None:
            await runner.cleanup()

    async def _next_posts(self) -> list[_Post]:
        """The posts that wait, at once; or none after a while."""
        posts: list[_Post] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.quiet_seconds):
                posts.append(await self._posts.get())
        while posts and len(posts) < _AT_ONCE and not self._posts.empty():
            posts.append(self._posts.get_nowait())
        return posts

    def _done(self, post: _Post, *, stored: bool) -> None:
        self._in_hand.pop(post.stamp.signature, None)
        if not post.stored.done():
            post.stored.set_result(stored)

    # --- the server ----------------------------------------------------------------------------------------------

    async def _open(self) -> None:
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

    async def _bind(self, protocol: Any) -> asyncio.Server:  # noqa: ANN401 - a factory of protocols
        try:
            return await asyncio.get_running_loop().create_server(protocol, self._host or None, self._port)
        except OSError as error:
            cause = f"impossible d’écouter sur {self._settings.listen}"
            if error.errno == errno.EADDRINUSE:
                cause = f"{self._settings.listen} est déjà pris (par un autre bloc « webhook » ou un autre programme)"
            raise SourceError(f"listen: {cause}", state=HealthState.FAILING, reason=cause) from error

    async def _is_ours(self) -> bool:
        """Whether a bot answers there for this path already."""
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
        """Answer one request, and never break: its sender is anybody."""
        try:
            status, said = await self._take(request)
        except RefusedError as error:
            log.warning("webhook.refused", source=self.name, remote=request.remote, why=str(error))
            status, said = 401, str(error)
        except InputError as error:
            log.warning("webhook.not_understood", source=self.name, remote=request.remote, why=str(error))
            status, said = 422, str(error)
        except web.HTTPRequestEntityTooLarge:
            status, said = 413, f"at most {MAX_BODY_BYTES} bytes"
        except TimeoutError:
            status, said = 408, "the body took too long"
        answer = web.json_response({"error": said}, status=status) if said else web.Response(status=status)
        answer.headers["Server"] = _SERVER
        if status == web.HTTPServiceUnavailable.status_code:
            answer.headers["Retry-After"] = _RETRY_SECONDS
        if status == web.HTTPMethodNotAllowed.status_code:
            answer.headers["Allow"] = "POST"
        return answer

    async def _take(self, request: web.Request) -> tuple[int, str]:
        """Status of the answer, and what is wrong."""
        if request.path != self._path:
            return 404, "nothing is here"
        if request.method != "POST":
            return 405, "POST a signal"
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
        now = self._deps.clock.now()
        stamp = verify(request.headers, body, self._key)
        self._seen.check(stamp, now, self._settings.max_age)
        if stamp.signature in self._in_hand:
            raise RefusedError("this request is being dealt with: sign each attempt anew")
        signals = tuple(self._judged(signal) for signal in parse_signals(body, self.name, now))
        if self._posts.full() or self._server is None:
            return 503, "too busy: try again"
        post = _Post(stamp, signals, asyncio.get_running_loop().create_future())
        self._in_hand[stamp.signature] = post
        self._posts.put_nowait(post)
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                stored = await asyncio.shield(post.stored)
        except TimeoutError:
            stored = False  # it is stored all the same, once the store can, and a repeat has no effect
        return (204, "") if stored else (503, "not stored yet: try again")

    def _judged(self, signal: Signal) -> Signal:
        """A signal as we believe it.

        Raises:
            InputError: It names an operator that we do not know, or a time that cannot be.
        """
        hint = getattr(signal, "operator_hint", None)
        operator = hint if hint is not None else getattr(signal, "operator", None)
        if operator is not None and operator not in self._deps.operators:
            raise InputError(f"operator: must be one of {' '.join(self._deps.operators)}, got {operator}")
        start = signal.start if isinstance(signal, Tally) else signal.published_at
        if not believable(min(start, signal.seen_at), signal.seen_at):
            raise InputError(f"time: must be of this century, got {start.isoformat()}")
        if isinstance(signal, Tally) and start > signal.seen_at + _FUTURE:
            raise InputError(f"tally.start: must not be in the future, got {start.isoformat()}")
        if isinstance(signal, StatusEntry) and signal.operator not in self._settings.speaks_for:
            return replace(signal, observer=self.name)
        return signal
