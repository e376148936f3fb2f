from bot.classify.text import MAX_CHARS, fold, key, words


def test_accents_case_and_apostrophes_do_not_matter() -> None:
    assert words("L’Été à Mâcon, d'accord ?").folded == ["l", "ete", "a", "macon", ",", "d", "accord", "?"]


def test_words_as_written_keep_their_place() -> None:
    said = words("Panne à Nice !")
    assert said.raw[1:3] == ["à", "Nice"]
    assert said.said(0, 3) == "Panne à Nice"
    assert len(said.raw) == len(said.folded)


def test_hashtags_are_taken_apart_and_addresses_left_out() -> None:
    assert words("#PanneSFR #LeMans https://exemple.fr/orange").folded == ["panne", "sfr", "le", "mans", "."]


def test_stretched_words_are_themselves() -> None:
    assert words("pluuuus de réseauuuu").folded == ["plus", "de", "reseau"]


def test_decomposed_and_decorated_letters_are_letters() -> None:
    assert words("re\u0301seau").folded == ["reseau"]
    assert words("p\u0336a\u0335n\u0334n\u0337e").folded == ["panne"]
    assert words("\u202epanne\u200b").folded == ["panne"]


def test_only_the_beginning_of_a_huge_text_is_read() -> None:
    assert len(words("a " * 1_000_000).raw) == MAX_CHARS // 2


def test_nothing_in_nothing_out() -> None:
    assert words("").folded == []
    assert words("😡 \ud800").folded == []


def test_keys_spell_out_abbreviations() -> None:
    assert key("St-Étienne") == "saint etienne"
    assert key("Chalon s/Saône") == "chalon sur saone"
    assert fold("Œuilly") == "oeuilly"
