"""Find the places a text names: half of the story is where, and 844 communes are also ordinary words.

A name is read as a place when its cues outweigh its hazard: a preposition, a capital, a code or département beside it,
a place just before it in a list. Names of streets, stations, clubs and people are none. Of several communes of one
name the one that fits the codes in the text wins, then the one near the newsroom, then one far more populous.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.classify.gazetteer import Commune, Gazetteer, distance_km
from bot.classify.text import SAINT, Words, key, words
from bot.domain.places import Level, Place

_NEAR_KM = 60.0  # a newsroom means the namesake in its own area
_DOMINANT = 2.0  # times the population of the next namesake
_CONTRACTED = {"au": "le", "du": "le", "aux": "les", "des": "les"}
_ARTICLES = frozenset("le la les l".split())
_STREET_WORDS = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A place and the words that name it."""

    place: Place
    start: int
    end: int


class PlaceFinder:
    """Finds places in words.

    Args:
        places: Parsed `places.toml`.
        home: INSEE code or département id (`D71`) of the newsroom; its area wins ties.
    """

    def __init__(self, gazetteer: Gazetteer, places: Mapping[str, Any], home: str | None = None) -> None:
        self._gazetteer = gazetteer
        cues = {name: frozenset(line.split()) for name, line in places["cues"].items()}
        self._strong, self._weak = cues["strong"], cues["weak"]
        self._street, self._institution = cues["street"], cues["institution"]
        self._first_names, self._switching = cues["first_names"], cues["switching"]
        self._blocked: dict[str, list[list[str]]] = {}
        for phrase in places["not_places"]["phrases"]:
            first, *rest = phrase.split()
            self._blocked.setdefault(first, []).append([first, *rest])
        commune = gazetteer.by_insee(home) if home else None
        self._home_position = commune.position if commune else None
        self._home_departement = commune.place.departement if commune else (home or "D")[1:] or None

    # --- in a text ------------------------------------------------------------------------------------------------

    def find(
        self, text: Words, is_department: Callable[[int], bool], taken: frozenset[int] = frozenset()
    ) -> list[Found]:
        """Places in text order, each once.

        Args:
            is_department: Whether the number at a word is used as a département ("dans le 71").
            taken: Words an operator's name has claimed.
        """
        spell = [SAINT.get(w, w) for w in text.folded]
        codes = self._codes(text, is_department)
        wide = self._wide(text, spell)
        found = self._communes(text, spell, codes, wide)
        named = {f.place.id for f in found}
        for f in codes:
            if f.place.level is Level.POSTCODE or f.place.id not in named:
                found.append(f)
        found += wide
        seen: dict[str, Found] = {}
        for f in sorted(found, key=lambda f: f.start):
            if not taken & set(range(f.start, f.end)):
                seen.setdefault(f.place.id, f)
        return list(seen.values())

    def _codes(self, text: Words, is_department: Callable[[int], bool]) -> list[Found]:
        found = []
        for n, word in enumerate(text.folded):
            if not word[0].isdigit():
                continue
            if len(word) == 5 and word.isdigit() and (place := self._gazetteer.by_postcode(word)):
                found.append(Found(place, n, n + 1))
            elif word.upper() in self._gazetteer.departments and is_department(n):
                found.append(Found(self._gazetteer.departments[word.upper()], n, n + 1))
        return found

    def _wide(self, text: Words, spell: list[str]) -> list[Found]:
        """Départements and regions by name, and nicknames of these."""
        found = []
        g = self._gazetteer
        for start, end, name in self._spans(spell, lambda k: k in g.wide or g.nicknames.get(k, "")[:1] in {"D", "R"}):
            place = g.wide.get(name) or g.by_id(g.nicknames[name])
            if place is None:
                continue
            cue = g.department_cue.get(place.id[1:], "") if place.level is Level.DEPARTEMENT else ""
            if cue and name in g.wide and not self._said_as_department(text, start):
                continue
            found.append(Found(place, start, end))
        return found

    def _said_as_department(self, text: Words, start: int) -> bool:
        folded = text.folded
        before = folded[max(0, start - 2) : start]
        if before[-1:] and before[-1] in _ARTICLES and before[:1] and before[0] in {"dans", "sur", "departement"}:
            return True
        if before[-1:] == ["en"] and folded[start] not in {"lot", "nord", "manche", "somme"}:
            return text.raw[start][0].isupper()
        if before[-1:] and before[-1] in {"departement", "nord"} or before == ["departement", "du"]:
            return True
        # A capital in a list of départements: "Allier, Puy-de-Dôme, Nièvre".
        after = folded[start + 1 : start + 2]
        return text.raw[start][0].isupper() and bool(before[-1:] and before[-1] in {",", ":"} or after == [","])

    def _spans(self, spell: list[str], known: Callable[[str], bool]) -> list[tuple[int, int, str]]:
        """Longest known names, left to right, not overlapping."""
        found = []
        longest = self._gazetteer.longest
        n = 0
        while n < len(spell):
            for length in range(min(longest.get(spell[n], 0), len(spell) - n), 0, -1):
                name = spell[n] if length == 1 else " ".join(spell[n : n + length])
                if known(name):
                    found.append((n, n + length, name))
                    n += length
                    break
            else:
                n += 1
        return found

    def _communes(self, text: Words, spell: list[str], codes: list[Found], wide: list[Found]) -> list[Found]:
        g = self._gazetteer
        blocked = self._blocked_words(spell)
        for f in wide:  # "Haute-Saône" is not the commune of Saône, "dans la Loire" not Loiré
            blocked |= set(range(f.start, f.end))
        found: list[Found] = []
        for start, end, name, article in self._candidates(spell):
            if blocked & set(range(start, end)):
                continue
            nickname = g.nicknames.get(name)
            if nickname:
                if commune := g.by_insee(nickname):
                    found.append(Found(commune.place, start, end))
                continue
            near_code = [c for c in codes if -1 <= c.start - end <= 1 or -2 <= c.end - start <= 0]
            candidates = self._fit(g.named(name), codes, wide, near_code)
            if not candidates:
                continue
            commune = candidates[0]
            fits_code = any(self._in(commune, c.place) for c in near_code)
            cue = 4.0 if fits_code else self._cue(text, start, end, article=article)
            if any(self._in(commune, w.place) for w in (*wide, *codes)):
                cue += 1.5
            if found and self._continues_list(spell, found[-1].end, start):
                cue = max(cue, 1.5)
            if self._is_home(commune):
                cue += 0.7
            if cue >= commune.hazard:
                found.append(Found(commune.place, start, end))
        return found

    def _candidates(self, spell: list[str]) -> list[tuple[int, int, str, bool]]:
        """(start, end, lookup key, begins with a contracted article) of everything that could be a commune."""
        g = self._gazetteer
        found = []
        n = 0
        while n < len(spell):
            word = spell[n]
            hit: tuple[int, int, str, bool] | None = None
            if word in _CONTRACTED and n + 1 < len(spell):
                hit = self._longest_from(n + 1, spell, _CONTRACTED[word])
            if hit is None and word in g.longest:
                hit = self._longest_from(n, spell, None)
            if hit is None:
                n += 1
            else:
                found.append(hit)
                n = hit[1]
        return found

    def _longest_from(self, n: int, spell: list[str], article: str | None) -> tuple[int, int, str, bool] | None:
        g = self._gazetteer
        most = g.longest.get(article or spell[n], 0) - (article is not None)
        for length in range(min(most, len(spell) - n), 0, -1):
            parts = spell[n : n + length]
            if "s" in parts[1:]:
                parts = [parts[0], *("sur" if p == "s" else p for p in parts[1:])]
            name = " ".join([article, *parts]) if article else " ".join(parts)
            if g.knows_commune(name):
                return n, n + length, name, article is not None
        return None

    def _blocked_words(self, spell: list[str]) -> set[int]:
        """Words inside names of streets, stations, institutions and in phrases that only look like places."""
        blocked: set[int] = set()
        for n, word in enumerate(spell):
            for phrase in self._blocked.get(word, ()):
                if spell[n : n + len(phrase)] == phrase:
                    blocked |= set(range(n, n + len(phrase)))
            if word in self._street:
                for m in range(n + 1, min(len(spell), n + 1 + _STREET_WORDS)):
                    if (
                        spell[m] in {"a", "dans", "sur", "en", ",", ".", "(", "et", "depuis", "est"}
                        or spell[m][0].isdigit()
                    ):
                        break
                    blocked.add(m)
            elif word in self._institution:
                for m in range(n + 1, min(len(spell), n + 3)):
                    if spell[m] not in {"de", "du", "d", "des"}:
                        blocked.add(m)
                        break
        return blocked

    def _fit(
        self, communes: list[Commune], codes: list[Found], wide: list[Found], near_code: list[Found]
    ) -> list[Commune]:
        """The namesakes that the text can mean, the likeliest first; none when it cannot be told."""
        for hints in (near_code, [*codes, *wide]):
            if fitting := [c for c in communes if any(self._in(c, h.place) for h in hints)]:
                return sorted(fitting, key=lambda c: -c.population)
        if len(communes) < 2:  # noqa: PLR2004 - nothing to choose
            return communes
        communes = sorted(communes, key=lambda c: -c.population)
        if (near := [c for c in communes if self._is_home(c)]) and near[0].population * 50 > communes[0].population:
            return near
        return communes if communes[0].population >= _DOMINANT * communes[1].population else []

    def _in(self, commune: Commune, place: Place) -> bool:
        if place.level is Level.REGION:
            return f"R{commune.region}" == place.id
        if place.level is Level.COMMUNE:
            return commune.place.id == place.id
        if place.level is Level.POSTCODE:
            return any(c.place.id == commune.place.id for c in self._gazetteer.in_postcode(place.name))
        return commune.place.departement == place.departement

    def _is_home(self, commune: Commune) -> bool:
        if self._home_position and commune.position:
            return distance_km(self._home_position, commune.position) <= _NEAR_KM
        return self._home_departement is not None and commune.place.departement == self._home_departement

    def _cue(self, text: Words, start: int, end: int, *, article: bool) -> float:
        """How much the words around say "a place follows"."""
        raw, folded = text.raw, text.folded
        before = folded[start - 1] if start else "."
        cue = 0.0
        if raw[start - 1 : start] in (["à"], ["À"]) or (before == "a" and self._without_accents(raw)):
            cue = 2.0
        elif article:
            cue = 2.0 if before in {"au", "aux"} else 1.0
        elif before in self._strong or (before in {"de", "d"} and start > 1 and folded[start - 2] in self._strong):
            cue = 2.0
        elif before == "a":
            cue = 1.0
        elif before in self._weak:
            cue = 1.0 if before != "sur" else 1.5
        elif before in {".", ","} and end < len(folded) and folded[end] in {"sans", ",", ":"}:
            cue = 1.5
        if before in self._first_names:
            cue -= 2.0
        if start > 1 and before == "a" and folded[start - 2] in self._switching:
            cue -= 2.0
        if raw[start][0].isupper() and not self._shouted(raw):
            cue += 1.0 if before not in {".", "!", "?", ":"} else 0.5
        if end == len(folded) and before == ",":
            cue += 0.5
        return cue

    @staticmethod
    def _without_accents(raw: list[str]) -> bool:
        """The writer uses no accents at all, so "a" may well be "à"."""
        return all(w.isascii() for w in raw)

    @staticmethod
    def _shouted(raw: list[str]) -> bool:
        """Capitals tell nothing in a text that has little else."""
        letters = [w for w in raw if w[0].isalpha()]
        return sum(w[0].isupper() for w in letters) * 2 > len(letters) + 2

    @staticmethod
    def _continues_list(spell: list[str], end: int, start: int) -> bool:
        between = spell[end:start]
        return bool(between) and all(w in {",", "et", "ou", "a", "/", "puis", "&"} for w in between)

    # --- what an editor typed -------------------------------------------------------------------------------------

    def place(self, text: str) -> Place | None:
        """One place by id, code or name; None when there is none or it cannot be told which."""
        g = self._gazetteer
        said = text.strip()
        name = key(said)
        if not name:
            return None
        if place := g.by_id(said.upper()):
            return place
        code = name.upper()
        if code in g.departments:
            return g.departments[code]
        if place := g.by_postcode(code):
            return place
        nickname = g.by_id(g.nicknames[name]) if name in g.nicknames else None
        if nickname or name in g.wide and not g.named(name):
            return nickname or g.wide[name]
        text_words = words(said)
        codes = [n for n, w in enumerate(text_words.folded) if w[0].isdigit()]
        if codes and (found := self.find(text_words, lambda n: n in codes)):
            return found[0].place
        if fitting := self._fit(g.named(name), [], [], []):
            return fitting[0].place
        return g.wide.get(name)
