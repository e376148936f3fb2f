import pytest

from bot.classify import Classifier, load_operators
from tests.unit.classify.shipped import classifier, data, operators


@pytest.mark.parametrize(
    "text",
    [
        "Plus de réseau SFR",
        "ma livebox",
        "B&You HS",
        "chez Orange !",
        "réglo mobile",
        "REGLO MOBILE",
        "le 3244 ?",
        "#bbox",
    ],
)
def test_the_gate_lets_names_pass(text: str) -> None:
    assert classifier().gate(text)


@pytest.mark.parametrize("text", ["", "il fait beau", "freedom", "orangeade et oranges", "sfrx", "l'enfer", "😡"])
def test_the_gate_keeps_the_rest_out(text: str) -> None:
    assert not classifier().gate(text)


@pytest.mark.parametrize(
    ("said", "operator"),
    [
        ("orange", "orange"),
        ("SFR", "sfr"),
        ("Bouygues Telecom", "bouygues"),
        ("bouygues télécom", "bouygues"),
        ("la_banque_postale", "la_banque_postale"),
        ("credit mutuel", "credit_mutuel"),
        ("sosh", "orange"),
        ("b&you", "bouygues"),
        ("OVH", "ovh"),
    ],
)
def test_an_editor_may_type_id_name_or_alias(said: str, operator: str) -> None:
    found = classifier().operator(said)
    assert found is not None
    assert found.id == operator


@pytest.mark.parametrize("said", ["", "numericablé2", "x"])
def test_an_unknown_operator_is_none(said: str) -> None:
    assert classifier().operator(said) is None


def test_every_contract_operator_is_known() -> None:
    ids = {o.id for o in operators()}
    assert ids >= {"orange", "sfr", "bouygues", "free", "enedis", "sncf", "ovh", "la_banque_postale", "credit_mutuel"}


@pytest.mark.parametrize("operator", operators(), ids=lambda o: o.id)
def test_every_name_and_brand_is_found_in_a_complaint(operator: object) -> None:
    (operator,) = [o for o in operators() if o is operator]
    for said in (operator.name, *operator.aliases):
        assert classifier().classify(f"panne {said} depuis ce matin").operators == (operator.id,), said
    for brand, names in operator.brands:
        for said in names:
            reading = classifier().classify(f"panne {said} depuis ce matin")
            assert (reading.operators, reading.brands) == ((operator.id,), (brand,)), said


def test_a_hint_fills_in_and_never_removes() -> None:
    read = classifier().classify
    assert read("plus d'internet", operator_hint="free").operators == ("free",)
    assert read("plus d'internet chez sfr", operator_hint="free").operators == ("sfr",)


def test_a_hint_does_not_count_where_the_word_means_something_else() -> None:
    assert classifier().classify("vigilance orange, plus de courant", operator_hint="orange").operators == ()


def test_a_newsroom_may_add_an_operator() -> None:
    extra = load_operators(
        '[[operator]]\nid = "vialis"\nname = "Vialis"\nservices = ["internet", "tv"]\naliases = ["calixo"]\n'
    )
    reader = Classifier(data(), [*operators(), *extra])
    assert reader.classify("plus d'internet chez Calixo").operators == ("vialis",)
    assert reader.gate("calixo en panne")
    assert [o.id for o in reader.operators][-1] == "vialis"


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ('[[operator]]\nid = "x"\nname = "X"\n', "operator: x: 'services' is missing"),
        ('[[operator]]\nid = "x"\nname = "X"\nservices = ["fax"]\n', "fax"),
        ("[[operator]", "Expected"),
    ],
)
def test_a_wrong_operator_file_is_refused(toml: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load_operators(toml)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("Free n'arrive plus à appeler Orange", "free"),
        ("impossible d'appeler les Orange depuis mon SFR", "sfr"),
        ("je suis chez bouygues et je ne peux plus appeler free", "bouygues"),
        ("plus de réseau orange ni sosh", None),
        ("plus de réseau orange", None),
    ],
)
def test_of_two_networks_the_writers_own_is_told(text: str, network: str | None) -> None:
    assert classifier().classify(text).network == network
