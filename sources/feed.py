"""Operators that publish their incidents as RSS or Atom."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from hashlib import blake2b

import msgspec
import structlog

from bot.domain.signals import EntryState, StatusEntry
from bot.ports import Reading, Response, SourceDeps
from sources._channel import MAX_BODY_CHARS, ChannelSettings, require_operator
from sources._fetch import Seen, decode_cursor, encode_cursor, fetch, unreadable
from sources._parser import ParseError, shared_parser
from sources._time import believable, parse_time
from sources._words import read_state

_log = structlog.get_logger()


class Settings(ChannelSettings):
    """Settings of a `feed` source."""


class _Entry(msgspec.Struct, frozen=True):
    id: str = ""
    link: str = ""
    title: str = ""
    body: str = ""
    time: str | None = None
    parsed: str | None = None


class _Feed(msgspec.Struct, frozen=True):
    version: str
    broken: bool
    entries: tuple[_Entry, ...]


class _Cursor(msgspec.Struct, frozen=True):
    """`undated`: hash of an entry's text → when we first saw it, for those whose own time cannot be true."""

    seen: Seen = Seen()
    undated: dict[str, datetime] = {}


def create(settings: Settings, deps: SourceDeps) -> "FeedSource":
    """A source for these settings."""
    require_operator(settings, deps.operators)
    return FeedSource(settings, deps)


class FeedSource:
    """Reads one feed; see `bot.ports.Source`."""

    kind = "feed"
    hears = False

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self.operator: str | None = settings.operator
        self.interval = settings.interval
        self._settings = settings
        self._deps = deps

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: one Reading, empty where the feed has not changed."""
        before = decode_cursor(cursor, _Cursor())
        answer, seen = await fetch(self._deps.http, self._settings.url, before.seen)
        if answer is None:
            yield Reading(cursor=encode_cursor(_Cursor(seen, before.undated)))
            return
        feed = await _parse(answer)
        seen_at = self._deps.clock.now()
        undated: dict[str, datetime] = {}
        entries: dict[str, StatusEntry] = {}
        for raw in feed.entries:
            entry = self._entry(raw, seen_at, before.undated, undated)
            known = entries.get(entry.id)
            if entry.title and (known is None or known.published_at < entry.published_at):
                entries[entry.id] = entry
            await asyncio.sleep(0)  # three hundred long entries are seconds of reading: others want their turn
        if fresh := undated.keys() - before.undated.keys():
            _log.warning("entries without a believable time", source=self.name, entries=len(fresh))
        yield Reading(events=tuple(entries.values()), cursor=encode_cursor(_Cursor(seen, undated)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        answer, _ = await fetch(self._deps.http, self._settings.url, Seen())
        feed = await _parse(answer) if answer else None
        return f"{feed.version}, {len(feed.entries)} entrées" if feed else "rien"

    async def close(self) -> None:
        """See `bot.ports.Source.close`."""
        await shared_parser().close()

    def _entry(
        self, raw: _Entry, seen_at: datetime, before: dict[str, datetime], undated: dict[str, datetime]
    ) -> StatusEntry:
        title = raw.title or raw.body.partition("\n")[0][:200]
        state = read_state(raw.title, raw.body)
        entry_id = raw.id or _hash(raw.link, title)
        published_at = parse_time(raw.time) or parse_time(raw.parsed)
        if published_at is None or not believable(published_at, seen_at):
            digest = _hash(title, raw.body)
            published_at = undated[digest] = before.get(digest, seen_at)
        return StatusEntry(
            source=self.name,
            operator=self._settings.operator,
            id=entry_id,
            title=title,
            state=state if title else EntryState.UNKNOWN,
            published_at=published_at,
            seen_at=seen_at,
            body=raw.body[:MAX_BODY_CHARS],
            services=self._settings.services_of(title, raw.body),
            area=self._settings.area,
            url=raw.link if raw.link.startswith(("http://", "https://")) else None,
        )


async def _parse(answer: Response) -> _Feed:
    job = {"do": "feed", "content_type": answer.headers.get("content-type", "")}
    try:
        feed = await shared_parser().run(job, answer.body, _Feed)
    except ParseError as error:
        raise unreadable(answer.url, str(error)) from error
    if not feed.version:
        raise unreadable(answer.url, "ce n’est pas un flux RSS ou Atom")
    if feed.broken and not feed.entries:
        raise unreadable(answer.url, "flux illisible")
    return feed


def _hash(*texts: str) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()
