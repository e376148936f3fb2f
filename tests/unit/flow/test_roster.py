"""What the roster says of a source's health, and what it tells the desk, minute by minute."""

from datetime import UTC, datetime, timedelta

from bot.domain.signals import Health, HealthState
from bot.flow.roster import Roster

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def check(roster: Roster, source: str, minute: float, state: HealthState = HealthState.OK, reason: str = "") -> Health:
    health = roster.judged(Health(source, state, NOW + minute * MINUTE, reason=reason or None))
    roster.note(health)
    return health


def told(roster: Roster, minute: float, *, deaf: bool = False) -> list[tuple[str, str]]:
    return [(trouble.kind, trouble.source) for trouble in roster.troubles(NOW + minute * MINUTE, deaf=deaf)]


def talkative(roster: Roster, source: str, silences: int, minutes: float) -> float:
    """It says something every so many minutes; the minute it is then."""
    for number in range(silences + 1):
        roster.heard(source, NOW + number * minutes * MINUTE)
        check(roster, source, number * minutes)
    return silences * minutes


def test_a_state_has_a_beginning_a_last_good_answer_and_a_reason() -> None:
    roster = Roster([("page", "page")])
    check(roster, "page", 0)
    check(roster, "page", 5)
    (status,) = roster.statuses()
    assert (status.since, status.last_ok, status.last_error) == (NOW, NOW + 5 * MINUTE, None)
    check(roster, "page", 10, HealthState.UNREACHABLE, "HTTP 503")
    check(roster, "page", 11, HealthState.UNREACHABLE, "HTTP 503")
    (status,) = roster.statuses()
    assert (status.since, status.last_ok, status.last_error) == (NOW + 10 * MINUTE, NOW + 5 * MINUTE, "HTTP 503")


def test_a_source_silent_for_twice_as_long_as_ever_is_stale_until_it_speaks() -> None:
    roster = Roster([("crowd", "bluesky")])
    end = talkative(roster, "crowd", 260, 40)
    assert check(roster, "crowd", end + 79).state is HealthState.OK
    stale = check(roster, "crowd", end + 81)
    assert stale.state is HealthState.STALE
    assert stale.reason == "répond, mais ne dit plus rien ; jamais plus de 1 h jusqu’ici"
    assert told(roster, end + 82) == []
    assert told(roster, end + 92) == [("down", "crowd")]
    roster.heard("crowd", NOW + (end + 95) * MINUTE)
    assert check(roster, "crowd", end + 95).state is HealthState.OK
    assert told(roster, end + 95) == [("back", "crowd")]


def test_too_little_is_known_of_a_new_source_to_call_it_stale() -> None:
    roster = Roster([("crowd", "bluesky")])
    end = talkative(roster, "crowd", 40, 40)
    assert check(roster, "crowd", end + 6000).state is HealthState.OK


def test_a_busy_day_does_not_tell_how_long_a_night_is() -> None:
    roster = Roster([("crowd", "bluesky")])
    end = talkative(roster, "crowd", 200, 4)
    assert check(roster, "crowd", end + 600).state is HealthState.OK


def test_nobody_need_write_to_an_open_door() -> None:
    roster = Roster([("door", "readers")])
    end = talkative(roster, "door", 260, 40)
    assert check(roster, "door", end + 6000).state is HealthState.OK


def test_what_a_source_could_not_say_while_it_failed_is_no_silence() -> None:
    roster = Roster([("crowd", "bluesky")])
    end = talkative(roster, "crowd", 260, 40)
    check(roster, "crowd", end + 10, HealthState.UNREACHABLE)
    assert check(roster, "crowd", end + 300).state is HealthState.OK


def test_a_restart_remembers_how_long_a_silence_may_be() -> None:
    before = Roster([("crowd", "bluesky")])
    end = talkative(before, "crowd", 260, 40)
    after = Roster([("crowd", "bluesky")])
    after.restore(check(before, "crowd", end))
    after.heard("crowd", NOW + end * MINUTE)
    assert check(after, "crowd", end + 79).state is HealthState.OK
    assert check(after, "crowd", end + 81).state is HealthState.STALE


def test_blind_is_when_every_source_that_was_tried_fails_also_without_any_that_hears_people() -> None:
    roster = Roster([("page", "page"), ("feed", "feed"), ("never", "feed")])
    check(roster, "page", 0, HealthState.UNREACHABLE)
    check(roster, "feed", 0)
    assert told(roster, 0) == []
    check(roster, "feed", 1, HealthState.FAILING)
    assert told(roster, 1) == []
    assert told(roster, 3) == [("blind", "")]
    assert told(roster, 4) == []
    check(roster, "page", 5)
    assert told(roster, 5) == [("sight", "")]


def test_deaf_to_people_while_pages_answer_is_said_otherwise() -> None:
    roster = Roster([("crowd", "bluesky"), ("page", "page")])
    check(roster, "crowd", 0, HealthState.UNREACHABLE)
    check(roster, "page", 0)
    assert told(roster, 0, deaf=True) == []
    assert told(roster, 2, deaf=True) == [("deaf", "")]


def test_a_pause_is_our_own_decision_and_no_blindness() -> None:
    roster = Roster([("x", "x")])
    check(roster, "x", 0, HealthState.PAUSED, "plafond du jour atteint")
    assert told(roster, 0) == [("down", "x")]
    assert told(roster, 5) == []
