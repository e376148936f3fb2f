import math
from datetime import datetime, timedelta

import pytest

from tools.detection.nab import PROFILES, Series, best_threshold, label, normal, on_all, on_others, raw, sigmoid

START = datetime(2024, 5, 6)  # noqa: DTZ001 - NAB's times have no zone
STANDARD = PROFILES["standard"]


def series(scores: dict[int, float], *windows: tuple[int, int], rows: int = 100) -> Series:
    """A hundred rows, of which the first 15 are not scored."""
    times = [START + timedelta(minutes=5 * i) for i in range(rows)]
    return label(times, [(times[a], times[b]) for a, b in windows], [scores.get(i, 0.0) for i in range(rows)])


def test_the_earlier_a_window_is_found_the_more_it_is_worth() -> None:
    found = [raw(1.0, [series({row: 1.0}, (40, 59))], STANDARD) for row in (40, 50, 59)]
    assert found[0] == pytest.approx(1.0)
    assert found == sorted(found, reverse=True)
    assert 0 < found[2] < 0.2


def test_only_the_earliest_row_of_a_window_counts() -> None:
    assert raw(1.0, [series({40: 1.0, 45: 1.0, 59: 1.0}, (40, 59))], STANDARD) == pytest.approx(1.0)


def test_a_row_outside_costs_more_the_further_it_is_from_the_window_before() -> None:
    costs = [raw(1.0, [series({40: 1.0, row: 1.0}, (40, 59))], STANDARD) - 1.0 for row in (30, 60, 79, 99)]
    assert costs == pytest.approx([-0.11, 0.11 * sigmoid(1 / 19), 0.11 * sigmoid(20 / 19), 0.11 * sigmoid(40 / 19)])
    assert costs[1] > costs[2] > costs[3] > -0.11


def test_what_is_missed_costs_and_the_first_rows_are_not_scored() -> None:
    for profile in PROFILES.values():
        assert raw(1.0, [series({3: 9.0}, (40, 59), (70, 79))], profile) == -2 * profile.fn


def test_the_scale_goes_from_silence_to_perfection() -> None:
    for profile in PROFILES.values():
        assert normal(raw(math.inf, [series({}, (40, 59))], profile), 1, profile) == 0.0
        assert normal(raw(1.0, [series({40: 1.0}, (40, 59))], profile), 1, profile) == pytest.approx(100.0)


def test_the_best_threshold_lets_in_what_pays() -> None:
    group = [series({40: 5.0, 90: 4.0}, (40, 59)), series({45: 3.0, 20: 2.0}, (40, 59))]
    assert best_threshold(group, STANDARD) == 3.0  # 3 pays for the false row at 4, the false one at 2 only costs
    assert best_threshold([series({20: 2.0})], STANDARD) == math.inf


def test_a_threshold_from_the_others_is_never_better_than_the_best() -> None:
    group = [series({40: 5.0}, (40, 59)), series({40: 1.0, 90: 0.5}, (40, 59))]
    assert on_all(group, STANDARD) == pytest.approx(100.0)
    assert on_others(group, STANDARD) == pytest.approx(50.0)
