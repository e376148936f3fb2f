from collections.abc import Iterable

import pytest

from bot.detect.pace import DOUBT_STEPS, STEPS, Pace
from tests.unit.detect.streams import DAY, HOUR, steady


def after(*stretches: tuple[float, int], usual: float = 0.5, pace: Pace | None = None) -> Pace:
    """A pace after stretches of (evenly spread reports a minute, minutes)."""
    pace = pace or Pace(1)
    for per_minute, minutes in stretches:
        for _ in range(minutes // pace.every):
            pace.learn(per_minute * pace.every, usual * pace.every)  # type: ignore[arg-type]
    return pace


def test_an_ordinary_time_is_not_busy() -> None:
    for pace in (Pace(1), after((0.5, DAY)), after((0.0, DAY)), after((0.3, 6 * HOUR))):
        assert pace.busy == pytest.approx(1.0, abs=0.05)


def test_more_than_usual_for_a_while_is_busy_and_half_an_hour_is_enough() -> None:
    assert after((0.5, DAY), (2.0, 10)).busy < 2.0
    assert after((0.5, DAY), (2.0, 30)).busy > 2.0
    assert after((0.5, DAY), (2.0, 3 * HOUR)).busy == pytest.approx(4.0, abs=0.4)


def test_it_is_forgotten_within_the_day() -> None:
    busy = after((0.5, DAY), (2.0, 4 * HOUR))
    assert after((0.5, 2 * HOUR), pace=busy).busy > 1.2
    assert after((0.5, 2 * DAY), pace=busy).busy < 1.15


def test_an_outage_that_begins_is_not_its_own_yardstick() -> None:
    pace = Pace(1)
    assert pace.lag >= 4
    assert after((0.1, DAY), (2.0, 6), usual=0.1).busy < 4.0


def test_few_reports_say_little() -> None:
    few, many = (after((2 * usual, HOUR), usual=usual) for usual in (0.01, 1.0))
    assert few.busy < 1.6
    assert many.busy > 1.9
    assert few.doubt > many.doubt


def test_what_becomes_known_late_counts_as_if_it_had_come_in_time() -> None:
    def run(pace: Pace, counts: list[int], late: dict[int, int]) -> float:
        for i, count in enumerate(counts):
            pace.learn(count, 1.5)
            for past, extra in late.items():
                if i == past + 3:
                    pace.amend(extra, 0.0, 3)
        return pace.busy

    in_time, late = [1, 2, 5, 6, 4, 3, 2, 2, 2, 2], [1, 2, 0, 0, 0, 3, 2, 2, 2, 2]
    assert run(Pace(1), late, {2: 5, 3: 6, 4: 4}) == run(Pace(1), in_time, {}) > run(Pace(1), late, {})


def test_an_hour_nobody_heard_changes_nothing_but_what_fades() -> None:
    busy = after((0.5, DAY), (2.0, 3 * HOUR)).busy
    assert after((0.5, DAY), (2.0, 3 * HOUR), pace=Pace(1)).busy == busy
    deaf = after((0.5, DAY), (2.0, 3 * HOUR))
    for _ in range(20):
        deaf.learn(0, 0.0)
    assert 1.0 < deaf.busy <= busy


def test_when_what_is_usual_is_learned_anew_the_past_is_judged_by_it() -> None:
    pace = after((2.0, 5 * HOUR))
    pace.rescale(4.0)
    pace.learn(6, 6.0)
    assert pace.busy == pytest.approx(1.0, abs=0.05)


def test_it_has_a_bound_and_is_kept_in_steps() -> None:
    assert after((50.0, HOUR)).busy == 8.0
    pace = after((0.83, 2 * HOUR))
    assert pace.busy * STEPS == round(pace.busy * STEPS)
    assert pace.doubt * DOUBT_STEPS == pytest.approx(round(pace.doubt * DOUBT_STEPS))


@pytest.mark.parametrize(("width", "every", "lag"), [(0.5, 6, 8), (1, 3, 4), (5, 1, 1), (60, 1, 1)])
def test_other_widths_take_as_much_time(width: float, every: int, lag: int) -> None:
    pace = Pace(width)
    assert (pace.every, pace.lag) == (every, lag)


def test_saved_and_loaded_it_goes_on_the_same() -> None:
    def run(pace: Pace, counts: Iterable[int]) -> list[tuple[float, float]]:
        found = []
        for count in counts:
            pace.learn(count, 0.5)
            found.append((pace.busy, pace.doubt))
        return found

    pace, again = Pace(1), Pace(1)
    run(pace, steady("pace", 1.0, 100))
    again.load(pace.state())
    assert run(pace, steady("more", 1.0, 100)) == run(again, steady("more", 1.0, 100))
