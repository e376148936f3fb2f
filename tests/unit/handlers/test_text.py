"""Text from outside, cleaned and cut: no platform refuses it, and nobody is fooled by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers._text import cut, plain, utf16_len

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ALL_TEXT = st.text(st.characters(codec=None), max_size=80)  # lone surrogates too


def test_strips_what_cannot_be_seen() -> None:
    assert plain("pa\u200bn\u00adne \u202eegnarO\u2066 \x1b[31mrouge\x07") == "panne egnarO [31mrouge"
    assert plain("a\r\nb\u2028c\n\n\n\nd") == "a\nb\nc\n\nd"
    assert plain("8\u00a0h\u00a005\u202f!") == "8\u00a0h\u00a005\u202f!"
    assert plain(f"{FAMILY} a\u200db \ud800") == f"{FAMILY} ab \ufffd"


@given(ALL_TEXT)
def test_plain_is_stable_and_can_be_encoded(text: str) -> None:
    clean = plain(text)
    assert plain(clean) == clean
    clean.encode("utf-16")


@pytest.mark.parametrize(
    ("limit", "shown"),
    [
        (60, "Une panne touche Orange. Rien sur leur page. Nous vérifions."),
        (55, "Une panne touche Orange. Rien sur leur page. …"),
        (40, "Une panne touche Orange. …"),
        (20, "Une panne touche…"),
        (5, "Une…"),
        (1, "…"),
        (0, ""),
    ],
)
def test_cuts_at_a_sentence_then_at_a_word(limit: int, shown: str) -> None:
    assert cut("Une panne touche Orange. Rien sur leur page. Nous vérifions.", limit) == shown


def test_never_inside_what_reads_as_one_character() -> None:
    assert cut("🟠🟠🟠", 5) == "🟠🟠…"
    assert cut("🟠🟠🟠", 4) == "🟠…"
    assert cut(FAMILY + "abc", 6) == "…"
    assert cut("ae\u0301bcd", 3) == "a…"
    assert cut("🇫🇷🇧🇪🇨🇭", 8) == "🇫🇷…"


@given(ALL_TEXT, st.integers(0, 90))
def test_never_longer_than_the_limit(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert utf16_len(shown) <= limit
    assert shown == text or not shown or shown.endswith("…")


@given(ALL_TEXT)
def test_counts_as_the_platforms_do(text: str) -> None:
    assert utf16_len(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2
