"""The X API behind tweepy: the one place that knows the library, its session and what its errors mean to us."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
_WINDOW_SECONDS = 900.0  # https://docs.x.com/x-api/fundamentals/rate-limits
_MAX_TOLD = 200  # characters of X's own explanation; it repeats what was asked
_BAD_REQUEST, _NO_TOKEN, _NO_CREDIT, _SERVER_ERROR = 400, 401, 402, 500
_CAPPED = frozenset({403, 429})  # SpendCapReached, UsageCapExceeded


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

    project_usage: str | int = "?"  # text; a number in the documents
    project_cap: str | int = "?"


# The API leaves `data` out where it is empty.
class _Counts(msgspec.Struct, frozen=True):
    data: tuple[Count, ...] = ()
    errors: tuple[object, ...] = ()


class _Posts(msgspec.Struct, frozen=True):
    data: tuple[Post, ...] = ()
    errors: tuple[object, ...] = ()


class _Problem(msgspec.Struct, frozen=True):
    """What X says of a refusal: a status stands for several things."""

    title: str = ""
    detail: str = ""
    type: str = ""

    @property
    def costs(self) -> bool:
        """Whether money or a cap is what is lacking, which waiting for a window does not bring."""
        words = f"{self.title} {self.type} {self.detail}".casefold()
        return any(word in words for word in ("usage-capped", "usagecap", "credit", "spendcap", "spend cap"))


class _Usage(msgspec.Struct, frozen=True):
    data: Usage


class XApi:
    """Asks the API.

    Every failure is a `SourceError`: `failing` (token, access, rate limit, query), `paused` (no credit, a cap at X),
    `unreachable`, `unreadable`.
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
            text = json.dumps(await call(client), ensure_ascii=False).encode("utf-8", "replace")
            told = msgspec.json.decode(text, type=answer)
        except Exception as error:
            raise self._translated(error, await _problem(error)) from error
        if getattr(told, "errors", ()) and not getattr(told, "data", ()):
            raise self.error(HealthState.UNREADABLE, "X répond par des erreurs seulement")
        return told

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

    def _translated(self, error: Exception, problem: _Problem) -> SourceError:
        # tweepy's errors carry the response; aiohttp's ContentTypeError (an HTML answer) carries the status itself.
        response = getattr(error, "response", None)
        status = getattr(response, "status", None) or getattr(error, "status", None)
        if status is not None and not _ok(status):
            return self._refused(status, getattr(response, "headers", {}), problem, getattr(error, "api_messages", ()))
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError) and status is None:
            return self.error(HealthState.UNREACHABLE, f"connexion impossible ({type(error).__name__})")
        return self.error(HealthState.UNREADABLE, f"réponse incompréhensible ({type(error).__name__})")

    def _refused(self, status: int, headers: Any, problem: _Problem, told: Sequence[str]) -> SourceError:  # noqa: ANN401 - a mapping of aiohttp's
        if status >= _SERVER_ERROR:
            return self.error(HealthState.UNREACHABLE, f"erreur du serveur (HTTP {status})")
        if status == _NO_CREDIT or (status in _CAPPED and problem.costs):
            what = "plus de crédit chez X" if status == _NO_CREDIT else "plafond atteint chez X"
            return self.error(HealthState.PAUSED, f"{what} (HTTP {status})", retry_after=_PAUSE_SECONDS)
        why = f" : {told[0][:_MAX_TOLD]}" if status == _BAD_REQUEST and told else ""
        cause = {
            401: "jeton refusé",
            403: "accès refusé : l’application n’est pas inscrite à l’API, ou son accès ne suffit pas",
            429: "trop de requêtes",
        }.get(status, "requête refusée par X")
        wait = {403: _PAUSE_SECONDS, 429: _wait(headers)}.get(status)
        return self.error(
            HealthState.FAILING, f"{cause} (HTTP {status}){why}", retryable=status != _NO_TOKEN, retry_after=wait
        )


async def _problem(error: Exception) -> _Problem:
    """The body of a refusal, which tweepy has read and keeps no more than a line of."""
    response = getattr(error, "response", None)
    if response is None:
        return _Problem()
    try:
        return msgspec.convert(await response.json(), type=_Problem)
    except (ValueError, RecursionError, aiohttp.ClientError):
        return _Problem()


async def _usage(client: Any) -> Any:  # noqa: ANN401 - tweepy has no types
    return await (await client.request("GET", "/2/usage/tweets")).json()


def _ok(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's numbers


def _wait(headers: Any) -> float:  # noqa: ANN401 - a mapping of aiohttp's
    """Seconds until the rate limit's end, by the server's own clock where it shows it."""
    now: datetime = parse_time(headers.get("Date")) or SystemClock().now()
    asked, reset = headers.get("Retry-After", ""), headers.get("x-rate-limit-reset", "")
    if asked.isdigit():
        return float(asked)
    return max(0.0, float(reset) - now.timestamp()) if reset.isdigit() else _WINDOW_SECONDS
