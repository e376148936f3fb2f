"""Every text we wrote is read as we labelled it: reports, stale and chronic ones, recoveries, traps, places."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.classify.shipped import classifier

_FOLDER = Path(__file__).parents[2] / "data" / "classify"


def _texts() -> Iterator[Any]:
    for path in sorted(_FOLDER.glob("*.jsonl")):
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield pytest.param(json.loads(line), id=f"{path.stem}-{n}")


@pytest.mark.parametrize("row", list(_texts()))
def test_is_read_as_labelled(row: dict[str, Any]) -> None:
    at = datetime.fromisoformat(row["at"]) if "at" in row else None
    reading = classifier().classify(row["text"], operator_hint=row.get("hint"), at=at)
    got: dict[str, Any] = {
        "operators": list(reading.operators),
        "brands": list(reading.brands),
        "kind": reading.kind.value,
        "fresh": reading.fresh,
        "onset": reading.onset and reading.onset.value,
        "services": sorted(reading.services),
        "places": sorted(p.id for p in reading.places),
        "professional": reading.professional,
    }
    want = {k: sorted(v) if k in {"services", "places"} else v for k, v in row.items() if k in got}
    assert {k: got[k] for k in want} == want, reading.why


def test_there_are_enough_of_them() -> None:
    assert len(list(_texts())) >= 300
