import pytest

from bot.detect.ring import RING, Ring, share


def filled(buckets: int) -> Ring:
    ring = Ring()
    for i in range(buckets):
        ring.push(i % 3, 0.1 * (i % 7), 0.5 if i % 5 else 0.0, 1.0 + i % 2)
    return ring


def test_windows_are_differences_of_running_sums() -> None:
    ring = filled(1000)
    assert ring.reports[-1] - ring.reports[-1 - 60] == sum(i % 3 for i in range(940, 1000))
    expected = sum(0.1 * (i % 7) * (0.5 if i % 5 else 0.0) for i in range(940, 1000))
    assert ring.expected[-1] - ring.expected[-1 - 60] == pytest.approx(expected)


def test_it_keeps_a_bounded_number_of_buckets() -> None:
    assert RING <= len(filled(5000).counts) < 2 * RING


def test_a_change_moves_every_later_sum() -> None:
    ring = filled(500)
    before = ring.reports[-1] - ring.reports[-1 - 20], ring.expected[-1] - ring.expected[-1 - 20]
    rate, count = ring.rates[-11], ring.counts[-11]
    ring.change(10, count + 4, 1.0)
    assert ring.reports[-1] - ring.reports[-1 - 20] == before[0] + 4
    assert ring.expected[-1] - ring.expected[-1 - 20] == pytest.approx(before[1] + rate * 0.5)
    assert ring.reports[-1] - ring.reports[-1 - 10] == sum(ring.counts[-10:])


@pytest.mark.parametrize("most", [2, 70_000])
def test_packed_and_unpacked_it_goes_on_exactly(most: int) -> None:
    lag = 40
    ring, other = filled(777), Ring()
    ring.push(most, 0.1, 1.0, 1.0)
    other.unpack(ring.pack(lag), lag)
    for each in (ring, other):
        each.push(3, 0.3, 0.25, 1.5)
        each.change(100, 9, 1.0)
    assert other.expected[-RING:] == ring.expected[-RING:]
    assert other.counts[-RING:] == ring.counts[-RING:]
    assert other.seasons[-lag:] == ring.seasons[-lag:]
    assert other.exposures[-RING:] == ring.exposures[-RING:]


@pytest.mark.parametrize(
    ("exposure", "count", "kept"), [(1.0, 0, 1.0), (7.0, 0, 1.0), (-1.0, 0, 0.0), (0.5, 2, 0.5), (0.0, 2, 1.0)]
)
def test_exposure_is_a_share_and_what_was_heard_was_heard(exposure: float, count: int, kept: float) -> None:
    assert share(exposure, count) == kept
