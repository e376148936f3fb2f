import math
import random  # noqa: TID251 - a test makes its own stream, from a seed

import pytest

from bot.detect.threshold import TAIL_START, Tail

LEVEL = 0.05


def taught(height: float, days: int) -> Tail:
    """A tail that learned two peaks a day, exponential of this mean height."""
    rng = random.Random(f"{height} {days}")
    tail = Tail(LEVEL)
    for _ in range(days * 2):
        tail.learn(tail.height(TAIL_START + rng.expovariate(1 / height)))
        tail.pass_time(0.5, LEVEL)
    return tail


def test_the_return_period_at_the_start_of_the_tail_is_that_of_any_peak() -> None:
    tail = Tail(LEVEL)
    assert tail.return_days(TAIL_START) == pytest.approx(1 / tail.peaks_per_day)
    assert tail.return_days(TAIL_START + tail.excess) == pytest.approx(math.e / tail.peaks_per_day)


@pytest.mark.parametrize("height", [0.5, 1.0, 2.0])
def test_it_calibrates_itself_to_the_peaks_it_sees(height: float) -> None:
    tail = taught(height, 180)
    monthly = TAIL_START + height * math.log(2 * 30)  # exceeded once in 30 days at two peaks a day
    assert 12 < tail.return_days(monthly) < 75


def test_a_series_that_goes_viral_now_and_then_needs_more() -> None:
    assert taught(4.0, 90).return_days(12.0) < taught(1.0, 90).return_days(12.0) / 100


def test_the_prior_is_worth_twenty_days_and_fades_in_forty_five() -> None:
    tail = Tail(LEVEL)
    prior = tail.peaks_per_day
    tail.pass_time(20.0, LEVEL)
    assert tail.peaks_per_day == pytest.approx(prior * 0.735 / 1.735, rel=0.01)
    tail = Tail(LEVEL)
    for _ in range(450):
        tail.pass_time(1.0, LEVEL)
    assert tail.peaks_per_day < prior / 1000


def test_a_busy_series_is_expected_to_peak_more_often_until_it_has_shown_how_often() -> None:
    levels = [0.001, 0.05, 0.2, 1.0, 50.0]
    peaks = [Tail(level).peaks_per_day for level in levels]
    assert peaks == sorted(peaks)
    assert peaks[0] >= 0.5
    assert peaks[-1] <= 6.0
    tail = Tail(LEVEL)
    tail.pass_time(0.01, 1.0)
    assert tail.peaks_per_day == pytest.approx(Tail(1.0).peaks_per_day, rel=0.01)


def test_one_enormous_peak_counts_as_four_usual_ones() -> None:
    tail, other = Tail(LEVEL), Tail(LEVEL)
    tail.learn(tail.height(500.0))
    other.learn(4 * other.excess)
    assert tail.excess == pytest.approx(other.excess)
    assert tail.excess < 1.3 * Tail(LEVEL).excess


def test_no_score_overflows() -> None:
    assert math.isfinite(Tail(LEVEL).return_days(1e6))
