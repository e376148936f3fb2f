"""Conditional reads for the polled sources: a document that did not change costs no parsing and tells nothing new."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeVar

import msgspec

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import MAX_BODY_BYTES, Http, Response

State = TypeVar("State", bound=msgspec.Struct)
_OK = 200
_NOT_MODIFIED = 304


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What we know of a document from its last good read; part of a source's cursor.

    Attributes:
        key: Hash of where and how it was read: after a change of the settings nothing is known.
    """

    etag: str | None = None
    modified: str | None = None
    digest: str | None = None
    key: str | None = None


class RefusedError(SourceError):
    """The server answered that there is no such document, or none for us (4xx): another address may do."""


async def fetch(
    http: Http,
    url: str,
    seen: Seen,
    *,
    how: str = "",
    headers: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BODY_BYTES,
) -> tuple[Response | None, Seen]:
    """Read a document if it changed.

    Args:
        http: The client.
        url: Where it is.
        seen: From the last good read.
        how: Whatever else in the settings decides what is read in it.
        headers: What the server wants besides (a token).
        max_bytes: Cap of the body, where the usual one is too low.

    Returns:
        The answer, or None where it says what it said last time; and what to remember once it has been understood.

    Raises:
        SourceError: as `Http.get`; `failing` for a refusal (4xx), `unreadable` for an empty body.
    """
    key = _hash(f"{url}\n{how}".encode())
    if seen.key != key:
        seen = Seen()
    conditions = {}
    if seen.etag:
        conditions["If-None-Match"] = seen.etag
    if seen.modified:
        conditions["If-Modified-Since"] = seen.modified
    answer = await http.get(url, {**(headers or {}), **conditions}, max_bytes=max_bytes)
    if answer.status == _NOT_MODIFIED and conditions:
        return None, seen
    if answer.status != _OK:
        raise refused(answer)
    if not answer.body.strip():
        raise unreadable(url, "réponse vide")
    digest = _hash(answer.body)
    now = Seen(answer.headers.get("etag"), answer.headers.get("last-modified"), digest, key)
    return (None if digest == seen.digest else answer), now


def refused(answer: Response) -> RefusedError:
    """The error for an answer that is no document."""
    causes = {
        401: "accès refusé (HTTP 401)",
        403: "accès refusé (HTTP 403)",
        404: "rien à cette adresse (HTTP 404)",
        410: "plus rien à cette adresse (HTTP 410)",
    }
    cause = causes.get(answer.status, f"réponse inattendue (HTTP {answer.status})")
    return RefusedError(f"GET {place(answer.url)}: {cause}", state=HealthState.FAILING, reason=cause)


def unreadable(url: str, cause: str) -> SourceError:
    """The error for an answer that came but cannot be understood."""
    return SourceError(f"read {place(url)}: {cause}", state=HealthState.UNREADABLE, reason=cause)


def place(url: str) -> str:
    """A URL without what may be secret in it (user, password, query)."""
    address = url.partition("?")[0].partition("#")[0].partition("://")[2]
    host, slash, path = address.partition("/")
    return host.rpartition("@")[2] + slash + path


def decode_cursor(cursor: str | None, empty: State) -> State:
    """A cursor of ours, or `empty` where there is none or an older version wrote another shape."""
    try:
        return msgspec.json.decode(cursor or "", type=type(empty))
    except (msgspec.DecodeError, msgspec.ValidationError):
        return empty


def encode_cursor(state: msgspec.Struct) -> str:
    """The text of a cursor."""
    return msgspec.json.encode(state).decode()


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
