import json
from typing import Any

from bot.classify import classify_lines
from tests.unit.classify.shipped import classifier


def _read(*lines: bytes | str) -> tuple[list[Any], int]:
    reading = classify_lines(lines, classifier())
    return [json.loads(line) for line in reading], reading.wrong


def test_a_line_out_for_each_line_in_with_the_contracts_keys() -> None:
    rows, wrong = _read('{"id": 7, "text": "plus de mail sosh à Lille ce matin"}')
    assert wrong == 0
    assert list(rows[0]) == [
        "id", "operators", "brands", "kind", "fresh", "onset", "services", "places", "professional", "score", "why",
    ]  # fmt: skip
    assert rows[0] | {"score": 0, "why": []} == {
        "id": 7,
        "operators": ["orange"],
        "brands": ["sosh"],
        "kind": "outage",
        "fresh": True,
        "onset": "today",
        "services": ["mail"],
        "places": [{"id": "59350", "level": "commune", "name": "Lille", "departement": "59"}],
        "professional": False,
        "score": 0,
        "why": [],
    }


def test_why_gives_the_words_that_decided() -> None:
    rows, _ = _read('{"text": "Plus de mail sosh à Lille ce matin"}')
    assert "plus de service: Plus de mail" in rows[0]["why"]
    assert "sosh: sosh" in rows[0]["why"]
    assert "Lille: Lille" in rows[0]["why"]


def test_ids_are_echoed_with_their_type() -> None:
    rows, _ = _read('{"id": "7", "text": "a"}', '{"id": 7.5, "text": "a"}', '{"id": [1], "text": "a"}', '{"text": "a"}')
    assert [r["id"] for r in rows] == ["7", 7.5, [1], None]


def test_bad_lines_are_answered_in_their_place() -> None:
    rows, wrong = _read(
        "[1]",
        '{"id": 3}',
        '{"id": 4, "text": 5}',
        "{",
        "",
        b"\xff",
        '{"text": "plus de réseau", "at": "hier"}',
        "[" * 9000,
    )
    assert wrong == len(rows) == 8
    assert all(set(r) == {"id", "error"} and r["error"] for r in rows)
    assert [r["id"] for r in rows][:3] == [None, 3, 4]


def test_output_is_ascii_and_surrogates_are_accepted() -> None:
    reading = classify_lines(['{"text": "panne \\ud83d sfr à Orléans \\u2028 oui", "id": "\\udfff"}'], classifier())
    (line,) = reading
    assert line.isascii()
    assert json.loads(line)["operators"] == ["sfr"]
    assert reading.wrong == 0


def test_the_hint_and_the_time_are_used() -> None:
    rows, _ = _read(
        '{"text": "plus de box depuis le 12 mars", "operator_hint": "free", "at": "2025-03-12T10:00:00"}',
        '{"text": "plus de box depuis le 12 mars", "operator_hint": "free", "at": "2025-04-12T10:00:00Z"}',
    )
    assert [r["fresh"] for r in rows] == [True, False]
    assert rows[0]["operators"] == ["free"]
