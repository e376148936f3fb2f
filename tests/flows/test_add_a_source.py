"""The recipe of docs/how-to/add-a-source.md, followed to the letter in a copy of the project."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs/how-to/add-a-source.md"
_BLOCK = re.compile(r"^(?P<before>[^\n]+)\n\n```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as a developer has it, with the environment that `make` has made."""
    for folder in ("bot", "sources", "handlers", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "config.example.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def sh(commands: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-ec", commands],  # noqa: S607
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "."},  # the copy, not what the environment's `vigie` is linked to
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_recipe_makes_a_source_that_keeps_the_contract(copy: Path) -> None:
    said = []
    for block in _BLOCK.finditer(RECIPE.read_text(encoding="utf-8")):
        code = block["code"]
        if block["language"] == "sh":
            said.append(sh(code, copy))
        elif "`CASES`" in block["before"]:
            suite = copy / "tests/contracts/test_sources.py"
            suite.write_text(suite.read_text(encoding="utf-8").replace("CASES = {\n", "CASES = {\n" + code, 1))
        elif named := re.fullmatch(r"`([\w./]+)`", block["before"]):
            (copy / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (copy / named[1]).write_text(code, encoding="utf-8")
        else:
            assert block["language"] == "toml"
            example = copy / "config.example.toml"
            example.write_text(example.read_text(encoding="utf-8") + "\n" + code, encoding="utf-8")
    assert re.search(r"\b[2-9]\d passed", said[0])
    assert "failed" not in said[0]
    assert "Coupure de l'eau rue de la Barre." in said[0]
    settings = (copy / "config.example.toml").read_text(encoding="utf-8").rpartition("\n\n")[2]
    operator = '\n[[operators]]\nid = "regie_eau"\nname = "Eau"\nservices = ["web"]\n'
    (copy / "config.toml").write_text(re.sub("^#", "", settings, flags=re.MULTILINE) + operator, encoding="utf-8")
    assert "config.toml: fine" in sh(".venv/bin/vigie check --offline", copy)
