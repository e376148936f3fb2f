"""Server-sent events over aiohttp: several streams of one server, read side by side, in bounded memory."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import aiohttp

from bot.domain.signals import HealthState
from bot.errors import SourceError
from sources._fetch import place

MAX_EVENT_BYTES = 256 * 1024
_OPEN_SECONDS = 20.0
_OK, _SERVER_ERROR = 200, 500
Refusal = Callable[[str], str | None]


class EventParser:
    """Takes bytes as they come, gives whole events; see https://html.spec.whatwg.org/multipage/server-sent-events.html.

    An event longer than `MAX_EVENT_BYTES` is dropped, and the stream goes on.
    """

    def __init__(self) -> None:
        self._line = b""
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The events (name, data) that these bytes complete."""
        *lines, rest = (self._line + data).replace(b"\r\n", b"\n").split(b"\n")
        self._line = rest if len(rest) <= MAX_EVENT_BYTES else b""
        self._size += 0 if self._line else len(rest)
        return [event for event in map(self._take, lines) if event is not None]

    def _take(self, line: bytes) -> tuple[str, str] | None:
        if not line:
            name, data, whole = self._name, "\n".join(self._data), self._size <= MAX_EVENT_BYTES
            self._name, self._data, self._size = "", [], 0
            return (name or "message", data) if data and whole else None
        field, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if field == b"event":
            self._name = text
        elif field == b"data":
            self._size += len(value) + 1
            if self._size <= MAX_EVENT_BYTES:
                self._data.append(text)
        return None


class EventStreams:
    """Open streams of one server; `take` never waits, so that nobody needs a task per stream.

    Attributes:
        failure: Set for good when a stream has ended, or was silent for too long: not even a heartbeat came.
    """

    def __init__(self, silence_seconds: float) -> None:
        self.failure: SourceError | None = None
        self._silence_seconds = silence_seconds
        self._open: list[tuple[aiohttp.StreamReader, EventParser]] = []
        self._heard_at: list[float] = []
        self._stack = AsyncExitStack()
        self._where = ""

    async def open(self, urls: Iterable[str], headers: Mapping[str, str], refusal: Refusal | None) -> None:
        """Connect to each URL; all are open when this returns.

        Args:
            urls: Of one server. Redirects are not followed: the headers may hold a token.
            refusal: Why an IP address may not be connected to, or None; None: any may.

        Raises:
            SourceError: `failing` (refused), `unreachable`, `unreadable` (something else than a stream).
        """
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, socket_factory=_guarded(refusal)),
                headers={**headers, "Accept": "text/event-stream", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        )
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                for url in urls:
                    self._where = place(url)
                    answer = await self._stack.enter_async_context(session.get(url, allow_redirects=False))
                    if answer.status != _OK:
                        state = HealthState.UNREACHABLE if answer.status >= _SERVER_ERROR else HealthState.FAILING
                        raise self._error(state, f"flux refusé (HTTP {answer.status})")
                    if answer.content_type != "text/event-stream":
                        raise self._error(HealthState.UNREADABLE, "ce n’est pas un flux de messages")
                    self._open.append((answer.content, EventParser()))
                    self._heard_at.append(asyncio.get_running_loop().time())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._error(HealthState.UNREACHABLE, f"flux injoignable ({type(error).__name__})") from error

    @property
    def heard_at(self) -> float:
        """Loop time since when every stream has said something."""
        return min(self._heard_at, default=0.0)

    def take(self) -> list[tuple[str, str]]:
        """The events (name, data) that came since the last call, in the order of each stream."""
        now = asyncio.get_running_loop().time()
        events: list[tuple[str, str]] = []
        for index, (content, parser) in enumerate(self._open):
            try:
                data = content.read_nowait()
                ended = content.at_eof()
            except (aiohttp.ClientError, OSError):
                data, ended = b"", True
            if data:
                self._heard_at[index] = now
                events += parser.feed(data)
            elif ended:
                self.failure = self._error(HealthState.UNREACHABLE, "flux interrompu")
        if self._open and now - self.heard_at > self._silence_seconds:
            self.failure = self._error(HealthState.UNREACHABLE, f"flux muet depuis {self._silence_seconds:g} s")
        return events

    async def close(self) -> None:
        """Let go of every connection."""
        await self._stack.aclose()

    def _error(self, state: HealthState, cause: str) -> SourceError:
        host = urlsplit(f"//{self._where}").hostname
        return SourceError(f"listen to {self._where}: {cause}", state=state, reason=f"{host} : {cause}")


def _guarded(refusal: Refusal | None) -> aiohttp.SocketFactoryType | None:
    """Makes sockets for resolved addresses, unless they lead into a private network."""
    if refusal is None:
        return None

    def make(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, proto, _, address = info
        if (why := refusal(str(address[0]))) is not None:
            raise OSError(why)
        return socket.socket(family, kind, proto)

    return make
