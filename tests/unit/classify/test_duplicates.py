from datetime import UTC, datetime, timedelta

from bot.classify import NearDuplicates

_AT = datetime(2025, 3, 12, 8, tzinfo=UTC)
_LONG = "encore une panne orange ce matin plus de box ni de télé dans tout le quartier c'est insupportable"


def _ring(*said: str) -> list[bool]:
    ring = NearDuplicates()
    return [ring.is_duplicate(f"a{n}", text, _AT + timedelta(minutes=n)) for n, text in enumerate(said)]


def test_a_long_text_said_again_by_another_is_a_duplicate() -> None:
    assert _ring(_LONG, _LONG, _LONG.upper() + " !!!") == [False, True, True]


def test_short_natural_words_are_two_people() -> None:
    assert _ring("plus de réseau orange", "plus de réseau orange", "Plus de réseau Orange !") == [False, False, False]


def test_reposts_and_quotes_are_duplicates_even_of_what_we_never_saw() -> None:
    assert _ring("RT @voisin : plus de box à Lyon", "plus de box, via @voisin", "RT […] plus rien") == [
        True,
        True,
        True,
    ]


def test_texts_that_differ_in_a_place_are_two_people() -> None:
    at = "plus de fibre chez orange à {} depuis ce matin et aucune information du service client"
    assert _ring(at.format("Lille"), at.format("Lyon"), at.format("lens")) == [False, False, False]
    assert _ring(_LONG, _LONG + " à Roubaix") == [False, False]
    assert _ring("plus de box orange dans le 59 depuis ce matin, que se passe-t-il ?",
                 "plus de box orange dans le 62 depuis ce matin, que se passe-t-il ?") == [False, False]  # fmt: skip


def test_a_campaign_that_only_adds_a_word_is_one_voice() -> None:
    assert _ring(_LONG, _LONG + " honteux", "bonjour " + _LONG) == [False, True, True]


def test_a_cut_repost_is_a_duplicate() -> None:
    assert _ring(_LONG, _LONG[: len(_LONG) * 3 // 4]) == [False, True]


def test_the_same_author_is_counted_elsewhere() -> None:
    ring = NearDuplicates()
    assert not ring.is_duplicate("a", _LONG, _AT)
    assert not ring.is_duplicate("a", _LONG, _AT + timedelta(minutes=1))
    assert ring.is_duplicate("b", _LONG, _AT + timedelta(minutes=2))


def test_what_was_said_long_ago_is_forgotten() -> None:
    ring = NearDuplicates(window=timedelta(hours=1))
    assert not ring.is_duplicate("a", _LONG, _AT)
    assert not ring.is_duplicate("b", _LONG, _AT + timedelta(hours=2))


def test_memory_is_bounded() -> None:
    ring = NearDuplicates(capacity=50)
    for n in range(1_000):
        ring.is_duplicate(
            f"a{n}", f"{n} plus de box mot{n} chez moi{n} ici{n} depuis{n} tout{n} rien{n} encore{n}", _AT
        )
    assert len(ring._ring) <= 50
    assert len(ring._by_hash) <= 50 * 8


def test_a_ring_fed_again_answers_alike() -> None:
    said = [_LONG, "tout autre chose mais assez long pour être comparé à ce qui a été dit avant", _LONG + " vraiment"]
    first, again = NearDuplicates(), NearDuplicates()
    for n, text in enumerate(said):
        first.is_duplicate(str(n), text, _AT)
        again.is_duplicate(str(n), text, _AT)
    assert first.is_duplicate("x", said[1], _AT) == again.is_duplicate("x", said[1], _AT) == True  # noqa: E712
