"""The public stream: what we want of it, in small batches, from where we stopped, over instances that fail."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.signals import Deletion, HealthState, Mention
from bot.errors import SourceError
from bot.ports import Reading
from sources.bluesky import MAX_MESSAGE_BYTES, BlueskySource, Settings, create
from tests.emulators.jetstream import Jetstream, account, delete, jetstream, post
from tests.fakes.source_world import NOW, SourceWorld

_GONE = {"deleted", "deactivated", "suspended", "takendown"}
NOW_US = int(NOW.timestamp()) * 1_000_000


def at(seconds: float) -> int:
    """Microseconds of the stream, `seconds` after the tests' now."""
    return NOW_US + int(seconds * 1_000_000)


def instant(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Setting:
    def __init__(self, stream: Jetstream) -> None:
        self.stream = stream
        self.world = SourceWorld()
        self.world.clock.move_to(instant(1000))  # what happens in the tests has happened
        self.source = self.make()

    def make(self, **more: Any) -> BlueskySource:
        settings = {"endpoints": [self.stream.url], "batch_seconds": 0.05, "quiet_seconds": 0.2, "silence_seconds": 2.0}
        return create(Settings.model_validate({"kind": "bluesky"} | settings | more), self.world.deps)

    async def readings(self, count: int, cursor: str | None = None) -> list[Reading]:
        """The first so many Readings."""
        taken: list[Reading] = []
        async with asyncio.timeout(5), aclosing(self.source.read(cursor)) as stream:
            async for reading in stream:
                taken.append(reading)
                if len(taken) == count:
                    break
        return taken

    async def mentions(self, *events: Any) -> list[Mention]:
        """What becomes of these events, read from the stream's beginning; a last post shows that all were read."""
        self.stream.events = [*events, post(at(900), "orange, fin", rkey="last")]
        found: list[Mention] = []
        async with asyncio.timeout(5), aclosing(self.source.read('{"time_us": 1}')) as stream:
            async for reading in stream:
                found += [event for event in reading.events if isinstance(event, Mention)]
                if found and found[-1].id.endswith("/last"):
                    break
        return found[:-1]

    async def failure(self, cursor: str | None = None) -> SourceError:
        with pytest.raises(SourceError) as caught:
            await self.readings(1000, cursor)
        return caught.value


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with jetstream() as stream:
        made = Setting(stream)
        yield made
        await made.source.close()
        await made.world.http.real.close()


async def test_a_post_becomes_a_mention(setting: Setting) -> None:
    event = post(at(-5), "Panne Orange à Mâcon", rkey="3k", did="did:plc:abc", createdAt="2026-03-02T08:59:50.000Z")
    [mention] = await setting.mentions(event)
    assert mention == Mention(
        source="bluesky",
        id="at://did:plc:abc/app.bsky.feed.post/3k",
        author="did:plc:abc",
        text="Panne Orange à Mâcon",
        published_at=instant(-10),
        seen_at=instant(1000),
        url="https://bsky.app/profile/did:plc:abc/post/3k",
    )


async def test_what_does_not_concern_us_is_dropped(setting: Setting) -> None:
    like = post(at(2), "orange")
    like["commit"]["collection"] = "app.bsky.feed.like"
    account = {"did": "did:plc:a", "time_us": at(3), "kind": "account", "account": {"active": True}}
    found = await setting.mentions(
        like,
        account,
        post(at(4), "rien à voir"),
        post(at(5), "orange in english", langs=["en"]),
        "not JSON",
        post(10**30, "orange, a time that is none"),
        post(-1, "orange, another"),
        post(at(6), "orange, langs of an odd type", langs="fr"),
        post(at(7), "orange sans langue", langs=[]),
        post(at(8), "orange bilingue", langs=["en", "fr-FR"]),
        post(at(9), "orange en capitales", langs=["FR"]),
        post(at(10), "orange, langue inconnue", langs=["und"]),
    )
    assert [mention.text for mention in found] == [
        "orange sans langue",
        "orange bilingue",
        "orange en capitales",
        "orange, langue inconnue",
    ]


async def test_a_commit_full_of_odd_records_silences_nobody(setting: Setting) -> None:
    odd = [post(at(n), "orange", rkey=f"odd{n}", langs="fr") for n in range(40)]
    deep = json.dumps(post(at(41), "DEEP")).replace('"DEEP"', "[" * 100_000 + "]" * 100_000)
    [found] = await setting.mentions(*odd, deep, post(at(50), "orange, pour de vrai"))
    assert found.text == "orange, pour de vrai"


async def test_a_post_as_long_as_may_be_does_not_end_the_connection(setting: Setting) -> None:
    long = {"cursor": 1} | post(at(1), "orange", padding="")
    long["commit"]["record"]["padding"] = "x" * (MAX_MESSAGE_BYTES - len(json.dumps(long)))
    assert len(json.dumps(long)) == MAX_MESSAGE_BYTES
    assert [mention.text for mention in await setting.mentions(long)] == ["orange"]
    too_long = post(at(2), "orange", padding="x" * MAX_MESSAGE_BYTES)  # is not sent
    assert [mention.text for mention in await setting.mentions(long, too_long)] == ["orange"]
    assert len(setting.stream.queries) == 2


async def test_a_clock_ahead_or_broken_is_set_to_the_streams(setting: Setting) -> None:
    found = await setting.mentions(
        post(at(1), "orange 1", createdAt="2096-01-01T00:00:00Z"),
        post(at(2), "orange 2", createdAt="hier"),
        post(at(3), "orange 3"),
        post(at(4), "orange 4", createdAt="1970-01-01T00:00:00Z"),
    )
    assert [mention.published_at for mention in found] == [instant(1), instant(2), instant(3), instant(4)]


async def test_a_post_that_is_taken_back_is_told_along_with_what_comes(setting: Setting) -> None:
    setting.source = setting.make(batch_seconds=0.2, quiet_seconds=60.0)
    setting.stream.events = [
        delete(at(1), rkey="old", did="did:plc:b"),
        post(at(2), "orange", rkey="r2"),
        delete(at(3), rkey="r2"),
        delete(at(4), rkey="like", collection="app.bsky.feed.like"),
    ]
    [reading] = await setting.readings(1, '{"time_us": 1}')
    taken = [event.id if isinstance(event, Mention) else event for event in reading.events]
    assert taken == [
        Deletion("bluesky", "at://did:plc:b/app.bsky.feed.post/old"),
        "at://did:plc:a/app.bsky.feed.post/r2",
        Deletion("bluesky", "at://did:plc:a/app.bsky.feed.post/r2"),
    ]


async def test_all_that_an_account_wrote_goes_with_it(setting: Setting) -> None:
    gone = [account(at(n), did=f"did:plc:{status}", status=status) for n, status in enumerate(sorted(_GONE))]
    setting.stream.events = [
        *gone,
        account(at(5), did="did:plc:back"),
        account(at(6), did="did:plc:slow", status="throttled"),  # the relay's affair
    ]
    [reading] = await setting.readings(1, '{"time_us": 1}')
    assert reading.events == tuple(
        Deletion("bluesky", f"at://did:plc:{status}/", account=True) for status in sorted(_GONE)
    )


async def test_deletions_alone_wait_for_the_quiet_and_fill_no_memory(setting: Setting) -> None:
    setting.source = setting.make(quiet_seconds=0.5)
    setting.stream.events = [delete(at(n / 1000), rkey=str(n)) for n in range(500)]
    sizes = [len(reading.events) for reading in await setting.readings(3, '{"time_us": 1}')]
    assert sizes == [200, 200, 100]


async def test_quiet_is_told_with_progress(setting: Setting) -> None:
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(setting.readings(2))
        while not setting.stream.queries:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await setting.stream.emit(*(post(at(n), "rien") for n in range(3)))
    [first, quiet] = reading.result()
    assert first.cursor == f'{{"time_us":{at(0)}}}'  # at once, so that a crash soon after the very start loses nothing
    assert quiet.events == ()
    assert quiet.complete_to == instant(2)
    assert quiet.cursor == f'{{"time_us":{at(2)}}}'
    assert first.heard_from is quiet.heard_from is None
    assert "cursor" not in setting.stream.queries[0]


async def test_a_dead_silence_proves_nothing_and_is_an_error(setting: Setting) -> None:
    setting.source = setting.make(silence_seconds=0.5)
    with pytest.raises(SourceError) as caught:
        await anext(setting.source.read(None))
    assert (caught.value.state, caught.value.reason) == (HealthState.UNREACHABLE, "muet depuis 0.5 s")


async def test_when_every_instance_is_mute_it_is_told(setting: Setting) -> None:
    setting.source = setting.make(endpoints=[setting.stream.url] * 2, silence_seconds=0.2)
    async with asyncio.timeout(5):
        error = await setting.failure()
    assert error.reason == "muet depuis 0.2 s"
    assert len(setting.stream.queries) == 2


async def test_a_restart_resumes_a_little_before_the_cursor(setting: Setting) -> None:
    setting.stream.events = [post(at(n), f"orange {n}") for n in range(9)]
    [reading] = await setting.readings(1, f'{{"time_us": {at(7)}}}')
    texts = [event.text for event in reading.events if isinstance(event, Mention)]
    assert texts == [f"orange {n}" for n in range(2, 9)]
    assert reading.heard_from == instant(7)
    assert setting.stream.queries[0]["cursor"] == str(at(2))


async def heard_over_a_drop(setting: Setting) -> list[str]:
    """The names of the posts that are told up to `two`, when the connection drops after the first, `one`."""
    ids: list[str] = []
    async with asyncio.timeout(5), aclosing(setting.source.read('{"time_us": 1}')) as stream:
        async for reading in stream:
            ids += [event.id.rpartition("/")[2] for event in reading.events if isinstance(event, Mention)]
            if ids == ["one"]:
                await setting.stream.drop()
            if ids[-1:] == ["two"]:
                break
    return ids


async def test_an_instance_whose_clock_is_behind_leaves_no_hole(setting: Setting) -> None:
    async with jetstream() as other:
        setting.source = setting.make(endpoints=[setting.stream.url, other.url])
        setting.stream.events = [post(at(10), "orange 1", rkey="one")]
        # The same posts, seen three seconds earlier there: the second one never came before the drop.
        other.events = [post(at(7), "orange 1", rkey="one"), post(at(8), "orange 2", rkey="two")]
        assert await heard_over_a_drop(setting) == ["one", "one", "two"]


async def test_an_instance_whose_clock_is_ahead_does_not_take_the_cursor_along(setting: Setting) -> None:
    setting.stream.events = [post(at(90_000), "orange 1", createdAt="2026-03-02T09:16:41Z"), post(at(999), "orange 2")]
    [reading] = await setting.readings(1, '{"time_us": 1}')
    assert reading.cursor == f'{{"time_us":{at(1000)}}}'
    assert reading.complete_to == instant(1000)
    times = [event.published_at for event in reading.events if isinstance(event, Mention)]
    assert times == [instant(1000), instant(999)]


async def test_after_an_instance_whose_clock_was_ahead_the_next_one_replays(setting: Setting) -> None:
    async with jetstream() as other:
        setting.source = setting.make(endpoints=[setting.stream.url, other.url])
        setting.stream.events = [post(at(90_000), "orange 1", rkey="one")]
        other.events = [post(at(999), "orange 1", rkey="one"), post(at(1000), "orange 2", rkey="two")]
        assert await heard_over_a_drop(setting) == ["one", "one", "two"]


async def test_posts_told_out_of_order_leave_the_cursor_at_the_latest(setting: Setting) -> None:
    setting.stream.events = [post(at(5), "orange 5"), post(at(4), "orange 4")]
    [reading] = await setting.readings(1, '{"time_us": 1}')
    assert len(reading.events) == 2
    assert reading.cursor == f'{{"time_us":{at(5)}}}'


async def test_a_gap_longer_than_the_stream_remembers_is_not_claimed(setting: Setting) -> None:
    setting.stream.events = [post(at(1), "orange")]
    [reading] = await setting.readings(1, f'{{"time_us": {at(-25 * 3600)}}}')
    assert reading.heard_from is None


async def test_a_dropped_connection_goes_on_at_the_next_instance(setting: Setting) -> None:
    async with jetstream() as other:
        setting.source = setting.make(endpoints=[setting.stream.url, other.url])
        setting.stream.events = [post(at(1), "orange 1")]
        other.events = [post(at(1), "orange 1"), post(at(2), "orange 2")]
        texts = []
        async with asyncio.timeout(5), aclosing(setting.source.read('{"time_us": 1}')) as stream:
            async for reading in stream:
                texts += [event.text for event in reading.events if isinstance(event, Mention)]
                if texts == ["orange 1"]:
                    await setting.stream.drop()
                if texts[-1:] == ["orange 2"]:
                    break
        assert texts == ["orange 1", "orange 1", "orange 2"]
        assert other.queries[0]["cursor"] == str(at(-4))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_when_every_instance_refuses_it_is_unreachable(setting: Setting, status: int) -> None:
    setting.stream.refuse_with = status
    setting.source = setting.make(endpoints=[setting.stream.url, setting.stream.url])
    error = await setting.failure()
    assert (error.state, error.reason) == (HealthState.UNREACHABLE, f"flux refusé (HTTP {status})")
    assert len(setting.stream.queries) == 2


async def test_a_stream_of_something_else_is_unreadable(setting: Setting) -> None:
    setting.stream.events = ["<html>"] * 30
    assert (await setting.failure('{"time_us": 1}')).state is HealthState.UNREADABLE


async def test_nobody_there_is_unreachable(setting: Setting) -> None:
    setting.source = setting.make(endpoints=["ws://127.0.0.1:9/subscribe"])
    assert (await setting.failure()).state is HealthState.UNREACHABLE


async def test_a_check_waits_for_one_post(setting: Setting) -> None:
    async with asyncio.TaskGroup() as tasks:
        check = tasks.create_task(setting.source.check())
        while not setting.stream.queries:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await setting.stream.emit(post(at(1), "rien"))
    assert check.result() == "127.0.0.1 : des messages arrivent"


async def test_it_says_what_it_is(setting: Setting) -> None:
    assert (setting.source.kind, setting.source.operator, setting.source.hears) == ("bluesky", None, True)
    assert setting.source.interval == timedelta(0)
