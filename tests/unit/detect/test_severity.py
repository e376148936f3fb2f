import pytest

from bot.detect.ring import Ring
from bot.detect.severity import Severity
from tests.unit.detect.streams import DAY, HOUR, steady


def lived(seed: str, rate: float, days: int) -> tuple[Severity, Ring]:
    severity, ring = Severity(1), Ring()
    for minute, count in enumerate(steady(seed, rate, days * DAY)):
        ring.push(count, rate, 1.0, 1.0)
        if minute % severity.every == 0:
            severity.learn(ring)
        if minute % HOUR == 0:
            severity.pass_time(HOUR)
    return severity, ring


def after(ring: Ring, severity: Severity, counts: list[int], rate: float) -> float:
    for count in counts:
        ring.push(count, rate, 1.0, 1.0)
    return severity.score(ring)


def test_an_ordinary_half_hour_has_no_severity_and_a_taller_spike_has_more() -> None:
    scores = []
    for tall in (1, 5, 20, 80):
        severity, ring = lived("tall", 1.0, 5)
        scores.append(after(ring, severity, [tall] * 10, 1.0))
    assert scores[0] == 0.0
    assert scores == sorted(scores)
    assert scores[2] > 1.7
    assert scores[3] > scores[2] + 1


def test_the_same_spike_is_less_severe_on_a_busier_series() -> None:
    quiet, busy = (lived("same", rate, 5) for rate in (0.1, 3.0))
    assert after(quiet[1], quiet[0], [6] * 10, 0.1) > after(busy[1], busy[0], [6] * 10, 3.0)


def test_after_an_alarm_the_next_must_be_bigger_for_some_days() -> None:
    severity, ring = lived("lock", 1.0, 3)
    before = after(ring, severity, [40] * 10, 1.0)
    severity.lock()
    assert severity.score(ring) == pytest.approx(before - 0.3)
    for _ in range(15 * 24):
        severity.pass_time(HOUR)
    assert severity.score(ring) > before - 0.02


def test_what_was_expected_is_less_severe() -> None:
    scores = []
    for expected in (0.5, 6.0):
        severity, ring = lived("excess", 0.5, 5)
        scores.append(after(ring, severity, [8] * 10, expected))
    assert scores[1] < scores[0] - 0.2


def test_old_sums_fade() -> None:
    severity, ring = lived("fade", 8.0, 20)
    assert severity._start[0] > 60
    for minute, count in enumerate(steady("fade away", 0.5, 120 * DAY)):
        ring.push(count, 0.5, 1.0, 1.0)
        if minute % severity.every == 0:
            severity.learn(ring)
    severity.pass_time(HOUR)
    assert severity._start[0] < 20


def test_fewer_than_four_reports_are_never_severe() -> None:
    severity, ring = Severity(1), Ring()
    assert after(ring, severity, [3], 0.001) == 0.0
    assert after(ring, severity, [1], 0.001) > 0.0
