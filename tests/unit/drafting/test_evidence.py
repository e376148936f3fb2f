"""The dozen posts an editor is shown must stand for all of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.places import Level, Place
from bot.domain.signals import Report
from bot.drafting import select_evidence

START = datetime(2023, 12, 5, 7, 5, tzinfo=UTC)
LILLE = Place("59350", Level.COMMUNE, "Lille", "59")
NANTES = Place("44109", Level.COMMUNE, "Nantes", "44")


def report(
    id_: str,
    minute: int,
    *,
    source: str = "bluesky",
    author: str = "",
    url: str | None = "https://bsky.app/1",
    places: tuple[Place, ...] = (),
    duplicate: bool = False,
) -> Report:
    when = START + timedelta(minutes=minute)
    return Report(source, id_, "orange", author or id_, when, when, places=places, url=url, duplicate=duplicate)


def ids(*reports: Report, limit: int = 12) -> list[str]:
    return [evidence.id for evidence in select_evidence(reports, limit)]


def test_the_earliest_comes_first() -> None:
    assert ids(report("b", 5), report("a", 0, url=None), report("c", 9))[0] == "a"


def test_every_source_is_heard_before_one_is_heard_twice() -> None:
    calls = [report("call", 30, source="lecteurs", url=None)]
    assert ids(*(report(f"p{n}", n) for n in range(9)), *calls, limit=2) == ["p0", "call"]


def test_links_then_new_places_then_distant_times() -> None:
    first = report("first", 0, places=(LILLE,))
    assert ids(first, report("mute", 50, url=None), report("link", 1), limit=2) == ["first", "link"]
    assert ids(first, report("far", 50, places=(LILLE,)), report("new", 1, places=(NANTES,)), limit=2) == [
        "first",
        "new",
    ]
    assert ids(first, report("near", 2), report("middle", 30), report("far", 60), limit=3) == ["first", "far", "middle"]


def test_an_author_speaks_once_and_a_copy_last() -> None:
    assert ids(report("one", 0, author="a"), report("two", 5, author="a"), report("copy", 9, duplicate=True)) == [
        "one",
        "copy",
    ]


REPORTS = st.lists(
    st.builds(
        report,
        st.uuids().map(str),
        st.integers(0, 90),
        source=st.sampled_from(["x", "bluesky", "lecteurs"]),
        author=st.sampled_from("abcdefghijklmnopqrstuvwxyz"),
        url=st.none() | st.just("https://example.org/1"),
        places=st.sampled_from([(), (LILLE,), (NANTES,)]),
        duplicate=st.booleans(),
    ),
    max_size=40,
)


@given(REPORTS, st.randoms(use_true_random=False), st.integers(0, 12))
def test_the_order_they_come_in_is_irrelevant(reports: list[Report], random: object, limit: int) -> None:
    shuffled = list(reports)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis's own Random
    chosen = select_evidence(reports, limit)
    assert chosen == select_evidence(shuffled, limit)
    assert len(chosen) == min(limit, len({report.author for report in reports}))
