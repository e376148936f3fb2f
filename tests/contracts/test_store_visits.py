"""What every store promises of the checks of operators' channels, and of the bytes they rest on."""

import hashlib
import random  # noqa: TID251 - bytes that cannot be packed, from a seed
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.captures import Capture, Visit
from bot.domain.incidents import IncidentState
from bot.domain.signals import HealthState
from bot.ports import Changes, Store
from bot.storage.memory import MemoryStore
from bot.storage.sql import SqlStore
from bot.storage.visits import DAY_BYTES
from tests.unit.storage.samples import at, incident

URL = "https://etat.example/"


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = MemoryStore() if request.param == "memory" else SqlStore(tmp_path / "vigie.db")
    await opened.open()
    yield opened
    await opened.close()


def capture(body: bytes, *, status: int = 200, url: str = URL) -> Capture:
    return Capture(
        url=url,
        status=status,
        digest=hashlib.sha256(body).hexdigest(),
        size=len(body),
        headers=(("content-type", "text/html"), ("etag", '"1"')),
        dated=at(0),
        body=None if status == 304 else body,
    )


def visit(minutes: float, *captures: Capture, source: str = "orange-etat", telling: bool = False) -> Visit:
    return Visit(source, "orange", at(minutes), HealthState.OK, None, captures, telling)


async def times(store: Store) -> list[float]:
    return [(v.at - at(0)).total_seconds() / 60 for v in await store.visits("orange", at(-9999), at(99_999))]


async def test_a_visit_comes_back_with_what_it_rests_on_and_the_bytes_apart(store: Store) -> None:
    page, other = capture(b"page"), capture(b"{}", url=f"{URL}2.json")
    failed = Visit("orange-etat", "orange", at(10), HealthState.UNREACHABLE, "HTTP 503", telling=True)
    told = (visit(0, page, other, telling=True), visit(5, capture(b"page", status=304), other), failed)
    await store.apply(Changes(visits=told))
    kept = {c.url: replace(c, body=None, first_at=at(0)) for c in (page, other)}
    assert [*await store.visits("orange", at(0), at(10))] == [
        replace(told[0], captures=(kept[URL], kept[other.url])),
        replace(told[1], captures=(replace(kept[URL], status=304), kept[other.url])),
        failed,
    ]
    assert await store.body(page.digest) == b"page"
    assert await store.body(other.digest) == b"{}"
    assert await store.body("0" * 64) is None


async def test_visits_are_one_operators_in_a_span_by_time_and_source(store: Store) -> None:
    other = replace(visit(2), operator="sfr", source="sfr-etat")
    await store.apply(Changes(visits=(visit(9), visit(1, source="b"), visit(1, source="a"), other, visit(4))))
    found = await store.visits("orange", at(1), at(4))
    assert [(v.at, v.source) for v in found] == [(at(1), "a"), (at(1), "b"), (at(4), "orange-etat")]


async def test_a_visit_is_stored_once_and_a_repeat_ignored(store: Store) -> None:
    await store.apply(Changes(visits=(visit(0, capture(b"first")),)))
    await store.apply(Changes(visits=(visit(0, capture(b"second")),)))
    [found] = await store.visits("orange", at(0), at(0))
    assert found.captures[0].digest == capture(b"first").digest
    assert await store.body(capture(b"second").digest) is None


async def test_a_content_that_comes_back_was_first_read_then(store: Store) -> None:
    bodies = (b"calm", b"trouble", b"calm")
    await store.apply(Changes(visits=tuple(visit(n * 5, capture(body)) for n, body in enumerate(bodies))))
    found = await store.visits("orange", at(0), at(10))
    assert [v.captures[0].first_at for v in found] == [at(0), at(5), at(0)]


async def test_an_incident_is_found_by_its_id_or_its_number(store: Store) -> None:
    await store.apply(Changes(incidents=(incident(7), incident(8))))
    assert await store.incident("7") == await store.incident("orange-7") == incident(7)
    assert await store.incident("9") is None
    assert await store.incident("orange") is None


# --- how long they are kept


async def test_purge_drops_calm_visits_sooner_than_telling_ones(store: Store) -> None:
    told, calm, late = capture(b"told"), capture(b"calm"), capture(b"late")
    await store.apply(Changes(visits=(visit(0, told, telling=True), visit(5, calm), visit(100, late))))
    assert await store.purge(at(-60), at(60)) == 3  # the visit, its capture, its bytes
    assert await times(store) == [0, 100]
    assert [await store.body(c.digest) for c in (told, calm, late)] == [b"told", None, b"late"]
    assert await store.purge(at(-60), at(60)) == 0
    assert await store.purge(at(60), at(60)) == 3
    assert await times(store) == [100]


async def test_purge_keeps_bytes_that_a_later_check_still_rests_on(store: Store) -> None:
    page = capture(b"page")
    await store.apply(Changes(visits=(visit(0, page), visit(90, capture(b"page", status=304)))))
    await store.purge(at(60))
    [found] = await store.visits("orange", at(0), at(99))
    assert found.captures[0].first_at == at(0)
    assert await store.body(page.digest) == b"page"


async def test_purge_keeps_what_the_silence_of_an_incident_rests_on(store: Store) -> None:
    ended = incident(1, IncidentState.RESOLVED, ended_at=at(60))  # reported first at 0: heard from 120 min before
    checks = tuple(visit(minute, capture(str(minute).encode())) for minute in (-121, -120, 0, 60, 61))
    others = tuple(replace(v, source="sfr-etat", operator="sfr") for v in checks)
    await store.apply(Changes(incidents=(ended,), visits=(*checks, *others)))
    await store.purge(at(9999))
    assert await times(store) == [-120, 0, 60]
    assert [*await store.visits("sfr", at(-999), at(999))] == []
    assert await store.body(capture(b"0").digest) == b"0"
    assert await store.body(capture(b"61").digest) is None


async def test_purge_keeps_all_since_an_incident_that_is_open(store: Store) -> None:
    await store.apply(Changes(incidents=(incident(1),), visits=(visit(-121), visit(0), visit(5000))))
    await store.purge(at(9999))
    assert await times(store) == [0, 5000]


async def test_purge_keeps_a_content_that_was_there_before_the_incident(store: Store) -> None:
    page = capture(b"page")
    await store.apply(Changes(visits=(visit(-5000, page), visit(30, capture(b"page", status=304)))))
    await store.apply(Changes(incidents=(incident(1),)))
    await store.purge(at(9999))
    [found] = await store.visits("orange", at(-9999), at(9999))
    assert (found.at, found.captures[0].first_at) == (at(30), at(-5000))
    assert await store.body(page.digest) == b"page"


# --- how much is kept


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


async def test_a_page_that_changes_at_each_read_is_kept_up_to_a_days_share_then_now_and_then(store: Store) -> None:
    piece = DAY_BYTES // 4
    pages = [capture(noise(n, piece)) for n in range(12)]  # a little more than a piece, packed
    await store.apply(Changes(visits=tuple(visit(n * 5, page) for n, page in enumerate(pages))))
    kept = [n * 5 for n, page in enumerate(pages) if await store.body(page.digest)]
    assert kept == [0, 5, 10, 40]  # and so on, every half hour
    found = await store.visits("orange", at(0), at(60))
    assert [v.captures[0].digest for v in found] == [page.digest for page in pages]  # the sums of all

    told = capture(noise(99, piece))
    await store.apply(Changes(visits=(visit(60, told, telling=True),)))
    assert await store.body(told.digest) == told.body
    mine = capture(noise(100, piece))
    await store.apply(Changes(visits=(visit(61, mine, source="another"),)))
    assert await store.body(mine.digest) == mine.body
    tomorrow = capture(noise(101, piece))
    await store.apply(Changes(visits=(visit(60 + 1440, tomorrow),)))
    assert await store.body(tomorrow.digest) == tomorrow.body
