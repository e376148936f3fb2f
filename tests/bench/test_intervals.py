import pytest

from tools.detection import intervals


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (300, 300, 0.987, 1.0), (75, 100, 0.657, 0.825)],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, tries: int, low: float, high: float) -> None:
    assert intervals.share(hits, tries) == pytest.approx((low, high), abs=0.002)


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.69), (1, 0.025, 5.57), (10, 4.80, 18.39), (40, 28.58, 54.47)]
)
def test_the_interval_of_a_rate_is_near_the_exact_one(events: int, low: float, high: float) -> None:
    assert intervals.rate(events, 1.0) == pytest.approx((low, high), rel=0.03, abs=0.04)


def test_a_median_has_the_order_statistics_around_it() -> None:
    middle, low, high = intervals.median(range(1, 102))
    assert middle == 51
    assert (low, high) == (41, 62)
