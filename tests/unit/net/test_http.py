"""The safe client against a server on loopback that does its worst."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from multidict import CIMultiDict

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.net.http import SafeHttp, retry_after
from tests.emulators.statuspages import StatusPages, status_pages

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


@pytest.fixture
async def http(pages: StatusPages) -> AsyncIterator[SafeHttp]:
    client = SafeHttp("Vigie/0.1 (+mailto:desk@newsroom.example)", frozenset({f"127.0.0.1:{pages.port}"}))
    yield client
    await client.close()


async def error_of(http: SafeHttp, url: str, total_seconds: float = 5.0) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await http.get(url, total_seconds=total_seconds)
    return caught.value


async def test_gives_status_headers_and_body(pages: StatusPages, http: SafeHttp) -> None:
    pages.put("/feed", b"<rss/>")
    answer = await http.get(pages.url("/feed"))
    assert (answer.status, answer.body, answer.url) == (200, b"<rss/>", pages.url("/feed"))
    assert answer.headers["content-type"] == "application/xml"
    assert pages.requests[0]["User-Agent"].startswith("Vigie/")
    again = await http.get(pages.url("/feed"), {"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_the_user_agent_is_plain_ascii(pages: StatusPages) -> None:
    pages.put("/feed", b"<rss/>")
    client = SafeHttp("Vigie/0.1 (La rédaction\n; +web@newsroom.example)", frozenset({"127.0.0.1"}))
    await client.get(pages.url("/feed"))
    await client.close()
    assert pages.requests[0]["User-Agent"] == "Vigie/0.1 (La redaction ; +web@newsroom.example)"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_client_errors_are_the_callers_to_judge(pages: StatusPages, http: SafeHttp, status: int) -> None:
    pages.put_status("/feed", status)
    assert (await http.get(pages.url("/feed"))).status == status


async def test_too_many_requests_carries_its_wait(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_status("/feed", 429)
    assert (await error_of(http, pages.url("/feed"))).retry_after is None
    pages.put_status("/feed", 429, {"Retry-After": "17"})
    error = await error_of(http, pages.url("/feed"))
    assert (error.state, error.retry_after, error.retryable) == (HealthState.FAILING, 17.0, True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_server_errors_are_unreachable(pages: StatusPages, http: SafeHttp, status: int) -> None:
    pages.put_status("/feed", status, {"Retry-After": "60"})
    error = await error_of(http, pages.url("/feed"))
    assert (error.state, error.retry_after) == (HealthState.UNREACHABLE, 60.0)


def test_retry_after_as_a_date_is_measured_by_the_servers_own_clock() -> None:
    date = {"Retry-After": "Mon, 02 Mar 2026 09:02:00 GMT"}
    assert retry_after(CIMultiDict(date), NOW) == 120.0
    assert retry_after(CIMultiDict({**date, "Date": "Mon, 02 Mar 2026 09:01:00 GMT"}), NOW) == 60.0
    assert retry_after(CIMultiDict({"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT"}), NOW) == 0.0
    assert retry_after(CIMultiDict({"Retry-After": "soon"}), NOW) is None
    assert retry_after(CIMultiDict(), NOW) is None


async def test_a_dripped_body_ends_at_the_total_timeout(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_drip("/feed")
    error = await error_of(http, pages.url("/feed"), total_seconds=0.3)
    assert (error.state, error.reason) == (HealthState.UNREACHABLE, "pas de réponse complète en 0.3 s")


async def test_a_truncated_body_is_no_body(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_truncated("/feed", b"<rss/>" * 100)
    assert (await error_of(http, pages.url("/feed"))).reason == "réponse interrompue"


async def test_a_dropped_connection_is_unreachable(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_drop("/feed")
    assert (await error_of(http, pages.url("/feed"))).state is HealthState.UNREACHABLE


async def test_a_gzip_bomb_stops_at_the_cap(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_bomb("/feed", 200 * 1024 * 1024)
    error = await error_of(http, pages.url("/feed"))
    assert (error.state, error.reason) == (HealthState.UNREADABLE, "réponse de plus de 5120 Kio")


async def test_a_packed_body_is_unpacked_up_to_the_cap_itself(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_bomb("/feed", 5 * 1024 * 1024)
    assert len((await http.get(pages.url("/feed"))).body) == 5 * 1024 * 1024
    pages.put_bomb("/feed", 5 * 1024 * 1024 + 1)
    assert (await error_of(http, pages.url("/feed"))).state is HealthState.UNREADABLE


async def test_a_source_may_ask_for_more_and_gets_no_more_than_that(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_bomb("/list", 6 * 1024 * 1024)
    assert len((await http.get(pages.url("/list"), max_bytes=6 * 1024 * 1024)).body) == 6 * 1024 * 1024
    with pytest.raises(SourceError, match="6143 Kio"):
        await http.get(pages.url("/list"), max_bytes=6 * 1024 * 1024 - 1024)


async def test_a_plain_body_over_the_cap_is_unreadable(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_plain("/feed", bytes(5 * 1024 * 1024 + 1))
    assert (await error_of(http, pages.url("/feed"))).state is HealthState.UNREADABLE


async def test_three_redirects_are_followed_and_no_fourth(pages: StatusPages, http: SafeHttp) -> None:
    pages.put("/end", b"<rss/>")
    pages.put_redirect("/3", "/end", 308)
    pages.put_redirect("/2", "/3", 301)
    pages.put_redirect("/1", "/2")
    pages.put_redirect("/0", "/1")
    assert (await http.get(pages.url("/1"))).url == pages.url("/end")
    assert (await error_of(http, pages.url("/0"))).reason == "plus de 3 redirections"
    pages.put_redirect("/loop", "/loop")
    assert (await error_of(http, pages.url("/loop"))).state is HealthState.UNREACHABLE
    assert pages.served.count("/loop") == 4


async def test_a_token_is_not_carried_to_another_server(pages: StatusPages) -> None:
    http = SafeHttp("Vigie/test", frozenset({"127.0.0.1"}))
    async with status_pages() as other:
        other.put("/end", b"<rss/>")
        pages.put("/here", b"<rss/>")
        pages.put_redirect("/away", other.url("/end"))
        pages.put_redirect("/moved", "/here")
        headers = {"authorization": "Bearer secret", "Accept": "text/plain"}
        await http.get(pages.url("/away"), headers)
        await http.get(pages.url("/moved"), headers)
        assert pages.requests[-1]["Authorization"] == "Bearer secret"
        assert "Authorization" not in other.requests[0]
        assert other.requests[0]["Accept"] == "text/plain"
    await http.close()


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost:{port}/secret",  # resolves to loopback: seen at the socket, after DNS
        "http://2130706433:{port}/secret",
        "http://127.1:{port}/secret",
        "http://[64:ff9b::7f00:1]/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
    ],
)
async def test_a_redirect_to_a_private_address_is_refused(pages: StatusPages, http: SafeHttp, target: str) -> None:
    pages.put("/secret", b"secret")
    pages.put_redirect("/feed", target.format(port=pages.port))
    error = await error_of(http, pages.url("/feed"))
    assert error.state is HealthState.UNREACHABLE
    causes = ("n’est pas une adresse publique", "déguisée", "seuls http", "inutilisable")
    assert any(cause in error.reason for cause in causes), error.reason
    assert "/secret" not in pages.served


async def test_a_private_host_is_read_only_when_allowed(pages: StatusPages) -> None:
    pages.put("/feed", b"<rss/>")
    strict = SafeHttp("Vigie")
    assert "n’est pas une adresse publique" in (await error_of(strict, pages.url("/feed"))).reason
    await strict.close()
    allowed = SafeHttp("Vigie", frozenset({"127.0.0.1"}))
    assert (await allowed.get(pages.url("/feed"))).status == 200
    await allowed.close()


async def test_an_error_shows_neither_query_nor_password(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_status("/feed", 500)
    error = await error_of(http, f"http://me:hidden@127.0.0.1:{pages.port}/feed?token=hidden")
    assert "hidden" not in f"{error} {error.reason}"


@pytest.mark.parametrize("url", ["", "status.example", "http://", "http://[::1", "http://127.0.0.1:99999/"])
async def test_an_unusable_url_is_an_error_not_a_crash(http: SafeHttp, url: str) -> None:
    assert (await error_of(http, url)).state is HealthState.UNREACHABLE


async def test_nobody_listening_is_unreachable() -> None:
    allowed = SafeHttp("Vigie", frozenset({"127.0.0.1"}))
    assert (await error_of(allowed, "http://127.0.0.1:9/feed")).reason == "connexion impossible"
    await allowed.close()


async def test_a_post_carries_its_body_and_follows_nowhere(pages: StatusPages, http: SafeHttp) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-Method": request.method})

    pages.answers["/api"] = echo
    answer = await http.post(pages.url("/api"), b"token_auth=x", {"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.body, answer.headers["x-method"]) == (b"token_auth=x", "POST")
    pages.put_redirect("/moved", "/api")
    with pytest.raises(SourceError, match="redirection refusée"):
        await http.post(pages.url("/moved"), b"token_auth=x")


async def test_a_host_that_fails_again_and_again_is_left_alone_and_the_others_are_not(
    pages: StatusPages, http: SafeHttp
) -> None:
    pages.put_status("/feed", 503)
    pages.put("/other", b"<rss/>")
    for _ in range(5):
        await error_of(http, pages.url("/feed"))
    error = await error_of(http, pages.url("/other"))  # as its host is down
    assert (error.state, error.reason) == (HealthState.UNREACHABLE, "erreur du serveur (HTTP 503)")
    assert error.retry_after is not None
    assert len(pages.served) == 5
    async with status_pages() as elsewhere:
        elsewhere.put("/feed", b"<rss/>")
        client = SafeHttp("Vigie/0.1", frozenset({"127.0.0.1"}))
        assert (await client.get(elsewhere.url("/feed"))).status == 200
        await client.close()


async def test_retry_after_holds_for_all_that_ask_this_host(pages: StatusPages, http: SafeHttp) -> None:
    pages.put_status("/feed", 429, {"Retry-After": "90"})
    pages.put("/other", b"<rss/>")
    await error_of(http, pages.url("/feed"))
    error = await error_of(http, pages.url("/other"))
    assert (error.state, round(error.retry_after or 0)) == (HealthState.FAILING, 90)
    assert len(pages.served) == 1
