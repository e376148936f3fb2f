"""What waited while the store refused is scored after a kill as it was before."""

from datetime import UTC, datetime, timedelta

from bot.clock import ManualClock
from bot.config import load
from bot.domain.signals import Mention
from bot.flow.newsroom import Newsroom, Outlets
from bot.storage.memory import MemoryStore
from bot.wiring import build_core
from tests.flows.timetable import french

NOW = datetime(2024, 3, 12, 8, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def newsroom(clock: ManualClock, store: MemoryStore) -> Newsroom:
    return build_core(
        load(None, {}),
        store=store,
        clock=clock,
        classifier=french(),
        outlets=Outlets(),
        author_key=b"tests",
        sources=[("bluesky", "bluesky", True)],
    ).newsroom


async def test_a_post_that_was_seen_before_the_last_closed_minute_and_taken_after_it_is_scored_again() -> None:
    clock, store = ManualClock(NOW), MemoryStore()
    living = newsroom(clock, store)
    for _ in range(6):
        clock.move_to(clock.now() + MINUTE)
        await living.advance()
    seen = clock.now() - 3 * MINUTE
    held_back = [
        Mention("bluesky", f"p{n}", f"a{n}", f"plus de mail orange à {town}", seen, seen)
        for n, town in enumerate(("Lille", "Metz"))
    ]
    await living.take(held_back)

    born_again = newsroom(clock, store)
    await born_again.wake()
    clock.move_to(clock.now() + MINUTE)
    for room in (living, born_again):
        await room.advance()
    kept, found = (room.watch._detectors["orange", ""].snapshot() for room in (living, born_again))
    assert found == kept
