"""The wheel is whole: what is installed from it works in any folder, and writes nothing but ./var."""

import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
_LINE = b'{"text": "plus de mail orange \xc3\xa0 Lille"}'


def python(folder: Path, *arguments: str, site: Path | None = None, stdin: bytes = b"") -> bytes:
    """Run Python in a folder, with `site` before everything else; what it said on stdout."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("VIGIE_", "PYTHON"))}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    environment["VIGIE_RUN__SCENARIO_SPEED"] = "3000"  # the demo's own pace is shown by the tests of the commands
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network, from the sources as they stand."""
    folder = tmp_path_factory.mktemp("wheel")
    python(ROOT, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel's contents."""
    target = tmp_path_factory.mktemp("site")
    python(target, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    return target


def files_in(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_it_holds_three_packages_with_all_their_files_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(
        ["git", "ls-files", "bot", "sources", "handlers"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    ).stdout.split()
    assert {name.split("/")[0] for name in inside} == {"bot", "sources", "handlers"}
    assert set(tracked) <= inside  # empty in an export without git, where the other tests must do
    assert "bot/storage/migrations/m0001_first.py" in inside
    assert "bot/classify/data/gazetteer.tsv.gz" in inside
    assert "bot/drafting/templates/fr/text.j2" in inside
    assert "bot/scenarios/orange-mail.jsonl" in inside


def test_the_program_that_runs_is_the_installed_one(site: Path, tmp_path: Path) -> None:
    for package in ("bot", "sources", "handlers"):
        where = python(tmp_path, "-c", f"import {package}; print({package}.__file__)", site=site)
        assert Path(where.decode().strip()).is_relative_to(site)
    assert (site / "bin" / "vigie").exists()


def test_replay_classify_and_check_work_in_an_empty_folder_and_leave_it_empty(site: Path, tmp_path: Path) -> None:
    said = python(tmp_path, "-m", "bot", "replay", "orange-mail", "--json", site=site)
    assert b'"kind": "draft"' in said
    assert b"Mont-de-Marsan" in said
    assert said == python(ROOT, "-m", "bot", "replay", "orange-mail", "--json")
    assert b'"orange"' in python(tmp_path, "-m", "bot", "classify", site=site, stdin=_LINE)
    assert b"fine" in python(tmp_path, "-m", "bot", "check", site=site)
    assert files_in(tmp_path) == set()


def test_the_demo_makes_its_store_and_writes_nothing_but_var(site: Path, tmp_path: Path) -> None:
    before = files_in(site)
    said = python(tmp_path, "-m", "bot", "run", site=site).decode()
    assert "de Lille à Mont-de-Marsan" in said
    assert files_in(tmp_path) == {"var/demo.db", "var/demo.db.lock", "var/author.key"}
    store = sqlite3.connect(tmp_path / "var" / "demo.db")
    try:  # migrated by the installed steps
        assert store.execute("select version_num from alembic_version").fetchall()
        assert store.execute("select count(*) from incidents").fetchone() == (1,)
    finally:
        store.close()
    new = files_in(site) - before
    assert {Path(name).suffix for name in new} <= {".pyc"}
