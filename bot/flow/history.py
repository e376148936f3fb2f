"""What a store has kept of the past, as lines that can be lived again: for a backtest."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from bot.domain.incidents import Decision
from bot.domain.signals import Health, Report, StatusEntry, Tally
from bot.ports import Store

Past = Report | StatusEntry | Tally | Health | Decision


class Remembered(NamedTuple):
    """One line; see `bot.flow.replay.Line`."""

    at: datetime
    number: int
    event: Past


async def remembered(store: Store, operators: Iterable[str], since: datetime) -> list[Remembered]:
    """Reports, tallies, operators' entries, checks and decisions, in the order in which they were seen.

    Reports stand for the mentions they were read from: texts are dropped with age, reports stay.
    """
    events: list[Past] = [*await store.reports(since), *await store.tallies(since)]
    for operator in operators:
        events += await store.entries(operator, since)
    events += [health for health in await store.checks(since) if health.at >= since]
    events += await store.decisions(since)
    events.sort(key=_seen_at)
    return [Remembered(_seen_at(event), number, event) for number, event in enumerate(events, 1)]


def _seen_at(event: Past) -> datetime:
    return event.seen_at if isinstance(event, Report | StatusEntry | Tally) else event.at
