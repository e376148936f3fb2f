"""What the core asks of a source, and what a source may use."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from pydantic import Field

from bot.clock import Clock
from bot.domain.captures import Capture
from bot.domain.incidents import Decision
from bot.domain.operators import Operator
from bot.domain.places import Place
from bot.domain.signals import Deletion, Health, Signal
from bot.ports.settings import AdapterSettings


class SourceSettings(AdapterSettings):
    """Settings every source has.

    Attributes:
        url_key: The setting that the URL of `vigie sources try KIND URL` fills (in a tuple, where it is one).
        file_key: The one that its FILE fills, where the source reads files itself; empty: the file's bytes are what
            every URL answers.
        alone: There can be only one block of the kind.
    """

    url_key: ClassVar[str] = "url"
    file_key: ClassVar[str] = ""
    alone: ClassVar[bool] = False

    interval: timedelta = Field(default=timedelta(minutes=5), ge=timedelta(seconds=30))


Event = Signal | Deletion | Health | Decision
MAX_BODY_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read of a source gave; stored whole, in one transaction with its effects.

    Attributes:
        events: Signals and deletions, in the source's order. (`replay` also gives recorded health and decisions.)
        cursor: Where to go on after a restart; opaque to all but the source. None leaves the stored one.
        complete_to: Everything published before this event time has been handed over; None: not known.
        heard_from: Since when this reading and those before it cover everything; None: no gap was filled.
        note: For an editor, beside the source's health: money spent, a part that does not answer.
        captures: Of an operator's channel that is not read over HTTP (whose answers are kept anyway): what it said.
    """

    events: tuple[Event, ...] = ()
    cursor: str | None = None
    complete_to: datetime | None = None
    heard_from: datetime | None = None
    note: str | None = None
    captures: tuple[Capture, ...] = ()


class Source(Protocol):
    """A configured origin of signals.

    Attributes:
        name: From the configuration, unique.
        kind: The module's name: two sources of one kind are not independent of each other.
        operator: Set when this is that operator's official channel (silence is computed from it).
        hears: It gives mentions, so it counts for exposure. (A tally's exposure is its own: a bucket that is not told
            was not heard.)
        interval: Time between reads; zero for a source that is pushed to.
    """

    name: str
    kind: str
    operator: str | None
    hears: bool
    interval: timedelta

    def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Read once (a polled source: yields one Reading, also when nothing is new) or for ever (a pushed one).

        Each Reading is a good check at the time it is yielded. The caller keeps time: it calls again after
        `interval` with jitter, backs off after an error, honours `retry_after`. Reading again from the same cursor
        may repeat signals but loses none.

        Raises:
            SourceError: with the health it means. Nothing else leaves an adapter.
        """
        ...

    async def check(self) -> str:
        """Try what `read` needs by reading only, paying nothing; what was found, in a few words.

        Raises:
            SourceError: with what an operator of the bot can do about it in `reason`.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and processes; called once, also after a failure."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer with its whole (capped, decompressed) body.

    Attributes:
        headers: Names in lower case.
        url: Where it came from after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Http(Protocol):
    """The one safe HTTP client of the sources: total timeout, body cap, at most 3 redirects, no private addresses."""

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """GET a URL; any status below 500 but 429 is returned, the caller judges it.

        Args:
            url: http or https.
            headers: Beside those of the client.
            total_seconds: For redirects, the wait for a free connection and the whole body.
            max_bytes: Cap of the body, on the wire and unpacked; a source that needs more says so.

        Raises:
            SourceError: `unreachable` (connection, timeout, 5xx, refused address), `failing` with `retry_after`
                (429), `unreadable` (body over the cap).
        """
        ...

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
    ) -> Response:
        """POST a body (the caller names its `Content-Type`) as `get` would GET; redirects are refused, not followed.

        For services that take a query or a token so and change nothing by it.
        """
        ...


def _nobody(_: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class SourceDeps:
    """What a source may use.

    Attributes:
        http: For plain reads.
        clock: Event time.
        operators: By id.
        gate: Whether a text may name a configured operator at all; cheap, for streams.
        surging: Whether a surge of that operator is open now (paid reads wait for it).
        user_agent: Product, version and a contact, for clients that bring their own transport.
        refusal: Why such a client may not connect to an IP address (for an editor), or None if it is a public one.
        allow_private: Hosts (`host` or `host:port`) that may resolve to private addresses.
        names: The operators that a text names, read with care: a homonym (Orange, Free) needs a cue.
        chats: By name, every chat in which people may write to the bot, and what keeps it from hearing them; empty
            text: nothing does. Changes as the bot runs.
        place: A place by its id (`71076`, `D71`, `P71100`), else as somebody wrote it; None if it cannot be told.
    """

    http: Http
    clock: Clock
    operators: Mapping[str, Operator]
    gate: Callable[[str], bool]
    surging: Callable[[str], bool]
    user_agent: str
    refusal: Callable[[str], str | None]
    allow_private: frozenset[str] = frozenset()
    names: Callable[[str], tuple[str, ...]] = _nobody
    chats: Mapping[str, str] = field(default_factory=dict)
    place: Callable[[str], Place | None] = lambda _: None
