"""Turn any text into words once, so that every rule reads the same words.

Two lists of equal length come out: the words as written (case and accents are cues for places) and folded
(lower case, no accents, "pluuus" → "plus"), in which all matching happens. Punctuation that ends or joins a thought
is a word of its own.
"""

import re
import unicodedata
from typing import NamedTuple

MAX_CHARS = 4000  # posts end far below; what comes after cannot change who, what, where, when
BREAKS = ".!?;:"

_WORD = re.compile(r"[^\W_]+|[.!?;:,()+&€\n]")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"@([^\W_]+)_\w*")  # "@Orange_conseil" is Orange, and gives no advice
_HASHTAG = re.compile(r"#([^\W_]+)")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
# Combining marks (zalgo), joiners, bidi controls, soft hyphen, variation selectors: no part of any word.
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\u00ad]+"
)
_SUR = re.compile(r"\b[sS]/ ?")  # "Chalon s/Saône"
_FRENCH = re.compile("[ -~à-åç-ïñ-öù-ýÿ]*")
_HS = re.compile(r"\bh\.s\b\.?", re.IGNORECASE)
_LONG = re.compile(r"([a-z])\1{2,}")


def _fold_table() -> dict[int, str]:
    table = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii():
            table[code] = base
    return table | {ord("œ"): "oe", ord("æ"): "ae", ord("ø"): "o", ord("ł"): "l", ord("đ"): "d", ord("ß"): "ss"}


_FOLD = _fold_table()


def fold(text: str) -> str:
    """Lower case without accents; a lookup key."""
    text = text.lower()
    if _FRENCH.fullmatch(text):  # the same in a third of the time
        return unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()
    return text.translate(_FOLD)


class Words(NamedTuple):
    """A text as words.

    Attributes:
        raw: As written.
        folded: The same words folded; equal length.
    """

    raw: list[str]
    folded: list[str]

    def said(self, start: int, end: int) -> str:
        """The words of a span as they were written."""
        return " ".join(self.raw[start:end])


def words(text: str) -> Words:
    """Split a text into words; never raises, linear, reads `MAX_CHARS` at most."""
    text = text[:MAX_CHARS]
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKC", text[:MAX_CHARS]))[:MAX_CHARS]
    if "http" in text or "www." in text:
        text = _URL.sub(" . ", text)
    if "@" in text:
        text = _HANDLE.sub(r"\1", text)
    if "#" in text:
        text = _HASHTAG.sub(lambda m: " " + _CAMEL.sub(" ", m[1]), text)
    if "/" in text:
        text = _SUR.sub("sur ", text).replace("/", ",")
    if "h.s" in text or "H.S" in text:
        text = _HS.sub("hs", text)
    raw = [w if w != "\n" else "." for w in _WORD.findall(text)]
    folded = fold(" ".join(raw))
    if _LONG.search(folded):
        folded = _LONG.sub(r"\1", folded)
    return Words(raw, folded.split(" ") if raw else [])


def key(text: str) -> str:
    """A name as a lookup key: folded words, hyphens and apostrophes as spaces, "st" as "saint", "s/" as "sur"."""
    return " ".join(SPELL.get(w, w) for w in words(text).folded if w[0].isalnum())


SPELL = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes", "s": "sur"}
