import time

import pytest

from bot.classify.patterns import Patterns, Rule
from bot.classify.text import words

_RULE = Rule("outage", "essai", 1.0)


def _said(pattern: str, text: str, **classes: str) -> list[str]:
    said = words(text)
    found = Patterns(classes, [(_RULE, [pattern])]).hits(said.folded)
    return [said.said(h.start, h.end) for h in found.get("outage", [])]


def test_words_follow_one_another() -> None:
    assert _said("plus de réseau".replace("é", "e"), "j'ai plus de réseau ici") == ["plus de réseau"]
    assert _said("plus de reseau", "plus, de réseau") == []


def test_alternatives_optional_words_and_classes() -> None:
    assert _said("plus d|de? <net>", "plus internet", net="internet wifi") == ["plus internet"]
    assert _said("plus d|de? <net>", "plus de wifi", net="internet wifi") == ["plus de wifi"]


def test_gaps_stay_within_a_sentence() -> None:
    assert _said("box ..2 rouge", "la box est toute rouge") == ["box est toute rouge"]
    assert _said("box ..2 rouge", "la box. elle est rouge") == []
    assert _said("box ..1 rouge", "la box est toute rouge") == []


def test_sentence_starts() -> None:
    assert _said("^ idem", "Pas ici. Idem à Lyon") == ["Idem"]
    assert _said("^ idem", "c'est idem") == []


def test_numbers_clock_times_and_days() -> None:
    assert _said("depuis <n> jours", "depuis 12 jours") == ["depuis 12 jours"]
    assert _said("depuis <clock>", "depuis 9h30") == ["depuis 9h30"]
    assert _said("depuis <days>", "depuis 3j") == ["depuis 3j"]


def test_a_number_that_is_also_a_word_stays_a_number() -> None:
    rules = [(_RULE, ["le <n>"]), (Rule("outage", "hotline", 1.0), ["3244"])]
    assert {h.rule.name for h in Patterns({}, rules).hits(words("le 3244").folded)["outage"]} == {"essai", "hotline"}


def test_question_marks_are_words() -> None:
    assert _said("vous <ask>", "et vous ?") == ["vous ?"]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [("plus? de?", "nothing in it must occur"), ("<net>", "no such class"), ("l'eau", "neither a word nor a class")],
)
def test_a_wrong_pattern_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Patterns({}, [(_RULE, [pattern])])


def test_time_grows_linearly_with_length() -> None:
    patterns = Patterns({}, [(_RULE, ["a ..9 b ..9 c", "a? a? a? a? a? b", "a ..5 a ..5 a ..5 d"])])

    def seconds(length: int) -> float:
        folded = ["a"] * length
        start = time.process_time()
        patterns.hits(folded)
        return time.process_time() - start

    seconds(2_000)
    assert seconds(16_000) < 40 * max(seconds(2_000), 1e-4)
