"""Measure the classifier on a folder of labelled mentions; prints figures, and with --errors the misread texts.

Usage: python tools/eval_mentions.py DIR [--errors] [--half 0|1]

The texts are never written anywhere. Labels: see the README of the folder.
"""

import argparse
import json
import math
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.classify import Classifier, load_data, load_operators
from bot.domain.places import Level, Place

DATA = Path(__file__).parent.parent / "bot" / "classify" / "data"
SERVICE = {"phone": "landline", "website": "web", "bank": "payment", "train": "rail"}


def interval(hits: int, of: int) -> str:
    """Share with its 95 % interval (Wilson)."""
    if not of:
        return "    –"
    p, z = hits / of, 1.96
    centre, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = (centre - half) / (1 + z * z / of), (centre + half) / (1 + z * z / of)
    return f"{p:.2f} [{low:.2f}–{high:.2f}] ({hits}/{of})"


def expected_places(classifier: Classifier, labels: list[str]) -> set[str]:
    """Labels (`c:Massy`, `d:71`, `r:Normandie`, `p:44600`) as place ids; vague zones are left out."""
    ids = set()
    for label in labels:
        kind, _, name = label.partition(":")
        place: Place | None = None if kind == "z" else classifier.place(name)
        if place is not None and (kind != "c" or place.level is Level.COMMUNE):
            ids.add(place.id)
    return ids


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--half", type=int, default=None, help="only every other line, from this one")
    options = parser.parse_args()
    operators = load_operators((DATA / "operators.toml").read_text(encoding="utf-8"))
    classifier = Classifier(load_data(lambda name: (DATA / name).read_bytes()), operators, home="71076")
    pooled: Counter[str] = Counter()
    for path in sorted(options.folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        half = rows if options.half is None else rows[options.half :: 2]
        counts = measure(classifier, half, show=options.errors)
        pooled += Counter({k: v for k, v in counts.items() if k.startswith(("service", "place"))})
        show(path.stem, counts)
    show("all (services and places)", pooled)


def measure(classifier: Classifier, rows: list[dict[str, Any]], *, show: bool) -> Counter[str]:
    """Count what is right and wrong."""
    n: Counter[str] = Counter()
    for row in rows:
        text, real = row["text"], "operator_in_text" in row
        at = datetime.fromisoformat(row["ts"]) if row.get("ts") else None
        got = classifier.classify(text, operator_hint=row["operator"] if real else None, at=at)
        want_fresh = bool(row["is_outage_report"]) and row["recency"] == "fresh"
        wrong = []
        n[f"fresh {_cell(want_fresh, got=got.fresh)}"] += 1
        if want_fresh != got.fresh:
            wrong.append(f"fresh: want {want_fresh} ({row['recency']})")
        n[f"report {_cell(bool(row['is_outage_report']), got=got.kind.value == 'outage')}"] += 1
        operator = {"sosh": "orange"}.get(row["operator"], row["operator"])
        if row.get("operator_in_text", True):
            alone = classifier.classify(text, at=at).operators
            right = operator in alone if operator else not alone
            n["operator right" if right else "operator wrong"] += 1
            if not right:
                wrong.append(f"operator: want {operator}, got {alone}")
        want_services = {SERVICE.get(s, s) for s in row["service"]}
        services = {s.value for s in got.services}
        _compare(n, "service", want_services, services, wrong)
        _compare(n, "place", expected_places(classifier, row["places"]), {p.id for p in got.places}, wrong)
        if wrong and show:
            print(f"{'; '.join(wrong)}\n    {text[:300]}\n    {got.score} {got.onset} {got.why}")
    return n


def _cell(want: bool, *, got: bool) -> str:
    return ("tp" if got else "fn") if want else ("fp" if got else "tn")


def _compare(n: Counter[str], what: str, want: set[str], got: set[str], wrong: list[str]) -> None:
    n[f"{what} tp"] += len(want & got)
    n[f"{what} fp"] += len(got - want)
    n[f"{what} fn"] += len(want - got)
    if want != got:
        wrong.append(f"{what}: want {sorted(want)}, got {sorted(got)}")


def show(title: str, n: Counter[str]) -> None:
    """Print one set's figures."""
    print(f"== {title}")
    for what in ("fresh", "report", "service", "place"):
        tp, fp, fn = n[f"{what} tp"], n[f"{what} fp"], n[f"{what} fn"]
        if tp + fp + fn:
            print(f"{what:9} precision {interval(tp, tp + fp):30} recall {interval(tp, tp + fn)}")
    right, wrong = n["operator right"], n["operator wrong"]
    if right + wrong:
        print(f"operator  accuracy  {interval(right, right + wrong)}")


if __name__ == "__main__":
    main()
