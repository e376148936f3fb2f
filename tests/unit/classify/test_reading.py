"""Each group of rules, said in a sentence that nothing else decides."""

import time

import pytest

from bot.classify import Classifier, load_data
from bot.domain.signals import Kind
from tests.unit.classify.shipped import classifier, data_file, operators


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("plus de wifi", "plus de service"),
        ("pas de réseau", "pas de service"),
        ("on est sans internet", "sans service"),
        ("tout est en panne", "panne"),
        ("panne générale", "panne générale"),
        ("grosse coupure", "coupure"),
        ("la box est hors service", "hors service"),
        ("internet ne marche plus", "ne marche pas"),
        ("impossible de se connecter à internet", "impossible"),
        ("bloqué à l'étape 2", "box bloquée"),
        ("le réseau est perturbé", "perturbation"),
        ("problème de connexion", "problème de service"),
        ("le samu injoignable", "numéros d'urgence"),
        ("train arrêté en pleine voie", "trains arrêtés"),
        ("impossible de payer par carte", "paiement refusé"),
        ("remettez le wifi", "rendez-nous le service"),
        ("toujours pas revenu depuis ce matin, internet", "toujours pas revenu"),
    ],
)
def test_a_fault_is_a_fresh_report_and_says_why(text: str, rule: str) -> None:
    reading = classifier().classify(text, operator_hint="sfr")
    assert reading.kind is Kind.OUTAGE
    assert reading.fresh
    assert rule in {why.partition(":")[0] for why in reading.why}


@pytest.mark.parametrize(
    "text",
    [
        "aucune panne chez moi",
        "panne de réveil",
        "service client nul",
        "nous sommes désolés pour la gêne occasionnée par cette panne",
        "panne : ce que l'on sait",
        "ma facture a un problème, remboursez-moi",
        "je résilie à cause de problèmes de contrat",
        "jeu concours : gagnez une box",
    ],
)
def test_what_takes_it_back_makes_it_noise(text: str) -> None:
    assert classifier().classify(text, operator_hint="sfr").kind is Kind.NOISE


def test_a_repair_is_a_recovery_unless_it_is_asked_for_or_lost_again() -> None:
    read = classifier().classify
    assert read("c'est rétabli chez sfr").kind is Kind.RECOVERY
    assert read("quand sera rétabli le réseau sfr ?").kind is not Kind.RECOVERY
    assert read("c'est revenu, et maintenant plus de réseau sfr").kind is Kind.OUTAGE


def test_the_score_is_a_probability_that_orders_texts() -> None:
    texts = ["il fait beau", "un souci", "plus d'internet à Lyon depuis ce matin, vous aussi ?"]
    scores = [classifier().classify(t, operator_hint="sfr").score for t in texts]
    assert scores == sorted(scores)
    assert all(0 <= s <= 1 for s in scores)


def test_a_long_rant_does_not_outweigh_its_reason() -> None:
    rant = "la facture, le contrat, les frais, le prélèvement, le tarif, le remboursement. " * 20
    assert (
        classifier()
        .classify("panne totale, plus d'internet à Lyon depuis ce matin. " + rant, operator_hint="sfr")
        .fresh
    )


def test_a_newsroom_may_add_rules() -> None:
    more = '[[rule]]\ngroup = "outage"\nname = "patois"\nweight = 3\npatterns = ["ça joue plus"]'.replace("ç", "c")
    reader = Classifier(load_data(data_file, more), operators())
    assert reader.classify("ça joue plus chez sfr").fresh
    assert not classifier().classify("ça joue plus chez sfr").fresh


@pytest.mark.parametrize(
    "piece",
    [
        "nice 71100 ",
        "saint denis 77860 ",
        "lyon, (71) ",
        "la le les ",
        "orange free ",
        "aucune panne ",
        "depuis 3 jours ",
        "é",
    ],
)
def test_hostile_texts_cost_little(piece: str) -> None:
    start = time.process_time()
    classifier().classify(piece * 100_000)
    assert time.process_time() - start < 0.5
