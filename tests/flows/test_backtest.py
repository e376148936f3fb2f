"""Would it have fired? A past lived again, through the command that asks."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.flow.newsroom import Outlets
from bot.flow.replay import replay
from bot.storage.sql import SqlStore
from bot.wiring import build_core
from sources.replay import parse
from tests.flows.test_commands import Result, Vigie, vigie
from tests.flows.test_episodes import quiet_morning
from tests.flows.timetable import Day, french

pytestmark = pytest.mark.slow  # months are lived again

__all__ = ["vigie"]

KNOWN = "operator,start,end,label\norange,2024-03-12T08:00Z,2024-03-12T09:30Z,messagerie\n"


def three_days() -> Day:
    """Two ordinary days, then an outage, then something that is none of it."""
    day = Day("2024-03-10")
    for index in range(3 * 24):
        day.post(day.time("00:00") + timedelta(minutes=60 * index + 7), "plus de mail orange à Lille")
    outage = Day("2024-03-12").surge("08:00", 30, 20, place="à Metz").surge("18:00", 30, 20, place="à Brest")
    day._lines += [(at, 1000 + number, line) for at, number, line in outage._lines]
    for _, _, line in outage._lines:
        line["mention"]["id"] = f"late-{line['mention']['id']}"
        line["mention"]["author"] = f"late-{line['mention']['author']}"
    return day.until("d+2 23:00")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("past") / "days.jsonl"
    path.write_text("\n".join(three_days().lines()) + "\n", encoding="utf-8")
    return path


def lines(result: Result, kind: str | None = None) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    found = [json.loads(line) for line in result.out.splitlines()]
    return [line for line in found if kind in {None, line["kind"]}]


def test_it_tells_each_alarm_with_time_score_and_reason(vigie: Vigie, scenario: Path) -> None:
    alarms = lines(vigie("backtest", str(scenario), "--json"), "alarm")
    assert [alarm["at"][:13] for alarm in alarms] == ["2024-03-12T08", "2024-03-12T18"]
    assert {alarm["operator"] for alarm in alarms} == {"orange"}
    assert all(alarm["score"] > 2.5 and alarm["return_days"] >= 30 for alarm in alarms)
    assert all(" in " in alarm["reason"] and " expected; once in " in alarm["reason"] for alarm in alarms)


def test_it_measures_the_delay_of_known_outages_and_counts_what_nobody_knows(
    vigie: Vigie, scenario: Path, tmp_path: Path
) -> None:
    (tmp_path / "known.csv").write_text(KNOWN + "free,2024-03-12T08:00Z,2024-03-12T09:00Z,mobile\n", encoding="utf-8")
    result = vigie("backtest", str(scenario), "--known", "known.csv", "--json")
    found = {outage["label"]: outage["delay_minutes"] for outage in lines(result, "outage")}
    assert 1 <= found["messagerie"] <= 8
    assert found["mobile"] is None
    [summary] = lines(result, "summary")
    assert (summary["alarms"], summary["unexplained"]) == (2, 1)
    assert summary["unexplained_a_month"] == pytest.approx(1 / summary["months"], rel=0.01)


def test_it_says_how_large_an_outage_would_be_found_how_soon(vigie: Vigie, scenario: Path) -> None:
    rows = list(lines(vigie("backtest", str(scenario), "--json"), "detectability"))
    assert {row["operator"] for row in rows} == {"orange"}
    assert [row["people_in_10_min"] for row in rows] == [4, 6, 10, 20, 50]
    delays = [row["median_minutes"] or 61 for row in rows]
    assert delays == sorted(delays, reverse=True)
    assert delays[-1] <= 5
    assert rows[-1]["within_30_min"] == 1.0
    assert 20 < rows[0]["reports_a_day"] < 60


def test_another_budget_has_other_alarms(vigie: Vigie, scenario: Path) -> None:
    none, many = (
        lines(vigie("backtest", str(scenario), "--budget", budget, "--json"), "summary")[0]
        for budget in ("0.000000000001", "100")
    )
    assert none["alarms"] == 0
    assert many["alarms"] >= 2
    assert many["budget"] == 100


def test_the_same_past_gives_the_same_answer(vigie: Vigie, scenario: Path) -> None:
    assert vigie("backtest", str(scenario), "--json").out == vigie("backtest", str(scenario), "--json").out


def test_what_was_before_a_date_may_be_left_out(vigie: Vigie, scenario: Path) -> None:
    [summary] = lines(vigie("backtest", str(scenario), "--since", "2024-03-12T12:00", "--json"), "summary")
    assert summary["alarms"] == 1
    assert summary["start"] >= "2024-03-12T12:00"


def test_for_people_it_prints_tables_and_draws_a_picture(vigie: Vigie, scenario: Path, tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text(KNOWN, encoding="utf-8")
    result = vigie("backtest", str(scenario), "--known", "known.csv", "--chart", "past.svg")
    assert result.code == 0
    for said in ("2 alarms, 1 of no known outage", "Alarms", "Known outages", "messagerie", "found within 30 min"):
        assert said in result.out
    picture = (tmp_path / "past.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "pour 1 fausse alerte par mois : 2 brouillons" in picture
    assert "messagerie" in picture


def stored(folder: Path, scenario: Iterable[str]) -> None:
    """A newsroom lives through a scenario and keeps it in the folder's store."""

    async def live() -> None:
        past = [*parse(scenario, "day")]
        clock = ManualClock(past[0].at)
        store = SqlStore(folder / "var" / "vigie.db")
        await store.open()
        core = build_core(
            load(None, {}), store=store, clock=clock, classifier=french(), outlets=Outlets(), author_key=b"tests"
        )
        await replay(past, "day", core.newsroom, clock)
        await store.close()

    asyncio.run(live())


@pytest.mark.slow
def test_without_a_scenario_it_looks_at_what_the_store_has_kept(vigie: Vigie, tmp_path: Path) -> None:
    day = quiet_morning().surge("08:00", 30, 20).decides("08:15", "dismiss").until("09:00")
    stored(tmp_path, day.lines())
    (tmp_path / "config.toml").write_text(
        '[newsroom]\nname = "La Gazette"\n[[handlers]]\nkind = "console"\n', encoding="utf-8"
    )
    [alarm] = lines(vigie("backtest", "--json"), "alarm")
    [draft] = [line for line in day.run() if line["kind"] == "draft"]
    assert (alarm["incident"], alarm["at"]) == (draft["incident"], draft["at"])
    assert alarm["state"] == "dismissed"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "nope: no such file: bundled scenarios are"),
        (["junk"], "junk:1: not JSON"),
        ([], "store: var/demo.db: no such file"),
        (["orange-mail", "--budget", "0"], "--budget: 0.0: must be above 0"),
        (["orange-mail", "--since", "lundi"], "--since: lundi: not a date"),
        (["orange-mail", "--since", "2030-01-01"], "nothing to look at"),
        (["orange-mail", "--known", "missing.csv"], "missing.csv: cannot be read"),
        (["orange-mail", "--known", "junk"], "junk:1: header"),
        (["orange-mail", "--chart", "no/such/folder.svg"], "no/such/folder.svg"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    vigie: Vigie, tmp_path: Path, arguments: list[str], line: str
) -> None:
    (tmp_path / "junk").write_text("{ junk\n", encoding="utf-8")
    result = vigie("backtest", *arguments)
    assert result.code == 2
    assert result.out == ""
    assert line in result.err
    assert result.err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["junk"]
