"""Find the places a text names, since where an outage is felt is half of the story.

Of several communes of one name the one that fits the codes and départements in the text wins, then the one near the
newsroom, then one far more populous; where it cannot be told which, none is named.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from bot.classify.cues import Cues, continues_list
from bot.classify.gazetteer import Commune, Gazetteer, distance_km
from bot.classify.text import SPELL, Words, key, words
from bot.domain.places import Level, Place

_NEAR_KM = 60.0  # a newsroom means the namesake in its own area…
_FAR_LARGER = 50.0  # …unless another one is a city beside it
_DOMINANT = 2.0  # times the population of the next namesake
_MOST_CODES, _MOST_NAMES = 12, 40  # who lists more tells no place; it bounds the work
_POSTCODE_DIGITS = 5
_BY_CODE = 4.0  # the strongest cue: its postal code or département number beside it
_FITS_WIDER, _NEAR_HOME, _IN_LIST = 1.5, 0.7, 1.5
_NEIGHBOURS_POPULATION = 20_000
_ARTICLES = frozenset(["le", "la", "les", "l"])
_NOT_AFTER_EN = frozenset(["lot", "nord", "manche", "somme"])


class Found(NamedTuple):
    """A place and the words that name it."""

    place: Place
    start: int
    end: int


class PlaceFinder:
    """Finds places in words.

    Args:
        gazetteer: All places.
        places: Parsed `places.toml`.
        home: INSEE code or département id (`D71`) of the newsroom; its area wins ties.
    """

    def __init__(self, gazetteer: Gazetteer, places: Mapping[str, Any], home: str | None = None) -> None:
        self._gazetteer = gazetteer
        self._cues = Cues(places)
        commune = gazetteer.by_insee(home) if home else None
        self._home_position = commune.position if commune else None
        self._home_departement = commune.place.departement if commune else (home or "D")[1:] or None

    def find(self, text: Words, is_department: Callable[[int], bool]) -> list[Found]:
        """Places in text order, each once.

        Args:
            text: The words.
            is_department: Whether the number at a word is used as a département ("dans le 71").
        """
        spell = text.folded
        if not SPELL.keys().isdisjoint(spell):
            spell = [SPELL.get(w, w) for w in spell]
        codes = self._codes(text.folded, is_department)
        wide = self._wide(text, spell)
        communes = self._communes(text, spell, codes, wide)
        if not (communes or codes or wide):
            return []
        first: dict[str, Found] = {}
        for found in sorted([*communes, *codes, *wide], key=lambda f: f.start):
            first.setdefault(found.place.id, found)
        return list(first.values())

    def _codes(self, folded: list[str], is_department: Callable[[int], bool]) -> list[Found]:
        found = []
        for n in [n for n, word in enumerate(folded) if "0" <= word[0] <= "9"]:
            word = folded[n]
            place = None
            if len(word) == _POSTCODE_DIGITS and word.isdigit():
                place = self._gazetteer.by_postcode(word)
            elif is_department(n):
                place = self._gazetteer.departments.get(word.upper())
            if place:
                found.append(Found(place, n, n + 1))
        return found[:_MOST_CODES]

    def _wide(self, text: Words, spell: list[str]) -> list[Found]:
        """Départements and regions by name or nickname."""
        found = []
        for name in self._gazetteer.wide_in(spell):
            place, cue = self._gazetteer.wide_place(name.key)
            if not cue or _said_as_department(text, name.start):
                found.append(Found(place, name.start, name.end))
        return found[:_MOST_CODES]

    def _communes(self, text: Words, spell: list[str], codes: list[Found], wide: list[Found]) -> list[Found]:
        names = self._gazetteer.communes_in(spell)[:_MOST_NAMES]
        if not names:
            return []
        blocked = self._cues.blocked(spell)
        for f in wide:  # "Haute-Saône" is not the commune of Saône, "dans la Loire" not Loiré
            blocked.update(range(f.start, f.end))
        found: list[tuple[Found, int]] = []
        for name in names:
            beside = [c for c in codes if -1 <= c.start - name.end <= 1 or -1 <= name.start - c.end <= 1]
            namesakes = _as_spelled(self._gazetteer.named(name.key), text.raw[name.start : name.end])
            commune = self._which(namesakes, beside, [*codes, *wide])
            coded = commune is not None and any(self._fits(commune, c.place) for c in beside)
            if commune is None or not (coded or blocked.isdisjoint(range(name.start, name.end))):
                continue
            cue = self._cues.strength(text, name.start, name.end, article=name.article)
            if found and continues_list(spell, found[-1][0].end, name.start):
                cue = max(cue, _IN_LIST)
            cue += _BY_CODE * coded
            cue += _FITS_WIDER * any(self._fits(commune, w.place) for w in (*codes, *wide))
            cue += _NEAR_HOME * self._is_home(commune)
            if cue >= commune.hazard:
                found.append((Found(commune.place, name.start, name.end), commune.population))
        return _without_compounds(found)

    def _which(self, communes: list[Commune], beside: list[Found], anywhere: list[Found]) -> Commune | None:
        """The namesake that the text means; None when it cannot be told."""
        communes = sorted(communes, key=lambda c: (not c.meant, -c.population))
        for hints in (beside, anywhere):
            if fitting := [c for c in communes if any(self._fits(c, h.place) for h in hints)]:
                return fitting[0]
        if near := [c for c in communes if self._is_home(c) and c.population * _FAR_LARGER > communes[0].population]:
            return near[0]
        if len(communes) > 1 and not communes[0].meant and communes[0].population < _DOMINANT * communes[1].population:
            return None
        return communes[0] if communes else None

    def _fits(self, commune: Commune, place: Place) -> bool:
        if place.level is Level.REGION:
            return f"R{commune.region}" == place.id
        if place.level is Level.COMMUNE:
            return commune.place.id == place.id
        if place.level is Level.POSTCODE:
            return place.name in commune.postcodes
        return commune.place.departement == place.departement

    def _is_home(self, commune: Commune) -> bool:
        if self._home_position and commune.position:
            return distance_km(self._home_position, commune.position) <= _NEAR_KM
        return self._home_departement is not None and commune.place.departement == self._home_departement

    def by_id(self, place_id: str) -> Place | None:
        """A place by its canonical id."""
        return self._gazetteer.by_id(place_id)

    def place(self, text: str) -> Place | None:
        """The place an editor typed: id, code or name; None when there is none or it cannot be told which."""
        g = self._gazetteer
        name = key(text)
        code = name.upper()
        if found := g.departments.get(code) or g.by_postcode(code) or g.by_id(text.strip().upper()):
            return found
        commune = self._which(g.named(name), [], [])
        if commune:
            return commune.place
        if [n.key for n in g.wide_in(name.split(" "))] == [name]:
            return g.wide_place(name)[0]
        said = words(text)  # "Saint-Marcel (71)", "Chalon 71100"
        places = self.find(said, lambda _: True)
        return places[0].place if places else None


def _as_spelled(communes: list[Commune], raw: list[str]) -> list[Commune]:
    """Those whose accents are the writer's ("Vire" is not Viré), if any are."""
    said = "".join(raw).lower()
    exact = [c for c in communes if "".join(filter(str.isalnum, c.place.name)).lower().startswith(said)]
    return exact or communes


def _said_as_department(text: Words, start: int) -> bool:
    """Whether a name that is also a river, a word or a commune is used as a département."""
    two = ["", "", *text.folded[max(0, start - 2) : start]][-2:]
    if two[1] in _ARTICLES and two[0] in {"dans", "sur", "departement", "sud", "nord"}:
        return True
    if two[1] == "departement" or two == ["departement", "du"]:
        return True
    if not text.raw[start][0].isupper():
        return False
    if two[1] == "en":
        return text.folded[start] not in _NOT_AFTER_EN
    # A capital in a list: "Allier, Puy-de-Dôme, Nièvre".
    return two[1] in {",", ":"} or text.folded[start + 1 : start + 2] == [","]


def _without_compounds(found: list[tuple[Found, int]]) -> list[Found]:
    """Two small communes side by side are one name of something else ("Prés-Saint-Jean")."""
    compound = {
        f.place.id
        for (a, n), (b, m) in pairwise(found)
        if a.end == b.start and min(n, m) < _NEIGHBOURS_POPULATION
        for f in (a, b)
    }
    return [f for f, _ in found if f.place.id not in compound]
