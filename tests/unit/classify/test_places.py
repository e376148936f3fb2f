import pytest

from bot.domain.places import Level
from tests.unit.classify.shipped import classifier, data


@pytest.mark.parametrize(
    ("typed", "place_id"),
    [
        ("71", "D71"),
        ("Saône-et-Loire", "D71"),
        ("saone et loire", "D71"),
        ("D71", "D71"),
        ("2A", "D2A"),
        ("974", "D974"),
        ("Chalon", "71076"),
        ("Chalon-sur-Saône", "71076"),
        ("chalon s/ saone", "71076"),
        ("71076", "71076"),
        ("44600", "44184"),
        ("77860", "P77860"),
        ("Le Creusot (71)", "71153"),
        ("Saint-Marcel 71", "71445"),
        ("Bourgogne-Franche-Comté", "R27"),
        ("R27", "R27"),
        ("Paris 13e", "75056"),
        ("nice", "06088"),
        ("Corse", "R94"),
        ("Fort-de-France", "97209"),
    ],
)
def test_an_editor_may_type_any_name_or_code(typed: str, place_id: str) -> None:
    found = classifier().place(typed)
    assert found is not None
    assert found.id == place_id


@pytest.mark.parametrize("typed", ["", "   ", "nulle part", "99", "00000", "D", "P", "R", "😡"])
def test_what_is_no_place_is_none(typed: str) -> None:
    assert classifier().place(typed) is None


def _places(text: str, home: str | None = None) -> list[str]:
    return [p.id for p in classifier(home).classify(text).places]


def test_a_namesake_near_the_newsroom_wins() -> None:
    assert _places("panne à Saint-Marcel", "71076") == ["71445"]
    assert _places("panne à Saint-Marcel", "36044") == ["36200"]


def test_a_namesake_that_fits_a_code_wins() -> None:
    assert _places("panne à Saint-Denis (974)", "71076") == ["97411", "D974"]
    assert _places("panne à Saint-Denis, 93200", "71076") == ["93066"]


def test_a_name_borne_by_many_is_not_guessed() -> None:
    assert _places("panne à Saint-Sauveur") == []


def test_accents_tell_namesakes_apart() -> None:
    assert _places("Free en panne à Vire, coupé", "71076") == ["14762"]
    assert _places("free en panne à Viré, coupé", "71076") == ["71584"]


def test_every_level_says_what_it_is() -> None:
    reading = classifier().classify("panne à Mâcon, en Saône-et-Loire, 77860, en Bretagne")
    assert [(p.level, p.departement) for p in reading.places] == [
        (Level.COMMUNE, "71"),
        (Level.DEPARTEMENT, "71"),
        (Level.POSTCODE, "77"),
        (Level.REGION, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "rue de Lyon coupée",
        "12 avenue Jean Jaurès",
        "place de Verdun, plus de fibre",
        "gare de Lyon bloquée",
        "le lycée de Mâcon recrute",
        "l'Olympique de Marseille a gagné",
        "Jean Lille n'a plus internet",
    ],
)
def test_streets_stations_clubs_and_people_are_no_places(text: str) -> None:
    assert _places(text) == []


_ORDINARY = "il n'y a plus de {name} et rien de {name} ne marche"


def test_dangerous_names_in_plain_sentences_are_words() -> None:
    gazetteer = data().gazetteer
    dangerous = [c.place for c in gazetteer.communes() if c.hazard >= 2]
    assert len(dangerous) > 500
    read = [p.name for p in dangerous if p.id in _places(_ORDINARY.format(name=p.name.lower()))]
    assert read == []


def test_dangerous_names_beside_their_number_are_places() -> None:
    gazetteer = data().gazetteer
    dangerous = [c.place for c in gazetteer.communes() if c.hazard >= 2]
    missed = [
        p.name
        for p in dangerous
        if not {n.name for n in classifier(None).classify(f"plus de box à {p.name} ({p.departement})").places}
        & {p.name}
    ]
    assert len(missed) <= 0.02 * len(dangerous), missed
