"""Servers that the benches of the ears read from, each in a process of its own: what they cost is not ours."""

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import cycle
from multiprocessing.connection import Connection

from bot.clock import SystemClock
from tests.emulators.jetstream import jetstream, post
from tools.hearing import documents

_Answer = Callable[[str], tuple[str, bytes]]  # path → ETag (or none) and body

ASKED = "/asked"
_CHANGES_ONE_IN = 50
_NO_VALIDATOR_ONE_IN = 5
_TICK_SECONDS = 0.01
_UNWANTED = (
    "il fait beau ce matin sur la plage et les enfants jouent au ballon depuis une heure",
    "quel match incroyable hier soir, bravo aux joueurs et au public",
)
_END = b"\r\n\r\n"


# --- feeds --------------------------------------------------------------------------------------------------------


def _steady() -> _Answer:
    """Feeds that never change: `/etag/…` with a validator, others without."""
    body = documents.feed(10)
    return lambda path: ('"1"' if path.startswith("/etag/") else "", body)


def _changing() -> _Answer:
    """Feeds by number, of which one in fifty changes each round, and one in five has no validator.

    `ASKED` answers how often feeds were asked for.
    """
    asked = Counter[str]()
    body = lru_cache(64)(lambda version: documents.feed(10, version=version))

    def answer(path: str) -> tuple[str, bytes]:
        if path == ASKED:
            return "", str(asked.total()).encode()
        asked[path] += 1
        number = int(path.rpartition("/")[2])
        version = (number + asked[path]) // _CHANGES_ONE_IN
        return "" if number % _NO_VALIDATOR_ONE_IN == 0 else f'"{version}"', body(version)

    return answer


def _hostile() -> _Answer:
    """One path a document."""
    found = dict(documents.hostile())
    return lambda path: ("", found[path.removeprefix("/")])


_ANSWERS = {"steady": _steady, "changing": _changing, "hostile": _hostile}


class _Web(asyncio.Protocol):
    """As little HTTP as a feed reader needs."""

    def __init__(self, answer: _Answer, *, keep: bool) -> None:
        self._answer = answer
        self._keep = keep
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server's
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while _END in self._received:
            head, _, self._received = self._received.partition(_END)
            self._send(head.decode("latin-1"))

    def _send(self, head: str) -> None:
        etag, body = self._answer(head.split(" ", 2)[1])
        lines = ["Content-Type: application/rss+xml"]
        lines += [f"ETag: {etag}"] if etag else []
        lines += [] if self._keep else ["Connection: close"]
        if etag and f"if-none-match: {etag}" in head.lower():
            lines, body = ["HTTP/1.1 304 Not Modified", *lines], b""
        else:
            lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *lines]
        assert self._transport is not None  # noqa: S101 - made before it was sent to
        self._transport.write("\r\n".join(lines).encode() + _END + body)
        if not self._keep:
            self._transport.close()


async def _serve(pipe: Connection, kind: str, hosts: Sequence[str], keep: bool) -> None:
    answer = _ANSWERS[kind]()
    loop = asyncio.get_running_loop()
    first = await loop.create_server(lambda: _Web(answer, keep=keep), hosts[0], 0)
    port = first.sockets[0].getsockname()[1]
    if hosts[1:]:
        await loop.create_server(lambda: _Web(answer, keep=keep), hosts[1:], port)
    pipe.send(port)
    await first.serve_forever()


def _serve_feeds(pipe: Connection, kind: str, hosts: Sequence[str], keep: bool) -> None:
    asyncio.run(_serve(pipe, kind, hosts, keep))


@contextmanager
def feed_server(kind: str, hosts: Sequence[str] = ("127.0.0.1",), *, keep: bool = True) -> Iterator[int]:
    """Serve feeds until the block ends; the port.

    Args:
        kind: `steady`, `changing` or `hostile`.
        hosts: Addresses, all with the same port.
        keep: Whether connections are kept open between requests.
    """
    with _process(_serve_feeds, kind, hosts, keep) as pipe:
        yield pipe.recv()


# --- posts --------------------------------------------------------------------------------------------------------


def _stream_posts(pipe: Connection, rate: int, seconds: float, wanted: Sequence[str], one_in: int) -> None:
    asyncio.run(_stream(pipe, rate, seconds, wanted, one_in))


async def _stream(pipe: Connection, rate: int, seconds: float, wanted: Sequence[str], one_in: int) -> None:
    clock, loop = SystemClock(), asyncio.get_running_loop()
    texts = cycle(wanted)
    async with jetstream() as instance:
        pipe.send(instance.port)
        while not instance.queries:
            await asyncio.sleep(_TICK_SECONDS)
        pipe.send("connected")
        await asyncio.to_thread(pipe.recv)
        begun, sent, total = loop.time(), 0, int(rate * seconds)
        while sent < total:
            due = min(total, int((loop.time() - begun) * rate))
            now = clock.now()
            us = int(now.timestamp() * 1e6)
            await instance.emit(
                *(
                    post(
                        us,
                        next(texts) if n % one_in == 0 else _UNWANTED[n % len(_UNWANTED)],
                        rkey=f"r{n}",
                        did=f"did:plc:{n:024}",
                        createdAt=f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
                    )
                    for n in range(sent, due)
                )
            )
            sent = due
            await asyncio.sleep(_TICK_SECONDS)
        pipe.send((loop.time() - begun, sent, -(-sent // one_in)))
        await asyncio.Event().wait()


@contextmanager
def post_server(rate: int, seconds: float, wanted: Sequence[str], one_in: int) -> Iterator[Connection]:
    """Serve a Jetstream until the block ends.

    Through the pipe it tells its port and when a client has come; told anything, it begins; and when all is sent it
    tells (seconds taken, posts, wanted posts).

    Args:
        rate: Posts a second.
        seconds: For how long.
        wanted: Texts that pass the gate, in turn.
        one_in: One post in so many is one of them.
    """
    with _process(_stream_posts, rate, seconds, wanted, one_in) as pipe:
        yield pipe


@contextmanager
def _process(serve: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """A process that tells through a pipe; it ends with the block."""
    spawn = multiprocessing.get_context("spawn")  # a fork would share memory that is measured
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve, args=(theirs, *arguments), daemon=True)
    server.start()
    theirs.close()  # so that its death is heard of
    try:
        yield ours
    finally:
        server.terminate()
        server.join()
