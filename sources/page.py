"""Operators that tell of incidents on a web page only, as most French ones do."""

import re
from collections.abc import AsyncIterator
from hashlib import blake2b

import msgspec
from pydantic import Field

from bot.domain.signals import StatusEntry
from bot.ports import Reading, Response, SourceDeps
from sources._channel import MAX_BODY_CHARS, Channel, ChannelSettings
from sources._fetch import Seen, decode_cursor, encode_cursor, fetch, unreadable
from sources._parser import ParseError, shared_parser
from sources._words import fold, is_trouble, read_state, telling_sentence

_MAX_TITLE_CHARS = 200
# What changes on a page without saying anything new: clocks, dates, « il y a 5 minutes ».
_CLOCKS = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2})?\S*)?|\d{1,2}/\d{1,2}(?:/\d{2,4})?"
    r"|\d{1,2}\s?[h:]\s?\d{2}(?::\d{2})?|\b(?:il y a )?\d+ (?:secondes?|minutes?|min|heures?|seconds?|hours?)\b"
)
# A short text with such words is what stands in for the page: a bot check, an error, a domain on sale.
_STAND_IN = re.compile(
    r"\bdomaine? (?:\S+ )?(?:is |est )?(?:for sale|a vendre|parked)\b|\bbuy this domain\b|\bparked (?:free|domain)\b"
    r"|\bpage (?:not found|introuvable|non trouvee)\b|\berr(?:or|eur) (?:404|5\d\d)\b"
    r"|\b(?:404|5\d\d) (?:not found|error|internal|bad|service|gateway)\b"
    r"|\baccess denied\b|\bacces (?:refuse|interdit)\b|\bcaptcha\b|\bjust a moment\b|\bverify you are human\b"
    r"|\benable javascript\b|\bactive[rz] javascript\b"
)
_STAND_IN_MAX_CHARS = 1_000


class Settings(ChannelSettings):
    """Settings of a `page` source.

    Attributes:
        selector: CSS selector of the part that speaks of incidents; all its matches are read.
    """

    selector: str = Field(default="main", min_length=1)


class _Found(msgspec.Struct, frozen=True):
    found: int
    text: str


class _Cursor(msgspec.Struct, frozen=True):
    """`text` is the hash of the last text, `changes` how often it changed since the first sight."""

    seen: Seen = Seen()
    text: str | None = None
    changes: int = 0


def create(settings: Settings, deps: SourceDeps) -> "PageSource":
    """A source for these settings."""
    return PageSource(settings, deps)


class PageSource(Channel[Settings]):
    """Reads one page; see `bot.ports.Source`. A change of its text is an entry, its first sight a baseline."""

    kind = "page"

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: one Reading with at most one entry."""
        before = decode_cursor(cursor, _Cursor())
        answer, seen = await fetch(self._deps.http, self._settings.url, before.seen, how=self._settings.selector)
        if seen.key != before.seen.key:
            before = _Cursor(changes=before.changes)
        if answer is None:
            yield Reading(cursor=encode_cursor(msgspec.structs.replace(before, seen=seen)))
            return
        text = await self._text(answer)
        digest = blake2b(_CLOCKS.sub("", fold(text)).encode(), digest_size=8).hexdigest()
        if digest == before.text:
            yield Reading(cursor=encode_cursor(msgspec.structs.replace(before, seen=seen)))
            return
        entry = self._entry(text, f"{digest}-{before.changes}")
        told = before.text is not None or is_trouble(entry.state)
        yield Reading(events=(entry,) if told else (), cursor=encode_cursor(_Cursor(seen, digest, before.changes + 1)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        answer, _ = await fetch(self._deps.http, self._settings.url, Seen())
        return f"« {telling_sentence(await self._text(answer))[:80]} »" if answer else "rien"

    async def close(self) -> None:
        """See `bot.ports.Source.close`."""
        await shared_parser().close()

    async def _text(self, answer: Response) -> str:
        content_type = answer.headers.get("content-type", "")
        job = {"do": "page", "selector": self._settings.selector, "content_type": content_type}
        try:
            page = await shared_parser().run(job, answer.body, _Found)
        except ParseError as error:
            raise unreadable(answer.url, str(error)) from error
        if not page.found:
            raise unreadable(answer.url, f"la page n’a plus de « {self._settings.selector} »")
        if not page.text:
            raise unreadable(answer.url, f"« {self._settings.selector} » est vide (peut-être rempli par un script)")
        if len(page.text) < _STAND_IN_MAX_CHARS and _STAND_IN.search(fold(page.text)):
            raise unreadable(answer.url, "page d’erreur, contrôle anti-robot ou domaine en vente")
        return page.text

    def _entry(self, text: str, entry_id: str) -> StatusEntry:
        seen_at = self._deps.clock.now()
        state = read_state("", text, nouns=False)
        return StatusEntry(
            source=self.name,
            operator=self._settings.operator,
            id=entry_id,
            title=telling_sentence(text, state)[:_MAX_TITLE_CHARS],
            state=state,
            published_at=seen_at,
            seen_at=seen_at,
            body=text[:MAX_BODY_CHARS],
            services=self._settings.services_of(text),
            area=self._settings.area,
            url=self._settings.url,
        )
