from collections.abc import Iterable
from itertools import pairwise

import pytest

from bot.detect.baseline import DEFAULT_DAY, Baseline
from tests.unit.detect.streams import DAY, HOUR, MONDAY, UTC_CALENDAR, steady

PRIOR = 0.05


def baseline() -> Baseline:
    return Baseline(UTC_CALENDAR, PRIOR, 1)


def learn(base: Baseline, counts: Iterable[int], start: int = MONDAY) -> None:
    for bucket, count in enumerate(counts, start):
        season = base.season(bucket)
        base.learn(bucket, count, base.rate(season), 1.0, season, 0.2)


def mean_season(base: Baseline, day: int) -> float:
    return sum(base.season(day + minute) for minute in range(0, DAY, 10)) / (DAY / 10)


def test_a_new_series_has_the_default_french_day_at_the_prior_level() -> None:
    base = baseline()
    assert base.season(MONDAY + 12 * HOUR + 30) == pytest.approx(DEFAULT_DAY[12])
    assert base.rate(1.0) == PRIOR
    assert mean_season(base, MONDAY) == pytest.approx(1.0, abs=0.01)


def test_the_season_is_linear_between_the_middles_of_hours() -> None:
    base = baseline()
    at = [base.season(MONDAY + 7 * HOUR + minute) for minute in (30, 45, 60, 75, 90)]
    steps = [b - a for a, b in pairwise(at)]
    assert steps == pytest.approx([steps[0]] * 4)
    assert at[4] == pytest.approx(DEFAULT_DAY[8])


def test_the_prior_level_is_worth_two_days() -> None:
    base = baseline()
    learn(base, steady("two days", 3 * PRIOR, 2 * DAY + HOUR))
    assert base.level == pytest.approx(2 * PRIOR, rel=0.15)


def test_the_level_comes_to_what_is_heard_and_forgets_in_weeks() -> None:
    base = baseline()
    learn(base, steady("level", 0.3, 40 * DAY))
    assert base.level * mean_season(base, MONDAY + 41 * DAY) == pytest.approx(0.3, rel=0.1)
    learn(base, [0] * (7 * DAY), MONDAY + 40 * DAY)
    assert base.level == pytest.approx(0.15, rel=0.1)


def test_doubt_is_one_over_the_reports_the_level_rests_on() -> None:
    base = baseline()
    assert base.doubt == pytest.approx(1 / (PRIOR * 2 * DAY))
    learn(base, steady("doubt", 0.5, 3 * DAY))
    assert base.doubt < 0.001


def test_hours_learn_their_own_height_and_the_weekend_another() -> None:
    base = baseline()
    counts = []
    for minute in range(28 * DAY):
        hour, day = minute // HOUR % 24, minute // DAY % 7
        counts.append(int(hour == (3 if day < 5 else 15)))
    learn(base, counts)
    monday = MONDAY + 28 * DAY
    assert base.season(monday + 3 * HOUR + 30) > 8
    assert base.season(monday + 15 * HOUR + 30) < 4
    saturday = monday + 5 * DAY
    assert base.season(saturday + 15 * HOUR + 30) > base.season(saturday + 3 * HOUR + 30) + 1


def test_one_day_moves_the_season_little() -> None:
    base = baseline()
    learn(base, [int(minute // HOUR == 3 and minute % 2 == 0) for minute in range(DAY + HOUR)])
    assert (
        base.season(MONDAY + DAY + 3 * HOUR + 30) < 2
    )  # though the day's whole 30 reports were at that hour, 24 times the mean


def test_what_sticks_out_is_learned_up_to_a_cap() -> None:
    base, shocked = baseline(), baseline()
    counts = steady("robust", 0.05, DAY)
    learn(base, counts)
    counts[700] = 500
    learn(shocked, counts)
    assert shocked.level < base.level * 1.1
    assert shocked.fast == pytest.approx(base.fast, abs=0.01)


def test_the_fast_level_follows_a_busy_day_and_lets_go_of_it() -> None:
    base = baseline()
    learn(base, steady("calm", 0.3, 10 * DAY))
    noon = MONDAY + 10 * DAY + 12 * HOUR
    learn(base, steady("busy", 0.9, 3 * HOUR), noon)
    assert base.fast == pytest.approx(2.5, abs=0.6)
    learn(base, steady("calm again", 0.3, 8 * HOUR), noon + 3 * HOUR)
    assert base.fast == pytest.approx(1.0, abs=0.35)


def test_the_fast_level_has_bounds() -> None:
    base = baseline()
    learn(base, [2] * 600)
    assert base.fast == 4.0
    learn(base, steady("calm", 1.0, 5 * DAY), MONDAY + 600)
    learn(base, [0] * 600, MONDAY + 600 + 5 * DAY)
    assert base.fast == 0.5


def test_a_gap_makes_only_the_fast_level_forget() -> None:
    base = baseline()
    learn(base, [1] * 600)
    level = base.level
    for _ in range(DAY):
        base.skip()
    assert base.level == level
    assert base.fast == pytest.approx(1.0, abs=0.01)


def test_half_heard_buckets_teach_the_whole_rate() -> None:
    base = baseline()
    counts = steady("half", 0.15, 40 * DAY)
    for bucket, count in enumerate(counts, MONDAY):
        season = base.season(bucket)
        base.learn(bucket, count, base.rate(season), 0.5, season, 0.2)
    assert base.level * mean_season(base, MONDAY) == pytest.approx(0.3, rel=0.1)


def test_a_series_that_has_long_been_still_keeps_a_small_expectation() -> None:
    base = baseline()
    learn(base, [0] * (200 * DAY))
    assert 0 < base.level < 0.001
    assert base.doubt <= 1.0
