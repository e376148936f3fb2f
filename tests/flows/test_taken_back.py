"""What its author takes back is dropped everywhere we keep it, and stays counted."""

from datetime import UTC, datetime, timedelta

from bot.clock import ManualClock
from bot.config import load
from bot.domain.incidents import Incident
from bot.domain.signals import Deletion, Mention
from bot.flow.newsroom import Outlets
from bot.storage.memory import MemoryStore
from bot.wiring import build_core
from tests.flows.timetable import french

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
TOWNS = ("Lille", "Metz", "Brest", "Pau", "Dijon")
MINUTE = timedelta(minutes=1)


class Morning:
    """A newsroom that hears of an outage, and then of posts that are taken back."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryStore()
        self.newsroom = build_core(
            load(None, {}),
            store=self.store,
            clock=self.clock,
            classifier=french(),
            outlets=Outlets(),
            author_key=b"tests",
            sources=[("bluesky", "bluesky", True)],
        ).newsroom

    async def hear(self, first: int, count: int) -> None:
        """Some people complain, one after the other within a minute, and the minute is closed."""
        now = self.clock.now()
        mentions = [
            Mention(
                "bluesky",
                f"p{n}",
                f"a{n}",
                f"plus de mail orange à {TOWNS[n % 5]} n{n}",
                now,
                now,
                f"https://b.example/{n}",
            )
            for n in range(first, first + count)
        ]
        await self.newsroom.take(mentions)
        for _ in range(12):  # an update is owed every ten minutes at most
            self.clock.move_to(self.clock.now() + MINUTE)
            await self.newsroom.advance()

    async def stored(self) -> Incident:
        draft = await self.store.draft(1)
        assert draft is not None
        return draft.incident


async def test_what_is_taken_back_leaves_text_and_links_and_stays_counted() -> None:
    morning = Morning()
    await morning.newsroom.advance()
    await morning.hear(0, 12)
    before = await morning.stored()
    assert {item.id: item.url for item in before.evidence}["p3"] == "https://b.example/3"

    await morning.newsroom.take([Deletion("bluesky", "p3"), Deletion("bluesky", "never heard")])
    after = await morning.stored()
    assert {item.id for item in after.evidence if item.url is None} == {"p3"}
    assert after.surge == before.surge
    assert "p3" not in [mention.id for mention in await morning.store.mentions(NOW)]

    await morning.hear(20, 30)  # the card is made anew of what the newsroom holds in memory
    later = await morning.stored()
    assert later.surge.reports == before.surge.reports + 30
    assert {item.id for item in later.evidence if item.url is None} == {"p3"}
    episode = morning.newsroom.cases.episodes["orange"]
    shown = [item.url for draft in episode.revisions.values() for item in draft.incident.evidence if item.id == "p3"]
    assert shown
    assert not any(shown)


async def test_all_that_an_account_wrote_goes_with_it_and_stays_counted() -> None:
    morning = Morning()
    await morning.newsroom.advance()
    now = morning.clock.now()
    posts = [
        Mention(
            "bluesky", f"at://{who}/{n}", who, f"plus de mail orange à Lille {n}", now, now, f"https://b.example/{n}"
        )
        for n, who in enumerate(["did:a", "did:a", "did:ab"])
    ]
    await morning.newsroom.take(posts[:1])
    await morning.newsroom.take([*posts[1:], Deletion("bluesky", "at://did:a/", account=True)])
    assert [mention.id for mention in await morning.store.mentions(NOW)] == ["at://did:ab/2"]
    assert [report.url for report in await morning.store.reports(NOW)] == [None, None, "https://b.example/2"]


async def test_a_post_taken_back_with_its_arrival_still_counts() -> None:
    morning = Morning()
    await morning.newsroom.advance()
    now = morning.clock.now()
    post = Mention("bluesky", "p1", "a1", "plus de mail orange à Lille", now, now, "https://b.example/1")
    await morning.newsroom.take([post, Deletion("bluesky", "p1")])
    assert [report.url for report in await morning.store.reports(NOW)] == [None]
    assert await morning.store.mentions(NOW) == []
    await morning.newsroom.take([post])
    assert len(await morning.store.reports(NOW)) == 1
    assert await morning.store.mentions(NOW) == []
