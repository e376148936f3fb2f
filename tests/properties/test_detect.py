from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.detect import Detector, Verdict
from tests.unit.detect.streams import MONDAY, UTC_CALENDAR

pytestmark = pytest.mark.slow  # drawn streams of days

WEEK = 7 * 1440
BUDGET = 0.2

runs = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from([0, 0, 0, 1, 2, 9]), st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.0])),
    min_size=1,
    max_size=12,
)
"""Stretches of time: so many minutes, reports every so many minutes at most, exposure."""


def buckets(stretches: list[tuple[int, int, float]]) -> list[tuple[int, float]]:
    made = []
    for minutes, each, exposure in stretches:
        made += [(each * (i % 3 == 0) if exposure else 0, exposure) for i in range(minutes)]
    return made


def run(detector: Detector, stream: list[tuple[int, float]], start: int, budget: float = BUDGET) -> list[Verdict]:
    return [detector.step(start + i, count, heard, budget) for i, (count, heard) in enumerate(stream)]


@given(runs, st.data())
@settings(deadline=None)
def test_saved_and_restored_at_any_bucket_it_continues_exactly(
    stretches: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    stream = buckets(stretches)
    cut = data.draw(st.integers(0, len(stream)))
    whole, first = Detector(UTC_CALENDAR), Detector(UTC_CALENDAR)
    run(whole, stream[:cut], MONDAY)
    run(first, stream[:cut], MONDAY)
    second = Detector.restore(UTC_CALENDAR, first.snapshot())
    assert run(second, stream[cut:], MONDAY + cut) == run(whole, stream[cut:], MONDAY + cut)
    if second.last_bucket is not None:
        late = second.last_bucket - data.draw(st.integers(0, 120))
        assert second.amend(late, 5, 1.0, BUDGET) == whole.amend(late, 5, 1.0, BUDGET)
    assert second.snapshot() == whole.snapshot()


@given(runs, st.integers(-300, 300))
@settings(deadline=None)
def test_time_shifted_by_weeks_shifts_the_verdicts(stretches: list[tuple[int, int, float]], weeks: int) -> None:
    stream = buckets(stretches)
    here = run(Detector(UTC_CALENDAR), stream, MONDAY)
    there = run(Detector(UTC_CALENDAR), stream, MONDAY + weeks * WEEK)
    assert [
        verdict._replace(bucket=verdict.bucket + weeks * WEEK, window_end=verdict.window_end + weeks * WEEK)
        for verdict in here
    ] == there


@given(runs, st.data())
@settings(deadline=None)
def test_a_report_that_comes_late_is_scored_as_if_it_had_come_in_time(
    stretches: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    # after a calm hour; within forty minutes nothing of it is learned, so both know the same
    stream = [(0, 1.0)] * 60 + buckets(stretches)[:40]
    late = data.draw(st.integers(60, len(stream) - 1))
    extra = data.draw(st.integers(1, 8))
    count, _ = stream[late]
    amended, in_time = Detector(UTC_CALENDAR), Detector(UTC_CALENDAR)
    # without a budget nothing is ever open, so the two differ in nothing but when the report was known
    run(amended, stream, MONDAY, 0.0)
    best = []
    for i, (reports, heard) in enumerate([*stream[:late], (count + extra, 1.0), *stream[late + 1 :]]):
        verdict = in_time.step(MONDAY + i, reports, heard, 0.0)
        if i >= late and verdict.window > i - late:
            best.append(verdict.score)
    answer = amended.amend(MONDAY + late, count + extra, 1.0, 0.0)
    assert answer is not None
    if best:
        assert answer.score >= 0.98 * max(best)  # doubt and dispersion are those of now, not of then
    after = [(0, 1.0)] * 70
    begin = MONDAY + len(stream)
    for one, other in zip(*(run(made, after, begin, 0.0) for made in (amended, in_time)), strict=True):
        # older than that, the past was told less busy than it was: windows that begin there stick out more
        assert one.score >= 0.98 * other.score  # but for the doubt, which rests on fewer reports
        if late >= len(stream) - 4:
            assert one.score == pytest.approx(other.score)
        assert one.expected == pytest.approx(other.expected)


@given(runs)
@settings(deadline=None)
def test_no_number_is_ever_out_of_bounds(stretches: list[tuple[int, int, float]]) -> None:
    verdicts = run(Detector(UTC_CALENDAR), buckets(stretches), MONDAY)
    for verdict in verdicts:
        assert verdict.expected >= 0
        assert verdict.score >= 0
        assert verdict.severity >= 0
        assert (verdict.window == 0) == (verdict.score == 0)
        assert (verdict.score >= 2.5) == (verdict.return_days is not None)
        assert verdict.state != "raise" or verdict.above
    legal = {"": {"", "raise"}, "raise": {"open", "clear"}, "open": {"open", "clear"}, "clear": {"", "raise"}}
    assert all(after.state in legal[before.state] for before, after in pairwise(verdicts))
