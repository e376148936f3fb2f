"""Whatever is said, the classifier answers, and answers within its own terms."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.classify import classify_lines, mask
from bot.domain.signals import Kind, Onset
from tests.unit.classify.shipped import classifier

_SAID = """plus de réseau internet orange free red à Nice Tours 71 (71) 71100 depuis ce matin le 12 mars 3j 9h30 panne
étape 2 c'est revenu idem ? ! . , #LeMans s/ St @x https://a.fr é É 😡 ﬁ ½ İ ß"""
_PIECES = st.sampled_from([*_SAID.split(), "\u0301", "\u202e", "\ud800"])
_TEXT = st.one_of(st.text(alphabet=st.characters(), max_size=300), st.lists(_PIECES, max_size=40).map(" ".join))


@given(_TEXT, st.sampled_from([None, "orange", "free", "nobody"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(text: str, hint: str | None) -> None:
    reading = classifier().classify(text, operator_hint=hint)
    assert 0 <= reading.score <= 1
    assert reading.fresh <= (reading.kind is Kind.OUTAGE)
    assert not reading.fresh or reading.onset is not Onset.PAST
    assert len(set(reading.services)) == len(reading.services)
    assert len({p.id for p in reading.places}) == len(reading.places)
    assert reading == classifier().classify(text, operator_hint=hint)


@given(_TEXT)
@settings(max_examples=200, deadline=None)
def test_gate_place_operator_and_mask_never_raise(text: str) -> None:
    classifier().gate(text)
    classifier().operator(text)
    found = classifier().place(text)
    assert found is None or found.id
    mask(text)


@given(_TEXT)
@settings(max_examples=100, deadline=None)
def test_what_is_named_as_an_operator_passed_the_gate(text: str) -> None:
    if classifier().classify(text).operators:
        assert classifier().gate(text)


@given(st.lists(st.one_of(st.binary(max_size=80), st.text(max_size=80)), max_size=5))
@settings(max_examples=100, deadline=None)
def test_any_line_is_answered(lines: list[bytes | str]) -> None:
    out = list(classify_lines(lines, classifier()))
    assert len(out) == len(lines)
    for line in out:
        json.loads(line)
