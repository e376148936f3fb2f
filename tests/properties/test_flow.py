"""Whatever comes in, the desk receives what the contract promises: random days through the whole pipeline."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.config import Config, load
from bot.domain.incidents import Draft
from bot.errors import InputError
from bot.flow.counts import bucket_of, bucket_start
from bot.flow.newsroom import Newsroom, Outlets
from bot.flow.replay import contract_line
from bot.storage.memory import MemoryStore
from bot.wiring import build_core
from sources.replay import Line, parse
from tests.flows.timetable import Json, desk_lines, french

MONDAY = datetime(2024, 3, 11, 8, tzinfo=UTC)
AT_MOST_EVERY = timedelta(minutes=10)

# Short enough to be nobody's copy, so that the order of posts decides nothing.
TEXTS = {
    "orange": ("plus de mail orange {}", "orange en panne {}", "messagerie orange en panne {}"),
    "sfr": ("plus de réseau sfr {}", "sfr en panne {}"),
    "": ("il fait froid {}", "orange et sfr en panne {}"),
}
PLACES = ("", "à Lille", "à Metz", "à Brest")
CHANNELS = {"orange": ("orange-etat", "orange-x"), "sfr": ("sfr-etat",)}


@st.composite
def bursts(draw: st.DrawFn, least: int = 1, late: tuple[int, ...] = (0, 0, 0, 7, -30, 500)) -> list[tuple[float, Json]]:
    """Posts about one thing, close together; (minute, line)."""
    about = draw(st.sampled_from(["orange", "orange", "sfr", ""]))
    start = draw(st.integers(0, 500))
    many = draw(st.integers(least, 40))
    minutes = draw(st.integers(1, 60))
    source = draw(st.sampled_from(["scenario", "scenario", "bluesky"]))
    minutes_late = draw(st.sampled_from(late))
    authors = draw(st.sampled_from([1, 5, 1000, 1000]))
    lines = []
    for index in range(many):
        minute = start + minutes * index / many
        text = TEXTS[about][index % len(TEXTS[about])].format(PLACES[(index * 7 + start) % len(PLACES)])
        mention: Json = {"author": f"{start}-{index % authors}", "text": text, "source": source}
        if minutes_late:
            mention["published_at"] = (MONDAY + timedelta(minutes=minute - minutes_late)).isoformat()
        if index % 3 == 0:
            mention["operator_hint"] = "orange"
        lines.append((minute, {"mention": mention}))
    return lines


entries = st.builds(
    lambda minute, age, operator, entry_id, state, services: [
        (
            minute,
            {
                "status": {
                    "operator": operator,
                    "id": entry_id,
                    "title": f"Incident {state}",
                    "state": state,
                    "services": services,
                    "published_at": (MONDAY + timedelta(minutes=minute - age)).isoformat(),
                }
            },
        )
    ],
    st.integers(0, 600),
    st.sampled_from([0, 0, 5, 90, 5000, -600]),
    st.sampled_from(["orange", "orange", "sfr"]),
    st.sampled_from(["e1", "e1", "e2"]),
    st.sampled_from(["investigating", "identified", "monitoring", "resolved", "scheduled", "unknown"]),
    st.sampled_from([[], ["mail"], ["mobile"]]),
)
checks = st.builds(
    lambda start, many, every, operator, which, state: [
        (
            start + every * index,
            {"health": {"source": CHANNELS[operator][which % len(CHANNELS[operator])], "operator": operator, **state}},
        )
        for index in range(many)
    ],
    st.integers(0, 500),
    st.integers(1, 8),
    st.sampled_from([2, 15]),
    st.sampled_from(["orange", "sfr"]),
    st.integers(0, 1),
    st.sampled_from([{"state": s} for s in ("ok", "ok", "unreachable", "unreadable", "stale")] + [{"ok": False}]),
)
deafness = st.builds(
    lambda start, length, source: [
        (start, {"health": {"source": source, "state": "failing"}}),
        (start + length, {"health": {"source": source, "ok": True}}),
    ],
    st.integers(0, 500),
    st.integers(1, 90),
    st.sampled_from(["scenario", "bluesky", "nobody"]),
)
tallies = st.builds(
    lambda start, many, operator: [
        (
            15 * (start + index + 1),
            {
                "tally": {
                    "operator": operator,
                    "start": (MONDAY + timedelta(minutes=15 * (start + index))).isoformat(),
                    "seconds": 900,
                    "count": 300 if index > 4 else index,
                    "source": "counts",
                }
            },
        )
        for index in range(many)
    ],
    st.integers(0, 20),
    st.integers(1, 12),
    st.sampled_from(["orange", "sfr"]),
)
decisions = st.builds(
    lambda minute, action: [(minute, {"decision": {"who": "Camille", "action": action, "text": "Notre texte."}})],
    st.integers(1, 600),
    st.sampled_from(["claim", "edit", "hold", "approve", "dismiss", "dismiss", "undo"]),
)


@st.composite
def days(draw: st.DrawFn, *, gaps: bool = True) -> list[str]:
    """A valid scenario of about ten hours; a decision in it may fit no incident."""
    parts = [draw(bursts(15))]
    kinds = [bursts(), bursts(), entries, checks, tallies, *([deafness] if gaps else [])]
    parts += draw(st.lists(st.one_of(kinds), min_size=1, max_size=10))
    parts += draw(st.lists(decisions, max_size=6))
    until = draw(st.sampled_from([0, 0, 700]))
    parts.append([(until, {"mention": {"author": "x", "text": "belle soirée"}})])
    found = sorted((item for part in parts for item in part), key=lambda item: item[0])
    return written((MONDAY + timedelta(minutes=minute), line) for minute, line in found)


def written(timed: Iterable[tuple[datetime, Json]]) -> list[str]:
    lines = []
    for number, (at, line) in enumerate(timed):
        said = {"mention": {"id": f"p{number}", **line["mention"]}} if "mention" in line else line
        lines.append(json.dumps({"at": at.isoformat(), **said}))
    return lines


def without_idle_decisions(scenario: list[str]) -> tuple[list[str], list[Json]]:
    """The scenario less the decisions that fit no incident, and what the desk receives of it."""
    while True:
        try:
            return scenario, desk_lines(scenario)
        except InputError as error:
            number = int(str(error).split(":")[1])
            scenario = [*scenario[: number - 1], *scenario[number:]]


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def by_incident(lines: Iterable[Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for line in lines:
        found[line["incident"]].append(line)
    return found


# What may follow what in the lines of one incident.
ARROWS = {
    "suspected": {"suspected", "confirmed", "easing", "dismissed"},
    "confirmed": {"confirmed", "easing", "dismissed"},
    "easing": {"easing", "suspected", "confirmed", "resolved", "dismissed"},
    "resolved": {"resolved", "suspected", "confirmed", "dismissed"},
    "dismissed": {"suspected", "confirmed", "easing"},
}

slow_days = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.mark.slow
@slow_days
@given(days())
def test_the_desk_receives_what_the_contract_promises(scenario: list[str]) -> None:
    scenario, lines = without_idle_decisions(scenario)
    posts = {
        (line["mention"].get("source", "scenario"), line["mention"]["id"]): line["mention"]["author"]
        for line in map(json.loads, scenario)
        if "mention" in line
    }
    entries_ = {(f"status:{e['operator']}", e["id"]) for s in scenario if (e := json.loads(s).get("status"))}
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    last_bucket = bucket_start(bucket_of(when(json.loads(scenario[-1])["at"])) + 1)
    assert all(when(json.loads(scenario[0])["at"]) <= when(line["at"]) <= last_bucket for line in lines)
    for told in by_incident(lines).values():
        kinds = [line["kind"] for line in told]
        assert kinds[0] == "draft"
        assert kinds.count("draft") == 1
        assert kinds.count("published") <= 1
        assert kinds.count("expired") <= 1
        assert len({line["operator"] for line in told}) == 1
        for before, after in pairwise(told):
            follows(before, after)
        for line in told:
            sane(line, posts, entries_)


def follows(before: Json, after: Json) -> None:
    assert after["state"] in ARROWS[before["state"]], (before, after)
    assert after["services"][: len(before["services"])] == before["services"]
    assert after["interval"]["start"] == before["interval"]["start"]
    assert after["interval"]["end"] >= before["interval"]["end"]
    assert after["reports"] >= before["reports"]
    if after["kind"] == "update":
        assert after["state"] != before["state"] or said(after) != said(before) or waited(before, after)
    if after["kind"] in {"resolved", "dismissed"}:
        assert after["state"] == after["kind"]


def said(line: Json) -> Any:
    """The operator's entry behind a line, and its words as long as the text is ours."""
    entry = [item for item in line["evidence"] if item["source"].startswith("status:")]
    return entry, re.findall(r"« (.*?) »", line["text"])


def waited(before: Json, after: Json) -> bool:
    return when(after["at"]) - when(before["at"]) >= AT_MOST_EVERY


def sane(line: Json, posts: dict[tuple[str, str], str], entries_: set[tuple[str, str]]) -> None:
    start, end = when(line["interval"]["start"]), when(line["interval"]["end"])
    assert start <= end <= when(line["at"])
    authors = set()
    for item in line["evidence"]:
        key = item["source"], item["id"]
        if key in posts:
            assert start <= when(item["at"]) < end
            authors.add((item["source"], posts[key]))
        else:
            assert key in entries_
    reports = len([item for item in line["evidence"] if (item["source"], item["id"]) in posts])
    assert len(authors) == line["reports"] if reports < 99 else len(authors) <= line["reports"]
    assert line["expected"] >= 0
    assert line["places"] == sorted(line["places"], key=lambda place: (-place["n"], place["id"]))
    assert all(1 <= place["n"] <= line["reports"] for place in line["places"])
    silence = line["silence"]
    if silence["state"] in {"spoke", "silent"}:
        assert silence["since"] is not None
    if silence["state"] == "no_channel":
        assert silence["since"] is silence["checked_at"] is None
    if silence["state"] == "unreachable":
        assert silence["since"] == silence["checked_at"]
    if silence["checked_at"] is not None:
        assert when(silence["checked_at"]) <= when(line["at"])
    if any((item["source"], item["id"]) in entries_ for item in line["evidence"]):
        assert silence["state"] == "spoke"
    assert line["title"]
    assert line["text"]


@pytest.mark.slow
@slow_days
@given(days(), st.integers(1, 2))
def test_the_same_input_gives_the_same_bytes_in_any_week(scenario: list[str], weeks: int) -> None:
    scenario, lines = without_idle_decisions(scenario)
    assert lines == desk_lines(scenario)
    later = desk_lines([shifted(line, weeks) for line in scenario])
    assert [numbers(line) for line in later] == [
        numbers(json.loads(shifted(json.dumps(line), weeks))) for line in lines
    ]


def numbers(line: Json) -> Json:
    """A line without what names the day in words."""
    return {key: value for key, value in line.items() if key not in {"incident", "title", "text"}}


def shifted(text: str, weeks: int) -> str:
    """JSON with each of its times so many weeks later."""

    def later(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: later(item) for key, item in value.items()}
        if isinstance(value, list):
            return [later(item) for item in value]
        if isinstance(value, str) and value.startswith("2024-"):
            return (when(value) + timedelta(weeks=weeks)).isoformat()
        return value

    return json.dumps(later(json.loads(text)))


@pytest.mark.slow
@slow_days
@given(st.lists(bursts(4, late=(0,)), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_posts_of_one_moment_decides_nothing(found: list[list[tuple[float, Json]]], random: Any) -> None:
    posts = [
        {**line["mention"], "id": f"{number}-{index}", "author": f"{number}-{index}"}
        for number, burst in enumerate(found)
        for index, (_, line) in enumerate(burst)
    ]
    times = [MONDAY + timedelta(minutes=2 * int(minute / 2)) for burst in found for minute, _ in burst]

    def told(order: Sequence[int]) -> list[Json]:
        in_time = sorted(order, key=lambda index: times[index])
        return desk_lines([json.dumps({"at": times[index].isoformat(), "mention": posts[index]}) for index in in_time])

    order = list(range(len(posts)))
    lines = told(order)
    random.shuffle(order)
    assert told(order) == lines


class Run:
    """A bot on a store that outlives it."""

    def __init__(self, start: datetime) -> None:
        self.lines: list[Json] = []
        self._clock = ManualClock(start)
        self._store = MemoryStore()
        self._newsroom = self._begin()

    def _begin(self) -> Newsroom:
        def on_line(draft: Draft) -> None:
            self.lines.append(contract_line(draft))

        return build_core(
            config(),
            store=self._store,
            clock=self._clock,
            classifier=french(),
            outlets=Outlets(on_line=on_line),
            author_key=b"tests",
        ).newsroom

    async def live(self, scenario: Sequence[Line], restarts: frozenset[int] = frozenset(), *, clean: bool) -> None:
        """Replay, starting anew after the buckets given as minutes since the first line."""
        await self._newsroom.advance()
        first = bucket_of(self._clock.now())
        for line in scenario:
            while (end := bucket_of(self._clock.now()) + 1) <= bucket_of(line.at):
                self._clock.move_to(bucket_start(end))
                await self._newsroom.advance()
                if end - first in restarts:
                    if clean:
                        await self._newsroom.rest()
                    self._newsroom = self._begin()
                    await self._newsroom.wake()
            self._clock.move_to(line.at)
            await self._newsroom.take((line.event,))


@cache
def config() -> Config:
    return load(None, {})


def lived(scenario: list[str], restarts: frozenset[int] = frozenset(), *, clean: bool = True) -> list[Json]:
    lines = list(parse(scenario, "day"))
    run = Run(lines[0].at)
    asyncio.run(run.live(lines, restarts, clean=clean))
    return run.lines


# How well we could hear before, and the earlier versions of an entry, are not kept over a restart.
KEPT = ("at", "kind", "incident", "operator", "state", "services", "places", "reports", "interval")


@pytest.mark.slow
@slow_days
@given(days(gaps=False), st.frozensets(st.integers(1, 600), min_size=1, max_size=5))
def test_a_bot_that_is_stopped_and_started_says_the_same(scenario: list[str], restarts: frozenset[int]) -> None:
    through, again = lived(scenario), lived(scenario, restarts)
    assert [[line[key] for key in KEPT] for line in again] == [[line[key] for key in KEPT] for line in through]
    for line, same in zip(again, through, strict=True):
        assert line["silence"]["state"] == same["silence"]["state"]
        assert abs(line["expected"] - same["expected"]) <= 0.02 + 0.01 * same["expected"]


@pytest.mark.slow
@slow_days
@given(days(), st.frozensets(st.integers(1, 600), min_size=1, max_size=5))
def test_a_bot_that_is_killed_proposes_nothing_twice(scenario: list[str], kills: frozenset[int]) -> None:
    for told in by_incident(lived(scenario, kills, clean=False)).values():
        kinds = [line["kind"] for line in told]
        assert kinds[0] == "draft"
        assert kinds.count("draft") == 1
        assert kinds.count("published") <= 1
        for before, after in pairwise(told):
            assert after["state"] in ARROWS[before["state"]]
            assert after["at"] >= before["at"]
