"""Operators whose status page is some other JSON than Statuspage's: known services and home-made ones, by mappings."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field, SecretStr, field_validator

from bot.domain.signals import StatusEntry
from bot.ports import Reading, Response, SourceDeps
from sources._channel import MAX_BODY_CHARS, Channel, ChannelSettings
from sources._fetch import Seen, decode_cursor, encode_cursor, fetch, unreadable
from sources._formats import FORMATS
from sources._json import json_bytes, too_heavy
from sources._mapping import MAX_ENTRIES, Document, FieldMap, Said
from sources._sights import Sights, hashed
from sources._words import counted


class Settings(ChannelSettings):
    """Settings of a `status_json` source.

    Attributes:
        format: One of `sources._formats`, or `auto`: the first that the document has the shape of.
        mapping: A mapping of the newsroom's own, instead of a format.
        only: Path → values: only entries that have one of these values there are read (a region, a product).
        timezone: Of times without a zone.
        token: Secret, where the service wants one; sent in `token_header` after `token_prefix`.
    """

    format: str = "auto"
    mapping: FieldMap | None = None
    only: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    timezone: ZoneInfo = ZoneInfo("UTC")
    token: SecretStr | None = None
    token_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    token_prefix: str = ""

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"auto", *FORMATS}:
            raise ValueError(f"must be one of auto, {', '.join(FORMATS)}")
        return value


class _Cursor(msgspec.Struct, frozen=True):
    """`sights`: see `sources._sights`."""

    seen: Seen = Seen()
    sights: dict[str, datetime] = {}


def create(settings: Settings, deps: SourceDeps) -> "StatusJsonSource":
    """A source for these settings."""
    return StatusJsonSource(settings, deps)


class StatusJsonSource(Channel[Settings]):
    """Reads one JSON document; see `bot.ports.Source`."""

    kind = "status_json"

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        super().__init__(settings, deps)
        token = settings.token.get_secret_value() if settings.token else ""
        self._headers = {settings.token_header: f"{settings.token_prefix}{token}"} if token else {}
        self._how = settings.model_dump_json(include={"format", "mapping", "only", "timezone"})

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: one Reading, empty where the document has not changed."""
        before = decode_cursor(cursor, _Cursor())
        answer, seen = await self._fetch(before.seen)
        if answer is None:
            yield Reading(cursor=encode_cursor(_Cursor(seen, before.sights)))
            return
        sights = Sights(self.name, before.sights, self._deps.clock.now())
        entries = await asyncio.to_thread(self._entries, answer, sights)  # some megabytes would hold up the loop
        yield Reading(events=_newest(entries), cursor=encode_cursor(_Cursor(seen, sights.known)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        answer, _ = await self._fetch(Seen())
        if answer is None:
            return "rien"
        document, name = await asyncio.to_thread(self._document, answer, self._deps.clock.now())
        return f"{name}, {counted(len(document.entries(self._settings.only)), 'entrée')}"

    async def _fetch(self, seen: Seen) -> tuple[Response | None, Seen]:
        return await fetch(self._deps.http, self._settings.url, seen, how=self._how, headers=self._headers)

    def _entries(self, answer: Response, sights: Sights) -> list[StatusEntry]:
        document, _ = self._document(answer, sights.seen_at)
        said = (document.said(node, listed) for node, listed in document.entries(self._settings.only))
        return [self._entry(one, sights, answer.url) for one in said if one.title]

    def _document(self, answer: Response, now: datetime) -> tuple[Document, str]:
        """The document, and the name of its format."""
        body = json_bytes(answer)
        if too_heavy(body):
            raise unreadable(answer.url, "document trop lourd à analyser")
        try:
            root = msgspec.json.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise unreadable(answer.url, "ce n’est pas du JSON") from error
        for name, fields in self._candidates():
            document = Document(root, fields, now, self._settings.timezone)
            if root == [] or document.fits(declared=self._settings.mapping is not None):
                return document, name
        raise unreadable(answer.url, "JSON d’une forme inconnue ; un `mapping` peut la décrire")

    def _candidates(self) -> Iterator[tuple[str, FieldMap]]:
        if self._settings.mapping is not None:
            yield "mapping", self._settings.mapping
        elif self._settings.format != "auto":
            yield self._settings.format, FORMATS[self._settings.format]
        else:
            yield from FORMATS.items()

    def _entry(self, said: Said, sights: Sights, url: str) -> StatusEntry:
        settings = self._settings
        entry_id = said.id or hashed(said.title, *(time.isoformat() for time in said.times[-1:] if time))
        return StatusEntry(
            source=self.name,
            operator=settings.operator,
            id=entry_id,
            title=said.title,
            state=said.state,
            published_at=sights.time_of(said.times, entry_id, said.title, said.state, said.body),
            seen_at=sights.seen_at,
            body=said.body[:MAX_BODY_CHARS],
            services=settings.services_of(said.title, *said.components),
            area=said.area or settings.area,
            url=_link(url, said.url),
        )


def _link(url: str, said: str) -> str:
    """Where an entry can be read: its own address, absolute or not, else the document's (whose query may be secret)."""
    with suppress(ValueError):
        link = urljoin(url, said)
        if said and link.startswith(("http://", "https://")):
            return link
    return url.partition("?")[0]


def _newest(entries: list[StatusEntry]) -> tuple[StatusEntry, ...]:
    """The newest version of each entry, in the document's order; of more than we keep, the newest entries."""
    newest: dict[str, datetime] = {}
    for entry in entries:
        newest[entry.id] = max(newest.get(entry.id, entry.published_at), entry.published_at)
    kept = [entry for entry in entries if entry.published_at == newest[entry.id]]
    if len(kept) > MAX_ENTRIES:
        oldest = sorted((entry.published_at for entry in kept), reverse=True)[MAX_ENTRIES - 1]
        kept = [entry for entry in kept if entry.published_at >= oldest]
    return tuple(dict.fromkeys(kept))
