"""One round over all hashtags and searches of all instances, in bounded time, whoever of them fails."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from bot.errors import SourceError
from sources._fetch import decode_cursor, encode_cursor
from sources._mastodonapi import MastodonInstance, Page, Status
from sources._mastodonfeed import Feed, catch_up

_SWEEP_SECONDS = 60.0  # then no further page is asked for: a read must end in 120 s
_MAX_POSTS = 2000  # likewise
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class _Cursor(msgspec.Struct, frozen=True):
    feeds: dict[str, Feed] = {}


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to ask an instance for: a hashtag or a search."""

    instance: MastodonInstance
    tag: str = ""
    query: str = ""

    @property
    def key(self) -> str:
        """Its name in the cursor."""
        return f"{self.instance.host}#{self.tag}" if self.tag else f"{self.instance.host}?{self.query}"

    async def ask(self, position: Mapping[str, str]) -> Page:
        """A page of it; see `MastodonInstance`."""
        if self.tag:
            return await self.instance.tagged(self.tag, position)
        return await self.instance.found(self.query, int(position.get("offset", 0)))


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep gave.

    Attributes:
        cursor: Where the next one goes on.
        heard_from: Since when the instances that answered are covered without a gap; None: one is left.
        deaf: Host → why it did not answer.
    """

    statuses: tuple[Status, ...]
    cursor: str
    heard_from: datetime | None
    deaf: Mapping[str, SourceError]


async def sweep(
    stops: Sequence[Stop], cursor: str | None, *, now: datetime, backfill: timedelta
) -> AsyncGenerator[Swept | None]:
    """Read every feed from where it stopped: None after each, what they gave at the end.

    The feed that has waited longest comes first, so that a sweep that runs out of time or requests goes on with the
    others next time. An instance that fails is left alone until then.

    Raises:
        SourceError: No instance answered.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SWEEP_SECONDS
    kept = decode_cursor(cursor, _Cursor()).feeds
    feeds = {stop.key: kept.get(stop.key, Feed()) for stop in stops}
    statuses: dict[str, Status] = {}
    since: list[datetime | None] = []
    answered: set[str] = set()
    deaf: dict[str, SourceError] = {}
    for stop in sorted(stops, key=lambda stop: feeds[stop.key].at or _NEVER):
        host = stop.instance.host
        if host in deaf:
            continue
        if loop.time() >= deadline or len(statuses) >= _MAX_POSTS:
            since.append(None)
            break
        try:
            read = await catch_up(
                stop.ask, feeds[stop.key], now=now, backfill=backfill, deadline=deadline, upwards=bool(stop.tag)
            )
        except SourceError as error:
            deaf[host] = error
            since += [None] if host in answered else []
            continue
        answered.add(host)
        feeds[stop.key] = read.feed
        since.append(read.since)
        for status in read.statuses:
            statuses.setdefault(status.uri, status)  # the same post of two instances or hashtags
        yield None
    if not answered:
        raise _together(list(deaf.values()))
    whole = [begin for begin in since if begin is not None]
    yield Swept(
        tuple(statuses.values()),
        encode_cursor(_Cursor(feeds)),
        max(whole) if len(whole) == len(since) else None,
        deaf,
    )


def _together(errors: Sequence[SourceError]) -> SourceError:
    """One error for several instances, whose reasons name them."""
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    return SourceError(
        "; ".join(map(str, errors)),
        state=errors[0].state,
        reason=" ; ".join(error.reason for error in errors),
        retry_after=min(waits) if len(waits) == len(errors) else None,
    )
