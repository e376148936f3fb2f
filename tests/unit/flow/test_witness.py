"""What an operator's page answered is kept, whatever it was, and a 304 only counts for bytes that we hold."""

import hashlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.flow.witness import Witness, shown
from sources._fetch import Seen, fetch
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.fakes.source_world import SourceWorld

PAGE = b"<main>Rien a signaler.</main>"


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    world = SourceWorld()
    yield Witness(world.http, keeps=True)
    await world.http.real.close()


def sum_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def test_an_answer_is_kept_once_with_its_bytes_and_what_dates_it(witness: Witness, pages: StatusPages) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        headers = {
            "Content-Type": "text/html",
            "Set-Cookie": "session=secret",
            "Date": "Mon, 02 Mar 2026 09:00:00 GMT",
            "X-Token": "secret",
            "Server": "x" * 999,
        }
        return web.Response(body=PAGE, headers=headers)

    pages.answers["/etat"] = answer
    await witness.get(pages.url("/etat?token=secret"))
    [capture] = witness.take()
    assert (capture.status, capture.digest, capture.size, capture.body) == (200, sum_of(PAGE), len(PAGE), PAGE)
    assert capture.url == pages.url("/etat?…")
    assert str(capture.dated) == "2026-03-02 09:00:00+00:00"
    assert {name for name, _ in capture.headers} == {"content-type", "date", "server"}
    assert max(len(value) for _, value in capture.headers) == 500
    assert "secret" not in str(capture.headers)
    assert witness.take() == ()


async def test_it_only_passes_on_until_it_is_asked_to_keep(pages: StatusPages) -> None:
    world = SourceWorld()
    witness = Witness(world.http)
    pages.put("/etat", PAGE)
    seen = (await fetch(witness, pages.url("/etat"), Seen()))[1]
    await fetch(witness, pages.url("/etat"), seen)
    await witness.post(pages.url("/etat"), b"{}")
    assert pages.statuses == [200, 304, 200]
    assert witness.take() == ()
    await world.http.real.close()


async def test_the_first_read_after_a_start_is_whole_and_later_ones_confirm_it(
    witness: Witness, pages: StatusPages
) -> None:
    pages.put("/etat", PAGE)
    before = (await fetch(Witness(witness._http), pages.url("/etat"), Seen()))[1]  # as the last run's cursor says
    pages.statuses.clear()
    answers = [await fetch(witness, pages.url("/etat"), before) for _ in range(3)]
    assert pages.statuses == [200, 304, 304]
    assert [answer for answer, _ in answers] == [None, None, None]  # nothing new for the source
    captures = witness.take()
    assert {capture.digest for capture in captures} == {sum_of(PAGE)}
    assert [capture.body for capture in captures] == [PAGE, None, None]
    assert {capture.size for capture in captures} == {len(PAGE)}


async def test_a_304_confirms_the_document_it_was_asked_about(witness: Witness, pages: StatusPages) -> None:
    pages.put("/etat", PAGE)
    _, seen = await fetch(witness, pages.url("/etat"), Seen())
    pages.put("/etat", HTML_ERROR)  # which the source cannot read, so that its cursor stays
    await fetch(witness, pages.url("/etat"), seen)
    pages.put("/etat", PAGE)
    await fetch(witness, pages.url("/etat"), seen)
    assert [(capture.status, capture.digest) for capture in witness.take()] == [
        (200, sum_of(PAGE)),
        (200, sum_of(HTML_ERROR)),
        (304, sum_of(PAGE)),
    ]


async def test_a_304_that_nobody_asked_for_proves_nothing(witness: Witness, pages: StatusPages) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=304)

    pages.put_plain("/etat", PAGE)  # without a validator
    _, seen = await fetch(witness, pages.url("/etat"), Seen())
    pages.answers["/etat"] = answer
    with pytest.raises(SourceError) as caught:
        await fetch(witness, pages.url("/etat"), seen)
    assert caught.value.state is HealthState.UNREADABLE


async def test_what_they_showed_when_they_refused_is_kept_too(witness: Witness, pages: StatusPages) -> None:
    pages.put_status("/etat", 403)
    with pytest.raises(SourceError):
        await fetch(witness, pages.url("/etat"), Seen())
    [capture] = witness.take()
    assert (capture.status, capture.body) == (403, HTML_ERROR)


async def test_an_etag_that_changes_each_time_is_not_remembered_for_ever(witness: Witness, pages: StatusPages) -> None:
    for number in range(40):
        pages.put("/etat", f"page {number}")
        await witness.get(pages.url("/etat"))
    assert len(witness._held) == 16


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://etat.example/fr", "https://etat.example/fr"),
        ("https://user:secret@etat.example:8443/fr?key=secret#x", "https://etat.example:8443/fr?…"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, seen: str) -> None:
    assert shown(url) == seen
