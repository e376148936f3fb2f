"""The classifier as it ships and the project's own texts, for the tools that measure."""

import json
from pathlib import Path

from bot.classify import Classifier, load_data, load_operators

_ROOT = Path(__file__).parent.parent
_DATA = _ROOT / "bot" / "classify" / "data"
_TEXTS = _ROOT / "tests" / "data" / "classify"
_HOME = "71076"  # the newsroom's commune: Chalon-sur-Saône


def classifier() -> Classifier:
    """With all operators, for a newsroom of Chalon-sur-Saône."""
    operators = load_operators((_DATA / "operators.toml").read_text(encoding="utf-8"))
    return Classifier(load_data(lambda name: (_DATA / name).read_bytes()), operators, home=_HOME)


def texts() -> list[str]:
    """What the tests of reading are made of."""
    lines = (line for path in sorted(_TEXTS.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines())
    return [json.loads(line)["text"] for line in lines]
