import pytest

from bot.detect.ring import Ring
from bot.detect.severity import Severity
from tests.unit.detect.streams import DAY, HOUR, steady


def hear(severity: Severity, ring: Ring, counts: list[int]) -> list[float]:
    """What severity says at each of its looks, one-minute buckets."""
    said = []
    for minute, count in enumerate(counts, 1):
        ring.push(count, 0.0, 1.0, 1.0)
        if minute % severity.every == 0:
            said.append(severity.step(ring))
    return said


def lived(seed: str, rate: float, days: int) -> tuple[Severity, Ring]:
    severity, ring = Severity(1), Ring()
    hear(severity, ring, steady(seed, rate, days * DAY))
    return severity, ring


def spike(severity: Severity, ring: Ring, tall: int, minutes: int = 10) -> float:
    """Severity of so many minutes of `tall` reports and the quiet minutes after them."""
    return max(hear(severity, ring, [tall] * minutes + [0] * 10))


def test_ordinary_hours_have_little_severity_and_a_taller_spike_has_more() -> None:
    severity, ring = lived("tall", 1.0, 5)
    assert max(hear(severity, ring, steady("more", 1.0, 2 * DAY))) < 1.6
    scores = [spike(*lived("tall", 1.0, 5), tall) for tall in (1, 5, 20, 80)]
    assert scores[0] < 1.6
    assert scores == sorted(scores)
    assert scores[2] > 2.5
    assert scores[3] > 2 * scores[2]


def test_it_says_how_many_times_as_tall_as_usual() -> None:
    severity, ring = Severity(1), Ring()
    hear(severity, ring, [1] * 20 * DAY)
    usual, tall = 90 + 4, 90 + 4 + 10 * 90
    assert spike(severity, ring, 91) == pytest.approx(tall / usual, rel=0.05)  # less what its own sums weigh


def test_the_same_spike_is_less_severe_on_a_busier_series() -> None:
    quiet, busy = (lived("same", rate, 5) for rate in (0.1, 3.0))
    assert spike(*quiet, 6) > 2 * spike(*busy, 6)


def test_a_spike_is_told_once_when_it_stops_growing() -> None:
    severity, ring = lived("once", 1.0, 5)
    said = hear(severity, ring, [40] * 10 + [1] * 3 * HOUR)
    assert [i for i, severe in enumerate(said) if severe] == [2]


def test_after_a_peak_only_a_taller_one_counts_and_that_fades_in_hours() -> None:
    scores = []
    for quiet, tall in ((90, 40), (90, 120), (6 * HOUR, 40)):
        severity, ring = lived("again", 1.0, 3)
        first = spike(severity, ring, 40)
        hear(severity, ring, [1] * quiet)
        scores.append(spike(severity, ring, tall) / first)
    assert scores[0] == 0.0
    assert scores[1] > 1.5
    assert scores[2] > 0.7


def test_a_series_that_is_often_tall_is_seldom_severe() -> None:
    calm, wild = lived("often", 1.0, 5), lived("often", 1.0, 5)
    for _ in range(10):
        spike(*wild, 40)
        hear(*wild, [1] * 12 * HOUR)
        hear(*calm, [1] * (12 * HOUR + 20))
    assert spike(*wild, 40) < 0.7 * spike(*calm, 40)


def test_old_sums_fade() -> None:
    severity, ring = lived("fade", 8.0, 20)
    kept = severity.state()
    before = spike(severity, ring, 60)
    severity.load(kept)
    hear(severity, ring, steady("fade away", 0.5, 120 * DAY))
    assert spike(severity, ring, 60) > 3 * before


def test_fewer_than_four_reports_are_never_severe() -> None:
    severity, ring = lived("few", 0.0, 3)
    assert max(hear(severity, ring, [3] + [0] * 200)) == 0.0
    assert max(hear(severity, ring, [4] + [0] * 200)) > 1.9


@pytest.mark.parametrize("width", [1, 2.5, 5, 7, 15, 60])
def test_any_width_of_bucket_sees_the_same_spike(width: float) -> None:
    severity, ring = Severity(width), Ring()
    said = []
    for bucket in range(int(10 * DAY / width)):
        ring.push(round(width) + (1000 if bucket == int(8 * DAY / width) else 0), 0.0, 1.0, 1.0)
        if bucket % severity.every == 0:
            said.append(severity.step(ring))
    assert max(said) > 6
    assert sum(severe > 2.0 for severe in said) == 1


def test_a_restored_one_continues_bit_for_bit() -> None:
    severity, ring = lived("restore", 0.5, 3)
    hear(severity, ring, [20] * 5)
    other = Severity(1)
    other.load(severity.state())
    counts = steady("after", 1.0, DAY)
    twin = Ring()
    twin.unpack(ring.pack(40), 40)
    assert hear(severity, ring, counts) == hear(other, twin, counts)
    assert len(severity.state()) == 4
