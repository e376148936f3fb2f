"""One Mastodon instance: what we ask of it, its limits, and what its answers mean to us."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec

from bot.clock import Clock
from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import Http, Response
from sources._fetch import refused, unreadable
from sources._time import parse_time

Answer = TypeVar("Answer")

PAGE = 40  # the most that an instance gives at once
# https://docs.joinmastodon.org/api/rate-limits/: 300 requests in 5 minutes. Others behind our address need some, too.
_RESERVE = 10
_PERIOD_SECONDS = 300.0
_LONGEST_PERIOD_SECONDS = 3600.0
_PAGE_SECONDS = 10.0
_MOST_DIGITS = 10
_OK, _NOT_FOUND = 200, 404
_REFUSALS = frozenset({401, 403, 422})
_LINK = re.compile(r'<([^<>]*)>\s*;\s*rel="?(next|prev)"?')


class Account(msgspec.Struct, frozen=True):
    """Who wrote a post."""

    acct: str = ""
    url: str | None = None
    uri: str | None = None
    bot: bool | None = None


class Tag(msgspec.Struct, frozen=True):
    """A hashtag of a post."""

    name: str = ""


class Status(msgspec.Struct, frozen=True):
    """A post; https://docs.joinmastodon.org/entities/Status/."""

    id: str
    uri: str
    created_at: str
    account: Account
    content: str | None = None
    spoiler_text: str | None = None
    language: str | None = None
    visibility: str = "public"
    url: str | None = None
    tags: tuple[Tag, ...] = ()
    reblog: object = None


class Page(msgspec.Struct, frozen=True):
    """Posts, newest first, and how to go on.

    Attributes:
        older: Parameters of the page of older posts.
        newer: The same of newer ones.
    """

    statuses: tuple[Status, ...]
    older: Mapping[str, str]
    newer: Mapping[str, str]


class _Search(msgspec.Struct, frozen=True):
    statuses: list[msgspec.Raw]


class _Error(msgspec.Struct, frozen=True):
    error: str = ""


class _Urls(msgspec.Struct, frozen=True):
    streaming: str = ""


class _Configuration(msgspec.Struct, frozen=True):
    urls: _Urls = _Urls()


class _Instance(msgspec.Struct, frozen=True):
    configuration: _Configuration = _Configuration()


class MastodonInstance:
    """Asks one instance, and stops before its rate limit does.

    Every failure is a `SourceError` whose reason names the instance: `failing` (refused, 429), `paused` (the limit is
    near), `unreachable`, `unreadable`.

    Args:
        token: Sent to this instance only.

    Attributes:
        local_only: It tells strangers the posts of its own accounts only.
    """

    def __init__(self, url: str, http: Http, clock: Clock, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.host = urlsplit(url).netloc
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = http
        self._clock = clock
        self._rest_until = 0.0
        self.local_only = False

    async def tagged(self, tag: str, position: Mapping[str, str]) -> Page:
        """A page of the posts with a hashtag.

        Args:
            tag: Without `#`.
            position: Empty (the newest), a page's `older` or `newer`, or `min_id` alone.
        """
        try:
            answer = await self._get(self._timeline(tag, position), missing=b"[]")
        except SourceError as error:
            # Since 4.5 an instance may keep the posts of others from strangers, and then refuses to tell all of them.
            if self.local_only or self.headers or error.state is not HealthState.FAILING or error.retry_after:
                raise
            self.local_only = True
            try:
                answer = await self._get(self._timeline(tag, position), missing=b"[]")
            except SourceError:
                self.local_only = False
                raise error from None
        statuses = self._statuses(answer, _decode(answer, list[msgspec.Raw], self.host))
        links = {rel: parse_qs(urlsplit(link).query) for link, rel in _LINK.findall(answer.headers.get("link", ""))}
        ids = [status.id for status in statuses]
        return Page(
            statuses,
            older={"max_id": links.get("next", {}).get("max_id", ids[-1:])[0]} if ids else {},
            newer={"min_id": links.get("prev", {}).get("min_id", ids[:1])[0]} if ids else {},
        )

    def _timeline(self, tag: str, position: Mapping[str, str]) -> str:
        local = {"local": "true"} if self.local_only else {}
        return f"/api/v1/timelines/tag/{quote(tag, safe='')}?{urlencode({'limit': str(PAGE), **local, **position})}"

    async def found(self, query: str, offset: int) -> Page:
        """A page of what a search finds, newest first; needs a token, and an instance with full-text search.

        Its `min_id` does not page upwards (it becomes a date in the query), so pages are counted.
        """
        params = {"q": query, "type": "statuses", "limit": str(PAGE), "offset": str(offset)}
        answer = await self._get(f"/api/v2/search?{urlencode(params)}")
        statuses = self._statuses(answer, _decode(answer, _Search, self.host).statuses)
        return Page(statuses, {"offset": str(offset + PAGE)} if statuses else {}, {})

    async def streaming_url(self) -> str:
        """Where the instance streams from: often another host, which it names itself."""
        answer = await self._get("/api/v2/instance")
        told = urlsplit(_decode(answer, _Instance, self.host).configuration.urls.streaming)
        own = urlsplit(self.url)
        # A token goes no less safely than to the instance itself.
        if not told.hostname or (own.scheme == "https" and told.scheme not in {"wss", "https"}):
            return self.url
        scheme = "https" if told.scheme in {"wss", "https"} else "http"
        url = f"{scheme}://{told.netloc}{told.path.rstrip('/')}"
        # The safe client sees whether it lies in a private network; the stream's own sockets look again.
        await self._ask(f"{url}/api/v1/streaming/health", {})
        return url

    async def _get(self, path: str, *, missing: bytes | None = None) -> Response:
        """An answer that holds something; `missing` stands for what does not exist there yet."""
        loop = asyncio.get_running_loop()
        left = self._rest_until - loop.time()
        if left > 0:
            cause = f"{self.host} : limite de requêtes presque atteinte, reprise dans {left:.0f} s"
            raise SourceError(f"mastodon: {cause}", state=HealthState.PAUSED, reason=cause, retry_after=left)
        answer = await self._ask(self.url + path, self.headers)
        remaining = _seconds(answer.headers.get("x-ratelimit-remaining"))
        if remaining is not None and remaining <= _RESERVE:
            self._rest_until = loop.time() + self._to_reset(answer.headers)
        if answer.status == _OK and answer.body.strip():
            return answer
        told = _error_of(answer)
        if answer.status == _NOT_FOUND and missing is not None and told == "Record not found":
            return Response(_OK, {}, missing, answer.url)
        error = unreadable(answer.url, "réponse vide") if answer.status == _OK else refused(answer)
        cause = error.reason
        if answer.status in _REFUSALS:
            who = "jeton refusé" if self.headers else "réservé aux personnes connectées, il faut un jeton"
            cause = f"{who} (HTTP {answer.status})"
        raise self._error(error, cause)

    async def _ask(self, url: str, headers: Mapping[str, str]) -> Response:
        try:
            return await self._http.get(url, headers, total_seconds=_PAGE_SECONDS)
        except SourceError as error:
            wait = error.retry_after
            if error.state is HealthState.FAILING:  # 429, without Retry-After on Mastodon itself
                wait = wait or _PERIOD_SECONDS
                self._rest_until = asyncio.get_running_loop().time() + min(wait, _LONGEST_PERIOD_SECONDS)
            raise self._error(error, error.reason, wait) from error

    def _error(self, error: SourceError, cause: str, wait: float | None = None) -> SourceError:
        return SourceError(str(error), state=error.state, reason=f"{self.host} : {cause}", retry_after=wait)

    def _to_reset(self, headers: Mapping[str, str]) -> float:
        """Seconds until requests are free again, by the instance's own clock."""
        told = headers.get("x-ratelimit-reset")
        seconds = _seconds(told)  # Mastodon writes a time, others seconds since 1970
        reset = datetime.fromtimestamp(seconds, UTC) if seconds is not None else parse_time(told)
        now = parse_time(headers.get("date")) or self._clock.now()
        wait = (reset - now) / timedelta(seconds=1) + 1.0 if reset else _PERIOD_SECONDS
        return min(max(wait, 1.0), _LONGEST_PERIOD_SECONDS)

    def _statuses(self, answer: Response, rows: list[msgspec.Raw]) -> tuple[Status, ...]:
        """The posts of a page; one odd post is a stranger's, a page of them is not our format."""
        statuses = [status for row in rows if (status := read_status(row)) is not None]
        if rows and not statuses:
            raise self._error(unreadable(answer.url, ""), "ce ne sont pas des messages")
        return tuple(statuses)


def read_status(row: msgspec.Raw | str) -> Status | None:
    """A post, or None where it is none."""
    try:
        status = msgspec.json.decode(row, type=Status)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return status if status.id and status.uri else None


def _decode(answer: Response, kind: type[Answer], host: str) -> Answer:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        told = unreadable(answer.url, "réponse incompréhensible")
        raise SourceError(str(told), state=told.state, reason=f"{host} : {told.reason}") from error


def _error_of(answer: Response) -> str:
    try:
        return msgspec.json.decode(answer.body, type=_Error).error
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""


def _seconds(text: str | None) -> float | None:
    """A whole number in a header, or None."""
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
