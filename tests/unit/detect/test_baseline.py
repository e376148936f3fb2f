from collections.abc import Iterable
from itertools import pairwise

import pytest

from bot.detect.baseline import DEFAULT_DAY, Baseline
from tests.unit.detect.streams import DAY, HOUR, MONDAY, UTC_CALENDAR, steady

PRIOR = 0.05


def baseline(prior_reports: float = 1000.0) -> Baseline:
    return Baseline(UTC_CALENDAR, PRIOR, prior_reports, 1)


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


def test_the_prior_level_is_worth_so_many_reports_and_at_most_two_days() -> None:
    two_days, few = baseline(), baseline(36.0)
    counts = steady("two days", 3 * PRIOR, 2 * DAY + HOUR)
    learn(two_days, counts)
    learn(few, counts)
    assert two_days.level == pytest.approx(2 * PRIOR, rel=0.15)
    assert few.level == pytest.approx((36 + 3 * 144) / (36 + 144) * PRIOR, rel=0.15)


def test_the_level_comes_to_what_is_heard_and_forgets_in_weeks() -> None:
    base = baseline()
    learn(base, steady("level", 0.3, 40 * DAY))
    assert base.level * mean_season(base, MONDAY + 41 * DAY) == pytest.approx(0.3, rel=0.1)
    assert base.day == pytest.approx(1.0, abs=0.15)
    learn(base, [0] * (7 * DAY), MONDAY + 40 * DAY)
    assert base.level == pytest.approx(0.15, rel=0.1)


def test_a_day_unlike_the_weeks_is_followed_within_hours() -> None:
    base = baseline()
    learn(base, steady("weeks", 0.3, 20 * DAY))
    level = base.level
    learn(base, steady("busy day", 0.6, DAY), MONDAY + 20 * DAY)
    assert base.level < 1.2 * level
    assert base.rate(1.0) == pytest.approx(2 * level, rel=0.25)
    learn(base, steady("calm again", 0.3, DAY), MONDAY + 21 * DAY)
    assert base.rate(1.0) == pytest.approx(1.1 * level, rel=0.2)


def test_the_days_factor_has_bounds() -> None:
    base = baseline()
    learn(base, steady("calm", 0.3, 10 * DAY))
    learn(base, [3] * (12 * HOUR), MONDAY + 10 * DAY)
    assert base.day == 3.0
    learn(base, [0] * (3 * DAY), MONDAY + 11 * DAY)
    assert base.day == 0.3


def test_learning_tells_how_what_is_usual_has_changed() -> None:
    base = baseline(2.0)
    before, ratio = base.rate(1.0), 1.0
    for bucket, count in enumerate(steady("ratio", 1.0, 5 * HOUR), MONDAY):
        season = base.season(bucket)
        ratio *= base.learn(bucket, count, base.rate(season), 1.0, season, 0.2)
    assert base.rate(1.0) == pytest.approx(before * ratio)
    assert ratio > 5


def test_doubt_is_one_over_the_reports_the_level_rests_on_and_the_seasons_own() -> None:
    base = baseline()
    assert base.doubt == pytest.approx(1 / (PRIOR * 2 * DAY) + 0.02)
    learn(base, steady("doubt", 0.5, 3 * DAY))
    assert base.doubt < 0.02
    assert baseline(2.0).doubt == pytest.approx(0.52)


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
    assert shocked.day < base.day * 1.2


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
    assert base.doubt <= 1.02
