import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.classify.shipped import classifier


def marked(text: str, hint: str | None = None) -> dict[str, set[str]]:
    """The words that decided, as they stand in the text, by what they are evidence for."""
    found = classifier().explain(text, operator_hint=hint)
    said: dict[str, set[str]] = {}
    for start, end, mark in found.placed(text):
        said.setdefault(mark.group, set()).add(text[start:end])
    return said


def test_every_kind_of_word_that_decided_is_marked_where_it_stands() -> None:
    said = marked("Livebox en panne depuis hier soir à Mâcon, plus d'internet ! vous aussi ?")
    assert said["operator"] == {"Livebox"}
    assert said["outage"] == {"en panne", "plus d'internet"}
    assert said["onset"] == {"depuis hier soir"}
    assert said["place"] == {"Mâcon"}
    assert said["social"] == {"vous aussi"}
    assert "internet" in said["service"]


def test_what_speaks_against_is_marked_too() -> None:
    assert marked("Orange recrute 200 alternants en Bourgogne")["noise"]
    assert marked("aucune panne SFR ici")["cancel"] == {"aucune panne"}
    assert marked("c'est revenu à Cluny, merci orange")["recovery"]


def test_the_same_words_said_twice_are_marked_where_they_decided() -> None:
    text = "le réseau social ? non : plus de réseau mobile sfr"
    assert marked(text)["outage"] == {"plus de réseau"}


def test_a_service_that_is_only_mentioned_is_not_marked() -> None:
    assert "mail" not in str(marked("j'ai reçu un mail de sfr, plus de réseau").get("service"))


def test_it_reads_like_classify() -> None:
    text = "idem dans le 34, plus rien"
    assert classifier().explain(text, operator_hint="free").reading == classifier().classify(text, operator_hint="free")


@given(st.text(max_size=300))
def test_marks_lie_in_the_text_whatever_it_is(text: str) -> None:
    for start, end, _ in classifier().explain(text).placed(text):
        assert 0 <= start < end <= len(text)


@pytest.mark.parametrize("text", ["", "😀😀", "\u202eorange\u202c en panne", "p\u0301anne #SFRHS"])
def test_odd_texts_are_explained(text: str) -> None:
    classifier().explain(text)
