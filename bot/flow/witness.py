"""Stands between an operator's channel and its source: what was answered is kept whatever the source makes of it."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bot.domain.captures import Capture
from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import MAX_BODY_BYTES, Http, Response

_OK, _NOT_MODIFIED = 200, 304
_CONDITIONS = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
# What tells when the answer was made, what it is and who gave it; no cookie, no token, nothing of ours.
_HEADERS = (
    "date",
    "last-modified",
    "etag",
    "age",
    "expires",
    "cache-control",
    "content-type",
    "content-language",
    "content-encoding",
    "content-location",
    "retry-after",
    "server",
    "via",
)
_HEADER_CHARS = 500
_HELD = 16  # answers with an ETag or a Last-Modified whose bytes a 304 may confirm

_Key = tuple[str, tuple[str | None, ...]]


class Witness:
    """The `Http` of one source; what came through it since the last check is handed over by `take`.

    A 304 proves nothing unless we hold the bytes it confirms. So a conditional request for a document that this
    witness has not seen whole (the first one after a start) is made without its conditions.

    Attributes:
        keeps: Whether it is to keep anything at all; until then it only passes on.
    """

    def __init__(self, http: Http, *, keeps: bool = False) -> None:
        self.keeps = keeps
        self._http = http
        self._captures: list[Capture] = []
        self._held: dict[_Key, tuple[str, int]] = {}  # digest and size

    def take(self) -> tuple[Capture, ...]:
        """What was answered since it was last called."""
        captures, self._captures = tuple(self._captures), []
        return captures

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """See `bot.ports.Http.get`."""
        if not self.keeps:
            return await self._http.get(url, headers, total_seconds=total_seconds, max_bytes=max_bytes)
        asked = dict(headers or {})
        conditions = tuple(asked.get(name) for name in _CONDITIONS)
        held = self._held.get((url, conditions)) if any(conditions) else None
        if held is None:
            asked = {name: value for name, value in asked.items() if name not in _CONDITIONS}
        answer = await self._http.get(url, asked, total_seconds=total_seconds, max_bytes=max_bytes)
        if answer.status == _NOT_MODIFIED and held is None:
            reason = "réponse 304 à une question sans condition"
            raise SourceError(f"GET {shown(url)}: {reason}", state=HealthState.UNREADABLE, reason=reason)
        self._note(url, answer, held)
        return answer

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, *, total_seconds: float = 20.0
    ) -> Response:
        """See `bot.ports.Http.post`."""
        answer = await self._http.post(url, body, headers, total_seconds=total_seconds)
        if self.keeps:
            self._note(url, answer, None)
        return answer

    def _note(self, url: str, answer: Response, held: tuple[str, int] | None) -> None:
        confirmed = held if answer.status == _NOT_MODIFIED else None
        digest, size = confirmed or (hashlib.sha256(answer.body).hexdigest(), len(answer.body))
        if answer.status == _OK:
            key = (url, tuple(answer.headers.get(name) for name in _CONDITIONS.values()))
            self._held.pop(key, None)
            self._held[key] = digest, size
            if len(self._held) > _HELD:
                del self._held[next(iter(self._held))]
        self._captures.append(
            Capture(
                url=shown(answer.url),
                status=answer.status,
                digest=digest,
                size=size,
                headers=tuple((n, answer.headers[n][:_HEADER_CHARS]) for n in _HEADERS if n in answer.headers),
                dated=_dated(answer.headers.get("date", "")),
                body=None if confirmed else answer.body,
            )
        )


def shown(url: str) -> str:
    """A URL without what may be secret in it: user and password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{'?…' if parts.query else ''}"


def _dated(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
