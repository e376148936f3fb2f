"""The scenario format to the letter, and the source that lives it again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.clock import ManualClock
from bot.domain.incidents import Action, Decision
from bot.domain.operators import Service
from bot.domain.signals import EntryState, Health, HealthState, Mention, StatusEntry, Tally
from bot.errors import InputError, SourceError
from bot.ports import Http, Reading, SourceDeps
from sources.replay import Line, ReplaySource, Settings, create, parse, parse_file, scenario_path

AT = datetime(2023, 12, 5, 7, 10, tzinfo=UTC)
EVERY_KIND = Path("tests/data/scenarios/every-kind.jsonl")


def line(rest: str, at: str = "2023-12-05T07:10:00Z") -> str:
    return f'{{"at": "{at}", {rest}}}'


MENTION = line('"mention": {"id": "1", "author": "a", "text": "plus de mails"}')


def one(text: str) -> Line:
    (found,) = parse([text], "s")
    return found


def test_a_mention_takes_its_defaults_from_its_line() -> None:
    assert one(MENTION) == Line(AT, Mention("scenario", "1", "a", "plus de mails", AT, AT), 1)


def test_a_mention_keeps_all_that_it_gives() -> None:
    event = one(
        line(
            '"mention": {"id": "1", "author": "a", "text": "t", "url": "https://x.test/1", "operator_hint": "orange",'
            ' "source": "bluesky", "published_at": "2023-12-05T08:09:00+01:00"}'
        )
    ).event
    assert event == Mention(
        "bluesky", "1", "a", "t", AT - timedelta(minutes=1), AT, url="https://x.test/1", operator_hint="orange"
    )


def test_a_status_entry_comes_from_the_operators_own_channel() -> None:
    event = one(
        line(
            '"status": {"operator": "orange", "id": "7", "title": "Incident", "body": "b", "state": "identified",'
            ' "services": ["mail", "web"], "area": "Grand Est", "url": "https://o.test",'
            ' "published_at": "2023-12-05T07:00:00"}'
        )
    ).event
    assert event == StatusEntry(
        source="status:orange",
        operator="orange",
        id="7",
        title="Incident",
        state=EntryState.IDENTIFIED,
        published_at=AT - timedelta(minutes=10),
        seen_at=AT,
        body="b",
        services=(Service.MAIL, Service.WEB),
        area="Grand Est",
        url="https://o.test",
    )


def test_a_tally() -> None:
    event = one(
        line(
            '"tally": {"operator": "orange", "start": "2023-12-05T06:55:00Z", "seconds": 900, "count": 3,'
            ' "source": "x"}'
        )
    ).event
    assert event == Tally("x", "orange", AT - timedelta(minutes=15), 900, 3, AT)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ('"state": "ok"', HealthState.OK),
        ('"state": "unreadable"', HealthState.UNREADABLE),
        ('"ok": true', HealthState.OK),
        ('"ok": false', HealthState.UNREACHABLE),
    ],
)
def test_health_is_a_state_or_a_yes_and_no(given: str, state: HealthState) -> None:
    event = one(line(f'"health": {{"source": "page", "operator": "orange", {given}, "reason": "r"}}')).event
    assert event == Health("page", state, AT, operator="orange", reason="r")


def test_a_decision() -> None:
    event = one(line('"decision": {"who": "Desk", "action": "edit", "incident": "i", "text": "t"}')).event
    assert event == Decision("Desk", Action.EDIT, AT, incident="i", text="t")


def test_optional_keys_may_be_null() -> None:
    event = one(line('"mention": {"id": "1", "author": "a", "text": "t", "url": null, "published_at": null}')).event
    assert isinstance(event, Mention)
    assert event.url is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2023-12-05T07:10:00", AT),  # naive is UTC
        ("2023-12-05T08:10:00+01:00", AT),
        ("2023-12-05 07:10:00Z", AT),
        ("2023-12-05t07:10:00z", AT),
        ("2023-12-05T07:10:00.250Z", AT + timedelta(milliseconds=250)),
        ("2023-12-05T07:10:00-00:00", AT),
    ],
)
def test_times_are_rfc_3339(at: str, expected: datetime) -> None:
    found = one(line('"health": {"source": "p", "ok": true}', at=at))
    assert found.at == expected
    assert found.at.tzinfo is UTC


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    event = one(line(r'"mention": {"id": "1", "author": "a", "text": "plus rien \ud83d"}')).event
    assert isinstance(event, Mention)
    assert event.text == "plus rien \N{REPLACEMENT CHARACTER}"


BAD = [
    ("{", "s:1: not JSON: Input data was truncated"),
    ("[]", "s:1: line: expected object, got array"),
    (b"\xff", "s:1: not JSON: invalid character (byte 0)"),
    (line('"mention": {"id": 1, "author": "a", "text": "t"}'), "s:1: mention.id: expected str, got int"),
    (line('"mention": {"id": "", "author": "a", "text": "t"}'), "s:1: mention.id: expected str of length >= 1"),
    (line('"mention": {"id": "1", "text": "t"}'), "s:1: mention.author: missing"),
    (line('"mention": {"id": "1", "author": "a", "text": "t", "lang": "fr"}'), "s:1: mention.lang: unknown key"),
    (line('"mention": null'), "s:1: mention: expected object, got null"),
    (line('"note": "x"'), "s:1: note: unknown key"),
    ('{"mention": {"id": "1", "author": "a", "text": "t"}}', "s:1: at: missing"),
    (
        '{"at": "2023-12-05T07:10:00Z"}',
        "s:1: exactly one of mention, status, tally, health, decision is needed: got none",
    ),
    (
        line('"health": {"source": "p", "ok": true}, "decision": {"who": "w", "action": "hold"}'),
        "s:1: exactly one of mention, status, tally, health, decision is needed: got health and decision",
    ),
    (
        line('"health": {"source": "p", "ok": true}', at="hier"),
        "s:1: at: must be an RFC 3339 time, such as 2023-12-05T08:10:00Z",
    ),
    (line('"health": {"source": "p", "ok": true}', at="0001-01-01T00:00:00+01:00"), "s:1: at: out of range: "),
    (
        line('"health": {"source": "p", "state": "down"}'),
        "s:1: health.state: must be one of ok stale failing unreachable unreadable paused off, got down",
    ),
    (line('"health": {"source": "p"}'), "s:1: health.state: exactly one of state and ok is needed"),
    (line('"health": {"source": "p", "state": "ok", "ok": true}'), "s:1: health.state: exactly one of"),
    (
        line(
            '"status": {"operator": "o", "id": "1", "title": "t", "state": "fixed",'
            ' "published_at": "2023-12-05T07:00:00Z"}'
        ),
        "s:1: status.state: must be one of investigating identified monitoring resolved scheduled unknown, got fixed",
    ),
    (
        line(
            '"status": {"operator": "o", "id": "1", "title": "t", "state": "unknown", "services": ["mail", "fax"],'
            ' "published_at": "2023-12-05T07:00:00Z"}'
        ),
        "s:1: status.services[1]: must be one of mail mobile internet tv landline web voicemail sms emergency ",
    ),
    (
        line('"status": {"operator": "o", "id": "1", "title": "t", "state": "unknown"}'),
        "s:1: status.published_at: missing",
    ),
    (
        line('"tally": {"operator": "o", "start": "2023-12-05T07:00:00Z", "seconds": 0, "count": 1, "source": "x"}'),
        "s:1: tally.seconds: expected int >= 1",
    ),
    (
        line('"tally": {"operator": "o", "start": "2023-12-05T07:00:00Z", "seconds": 60, "count": -1, "source": "x"}'),
        "s:1: tally.count: expected int >= 0",
    ),
    (
        line('"decision": {"who": "w", "action": "publish"}'),
        "s:1: decision.action: must be one of claim edit hold approve dismiss undo, got publish",
    ),
    (line('"decision": {"who": "w", "action": "edit"}'), "s:1: decision.text: missing: an edit needs the new text"),
    ("", "s:1: empty scenario: at least one line is needed"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_an_error_names_file_line_and_key(text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        list(parse([text], "s"))
    assert str(caught.value).startswith(message)


def test_bytes_that_are_not_utf_8_are_named() -> None:
    with pytest.raises(InputError, match=r"^s:1: not UTF-8: "):
        list(parse([MENTION.encode().replace(b"plus", b"pl\xe9s")], "s"))


def test_an_error_is_one_printable_line() -> None:
    with pytest.raises(InputError) as caught:
        list(parse([line(r'"\n[31m": 1')], "s"))
    assert str(caught.value).isprintable()


@hypothesis.given(
    st.lists(st.sampled_from([line.encode() for line in EVERY_KIND.read_text("utf-8").splitlines()]), max_size=3),
    st.data(),
)
def test_whatever_a_file_holds_the_error_is_one_printable_line(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    broken = whole[:cut] + data.draw(st.binary(max_size=8)) + whole[cut + data.draw(st.integers(0, 4)) :]
    try:
        for found in parse(broken.split(b"\n"), "s"):
            assert found.at.tzinfo is UTC
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017 - most broken files are errors, some are not


def test_no_line_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match=r"^s:1: empty scenario"):
        list(parse([], "s"))


def test_lines_come_in_order_of_at() -> None:
    earlier = line('"health": {"source": "p", "ok": true}', at="2023-12-05T07:09:59Z")
    with pytest.raises(InputError, match=r"^s:2: at: 2023-12-05T07:09:59\+00:00 is earlier"):
        list(parse([MENTION, earlier], "s"))


def test_equal_times_keep_the_order_of_the_file() -> None:
    lines = [MENTION.replace('"1"', f'"{n}"') for n in (2, 1, 3)]
    assert [cast("Mention", found.event).id for found in parse(lines, "s")] == ["2", "1", "3"]


def test_one_blank_line_may_end_the_file_and_no_other() -> None:
    assert len(list(parse([MENTION, "\n"], "s"))) == 1
    with pytest.raises(InputError, match=r"^s:2: blank line"):
        list(parse([MENTION, " \n", MENTION], "s"))


def test_lines_are_read_as_they_are_asked_for() -> None:
    def lines() -> Iterator[str]:
        yield MENTION
        raise AssertionError("read ahead")

    assert next(parse(lines(), "s")).number == 1


def test_a_name_that_is_no_file_lists_the_bundled_scenarios() -> None:
    with pytest.raises(InputError, match=r"^nothing: no such file: bundled scenarios are .*orange-mail"):
        scenario_path("nothing")


# --- the source --------------------------------------------------------------------------------------------------


def deps(clock: ManualClock) -> SourceDeps:
    return SourceDeps(
        http=cast("Http", None),  # a replay reads no network
        clock=clock,
        operators={},
        gate=lambda _: True,
        surging=lambda _: False,
        user_agent="Vigie/test",
        refusal=lambda _: None,
    )


def source(path: Path, clock: ManualClock | None = None) -> ReplaySource:
    return create(Settings(kind="replay", name="s", path=path), deps(clock or ManualClock(AT - timedelta(hours=1))))


async def readings(of: ReplaySource, cursor: str | None = None) -> list[Reading]:
    return [reading async for reading in of.read(cursor)]


async def test_each_line_comes_at_its_time_and_equal_times_come_together() -> None:
    clock = ManualClock(AT - timedelta(hours=1))
    seen = []
    async for reading in source(EVERY_KIND, clock).read(None):
        assert clock.now() == reading.complete_to
        seen.append([type(event) for event in reading.events])
    assert seen == [[Health], [Mention, Mention], [Tally], [StatusEntry], [Decision]]


async def test_a_restart_goes_on_behind_the_cursor() -> None:
    whole = await readings(source(EVERY_KIND))
    assert await readings(source(EVERY_KIND), whole[1].cursor) == whole[2:]
    assert await readings(source(EVERY_KIND), whole[-1].cursor) == []


async def test_a_bad_file_is_unreadable_and_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(MENTION + "\n{}\n", encoding="utf-8")
    for attempt in (readings(source(path)), source(path).check()):
        with pytest.raises(SourceError, match=r"bad\.jsonl:2: at: missing") as caught:
            await attempt
        assert (caught.value.state, caught.value.retryable) == (HealthState.UNREADABLE, False)


async def test_check_says_what_the_file_holds() -> None:
    assert await source(EVERY_KIND).check() == "6 lines, 2023-12-05 07:00 to 2023-12-05 07:40 UTC"


def test_a_replay_is_pushed_and_is_nobodys_channel() -> None:
    replay = source(EVERY_KIND)
    assert (replay.interval, replay.operator, replay.hears) == (timedelta(0), None, True)


@pytest.mark.parametrize("given", [{}, {"path": "a", "scenario": "b"}])
def test_settings_want_one_of_path_and_scenario(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of path and scenario"):
        Settings.model_validate({"kind": "replay", **given})


@pytest.mark.parametrize("path", sorted(Path("bot/scenarios").glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_bundled_scenario_is_whole_and_leads_to_nobody(path: Path) -> None:
    lines = list(parse_file(path))
    mentions = [found.event for found in lines if isinstance(found.event, Mention)]
    assert len({mention.id for mention in mentions}) == len(mentions)
    assert {urlsplit(mention.url).hostname for mention in mentions if mention.url} == {"social.example"}
    assert any(isinstance(found.event, Health) and found.event.operator for found in lines)
