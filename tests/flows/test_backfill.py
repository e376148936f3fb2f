"""A source that can tell the past teaches a new newsroom what is usual, so that it is of use on its first day."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.domain.signals import EntryState, Health, HealthState, Mention, StatusEntry
from bot.flow.newsroom import Outlets
from bot.storage.memory import MemoryStore
from bot.wiring import Core, build_core
from tests.flows.timetable import french

pytestmark = pytest.mark.slow  # a week is learned minute by minute

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)
TOWNS = ("Lille", "Metz", "Brest", "Pau", "Dijon", "Nancy", "Arras")


class Newcomer:
    """A newsroom on its first day, that hears these sources."""

    def __init__(self, *ears: str, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.store = store or MemoryStore()
        self.core: Core = build_core(
            load(None, {}),
            store=self.store,
            clock=self.clock,
            classifier=french(),
            outlets=Outlets(),
            author_key=b"tests",
            sources=[(ear, "mastodon", True) for ear in ears],
        )

    async def told(self, source: str, every: timedelta, *, since: timedelta = WEEK) -> None:
        """A source tells what people wrote: a complaint every so often."""
        times = [NOW - since + number * every for number in range(int(since / every))]
        mentions = [
            Mention(
                source,
                f"{source}{n}",
                f"{source}{n}",
                f"plus de mail orange à {TOWNS[n % 7]} n{n}",
                at,
                self.clock.now(),
            )
            for n, at in enumerate(times)
        ]
        health = Health(source, HealthState.OK, self.clock.now(), heard_from=NOW - since)
        await self.core.newsroom.take((*mentions, health))

    async def expected(self) -> float:
        """Reports of Orange an hour that it takes for usual."""
        for _ in range(61):
            self.clock.move_to(self.clock.now() + MINUTE)
            await self.core.newsroom.advance()
        closed = self.core.newsroom.watch.last_closed
        assert closed is not None
        return self.core.newsroom.watch.expected("orange", closed - 59, closed + 1)


async def test_without_a_past_what_is_usual_is_a_guess() -> None:
    newcomer = Newcomer("mastodon")
    await newcomer.core.newsroom.advance()
    assert 2 < await newcomer.expected() < 5  # 0.05 a minute, more by day


@pytest.mark.parametrize(("every", "an_hour"), [(timedelta(hours=8), 0.6), (timedelta(minutes=4), 15)])
async def test_a_week_that_is_told_at_the_start_is_what_is_usual(every: timedelta, an_hour: float) -> None:
    newcomer = Newcomer("mastodon")
    await newcomer.core.newsroom.advance()
    await newcomer.told("mastodon", every)
    assert await newcomer.expected() == pytest.approx(an_hour, rel=0.25)


async def test_a_part_of_the_sources_does_not_stand_for_all() -> None:
    newcomer = Newcomer("mastodon", "bluesky", "other")
    await newcomer.core.newsroom.advance()
    await newcomer.told("mastodon", timedelta(minutes=12))
    assert await newcomer.expected() == pytest.approx(15, rel=0.25)


async def test_two_that_tell_the_past_teach_together() -> None:
    newcomer = Newcomer("one", "two")
    await newcomer.core.newsroom.advance()
    await newcomer.told("one", timedelta(minutes=8))
    await newcomer.told("two", timedelta(minutes=8))
    assert await newcomer.expected() == pytest.approx(15, rel=0.25)


async def test_a_past_opens_no_incident() -> None:
    newcomer = Newcomer("mastodon")
    await newcomer.core.newsroom.advance()
    await newcomer.told("mastodon", timedelta(minutes=1), since=timedelta(hours=13))
    await newcomer.expected()
    assert newcomer.core.newsroom.cases.episodes == {}


async def test_a_newsroom_that_has_a_past_of_its_own_is_not_taught_another() -> None:
    newcomer = Newcomer("mastodon")
    await newcomer.core.newsroom.advance()
    before = await newcomer.expected()
    await newcomer.told("mastodon", timedelta(minutes=4))
    assert await newcomer.expected() == pytest.approx(before, rel=0.25)


async def test_an_episode_of_the_first_hour_goes_on_teaching_what_the_newsroom_makes_of_it() -> None:
    newcomer = Newcomer("mastodon")
    newsroom = newcomer.core.newsroom
    await newsroom.advance()
    said = StatusEntry("page", "orange", "e1", "Panne de messagerie", EntryState.INVESTIGATING, NOW, NOW)
    await newsroom.take((said,))
    beliefs = [newsroom.watch._detectors["orange", ""]._event.belief]
    await newcomer.told("mastodon", timedelta(hours=8))
    beliefs.append(newsroom.watch._detectors["orange", ""]._event.belief)
    assert beliefs == ["confirmed", "confirmed"]


async def test_a_kill_right_after_it_does_not_forget_what_was_learned() -> None:
    before = Newcomer("mastodon")
    await before.core.newsroom.advance()
    await before.told("mastodon", timedelta(minutes=4))
    after = Newcomer("mastodon", store=before.store)
    await after.core.newsroom.wake()
    assert await after.expected() == pytest.approx(15, rel=0.25)
