"""An instance that pushes: posts within a second, and neither a hole nor a double around what breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.domain.signals import Deletion, HealthState, Mention
from bot.errors import SourceError
from bot.net.addresses import refusal
from bot.ports import Reading
from sources._sse import EventStreams
from sources.mastodon import MastodonSource, Settings, create
from tests.emulators.mastodon import Mastodon, mastodon, status
from tests.fakes.source_world import NOW, SourceWorld


class Ear:
    """A source that is listened to until something has been heard."""

    def __init__(self, instance: Mastodon) -> None:
        self.instance = instance
        self.world = SourceWorld(total_seconds=2.0)
        self.readings: list[Reading] = []
        self.source = self.make()

    def make(self, **more: Any) -> MastodonSource:
        settings = {
            "instances": [self.instance.url],
            "hashtags": ["panneorange", "pannesfr"],
            "access_token": "good-token",
            "silence_seconds": 1.0,
            "quiet_seconds": 0.2,
        }
        return create(Settings.model_validate({"kind": "mastodon"} | settings | more), self.world.deps)

    @property
    def texts(self) -> list[str]:
        events = [event for reading in self.readings for event in reading.events]
        return [event.text.partition(" #")[0] for event in events if isinstance(event, Mention)]

    async def listen(self, cursor: str | None = None) -> None:
        async with aclosing(self.source.read(cursor)) as stream:
            async for reading in stream:
                self.readings.append(reading)

    async def heard(self, *texts: str) -> None:
        while not set(texts) <= set(self.texts):
            await asyncio.sleep(0.01)

    async def connected(self, count: int = 2) -> None:
        while len(self.instance.streams) < count:
            await asyncio.sleep(0.01)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with mastodon() as instance:
        made = Ear(instance)
        yield made
        await made.world.http.real.close()


def post(text: str, tag: str = "panneorange", *, minutes: float = 0, **more: Any) -> dict[str, Any]:
    return status(NOW + timedelta(minutes=minutes), text, tag, number=len(text), **more)


async def test_a_post_is_handed_over_within_a_second(ear: Ear) -> None:
    ear.instance.statuses = [post("avant", minutes=-30)]
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.connected()
        await ear.heard("avant")
        async with asyncio.timeout(1.0):
            await ear.instance.post(post("maintenant"))
            await ear.heard("maintenant")
        async with asyncio.timeout(1.0):
            await ear.instance.post(post("et là", "pannesfr"))
            await ear.heard("et là")
        listening.cancel()
    assert ear.texts == ["avant", "maintenant", "et là"]
    assert ear.readings[0].heard_from == NOW - timedelta(days=7)
    assert {token for _, _, token in ear.instance.asked} == {
        "good-token",
        "",
    }  # "": the stream's health, maybe elsewhere
    assert {token for path, _, token in ear.instance.asked if "health" not in path} == {"good-token"}


async def test_the_streams_are_open_before_the_gap_is_filled(ear: Ear) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.connected()
        await ear.heard()
        while len(ear.instance.asked) < 6:
            await asyncio.sleep(0.01)
        listening.cancel()
    paths = [path.rpartition("/")[2] for path, _, _ in ear.instance.asked]
    assert paths[:4] == ["instance", "health", "hashtag", "hashtag"]
    assert set(paths[4:]) == {"panneorange", "pannesfr"}


async def test_after_a_drop_the_gap_is_filled_without_a_hole(ear: Ear) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.connected()
        await ear.instance.post(post("un", minutes=-1))
        await ear.heard("un")
        await ear.instance.drop()
        ear.instance.statuses.append(post("pendant la coupure", minutes=-0.5))  # nobody was connected
        await ear.heard("pendant la coupure")
        await ear.connected()
        await ear.instance.post(post("deux"))
        await ear.heard("deux")
        listening.cancel()
    assert {"un", "pendant la coupure", "deux"} == set(ear.texts)  # by id: the sweep repeats the last minutes
    ids = {event.id for reading in ear.readings for event in reading.events if isinstance(event, Mention)}
    assert len(ids) == 3


async def test_a_restart_reads_what_was_missed_from_its_cursor(ear: Ear) -> None:
    ear.instance.statuses = [post("avant", minutes=-60)]
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.heard("avant")
        listening.cancel()
    cursor = ear.readings[0].cursor
    ear.readings, ear.source = [], ear.make()
    ear.instance.statuses.append(post("entre-temps", minutes=-5))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen(cursor))
        await ear.heard("entre-temps")
        listening.cancel()
    assert ear.texts == ["entre-temps"]
    assert ear.readings[0].heard_from == NOW


async def test_quiet_is_told_while_the_heart_beats(ear: Ear) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        while len(ear.readings) < 3:
            await asyncio.sleep(0.01)
        listening.cancel()
    quiet = ear.readings[1]
    assert (quiet.events, quiet.cursor) == ((), None)
    assert quiet.complete_to is not None
    assert NOW - timedelta(seconds=1) < quiet.complete_to <= NOW


async def test_what_is_only_asked_for_now_and_then_is_not_claimed_complete(ear: Ear) -> None:
    async with mastodon() as other:
        for more in ({"searches": ["orange"]}, {"instances": [ear.instance.url, other.url]}):
            ear.readings, ear.source = [], ear.make(**more)
            async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(ear.listen())
                while len(ear.readings) < 3:
                    await asyncio.sleep(0.01)
                listening.cancel()
            assert [reading.complete_to for reading in ear.readings] == [None] * 3


async def test_a_stream_without_a_heartbeat_is_opened_again(ear: Ear) -> None:
    ear.instance.thump_seconds = 60.0
    ear.source = ear.make(silence_seconds=0.3)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        while len([path for path, _, _ in ear.instance.asked if path.endswith("/hashtag")]) < 4:
            await asyncio.sleep(0.01)
        listening.cancel()
    assert all(reading.complete_to is None or reading.complete_to < NOW for reading in ear.readings)


async def test_a_pushed_post_that_is_taken_back_is_told_by_its_address(ear: Ear) -> None:
    row = post("plus de réseau")
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.connected()
        await ear.instance.post(row)
        await ear.heard("plus de réseau")
        for number in (row["id"], row["id"], "116159401880092672"):
            await ear.instance.push(f"event: delete\ndata: {number}\n\n".encode(), {"panneorange"})
        await ear.instance.post(post("hashtag ajouté"))
        await ear.heard("hashtag ajouté")
        listening.cancel()
    gone = [event for reading in ear.readings for event in reading.events if isinstance(event, Deletion)]
    assert gone == [Deletion("mastodon", row["uri"])]


async def test_edits_are_posts_and_what_was_never_pushed_and_noise_are_nothing(ear: Ear) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.connected()
        await ear.heard()
        for noise in (
            b"event: delete\ndata: 116159401880092672\n\n",
            b"event: update\ndata: <html>\n\n",
            b"event: update\ndata: " + b"[" * 5000 + b"\n\n",
            b"event: notification\ndata: {}\n\n",
            b"event: update\ndata: " + b"x" * 400_000 + b"\n\n",
            b"\xff\xfe\n\n",
            b"event: filters_changed\ndata: undefined\n\n",
        ):
            await ear.instance.push(noise, {"panneorange"})
        await ear.instance.post(post("hashtag ajouté"), event="status.update")
        await ear.heard("hashtag ajouté")
        listening.cancel()
    assert set(ear.texts) == {"hashtag ajouté"}
    assert not [event for reading in ear.readings for event in reading.events if isinstance(event, Deletion)]


async def test_an_instance_that_refuses_streams_is_asked_instead(ear: Ear) -> None:
    ear.instance.refuse_streams = 403
    ear.instance.statuses = [post("lu", minutes=-1)]
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(ear.listen())
        await ear.heard("lu")
        listening.cancel()
    assert "127.0.0.1 : flux refusé (HTTP 403)" in await ear.source.check()


async def test_an_instance_that_does_not_answer_at_all_is_an_error(ear: Ear) -> None:
    ear.source = ear.make(instances=["http://127.0.0.1:9"])
    with pytest.raises(SourceError) as caught:
        await ear.listen()
    assert (caught.value.state, caught.value.reason) == (
        HealthState.UNREACHABLE, "127.0.0.1:9 : connexion impossible",
    )  # fmt: skip


async def test_while_it_pushes_a_sweep_that_fails_is_no_error(ear: Ear) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        await_streams = tasks.create_task(ear.connected())

        async def broken(request: web.Request) -> web.StreamResponse:
            if request.path.startswith("/api/v1/timelines"):
                return web.Response(status=503)
            if request.path.endswith("/instance"):
                return web.json_response({})
            return web.Response(text="OK")

        ear.instance.fault = broken
        listening = tasks.create_task(ear.listen())
        await await_streams
        await ear.instance.post(post("poussé"))
        await ear.heard("poussé")
        listening.cancel()
    assert ear.texts == ["poussé"]


@pytest.mark.parametrize("told", ["ws://169.254.169.254", "ws://10.0.0.1:4000"])
async def test_a_stream_is_not_followed_into_a_private_network(ear: Ear, told: str) -> None:
    ear.instance.streaming_url = told
    assert "adresse refusée" in await ear.source.check()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433"])
async def test_a_streams_own_socket_is_refused_in_a_private_network(ear: Ear, host: str) -> None:
    streams = EventStreams(1.0)
    with pytest.raises(SourceError) as caught:
        await streams.open([f"http://{host}:{ear.instance.port}/api/v1/streaming/hashtag?tag=x"], {}, refusal)
    await streams.close()
    assert caught.value.state is HealthState.UNREACHABLE
    assert ear.instance.asked == []


async def test_a_stream_that_redirects_is_refused(ear: Ear) -> None:
    async with mastodon() as other:
        ear.instance.refuse_streams = 302
        ear.instance.streaming_url = ear.instance.url
        assert "flux refusé (HTTP 302)" in await ear.source.check()
        assert other.asked == []


async def test_a_check_opens_the_streams_and_lets_go(ear: Ear) -> None:
    here = f"127.0.0.1:{ear.instance.port}"
    assert await ear.source.check() == f"{here} : 0 message pour « panneorange » ; {here} : flux ouvert"
    async with asyncio.timeout(5):
        while ear.instance.streams:
            await asyncio.sleep(0.01)
