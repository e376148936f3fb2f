"""`vigie sources try` and `add`: what a source says, before it is trusted."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages

pytestmark = pytest.mark.slow  # a process each

DATA = Path(__file__).parents[1] / "data"
ATOM = DATA / "feed/history.atom"
SUMMARY = DATA / "statuspage/summary.json"


class Vigie:
    """The command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code: int | None = None
        self.err = ""

    async def __call__(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "sources",
            *arguments,
            cwd=self.folder,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        self.code, self.err = process.returncode, err.decode()
        return out.decode()

    async def lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (await self("try", *arguments, "--json")).splitlines()]


@pytest.fixture
def vigie(tmp_path: Path) -> Vigie:
    return Vigie(tmp_path)


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# --- try


async def test_a_file_gives_a_line_a_signal_and_then_its_health(vigie: Vigie) -> None:
    *signals, health = await vigie.lines("statuspage", str(SUMMARY), "--operator", "orange")
    assert health == {"health": "ok", "reason": None}
    assert (vigie.code, vigie.err) == (0, "")
    assert signals
    for line in signals:
        assert line["signal"] == "status"
        assert line["operator"] == "orange"
        assert {"id", "title", "state", "published_at"} < line.keys()
        assert "file.invalid" not in json.dumps(line)


async def test_without_an_operator_nobody_is_made_up(vigie: Vigie) -> None:
    *signals, _ = await vigie.lines("feed", str(ATOM))
    assert {line["operator"] for line in signals} == {None}


async def test_for_people_it_prints_times_states_and_titles(vigie: Vigie) -> None:
    shown = await vigie("try", "feed", str(ATOM))
    assert "  identified     " in shown
    assert shown.rstrip().endswith("ok")


async def test_an_address_is_read_even_on_the_own_network_as_somebody_typed_it(
    vigie: Vigie, pages: StatusPages
) -> None:
    pages.put("/history.atom", ATOM.read_bytes(), "application/atom+xml")
    *signals, health = await vigie.lines("feed", pages.url("/history.atom"))
    assert (bool(signals), health["health"], vigie.code) == (True, "ok", 0)


@pytest.mark.parametrize(
    "where", ["http://127.0.0.2:{port}/history.atom", "http://169.254.169.254/latest/", "file:///etc/passwd"]
)
async def test_a_redirect_into_the_own_network_is_refused(vigie: Vigie, pages: StatusPages, where: str) -> None:
    pages.put("/history.atom", ATOM.read_bytes(), "application/atom+xml")
    pages.put_redirect("/moved", where.format(port=pages.port))
    (health,) = await vigie.lines("feed", pages.url("/moved"))
    assert (health["health"], vigie.code, vigie.err) == ("unreachable", 1, "")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("file:///etc/passwd", "seuls http et https"),
        ("ftp://example.org/x", "seuls http et https"),
        ("missing.atom", "introuvable"),
        (".", "fichier illisible"),
        ("http://169.254.169.254/latest/meta-data/", "adresse refusée"),
    ],
)
async def test_what_cannot_be_read_is_unreachable(vigie: Vigie, target: str, reason: str) -> None:
    (health,) = await vigie.lines("feed", target)
    assert health["health"] == "unreachable"
    assert reason in health["reason"]
    assert (vigie.code, vigie.err) == (1, "")


@pytest.mark.parametrize(
    "body", [HTML_ERROR, b"", b" \n", b"<opml version='2.0'/>"], ids=["html", "empty", "blank", "opml"]
)
async def test_what_is_no_feed_is_unreadable(vigie: Vigie, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x.xml").write_bytes(body)
    (health,) = await vigie.lines("feed", "x.xml")
    assert (health["health"], vigie.code, vigie.err) == ("unreadable", 1, "")


async def test_a_valid_feed_without_entries_is_well(vigie: Vigie, tmp_path: Path) -> None:
    (tmp_path / "x.rss").write_text('<rss version="2.0"><channel><title>x</title></channel></rss>', encoding="utf-8")
    assert await vigie.lines("feed", "x.rss") == [{"health": "ok", "reason": None}]
    assert vigie.code == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["fed", "x"], "unknown kind 'fed': did you mean feed?"),
        (["feed", "x", "--operator", "nobody"], "--operator: nobody: no such operator: orange, sfr"),
        (["feed", "x", "--set", "area"], "--set: area: must be KEY=VALUE"),
        (["feed", "x", "--set", "colour=red"], "feed.colour: unknown key"),
        (["feed"], "Missing argument"),
    ],
)
async def test_a_wrong_command_is_one_line_on_stderr(vigie: Vigie, arguments: list[str], line: str) -> None:
    assert await vigie("try", *arguments) == ""
    assert vigie.code == 2
    assert line in vigie.err
    assert vigie.err.count("\n") == 1


async def test_the_block_of_the_same_address_lends_its_keys(vigie: Vigie, tmp_path: Path, pages: StatusPages) -> None:
    pages.put("/history.atom", ATOM.read_bytes(), "application/atom+xml")
    block = f'[[sources]]\nkind = "feed"\noperator = "sfr"\nurl = "{pages.url("/history.atom")}"\narea = "Mâcon"\n'
    (tmp_path / "config.toml").write_text(block, encoding="utf-8")
    *signals, _ = await vigie.lines("feed", pages.url("/history.atom"))
    assert {line["area"] for line in signals} == {"Mâcon"}


# --- add


async def test_a_source_that_is_well_is_added_to_the_configuration(
    vigie: Vigie, tmp_path: Path, pages: StatusPages
) -> None:
    pages.put("/history.atom", ATOM.read_bytes(), "application/atom+xml")
    url = pages.url("/history.atom")
    config = tmp_path / "config.toml"
    config.write_text('[newsroom]\nname = "L’écho"', encoding="utf-8")
    config.chmod(0o600)
    shown = await vigie("add", "feed", url, "--operator", "orange", "--set", "area=Mâcon", "--set", "services=['mail']")
    block = f'\n[[sources]]\nkind = "feed"\nname = "orange-feed"\nurl = "{url}"\narea = "Mâcon"\nservices = ["mail"]\n'
    block += 'operator = "orange"\n'
    assert vigie.code == 0, vigie.err
    assert block in shown
    assert config.read_text(encoding="utf-8") == '[newsroom]\nname = "L’écho"\n' + block
    assert config.stat().st_mode & 0o777 == 0o600
    assert await vigie("add", "feed", url, "--operator", "orange") == ""
    assert (vigie.code, "is in the configuration already" in vigie.err) == (2, True)
    pages.put("/other.atom", ATOM.read_bytes(), "application/atom+xml")
    assert 'name = "orange-feed-2"' in await vigie("add", "feed", pages.url("/other.atom"), "--operator", "orange")


async def test_an_address_that_only_begins_like_a_known_one_is_another(
    vigie: Vigie, tmp_path: Path, pages: StatusPages
) -> None:
    known = f'[[sources]]\nkind = "feed"\noperator = "sfr"\nurl = "{pages.url("/history.atom")}"\narea = "Mâcon"\n'
    (tmp_path / "config.toml").write_text(known, encoding="utf-8")
    pages.put("/history", ATOM.read_bytes(), "application/atom+xml")
    *signals, _ = await vigie.lines("feed", pages.url("/history"))
    assert signals
    assert all("area" not in line for line in signals)
    shown = await vigie("add", "feed", pages.url("/history"), "--operator", "Orange")
    assert (vigie.code, 'operator = "orange"' in shown, 'name = "orange-feed"' in shown) == (0, True, True)


async def test_without_a_configuration_the_block_is_shown(vigie: Vigie, tmp_path: Path, pages: StatusPages) -> None:
    pages.put("/history.atom", ATOM.read_bytes(), "application/atom+xml")
    shown = await vigie("add", "feed", pages.url("/history.atom"), "--operator", "orange")
    assert "no config.toml here" in shown
    assert not (tmp_path / "config.toml").exists()


async def test_a_source_that_is_not_well_is_not_added(vigie: Vigie, tmp_path: Path, pages: StatusPages) -> None:
    pages.put_status("/history.atom", 403)
    config = tmp_path / "config.toml"
    config.write_text("", encoding="utf-8")
    await vigie("add", "feed", pages.url("/history.atom"), "--operator", "orange")
    assert (vigie.code, config.read_text(encoding="utf-8")) == (1, "")
    assert await vigie("add", "feed", pages.url("/history.atom")) == ""
    assert (vigie.code, "--operator: is required" in vigie.err) == (2, True)


async def test_a_file_is_tried_and_not_added(vigie: Vigie) -> None:
    assert await vigie("add", "feed", str(ATOM), "--operator", "orange") == ""
    assert (vigie.code, "what is added needs an address" in vigie.err) == (2, True)


async def test_a_configuration_that_cannot_take_the_block_stays_as_it_was(
    vigie: Vigie, tmp_path: Path, pages: StatusPages
) -> None:
    pages.put("/history.atom", ATOM.read_bytes(), "application/atom+xml")
    config = tmp_path / "config.toml"
    config.write_text("sources = []\n", encoding="utf-8")
    await vigie("add", "feed", pages.url("/history.atom"), "--operator", "orange")
    assert (vigie.code, config.read_text(encoding="utf-8")) == (2, "sources = []\n")
    assert "config.toml: not TOML" in vigie.err
    assert names(tmp_path) == ["config.toml"]
