"""Whatever happens, the store in memory and the one on disk answer the same: a replay shows what a bot would do."""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.captures import Capture, Visit
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.incidents import IncidentState
from bot.domain.signals import Deletion, HealthState
from bot.ports import Changes, Heard, Store
from bot.storage.memory import MemoryStore
from bot.storage.sql import SqlStore
from bot.storage.values import OPEN
from tests.unit.storage.samples import at, decision, delivery, draft, entry, health, incident, mention, report, tally

pytestmark = pytest.mark.slow  # hundreds of drawn stories on two stores

MINUTES = st.integers(0, 9)
NAMES = st.sampled_from(["a", "b", "é", "ab"])
POSTS = NAMES | st.just("m1")  # an incident rests on it
OPERATORS = st.sampled_from(["orange", "sfr"])


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=4).map(tuple)


def _incident(number: int, state: IncidentState, minute: int) -> Any:
    return incident(number, state, ended_at=None if state in OPEN else at(minute))


INCIDENTS = st.builds(_incident, st.integers(1, 3), st.sampled_from(IncidentState), MINUTES)
SIGNALS = st.one_of(
    st.builds(mention, NAMES, source=st.sampled_from(["bluesky", "status:orange"]), minutes=MINUTES),
    st.builds(Heard, st.builds(entry, NAMES, operator=OPERATORS, minutes=MINUTES, title=NAMES), NAMES),
    st.builds(Heard, st.builds(tally, MINUTES, operator=OPERATORS, count=MINUTES), NAMES),
)
CAPTURES = st.builds(
    Capture,
    url=NAMES,
    status=st.sampled_from([200, 403]),
    digest=NAMES,
    size=MINUTES,
    headers=some(st.tuples(NAMES, NAMES)),
    dated=st.none() | MINUTES.map(at),
    body=st.none() | st.just(b"body"),
)
VISITS = st.builds(
    Visit,
    OPERATORS,
    OPERATORS,
    MINUTES.map(at),
    st.sampled_from(HealthState),
    st.none() | NAMES,
    some(CAPTURES),
    st.booleans(),
)
CHANGES = st.builds(
    Changes,
    signals=some(SIGNALS),
    reports=some(st.builds(report, POSTS, operator=OPERATORS, minutes=MINUTES)),
    deletions=some(st.builds(Deletion, st.just("bluesky"), POSTS)),
    health=some(st.builds(health, MINUTES, st.sampled_from(HealthState), source=OPERATORS, reason=st.none() | NAMES)),
    visits=some(VISITS),
    cursors=st.dictionaries(NAMES, NAMES, max_size=2),
    incidents=some(INCIDENTS),
    drafts=some(st.builds(draft, st.integers(1, 12), INCIDENTS)),
    decisions=some(st.builds(decision, NAMES)),
    deliveries=some(
        st.builds(
            delivery,
            NAMES,
            to=NAMES,
            kind=st.sampled_from(DeliveryKind),
            minutes=MINUTES,
            state=st.sampled_from(DeliveryState),
            incident=st.sampled_from(["orange-1", "orange-2", None]),
            attempts=MINUTES,
        )
    ),
    snapshot=st.none() | st.binary(min_size=1, max_size=3),
)
STEPS = st.lists(CHANGES | MINUTES, min_size=1, max_size=6)  # a number: purge what is older


async def answers(store: Store, since: datetime) -> list[Any]:
    keys = [
        (source, key) for source in ("bluesky", "status:orange", "status:sfr", "x") for key in ("a", "b", "é", "ab")
    ]
    loaded = await store.load(since)
    return [
        replace(loaded, cursors=dict(loaded.cursors)),
        await store.known(keys),
        [await store.decided(key) for key in ("a", "b", "é", "ab")],
        *[list(await store.reports(since, operator)) for operator in ("orange", "sfr", None)],
        list(await store.mentions(since)),
        *[list(await store.entries(operator, since)) for operator in ("orange", "sfr")],
        list(await store.tallies(since)),
        list(await store.checks(since)),
        *[list(await store.visits(operator, since, at(9))) for operator in ("orange", "sfr")],
        [await store.body(digest) for digest in ("a", "b", "é", "ab")],
        [await store.incident(name) for name in ("1", "orange-2")],
        *[await store.draft(number) for number in (1, 2, 3)],
        *[list(await store.undelivered(to)) for to in ("a", None)],
        *[await store.delivery(key) for key in ("a", "b", "é", "ab")],
        *[await store.card(to, name) for to in ("a", "é") for name in ("orange-1", "orange-2")],
    ]


@settings(max_examples=25, deadline=None)
@given(STEPS, MINUTES)
async def test_both_stores_answer_the_same(steps: list[Changes | int], minute: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        memory, disk = MemoryStore(), SqlStore(Path(folder, "vigie.db"))
        await disk.open()
        try:
            for step in steps:
                if isinstance(step, int):
                    ends = at(step), at(step + 3)
                    assert await disk.purge(*ends) == await memory.purge(*ends)
                else:
                    await memory.apply(step)
                    await disk.apply(step)
                assert await answers(disk, at(minute)) == await answers(memory, at(minute))
        finally:
            await disk.close()
