"""What each command answers and how it refuses: exit codes, one line on stderr, nothing half-written."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import _told, main


@dataclass(frozen=True, slots=True)
class Result:
    code: object
    out: str
    err: str


Vigie = Callable[..., Result]


@pytest.fixture
def vigie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vigie:
    """`vigie` in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        asyncio.set_event_loop(None)  # asyncio.run leaves a closed one behind
        return Result(left.value.code, *capsys.readouterr())

    return run


# --- how it refuses


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "No such command 'nope'."),
        (["run", "--nope"], "No such option: --nope"),
        (["replay"], "Missing argument 'scenario'."),
        (["detect", "--budget", "x"], "Invalid value for '--budget'"),
        (["detect", "--budget", "0"], "--budget: 0.0: must be above 0"),
        (["detect", "--budget", "nan"], "--budget: nan: must be above 0"),
        (["detect", "--tz", "Mars/Olympus"], "--tz: Mars/Olympus: no such time zone"),
        (["detect", "missing.csv"], "missing.csv: cannot be read"),
        (["detect", "."], ".: cannot be read"),
        (["detect", "empty"], "empty:1: header"),
        (["detect", "junk"], "junk:1: header"),
        (["classify", "missing.jsonl"], "missing.jsonl: cannot be read"),
        (["classify", "junk", "--config", "missing.toml"], "missing.toml: cannot be read"),
        (["replay", "nope"], "nope: no such file: bundled scenarios are orange-mail, sfr-dijon"),
        (["replay", "empty"], "empty:1: empty scenario"),
        (["replay", "junk"], "junk:1: not JSON"),
        (["replay", "junk", "--json"], "junk:1: not JSON"),
        (["replay", "orange-mail", "--speed", "0"], "--speed: 0: must be a number above 0, or max"),
        (["replay", "orange-mail", "--speed", "nan"], "--speed: nan"),
        (["replay", "orange-mail", "--config", "missing.toml"], "missing.toml: cannot be read"),
        (["run", "--config", "missing.toml"], "missing.toml: cannot be read"),
        (["check", "--config", "junk"], "junk: not TOML"),
        (["status"], "store: var/demo.db: no such file: the bot has never run here"),
        (["capture"], "Missing argument 'incident'."),
        (["capture", "1"], "store: var/demo.db: no such file: the bot has never run here"),
        (["status", "--config", "missing.toml"], "missing.toml: cannot be read"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_code_2(
    vigie: Vigie, tmp_path: Path, arguments: list[str], line: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "junk").write_text("{ junk\n", encoding="utf-8")
    result = vigie(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith(line)
    assert result.err.count("\n") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["empty", "junk"]


def test_debug_shows_the_traceback_and_keeps_the_code(vigie: Vigie) -> None:
    result = vigie("--debug", "replay", "nope")
    assert result.code == 2
    assert "Traceback" in result.err
    assert "Traceback" not in vigie("replay", "nope").err


def test_a_defect_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert _told(KeyError("x")) == 70
    assert capsys.readouterr() == ("", "vigie: a defect: KeyError: 'x' (--debug shows where)\n")


def test_a_bad_row_far_down_leaves_nothing_on_stdout(vigie: Vigie, tmp_path: Path) -> None:
    rows = [f"2024-01-01T{minute // 60:02}:{minute % 60:02}:00Z,1" for minute in range(600)]
    (tmp_path / "rows.csv").write_text("\n".join(["timestamp,count", *rows, "soon,1"]), encoding="utf-8")
    result = vigie("detect", "rows.csv")
    assert (result.code, result.out) == (2, "")
    assert result.err == "rows.csv:602: timestamp: not a time: 'soon'\n"


def test_a_bad_line_at_the_end_of_a_scenario_leaves_nothing_on_stdout(vigie: Vigie, tmp_path: Path) -> None:
    scenario = Path("bot/scenarios/orange-mail.jsonl")
    lines = (Path(__file__).parents[2] / scenario).read_text(encoding="utf-8").splitlines()
    (tmp_path / "day.jsonl").write_text("\n".join([*lines, '{"at": "2023-12-05T05:00:00Z"}']), encoding="utf-8")
    for more in ([], ["--json"]):
        result = vigie("replay", "day.jsonl", *more)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("day.jsonl:160: at: ")
        assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('[newsroom]\nnme = "x"', "newsroom.nme: unknown key: did you mean name?"),
        ('[[operators]]\nid = "regie"', "operators[0].name: is required for a new operator"),
        ('[[sources]]\nkind = "feedd"', "sources[0].kind: unknown kind 'feedd': did you mean feed?"),
        (
            '[[sources]]\nkind = "feed"\noperator = "nobody"\nurl = "https://a.example"',
            "source feed: operator: must be one of orange",
        ),
        ('[[handlers]]\nkind = "telegram"\nchat = -1\neditors = [1]', "handlers[0].token: is required"),
    ],
)
def test_what_run_refuses_check_refuses_too_and_nothing_is_made(
    vigie: Vigie, tmp_path: Path, table: str, line: str
) -> None:
    (tmp_path / "config.toml").write_text(table, encoding="utf-8")
    for arguments in (["run"], ["check"], ["check", "--offline"]):
        result = vigie(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"config.toml: {line}")
        assert result.err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_all_that_is_wrong_is_said_at_once(vigie: Vigie, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[[sources]]\nkind = "feedd"\n[[sources]]\nkind = "feed"\noperator = "sfr"', encoding="utf-8"
    )
    lines = vigie("check", "--offline").err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["sources[0].kind", "sources[1].url"]


# --- what it answers


def test_help_names_every_command(vigie: Vigie) -> None:
    result = vigie("--help")
    assert (result.code, result.err) == (0, "")
    for command in ("run", "check", "status", "replay", "classify", "detect"):
        assert command in result.out
        told = vigie(command, "--help")
        assert told.code == 0
        assert "Exit 0" in told.out


def test_the_bundled_scenario_is_one_incident_with_all_that_the_story_needs(vigie: Vigie, tmp_path: Path) -> None:
    result = vigie("replay", "orange-mail", "--json")
    assert (result.code, result.err) == (0, "")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["kind"] for line in lines].count("draft") == 1
    assert {line["incident"] for line in lines} == {lines[0]["incident"]}
    first = lines[0]
    assert (first["kind"], first["operator"], first["services"]) == ("draft", "orange", ["mail"])
    names = [place["name"] for place in first["places"]]
    assert {"Lille", "Mont-de-Marsan"} <= set(names)
    assert first["silence"]["state"] == "silent"
    text = first["text"]
    # Service, places, interval, what is usual, silence and its last check; Paris is an hour ahead of UTC.
    for words in (
        "messagerie",
        "Lille",
        "Mont-de-Marsan",
        "entre 8\u00a0h\u00a002 et 8\u00a0h\u00a011",
        "habituellement",
    ):
        assert words in text
    assert "Aucune annonce sur la page de suivi d’Orange" in text
    assert "dernière vérification à 8\u00a0h\u00a010" in text
    assert str(first["reports"]) in text
    assert len(first["evidence"]) == first["reports"]
    assert result.out.isascii()
    assert vigie("replay", "orange-mail", "--json").out == result.out
    assert list(tmp_path.iterdir()) == []


def test_a_replay_for_people_shows_the_card(vigie: Vigie, tmp_path: Path) -> None:
    result = vigie("replay", "orange-mail")
    assert result.code == 0
    assert "de Lille à Mont-de-Marsan" in result.out
    assert list(tmp_path.iterdir()) == []


def test_a_replay_that_raises_nothing_says_so(vigie: Vigie, tmp_path: Path) -> None:
    line = {"at": "2024-01-01T00:00:00Z", "mention": {"id": "1", "author": "a", "text": "bonne année"}}
    (tmp_path / "calm.jsonl").write_text(json.dumps(line), encoding="utf-8")
    assert vigie("replay", "calm.jsonl").out == "Rien à signaler.\n"
    assert vigie("replay", "calm.jsonl", "--json").out == ""


def test_a_replay_ignores_a_config_toml_that_lies_about(vigie: Vigie, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("junk", encoding="utf-8")
    assert vigie("replay", "orange-mail", "--json").code == 0
    (tmp_path / "mine.toml").write_text('[newsroom]\nlanguage = "en"', encoding="utf-8")
    assert "reports" in vigie("replay", "orange-mail", "--config", "mine.toml").out


def test_a_replay_at_a_speed_says_the_same(vigie: Vigie) -> None:
    fast = vigie("replay", "orange-mail", "--json", "--speed", "1000000")
    assert fast.out == vigie("replay", "orange-mail", "--json", "--speed", "max").out


def test_classify_reads_lines_and_counts_those_it_cannot(vigie: Vigie, tmp_path: Path) -> None:
    texts = [{"id": 7, "text": "plus de mail orange à Lille"}, {"id": "b", "text": "belle journée"}]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(text) for text in texts), encoding="utf-8")
    result = vigie("classify", "in.jsonl")
    assert (result.code, result.err) == (0, "")
    first, second = (json.loads(line) for line in result.out.splitlines())
    assert (first["id"], first["operators"], first["services"], first["kind"]) == (7, ["orange"], ["mail"], "outage")
    assert (second["id"], second["kind"]) == ("b", "noise")
    (tmp_path / "bad.jsonl").write_text('{"text": "panne sfr"}\n[]\n', encoding="utf-8")
    result = vigie("classify", "bad.jsonl")
    assert result.code == 1
    assert result.err == "bad.jsonl: lines that are no object with a string `text`: 1\n"
    assert "error" in json.loads(result.out.splitlines()[1])


def test_detect_gives_a_row_for_each_row(vigie: Vigie, tmp_path: Path) -> None:
    rows = [f"2024-01-01T{minute // 60:02}:{minute % 60:02}:00Z,{40 * (minute > 590)}" for minute in range(600)]
    (tmp_path / "in.csv").write_text("\n".join(["timestamp,count", *rows]) + "\n", encoding="utf-8")
    result = vigie("detect", "in.csv")
    assert (result.code, result.err) == (0, "")
    header, *out = result.out.splitlines()
    assert header == "timestamp,count,expected,score,severity,return_days,state"
    assert [row.split(",")[0] for row in out] == [row.split(",")[0] for row in rows]
    assert [row.rpartition(",")[2] for row in out].count("raise") == 1


def test_check_offline_judges_the_configuration_alone(vigie: Vigie, tmp_path: Path) -> None:
    assert vigie("check", "--offline").out == "configuration: embedded defaults: fine\n"
    (tmp_path / "config.toml").write_text(
        '[[sources]]\nkind = "feed"\noperator = "sfr"\nurl = "https://nowhere.invalid/feed"', encoding="utf-8"
    )
    result = vigie("check", "--offline")
    assert (result.code, result.out) == (0, "configuration: config.toml: fine\n")
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_explain_shows_which_words_decided(vigie: Vigie) -> None:
    result = vigie("explain", "plus de mail orange à Lille depuis ce matin")
    assert (result.code, result.err) == (0, "")
    assert "plus de mail orange à Lille depuis ce matin" in result.out
    assert "a fault" in result.out
    assert "counts as a report" in result.out
    assert "orange · mail · Lille" in result.out
    assert "does not count" in vigie("explain", "vigilance orange ce soir").out
    hinted = vigie("explain", "plus d'internet ce soir", "--hint", "Livebox")
    assert "orange · internet" in hinted.out
    refused = vigie("explain", "x", "--hint", "nobody")
    assert refused.code == 2
    assert refused.err.startswith("--hint: nobody: no such operator")
