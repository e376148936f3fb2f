"""Operators that publish their incidents as RSS, RDF, Atom or JSON Feed."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import datetime

import msgspec

from bot.domain.signals import StatusEntry
from bot.ports import Reading, Response, SourceDeps
from sources._channel import MAX_BODY_CHARS, Channel, ChannelSettings
from sources._fetch import Seen, decode_cursor, encode_cursor, fetch, unreadable
from sources._parser import ParseError, shared_parser
from sources._sights import Sights, hashed
from sources._time import parse_time
from sources._words import bare_title, counted, read_state

_MAX_TITLE_CHARS = 200


class Settings(ChannelSettings):
    """Settings of a `feed` source."""


class _Entry(msgspec.Struct, frozen=True):
    id: str = ""
    link: str = ""
    title: str = ""
    body: str = ""
    time: str | None = None
    parsed: str | None = None

    @property
    def headline(self) -> str:
        return self.title or self.body.partition("\n")[0][:_MAX_TITLE_CHARS]


class _Feed(msgspec.Struct, frozen=True):
    version: str
    broken: bool
    entries: tuple[_Entry, ...]


class _Cursor(msgspec.Struct, frozen=True):
    """`sights`: see `sources._sights`."""

    seen: Seen = Seen()
    sights: dict[str, datetime] = {}


def create(settings: Settings, deps: SourceDeps) -> "FeedSource":
    """A source for these settings."""
    return FeedSource(settings, deps)


class FeedSource(Channel[Settings]):
    """Reads one feed; see `bot.ports.Source`."""

    kind = "feed"

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: one Reading, empty where the feed has not changed."""
        before = decode_cursor(cursor, _Cursor())
        answer, seen = await fetch(self._deps.http, self._settings.url, before.seen)
        if answer is None:
            yield Reading(cursor=encode_cursor(_Cursor(seen, before.sights)))
            return
        feed = await _parse(answer)
        sights = Sights(self.name, before.sights, self._deps.clock.now())
        ids = _ids(feed.entries)
        entries: dict[str, StatusEntry] = {}
        for raw, entry_id in zip(feed.entries, ids, strict=True):
            await asyncio.sleep(0)  # reading the words of one takes milliseconds; others want the loop, too
            if not raw.headline:
                continue
            entry = self._entry(raw, entry_id, sights)
            known = entries.get(entry.id)
            if known is None or known.published_at < entry.published_at:
                entries[entry.id] = entry
        yield Reading(events=tuple(entries.values()), cursor=encode_cursor(_Cursor(seen, sights.known)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        answer, _ = await fetch(self._deps.http, self._settings.url, Seen())
        feed = await _parse(answer) if answer else None
        return f"{feed.version}, {counted(len(feed.entries), 'entrée')}" if feed else "rien"

    async def close(self) -> None:
        """See `bot.ports.Source.close`."""
        await shared_parser().close()

    def _entry(self, raw: _Entry, entry_id: str, sights: Sights) -> StatusEntry:
        title = raw.headline
        return StatusEntry(
            source=self.name,
            operator=self._settings.operator,
            id=entry_id,
            title=title,
            state=read_state(raw.title, raw.body),
            published_at=sights.time_of((parse_time(raw.time), parse_time(raw.parsed)), title, raw.body),
            seen_at=sights.seen_at,
            body=raw.body[:MAX_BODY_CHARS],
            services=self._settings.services_of(title, raw.body),
            area=self._settings.area,
            url=raw.link if raw.link.startswith(("http://", "https://")) else None,
        )


def _ids(entries: Iterable[_Entry]) -> list[str]:
    """An id for each entry: its own, or made of its link and title where it has none or shares it with other news."""
    titles: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        titles[entry.id].add(bare_title(entry.headline))
    return [
        entry.id
        if entry.id and len(titles[entry.id]) == 1
        else hashed(entry.id or entry.link, bare_title(entry.headline))
        for entry in entries
    ]


async def _parse(answer: Response) -> _Feed:
    job = {"do": "feed", "content_type": answer.headers.get("content-type", "")}
    try:
        feed = await shared_parser().run(job, answer.body, _Feed)
    except ParseError as error:
        raise unreadable(answer.url, str(error)) from error
    if not feed.version:
        raise unreadable(answer.url, "ce n’est pas un flux RSS, Atom ou JSON Feed")
    if feed.broken and not any(entry.headline for entry in feed.entries):
        raise unreadable(answer.url, "flux illisible")
    return feed
