"""Matomo and Plausible: visits that look for an operator by themselves, by the minute, and every way they may fail."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.domain.signals import HealthState, Tally
from bot.ports import Reading
from sources.audience import AudienceSource, Settings, create
from tests.emulators.matomo import TOKEN, Matomo, matomo, page, search
from tests.emulators.plausible import KEY, Plausible, plausible
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once
from tests.flows.timetable import french

MINUTE = timedelta(minutes=1)


class Room:
    def __init__(self, values: dict[str, Any]) -> None:
        self.world = SourceWorld(total_seconds=2.0)
        self.deps = replace(self.world.deps, names=lambda text: french().classify(text).operators)
        self.values = {"kind": "audience", "operators": ["orange"]} | values
        self.source = self.make()

    def make(self, **more: Any) -> AudienceSource:
        return create(Settings.model_validate(self.values | more), self.deps)

    def later(self, minutes: float) -> None:
        self.world.clock.move_to(self.world.clock.now() + timedelta(minutes=minutes))


def counts(reading: Reading) -> dict[datetime, int]:
    found = [tally for tally in reading.events if isinstance(tally, Tally)]
    assert len(found) == len(reading.events)
    return {tally.start: tally.count for tally in found}


def some(reading: Reading) -> dict[int, int]:
    """Minutes before NOW → count, where it is not zero."""
    return {round((NOW - start) / MINUTE): count for start, count in counts(reading).items() if count}


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


# --- Matomo ---


@pytest.fixture
async def stats() -> AsyncIterator[Matomo]:
    async with matomo() as running:
        yield running


@pytest.fixture
async def room(stats: Matomo) -> AsyncIterator[Room]:
    made = Room({"url": stats.url, "site": "3", "token": TOKEN})
    yield made
    await made.world.http.real.close()


async def test_visits_of_the_last_hour_are_counted_and_calm_minutes_are_zero(stats: Matomo, room: Room) -> None:
    stats.visit("search", page(ago(30), "/panne-orange"))
    stats.visit("direct", page(ago(30), "/"), page(ago(20), "/panne-orange-mail"), page(ago(19), "/panne-orange"))
    stats.visit("direct", page(ago(10), "/4711", "Panne Orange : les mails bloqués"))
    stats.visit("direct", page(ago(9), "/vigilance-orange", "Vigilance orange"))
    reading = await read_once(room.source)
    assert some(reading) == {30: 1, 20: 1, 10: 1}
    assert len(reading.events) == 60
    assert max(counts(reading)) == ago(2)  # the last minute may not be whole yet


@pytest.mark.parametrize("referrer", ["website", "social", "campaign", "something new"])
async def test_a_hundred_visits_by_a_link_from_elsewhere_are_none(stats: Matomo, room: Room, referrer: str) -> None:
    for _ in range(100):
        stats.visit(referrer, page(ago(5), "/panne-orange"), page(ago(4), "/panne-orange-mail"))
    assert some(await read_once(room.source)) == {}


async def test_a_hundred_visits_from_a_search_engine_are_a_hundred(stats: Matomo, room: Room) -> None:
    for _ in range(100):
        stats.visit("search", page(ago(5), "/panne-orange"))
    assert some(await read_once(room.source)) == {5: 100}
    assert [asked["filter_offset"] for asked in stats.asked] == ["0", "100"]


async def test_a_search_on_the_site_counts_however_the_visit_came(stats: Matomo, room: Room) -> None:
    stats.visit("social", page(ago(6), "/"), search(ago(5), "panne Orange"))
    stats.visit("social", search(ago(5), "panne Orange"))  # the link itself was a search
    stats.visit("direct", search(ago(4), "mail orange"))
    assert some(await read_once(room.source)) == {5: 1, 4: 1}


async def test_the_next_read_goes_on_and_counts_once(stats: Matomo, room: Room) -> None:
    stats.visit("direct", page(ago(5), "/panne-orange"))
    first = await read_once(room.source)
    room.later(2)
    stats.visit("direct", page(ago(1), "/panne-orange"), page(ago(0), "/panne-orange"))
    stats.visit("direct", page(ago(2), "/panne-orange"))  # stored late
    second = await read_once(room.source, first.cursor)
    assert {start: count for start, count in counts(second).items() if count} == {ago(2): 1, ago(1): 1}
    assert min(counts(second)) == ago(2)
    assert await read_once(room.make(), first.cursor) == second


async def test_a_cursor_of_another_site_is_none(stats: Matomo, room: Room) -> None:
    cursor = (await read_once(room.source)).cursor
    assert len((await read_once(room.source, cursor)).events) == 1  # the last minute, again
    other = room.make(url=f"{stats.url}/index.php")
    assert len((await read_once(other, cursor)).events) == 60


async def test_a_long_absence_is_not_made_up_for_beyond_a_day(room: Room) -> None:
    cursor = (await read_once(room.source)).cursor
    room.later(5 * 24 * 60)
    assert len((await read_once(room.source, cursor)).events) == 24 * 60


async def test_the_token_is_in_no_address_and_people_are_not_asked_for(stats: Matomo, room: Room) -> None:
    await read_once(room.source)
    assert stats.queries == [""]
    assert stats.asked[0]["showColumns"] == "idVisit,referrerType,actionDetails"


async def test_a_wrong_token_is_told(room: Room) -> None:
    error = await failure(room.make(token="wrong"))
    assert (error.state, error.reason) == (HealthState.FAILING, "clé refusée par Matomo (HTTP 401)")


async def test_errors_in_a_good_answer_are_errors(stats: Matomo, room: Room) -> None:
    error = await failure(room.make(site="4"))
    assert (error.state, error.reason) == (HealthState.FAILING, "clé refusée par Matomo")
    stats.error = f"The visitor log is disabled. ({TOKEN})"
    error = await failure(room.source)
    assert error.reason == "Matomo refuse la demande : The visitor log is disabled. (…)"
    assert error.state is HealthState.FAILING


async def test_a_check_reads_ten_minutes(stats: Matomo, room: Room) -> None:
    stats.visit("direct", page(ago(5), "/panne-orange"))
    stats.visit("direct", page(ago(30), "/panne-orange"))
    assert await room.source.check() == "réponse comprise, 1 visites comptées pour un opérateur en 10 minutes"


# --- Plausible ---


@pytest.fixture
async def counted() -> AsyncIterator[Plausible]:
    async with plausible() as running:
        yield running


@pytest.fixture
async def other(counted: Plausible) -> AsyncIterator[Room]:
    made = Room({"url": counted.url, "engine": "plausible", "site": "journal.example", "token": KEY})
    yield made
    await made.world.http.real.close()


async def all_readings(room: Room, cursor: str | None = None) -> tuple[Reading, int]:
    """All rounds up to the present, as one Reading, and how many there were."""
    found = []
    while True:
        reading = await read_once(room.source, cursor)
        if reading.cursor == cursor:
            break
        found.append(reading)
        cursor = reading.cursor
    return Reading(tuple(event for reading in found for event in reading.events), cursor), len(found)


async def test_visitors_who_came_by_themselves_are_counted(counted: Plausible, other: Room) -> None:
    for number in range(100):
        counted.views.append((ago(5), "/panne-orange", "Organic Search", f"v{number}"))
        counted.views.append((ago(4), "/panne-orange", "Organic Social", f"w{number}"))
        counted.views.append((ago(3), "/panne-orange", "Referral", f"x{number}"))
    counted.views += [(ago(8) + timedelta(seconds=59), "/panne-orange", "Direct", "a")] * 3
    counted.views.append((ago(7), "/vigilance-orange", "Direct", "b"))
    reading, rounds = await all_readings(other)
    assert some(reading) == {8: 1, 5: 100}
    assert len(counts(reading)) == 60
    assert rounds == 7  # at most ten requests at a time
    other.later(1)
    asked = len(counted.asked)
    assert len((await read_once(other.source, reading.cursor)).events) == 2
    assert len(counted.asked) == asked + 2


async def test_only_the_ways_that_count_are_asked_for(counted: Plausible, other: Room) -> None:
    await read_once(other.make(count=["search"]))
    assert counted.asked[0]["filters"] == [["is", "visit:channel", ["Organic Search"]]]


async def test_a_wrong_key_is_told(other: Room) -> None:
    error = await failure(other.make(token="wrong"))
    assert (error.state, error.reason) == (HealthState.FAILING, "clé refusée par Plausible (HTTP 401)")


# --- what both keep to, whatever the server does ---

_PATHS = {"matomo": "/index.php", "plausible": "/api/v2/query"}
_GOOD = {"matomo": b"[]", "plausible": b'{"results": []}'}


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


@pytest.fixture(params=_PATHS)
async def faulty(request: pytest.FixtureRequest, pages: StatusPages) -> AsyncIterator[Room]:
    made = Room({"url": pages.url(""), "engine": request.param, "site": "1", "token": "secret-token"})
    yield made
    await made.world.http.real.close()


def path_of(room: Room) -> str:
    return _PATHS[room.values["engine"]]


@pytest.mark.parametrize("status", [301, 304, 400, 401, 402, 403, 404, 410])
async def test_a_refusal_is_failing(faulty: Room, pages: StatusPages, status: int) -> None:
    pages.put_status(path_of(faulty), status)
    error = await failure(faulty.source)
    assert (error.state, error.retryable) == (HealthState.FAILING, True)
    assert f"HTTP {status}" in error.reason
    assert "secret-token" not in f"{error} {error.reason}"


async def test_too_many_requests_says_how_long_to_wait(faulty: Room, pages: StatusPages) -> None:
    pages.put_status(path_of(faulty), 429)
    assert (await failure(faulty.source)).retry_after is None
    pages.put_status(path_of(faulty), 429, {"Retry-After": "90"})
    error = await failure(faulty.source)
    assert (error.state, error.retry_after) == (HealthState.FAILING, 90.0)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error_is_unreachable(faulty: Room, pages: StatusPages, status: int) -> None:
    pages.put_status(path_of(faulty), status)
    assert (await failure(faulty.source)).state is HealthState.UNREACHABLE


_NAN = (
    b'[{"idVisit": 1, "referrerType": "direct", "actionDetails": '
    b'[{"type": "action", "url": "/panne-orange", "timestamp": "nan"}]}]'
)


@pytest.mark.parametrize(
    "body",
    [
        HTML_ERROR,
        b"",
        b" \n",
        b"null",
        b"{}",
        b'{"results": [{"metrics": [], "dimensions": []}]}',
        b'{"results": [{"metrics": ["x"], "dimensions": ["/"]}]}',
        b'{"results": [{"metrics": [99999999999999999999], "dimensions": ["/panne-orange"]}]}',
        b'{"results": [{"metrics": [-1], "dimensions": ["/panne-orange"]}]}',
        b'[{"idVisit": 1, "actionDetails": [{"timestamp": "soon"}]}]',
        _NAN,
        b'{"result": "success"}',
        b"\x00\xff" * 500,
        b"[" * 200_000,
    ],
    ids=[
        "html",
        "empty",
        "blank",
        "null",
        "object",
        "row",
        "text",
        "huge",
        "negative",
        "time",
        "nan",
        "success",
        "noise",
        "nested",
    ],
)
async def test_what_is_no_answer_is_unreadable_never_calm(faulty: Room, pages: StatusPages, body: bytes) -> None:
    pages.put_plain(path_of(faulty), body, "application/json")
    assert (await failure(faulty.source)).state is HealthState.UNREADABLE


async def test_network_faults_are_unreachable(faulty: Room, pages: StatusPages) -> None:
    path = path_of(faulty)
    for put in (pages.put_drop, pages.put_drip):
        put(path)
        assert (await failure(faulty.source)).state is HealthState.UNREACHABLE
    pages.put_truncated(path, _GOOD[faulty.values["engine"]])
    assert (await failure(faulty.source)).state is HealthState.UNREACHABLE
    pages.put_redirect(path, path)
    assert (await failure(faulty.source)).state is HealthState.UNREACHABLE
    pages.put_redirect(path, "http://169.254.169.254/")
    assert (await failure(faulty.source)).state is HealthState.UNREACHABLE


async def test_a_gzip_bomb_is_unreadable(faulty: Room, pages: StatusPages) -> None:
    pages.put_bomb(path_of(faulty), 100 * 1024 * 1024)
    assert (await failure(faulty.source)).state is HealthState.UNREADABLE


async def test_a_packed_answer_is_read_and_after_a_failure_nothing_is_missing(faulty: Room, pages: StatusPages) -> None:
    async def packed(_: Any) -> web.StreamResponse:
        body = gzip.compress(_GOOD[faulty.values["engine"]])
        return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    pages.answers[path_of(faulty)] = packed
    reading = await read_once(faulty.source)
    assert reading.events
    pages.put_status(path_of(faulty), 503)
    faulty.later(3)
    await failure(faulty.source, reading.cursor)
    pages.answers[path_of(faulty)] = packed
    later = await read_once(faulty.source, reading.cursor)
    assert min(counts(later)) <= max(counts(reading))
