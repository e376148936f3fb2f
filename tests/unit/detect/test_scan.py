import math
import random  # noqa: TID251 - a test makes its own stream, from a seed

import pytest

from bot.detect.ring import Ring
from bot.detect.scan import Scan, surprise
from tests.unit.detect.streams import DAY, poisson


def tail(count: int, mean: float, dispersion: float) -> float:
    """The tail of a negative binomial, summed."""
    size = 1 / dispersion
    term = (size / (size + mean)) ** size
    below = 0.0
    for k in range(count):
        below += term
        term *= (k + size) / (k + 1) * mean / (size + mean)
    above = 0.0
    for k in range(count, count + 2000):
        above += term
        term *= (k + size) / (k + 1) * mean / (size + mean)
    return above if below > 0.5 else 1 - below


def ring_of(counts: list[int], rate: float) -> Ring:
    ring = Ring()
    for count in counts:
        ring.push(count, rate, 1.0, 1.0)
    return ring


@pytest.mark.parametrize("dispersion", [0.02, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("mean", [0.05, 1.0, 7.5, 60.0])
@pytest.mark.parametrize("times", [1.2, 3, 10])
def test_the_surprise_is_a_tight_lower_bound_on_the_exact_tail(mean: float, times: float, dispersion: float) -> None:
    count = max(4, math.ceil(mean * times))
    exact = -math.log10(tail(count, mean, dispersion))
    assert exact - 0.35 <= surprise(count, mean, dispersion) <= exact + 1e-9


def test_no_surprise_in_what_is_usual() -> None:
    assert surprise(4, 4.0, 0.3) == 0.0
    assert surprise(3, 4.0, 0.3) == 0.0


def test_windows_shorter_than_a_bucket_drop_out() -> None:
    assert Scan(1).windows == (1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
    assert Scan(5).windows == (1, 2, 4, 6, 9, 12)
    assert Scan(60).windows == (1,)


@pytest.mark.parametrize(
    ("counts", "window"),
    [([0] * 59 + [6], 1), ([0] * 57 + [3, 3, 3], 3), ([0] * 40 + [1] * 20, 20), ([0, 1, 0] * 20, 60)],
)
def test_the_window_that_sticks_out_most_is_named(counts: list[int], window: int) -> None:
    assert Scan(1).best(ring_of(counts, 0.05), 0.0)[1] == window


def test_three_reports_are_no_score_however_quiet_the_hour() -> None:
    assert Scan(1).best(ring_of([0] * 59 + [3], 1e-6), 0.0) == (0.0, 0)
    assert Scan(1).best(ring_of([0] * 59 + [4], 1e-6), 0.0)[0] > 3


def test_less_than_a_quarter_of_a_report_is_never_expected() -> None:
    assert Scan(1).best(ring_of([0] * 59 + [4], 1e-6), 0.0) == Scan(1).best(ring_of([0] * 59 + [4], 1e-4), 0.0)


def test_doubt_about_the_level_lowers_the_score() -> None:
    ring = ring_of([0] * 40 + [1] * 20, 0.1)
    scores = [Scan(1).best(ring, doubt)[0] for doubt in (0.0, 0.1, 1.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[2] + 1


def test_hours_that_were_busy_before_a_window_are_expected_to_go_on() -> None:
    scores = []
    for busy in (1.0, 2.0, 4.0):
        ring = Ring()
        for minute in range(120):
            ring.push(int(minute >= 100), 0.1, 1.0, 1.0, busy=busy)
        scores.append(Scan(1).best(ring, 0.0)[0])
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[1] + 1 > scores[2] + 2


def test_what_is_in_a_window_says_nothing_of_how_busy_it_was_before() -> None:
    before, inside = Ring(), Ring()
    for minute in range(120):
        before.push(int(minute >= 100), 0.1, 1.0, 1.0, busy=3.0 if minute <= 100 else 1.0)
        inside.push(int(minute >= 100), 0.1, 1.0, 1.0, busy=3.0 if minute > 100 else 1.0)
    calm = Scan(1).best(ring_of([0] * 100 + [1] * 20, 0.1), 0.0)
    assert Scan(1).best(inside, 0.0) == calm
    assert Scan(1).best(before, 0.0)[0] < calm[0]


def test_the_longer_it_takes_to_come_the_less_it_says() -> None:
    sudden = surprise(20, 2.0, 0.1)
    ring = ring_of([0] * 60 + [1] * 20, 0.1)
    assert Scan(1).best(ring, 0.0)[0] < sudden - 0.1


def test_windows_may_end_earlier_and_be_asked_from_a_length_on() -> None:
    ring = ring_of([0] * 50 + [9] + [0] * 20, 0.05)
    assert Scan(1).best(ring, 0.0, end=-21)[1] == 1
    assert Scan(1).best(ring, 0.0, end=-21, least=4)[1] == 5
    assert Scan(1).best(ring, 0.0, end=-22)[0] == 0.0


@pytest.mark.parametrize("dispersion", [0.0, 0.5])
def test_over_dispersion_is_learned_from_the_windows_themselves(dispersion: float) -> None:
    rng = random.Random(f"dispersion {dispersion}")
    scan, ring = Scan(1), Ring()
    for minute in range(40 * DAY):
        if minute % 60 == 0:
            rate = 0.5 * (rng.gammavariate(1 / dispersion, dispersion) if dispersion else 1.0)
        ring.push(poisson(rng, rate), 0.5, 1.0, 1.0)
        scan.learn(ring, minute, -1, 60)
    assert scan.dispersion[-1] == pytest.approx(max(dispersion, 0.06), abs=0.1)
    assert scan.dispersion[3] == pytest.approx(max(dispersion, 0.06), abs=0.12)


def test_over_dispersion_that_is_over_fades_in_weeks() -> None:
    rng = random.Random("fading")
    scan, ring = Scan(1), Ring()
    for minute in range(90 * DAY):
        if minute % 60 == 0:
            rate = 0.5 * rng.gammavariate(2.0, 0.5) if minute < 30 * DAY else 0.5
        ring.push(poisson(rng, rate), 0.5, 1.0, 1.0)
        scan.learn(ring, minute, -1, 60)
        if minute == 30 * DAY:
            assert scan.dispersion[-1] > 0.4
    assert scan.dispersion[-1] < 0.1


def test_a_sparse_series_keeps_the_prior_dispersion_of_short_windows() -> None:
    rng = random.Random("sparse")
    scan, ring = Scan(1), Ring()
    for minute in range(10 * DAY):
        ring.push(poisson(rng, 0.01), 0.01, 1.0, 1.0)
        scan.learn(ring, minute, -1, 60)
    assert scan.dispersion[0] == pytest.approx(0.06, abs=0.02)


def test_windows_that_hold_an_alarm_teach_nothing() -> None:
    scan, ring = Scan(1), ring_of([0] * 30 + [9] * 30, 0.1)
    before = list(scan.dispersion)
    scan.learn(ring, 0, -1, 0)
    assert scan.dispersion == before
    scan.learn(ring, 0, -1, 5)
    assert [new != old for new, old in zip(scan.dispersion, before, strict=True)] == [True] * 4 + [False] * 6
