"""What every source keeps to, whatever its server does: a Reading or a SourceError, in time, and nothing lost."""

import gzip
import importlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import ConfigError
from bot.ports import Source
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.fakes.source_world import SourceWorld, failure, read_once

pytestmark = pytest.mark.slow  # each test starts a parsing process

DATA = Path(__file__).parents[1] / "data"
PATH = "/status.json"  # one address serves all: `.json` tells `statuspage` that it is a document


@dataclass(frozen=True)
class Case:
    """A kind of source that is polled: a good document with a trouble in it, its type, and settings of its own.

    Attributes:
        whose: The setting that says whose operator's it is, and what names nobody in it.
        channel: It is the operator's own channel; otherwise a third party's word.
    """

    good: str
    content_type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    whose: tuple[str, Any, Any] = ("operator", "orange", "nobody")
    channel: bool = True


CASES = {
    "feed": Case("feed/history.atom", "application/atom+xml"),
    "page": Case("page/incident.html", "text/html; charset=utf-8", {"selector": "#etat"}),
    "statuspage": Case("statuspage/summary.json", "application/json"),
    "mobile_sites": Case("mobile_sites/arcep.geojson", "application/geo+json", channel=False),
    "ioda": Case(
        "ioda/events.json",
        "application/json",
        whose=("networks", {"orange": (3215,)}, {"nobody": (1,)}),
        channel=False,
    ),
}


class Room:
    """One source before a server that can be told to misbehave."""

    def __init__(self, kind: str, pages: StatusPages, world: SourceWorld) -> None:
        self.kind = kind
        self.case = CASES[kind]
        self.pages = pages
        self.world = world
        self.good = (DATA / self.case.good).read_bytes()
        self.source = self.make()

    def make(self, **more: Any) -> Source:
        module = importlib.import_module(f"sources.{self.kind}")
        whose, ours, _ = self.case.whose
        common = {"kind": self.kind, "name": f"my-{self.kind}", whose: ours, "url": self.pages.url(PATH)}
        settings = module.Settings.model_validate({**common, **self.case.settings, **more})
        source: Source = module.create(settings, self.world.deps)
        return source

    def serve(self, body: bytes | None = None) -> None:
        self.pages.put(PATH, self.good if body is None else body, self.case.content_type)


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


@pytest.fixture(params=CASES)
async def room(request: pytest.FixtureRequest, pages: StatusPages) -> AsyncIterator[Room]:
    world = SourceWorld(total_seconds=2.0)
    made = Room(request.param, pages, world)
    yield made
    await made.source.close()
    await world.http.real.close()


async def test_a_source_says_who_it_is(room: Room) -> None:
    assert (room.source.name, room.source.kind) == (f"my-{room.kind}", room.kind)
    assert (room.source.operator, room.source.hears) == ("orange" if room.case.channel else None, False)


async def test_an_unknown_operator_is_a_configuration_error(room: Room) -> None:
    whose, _, nobody = room.case.whose
    with pytest.raises(ConfigError, match="must be one of orange, sfr; got nobody"):
        room.make(**{whose: nobody})


async def test_a_good_answer_gives_entries_and_a_cursor(room: Room) -> None:
    room.serve()
    reading = await read_once(room.source)
    assert reading.events
    assert reading.cursor
    for event in reading.events:
        assert isinstance(event, StatusEntry)
        assert (event.source, event.operator) == (room.source.name, "orange")
        assert event.published_at <= event.seen_at == room.world.clock.now()
        assert event.title
        assert (event.observer is None) == room.case.channel


async def test_the_ids_of_one_reading_are_distinct(room: Room) -> None:
    room.serve()
    ids = [event.id for event in (await read_once(room.source)).events if isinstance(event, StatusEntry)]
    assert len(ids) == len(set(ids))


async def test_an_unchanged_document_is_answered_304_and_tells_nothing(room: Room) -> None:
    room.serve()
    first = await read_once(room.source)
    again = await read_once(room.source, first.cursor)
    assert room.pages.statuses == [200, 304]
    assert again.events == ()
    assert again.cursor == first.cursor


async def test_an_unchanged_document_without_validators_tells_nothing(room: Room) -> None:
    room.pages.put_plain(PATH, room.good, room.case.content_type)
    first = await read_once(room.source)
    again = await read_once(room.source, first.cursor)
    assert room.pages.statuses == [200, 200]
    assert again.events == ()


async def test_reading_again_from_the_same_cursor_repeats_the_same(room: Room) -> None:
    room.serve()
    first = await read_once(room.source)
    assert await read_once(room.source) == first
    assert await read_once(room.make(), None) == first  # as after a restart that lost the reading


async def test_a_restart_goes_on_from_the_cursor(room: Room) -> None:
    room.serve()
    cursor = (await read_once(room.source)).cursor
    assert (await read_once(room.make(), cursor)).events == ()


@pytest.mark.parametrize("cursor", ["", "null", "{", '{"seen": 3}', "[1]"])
async def test_a_cursor_of_another_version_is_none(room: Room, cursor: str) -> None:
    room.serve()
    assert (await read_once(room.source, cursor)).events


async def test_a_cursor_of_another_address_is_none(room: Room) -> None:
    room.pages.put_plain(PATH, room.good, room.case.content_type)
    cursor = (await read_once(room.source)).cursor
    room.pages.put_plain("/moved.json", room.good, room.case.content_type)
    assert (await read_once(room.make(url=room.pages.url("/moved.json")), cursor)).events
    assert "If-None-Match" not in room.pages.requests[-1]


# A page has no ids: each change of its text is an entry of its own.
@pytest.mark.parametrize("room", ["feed", "statuspage"], indirect=True)
async def test_an_update_in_place_keeps_its_id(room: Room) -> None:
    room.serve()
    first = {event.id: event for event in (await read_once(room.source)).events if isinstance(event, StatusEntry)}
    changed = room.good.replace(b"Identified", b"Resolved", 1).replace(
        b'"status": "identified"', b'"status": "resolved"', 1
    )
    room.serve(changed)
    second = {event.id: event for event in (await read_once(room.source)).events if isinstance(event, StatusEntry)}
    assert first.keys() == second.keys()
    assert {first[key].state for key in first if first[key] != second[key]} == {EntryState.IDENTIFIED}
    assert {second[key].state for key in first if first[key] != second[key]} == {EntryState.RESOLVED}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refusal_is_failing_and_may_be_tried_again(room: Room, status: int) -> None:
    room.pages.put_status(PATH, status)
    error = await failure(room.source)
    assert (error.state, error.retryable) == (HealthState.FAILING, True)
    assert f"HTTP {status}" in error.reason


async def test_too_many_requests_says_how_long_to_wait(room: Room) -> None:
    room.pages.put_status(PATH, 429, {"Retry-After": "90"})
    error = await failure(room.source)
    assert (error.state, error.retry_after) == (HealthState.FAILING, 90.0)
    room.pages.put_status(PATH, 429)
    assert (await failure(room.source)).retry_after is None


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error_is_unreachable(room: Room, status: int) -> None:
    room.pages.put_status(PATH, status)
    assert (await failure(room.source)).state is HealthState.UNREACHABLE


@pytest.mark.parametrize(
    "body",
    [
        HTML_ERROR,
        (DATA / "page/parked.html").read_bytes(),
        (DATA / "page/bot_check.html").read_bytes(),
        (DATA / "page/empty.html").read_bytes(),
        b"",
        b" \n ",
        b"<opml version='2.0'><body/></opml>",
        b'{"page": {"name": "x"}, "status": {"indicator": "none"}}',
        b"/etc/passwd",
        b"http://127.0.0.1:1/",
        b"\x00\xff" * 500,
        b"[" * 200_000,
    ],
    ids=[
        "html",
        "parked",
        "bots",
        "empty-app",
        "empty",
        "blank",
        "opml",
        "indicator",
        "path",
        "url",
        "noise",
        "nested",
    ],
)
async def test_what_is_not_its_document_is_unreadable_never_calm(room: Room, body: bytes) -> None:
    room.serve(body)
    assert (await failure(room.source)).state is HealthState.UNREADABLE


async def test_an_unreadable_answer_leaves_what_was_read_before(room: Room) -> None:
    room.serve()
    cursor = (await read_once(room.source)).cursor
    room.serve(HTML_ERROR)
    await failure(room.source, cursor)
    room.serve()
    assert (await read_once(room.source, cursor)).events == ()


async def test_network_faults_are_unreachable(room: Room) -> None:
    for put in (room.pages.put_drop, room.pages.put_drip):
        put(PATH)
        assert (await failure(room.source)).state is HealthState.UNREACHABLE
    room.pages.put_truncated(PATH, room.good)
    assert (await failure(room.source)).state is HealthState.UNREACHABLE
    room.pages.put_redirect(PATH, PATH)
    assert (await failure(room.source)).state is HealthState.UNREACHABLE
    room.pages.put_redirect(PATH, "http://169.254.169.254/latest/meta-data/")
    assert (await failure(room.source)).state is HealthState.UNREACHABLE


async def test_a_gzip_bomb_is_unreadable(room: Room) -> None:
    room.pages.put_bomb(PATH, 100 * 1024 * 1024)
    assert (await failure(room.source)).state is HealthState.UNREADABLE


async def test_a_packed_document_is_read(room: Room) -> None:
    async def answer(_: Any) -> Any:
        return web.Response(body=gzip.compress(room.good), headers={"Content-Encoding": "gzip"})

    room.pages.answers[PATH] = answer
    assert (await read_once(room.source)).events


async def test_a_check_reads_and_says_what_it_found(room: Room) -> None:
    room.serve()
    assert await room.source.check()
    room.pages.put_status(PATH, 404)
    error = await failure(room.source)
    assert "HTTP 404" in error.reason


async def test_an_error_names_no_query(room: Room) -> None:
    source = room.make(url=room.pages.url(f"{PATH}?token=hidden"))
    room.pages.put_status(PATH, 403)
    error = await failure(source)
    assert "hidden" not in f"{error} {error.reason}"
