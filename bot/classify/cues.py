"""Tell from the words around it whether a name is a place: 844 communes are also ordinary words.

A cue has a strength, a commune's name a hazard (in the gazetteer): it is a place when the cue is at least as strong.
"""

from collections.abc import Mapping
from typing import Any

from bot.classify.text import Words

_STREET_WORDS = 5  # "rue du général de gaulle": a name this long at most
_STREET_ENDS = frozenset(["a", "dans", "sur", "en", ",", ".", "(", "et", "depuis", "est"])
_OF = frozenset(["de", "du", "d", "des"])
_SUBJECTS = frozenset(["qui", "on", "il", "elle", "y", "ca", "tu", "l", "m", "t", "n"])  # "qui a Orange ?"
_TITLES = frozenset(["m", "mr", "mme", "mlle", "dr", "me"])
_ARTICLES = frozenset(["le", "la", "les", "l"])
_LIST_WORDS = frozenset([",", "et", "ou", "a", "puis", "&", "+"])
_SURE, _LIKELY, _FAINT = 2.0, 1.5, 1.0


class Cues:
    """The words that show whether a name is a place.

    Args:
        places: Parsed `places.toml`.
    """

    def __init__(self, places: Mapping[str, Any]) -> None:
        cues = {name: frozenset(line.split()) for name, line in places["cues"].items()}
        self._strong, self._weak = cues["strong"], cues["weak"]
        self._street, self._institution = cues["street"], cues["institution"]
        self._first_names, self._switching = cues["first_names"], cues["switching"]
        self._phrases: dict[str, list[list[str]]] = {}
        for phrase in places["not_places"]["phrases"]:
            parts = phrase.split()
            self._phrases.setdefault(parts[0], []).append(parts)

    def blocked(self, spell: list[str]) -> set[int]:
        """Words inside names of streets, stations, institutions and in phrases that only look like places."""
        blocked: set[int] = set()
        for n, word in enumerate(spell):
            if word in self._phrases:
                for phrase in self._phrases[word]:
                    if spell[n : n + len(phrase)] == phrase:
                        blocked.update(range(n, n + len(phrase)))
            if word in self._street:
                blocked.update(self._street_name(spell, n + 1))
            elif word in self._institution:
                blocked.update(next(([m] for m in range(n + 1, min(len(spell), n + 3)) if spell[m] not in _OF), ()))
        return blocked

    @staticmethod
    def _street_name(spell: list[str], start: int) -> range:
        end = start
        while end < min(len(spell), start + _STREET_WORDS) and spell[end] not in _STREET_ENDS:
            if spell[end][0].isdigit():
                break
            end += 1
        return range(start, end)

    def strength(self, text: Words, start: int, end: int, *, article: bool) -> float:
        """How surely the words around say that a place is named.

        Args:
            text: All words.
            start: First word of the name.
            end: After its last word.
            article: The name's article is said in the word before ("au Mans").
        """
        before = text.folded[start - 1] if start else "."
        strength = self._by_preposition(text, start, end, before, article=article)
        if before == "." and start > 1 and text.folded[start - 2] in _TITLES:
            strength -= _SURE
        if before in self._first_names or (start > 1 and before == "a" and text.folded[start - 2] in self._switching):
            strength -= _SURE
        if before == "dans" and text.folded[start] in _ARTICLES:  # "dans la Bresse" is the country, not La Bresse
            strength -= _SURE
        if text.raw[start][0].isupper() and not _shouted(text.raw):
            strength += 0.5 if before in {".", "!", "?", ":"} else 1.0  # every sentence begins with a capital
        if end == len(text.folded) and before == ",":
            strength += 0.5
        return strength

    def _by_preposition(self, text: Words, start: int, end: int, before: str, *, article: bool) -> float:
        folded = text.folded
        if article:
            return _SURE if before in {"au", "aux"} else _FAINT
        if before == "a":  # "à Nice"; "a" may be a verb unless the writer uses no accents at all
            verb = start > 1 and folded[start - 2] in _SUBJECTS
            plain = not verb and all(w.isascii() for w in text.raw)
            return _SURE if plain or text.raw[start - 1] in {"à", "À"} else _FAINT
        if before in self._strong or (before in {"de", "d"} and start > 1 and folded[start - 2] in self._strong):
            return _SURE
        if before in self._weak:
            return _LIKELY if before == "sur" else _FAINT
        if before in {".", ","} and end < len(folded) and folded[end] in {"sans", ",", ":"}:
            return _LIKELY
        return 0.0


def continues_list(spell: list[str], end: int, start: int) -> bool:
    """Whether what lies between a place and the next name only joins them ("Drancy et Bondy")."""
    between = spell[end:start]
    return bool(between) and all(w in _LIST_WORDS for w in between)


def _shouted(raw: list[str]) -> bool:
    """Capitals tell nothing in a text that has little else."""
    letters = [w for w in raw if w[0].isalpha()]
    return sum(w[0].isupper() for w in letters) * 2 > len(letters) + 2
