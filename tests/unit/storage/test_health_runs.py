"""Folding health lines may lose lines, never what is proven by them."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.signals import Health, HealthState
from bot.storage.runs import Run, fold, lines
from tests.unit.storage.samples import at, health

STATES = st.sampled_from([HealthState.OK, HealthState.OK, HealthState.UNREACHABLE, HealthState.UNREADABLE])


def folded(told: list[Health]) -> list[Run]:
    runs: dict[datetime, Run] = {}
    for line in told:
        begun = max((first_at for first_at in runs if first_at <= line.at), default=None)
        if run := fold(None if begun is None else runs[begun], line):
            runs[run.first.at] = run
    return list(runs.values())


@st.composite
def checks(draw: st.DrawFn) -> list[Health]:
    """Lines of one source, a minute apart or more, in order."""
    states = draw(st.lists(STATES, min_size=1, max_size=30))
    return [health(minute, state) for minute, state in enumerate(states)]


def facts(told: list[Health]) -> tuple[Health, datetime | None, datetime]:
    """Last line, last good check, begin of the present unbroken state."""
    begin = told[-1].at
    for line in reversed(told):
        if line.state is not told[-1].state:
            break
        begin = line.at
    return told[-1], max((line.at for line in told if line.state is HealthState.OK), default=None), begin


@given(checks())
def test_what_is_proven_by_all_lines_is_proven_by_the_folded_ones(told: list[Health]) -> None:
    assert facts(lines(folded(told), at(-1))) == facts(told)


@given(checks(), st.integers(0, 30))
def test_every_bad_check_since_a_time_is_still_seen(told: list[Health], minute: int) -> None:
    held = [line for line in told if line.at < at(minute)][-1:]  # the line that held then
    asked = [*held, *(line for line in told if line.at >= at(minute))]
    got = lines(folded(told), at(minute))
    assert {line.state for line in got} == {line.state for line in asked}
    assert sorted(got, key=lambda line: line.at) == got


@given(checks().flatmap(lambda told: st.tuples(st.just(told), st.permutations([*told, *told]))))
def test_lines_that_come_again_or_late_never_hide_a_bad_one(case: tuple[list[Health], list[Health]]) -> None:
    told, mixed = case
    got = lines(folded(mixed), at(-1))
    assert got[-1] == told[-1]
    assert {line.state for line in got} == {line.state for line in told}


def test_a_year_of_one_state_is_one_run() -> None:
    assert folded([health(minute) for minute in range(2000)]) == [Run(health(0), health(1999))]
