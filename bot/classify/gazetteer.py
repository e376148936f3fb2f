"""What places there are: names and codes of 34,969 communes in about 15 MB, ready in a fraction of a second.

A commune stays one line of text until it is asked for; names and postal codes point to lines.
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from bot.classify.text import key
from bot.domain.places import Level, Place

_CACHED_NAMES = 2048
_CONTRACTED = {"au": "le", "du": "le", "aux": "les", "des": "les"}


@dataclass(frozen=True, slots=True)
class Commune:
    """One commune as the gazetteer knows it.

    Attributes:
        hazard: How strong a cue its name needs to be read as a place: 0 none, 4 its number or postal code beside it.
        position: (latitude, longitude) in degrees, or None.
        meant: People mean this one by the name, unless something else says otherwise.
    """

    place: Place
    region: str
    postcodes: frozenset[str]
    population: int
    hazard: float
    position: tuple[float, float] | None
    meant: bool = False


class Name(NamedTuple):
    """Words that may name a place; `article`: its article is said in the word before ("au Mans")."""

    key: str
    start: int
    end: int
    article: bool


class Gazetteer:
    """Every place by name and by code.

    Args:
        communes: Content of `gazetteer.tsv.gz`.
        places: Parsed `places.toml`.
    """

    def __init__(self, communes: bytes, places: Mapping[str, Any]) -> None:
        self._rows, aliases = (
            part.split("\n") for part in gzip.decompress(communes).decode().rstrip("\n").split("\n\n", 1)
        )
        self._by_key: dict[str, int] = {}
        self._by_insee: dict[str, int] = {}
        self._by_postcode: dict[str, list[int]] = {}
        for n, row in enumerate(self._rows):
            name_key, insee, _, _, _, postcodes, _ = row.split("\t", 6)
            self._by_key.setdefault(name_key, n)
            self._by_insee[insee] = n
            for code in postcodes.split():
                self._by_postcode.setdefault(code, []).append(n)
        self._short = {k: (insee, float(hazard)) for k, insee, hazard in (line.split("\t") for line in aliases)}
        self.departments = {
            number: Place(f"D{number}", Level.DEPARTEMENT, name, number)
            for number, (name, _, _) in places["departments"].items()
        }
        self.region_of = {number: f"R{region}" for number, (_, region, _) in places["departments"].items()}
        self._needs_cue = {number: cue for number, (_, _, cue) in places["departments"].items()}
        self.regions = {n: Place(f"R{n}", Level.REGION, name, None) for n, name in places["regions"].items()}
        self.wide = {key(p.name): p for p in self.regions.values()}
        self.wide |= {key(p.name): p for p in self.departments.values() if self._needs_cue[p.id[1:]] != "number"}
        self.nicknames: dict[str, str] = dict(places["nicknames"])
        self._wide_names = {*self.wide, *(n for n, place in self.nicknames.items() if place[0] in "DR")}
        self._commune_names = _Names(
            self._by_key, self._short, (n for n in self.nicknames if n not in self._wide_names)
        )
        self._wide_spans = _Names(self._wide_names)
        self.named = lru_cache(maxsize=_CACHED_NAMES)(self._named)  # streams name the same few again and again

    def _commune(self, n: int) -> Commune:
        _, insee, name, dep, region, postcodes, population, lat, lon, hazard = self._rows[n].split("\t")
        position = (float(lat), float(lon)) if lat else None
        place = Place(insee, Level.COMMUNE, name, dep)
        return Commune(place, region, frozenset(postcodes.split()), int(population), float(hazard), position)

    def communes(self) -> Iterator[Commune]:
        """Every commune, by lookup key."""
        return map(self._commune, range(len(self._rows)))

    def by_insee(self, insee: str) -> Commune | None:
        """A commune by its INSEE code."""
        n = self._by_insee.get(insee)
        return None if n is None else self._commune(n)

    def by_id(self, place_id: str) -> Place | None:
        """A place by its canonical id."""
        if place_id[:1] in {"D", "R"}:
            return (self.departments if place_id[0] == "D" else self.regions).get(place_id[1:])
        if place_id[:1] == "P":
            return self.by_postcode(place_id[1:])
        return commune.place if (commune := self.by_insee(place_id)) else None

    def wide_place(self, name: str) -> tuple[Place, bool]:
        """The département or region of a name that `wide_at` found, and whether it needs a cue."""
        if name in self.nicknames:
            place = self.by_id(self.nicknames[name])
            if place is not None:
                return place, False
        place = self.wide[name]
        return place, place.level is Level.DEPARTEMENT and bool(self._needs_cue[place.id[1:]])

    def _named(self, name: str) -> list[Commune]:
        """Communes that bear a name (a lookup key), or that it is short for or a nickname of."""
        n = self._by_key.get(name)
        found = []
        while n is not None and n < len(self._rows) and self._rows[n].startswith(name + "\t"):
            found.append(self._commune(n))
            n += 1
        if name in self._short:
            insee, hazard = self._short[name]
            found.append(replace(self._commune(self._by_insee[insee]), hazard=hazard))
        if name in self.nicknames and (meant := self.by_insee(self.nicknames[name])):
            found = [c for c in found if c.place.id != meant.place.id]
            found.append(replace(meant, hazard=0.0, meant=True))
        return found

    def communes_in(self, spell: list[str]) -> list[Name]:
        """What could name a commune: longest first, left to right, not overlapping."""
        return self._commune_names.within(spell)

    def wide_in(self, spell: list[str]) -> list[Name]:
        """What could name a département or region."""
        return self._wide_spans.within(spell)

    def by_postcode(self, code: str) -> Place | None:
        """The commune of a postal code, or the code itself where several share it."""
        rows = self._by_postcode.get(code)
        if not rows:
            return None
        first = self._commune(rows[0]).place
        return first if len(rows) == 1 else Place(f"P{code}", Level.POSTCODE, code, first.departement)


class _Names:
    """Names of several words, found fast: most words of a text begin none."""

    def __init__(self, *names: Iterable[str]) -> None:
        self._names: set[str] = set().union(*names)
        self._firsts = {name.partition(" ")[0] for name in self._names} | _CONTRACTED.keys()
        self._longest: dict[str, int] = {}  # by the first two words
        for name in self._names:
            if " " in name:
                parts = name.split(" ")
                pair = f"{parts[0]} {parts[1]}"
                self._longest[pair] = max(len(parts), self._longest.get(pair, 0))

    def within(self, spell: list[str]) -> list[Name]:
        firsts = self._firsts
        found: list[Name] = []
        free = 0
        for n in [n for n, word in enumerate(spell) if word in firsts]:
            if n < free:
                continue
            article = _CONTRACTED.get(spell[n])
            length = self._length(article, spell, n) if article else 0
            if length > 1:
                name = Name(" ".join([str(article), *spell[n + 1 : n + length]]), n + 1, n + length, article=True)
            elif length := self._length(spell[n], spell, n):
                name = Name(" ".join(spell[n : n + length]), n, n + length, article=False)
            else:
                continue
            found.append(name)
            free = name.end
        return found

    def _length(self, first: str, spell: list[str], n: int) -> int:
        """How many words from the n-th on are a name, if the n-th were `first`."""
        if n + 1 < len(spell):
            for length in range(self._longest.get(f"{first} {spell[n + 1]}", 0), 1, -1):
                if " ".join([first, *spell[n + 1 : n + length]]) in self._names:
                    return length
        return int(first in self._names)


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance (haversine), good enough to tell the near town from the far one."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 12742 * math.asin(math.sqrt(h))
