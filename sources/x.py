"""What people write on X: cheap counts all the time, posts, paid by the piece, only when a surge is worth it."""

import html
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from pydantic import Field, SecretStr

from bot.domain.signals import HealthState, Mention, Tally
from bot.errors import ConfigError, SourceError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources._fetch import decode_cursor, encode_cursor
from sources._ledger import Ledger
from sources._time import believable, parse_time
from sources._xapi import Post, XApi
from sources._xquery import MAX_QUERY_CHARS, default_query

_MIN_POSTS, _MAX_POSTS = 10, 100  # the API's own bounds of one page
_SETTLED = timedelta(seconds=30)  # the API counts up to half a minute ago
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_BACK = timedelta(hours=1)
# The API counts seven days back for the price of one request: a new newsroom knows at once what is usual, and a gap of
# days is filled. The margin is for the time the request takes.
_PAST = timedelta(days=7) - timedelta(minutes=10)
_BATCH = 1_000  # of ten thousand minutes; a step of the newsroom must not take long


class Settings(SourceSettings):
    """Settings of the `x` source; prices and ceilings are in euros.

    Attributes:
        bearer_token: App-only token of a project with credit.
        operators: Ids of the operators to listen for; each costs a count every `counts_interval`.
        queries: Operator id → search query, where the one made of its aliases does not serve.
        count_eur: Price of one count request.
        post_eur: Price of one post.
        daily_eur: Nothing is asked any more in a UTC day once this is spent.
        monthly_eur: The same for a month.
        calm_search_daily_eur: What may be spent a day on posts while no surge is open.
        posts_per_search: At most so many posts a search.
        endpoint: Another address of the API, for a proxy.
    """

    url_key = "endpoint"

    bearer_token: SecretStr
    operators: tuple[str, ...] = Field(min_length=1)
    queries: Mapping[str, str] = Field(default_factory=dict)
    counts_interval: timedelta = Field(default=timedelta(minutes=15), ge=timedelta(minutes=1))
    granularity: Literal["minute", "hour"] = "minute"
    count_eur: float = Field(default=0.005, ge=0)
    post_eur: float = Field(default=0.005, ge=0)
    daily_eur: float = Field(default=2.0, ge=0)
    monthly_eur: float = Field(default=30.0, ge=0)
    calm_search_daily_eur: float = Field(default=0.0, ge=0)
    posts_per_search: int = Field(default=50, ge=_MIN_POSTS, le=_MAX_POSTS)
    endpoint: str = Field(default="https://api.x.com", pattern=r"^https?://\S+$")


class _Newest(msgspec.Struct, frozen=True):
    id: str
    at: datetime


class _Cursor(msgspec.Struct, frozen=True):
    """`counted`: operator → end of its last count; `newest`: operator → its newest post."""

    ledger: Ledger = Ledger()
    counted: dict[str, datetime] = {}
    newest: dict[str, _Newest] = {}


# What a read does: a call, for an operator, and what it costs at least.
_Call = Callable[[str, _Cursor, datetime], Awaitable[tuple[Sequence[Tally | Mention], _Cursor]]]
_Step = tuple[_Call, str, float]


def create(settings: Settings, deps: SourceDeps) -> "XSource":
    """A source for these settings.

    Raises:
        ConfigError: An operator is not configured, or a query too long.
    """
    for operator in settings.operators:
        if operator not in deps.operators:
            raise ConfigError(f"source {settings.name}: operators: {operator} is none of {', '.join(deps.operators)}")
    queries = {
        operator: settings.queries.get(operator) or default_query(deps.operators[operator])
        for operator in settings.operators
    }
    for operator, query in queries.items():
        if len(query) > MAX_QUERY_CHARS:
            raise ConfigError(
                f"source {settings.name}: queries.{operator}: must be at most {MAX_QUERY_CHARS} characters"
            )
    return XSource(settings, deps, queries)


class XSource:
    """Counts and searches within a ceiling; see `bot.ports.Source`."""

    kind = "x"
    operator: str | None = None
    hears = True

    def __init__(self, settings: Settings, deps: SourceDeps, queries: Mapping[str, str]) -> None:
        self.name = settings.name or self.kind
        self.interval = settings.interval
        self._settings = settings
        self._deps = deps
        self._queries = queries
        self._api = XApi(self.name, settings.bearer_token.get_secret_value(), settings.endpoint)
        self._failed = False
        self._owed_eur = 0.0  # perhaps charged, and not yet in a cursor

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`.

        Before it pays it yields a Reading that carries only a cursor with the highest price of what follows, so that no
        crash makes it forget; after a failure it does not, for all is not well until a call has succeeded.
        """
        now = self._deps.clock.now()
        state = decode_cursor(cursor, _Cursor())
        stored = state.ledger.at(now)
        state = msgspec.structs.replace(state, ledger=stored.plus(self._owed_eur))
        counts = [op for op in self._queries if self._count_span(op, state, now) is not None]
        searches = [op for op in self._queries if self._may_search(op, state.ledger)]
        left = self._left(state.ledger)
        if left < self._settings.count_eur:
            raise self._api.error(HealthState.PAUSED, self._ceiling(state.ledger), retry_after=_to_tomorrow(now))
        if not counts and not searches:
            yield Reading(note=_spent(state.ledger))
            return
        book = not self._failed
        if book:
            price = (
                len(searches) * self._search_eur(self._settings.posts_per_search)
                + len(counts) * self._settings.count_eur
            )
            booked = state.ledger.plus(min(left, price))
            yield Reading(
                cursor=encode_cursor(msgspec.structs.replace(state, ledger=booked)), note=_spent(state.ledger)
            )
        steps: list[_Step] = [(self._search, op, self._search_eur(_MIN_POSTS)) for op in searches]
        steps += [(self._count, op, self._settings.count_eur) for op in counts]
        events, state, failure = await self._take(steps, state, now)
        self._failed = failure is not None
        self._owed_eur = round(state.ledger.day_eur - stored.day_eur, 6)
        if book or events or failure is None:
            self._owed_eur = 0.0
            # No `complete_to`: posts are never all handed over, and nobody shall wait for a rare count.
            last = max(0, (len(events) - 1) // _BATCH * _BATCH)
            for first in range(0, last, _BATCH):
                yield Reading(events=tuple(events[first : first + _BATCH]), note=_spent(state.ledger))
            yield Reading(events=tuple(events[last:]), cursor=encode_cursor(state), note=_spent(state.ledger))
        if failure is not None:
            raise failure

    async def check(self) -> str:
        """See `bot.ports.Source.check`: asks for the usage figures, which cost nothing."""
        usage = await self._api.usage()
        return f"jeton accepté, {usage.project_usage} messages lus sur {usage.project_cap}"

    async def close(self) -> None:
        """See `bot.ports.Source.close`."""
        await self._api.close()

    # --- what is due, and what it may cost ---

    def _search_budget(self, operator: str, ledger: Ledger) -> float:
        """What posts of an operator may cost now, in euros."""
        left = self._left(ledger)
        if self._deps.surging(operator):
            return left
        return min(left, self._settings.calm_search_daily_eur - ledger.calm_eur)

    def _may_search(self, operator: str, ledger: Ledger) -> bool:
        """Whether there is money for the fewest posts one can ask for; never in calm unless the settings say so."""
        if not self._deps.surging(operator) and not self._settings.calm_search_daily_eur:
            return False
        return self._search_budget(operator, ledger) >= self._search_eur(_MIN_POSTS)

    def _count_span(self, operator: str, state: _Cursor, now: datetime) -> tuple[datetime, datetime] | None:
        """From where to where an operator is to be counted now, or None if it is not due."""
        unit = timedelta(minutes=1) if self._settings.granularity == "minute" else timedelta(hours=1)
        end = now - _SETTLED
        end = end.replace(minute=end.minute if unit < timedelta(hours=1) else 0, second=0, microsecond=0)
        step = max(unit, self._settings.counts_interval)
        start = max(state.counted.get(operator, end - _PAST), end - _PAST)
        if unit > timedelta(minutes=1):
            start = -(-(start - _EPOCH) // unit) * unit + _EPOCH
        return (start, end) if end - start >= step else None

    def _left(self, ledger: Ledger) -> float:
        return ledger.left(self._settings.daily_eur, self._settings.monthly_eur)

    def _search_eur(self, posts: int) -> float:
        return posts * self._settings.post_eur

    def _ceiling(self, ledger: Ledger) -> str:
        if ledger.month_eur + self._settings.count_eur > self._settings.monthly_eur:
            return f"plafond mensuel de {_euros(self._settings.monthly_eur)} atteint"
        return f"plafond du jour de {_euros(self._settings.daily_eur)} atteint"

    # --- the calls ---

    async def _take(
        self, steps: Sequence[_Step], state: _Cursor, now: datetime
    ) -> tuple[list[Tally | Mention], _Cursor, SourceError | None]:
        """Take the steps, up to a failure that would be the next one's too."""
        events: list[Tally | Mention] = []
        failure = None
        for step, operator, least_eur in steps:
            try:
                found, state = await step(operator, state, now)
            except SourceError as error:
                failure = error
                if error.state in {HealthState.UNREACHABLE, HealthState.UNREADABLE}:  # it may have been charged
                    state = msgspec.structs.replace(state, ledger=state.ledger.plus(least_eur))
                if not _concerns_one_request(error):
                    break
            else:
                events += found
        events.sort(key=lambda event: isinstance(event, Mention))  # who counts is known before what was counted comes
        return events, state, failure

    async def _count(self, operator: str, state: _Cursor, now: datetime) -> tuple[list[Tally], _Cursor]:
        span = self._count_span(operator, state, now)
        if span is None or self._left(state.ledger) < self._settings.count_eur:
            return [], state
        start, end = span
        counts = await self._api.counts(self._queries[operator], start, end, self._settings.granularity)
        tallies = []
        for row in counts:
            begin, stop = parse_time(row.start), parse_time(row.end)
            if (
                begin is None
                or stop is None
                or not (believable(begin, now) and begin < stop <= begin + timedelta(hours=1))
            ):
                raise self._api.error(HealthState.UNREADABLE, "réponse incompréhensible")
            seconds = round((stop - begin).total_seconds())
            tallies.append(Tally(self.name, operator, begin, seconds, row.tweet_count, now))
        return tallies, msgspec.structs.replace(
            state, ledger=state.ledger.plus(self._settings.count_eur), counted={**state.counted, operator: end}
        )

    async def _search(self, operator: str, state: _Cursor, now: datetime) -> tuple[list[Mention], _Cursor]:
        if not self._may_search(operator, state.ledger):  # an earlier search of this read took what was left
            return [], state
        calm = not self._deps.surging(operator)
        price = self._settings.post_eur
        affordable = int(self._search_budget(operator, state.ledger) / price + 1e-9) if price else _MAX_POSTS
        newest = state.newest.get(operator)
        since: dict[str, datetime | str] = {"start_time": now - _LOOK_BACK}
        if newest is not None and now - newest.at < _LOOK_BACK:
            since = {"since_id": newest.id}
        most = max(_MIN_POSTS, min(self._settings.posts_per_search, affordable))
        answer = await self._api.posts(self._queries[operator], most, since)
        posts = sorted(answer, key=lambda post: (len(post.id), post.id))  # as their numbers are
        paid = state.ledger.plus(len(posts) * price, calm=calm)
        if posts:
            state = msgspec.structs.replace(state, newest={**state.newest, operator: _Newest(posts[-1].id, now)})
        return [self._mention(post, operator, now) for post in posts], msgspec.structs.replace(state, ledger=paid)

    def _mention(self, post: Post, operator: str, now: datetime) -> Mention:
        created_at = parse_time(post.created_at)
        return Mention(
            source=self.name,
            id=post.id,
            author=post.author_id,
            text=html.unescape(post.text),  # X escapes &, < and >
            published_at=created_at if created_at and believable(created_at, now) else now,
            seen_at=now,
            url=f"https://x.com/i/status/{post.id}",
            operator_hint=operator,
        )


def _concerns_one_request(error: SourceError) -> bool:
    """Whether the next request may succeed: a query may be wrong, all else is about X or the account."""
    return error.state is HealthState.FAILING and error.retryable and error.retry_after is None


def _spent(ledger: Ledger) -> str:
    """What an editor is told in `/sources`."""
    return f"{_euros(ledger.day_eur)} dépensés aujourd’hui, {_euros(ledger.month_eur)} ce mois-ci"


def _euros(amount: float) -> str:
    return f"{amount:.2f} €".replace(".", ",")


def _to_tomorrow(now: datetime) -> float:
    """Seconds to the next UTC day, when the day's ceiling is free again."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - now).total_seconds()
