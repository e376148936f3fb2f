"""Whatever else a newsroom has ears for: its own programs post signals, signed, and are told once they are stored."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from pydantic import Field, SecretStr, field_validator

from bot.domain.signals import Signal, StatusEntry, Tally
from bot.errors import ConfigError, InputError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources._door import Door
from sources._fetch import decode_cursor, encode_cursor
from sources._scenario import parse_signals
from sources._signature import RefusedError, Seen, Stamp, key_of, verify
from sources._time import believable

MAX_WAITING = 100
_AT_ONCE = 20  # posts of one Reading
_STORE_SECONDS = 10.0
_LOG_SECONDS = 60.0
_FUTURE = timedelta(minutes=2)  # as far as clocks differ
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
        path = settings.path or f"/signals/{self.name}"
        self._where = f"http://{settings.listen}{path}"
        self._door = Door(settings.listen, path, self._take)
        self._key = key_of(settings.secret.get_secret_value())
        self._posts: asyncio.Queue[_Post] = asyncio.Queue(MAX_WAITING)
        self._in_hand: dict[str, _Post] = {}  # by signature: believed, and not yet stored
        self._seen = Seen()
        self._refusals = 0
        self._log_at = 0.0

    @property
    def port(self) -> int | None:
        """The port it listens on now (the configured one may be 0), or None."""
        return self._door.port

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: for ever; a sender hears 204 once its Reading is stored."""
        await self.close()  # a read that was broken off
        self._seen = decode_cursor(cursor, Seen())
        await self._door.open()
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
        return f"à l’écoute sur {self._where}" if await self._door.is_open() else f"prêt à recevoir sur {self._where}"

    async def close(self) -> None:
        """See `bot.ports.Source.close`; who waits for an answer is told to try again."""
        self._door.shut()
        for post in tuple(self._in_hand.values()):
            self._done(post, stored=False)
        self._posts = asyncio.Queue(MAX_WAITING)
        await self._door.close()

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

    async def _take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Status of the answer to a request, and what is wrong with it."""
        try:
            post = self._believed(headers, body)
        except RefusedError as error:
            return self._refused(401, str(error))
        except InputError as error:
            return self._refused(422, str(error))
        if self._posts.full() or self._door.port is None:
            return 503, "too busy: try again"
        self._in_hand[post.stamp.signature] = post
        self._posts.put_nowait(post)
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                stored = await asyncio.shield(post.stored)
        except TimeoutError:
            stored = False  # it is stored all the same, once the store can, and a repeat has no effect
        return (204, "") if stored else (503, "not stored yet: try again")

    def _believed(self, headers: Mapping[str, str], body: bytes) -> _Post:
        now = self._deps.clock.now()
        stamp = verify(headers, body, self._key)
        self._seen.check(stamp, now, self._settings.max_age)
        if stamp.signature in self._in_hand:
            raise RefusedError("this request is being dealt with: sign each attempt anew")
        signals = tuple(self._judged(signal) for signal in parse_signals(body, self.name, now))
        return _Post(stamp, signals, asyncio.get_running_loop().create_future())

    def _refused(self, status: int, why: str) -> tuple[int, str]:
        """Note a refusal: anybody may knock, so the log hears of the first of each minute and how many there were."""
        self._refusals += 1
        now = asyncio.get_running_loop().time()
        if now >= self._log_at:
            self._log_at = now + _LOG_SECONDS
            log.warning("webhook.refused", source=self.name, status=status, why=why, refused=self._refusals)
        return status, why

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
