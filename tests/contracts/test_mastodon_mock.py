"""The `mastodon` source before an API that others wrote: PyPI's mastodon-mock, unmodified, in a process of its own."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.domain.signals import HealthState, Mention
from bot.errors import SourceError
from bot.ports import Reading
from sources.mastodon import MastodonSource, Settings, create
from tests.fakes.source_world import SourceWorld, failure, read_once

pytestmark = pytest.mark.slow

TOKEN = {"Authorization": "Bearer mock_token"}


class Mock:
    """A running server, and what people do on it."""

    def __init__(self, port: int, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._session = session
        self.world = SourceWorld()

    def source(self, **more: Any) -> MastodonSource:
        settings = {"kind": "mastodon", "instances": [self.url], "hashtags": ["panneorange"], "quiet_seconds": 0.5}
        deps = replace(self.world.deps, clock=SystemClock())  # the server's posts are written now
        return create(Settings.model_validate(settings | more), deps)

    async def call(self, method: str, path: str, **data: str) -> Any:
        async with self._session.request(method, self.url + path, data=data, headers=TOKEN) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, text: str, **more: str) -> Any:
        return await self.call("POST", "/api/v1/statuses", status=text, language="fr", **more)


@asynccontextmanager
async def serve(folder: Path, *arguments: str) -> AsyncIterator[Mock]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mastodon_mock", "serve", "--in-memory", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--log-level", "error"),
        *arguments,
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)},  # killed, it leaves its files
    )
    try:
        async with aiohttp.ClientSession() as session:
            mock = Mock(port, process, session)
            async with asyncio.timeout(30):
                while True:
                    try:
                        await mock.call("GET", "/api/v2/instance")
                        break
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.1)
            yield mock
            await mock.world.http.real.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def mock(tmp_path: Path) -> AsyncIterator[Mock]:
    async with serve(tmp_path) as running:
        yield running


def texts(reading: Reading) -> list[str]:
    return [event.text for event in reading.events if isinstance(event, Mention)]


async def until(true: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_its_pages_are_read_whole_and_on(mock: Mock) -> None:
    for n in range(45):
        await mock.post(f"n{n} #PanneOrange")
    await mock.post("privé #PanneOrange", visibility="private")
    await mock.post("autre chose #chatons")
    reading = await read_once(mock.source())
    assert texts(reading) == [f"n{n} #PanneOrange" for n in range(45)]
    [first, *_] = reading.events
    assert isinstance(first, Mention)
    assert (first.operator_hint, first.published_at <= first.seen_at) == ("orange", True)
    await mock.post("Messagerie HS\n\n& rien d’autre #PanneOrange", spoiler_text="Panne")
    again = texts(await read_once(mock.source(), reading.cursor))
    assert again[-1] == "Panne\nMessagerie HS\n& rien d’autre #PanneOrange"
    assert await mock.source().check() == f"{mock.url[7:]} : 40 messages pour « panneorange »"


async def test_its_search_is_read(mock: Mock) -> None:
    await mock.post("Plus de mails Orange ce matin")
    source = mock.source(hashtags=[], searches=["mails orange"], access_token="mock_token")
    assert texts(await read_once(source)) == ["Plus de mails Orange ce matin"]


async def test_what_it_pushes_is_heard_within_a_second_and_its_end_is_told(mock: Mock) -> None:
    source = mock.source(access_token="mock_token")
    heard: list[str] = []

    async def listen() -> SourceError:
        try:
            async with aclosing(source.read(None)) as readings:
                async for reading in readings:
                    heard.extend(texts(reading) or [""])
        except SourceError as error:
            return error
        raise AssertionError("a pushed source does not end")

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        await until(lambda: bool(heard), 10)  # the first sweep: the stream is open
        made = await mock.post("poussé #panneorange")
        await until(lambda: "poussé #panneorange" in heard, 1.0)
        await mock.call(
            "PUT", f"/api/v1/statuses/{made['id']}", status="corrigé #panneorange"
        )  # `status_update`: its own
        await mock.call("DELETE", f"/api/v1/statuses/{made['id']}")
        await mock.post("encore #panneorange")
        await until(lambda: "encore #panneorange" in heard, 1.0)
        mock.process.kill()
        error = await listening
    assert error.state is HealthState.UNREACHABLE


async def test_its_rate_limit_is_kept(tmp_path: Path) -> None:
    config = tmp_path / "mock.toml"
    config.write_text("[ratelimit]\nenabled = true\nlimit = 12\nwindow_seconds = 60\n", encoding="utf-8")
    async with serve(tmp_path, "--config", str(config)) as mock:
        source = mock.source(hashtags=[f"panneorange{n}" for n in range(6)])
        reading = await read_once(source)
        error = await failure(source, reading.cursor)
        assert error.state is HealthState.PAUSED
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 62
