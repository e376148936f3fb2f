"""Measures the classifier on a folder of labelled mentions: figures and confusions on screen, counts into the docs.

    make eval VIGIE_DATA=DIR
    python -m tools.eval_mentions DIR [--misread] [--write]

`--misread` shows what was misread, on screen only; no text is ever written. Labels: see the README of the folder.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from bot.classify import Classifier
from bot.domain.operators import Service
from bot.domain.places import Level, Place
from bot.domain.signals import Classification, Kind
from tools import shipped
from tools.detection.intervals import share
from tools.detection.report import table

_DOC = Path(__file__).parent.parent / "docs" / "understanding.md"
_BEGIN, _END = "<!-- eval: begin -->", "<!-- eval: end -->"
_SERVICES = {"phone": "landline", "website": "web", "bank": "payment", "train": "rail"}
_BRANDS = {"sosh": "orange", "red": "sfr"}
_TRUE_ALL_THE_SAME = {"resolved", "stale", "chronic"}  # of no news, but no trap
_SETS = {"real_free_tweets": "real", "adapted": "adapted", "invented": "invented"}

Counts = Counter[tuple[str, str]]  # (label, tp | fp | fn | tn)


class Measured(NamedTuple):
    """What came of one set.

    Attributes:
        name: Of the set.
        counts: By label and outcome.
        confusions: How often each labelled recency was read as each kind.
    """

    name: str
    counts: Counts
    confusions: Counter[tuple[str, str]]


def expected_places(classifier: Classifier, labels: Sequence[str]) -> set[str]:
    """Labels (`c:Massy`, `d:71`, `r:Normandie`, `p:44600`) as place ids; vague zones are left out."""
    ids = set()
    for label in labels:
        kind, _, name = label.partition(":")
        place: Place | None = None if kind == "z" else classifier.place(name)
        if place is not None and (kind != "c" or place.level is Level.COMMUNE):
            ids.add(place.id)
    return ids


def measure(classifier: Classifier, name: str, rows: Sequence[dict[str, Any]], *, misread: bool) -> Measured:
    """Count what is right and wrong in one set."""
    counts: Counts = Counter()
    confusions: Counter[tuple[str, str]] = Counter()
    for row in rows:
        at = datetime.fromisoformat(row["ts"]) if row.get("ts") else None
        hint = row["operator"] if "operator_in_text" in row else None
        got = classifier.classify(row["text"], operator_hint=hint, at=at)
        wrong = [*_kinds(row, got, counts), *_operator(classifier, row, at, counts)]
        services = {_SERVICES.get(s, s) for s in row["service"]}
        wrong += _sets("service", services, {s.value for s in got.services}, counts)
        wrong += _sets("place", expected_places(classifier, row["places"]), {p.id for p in got.places}, counts)
        said = (
            "fresh outage" if got.fresh else "outage that is not fresh" if got.kind is Kind.OUTAGE else got.kind.value
        )
        confusions[row["recency"] or "none of these", said] += 1
        if wrong and misread:
            print(f"{'; '.join(wrong)}\n    {row['text'][:300]}\n    {got.score} {got.onset} {got.why}")
    return Measured(name, counts, confusions)


def _kinds(row: dict[str, Any], got: Classification, counts: Counts) -> Iterator[str]:
    report, outage = bool(row["is_outage_report"]), got.kind is Kind.OUTAGE
    fresh = report and row["recency"] == "fresh"
    for label, want, found in (("fresh report", fresh, got.fresh), ("any report", report, outage)):
        counts[label, _cell(want, found=found)] += 1
        if want != found:
            yield f"{label}: want {want} ({row['recency']})"
    if not report and row["recency"] not in _TRUE_ALL_THE_SAME:
        counts["trap", "fp" if outage else "tn"] += 1


def _operator(classifier: Classifier, row: dict[str, Any], at: datetime | None, counts: Counts) -> Iterator[str]:
    if not row.get("operator_in_text", True):
        return
    operator = _BRANDS.get(row["operator"], row["operator"])
    if operator and not classifier.gate(row["text"]):
        counts["operator", "nameless"] += 1
        yield f"operator: {operator} is labelled as named, but no operator's name, brand or product stands in the text"
        return
    found = classifier.classify(row["text"], at=at).operators
    right = operator in found if operator else not found
    counts["operator", "tp" if right else "fn"] += 1
    if not right:
        yield f"operator: want {operator}, got {found}"


def _sets(what: str, want: set[str], got: set[str], counts: Counts) -> Iterator[str]:
    for outcome, found in (("tp", want & got), ("fp", got - want), ("fn", want - got)):
        counts[what, outcome] += len(found)
        if what == "service":
            counts.update((name, outcome) for name in found)
    if want != got:
        yield f"{what}: want {sorted(want)}, got {sorted(got)}"


def _cell(want: bool, *, found: bool) -> str:
    return ("tp" if found else "fn") if want else ("fp" if found else "tn")


def _share(hits: int, of: int) -> str:
    if not of:
        return "–"
    low, high = share(hits, of)
    return f"{hits / of:.2f} [{low:.2f}–{high:.2f}] ({hits}/{of})"


def _line(label: str, counts: Counts, name: str) -> tuple[str, ...]:
    tp, fp, fn = (counts[label, outcome] for outcome in ("tp", "fp", "fn"))
    f1 = f"{2 * tp / (2 * tp + fp + fn):.2f}" if tp + fp + fn else "–"
    return name, _share(tp, tp + fp), _share(tp, tp + fn), f1


def report(measured: Sequence[Measured]) -> Iterator[str]:
    """The figures as lines of Markdown."""
    pooled: Counts = sum((m.counts for m in measured), Counter())
    rows = [_line(label, m.counts, f"{label}, {m.name}") for label in ("fresh report", "any report") for m in measured]
    rows += [_line(label, pooled, f"{label}s, all") for label in ("service", "place")]
    services = sorted({label for label, _ in pooled} & set(Service))
    rows += [_line(service, pooled, f"· {service}") for service in services]
    yield from table(("measure", "precision", "recall", "F1"), rows)
    yield ""
    right = [
        (m.name, _share(m.counts["operator", "tp"], m.counts["operator", "tp"] + m.counts["operator", "fn"]),
         _share(m.counts["trap", "fp"], m.counts["trap", "fp"] + m.counts["trap", "tn"]))
        for m in measured
    ]  # fmt: skip
    yield from table(("set", "operator named in the text, right", "traps read as an outage"), right)
    nameless = ", ".join(f"{m.counts['operator', 'nameless']} {m.name}" for m in measured)
    yield ""
    yield f"Left out of the operators, as no operator's name, brand or product stands in them: {nameless}."
    yield ""
    confusions: Counter[tuple[str, str]] = sum((m.confusions for m in measured), Counter())
    kinds = ("fresh outage", "outage that is not fresh", "recovery", "noise")
    recencies = sorted({recency for recency, _ in confusions})
    read = [(recency, *(confusions[recency, kind] or "" for kind in kinds)) for recency in recencies]
    yield from table(("labelled", *(f"read as {kind}" for kind in kinds)), read)


def main() -> None:
    """Print, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="that holds the labelled lines, or the folder mentions that does")
    parser.add_argument("--misread", action="store_true", help="show misread texts, on screen only")
    parser.add_argument("--write", action="store_true", help="put the counts into docs/understanding.md")
    options = parser.parse_args()
    classifier = shipped.classifier()
    folder = options.folder / "mentions" if (options.folder / "mentions").is_dir() else options.folder
    measured = []
    for stem, name in _SETS.items():
        lines = (folder / f"{stem}.jsonl").read_text(encoding="utf-8").splitlines()
        measured.append(measure(classifier, name, [json.loads(line) for line in lines], misread=options.misread))
    lines = list(report(measured))
    print("\n".join(lines))
    if options.write:
        before, _, rest = _DOC.read_text(encoding="utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        _DOC.write_text("\n".join((before + _BEGIN, "", *lines, "", _END + after)), encoding="utf-8")


if __name__ == "__main__":
    main()
