import pytest

from bot.classify import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("merci @voisin_71 !", "merci […] !"),
        ("écris à jean.dupont@exemple.fr", "écris à […]"),
        ("appelle le 06 12 34 56 78", "appelle le […]"),
        ("0612345678 ou 03.85.00.00.00", "[…] ou […]"),
        ("+33 6 12 34 56 78", "[…]"),
        ("0033 6 12 34 56 78.", "[…]."),
    ],
)
def test_people_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    ["71100 Chalon", "39,99 € par mois", "le 02/07/2024 à 10h30", "appelez le 3900 ou le 1023", "étape 6", "@", ""],
)
def test_everything_else_stays(text: str) -> None:
    assert mask(text) == text


def test_long_hostile_texts_are_masked_in_linear_time() -> None:
    for piece in ("0", "+33 ", "a.", "@", "a@a.", "0 1", "(0"):
        mask(piece * 100_000)
