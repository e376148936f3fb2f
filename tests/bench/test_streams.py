import math
import random  # noqa: TID251 - streams come from a seed
import statistics
from datetime import timedelta

import pytest

from tools.detection import storms
from tools.detection.ours import SIZES, month
from tools.detection.streams import (
    CLEAN,
    DAY,
    HARSH,
    REALISTIC,
    SWELLS,
    counts,
    lorden,
    outage,
    poisson,
    rates,
    season,
)

pytestmark = pytest.mark.slow  # likewise


def test_the_season_has_a_mean_of_one_and_a_quieter_weekend() -> None:
    week = [season(minute) for minute in range(0, 7 * DAY, 10)]
    assert statistics.fmean(week) == pytest.approx(1.0, abs=0.01)
    assert statistics.fmean(week[5 * 144 :]) < 0.8 * statistics.fmean(week[: 5 * 144])
    assert season(4 * 60) < 0.6
    assert season(15 * 60) > 1.2


@pytest.mark.parametrize("noise", [CLEAN, REALISTIC, HARSH])
def test_noise_changes_the_rate_but_not_its_mean(noise: object) -> None:
    rng = random.Random("noise")
    made = [rate / season(i) for i, rate in enumerate(rates(rng, 0.2, 120 * DAY, noise))]  # type: ignore[arg-type]
    logs = [math.log(rate) for rate in made[::7]]
    assert statistics.fmean(made) == pytest.approx(0.2, rel=0.1)
    variance = sum(sigma * sigma for sigma in noise.sigmas)  # type: ignore[attr-defined]
    assert statistics.pvariance(logs) == pytest.approx(variance, rel=0.2, abs=1e-9)


def test_poisson_numbers_are_poisson_also_where_the_mean_is_large() -> None:
    rng = random.Random("poisson")
    for mean in (0.3, 4.0, 90.0):
        made = [poisson(rng, mean) for _ in range(4000)]
        assert statistics.fmean(made) == pytest.approx(mean, rel=0.05)
        assert statistics.pvariance(made) == pytest.approx(mean, rel=0.1)
    assert counts(rng, [0.0, 0.0]) == [0, 0]


def test_the_limit_is_where_the_divergence_has_summed_to_a_month_of_minutes() -> None:
    usual, added = [0.2] * 60, [2.0] * 60
    nats = 2.2 * math.log(11) - 2
    assert lorden(usual, added) == math.ceil(math.log(43_200) / nats)
    assert lorden([1.0] * 30, [0.01] * 30) is None
    ramped = outage(2.0, 12 * 60, 60)
    assert ramped[0] == pytest.approx(0.4 * season(12 * 60))
    assert ramped[10] == pytest.approx(2.0 * season(12 * 60 + 10))


def test_a_swell_rises_stays_and_falls() -> None:
    for name, factors in SWELLS.items():
        assert factors[-1] == 1.0
        assert max(factors) == (1.0 if name.startswith("nothing") else 4.0 if "×4" in name else 3.0)


def test_of_a_storm_of_sixty_reposts_few_are_left() -> None:
    found = [storms.storms(random.Random(seed)) for seed in range(40)]
    assert {sum(storm[storms.COUNTED]) for storm in found} == {storms.POSTS}
    assert 1 <= max(sum(storm[storms.KNOWN]) for storm in found) <= 6


@pytest.mark.slow
def test_a_month_of_the_benchmark_tries_everything_and_is_the_same_again() -> None:
    first, again = (month("test", 0.2, "realistic") for _ in range(2))
    assert {size: len(delays) for size, delays in first.delays.items()} == {2.0: 8, 5.0: 8}
    assert set(first.delays) == set(SIZES[0.2])
    assert len(first.fooled) == 12
    assert all(limit >= 2 for delays in first.delays.values() for _, limit in delays)
    assert (first.alarms, first.delays, first.fooled) == (again.alarms, again.delays, again.fooled)
    assert timedelta(minutes=first.steps) == timedelta(days=45)
