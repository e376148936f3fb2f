"""What a source is given in tests: the real HTTP client, allowed to talk to loopback, and a clock that stands."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from bot.clock import ManualClock
from bot.domain.operators import Operator, Service
from bot.errors import SourceError
from bot.net.addresses import refusal
from bot.net.http import SafeHttp
from bot.ports import MAX_BODY_BYTES, Reading, Response, Source, SourceDeps

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ORANGE = Operator(
    "orange", "Orange", (Service.INTERNET, Service.MAIL), aliases=("orange",), brands=(("Sosh", ("sosh",)),)
)

SFR = Operator("sfr", "SFR", (Service.INTERNET,))


class ImpatientHttp:
    """The real client with short timeouts."""

    def __init__(self, total_seconds: float) -> None:
        self.real = SafeHttp("Vigie/test (+mailto:desk@newsroom.example)", frozenset({"127.0.0.1"}))
        self._total_seconds = total_seconds

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        seconds = min(total_seconds, self._total_seconds)
        return await self.real.get(url, headers, total_seconds=seconds, max_bytes=max_bytes)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, *, total_seconds: float = 20.0
    ) -> Response:
        return await self.real.post(url, body, headers, total_seconds=min(total_seconds, self._total_seconds))


class SourceWorld:
    """Dependencies of a source, and what a test needs to turn."""

    def __init__(self, total_seconds: float = 5.0) -> None:
        self.clock = ManualClock(NOW)
        self.surges: set[str] = set()
        self.http = ImpatientHttp(total_seconds)
        self.deps = SourceDeps(
            http=self.http,
            clock=self.clock,
            operators={"orange": ORANGE, "sfr": SFR},
            gate=lambda text: "orange" in text.casefold(),
            surging=self.surges.__contains__,
            user_agent="Vigie/test (+mailto:desk@newsroom.example)",
            refusal=refusal,
            allow_private=frozenset({"127.0.0.1"}),
        )


async def read_once(source: Source, cursor: str | None = None) -> Reading:
    """One read of a polled source, its Readings as one."""
    readings = [reading async for reading in source.read(cursor)]
    return Reading(
        events=tuple(event for reading in readings for event in reading.events),
        cursor=next((reading.cursor for reading in reversed(readings) if reading.cursor), cursor),
        complete_to=readings[-1].complete_to,
        heard_from=readings[-1].heard_from,
        note=readings[-1].note,
        captures=tuple(capture for reading in readings for capture in reading.captures),
    )


async def failure(source: Source, cursor: str | None = None) -> SourceError:
    """The error of one read."""
    with pytest.raises(SourceError) as caught:
        await read_once(source, cursor)
    return caught.value
