"""What the bot says of itself reads like the rest: dated where it must be, and in the newsroom's typography."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.drafting.announcements import Announcements

PARIS = ZoneInfo("Europe/Paris")
FRENCH, ENGLISH = Announcements("fr", PARIS), Announcements("en", PARIS)
SINCE = datetime(2023, 12, 5, 7, 5, tzinfo=UTC)


def test_french_spaces_do_not_break_and_apostrophes_are_round() -> None:
    assert FRENCH.trouble("down", "orange-etat", SINCE, "délai dépassé") == (
        "Source muette\u00a0: «\u00a0orange-etat\u00a0» ne répond plus depuis 8\u00a0h\u00a005 (délai dépassé). "
        "Je continue avec les autres."
    )
    assert "D’ici là" in FRENCH.trouble("blind", "", SINCE, "")
    assert "Vérifiez le canal\u202f;" in FRENCH.unsure("Telegram")


@pytest.mark.parametrize(
    ("minutes", "french", "english"),
    [
        (40, "après 40 min d’arrêt. Rien n’a été observé entre 8 h 05 et 8 h 45,", "between 08:05 and 08:45,"),
        (120, "après 2 h d’arrêt.", "Back after 2 h."),
        (
            16 * 60 + 5,
            "après 16 h 05 d’arrêt. Rien n’a été observé entre le 5 décembre à 8 h 05 et 0 h 10,",
            "between 08:05 on 5 December and 00:10,",
        ),
    ],
)
def test_how_long_it_was_away(minutes: int, french: str, english: str) -> None:
    until = SINCE + timedelta(minutes=minutes)
    assert french in FRENCH.returned(SINCE, until).replace("\u00a0", " ")
    assert english in ENGLISH.returned(SINCE, until)


def test_destinations_that_fail() -> None:
    assert ENGLISH.failed("desk", "the bot was blocked") == (
        "Cannot send to “desk”: the bot was blocked. It will not be tried again."
    )
