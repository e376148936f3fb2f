"""Answers every request with one file, so that a source can be tried on a document that somebody saved."""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import MAX_BODY_BYTES, Response

BASE = "https://file.invalid/"
# Not `text/xml`: without a charset that would mean ASCII, whatever the document says of itself.
_TYPES = {".atom": "application/atom+xml", ".rss": "application/rss+xml", ".xml": "application/xml"}


class FileHttp:
    """`bot.ports.Http` on one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = BASE + quote(path.name)

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """See `bot.ports.Http.get`; whatever the URL, the file."""
        del headers, total_seconds
        try:
            if self._path.stat().st_size > max_bytes:
                raise _error(HealthState.UNREADABLE, f"fichier de plus de {max_bytes >> 10} Kio")
            body = self._path.read_bytes()
        except FileNotFoundError as error:
            raise _error(HealthState.UNREACHABLE, "fichier introuvable") from error
        except OSError as error:
            raise _error(HealthState.UNREACHABLE, f"fichier illisible ({error.strerror})") from error
        kind = _TYPES.get(self._path.suffix.lower()) or mimetypes.guess_type(self._path.name)[0] or ""
        return Response(200, {"content-type": kind}, body, url)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
    ) -> Response:
        """See `bot.ports.Http.post`."""
        del body
        return await self.get(url, headers, total_seconds=total_seconds)

    async def close(self) -> None:
        """Nothing is held."""


def _error(state: HealthState, reason: str) -> SourceError:
    return SourceError(f"file: {reason}", state=state, reason=reason)
