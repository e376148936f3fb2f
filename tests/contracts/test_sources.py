"""What every source keeps to, whatever its server does: a Reading or a SourceError, in time, and nothing lost."""

import gzip
import importlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.clock import ManualClock
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import ConfigError
from bot.ports import Source
from sources._words import is_trouble
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

pytestmark = pytest.mark.slow  # each test starts a parsing process

DATA = Path(__file__).parents[1] / "data"
PATH = "/status.json"  # one address serves all: `.json` tells `statuspage` that it is a document


@dataclass(frozen=True)
class Case:
    """A kind of source that is polled: a good document with a trouble in it, its type, and settings of its own.

    Attributes:
        over: What to replace in the document, and by what, so that its trouble is resolved.
        whose: The setting that says whose operator's it is, and what names nobody in it.
        channel: It is the operator's own channel; otherwise a third party's word.
    """

    good: str
    content_type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    over: tuple[bytes, bytes] | None = None
    whose: tuple[str, Any, Any] = ("operator", "orange", "nobody")
    channel: bool = True


# By kind, or by kind and format.
CASES = {
    "feed": Case("feed/history.atom", "application/atom+xml", over=(b"Identified", b"Resolved")),
    "feed/json": Case(
        "feed/feed.json", "application/feed+json", over=(b"Panne mobile", "[Résolu] Panne mobile".encode())
    ),
    "page": Case("page/incident.html", "text/html; charset=utf-8", {"selector": "#etat"}),
    "statuspage": Case(
        "statuspage/summary.json", "application/json", over=(b'"status": "identified"', b'"status": "resolved"')
    ),
    "status_json/google_cloud": Case(
        "status_json/google_cloud.json",
        "application/json",
        over=(b'"number": "103",', b'"number": "103", "end": "2026-03-02T08:30:00+00:00",'),
    ),
    "status_json/aws": Case("status_json/aws.json", "application/json", over=(b'"status": "2"', b'"status": "0"')),
    "status_json/better_stack": Case(
        "status_json/better_stack.json",
        "application/json",
        over=(b'"aggregate_state": "degraded"', b'"aggregate_state": "resolved"'),
    ),
    "status_json/cachet": Case(
        "status_json/cachet2.json", "application/json", over=(b'"latest_status": 3', b'"latest_status": 4')
    ),
    "status_json/instatus": Case("status_json/instatus.json", "application/json", over=(b"IDENTIFIED", b"RESOLVED")),
    "status_json/navitia": Case(
        "status_json/navitia.json", "application/json", over=(b'"status": "active"', b'"status": "past"')
    ),
    "status_json/home_made": Case(
        "status_json/home_made.json",
        "application/json",
        over=(b'"closedAt": null', b'"closedAt": "2026-03-02T08:30:00Z"'),
    ),
    "mobile_sites": Case("mobile_sites/arcep.geojson", "application/geo+json", channel=False),
    "ioda": Case(
        "ioda/events.json",
        "application/json",
        whose=("networks", {"orange": (3215,)}, {"nobody": (1,)}),
        channel=False,
    ),
}
UPDATED = [name for name, case in CASES.items() if case.over]


Change = Callable[[list[Any]], list[Any]]


def rearranged(body: bytes, change: Change) -> bytes:
    """A document with its lists of entries changed."""
    if body.lstrip().startswith(b"<"):
        first, *entries = re.split(rb"(?=<(?:entry|item)>)", body)
        end = re.search(rb"(?<=</entry>)|(?<=</item>)", entries[-1])
        assert end is not None
        entries[-1], tail = entries[-1][: end.end()], entries[-1][end.end() :]
        return first + b"".join(change(entries)) + tail

    def changed(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: changed(value) for key, value in node.items()}
        if isinstance(node, list):
            items = [changed(item) for item in node]
            return (
                change(items)
                if all(isinstance(item, dict) and item.keys() & {"id", "arn"} for item in items)
                else items
            )
        return node

    return json.dumps(changed(json.loads(body)), ensure_ascii=False).encode()


class Room:
    """One source before a server that can be told to misbehave."""

    def __init__(self, case: str, pages: StatusPages, world: SourceWorld) -> None:
        self.kind = case.partition("/")[0]
        self.case = CASES[case]
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

    def serve(self, body: bytes | None = None, content_type: str | None = None) -> None:
        self.pages.put(PATH, self.good if body is None else body, content_type or self.case.content_type)

    async def entries(self, cursor: str | None = None) -> dict[str, StatusEntry]:
        reading = await read_once(self.source, cursor)
        return {event.id: event for event in reading.events if isinstance(event, StatusEntry)}


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
@pytest.mark.parametrize("room", UPDATED, indirect=True)
async def test_an_update_in_place_keeps_its_id(room: Room) -> None:
    room.serve()
    first = await room.entries()
    assert room.case.over is not None
    room.serve(room.good.replace(*room.case.over, 1))
    second = await room.entries()
    assert first.keys() == second.keys()
    [changed] = [key for key in first if first[key] != second[key]]
    assert is_trouble(first[changed].state)
    assert second[changed].state is EntryState.RESOLVED


@pytest.mark.parametrize("room", UPDATED, indirect=True)
async def test_neither_doubles_nor_their_order_change_what_is_said(room: Room) -> None:
    room.serve()
    first = await room.entries()
    for change in (lambda items: items * 2, lambda items: items[::-1]):
        room.serve(rearranged(room.good, change))
        reading = await read_once(room.source)
        assert len(reading.events) == len(first)
        assert await room.entries() == first


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
async def test_another_encoding_says_the_same(room: Room, encoding: str) -> None:
    text = room.good.decode().encode("latin-1", "ignore").decode("latin-1")  # what all of them can write
    room.serve(text.encode())
    first = await room.entries()
    kind, name = room.case.content_type.partition(";")[0], encoding.removesuffix("-sig")
    room.serve(text.replace('encoding="UTF-8"', f'encoding="{name}"').encode(encoding), f"{kind}; charset={name}")
    assert await room.entries() == first


async def test_a_clock_that_is_wrong_loses_nothing_and_tells_nothing_of_tomorrow(room: Room) -> None:
    room.serve()
    first = await room.entries()
    for skew in (timedelta(hours=-1), timedelta(days=-400), timedelta(hours=1)):
        room.world.deps = replace(room.world.deps, clock=ManualClock(NOW + skew))
        room.source = room.make()
        again = await room.entries()
        assert again.keys() == first.keys()
        if room.case.channel:  # a third party's totals count what is younger than a day
            assert [entry.title for entry in again.values()] == [entry.title for entry in first.values()]
        assert all(entry.published_at <= entry.seen_at == NOW + skew for entry in again.values())


async def test_a_failure_between_two_reads_changes_nothing(room: Room) -> None:
    room.serve()
    first, cursor = await room.entries(), (await read_once(room.source)).cursor
    for put in (room.pages.put_drop, room.pages.put_hang):
        put(PATH)
        assert (await failure(room.source, cursor)).state is HealthState.UNREACHABLE
    room.serve()
    assert await room.entries(cursor) == {}
    if room.kind != "ioda":  # whose event is over once it is not on any more
        room.world.clock.move_to(NOW + timedelta(hours=1))
    room.serve(room.good + b"\n")  # another hash, but the same words
    again = await room.entries(cursor)
    assert {key: entry.published_at for key, entry in again.items()} == (
        {} if room.kind == "page" else {key: entry.published_at for key, entry in first.items()}
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refusal_is_failing_and_may_be_tried_again(room: Room, status: int) -> None:
    room.pages.put_status(PATH, status)
    error = await failure(room.source)
    assert (error.state, error.retryable) == (HealthState.FAILING, True)
    assert f"HTTP {status}" in error.reason


async def test_too_many_requests_says_how_long_to_wait(room: Room) -> None:
    room.pages.put_status(PATH, 429)
    assert (await failure(room.source)).retry_after is None
    room.pages.put_status(PATH, 429, {"Retry-After": "90"})
    error = await failure(room.source)
    assert (error.state, error.retry_after) == (HealthState.FAILING, 90.0)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error_is_unreachable(room: Room, status: int) -> None:
    room.pages.put_status(PATH, status)
    error = await failure(room.source)
    assert (error.state, error.retry_after) == (HealthState.UNREACHABLE, None)
    room.pages.put_status(PATH, status, {"Retry-After": "120"})
    assert (await failure(room.source)).retry_after == 120.0


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
