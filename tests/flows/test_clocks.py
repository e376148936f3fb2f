"""The season follows the newsroom's calendar, and no clock, ours or theirs, makes a surge."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.config import load
from bot.domain.incidents import Draft
from bot.domain.signals import Mention
from bot.flow.counts import bucket_of, bucket_start
from bot.flow.newsroom import Outlets
from bot.season import calendar_of
from bot.storage.memory import MemoryStore
from bot.wiring import Core, build_core
from tests.flows.timetable import french

START = datetime(2024, 3, 12, 6, tzinfo=UTC)
PLACES = ("Lille", "Metz", "Brest", "Pau", "Dijon", "Nancy", "Arras")


def cell(zone: str, day: date, hour: int = 12) -> int:
    at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZoneInfo(zone))
    return calendar_of(ZoneInfo(zone)).cell(int(at.timestamp()) // 3600)


@pytest.mark.parametrize(
    "day", [(2024, 5, 1), (2024, 5, 9), (2024, 8, 15), (2025, 4, 21), (2031, 7, 14), (2024, 12, 25)]
)
def test_a_public_holiday_of_france_is_a_sunday(day: tuple[int, int, int]) -> None:
    holiday = date(*day)
    sunday = holiday + timedelta(days=6 - holiday.weekday())
    assert cell("Europe/Paris", holiday) == cell("Europe/Paris", sunday) == 24 + 12


def test_the_day_after_is_none_and_other_countries_keep_their_own() -> None:
    assert cell("Europe/Paris", date(2024, 8, 16)) == 12
    assert cell("America/New_York", date(2024, 8, 15)) == 12


class Wall:
    """A wall clock that may be set."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self.at

    async def sleep_until(self, when: datetime) -> None:
        """See `Clock.sleep_until`."""
        self.at = max(self.at, when)


class Room:
    """A newsroom at the core's level: posts, minutes, drafts."""

    def __init__(self) -> None:
        self.clock = Wall()
        self.drafts: list[Draft] = []
        self.posts = 0
        self.core: Core = build_core(
            load(None, {}),
            store=MemoryStore(),
            clock=self.clock,
            classifier=french(),
            outlets=Outlets(on_line=self.drafts.append),
            author_key=b"tests",
            snapshots=False,
        )

    async def say(self, *published: datetime) -> None:
        """People report at these times; all of it is seen now."""
        for at in published:
            self.posts += 1
            place = PLACES[self.posts % len(PLACES)]
            text = f"plus de mail orange à {place}"
            name = f"p{self.posts}"
            await self.core.newsroom.take((Mention("crowd", name, name, text, at, self.clock.at),))

    async def minutes(self, number: int, *, posts_every: int = 0) -> None:
        """Time passes, minute by minute."""
        for minute in range(number):
            self.clock.at += timedelta(minutes=1)
            if posts_every and minute % posts_every == 0:
                await self.say(self.clock.at - timedelta(seconds=30))
            await self.core.newsroom.advance()

    @property
    def closed(self) -> int:
        """The last closed bucket."""
        assert self.core.newsroom.watch.last_closed is not None
        return self.core.newsroom.watch.last_closed

    def count(self, at: datetime) -> int:
        """Reports about Orange in a minute."""
        return self.core.newsroom.watch.counts.at(("orange", ""), bucket_of(at))


def test_a_clock_that_steps_backwards_closes_no_minute_twice_and_raises_nothing() -> None:
    async def day() -> Room:
        room = Room()
        await room.minutes(120, posts_every=20)
        closed = room.closed
        room.clock.at -= timedelta(hours=1)
        await room.minutes(50, posts_every=20)
        assert room.closed == closed
        await room.minutes(60, posts_every=20)
        assert room.closed == bucket_of(room.clock.at) - 1
        return room

    assert asyncio.run(day()).drafts == []


def test_after_a_step_backwards_a_surge_is_still_seen() -> None:
    async def day() -> Room:
        room = Room()
        await room.minutes(120)
        room.clock.at -= timedelta(minutes=10)
        for _ in range(12):
            await room.minutes(1)
            await room.say(room.clock.at, room.clock.at)
        return room

    assert [draft.incident.operator for draft in asyncio.run(day()).drafts][:1] == ["orange"]


def test_a_clock_put_forward_an_hour_is_no_surge() -> None:
    async def day() -> Room:
        room = Room()
        await room.minutes(120, posts_every=20)
        room.clock.at += timedelta(hours=1)
        await room.minutes(60, posts_every=20)
        return room

    assert asyncio.run(day()).drafts == []


def test_posts_dated_in_the_future_count_when_they_are_seen() -> None:
    async def day() -> Room:
        room = Room()
        await room.minutes(60)
        await room.say(*(room.clock.at + timedelta(days=days) for days in (1, 40, 400)))
        assert room.count(room.clock.at) == 3
        await room.minutes(5)
        return room

    assert asyncio.run(day()).drafts == []


def test_posts_of_one_minute_count_in_it_in_whatever_order_they_come() -> None:
    async def day(*, backwards: bool) -> list[int]:
        room = Room()
        await room.minutes(60)
        said = [room.clock.at - timedelta(minutes=minute, seconds=7) for minute in (3, 25, 25, 40, 41)]
        await room.say(*(reversed(said) if backwards else said))
        return [room.count(bucket_start(room.closed - back)) for back in range(50)]

    forwards, backwards = (asyncio.run(day(backwards=order)) for order in (False, True))
    assert forwards == backwards
    assert sum(forwards) == 5
