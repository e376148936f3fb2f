"""The X API behind tweepy: the one place that knows the library, its session and what its errors mean to us."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import aiohttp
import msgspec

from bot.clock import SystemClock
from bot.domain.signals import HealthState
from bot.errors import SourceError
from sources._time import parse_time

Answer = TypeVar("Answer")

_TWEEPY_URL = "https://api.twitter.com"  # fixed inside tweepy
_TOTAL_SECONDS = 30.0
_PAUSE_SECONDS = 3600.0
_SERVER_ERROR = 500


class _Session:
    """What tweepy asks of a session, sent to the address that is configured."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS))

    def request(self, method: str, url: str, **options: Any) -> Any:  # noqa: ANN401 - aiohttp's own options and context
        return self._session.request(
            method, url.replace(_TWEEPY_URL, self._endpoint, 1), allow_redirects=False, **options
        )

    async def close(self) -> None:
        await self._session.close()


class Count(msgspec.Struct, frozen=True):
    """Posts in a span of time."""

    start: str
    end: str
    tweet_count: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Post(msgspec.Struct, frozen=True):
    """One post."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    text: str
    author_id: str = ""
    created_at: str = ""


class Usage(msgspec.Struct, frozen=True):
    """What the project has read this month."""

    project_usage: str = "?"
    project_cap: str = "?"


# The API leaves `data` out where it is empty.
class _Counts(msgspec.Struct, frozen=True):
    data: tuple[Count, ...] = ()


class _Posts(msgspec.Struct, frozen=True):
    data: tuple[Post, ...] = ()


class _Usage(msgspec.Struct, frozen=True):
    data: Usage


class XApi:
    """Asks the API.

    Every failure is a `SourceError`: `failing` (token, rate limit, query), `paused` (no credit), `unreachable`,
    `unreadable`.
    """

    def __init__(self, name: str, bearer_token: str, endpoint: str) -> None:
        self._name = name
        self._bearer_token = bearer_token
        self._endpoint = endpoint
        self._session: _Session | None = None
        self._client: Any = None

    async def counts(self, query: str, start: datetime, end: datetime, granularity: str) -> tuple[Count, ...]:
        """How many posts a query finds, by minute or hour; costs a request."""
        return (
            await self._ask(
                lambda client: client.get_recent_tweets_count(
                    query, start_time=start, end_time=end, granularity=granularity
                ),
                _Counts,
            )
        ).data

    async def posts(self, query: str, most: int, since: Mapping[str, datetime | str]) -> tuple[Post, ...]:
        """The newest posts a query finds; costs each post.

        Args:
            query: In X's own language.
            most: 10 to 100.
            since: `since_id` or `start_time`.
        """
        return (
            await self._ask(
                lambda client: client.search_recent_tweets(
                    query, max_results=most, tweet_fields=["author_id", "created_at"], **since
                ),
                _Posts,
            )
        ).data

    async def usage(self) -> Usage:
        """Usage figures; X lists no price for them."""
        return (await self._ask(_usage, _Usage)).data

    async def _ask(self, call: Callable[[Any], Awaitable[Any]], answer: type[Answer]) -> Answer:
        client = self._connected()
        try:
            # Half a character, as a post cut inside an emoji leaves it, is no text that could be kept.
            told = json.dumps(await call(client), ensure_ascii=False).encode("utf-8", "replace")
            return msgspec.json.decode(told, type=answer)
        except Exception as error:
            raise self._translated(error) from error

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    def error(self, state: HealthState, cause: str, **more: Any) -> SourceError:  # noqa: ANN401 - SourceError's own
        """An error of this source."""
        return SourceError(f"ask X: {self._name}: {cause}", state=state, reason=cause, **more)

    def _connected(self) -> Any:  # noqa: ANN401 - tweepy has no types
        if self._client is None:
            import tweepy.asynchronous  # noqa: PLC0415 - 37 MiB that only newsrooms with X pay for

            logging.getLogger("tweepy").setLevel(logging.INFO)  # at DEBUG it logs the token
            self._session = _Session(self._endpoint)
            self._client = tweepy.asynchronous.AsyncClient(self._bearer_token, return_type=dict)
            self._client.session = self._session
        return self._client

    def _translated(self, error: Exception) -> SourceError:
        # tweepy's errors carry the response; aiohttp's ContentTypeError (an HTML answer) carries the status itself.
        response = getattr(error, "response", None)
        status = getattr(response, "status", None) or getattr(error, "status", None)
        if status is not None and not _ok(status):
            return self._refused(status, getattr(response, "headers", {}))
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError) and status is None:
            return self.error(HealthState.UNREACHABLE, f"connexion impossible ({type(error).__name__})")
        return self.error(HealthState.UNREADABLE, f"réponse incompréhensible ({type(error).__name__})")

    def _refused(self, status: int, headers: Any) -> SourceError:  # noqa: ANN401 - a mapping of aiohttp's
        if status >= _SERVER_ERROR:
            return self.error(HealthState.UNREACHABLE, f"erreur du serveur (HTTP {status})")
        causes = {
            401: (HealthState.FAILING, "jeton refusé (HTTP 401)"),
            402: (HealthState.PAUSED, "plus de crédit chez X (HTTP 402)"),
            403: (HealthState.PAUSED, "refus de X : crédit épuisé ou accès insuffisant (HTTP 403)"),
            429: (HealthState.FAILING, "trop de requêtes (HTTP 429)"),
        }
        state, cause = causes.get(status, (HealthState.FAILING, f"requête refusée par X (HTTP {status})"))
        wait = _PAUSE_SECONDS if state is HealthState.PAUSED else _wait(headers)
        return self.error(state, cause, retryable=status != 401, retry_after=wait)  # noqa: PLR2004 - HTTP's number


async def _usage(client: Any) -> Any:  # noqa: ANN401 - tweepy has no types
    return await (await client.request("GET", "/2/usage/tweets")).json()


def _ok(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's numbers


def _wait(headers: Any) -> float | None:  # noqa: ANN401 - a mapping of aiohttp's
    """Seconds until the rate limit's end, by the server's own clock where it shows it."""
    now: datetime = parse_time(headers.get("Date")) or SystemClock().now()
    asked, reset = headers.get("Retry-After", ""), headers.get("x-rate-limit-reset", "")
    if asked.isdigit():
        return float(asked)
    return max(0.0, float(reset) - now.timestamp()) if reset.isdigit() else None
