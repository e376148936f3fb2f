"""What people write on Bluesky, from the public Jetstream: free, without a key, and seconds after they wrote it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import msgspec
from pydantic import Field

from bot.domain.signals import Deletion, HealthState, Mention
from bot.errors import SourceError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources._fetch import decode_cursor, encode_cursor
from sources._time import believable, parse_time

# https://github.com/bluesky-social/jetstream: cursors are times, so that one serves at every instance.
ENDPOINTS = (
    "wss://jetstream1.us-east.bsky.network/subscribe",
    "wss://jetstream2.us-east.bsky.network/subscribe",
    "wss://jetstream1.us-west.bsky.network/subscribe",
    "wss://jetstream2.us-west.bsky.network/subscribe",
)
POSTS = "app.bsky.feed.post"
MAX_MESSAGE_BYTES = 256 * 1024
# An instance keeps about a day; what is older than this is not there any more, and a gap is a gap.
RETENTION = timedelta(hours=24)
# Instances see a post at times that differ: going on exactly at the last time heard would leave a hole where the next
# instance is behind. What is told twice is known by its id.
REWIND = timedelta(seconds=5)
# https://atproto.com/specs/account: what an account that has gone wrote is not to be shown; the others are for relays.
_GONE = frozenset({"deleted", "deactivated", "suspended", "takendown"})
_BATCH = 200
_LASTING_SECONDS = 60.0
_CONNECT_SECONDS = 20.0
_MAX_UNREADABLE = 20


class Settings(SourceSettings):
    """Settings of the `bluesky` source.

    Attributes:
        interval: Unused: the posts come by themselves.
        endpoints: Jetstream instances, tried in turn.
        languages: Posts labelled with another language only are dropped; posts without a label are kept.
        batch_seconds: How long posts are gathered before they are handed over.
        quiet_seconds: At the latest after so long, the progress is handed over even without posts of ours.
        silence_seconds: A connection silent for so long is taken for dead.
    """

    url_key = "endpoints"

    endpoints: tuple[str, ...] = Field(default=ENDPOINTS, min_length=1)
    languages: frozenset[str] = frozenset({"fr"})
    batch_seconds: float = Field(default=0.25, gt=0)  # a post is to be counted within a second
    quiet_seconds: float = Field(default=15.0, gt=0)
    silence_seconds: float = Field(default=60.0, gt=0)


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    text: str = ""
    created_at: str = ""
    langs: tuple[str, ...] | None = None


class _Commit(msgspec.Struct, frozen=True):
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: msgspec.Raw = msgspec.Raw(b"null")  # whatever its author's server let through, two hundred in one commit


class _Account(msgspec.Struct, frozen=True):
    active: bool = True
    status: str = ""


class _Event(msgspec.Struct, frozen=True):
    did: str
    time_us: Annotated[int, msgspec.Meta(ge=1_100_000_000_000_000, le=4_000_000_000_000_000)]  # of this century
    commit: _Commit | None = None
    account: _Account | None = None


class _Cursor(msgspec.Struct, frozen=True):
    time_us: int = 0


def create(settings: Settings, deps: SourceDeps) -> "BlueskySource":
    """A source for these settings."""
    return BlueskySource(settings, deps)


class BlueskySource:
    """Listens to one instance after another; see `bot.ports.Source`."""

    kind = "bluesky"
    operator: str | None = None
    hears = True
    interval = timedelta(0)

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self._settings = settings
        self._deps = deps
        self._endpoints = cycle(settings.endpoints)

    async def read(self, cursor: str | None) -> AsyncGenerator[Reading]:
        """See `bot.ports.Source.read`: for ever, until every instance in turn has failed."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            heard_at = connected_at = loop.time()
            try:
                async with aclosing(self._listen(next(self._endpoints), decode_cursor(cursor, _Cursor()))) as readings:
                    async for reading in readings:
                        cursor = reading.cursor or cursor
                        heard_at = loop.time()
                        yield reading
            except SourceError:
                failures = 1 if heard_at - connected_at > _LASTING_SECONDS else failures + 1
                if failures >= len(self._settings.endpoints):
                    raise

    async def check(self) -> str:
        """See `bot.ports.Source.check`: waits for one event of the first instance."""
        endpoint = self._settings.endpoints[0]
        async with aclosing(self._events(endpoint, _Cursor())) as events:
            async for event in events:
                if event is not None:
                    return f"{_host(endpoint)} : des messages arrivent"
        raise _unreachable(endpoint, "aucun message reçu")

    async def close(self) -> None:
        """See `bot.ports.Source.close`; a connection ends with its reader."""

    async def _listen(self, endpoint: str, since: _Cursor) -> AsyncGenerator[Reading]:
        """Readings of one connection: soon after a post we want, and now and then without one.

        A connection that says nothing at all is no proof that nothing is said: it gives no Reading.
        """
        loop = asyncio.get_running_loop()
        resumed_from = _time(since.time_us) if since.time_us else None
        if resumed_from and self._deps.clock.now() - resumed_from > RETENTION:
            resumed_from = None
        last_us = since.time_us
        taken: list[Mention | Deletion] = []
        heard = False
        # The first event of all is handed over at once: what follows it is heard again after a crash.
        due = loop.time() + (self._settings.quiet_seconds if last_us else 0.0)
        async with aclosing(self._events(endpoint, since)) as events:
            async for event in events:
                if event is not None:
                    heard = True
                    # An instance whose clock is ahead would have the next one take the cursor for a time to come, for
                    # which it replays nothing: our own clock is what all of them have in common.
                    last_us = max(last_us, min(event.time_us, _time_us(self._deps.clock.now())))
                    ours = self._mention(event) or self._deletion(event)
                    if ours is not None:
                        taken.append(ours)
                    if isinstance(ours, Mention):  # a deletion, mostly of a post that was never ours, can wait
                        due = min(due, loop.time() + self._settings.batch_seconds)
                if not heard or (loop.time() < due and len(taken) < _BATCH):
                    continue
                yield Reading(
                    events=tuple(taken),
                    cursor=encode_cursor(_Cursor(last_us)) if last_us else None,
                    complete_to=_time(last_us) if last_us else None,
                    heard_from=resumed_from,
                )
                taken, heard, resumed_from, due = [], False, None, loop.time() + self._settings.quiet_seconds

    async def _events(self, endpoint: str, since: _Cursor) -> AsyncGenerator[_Event | None]:
        """Events of one connection, and None at least every `batch_seconds` without one."""
        loop = asyncio.get_running_loop()
        params = {"wantedCollections": POSTS, "maxMessageSizeBytes": str(MAX_MESSAGE_BYTES)}
        if since.time_us:
            params["cursor"] = str(max(1, since.time_us - REWIND // timedelta(microseconds=1)))
        unreadable = 0
        try:
            async with aiohttp.ClientSession(headers={"User-Agent": self._deps.user_agent}) as session:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    # aiohttp refuses a message of exactly its limit, which the instance still sends.
                    connection = await session.ws_connect(endpoint, params=params, max_msg_size=MAX_MESSAGE_BYTES + 1)
                async with connection:
                    heard_at = loop.time()
                    while loop.time() - heard_at < self._settings.silence_seconds:
                        try:
                            message = await connection.receive(timeout=self._settings.batch_seconds)
                        except TimeoutError:
                            yield None
                            continue
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            raise _unreachable(endpoint, "connexion fermée")
                        try:
                            event = msgspec.json.decode(message.data, type=_Event)
                        except (msgspec.DecodeError, RecursionError):  # a row of them is not our format
                            unreadable += 1
                            if unreadable >= _MAX_UNREADABLE:
                                raise _unreadable(endpoint) from None
                            continue
                        unreadable = 0
                        yield event
                        heard_at = loop.time()
        except aiohttp.WSServerHandshakeError as error:
            raise _unreachable(endpoint, f"flux refusé (HTTP {error.status})") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(endpoint, f"connexion impossible ({type(error).__name__})") from error
        raise _unreachable(endpoint, f"muet depuis {self._settings.silence_seconds:g} s")

    def _mention(self, event: _Event) -> Mention | None:
        commit = event.commit
        if commit is None or commit.operation != "create" or commit.collection != POSTS:
            return None
        try:
            record = msgspec.json.decode(commit.record, type=_Record)
        except (msgspec.DecodeError, RecursionError):
            return None
        labels = {label[:2].lower() for label in record.langs or () if label.lower() not in {"", "und"}}
        if (labels and not labels & self._settings.languages) or not self._deps.gate(record.text):
            return None
        now = self._deps.clock.now()
        received_at = _time(min(event.time_us, _time_us(now)))
        created_at = parse_time(record.created_at)
        return Mention(
            source=self.name,
            id=_uri(event.did, commit),
            author=event.did,
            text=record.text,
            published_at=created_at if created_at and believable(created_at, received_at) else received_at,
            seen_at=now,
            url=f"https://bsky.app/profile/{event.did}/post/{commit.rkey}",
        )

    def _deletion(self, event: _Event) -> Deletion | None:
        commit, account = event.commit, event.account
        if account is not None and not account.active and account.status in _GONE:
            return Deletion(self.name, f"at://{event.did}/", account=True)
        if commit is None or commit.operation != "delete" or commit.collection != POSTS:
            return None
        return Deletion(self.name, _uri(event.did, commit))


def _uri(did: str, commit: _Commit) -> str:
    return f"at://{did}/{POSTS}/{commit.rkey}"


def _time(time_us: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time_us)


def _time_us(when: datetime) -> int:
    return (when - _time(0)) // timedelta(microseconds=1)


def _host(endpoint: str) -> str:
    return urlsplit(endpoint).hostname or "(no host)"


def _unreachable(endpoint: str, cause: str) -> SourceError:
    return SourceError(f"listen to {_host(endpoint)}: {cause}", state=HealthState.UNREACHABLE, reason=cause)


def _unreadable(endpoint: str) -> SourceError:
    cause = "ce n’est pas un flux de messages"
    return SourceError(f"listen to {_host(endpoint)}: {cause}", state=HealthState.UNREADABLE, reason=cause)
