"""Catches up with one hashtag or search of a Mastodon instance: no hole, whatever comes late or is too much at once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from sources._mastodonapi import PAGE, Page, Status
from sources._time import parse_time

# An instance files a post from elsewhere under the time it was written, so it may turn up below newer ones: the last
# minutes are read again. https://github.com/mastodon/mastodon/blob/main/lib/mastodon/snowflake.rb
LATE = timedelta(minutes=15)
MAX_PAGES = 10  # at once: 400 posts
# What a server gives that is not asked for a number. Fewer are the end: a mistake costs time only, as the next reading
# goes on from there, and pages are what an instance counts (`MAX_PAGES_IN_PERIOD` in mastodon.py).
_LEAST_PAGE = 20


class Feed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where we are in one feed of one instance; part of the source's cursor.

    Attributes:
        id: Its newest post that no late one will come below.
        next: The last post read where there is more to be read first; what came late below it is read after that.
        at: Up to when it was read completely.
    """

    id: str | None = None
    next: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a feed gave.

    Attributes:
        statuses: Oldest first; those of the last minutes are given again each time.
        since: From when on this and the readings before it cover everything; None: more is to be read first.
    """

    statuses: tuple[Status, ...]
    feed: Feed
    since: datetime | None


async def catch_up(
    ask: Callable[[Mapping[str, str]], Awaitable[Page]],
    feed: Feed,
    *,
    now: datetime,
    backfill: timedelta,
    deadline: float,
    upwards: bool,
) -> CaughtUp:
    """Read on from where a feed was left.

    Args:
        ask: Gives the page at a position.
        now: When the sweep began (aware UTC).
        backfill: How far a feed that was never read goes back; its newest page is given whole, however old it is (so
            that a recorded page can be tried).
        deadline: Loop time after which no further page is asked for.
        upwards: Whether the feed has `min_id`: it gives what follows a post, so that nothing is jumped over where
            more has come than is read at once. `since_id` gives the newest, and leaves a hole there.

    Raises:
        SourceError: as `ask`; nothing of the feed is taken then.
    """
    upwards = upwards and feed.id is not None
    floor = feed.at - LATE if feed.at is not None else now - backfill
    position: Mapping[str, str] = {"min_id": feed.next or feed.id or ""} if upwards else {}
    found: dict[str, Status] = {}  # in the order they came
    whole = False
    for _ in range(MAX_PAGES):
        page = await ask(position)
        # A page without anything new is the end, and the way out where a server does not know the parameter.
        fresh = [status for status in page.statuses if status.id not in found]
        found |= {status.id: status for status in (reversed(fresh) if upwards else fresh)}
        oldest = written(fresh[-1]) if fresh else None
        ended = len(page.statuses) < _LEAST_PAGE if upwards else oldest is not None and oldest < floor
        whole = not fresh or ended
        position = page.newer if upwards else page.older
        if whole or asyncio.get_running_loop().time() >= deadline:
            break
    statuses = list(found.values()) if upwards else list(found.values())[::-1]
    ids = [status.id for status in statuses if (at := written(status)) is not None and at <= now - LATE]
    newest = ids[-1] if ids and (not upwards or feed.next is None) else feed.id
    if upwards:
        last = None if whole or position["min_id"] == newest else position["min_id"]
        return CaughtUp(tuple(statuses), Feed(newest, last, now if whole else feed.at), feed.at if whole else None)
    newest_page = set(list(found)[:PAGE]) if feed.at is None else set()
    given = tuple(status for status in statuses if status.id in newest_page or (written(status) or now) >= floor)
    return CaughtUp(given, Feed(newest, None, now), floor if whole else written(statuses[0]))


def written(status: Status) -> datetime | None:
    """When a post says it was written."""
    return parse_time(status.created_at)
