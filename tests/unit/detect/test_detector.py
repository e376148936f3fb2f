import random  # noqa: TID251 - tests make their own streams, from a seed
import time

import pytest

from bot.detect import Detector, Verdict
from bot.detect.baseline import DEFAULT_DAY
from bot.detect.ring import RING
from tests.unit.detect.streams import (
    DAY,
    HOUR,
    MONDAY,
    MONTH,
    PARIS_CALENDAR,
    UTC_CALENDAR,
    feed,
    poisson,
    raises,
    ramp,
    steady,
)

SHARE = 1 / 20
"""One of twenty series' part of a budget of one false alarm a month."""


def detector() -> Detector:
    return Detector(UTC_CALENDAR)


def lived(seed: str, rate: float = 0.2, days: int = 3) -> Detector:
    """A detector after some ordinary days, at noon, without an alarm."""
    made = detector()
    feed(made, steady(seed, rate, days * DAY + 12 * HOUR), MONDAY, budget=0.0)
    assert not made.alarm
    return made


# --- one event -----------------------------------------------------------------------------------------------------


def test_a_spike_is_raised_once_stays_open_and_clears_after_thirty_calm_minutes() -> None:
    made = lived("event")
    verdicts = feed(made, [3] * 20 + [0] * 120)
    states = [verdict.state for verdict in verdicts]
    assert states.count("raise") == 1
    assert states.count("clear") == 1
    raised, cleared = states.index("raise"), states.index("clear")
    assert raised < 10
    assert set(states[raised + 1 : cleared]) == {"open"}
    assert set(states[:raised] + states[cleared + 1 :]) == {""}
    last = max(i for i, verdict in enumerate(verdicts) if verdict.return_days is not None)
    assert cleared == last + 30
    assert not made.alarm


def test_a_second_wave_does_not_raise_again_while_the_event_is_open() -> None:
    verdicts = feed(lived("waves"), [3] * 15 + [0] * 10 + [5] * 15)
    assert len(raises(verdicts)) == 1
    assert verdicts[-1].above
    assert verdicts[-1].state == "open"


def test_the_verdict_names_the_window_and_what_was_usual_in_it() -> None:
    [raised] = raises(feed(lived("window"), [3] * 20))
    assert raised.window_end == raised.bucket
    assert raised.window_count >= 4
    assert 0 < raised.window_expected < raised.window_count
    assert raised.count == 3
    assert raised.expected == pytest.approx(0.3, abs=0.15)
    assert raised.score > 2.5
    assert raised.return_days is not None
    assert raised.return_days >= 30


def test_a_raise_is_what_the_budget_allows() -> None:
    delays = []
    for budget in (10.0, 1.0, 0.1, 0.01):
        verdicts = feed(lived("budget"), ramp(5.0, 60), budget=budget)
        [raised] = raises(verdicts)
        assert raised.return_days is not None
        assert raised.return_days * budget >= 30
        delays.append(verdicts.index(raised))
    assert delays == sorted(delays)
    assert delays[0] < delays[-1]
    assert not raises(feed(lived("budget"), ramp(5.0, 60), budget=0.0))


def test_below_four_reports_there_is_no_score() -> None:
    verdicts = feed(detector(), [0] * HOUR + [3, 0, 0, 1], MONDAY + 3 * HOUR)
    assert {verdict.score for verdict in verdicts[:-1]} == {0.0}
    assert verdicts[-1].score > 0


def test_buckets_come_in_order() -> None:
    made = lived("order")
    assert made.last_bucket is not None
    with pytest.raises(ValueError, match="not after the last one"):
        made.step(made.last_bucket, 0, 1.0, 1.0)


def test_expected_now_is_the_rate_of_a_fully_heard_bucket() -> None:
    assert detector().expected_now() == 0.05
    made = lived("now")
    assert made.last_bucket is not None
    verdict = made.step(made.last_bucket + 1, 0, 0.5, 1.0)
    assert made.expected_now() == pytest.approx(2 * verdict.expected)
    assert made.expected_now() == pytest.approx(0.28, abs=0.14)


# --- cold start ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize(("rate", "within"), [(1.0, 13), (2.0, 6)])
def test_an_outage_after_one_quiet_hour_is_raised_from_nothing(hour: int, rate: float, within: int) -> None:
    made = Detector(PARIS_CALENDAR, prior_reports=100.0)
    feed(made, [0] * HOUR, MONDAY + hour * HOUR, budget=SHARE)
    assert raises(feed(made, ramp(rate, within), budget=SHARE))


def quiet_newsroom(seed: int) -> list[int]:
    """Three months of about 1,250 posts by day, and every other day three to five more within an hour."""
    rng = random.Random(f"newsroom {seed}")
    counts = [0] * (3 * MONTH)
    for day in range(90):
        for _ in range(poisson(rng, 12)):
            counts[day * DAY + rng.randrange(8 * HOUR, 23 * HOUR)] += 1
        if day % 2:
            begin = day * DAY + rng.randrange(8 * HOUR, 22 * HOUR)
            for _ in range(rng.randint(3, 5)):
                counts[begin + rng.randrange(HOUR)] += 1
    return counts


@pytest.mark.slow
def test_quiet_months_with_small_clusters_keep_to_their_share_of_the_budget() -> None:
    # twelve times three months at one false alarm in 600 days
    alarms = [raises(feed(Detector(PARIS_CALENDAR), quiet_newsroom(seed), MONDAY, budget=SHARE)) for seed in range(12)]
    assert sum(map(bool, alarms)) <= 2
    assert sum(map(len, alarms)) <= 3


@pytest.mark.parametrize("wrong", [0.25, 4.0])
def test_a_prior_four_times_wrong_is_no_alarm(wrong: float) -> None:
    made = Detector(UTC_CALENDAR, prior_per_minute=0.2 * wrong)
    rng = random.Random("prior")
    day = [poisson(rng, 0.2 * DEFAULT_DAY[minute // HOUR % 24]) for minute in range(3 * DAY)]
    assert not raises(feed(made, day, MONDAY, budget=SHARE))


# --- what is learned -----------------------------------------------------------------------------------------------


def test_an_event_is_not_learned_for_six_hours_and_then_it_is() -> None:
    made = lived("freeze", 0.2, 5)
    usual = made.expected_now()
    feed(made, [8] * (5 * HOUR + 50))
    assert made.alarm
    assert made.expected_now() == pytest.approx(usual, rel=0.5)
    feed(made, [8] * (4 * HOUR))
    assert made.expected_now() > 3 * usual


def test_the_minutes_before_the_raise_are_not_learned_either() -> None:
    made = lived("before")
    usual = made.expected_now()
    feed(made, ramp(2.0, 30) + [0] * 30)
    assert made.expected_now() == pytest.approx(usual, rel=0.2)


def test_a_bucket_is_learned_when_it_is_forty_minutes_old() -> None:
    busy, calm = lived("lag"), lived("lag")
    before = calm._baseline.state()
    feed(busy, [0] * 10 + [1] + [0] * 39, budget=0.0)
    feed(calm, [0] * 50, budget=0.0)
    assert busy._baseline.state() == calm._baseline.state() != before
    feed(busy, [0], budget=0.0)
    feed(calm, [0], budget=0.0)
    assert busy._baseline.state() != calm._baseline.state()


def test_the_tail_learns_a_cluster_once_a_quiet_hour_has_ended_it() -> None:
    made = lived("tail")
    before = made._tail.peaks_per_day
    feed(made, [4, 4, 0, 0, 4] + [0] * (2 * HOUR))
    assert made._tail.peaks_per_day == pytest.approx(before + 1 / (20 + 3), rel=0.1)


@pytest.mark.slow
def test_it_calibrates_itself_to_a_months_budget() -> None:
    alarms = 0
    for seed in range(4):
        made = Detector(UTC_CALENDAR, prior_per_minute=0.2)
        alarms += len(raises(feed(made, steady(f"calibrated {seed}", 0.2, MONTH), MONDAY)))
    assert alarms <= 6


def test_quiet_weeks_make_a_peak_rarer() -> None:
    made = detector()
    before = made._tail.peaks_per_day
    feed(made, [0] * (20 * DAY), MONDAY)
    assert made._tail.peaks_per_day < 0.6 * before


def test_severity_is_small_on_an_ordinary_day_and_tells_an_event_once() -> None:
    made = lived("severity", 5.0)
    ordinary = feed(made, steady("ordinary", 5.0, 6 * HOUR), budget=0.0)
    assert max(verdict.severity for verdict in ordinary) < 1.6
    event = feed(made, [40] * 10 + [5] * (3 * HOUR), budget=0.0)
    assert [round(verdict.severity, 1) for verdict in event if verdict.severity] == [1.8]


# --- gaps ----------------------------------------------------------------------------------------------------------


def test_a_dead_source_is_neither_calm_nor_a_surge() -> None:
    made = lived("gap", 0.5, 5)
    usual = made._baseline.level
    assert made.last_bucket is not None
    verdicts = feed(made, steady("after the gap", 0.5, HOUR), made.last_bucket + 8 * HOUR)
    assert not raises(verdicts)
    assert made._baseline.level == pytest.approx(usual, rel=0.03)


def test_skipped_buckets_are_unheard_ones() -> None:
    skipping, told = lived("skip"), lived("skip")
    assert told.last_bucket is not None
    feed(told, [0] * 100, exposure=0.0)
    verdict = skipping.step(told.last_bucket + 1, 2, 1.0, 1.0)
    assert told.step(told.last_bucket + 1, 2, 1.0, 1.0) == verdict
    assert told.snapshot() == skipping.snapshot()


def test_unheard_minutes_do_not_clear_an_event() -> None:
    made = lived("blind")
    feed(made, [4] * 15)
    feed(made, [0] * 200, exposure=0.0)
    assert made.alarm
    feed(made, [0] * 29)
    assert made.alarm
    feed(made, [0])
    assert not made.alarm


def test_a_gap_of_ages_takes_no_time() -> None:
    made = lived("ages")
    assert made.last_bucket is not None
    begun = time.process_time()
    made.step(made.last_bucket + 100_000_000, 1, 1.0, 1.0)
    assert time.process_time() - begun < 0.1


def test_a_back_log_fills_the_gap_without_an_alarm() -> None:
    made = lived("backlog", 0.5, 5)
    gap = feed(made, [0] * (2 * HOUR), exposure=0.0)
    feed(made, [0])
    late = steady("late", 0.5, 2 * HOUR)
    answers = [made.amend(verdict.bucket, count, 1.0, 1.0) for verdict, count in zip(gap, late, strict=True)]
    assert all(answer is not None and answer.state == "" for answer in answers)
    assert sum(answer.expected for answer in answers if answer) == pytest.approx(sum(late), rel=0.5)


# --- late posts ----------------------------------------------------------------------------------------------------


def test_a_polled_source_can_raise_by_amendments_alone() -> None:
    made = lived("polled")
    buckets = [verdict.bucket for verdict in feed(made, [0] * 15)]
    answers = [made.amend(bucket, 3, 1.0, 1.0) for bucket in buckets]
    [raised] = raises(answer for answer in answers if answer)
    assert made.alarm
    assert buckets[0] <= raised.bucket <= raised.window_end <= buckets[-1]
    assert raised.window_count <= 3 * 15
    after = [answer.state for answer in answers[answers.index(raised) + 1 :] if answer]
    assert set(after) == {"open"}


def test_late_reports_may_raise_a_window_that_ended_before_now() -> None:
    made = lived("past")
    buckets = [verdict.bucket for verdict in feed(made, [0] * 100)]
    answers = [made.amend(bucket, 4, 1.0, 1.0) for bucket in buckets[10:20]]
    [raised] = raises(answer for answer in answers if answer)
    assert raised.window_end < buckets[-60]
    assert feed(made, [0])[0].state == "clear"


def test_an_event_raised_late_counts_its_calm_from_when_it_was() -> None:
    made = lived("late calm")
    buckets = [verdict.bucket for verdict in feed(made, [0, 0, 1] * 20)]
    answer = made.amend(buckets[-21], 6, 1.0, 1.0)
    assert answer is not None
    assert answer.state == "raise"
    states = [verdict.state for verdict in feed(made, [0] * 30)]
    assert 8 <= states.index("clear") <= 20


def test_an_amendment_gives_the_total_and_replaces_exposure() -> None:
    made = lived("total")
    [bucket] = [verdict.bucket for verdict in feed(made, [2], exposure=0.5)]
    first, again = (made.amend(bucket, 3, 1.0, 1.0) for _ in range(2))
    assert first is not None
    assert first == again
    assert first.count == 3
    assert first.expected == made.expected_now()


def test_an_amendment_teaches_only_what_was_not_learned_yet() -> None:
    made, in_time = lived("late"), lived("late")
    old = feed(made, [0, 0] + [0] * 50)[0].bucket
    feed(in_time, [0, 0] + [0] * 50)
    made.amend(old, 3, 1.0, 1.0)  # older than forty minutes: learned already
    feed(made, [0] * HOUR)
    feed(in_time, [0] * HOUR)
    assert made._baseline.state() == in_time._baseline.state()


def test_an_amendment_in_time_leaves_nothing_but_the_same_state() -> None:
    made, in_time = lived("in time"), lived("in time")
    bucket = feed(made, [0, 1, 0, 0, 1])[1].bucket
    feed(in_time, [0, 2, 0, 0, 1])
    made.amend(bucket, 2, 1.0, 1.0)
    assert feed(made, [0] * 200) == feed(in_time, [0] * 200)
    assert made._baseline.state() == in_time._baseline.state()


def test_what_is_not_kept_or_not_closed_cannot_be_amended() -> None:
    made = lived("kept")
    assert made.last_bucket is not None
    assert detector().amend(MONDAY, 3, 1.0, 1.0) is None
    assert made.amend(made.last_bucket + 1, 3, 1.0, 1.0) is None
    assert made.amend(made.last_bucket - (RING - 60), 3, 1.0, 1.0) is None
    assert made.amend(made.last_bucket - (RING - 61), 3, 1.0, 1.0) is not None


# --- state ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.04, 1.0, 200.0])
def test_the_state_of_a_series_is_at_most_five_kilobytes(rate: float) -> None:
    rng = random.Random(f"size {rate}")
    made = detector()
    feed(made, [round(abs(rng.gauss(rate, rate))) for _ in range(3 * DAY)], MONDAY)
    assert len(made.snapshot()) <= 5 * 1024


@pytest.mark.parametrize(
    "data", [b"", b"\x07" + bytes(40), lived("cut").snapshot()[:-200], lived("cut").snapshot()[:-1]]
)
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="detector snapshot"):
        Detector.restore(UTC_CALENDAR, data)


def test_other_widths_keep_the_same_hours() -> None:
    made = Detector(UTC_CALENDAR, width_minutes=5)
    verdicts: list[Verdict] = [
        made.step(MONDAY + 5 * i, count, 1.0, 1.0) for i, count in enumerate([*steady("five", 1.0, 3 * 288), *[12] * 8])
    ]
    assert verdicts[-1].state in {"raise", "open"}
    assert verdicts[-1].window in {1, 2, 4, 6, 9, 12}
    assert sum(verdict.expected for verdict in verdicts[576:864]) == pytest.approx(288, rel=0.2)
