"""Rules of the house that no linter knows."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from hatchling.builders.wheel import WheelBuilder

from bot.cli import app

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "sources", "handlers")
CODE = sorted(path for folder in (*PACKAGES, "tests", "tools") for path in (ROOT / folder).rglob("*.py"))
MODULES = [path for path in CODE if path.relative_to(ROOT).parts[0] in PACKAGES]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bot").rglob("*.md")])
MOST_LINES = 500


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_files() -> Iterator[Path]:
    folders = (*PACKAGES, "tests", "tools", "docs", ".ci")
    for path in [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]:
        if path.is_file() and path.suffix not in {".pyc", ".gz", ".png", ".ttf"}:
            yield path


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


# --- modules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "manager", "common", "misc"}
    assert [name(path) for path in CODE if vague & set(path.stem.split("_"))] == []


def test_no_work_is_left_in_comments() -> None:
    left = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    assert [name(path) for path in CODE if left.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("package", ["sources", "handlers", "handlers.targets"])
def test_adapters_are_independent_of_one_another(package: str) -> None:
    folder = ROOT.joinpath(*package.split("."))
    kinds = {path.stem for path in folder.glob("[!_]*.py")}
    for path in folder.glob("[!_]*.py"):
        others = {f"{package}.{kind}" for kind in kinds - {path.stem}}
        assert not imports(path) & others, name(path)


# --- what is shipped ---------------------------------------------------------------------------------------------


def test_the_wheel_holds_every_module_and_every_data_file(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        held = {member for member in archive.namelist() if ".dist-info/" not in member}
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    assert held == {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.mark.slow
def test_the_wheel_replays_in_an_empty_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        env = os.environ | {"PYTHONPATH": str(installed)}
        return subprocess.run(command, cwd=empty, env=env, check=True, capture_output=True, text=True).stdout

    assert run("-c", "import bot; print(bot.__file__)").startswith(str(installed))
    drafts = [json.loads(line) for line in run("-m", "bot", "replay", "orange-mail", "--json").splitlines()]
    assert [(draft["operator"], draft["services"]) for draft in drafts if draft["kind"] == "draft"] == [
        ("orange", ["mail"])
    ]
    assert {"Lille", "Mont-de-Marsan"} <= {place["name"] for place in drafts[-1]["places"]}
    assert drafts[-1]["silence"]["state"] == "silent"
    assert list(empty.iterdir()) == []


def test_the_locks_pin_what_the_project_asks_for_and_name_no_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {"requirements.lock": project["dependencies"]}
    asked["requirements-test.lock"] = project["dependencies"] + project["optional-dependencies"]["test"]
    for lock, requirements in asked.items():
        text = (ROOT / lock).read_text(encoding="utf-8")
        pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
        wanted = {re.match(r"[\w.-]+", line)[0].lower().replace(".", "-") for line in requirements}  # type: ignore[index]
        assert wanted | {"hatchling"} <= pinned
        assert "://" not in text


def test_no_file_names_a_machine() -> None:
    places = re.compile("/wo" + r"rk/|/ro" + r"ot/|/ho" + r"me/[a-z]|\.\./sha" + "red")
    found = [name(path) for path in text_files() if places.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert found == []


# --- what the documents say --------------------------------------------------------------------------------------


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_names_only_commands_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", text, re.MULTILINE | re.DOTALL))
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|[`\s/])vigie ([a-z]+)", code)) <= commands
    assert set(re.findall(r"(?:^|[`\s])make ([a-z]+)", code)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_pages_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text(encoding="utf-8")
