"""Build the gazetteer that the classifier ships, so that its content can be traced to its public source.

Usage: python tools/build_gazetteer.py GAZETTEER_DIR

Reads `communes.csv.gz` and `dangerous_names.csv` (made from @etalab/decoupage-administratif, MIT) and writes
`bot/classify/data/gazetteer.tsv.gz`: one line a commune, sorted by lookup key
(key, INSEE, name, département, region, postal codes, population, latitude, longitude, hazard), then, after an empty
line, short and run-together names (key, INSEE, hazard). Hazard says how much a name needs a cue to be read as a place.
"""

import csv
import gzip
import io
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from bot.classify.text import key

OUT = Path(__file__).parent.parent / "bot" / "classify" / "data" / "gazetteer.tsv.gz"
CONNECTORS = {"sur", "en", "les", "le", "la", "aux", "au", "sous", "de", "du", "des", "l", "d", "lez", "et", "a"}
SHORT_MIN_POPULATION = 4000
SHORT_MIN_LETTERS = 4
RUN_TOGETHER_MIN_POPULATION = 3000
DOMINANCE = 4  # a short form stands for a commune four times as populous as the next one it could stand for
PLACES = OUT.with_name("places.toml")
VERY_COMMON, COMMON = 4.5, 3.3  # Zipf frequency of a word: 4.5 is "orange", 3.3 "pommier"
CITY, TOWN, LARGE_VILLAGE = 30_000, 10_000, 2_000
INITIALS = 3  # a name this short may be anything


def hazard(name_key: str, population: int, why: str | None) -> float:
    """How strong a cue a name needs; 0 none, 4 a postal code or département number beside it."""
    if why is not None:
        if "never-without-code" in why:
            return 4.0
        zipf = float(m[1]) if (m := re.search(r"zipf ([\d.]+)", why)) else COMMON
        common = zipf >= VERY_COMMON or (zipf >= COMMON and population < TOWN)
        need = 2.5 if common else 2.0 if zipf >= COMMON else 1.5
        if "article+noun" in why or "person" in why:
            need = 2.5
        return max(1.5, need - 0.5) if population >= CITY else need
    if " " in name_key:
        return 0.0
    if len(name_key) <= INITIALS:
        return 2.0
    return 0.0 if population >= TOWN else 0.5 if population >= LARGE_VILLAGE else 1.0


def short_form(name_key: str, never: frozenset[str]) -> str | None:
    """What people say for short: "chalon" for "chalon sur saone", "vire" for "vire normandie"."""
    parts = name_key.split()
    first = 2 if parts[0] in {"saint", "sainte", "le", "la", "les"} else 1
    if len(parts) <= first:
        return None
    if parts[first] not in CONNECTORS and (len(parts) > first + 1 or first > 1):
        return None
    short = " ".join(parts[:first])
    return None if short in never or len(short) < SHORT_MIN_LETTERS else short


def main(folder: Path) -> None:
    """Write the gazetteer."""
    why = {row["norm"]: row["why"] for row in csv.DictReader((folder / "dangerous_names.csv").open(encoding="utf-8"))}
    why |= {key(norm): reason for norm, reason in why.items()}
    with gzip.open(folder / "communes.csv.gz", "rt", encoding="utf-8") as file:
        communes = sorted(csv.DictReader(file), key=lambda c: (key(c["nom"]), c["insee"]))
    never = frozenset(tomllib.loads(PLACES.read_text(encoding="utf-8"))["not_places"]["short_forms"])
    largest: dict[str, int] = defaultdict(int)
    shorts: dict[str, list[tuple[int, str]]] = defaultdict(list)
    together: dict[str, list[tuple[int, str]]] = defaultdict(list)
    lines = []
    for c in communes:
        k, population = key(c["nom"]), int(c["pop"] or 0)
        largest[k] = max(largest[k], population)
        if short := short_form(k, never):
            shorts[short].append((population, c["insee"]))
        if " " in k and population >= RUN_TOGETHER_MIN_POPULATION:
            together[k.replace(" ", "")].append((population, c["insee"]))
        values = [k, c["insee"], c["nom"], c["dep"], c["reg"], c["cp"], str(population), c["lat"], c["lon"]]
        lines.append("\t".join([*values, str(hazard(k, population, why.get(k)))]))
    lines.append("")
    for short, found in sorted(shorts.items()):
        found.sort(reverse=True)
        rival = max([largest.get(short, 0), *(p for p, _ in found[1:2])])
        population, insee = found[0]
        if population >= max(SHORT_MIN_POPULATION, DOMINANCE * rival):
            lines.append(f"{short}\t{insee}\t{hazard(short, population, why.get(short))}")
    lines += [f"{k}\t{max(found)[1]}\t0.0" for k, found in sorted(together.items()) if k not in largest]
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=9) as out:
        out.write("\n".join(lines).encode())
    OUT.write_bytes(buffer.getvalue())
    print(f"{OUT.name}: {len(communes)} communes, {len(lines) - len(communes) - 1} short names")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
