"""What editors decide teaches the detectors, and a past with its decisions teaches the same again."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.domain.incidents import Draft
from bot.flow.history import remembered
from bot.wiring import Core
from sources.replay import parse
from tests.flows.test_episodes import outage
from tests.flows.timetable import Day, lived

EVER = datetime(1970, 1, 1, tzinfo=UTC)


def rarity(day: Day, score: float = 9.0) -> float:
    """How rare a high score is taken to be after this day."""
    core, _ = asyncio.run(lived([*parse(day.lines(), "day")], snapshots=True))
    return core.newsroom.watch._detectors["orange", "mail"]._tail.return_days(score)


def test_a_dismissed_draft_makes_such_a_peak_less_rare_and_a_published_one_teaches_nothing() -> None:
    undecided = rarity(outage().until("12:00"))
    dismissed = rarity(outage().decides("08:25", "dismiss").until("12:00"))
    approved = rarity(outage().decides("08:25", "approve").until("12:00"))
    assert dismissed < undecided < approved


def test_the_operators_word_is_as_good_as_an_editors() -> None:
    spoke = rarity(outage().says("08:25", "investigating").until("12:00"))
    assert spoke == pytest.approx(rarity(outage().decides("08:25", "approve").until("12:00")))


def test_a_decision_long_after_the_surge_still_teaches() -> None:
    late = rarity(outage().decides("11:00", "dismiss", incident=first_incident()).until("12:00"))
    assert late == pytest.approx(rarity(outage().decides("08:25", "dismiss").until("12:00")), rel=0.02)


def test_what_is_taken_back_is_unlearned() -> None:
    undone = rarity(outage().decides("08:25", "dismiss").decides("08:27", "undo").until("12:00"))
    assert undone == pytest.approx(rarity(outage().until("12:00")), rel=0.02)


def test_an_episode_that_is_over_keeps_what_it_taught() -> None:
    day = outage().decides("08:25", "dismiss")
    core, _ = asyncio.run(lived([*parse(day.until("20:00").lines(), "day")], snapshots=True))
    assert not core.newsroom.cases.episodes
    assert core.newsroom.watch._detectors["orange", "mail"]._event.belief == "suspected"
    assert rarity(outage().decides("08:25", "dismiss").until("20:00")) < rarity(outage().until("20:00"))


def first_incident() -> str:
    return str(outage().until("08:40").run()[0]["incident"])


def test_a_stored_past_with_its_decisions_teaches_the_same() -> None:
    day = outage().says("08:12", "investigating").decides("08:25", "dismiss").surge("10:30", 30, 20, place="à Metz")

    async def twice() -> tuple[Core, list[Draft], Core, list[Draft]]:
        first, received = await lived([*parse(day.until("14:00").lines(), "day")], snapshots=True)
        lines = await remembered(first.newsroom.store, first.newsroom.operators, EVER)
        second, again = await lived([*lines], snapshots=True, again=True)
        return first, received, second, again

    first, received, second, again = asyncio.run(twice())
    assert [(draft.at, draft.kind, draft.incident.id) for draft in again] == [
        (draft.at, draft.kind, draft.incident.id) for draft in received if draft.at <= again[-1].at
    ]
    for series, detector in second.newsroom.watch._detectors.items():
        _, peaks, heights, *_ = detector._tail.state()  # the second past ends with its last line: less time has passed
        assert [peaks, heights] == pytest.approx(first.newsroom.watch._detectors[series]._tail.state()[1:3], rel=0.05)


def test_after_a_restart_a_decision_is_about_the_same_event() -> None:
    lines = [*parse(outage().until("11:00").lines(), "day")]

    async def restarted() -> float:
        core, _ = await lived(lines, snapshots=True)
        data = core.newsroom.watch.snapshot()
        fresh, _ = await lived(lines[:1], snapshots=True)
        fresh.newsroom.watch.restore(data, [])
        detector = fresh.newsroom.watch._detectors["orange", "mail"]
        before = detector._tail.return_days(9.0)
        fresh.newsroom.watch.believe("orange", "dismissed")
        return detector._tail.return_days(9.0) / before

    assert asyncio.run(restarted()) < 0.8
