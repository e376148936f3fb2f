"""What comes from outside must fit and must be what it looks like: cleaning and cutting text for every chat.

Platforms count in UTF-16 units; Python counts code points. Nothing here knows a platform.
"""

import re
import unicodedata

_ZWJ = "\u200d"
# Letters by category, blank on every screen: they make a name look like another one, or like nothing.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SENTENCE_END = re.compile(r"[.!?…]['\"»”)]*(?=\s)|\n")
_WORD_END = re.compile(r"\s")
_BREAKS = str.maketrans({"\r": "\n", "\v": "\n", "\f": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n", "\t": " "})


def utf16_len(text: str) -> int:
    """Length in UTF-16 units, as Telegram and Discord count it."""
    return len(text) + sum(character > "\uffff" for character in text)


def plain(text: str) -> str:
    """The text without what is there but cannot be seen: bidi overrides, zero-width and control characters.

    Every line end becomes a line feed, at most two in a row; a joiner stays where it joins two emoji; a lone surrogate
    becomes U+FFFD.
    """
    text = text.replace("\r\n", "\n").translate(_BREAKS)
    kept = [
        "\ufffd" if unicodedata.category(character) == "Cs" else character
        for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if character == "\n"
        or (character == _ZWJ and _pictures(before, after))
        or (unicodedata.category(character) not in {"Cc", "Cf"} and character not in _INVISIBLE)
    ]
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()


def one_line(text: str) -> str:
    """`plain`, on one line, with single spaces (no-break spaces stay)."""
    return re.sub(r"[ \n]+", " ", plain(text))


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` UTF-16 units: cut at a sentence, else at a word, else between two characters.

    A cut text ends with `…`. Nothing a reader sees as one character (emoji with joiners, a letter and its accents, a
    flag) is cut in two.
    """
    if utf16_len(text) <= limit:
        return text
    if limit <= 0:
        return ""
    end, units = 0, 0
    while units + (width := 1 + (text[end] > "\uffff")) <= limit - 1:
        end, units = end + 1, units + width
    while end and _joined(text, end):
        end -= 1
    # `end` leaves a unit for the mark; after a sentence the mark has a space before it, which takes one more.
    sentence = max((match.end() for match in _SENTENCE_END.finditer(text, 0, end) if match.end() < end), default=0)
    if sentence * 2 > end:
        return text[:sentence].rstrip() + " …"
    if not text[end].isspace():
        word = max((match.start() for match in _WORD_END.finditer(text, 0, end)), default=0)
        end = word if word * 2 > end else end
    return text[:end].rstrip() + "…"


def _pictures(before: str, after: str) -> bool:
    """Whether a joiner between these two joins emoji (the first may carry a skin tone or a variation selector)."""
    return unicodedata.category(after) == "So" and (unicodedata.category(before) in {"So", "Sk"} or before == "\ufe0f")


def _joined(text: str, at: int) -> bool:
    """Whether what a reader sees as one character reaches across `at`."""
    before, after = text[at - 1], text[at]
    if _ZWJ in {before, after} or unicodedata.category(after) in {"Mn", "Me", "Mc", "Cf"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff":  # skin tones; Hangul vowels and finals
        return True
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":  # a pair given as two lone surrogates
        return True
    return _flag(after) and _flag(before) and _flags_before(text, at) % 2 == 1


def _flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _flag(text[at - 1 - count]):
        count += 1
    return count
