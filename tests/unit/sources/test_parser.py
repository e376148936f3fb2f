"""The parsing process: kills what is too heavy, comes back, opens nothing, and never holds up the loop."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from sources._parser import ParseError, Parser

DATA = Path(__file__).parents[2] / "data" / "feed"
pytestmark = pytest.mark.slow  # each test starts a process


def rss(title: str, before: str = "") -> bytes:
    return f'{before}<rss version="2.0"><channel><item><title>{title}</title></item></channel></rss>'.encode()


HOSTILE = {
    "100,000 attributes": b'<rss version="2.0" '
    + b" ".join(b'a%d="1"' % n for n in range(100_000))
    + b"><channel/></rss>",
    "200,000 nested tags": b'<rss version="2.0">' + b"<a>" * 200_000 + b"</a>" * 200_000,
    "200,000 nested tags in a title": rss("<div>" * 200_000),
    "2 M <": b'<rss version="2.0">' + b"<" * 2_000_000,
}

BODIES = {path: path.read_bytes() for path in sorted(DATA.rglob("*")) if path.suffix in {".xml", ".rss", ".atom"}}


def environment_of(pid: int | None) -> str:
    """What Linux shows of a process's environment; empty elsewhere."""
    shown = Path(f"/proc/{pid}/environ")
    return shown.read_text() if shown.exists() else ""


async def feed(parser: Parser, body: bytes) -> dict[str, Any]:
    return await parser.run({"do": "feed"}, body, dict[str, Any])


async def worst_lag() -> float:
    """The longest time the loop did not turn, until cancelled."""
    loop, worst = asyncio.get_running_loop(), 0.0
    try:
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            worst = max(worst, loop.time() - before - 0.01)
    except asyncio.CancelledError:
        return worst


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_feed_ends_soon_and_the_next_is_read(name: str) -> None:
    parser = Parser()
    async with asyncio.TaskGroup() as tasks:
        lag = tasks.create_task(worst_lag())
        try:
            await feed(parser, HOSTILE[name])
        except ParseError as error:
            assert str(error) == "document trop lourd à analyser"  # noqa: PT017 - it may also be parsed in time
        assert [entry["title"] for entry in (await feed(parser, rss("Panne")))["entries"]] == ["Panne"]
        lag.cancel()
    assert lag.result() < 1.0
    await parser.close()


async def test_a_hostile_page_is_killed() -> None:
    parser = Parser()
    with pytest.raises(ParseError):  # selectolax alone takes minutes for this one
        await parser.run({"do": "page", "selector": "body"}, b"<div>" * 200_000, dict[str, Any])
    await parser.close()


async def test_a_deadline_ends_what_takes_too_long() -> None:
    parser = Parser(deadline_seconds=0.001)
    with pytest.raises(ParseError):
        await feed(parser, rss("Panne"))
    assert parser.pid is None


async def test_entities_are_neither_expanded_nor_fetched() -> None:
    parser = Parser()
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = rss("&l9;", f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{levels}]>')
    assert len((await feed(parser, bomb))["entries"][0]["title"]) <= 500
    external = rss("a&x;b", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]>')
    assert (await feed(parser, external))["entries"][0]["title"] in {"ab", "a&x;b"}
    await parser.close()


async def test_a_body_that_is_a_path_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_bytes(rss("secret"))
    parser = Parser()
    for body in (str(secret).encode(), secret.as_uri().encode()):
        answer = await feed(parser, body)
        assert (answer["version"], answer["entries"]) == ("", [])
    await parser.close()


async def test_one_process_serves_all_jobs_and_ends_when_idle() -> None:
    parser = Parser(idle_seconds=0.3)
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(feed(parser, rss(f"n{n}"))) for n in range(5)]
    assert [job.result()["entries"][0]["title"] for job in jobs] == [f"n{n}" for n in range(5)]
    first = parser.pid
    assert (await feed(parser, rss("x")))["entries"]
    assert parser.pid == first
    await asyncio.sleep(0.6)
    assert parser.pid is None
    assert (await feed(parser, rss("x")))["entries"]
    assert parser.pid != first
    await parser.close()


async def test_a_cancelled_job_does_not_answer_the_next() -> None:
    parser = Parser()
    await feed(parser, rss("warm"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await feed(parser, HOSTILE["2 M <"])
    assert (await feed(parser, rss("next")))["entries"][0]["title"] == "next"
    await parser.close()


async def test_the_process_has_none_of_our_secrets() -> None:
    os.environ["VIGIE_TEST_SECRET"] = "hidden"
    try:
        parser = Parser()
        await feed(parser, rss("x"))
        assert "hidden" not in environment_of(parser.pid)
        await parser.close()
    finally:
        del os.environ["VIGIE_TEST_SECRET"]


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.name)
async def test_real_and_malformed_feeds_are_parsed_or_refused(path: Path) -> None:
    parser = Parser()
    answer = await feed(parser, BODIES[path])
    assert isinstance(answer["version"], str)
    assert bool(answer["version"]) == (path.name != "illformed_rss_empty_document.xml")
    await parser.close()
