import csv
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest

from bot.detect import Calendar
from bot.detect.csvio import detect_csv
from bot.errors import InputError
from tests.unit.detect.streams import steady

UTC = ZoneInfo("UTC")


def detect(lines: Iterable[str], *, budget: float = 1.0, zone: ZoneInfo = UTC) -> list[dict[str, str]]:
    return list(csv.DictReader(detect_csv(lines, name="in.csv", budget=budget, calendar=Calendar(zone))))


def minutes(
    counts: Iterable[int], *, day: str = "2024-05-06", step: int = 1, header: str = "timestamp,count"
) -> list[str]:
    rows = [header]
    for i, count in enumerate(counts):
        hours, minute = divmod(i * step, 60)
        days, hour = divmod(hours, 24)
        rows.append(f"{day[:-2]}{int(day[-2:]) + days:02}T{hour:02}:{minute:02}:00Z,{count}")
    return rows


def test_one_row_out_for_each_row_in_with_the_contracts_columns() -> None:
    lines = list(detect_csv(minutes([0, 1, 0]), name="in.csv", budget=1.0, calendar=Calendar(UTC)))
    assert lines[0] == "timestamp,count,expected,score,severity,return_days,state"
    assert len(lines) == 4
    assert lines[2].startswith("2024-05-06T00:01:00Z,1,0.02")
    assert lines[2].endswith(",0,0,,")


def test_an_event_reads_raise_open_clear() -> None:
    rows = detect(minutes([0] * 60 + [3] * 20 + [0] * 120))
    states = [row["state"] for row in rows]
    assert states.count("raise") == states.count("clear") == 1
    assert {*states[states.index("raise") + 1 : states.index("clear")]} == {"open"}
    raised = rows[states.index("raise")]
    assert float(raised["return_days"]) >= 30
    assert float(raised["score"]) > 2.5
    assert {row["score"] for row in rows[:61]} == {"0"}


def test_timestamps_are_echoed_as_they_came() -> None:
    times = ["2015-02-26 21:42:53", "2015-02-26T21:47:53", "2015-02-26T22:52:53+01:00", "2015-02-26T21:57:53Z"]
    rows = detect(["timestamp,value\n", *(f"{time},4\n" for time in times)])
    assert [row["timestamp"] for row in rows] == times


def test_a_missing_row_gives_none_and_is_the_same_as_one_with_no_exposure() -> None:
    counts = steady("missing", 0.5, 300)
    lines = [f"{line},1" for line in minutes(counts)[1:]]
    unheard = [line.rsplit(",", 2)[0] + ",0,0" for line in lines[100:160]]
    told = detect(["timestamp,count,exposure", *lines[:100], *unheard, *lines[160:]])
    missing = detect(["timestamp,count,exposure", *lines[:100], *lines[160:]])
    assert len(missing) == 240
    assert missing == told[:100] + told[160:]
    assert {row["expected"] for row in told[100:160]} == {"0"}


def test_half_heard_rows_expect_half() -> None:
    whole = detect(minutes([0] * 3))
    half = detect(["timestamp,count,exposure", *(f"{line},0.5" for line in minutes([0] * 3)[1:])])
    assert [2 * float(row["expected"]) for row in half] == pytest.approx(
        [float(row["expected"]) for row in whole], rel=1e-3
    )


@pytest.mark.parametrize("step", [1, 5, 7, 15, 60])
def test_any_step_from_a_minute_to_an_hour(step: int) -> None:
    rows = detect(minutes([0] * (360 // step) + [30] * 3, step=step))
    assert "raise" in {row["state"] for row in rows}


def test_a_step_need_not_be_whole_minutes() -> None:
    times = [f"2024-05-06T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(0, 9000, 90)]
    rows = detect(["timestamp,count", *(f"{time},{5 * (i > 70)}" for i, time in enumerate(times) if i not in {30, 31})])
    assert len(rows) == 98
    assert [row["state"] for row in rows].count("raise") == 1


def test_the_zone_moves_the_season_only() -> None:
    lines = minutes([0] * 3, day="2024-07-06")
    paris, utc = detect(lines, zone=ZoneInfo("Europe/Paris")), detect(lines)
    assert float(paris[0]["expected"]) < float(utc[0]["expected"])
    assert [row["timestamp"] for row in paris] == [row["timestamp"] for row in utc]


def test_the_budget_decides_when() -> None:
    lines = minutes([0] * 60 + [1] * 60)
    first = [[row["state"] for row in detect(lines, budget=budget)].index("raise") for budget in (5.0, 0.1)]
    assert first[0] < first[1]


def test_whole_numbers_may_be_written_as_decimals_and_blank_lines_are_passed_over() -> None:
    [row] = detect(["\ufefftimestamp,value", "2024-05-06T00:00:00Z,3.0", ""])
    assert row["count"] == "3"


ONE = "2024-05-06T00:00:00Z,1"
TWO = "2024-05-06T00:01:00Z,1"


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], "in.csv:1: header: "),
        (["time,count", ONE], "in.csv:1: header: "),
        (["timestamp", "2024-05-06T00:00:00Z"], "in.csv:1: header: "),
        (["timestamp,count,weather", ONE + ",1"], "in.csv:1: header: "),
        (["timestamp,count"], "in.csv:2: rows: "),
        (["timestamp,count", ONE, ONE], "in.csv:3: timestamp: not after"),
        (["timestamp,count", TWO, ONE], "in.csv:3: timestamp: not after"),
        (["timestamp,count", "yesterday,1"], "in.csv:2: timestamp: not a time: 'yesterday'"),
        (["timestamp,count", ONE, "2024-05-06T00:01:00Z,-1"], "in.csv:3: count: must be a whole number"),
        (["timestamp,value", ONE, "2024-05-06T00:01:00Z,1.5"], "in.csv:3: value: must be a whole number"),
        (["timestamp,count", ONE, "2024-05-06T00:01:00Z,nan"], "in.csv:3: count: not a finite number"),
        (["timestamp,count", ONE, "2024-05-06T00:01:00Z,inf"], "in.csv:3: count: not a finite number"),
        (["timestamp,count", ONE, "2024-05-06T00:01:00Z,"], "in.csv:3: count: not a number"),
        (["timestamp,count", ONE, "2024-05-06T00:01:00Z"], "in.csv:3: row: has 1 field"),
        (["timestamp,count,exposure", ONE + ",1.2"], "in.csv:2: exposure: must be from 0 to 1"),
        (["timestamp,count,exposure", ONE + ",nan"], "in.csv:2: exposure: not a finite number"),
        (["timestamp,count", ONE, TWO, "2024-05-06T00:02:30Z,1"], "in.csv:4: timestamp: mixed steps"),
        (["timestamp,count", ONE, "2024-05-06T00:00:30Z,1"], "in.csv:3: timestamp: steps must be from 1 to 60"),
        (["timestamp,count", ONE, "2024-05-06T02:00:00Z,1"], "in.csv:3: timestamp: steps must be from 1 to 60"),
        (["timestamp,count", ONE, '"2024'], "in.csv:3: row: "),
    ],
)
def test_bad_input_is_named_by_line_before_anything_comes_out(lines: list[str], error: str) -> None:
    with pytest.raises(InputError) as caught:
        detect_csv(lines, name="in.csv", budget=1.0, calendar=Calendar(UTC))
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)
