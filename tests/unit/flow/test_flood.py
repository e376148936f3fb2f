"""How much of a flood is taken, and what the desk is told of the rest."""

from datetime import UTC, datetime, timedelta

from bot.domain.signals import Report
from bot.flow.flood import Flood

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def taken(
    flood: Flood,
    minute: float,
    many: int,
    *,
    authors: int = 1_000_000,
    operator: str = "orange",
    verified: bool = False,
) -> int:
    """Of so many reports, how many are taken."""
    at = NOW + minute * MINUTE
    return sum(
        flood.takes(Report("s", f"{n}", operator, f"{minute}/{n % authors}", at, at, verified=verified), at)
        for n in range(many)
    )


def news(flood: Flood, minute: float) -> list[tuple[str, int]]:
    return [(operator, dropped) for operator, _, dropped in flood.news(NOW + minute * MINUTE)]


def test_a_hundred_thousand_at_once_are_taken_and_a_flood_beyond_keeps_its_operator_loud() -> None:
    flood = Flood()
    assert taken(flood, 0, 100_000) == 100_000
    assert news(flood, 0) == []
    assert taken(flood, 0, 500) == 0
    assert [taken(flood, minute, 500) for minute in (1, 2, 3)] == [200, 200, 200]
    assert taken(flood, 3, 10, operator="sfr") == 10


def test_the_desk_hears_of_it_twice() -> None:
    flood = Flood()
    taken(flood, 0, 100_500)
    assert news(flood, 1) == [("orange", 0)]
    taken(flood, 1, 300)
    assert news(flood, 2) == news(flood, 10) == []
    assert news(flood, 11) == [("orange", 600)]
    assert news(flood, 12) == []
    taken(flood, 12, 3_000)
    assert news(flood, 13) == [("orange", 0)]


def test_one_loud_account_uses_up_nothing() -> None:
    flood = Flood()
    assert taken(flood, 0, 100_000, authors=1) == 100
    assert taken(flood, 0.5, 50_000) == 50_000
    assert news(flood, 1) == []
    at = NOW + 61 * MINUTE
    assert flood.takes(Report("s", "x", "orange", "0/0", at, at), at)


def test_what_an_editor_logs_is_always_taken() -> None:
    flood = Flood()
    taken(flood, 0, 100_500)
    assert taken(flood, 0, 3, verified=True) == 3


def test_a_clock_that_steps_backwards_gives_nothing_away() -> None:
    flood = Flood()
    taken(flood, 10, 100_000)
    assert taken(flood, 5, 10) == 0
    assert taken(flood, 6, 300) == 200
