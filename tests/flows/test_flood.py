"""A flood that lasts: bounded, one incident, and the desk knows that its figures are a minimum."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.domain.deliveries import Notice
from bot.domain.signals import Report
from bot.flow.newsroom import Outlets
from bot.storage.memory import MemoryStore
from bot.wiring import build_core
from tests.flows.timetable import french

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.slow
async def test_a_flood_is_one_incident_whose_alarm_stays_on_and_the_desk_is_told() -> None:
    clock, store = ManualClock(NOW), MemoryStore()
    room = build_core(
        load(None, {}),
        store=store,
        clock=clock,
        classifier=french(),
        outlets=Outlets(("desk",)),
        author_key=b"tests",
        sources=[("bluesky", "bluesky", True)],
    ).newsroom
    await room.advance()
    sent = 0
    for minute in range(90):
        now = clock.now()
        many = 101_000 if minute == 0 else 1_000 if minute < 45 else 0
        await room.take([Report("bluesky", f"{sent + n}", "orange", f"a{sent + n}", now, now) for n in range(many)])
        sent += many
        clock.move_to(now + MINUTE)
        await room.advance()
        if minute == 40:
            assert room.watch.alarm("orange")
            assert room.cases.episodes["orange"].incident.surge.reports == 100_000 + 200 * 40
    assert room.cases.numbers == 1
    told = [
        delivery.payload.text.replace("\u202f", " ")
        for delivery in await store.undelivered()
        if isinstance(delivery.payload, Notice) and delivery.incident is None
    ]
    assert len(told) == 2
    assert "mes chiffres sont un minimum" in told[0]
    assert "36 200 signalements n’ont pas été comptés" in told[1]
