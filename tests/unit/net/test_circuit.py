"""When a host is left alone, and when it is asked again."""

import pytest

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.net.circuit import FAILURES, FIRST_SECONDS, LIMIT_SECONDS, Circuit


def down(retry_after: float | None = None) -> SourceError:
    return SourceError("HTTP h: 503", state=HealthState.UNREACHABLE, reason="HTTP 503", retry_after=retry_after)


def wait(circuit: Circuit, now: float) -> float | None:
    """Seconds for which a request is refused, or None where it may go out."""
    try:
        circuit.enter(now)
    except SourceError as error:
        return error.retry_after
    return None


def broken(failures: int = FAILURES) -> Circuit:
    circuit = Circuit()
    for number in range(failures):
        circuit.enter(number)
        circuit.failed(down(), 0.0)
    return circuit


def test_a_few_failures_change_nothing() -> None:
    assert wait(broken(FAILURES - 1), 0.0) is None


def test_after_many_in_a_row_it_opens_and_lets_one_request_through() -> None:
    circuit = broken()
    assert wait(circuit, 10.0) == FIRST_SECONDS - 10.0
    assert wait(circuit, FIRST_SECONDS) is None
    assert wait(circuit, FIRST_SECONDS) == FIRST_SECONDS  # one is out already
    circuit.failed(down(), 40.0)
    assert wait(circuit, 40.0) == 2 * FIRST_SECONDS
    assert wait(circuit, 40.0 + 2 * FIRST_SECONDS) is None
    circuit.succeeded()
    assert [wait(circuit, 101.0) for _ in range(3)] == [None] * 3


def test_it_never_stays_open_for_long() -> None:
    circuit = Circuit()
    for _ in range(50):
        circuit.failed(down(), 0.0)
    assert wait(circuit, 0.0) == LIMIT_SECONDS


def test_a_request_that_was_given_up_leaves_the_next_one_its_turn() -> None:
    circuit = broken()
    assert wait(circuit, FIRST_SECONDS) is None
    circuit.left()
    assert wait(circuit, FIRST_SECONDS) is None


@pytest.mark.parametrize(("asked", "given"), [(90.0, 90.0), (86_400.0, 3600.0)])
def test_a_host_that_says_how_long_is_left_alone_for_so_long(asked: float, given: float) -> None:
    circuit = Circuit()
    circuit.failed(down(asked), 0.0)
    assert wait(circuit, 0.0) == given
    assert wait(circuit, given) is None
