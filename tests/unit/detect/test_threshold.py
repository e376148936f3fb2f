import math
import random  # noqa: TID251 - a test makes its own stream, from a seed

import pytest

from bot.detect.threshold import TAIL_START, Tail


def taught(height: float, days: int) -> Tail:
    """A tail that learned two peaks a day, exponential of this mean height."""
    rng = random.Random(f"{height} {days}")
    tail = Tail()
    for _ in range(days * 2):
        tail.learn(TAIL_START + rng.expovariate(1 / height))
        tail.pass_time(0.5)
    return tail


def test_the_return_period_at_the_start_of_the_tail_is_that_of_any_peak() -> None:
    tail = Tail()
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
    tail = Tail()
    prior = tail.peaks_per_day
    tail.pass_time(20.0)
    assert tail.peaks_per_day == pytest.approx(prior * 0.735 / 1.735, rel=0.01)
    tail = Tail()
    for _ in range(450):
        tail.pass_time(1.0)
    assert tail.peaks_per_day < prior / 1000


def test_one_enormous_peak_counts_as_four_usual_ones() -> None:
    tail, other = Tail(), Tail()
    tail.learn(500.0)
    other.learn(TAIL_START + 4 * other.excess)
    assert tail.state() == other.state()
    assert tail.excess < 1.3 * Tail().excess


def test_no_score_overflows() -> None:
    assert math.isfinite(Tail().return_days(1e6))
