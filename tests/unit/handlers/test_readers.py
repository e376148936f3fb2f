"""What a reader is told, word for word: it must be understood in three seconds and promise nothing untrue."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.clock import ManualClock
from bot.domain.incidents import Statement
from bot.domain.operators import Service
from bot.domain.signals import EntryState
from bot.ports import DestinationDeps, ReaderAnswer, Reception, TakingBack, Welcome
from handlers._readers import answer_text, may_take_back, taken_back_text, welcome_text
from tests.fakes.desk import LILLE, MORNING

DEPS = DestinationDeps(ManualClock(MORNING), "fr", ZoneInfo("Europe/Paris"), "Le Journal")
ENGLISH = replace(DEPS, language="en")
COUNTED = ReaderAnswer(Reception.COUNTED, "Orange", (Service.MAIL,), (LILLE,))
SAID = Statement("e1", "orange-etat", "Incident messagerie", EntryState.IDENTIFIED, MORNING - timedelta(minutes=5))
SINCE = MORNING - timedelta(minutes=20)
KEPT = "\nTexte gardé 30 jours, sans votre nom."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            COUNTED,
            "Merci, c’est noté : Orange, messagerie, Lille.\n"
            "C’est le premier signalement que nous recevons. La rédaction vérifie." + KEPT,
        ),
        (
            replace(COUNTED, others=1, since=SINCE),
            "Merci, c’est noté : Orange, messagerie, Lille.\n"
            "1 autre personne nous l’a signalé à 8 h 05. La rédaction vérifie." + KEPT,
        ),
        (
            replace(COUNTED, others=12, since=SINCE, statement=SAID, published="Orange : la messagerie en panne"),
            "Merci, c’est noté : Orange, messagerie, Lille.\n"
            "12 autres personnes nous l’ont signalé depuis 8 h 05. Orange indique (8 h 20) : « Incident messagerie ». "
            "Notre alerte : « Orange : la messagerie en panne »." + KEPT,
        ),
        (
            replace(COUNTED, kind=Reception.AGAIN, services=(), places=(), published=""),
            "Merci. Votre signalement est déjà compté : Orange.\nLa rédaction a publié une alerte.",
        ),
        (
            replace(COUNTED, kind=Reception.RECOVERY),
            "Merci de nous le dire : c’est revenu (Orange, messagerie, Lille).",
        ),
        (ReaderAnswer(Reception.RECOVERY), "Merci de nous le dire : c’est revenu."),
        (
            ReaderAnswer(Reception.UNCLEAR),
            (
                "Nous n’avons pas compris. Quel opérateur, qu’est-ce qui ne marche pas, et où ? En une phrase, par "
                "exemple : « plus de mails Orange à Lille »."
            ),
        ),
        (
            ReaderAnswer(Reception.OLD),
            (
                "Merci. Cela semble durer depuis plus d’un jour ; nous comptons ici les pannes qui commencent. Si "
                "c’est nouveau, écrivez-le : « depuis ce matin »."
            ),
        ),
    ],
)
def test_an_answer_word_for_word(answer: ReaderAnswer, expected: str) -> None:
    assert answer_text(answer, DEPS).replace("\u00a0", " ").replace("\u202f", " ") == expected


@pytest.mark.parametrize("kind", Reception)
def test_every_answer_has_its_english(kind: Reception) -> None:
    french, english = (
        answer_text(replace(COUNTED, kind=kind, others=2, since=SINCE), deps) for deps in (DEPS, ENGLISH)
    )
    assert "Thank" in english or "We" in english
    assert english != french


def test_a_long_title_of_somebody_is_cut_and_on_one_line() -> None:
    said = replace(SAID, title="Incident\n" * 200)
    text = answer_text(replace(COUNTED, statement=said), DEPS)
    assert text.count("\n") == 2
    assert len(text) < 500


def test_only_what_was_kept_can_be_taken_back() -> None:
    able = {kind for kind in Reception if may_take_back(replace(COUNTED, kind=kind))}
    assert able == {Reception.COUNTED, Reception.RECOVERY}


@pytest.mark.parametrize("deps", [DEPS, ENGLISH, replace(DEPS, newsroom="N" * 200)])
def test_the_notice_fits_telegrams_description(deps: DestinationDeps) -> None:
    text = welcome_text(Welcome("readers", keep_days=3650), deps)
    assert "3650" in text
    assert len(text) <= 512


def test_what_became_of_taking_back_is_said_in_both_languages() -> None:
    for outcome in TakingBack:
        french, english = (taken_back_text(outcome, Welcome("readers"), language) for language in ("fr", "en"))
        assert french
        assert english
        assert french != english
