"""What people write on Mastodon: hashtags and searches of several instances, pushed where an instance allows it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit

import structlog
from pydantic import Field, SecretStr, model_validator

from bot.domain.signals import Deletion, Mention
from bot.errors import SourceError
from bot.ports import Reading, SourceDeps, SourceSettings
from sources._hashtags import compact, default_tags, owners
from sources._mastodonapi import MastodonInstance, Status, read_status
from sources._mastodonfeed import written
from sources._mastodonsweep import Stop, sweep
from sources._posttext import post_text
from sources._sse import EventStreams
from sources._time import believable

_log = structlog.get_logger()

MAX_STREAMS = 25
# https://github.com/mastodon/mastodon/blob/main/config/initializers/rack_attack.rb: 300 pages in 15 minutes, whatever
# else is allowed. Some are for what takes more than one page.
MAX_PAGES_IN_PERIOD = 270
PERIOD = timedelta(minutes=15)
_TAKE_SECONDS = 0.1
_RECONNECT_SECONDS = 5.0
_LASTING_SECONDS = 60.0
_MOST_DOUBLINGS = 6
_PUBLIC = frozenset({"public", "unlisted"})
_POSTS = frozenset({"update", "status.update"})
_REMEMBERED = 10_000  # pushed posts whose deletion is understood: an instance names them by a number of its own


class Settings(SourceSettings):
    """Settings of the `mastodon` source.

    Attributes:
        interval: Between two sweeps over hashtags and searches; also while posts are pushed. With more hashtags than an
            instance gives pages for, it is longer.
        instances: Base URLs.
        hashtags: Without `#`; None: made of the operators' names.
        searches: Queries for the first instance's full-text search; they need a token.
        access_token: Of an account of the first instance (scopes `read:statuses` and `read:search`); it is sent to no
            other.
        streaming: `auto`: with a token, the first instance pushes the posts of the hashtags; `off`: it is only asked.
        languages: Posts labelled with another language are dropped; posts without a label are kept.
        backfill: How far the first sweep goes back.
        silence_seconds: A stream without even a heartbeat (every 15 s) for so long is taken for dead.
        quiet_seconds: At the latest after so long, a stream's good health is handed over even without posts.
    """

    url_key = "instances"

    interval: timedelta = Field(default=timedelta(minutes=2), ge=timedelta(seconds=30))
    instances: tuple[str, ...] = Field(default=("https://mastodon.social", "https://piaille.fr"), min_length=1)
    hashtags: tuple[str, ...] | None = None
    searches: tuple[str, ...] = ()
    access_token: SecretStr | None = None
    streaming: Literal["auto", "off"] = "auto"
    languages: frozenset[str] = frozenset({"fr"})
    backfill: timedelta = Field(default=timedelta(days=7), ge=timedelta(0))
    silence_seconds: float = Field(default=60.0, gt=0)
    quiet_seconds: float = Field(default=15.0, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        for url in self.instances:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
                raise ValueError('instances: must be addresses like "https://mastodon.social"')
        if self.searches and self.access_token is None:
            raise ValueError("searches: need an access_token: instances search the text of posts for accounts only")
        if self.hashtags is not None and not all(map(compact, self.hashtags)):
            raise ValueError("hashtags: must have letters or digits")
        if self.hashtags == () and not self.searches:
            raise ValueError("hashtags: are needed where there are no searches")
        return self


def create(settings: Settings, deps: SourceDeps) -> "MastodonSource":
    """A source for these settings."""
    return MastodonSource(settings, deps)


class MastodonSource:
    """Sweeps over its feeds, and listens to the first instance in between; see `bot.ports.Source`."""

    kind = "mastodon"
    operator: str | None = None
    hears = True

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self._settings = settings
        self._deps = deps
        token = settings.access_token.get_secret_value() if settings.access_token else None
        self._instances = [
            MastodonInstance(url, deps.http, deps.clock, None if index else token)
            for index, url in enumerate(dict.fromkeys(settings.instances))
        ]
        named = default_tags(deps.operators) if settings.hashtags is None else settings.hashtags
        self._tags = tuple(dict.fromkeys(tag.strip().lstrip("#").casefold() for tag in named))
        self._owners = owners(self._tags, deps.operators)
        self._stops = [Stop(self._instances[0], query=query) for query in settings.searches]
        self._stops += [Stop(instance, tag=tag) for instance in self._instances for tag in self._tags]
        self._pushed = settings.streaming == "auto" and token is not None and bool(self._tags)
        self._round = max(settings.interval, PERIOD * len(self._tags) / MAX_PAGES_IN_PERIOD)
        self.interval = timedelta(0) if self._pushed else self._round
        self._all_pushed = len(self._stops) == len(self._tags) <= MAX_STREAMS  # one instance, no searches
        self._told: dict[str, str] = {}
        self._uris: dict[str, str] = {}

    async def read(self, cursor: str | None) -> AsyncGenerator[Reading]:
        """See `bot.ports.Source.read`: one sweep, or for ever where the first instance pushes."""
        async with aclosing(self._listen(cursor) if self._pushed else self._sweep(cursor)) as readings:
            async for reading in readings:
                if reading is not None:
                    yield reading

    async def check(self) -> str:
        """See `bot.ports.Source.check`: asks every instance for one feed, and the first for its stream."""
        told, errors = [], []
        for instance in self._instances:
            stop = next((stop for stop in self._stops if stop.instance is instance), None)
            if stop is None:
                continue
            try:
                page = await stop.ask({})
                local = " (de ses propres comptes seulement)" if instance.local_only else ""
                found = f"{len(page.statuses)} message{'s' * (len(page.statuses) > 1)}"
                told.append(f"{instance.host} : {found} pour « {stop.tag or stop.query} »{local}")
            except SourceError as error:
                errors.append(error)
        if not told:
            raise errors[0]
        if self._pushed:
            streams = EventStreams(self._settings.silence_seconds)
            refusal = await self._open(streams)
            await streams.close()
            told.append(f"{self._instances[0].host} : flux ouvert" if refusal is None else refusal.reason)
        return " ; ".join([*told, *(error.reason for error in errors)])

    async def close(self) -> None:
        """See `bot.ports.Source.close`; streams end with their reader."""

    # --- asking ---

    async def _sweep(self, cursor: str | None) -> AsyncGenerator[Reading | None]:
        """A sweep as a Reading, after None for each feed."""
        now = self._deps.clock.now()
        async with aclosing(sweep(self._stops, cursor, now=now, backfill=self._settings.backfill)) as steps:
            async for step in steps:
                if step is None:
                    yield None
                    continue
                for instance in self._instances:
                    self._note(instance.host, step.deaf.get(instance.host))
                # No `complete_to`: buckets shall not wait for the next sweep; what it brings amends them.
                yield self._reading(self._mentions(step.statuses), step.cursor, heard_from=step.heard_from)

    # --- being told ---

    async def _listen(self, cursor: str | None) -> AsyncGenerator[Reading]:
        """Follow the streams for ever; after each drop, or where there are none, the sweeps fill the gap."""
        loop = asyncio.get_running_loop()
        drops = 0
        while True:
            streams = EventStreams(self._settings.silence_seconds)
            opened_at = loop.time()
            try:
                refusal = await self._open(streams)
                async with aclosing(self._follow(streams, cursor, pushed=refusal is None)) as readings:
                    async for reading in readings:
                        cursor = reading.cursor or cursor
                        yield reading
            finally:
                await streams.close()
            if streams.failure is not None:
                self._note("flux", streams.failure)
                drops = 0 if loop.time() - opened_at > _LASTING_SECONDS else drops + 1
                wait = _RECONNECT_SECONDS * 2.0 ** min(drops - 1, _MOST_DOUBLINGS) if drops > 1 else 0.0
                await asyncio.sleep(min(wait, self._round.total_seconds()))

    async def _follow(self, streams: EventStreams, cursor: str | None, *, pushed: bool) -> AsyncGenerator[Reading]:
        """Sweep at once and every `interval`, and hand over what is pushed in between; ends when a stream does.

        The streams are open before the first sweep begins, so that nothing can fall between the two. Without streams
        it ends after one interval, for another try.

        Raises:
            SourceError: No instance answered, and nothing is pushed.
        """
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while streams.failure is None:
            try:
                async with aclosing(self._sweep(cursor)) as steps:
                    async for step in steps:
                        if step is not None:
                            cursor = step.cursor
                            yield step
                        if events := self._pushed_events(streams):
                            yield self._reading(events)
                self._note("lecture", None)
            except SourceError as error:
                if not pushed:
                    raise
                self._note("lecture", error)
            until = loop.time() + self._round.total_seconds()
            while loop.time() < until and streams.failure is None:
                await asyncio.sleep(_TAKE_SECONDS)
                events = self._pushed_events(streams)
                quiet = pushed and loop.time() - told_at >= self._settings.quiet_seconds
                # A stream that says nothing at all, not even a heartbeat, is no proof that nothing is said.
                if events or (quiet and streams.heard_at > told_at):
                    told_at = loop.time()
                    heard_to = self._deps.clock.now() - timedelta(seconds=told_at - streams.heard_at)
                    yield self._reading(events, complete_to=heard_to if self._all_pushed else None)
            if not pushed:
                return

    async def _open(self, streams: EventStreams) -> SourceError | None:
        """Open a stream for each hashtag; the error where that is refused."""
        first = self._instances[0]
        try:
            base = await first.streaming_url()
            host = urlsplit(base)
            private = {host.hostname, host.netloc} & self._deps.allow_private
            headers = {**first.headers, "User-Agent": self._deps.user_agent}
            urls = [f"{base}/api/v1/streaming/hashtag?{urlencode({'tag': tag})}" for tag in self._tags[:MAX_STREAMS]]
            await streams.open(urls, headers, None if private else self._deps.refusal)
        except SourceError as error:
            self._note("flux", error)
            return error
        self._note("flux", None)
        return None

    def _pushed_events(self, streams: EventStreams) -> tuple[Mention | Deletion, ...]:
        pushed = streams.take()
        statuses = [status for name, row in pushed if name in _POSTS and (status := read_status(row)) is not None]
        self._uris |= {status.id: status.uri for status in statuses}
        gone = [self._uris.pop(number.strip(), None) for name, number in pushed if name == "delete"]
        while len(self._uris) > _REMEMBERED:
            del self._uris[next(iter(self._uris))]
        mentions = self._mentions({status.uri: status for status in statuses}.values())
        return *mentions, *(Deletion(self.name, uri) for uri in gone if uri is not None)

    # --- reading ---

    def _mentions(self, statuses: Iterable[Status]) -> tuple[Mention, ...]:
        return tuple(mention for status in statuses if (mention := self._mention(status)) is not None)

    def _mention(self, status: Status) -> Mention | None:
        """What a person said of an operator: no boost, no automated account, no other language, nothing private."""
        if status.reblog is not None or status.account.bot or status.visibility not in _PUBLIC:
            return None
        label = (status.language or "und").lower()
        if label != "und" and label[:2] not in self._settings.languages:
            return None
        text = "\n".join(filter(None, (status.spoiler_text, post_text(status.content or ""))))
        tags = (compact(tag.name) for tag in status.tags)
        hint = next((self._owners[tag] for tag in tags if tag in self._owners), None)
        if hint is None and not self._deps.gate(text):
            return None
        now = self._deps.clock.now()
        at = written(status)
        url = status.url or status.uri
        return Mention(
            source=self.name,
            id=status.uri,  # the same on every instance that knows the post
            author=status.account.url or status.account.uri or status.account.acct,
            text=text,
            published_at=at if at is not None and believable(at, now) else now,
            seen_at=now,
            url=url if url.startswith(("https://", "http://")) else None,
            operator_hint=hint,
        )

    def _reading(
        self,
        events: tuple[Mention | Deletion, ...],
        cursor: str | None = None,
        *,
        complete_to: datetime | None = None,
        heard_from: datetime | None = None,
    ) -> Reading:
        """A Reading that names who does not answer, though the source is well as long as one does."""
        note = " ; ".join(filter(None, self._told.values())) or None
        return Reading(events, cursor, complete_to, heard_from, note)

    def _note(self, where: str, error: SourceError | None) -> None:
        """Log who does not answer, once: the source is healthy as long as one does."""
        reason = error.reason if error is not None else ""
        if reason and self._told.get(where) != reason:
            _log.warning("mastodon not heard", source=self.name, where=where, reason=reason)
        self._told[where] = reason
