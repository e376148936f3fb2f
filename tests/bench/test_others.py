import math

import numpy as np
import numpy.typing as npt
import pytest
from river import drift

from tools.detection.calibration import calibrate, events
from tools.detection.others import BASELINES, Baseline, Bocpd, Ewma, Kleinberg

pytestmark = pytest.mark.slow  # a month of streams each

START = 28_400_000 // 10_080 * 10_080
WARM = 12 * 1440
BASE = 0.2


def calm(minutes: int, seed: int = 1) -> list[int]:
    at: npt.NDArray[np.int64] = START + np.arange(minutes)
    rates = BASE * (1 - 0.8 * np.cos(2 * math.pi * at / 1440))
    return [int(n) for n in np.random.default_rng(seed).poisson(rates)]


def scores_of(detector: Baseline, counts: list[int], begin: int = START) -> list[float]:
    return [detector.step(begin + i, count) for i, count in enumerate(counts)]


@pytest.fixture(params=list(BASELINES), scope="module")
def calibrated(request: pytest.FixtureRequest) -> tuple[Baseline, float]:
    """A detector that has seen 12 days and is calibrated to one false alarm in the 30 days after them."""
    detector = BASELINES[request.param]()
    counts = calm(WARM + 43_200)
    scores_of(detector, counts[:WARM])
    return detector, calibrate([scores_of(detector, counts[WARM:], START + WARM)], months=1)


def test_an_outage_is_found_soon(calibrated: tuple[Baseline, float]) -> None:
    detector, threshold = calibrated
    noon = START + WARM + 43_200 + 12 * 60
    quiet = detector.copy()
    scores_of(quiet, calm(12 * 60, seed=2), noon - 12 * 60)
    rng = np.random.default_rng(3)
    outage = [int(rng.poisson(BASE + 5 * min(minute / 5, 1))) for minute in range(1, 31)]
    first = next(i for i, score in enumerate(scores_of(quiet, outage, noon), 1) if score >= threshold)
    assert 2 <= first <= 12


def test_a_calm_week_stays_calm(calibrated: tuple[Baseline, float]) -> None:
    detector, threshold = calibrated
    week = scores_of(detector.copy(), calm(10_080, seed=4), START + WARM + 43_200)
    assert events(week, threshold) <= 2
    assert min(week) >= 0
    assert all(map(math.isfinite, week))


def test_silence_scores_low_and_its_end_is_no_error(calibrated: tuple[Baseline, float]) -> None:
    detector, threshold = calibrated
    copy = detector.copy()
    silence = scores_of(copy, [0] * 10_080, START + WARM + 43_200)
    assert events(silence[60:], threshold) == 0
    assert math.isfinite(copy.step(START + WARM + 43_200 + 10_080, 1))


def test_a_copy_goes_its_own_way(calibrated: tuple[Baseline, float]) -> None:
    detector = calibrated[0].copy()
    begin = START + WARM + 43_200
    one, other = detector.copy(), detector.copy()
    scores_of(one, [50] * 120, begin)
    assert scores_of(other, calm(3000), begin) == scores_of(detector, calm(3000), begin)


@pytest.mark.parametrize("make", BASELINES.values())
def test_the_first_minutes_and_minute_0_are_no_error(make: type[Baseline]) -> None:
    assert all(map(math.isfinite, scores_of(make(), [0, 3, 0, 1] * 30, 0)))


def test_bocpd_waits_for_its_bucket() -> None:
    scores = scores_of(Bocpd(width_minutes=5), calm(2000), START)
    changes = [i for i in range(1, len(scores)) if scores[i] != scores[i - 1]]
    assert changes
    assert {i % 5 for i in changes} == {4}


def test_bocpd_agrees_with_the_sum_written_out() -> None:
    """Adams and MacKay's recursion in plain Python, with the Gamma functions left in."""
    detector = Bocpd()
    runs = [(1.0, 0, Bocpd._RATE)]  # chance, count, usual count and prior's rate
    for i, count in enumerate(calm(100)):
        detector.step(START + i, count)
        expected = float(detector._usuals[1]) - Bocpd._RATE
        grown = []
        for chance, total, rate in runs:
            log_fit = math.lgamma(1 + total + count) - math.lgamma(1 + total) - math.lgamma(1 + count)
            log_fit += (1 + total) * math.log(rate / (rate + expected))
            log_fit += count * math.log(expected / (rate + expected))
            grown.append((chance * math.exp(log_fit), total + count, rate + expected))
        evidence = sum(chance for chance, _, _ in grown)
        hazard = Bocpd._HAZARD
        runs = [(hazard, 0, Bocpd._RATE)] + [
            (chance / evidence * (1 - hazard), total, rate) for chance, total, rate in grown
        ]
    assert detector._chance == pytest.approx([chance for chance, _, _ in runs])


def test_kleinbergs_weight_is_where_online_viterbi_enters_its_burst() -> None:
    """For any cost of moving up: the first minute whose cheapest path ends in the burst state."""
    counts = calm(5000)
    counts[3000:3030] = [3] * 30
    weights = scores_of(Kleinberg(), counts)
    usual = Kleinberg()._usual
    rates = [usual.step(START + i, count) for i, count in enumerate(counts)]
    scale = Kleinberg._SCALE
    for move_up in (3.0, 10.0, 40.0):
        low, high, entered = 0.0, move_up, None
        for i, (count, rate) in enumerate(zip(counts, rates, strict=True)):
            low, high = (
                min(low, high) + rate - count * math.log(rate),
                min(low + move_up, high) + rate * scale - count * math.log(rate * scale),
            )
            if high < low:
                entered = i
                break
        assert entered == next(i for i, weight in enumerate(weights) if weight > move_up)


def test_rivers_statistic_is_read_right() -> None:
    """What we read passes a threshold in the minute in which river says so."""
    values = np.random.default_rng(5).normal(0, 1, 3000)
    values[2000:] += 2
    watched = drift.PageHinkley(mode="up", delta=0.5, alpha=1.0, threshold=math.inf)
    for limit in (5.0, 20.0, 80.0):
        judge = drift.PageHinkley(mode="up", delta=0.5, alpha=1.0, threshold=limit)
        watched = watched.clone()
        for value in values:
            watched.update(value)
            judge.update(value)
            assert judge.drift_detected == (watched._sum_increase - watched._min_increase > limit)
            if judge.drift_detected:
                break
        assert judge.drift_detected


def test_an_event_ends_after_30_minutes_below() -> None:
    def scores(*hits: int) -> list[float]:
        return [float(minute in hits) for minute in range(200)]

    assert events(scores(), 1) == 0
    assert events(scores(10, 40), 1) == 1
    assert events(scores(10, 41), 1) == 2
    assert events(scores(0, 30, 60, 91, 199), 1) == 3


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("wanted", [1, 3, 7, 20])
def test_calibrate_gives_exactly_the_wanted_number(seed: int, wanted: int) -> None:
    rng = np.random.default_rng(seed)
    series = [np.convolve(rng.exponential(1, 3000), np.ones(20), "same").tolist() for _ in range(3)]
    threshold = calibrate(series, months=wanted / 2, per_month=2)
    assert sum(events(scores, threshold) for scores in series) == wanted
    above = sorted({score for scores in series for score in scores if score > threshold})
    assert all(sum(events(scores, higher) for scores in series) != wanted for higher in above)


def test_calibrate_with_equal_scores_stays_below() -> None:
    series = [[0.0] * 100 + [5.0] + [0.0] * 100 + [3.0] + [0.0] * 100 + [3.0]]
    assert events(series[0], calibrate(series, months=2)) == 1
    assert events(series[0], calibrate(series, months=3)) == 3
    assert events(series[0], calibrate(series, months=9)) == 3
    assert events([3.0] + [0.0] * 99 + [3.0], calibrate([[3.0] + [0.0] * 99 + [3.0]], months=1)) == 0


def test_calibrate_without_scores_never_raises() -> None:
    assert calibrate([[0.0] * 100], months=1) == math.inf


def test_the_average_of_the_charts_is_standard_on_calm_streams() -> None:
    scores = scores_of(Ewma(), calm(WARM * 2))[WARM:]
    assert 0.2 < float(np.mean(scores)) < 0.6
