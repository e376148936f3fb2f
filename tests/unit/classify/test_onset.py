from datetime import UTC, datetime

import pytest

from bot.domain.signals import Onset
from tests.unit.classify.shipped import classifier

_WEDNESDAY = datetime(2025, 3, 12, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "onset"),
    [
        ("", Onset.NOW),
        ("depuis 10 minutes", Onset.NOW),
        ("depuis une heure", Onset.NOW),
        ("depuis ce matin", Onset.TODAY),
        ("depuis 8h", Onset.TODAY),
        ("depuis 6 heures", Onset.TODAY),
        ("depuis hier soir", Onset.TODAY),
        ("depuis hier", Onset.DAYS),
        ("depuis deux jours", Onset.DAYS),
        ("depuis 3j", Onset.DAYS),
        ("depuis lundi", Onset.DAYS),
        ("depuis le 11 mars", Onset.DAYS),
        ("depuis le 11/03", Onset.DAYS),
        ("depuis jeudi", Onset.PAST),
        ("depuis quatre jours", Onset.PAST),
        ("depuis une semaine", Onset.PAST),
        ("depuis plusieurs semaines", Onset.PAST),
        ("depuis le 2 février", Onset.PAST),
        ("depuis janvier", Onset.PAST),
        ("depuis 2023", Onset.PAST),
        ("depuis des mois", Onset.PAST),
    ],
)
def test_when_it_began(when: str, onset: Onset) -> None:
    reading = classifier().classify(f"plus d'internet {when}", at=_WEDNESDAY)
    assert reading.onset is onset
    assert reading.fresh is (onset is not Onset.PAST)
    assert reading.counts is (onset in {Onset.NOW, Onset.TODAY})


def test_a_date_without_the_posts_own_time_is_taken_as_long_ago() -> None:
    assert classifier().classify("plus d'internet depuis le 11 mars").onset is Onset.PAST


def test_how_long_one_has_been_a_customer_says_nothing() -> None:
    assert classifier().classify("client depuis dix ans, plus d'internet").onset is Onset.NOW


def test_absurd_numbers_do_no_harm() -> None:
    for text in ("depuis 99999999999999999999 jours", "depuis le 99 mars", "depuis le 0", "depuis 0 jours"):
        assert classifier().classify(f"plus d'internet {text}", at=_WEDNESDAY).onset is not None
