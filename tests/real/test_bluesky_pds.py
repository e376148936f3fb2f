"""What people write on a real Bluesky server reaches the unmodified source: words, answers, deletions, restarts.

The server signs, packs and streams as those of the network do; between it and the source stands our own bridge, since
no Jetstream server is to be had as a package. What the public instances add (other regions, other clocks, a day of
memory) is not seen here.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain.signals import Deletion, HealthState, Mention
from bot.errors import SourceError
from bot.ports import Reading
from sources.bluesky import BlueskySource, Settings, create
from tests.fakes.source_world import SourceWorld
from tests.flows.bot_process import house
from tests.flows.real_newsroom import stored, until, world
from tests.real.conftest import Bridge, Network

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(100)]

BEGINNING = '{"time_us": 1}'
TEXTS = (
    "Panne Orange à Mâcon 🤬📵 depuis 8 h ?! voir https://status.example.org #orange",
    "Plus d’internet Orange à Saint-Étienne…\n\nVous aussi ? 🧑‍🚒🇫🇷",
    "orange en rade, l’œuvre d’un rat\u00a0? 𝓞𝓡𝓐𝓝𝓖𝓔",
)


@pytest.fixture
async def source(bridge: Bridge) -> AsyncIterator[BlueskySource]:
    settings = {"kind": "bluesky", "endpoints": [bridge.url], "batch_seconds": 0.1, "quiet_seconds": 0.5}
    seen = SourceWorld()
    made = create(Settings.model_validate(settings), replace(seen.deps, clock=SystemClock()))
    yield made
    await made.close()
    await seen.http.real.close()


async def heard(source: BlueskySource, cursor: str, *, last: str) -> tuple[list[Mention | Deletion], Reading]:
    """What is told from the cursor on, to the event of that id; and the Reading that brought it."""
    events: list[Mention | Deletion] = []
    async with asyncio.timeout(20), aclosing(source.read(cursor)) as readings:
        async for reading in readings:
            events += [event for event in reading.events if isinstance(event, Mention | Deletion)]
            if last in [event.id for event in reading.events if isinstance(event, Mention | Deletion)]:
                return events, reading
    raise AssertionError("the stream has ended")


async def test_words_arrive_as_they_were_written(network: Network, source: BlueskySource) -> None:
    begun = SystemClock().now()
    first, *others = [await network.post("alice", text) for text in TEXTS]
    told, reading = await heard(source, BEGINNING, last=others[-1]["uri"])
    mentions = [event for event in told if isinstance(event, Mention)]
    assert [mention.text for mention in mentions] == list(TEXTS)
    assert {feature["$type"] for facet in first["facets"] for feature in facet["features"]} == {
        "app.bsky.richtext.facet#link",
        "app.bsky.richtext.facet#tag",
    }
    assert mentions[0].id == first["uri"]
    assert mentions[0].author == first["did"]
    assert mentions[0].url == first["uri"].replace("at://", "https://bsky.app/profile/").replace(
        "app.bsky.feed.post", "post"
    )
    for mention in mentions:
        assert begun - timedelta(seconds=1) <= mention.published_at <= mention.seen_at
    assert reading.complete_to is not None
    assert reading.complete_to >= mentions[-1].published_at - timedelta(seconds=1)


async def test_only_posts_that_concern_us_are_taken(network: Network, source: BlueskySource) -> None:
    english = await network.post("bob", "orange is down", langs=["en"])
    await network.do("like", "alice", uri=english["uri"], cid=english["cid"])
    await network.post("alice", "Il fait beau à Mâcon")
    both = await network.post("alice", "orange down / orange en panne", langs=["en", "fr"])
    unlabelled = await network.post("alice", "orange en panne", langs=None)
    root = {"uri": english["uri"], "cid": english["cid"]}
    answer = await network.post("carol", "orange : pareil ici", reply={"root": root, "parent": root})
    told, _ = await heard(source, BEGINNING, last=answer["uri"])
    assert [event.id for event in told] == [both["uri"], unlabelled["uri"], answer["uri"]]


async def test_what_is_taken_back_is_told(network: Network, source: BlueskySource) -> None:
    post = await network.post("alice", "orange en panne")
    await network.do("delete", "alice", uri=post["uri"])
    last = await network.post("alice", "orange, fin")
    told, _ = await heard(source, BEGINNING, last=last["uri"])
    assert [type(event) for event in told] == [Mention, Deletion, Mention]
    assert [event.id for event in told] == [post["uri"], post["uri"], last["uri"]]


async def test_a_stream_that_dies_leaves_no_hole(network: Network, bridge: Bridge, source: BlueskySource) -> None:
    one = await network.post("alice", "orange 1")
    _, reading = await heard(source, BEGINNING, last=one["uri"])
    assert reading.cursor is not None
    await bridge.kill()
    with pytest.raises(SourceError) as caught:
        await anext(source.read(reading.cursor))
    assert caught.value.state is HealthState.UNREACHABLE

    two = await network.post("bob", "orange 2")  # nobody listens
    await bridge.start()
    three = await network.post("bob", "orange 3")
    told, _ = await heard(source, reading.cursor, last=three["uri"])
    assert [event.id for event in told] == [one["uri"], two["uri"], three["uri"]]  # the first one again


async def test_a_newsroom_that_is_killed_counts_every_post_once(
    network: Network, bridge: Bridge, tmp_path: Path
) -> None:
    async with house(tmp_path) as newsroom, world() as seen:
        seen.configure(newsroom, {"kind": "bluesky", "endpoints": [bridge.url], "quiet_seconds": 1.0})
        bot = await newsroom.start()

        async def kept(count: int) -> list[str] | None:
            mentions, cursors, _ = await stored(newsroom)
            return [mention.text for mention in mentions] if len(mentions) == count and cursors else None

        async def listening() -> bool | None:
            await network.post("alice", "il fait froid")  # heard as soon as the bot is there
            return bool((await stored(newsroom))[1]) or None

        await until(listening, seconds=30, every=1.0)
        first = await network.post("alice", "plus de mail orange à Mâcon")
        await until(lambda: kept(1), seconds=10)
        await bot.stop(signal.SIGKILL)

        await network.post("bob", "panne orange à Dijon, plus rien")
        again = await newsroom.start()
        assert await until(lambda: kept(2), seconds=20) == [
            "plus de mail orange à Mâcon",
            "panne orange à Dijon, plus rien",
        ]
        await network.do("delete", "alice", uri=first["uri"])
        assert await until(lambda: kept(1), seconds=20) == ["panne orange à Dijon, plus rien"]
        assert await again.stop() == 0


async def test_searching_needs_more_than_this_server(network: Network) -> None:
    """An AppView answers searches; it needs PostgreSQL and more, and none stands behind this server."""
    await network.post("alice", "orange en panne")
    assert "found" not in await network.do("search", "alice", q="orange")
