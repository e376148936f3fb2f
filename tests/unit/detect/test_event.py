import pytest

from bot.detect.event import Event
from bot.detect.threshold import TAIL_START, Belief, Tail

LEVEL = 0.05
HIGH = TAIL_START + 10.0
"""A peak far above what the cap lets through."""


def ended(belief: Belief | None = None, *, raised: bool = True) -> tuple[Event, Tail]:
    """An event that is over, and the tail it taught."""
    event, tail = Event(), Tail(LEVEL)
    if belief:
        event.believe(tail, belief)
    event.peak, event.raised = HIGH, raised
    event.end(tail)
    return event, tail


def test_an_event_nobody_has_judged_teaches_its_peak_up_to_a_cap() -> None:
    _, tail = ended()
    other = Tail(LEVEL)
    other.learn(other.height(HIGH))
    assert tail.state() == other.state()
    assert tail.excess < 1.3 * Tail(LEVEL).excess


def test_a_dismissed_event_teaches_its_whole_height() -> None:
    _, capped = ended()
    _, whole = ended("dismissed")
    assert whole.peaks_per_day == capped.peaks_per_day
    assert whole.excess > capped.excess + 0.3
    assert whole.return_days(7.0) < capped.return_days(7.0)


def test_a_confirmed_event_teaches_nothing() -> None:
    _, tail = ended("confirmed")
    assert tail.state() == Tail(LEVEL).state()


@pytest.mark.parametrize("belief", ["suspected", "confirmed", "dismissed"])
@pytest.mark.parametrize("before", ["suspected", "confirmed", "dismissed"])
def test_a_decision_after_the_event_is_as_good_as_one_before(before: Belief, belief: Belief) -> None:
    event, tail = ended(before)
    event.believe(tail, belief)
    assert tail.state() == pytest.approx(ended(belief)[1].state())


def test_what_has_faded_is_taken_back_as_faded() -> None:
    event, tail = ended("dismissed")
    event.fade(tail.pass_time(45.0, LEVEL))
    event.believe(tail, "confirmed")
    untaught = Tail(LEVEL)
    untaught.pass_time(45.0, LEVEL)
    assert tail.state() == pytest.approx(untaught.state())


def test_once_its_episode_is_over_a_decision_is_about_the_next_one() -> None:
    event, tail = ended()
    taught = tail.state()
    event.settle()
    event.believe(tail, "dismissed")
    assert tail.state() == taught
    assert event.belief == "dismissed"


def test_a_cluster_without_an_alarm_is_learned_whatever_is_believed() -> None:
    _, tail = ended("confirmed", raised=False)
    assert tail.state() == ended("suspected", raised=False)[1].state()
    assert tail.peaks_per_day > Tail(LEVEL).peaks_per_day


@pytest.mark.parametrize("belief", ["suspected", "confirmed", "dismissed"])
def test_saved_and_loaded_it_goes_on_the_same(belief: Belief) -> None:
    event, tail = ended(belief)
    again, other = Event(), Tail(LEVEL)
    again.load(event.state())
    other.load(tail.state())
    for one, its in ((event, tail), (again, other)):
        one.believe(its, "dismissed")
        one.fade(its.pass_time(1.0, LEVEL))
        one.believe(its, "suspected")
    assert other.state() == tail.state()
    assert again.state() == event.state()
