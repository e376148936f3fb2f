"""The desk on a terminal, driven through a real one; and the same page in a file, where nobody waits."""

import asyncio
import io
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bot.clock import ManualClock
from bot.domain.deliveries import Alert, Delivery, DeliveryKind, Notice, Payload
from bot.domain.incidents import Action, DraftKind, DraftState
from bot.errors import HandlerError
from bot.ports import DestinationDeps, Outcome, OutcomeKind
from handlers.console import ConsoleHandler, Settings, create
from tests.fakes.desk import MORNING, FakeDesk, FakeInbox, make_draft

DEPS = DestinationDeps(ManualClock(MORNING), "fr", ZoneInfo("Europe/Paris"), "Rédaction")
SETTINGS = Settings(name="console", editor="Camille", banner="Reconstitution du 5 décembre 2023")
ASKED = "[a]pprouver  [m]odifier  [é]carter   n° 1 ?"


def delivery(payload: Payload, kind: DeliveryKind = DeliveryKind.CARD) -> Delivery:
    return Delivery(f"d-{kind}", "console", kind, payload, MORNING)


def spaced(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def in_a_file() -> tuple[ConsoleHandler, io.StringIO]:
    stream = io.StringIO()
    return create(SETTINGS, DEPS, stream=stream, keyboard=io.StringIO()), stream


async def test_shows_cards_in_a_file_without_colours_and_waits_for_nothing() -> None:
    handler, stream = in_a_file()
    await handler.open()
    await handler.open()
    assert await handler.send(delivery(make_draft()), repeated=False) == "console:d-card"
    shown = spaced(stream.getvalue())
    assert shown.count("Reconstitution du 5 décembre 2023") == 1
    assert "5 décembre 2023 ───" in shown
    assert "─ 8 h 25 · 🟠 À DÉCIDER · panne suspectée ─" in shown
    assert "rien sur sa page depuis 8 h 05 (vérifié à 8 h 24)" in shown
    assert shown.endswith(f"{ASKED} \n")
    assert "\x1b" not in shown


async def test_an_update_says_what_changed() -> None:
    handler, stream = in_a_file()
    draft = make_draft()
    await handler.send(delivery(draft), repeated=False)
    surge = replace(draft.incident.surge, reports=48)
    later = replace(draft, revision=2, kind=DraftKind.UPDATE, incident=replace(draft.incident, surge=surge))
    before = len(stream.getvalue())
    await handler.send(delivery(later, DeliveryKind.EDIT), repeated=False)
    shown = spaced(stream.getvalue()[before:])
    assert "Signalements  48 entre 8 h 05 et 8 h 25" in shown
    assert shown.index("Doublé : de 24 à 48 signalements") < shown.index("Orange : la messagerie")
    assert "Lieux" not in shown


async def test_an_editors_new_text_is_always_shown() -> None:
    handler, stream = in_a_file()
    draft = make_draft()
    await handler.send(delivery(draft), repeated=False)
    edited = replace(draft, revision=2, kind=DraftKind.DECISION, text="Le texte de Camille.", edited=True)
    await handler.send(delivery(edited, DeliveryKind.EDIT), repeated=False)
    assert "Le texte de Camille." in stream.getvalue()


async def test_an_edit_of_a_card_it_never_showed_is_shown_whole() -> None:
    handler, stream = in_a_file()
    await handler.send(delivery(make_draft(), DeliveryKind.EDIT), repeated=False)
    assert "Lieux" in stream.getvalue()


async def test_notices_ring_and_repeats_are_labelled() -> None:
    handler, stream = in_a_file()
    await handler.send(delivery(Notice("Orange s’exprime"), DeliveryKind.NOTICE), repeated=True)
    assert "🔔 8 h 25 · envoi répété  Orange s’exprime\n" in spaced(stream.getvalue())


async def test_a_published_draft_is_shown_once_as_the_public_sees_it() -> None:
    handler, stream = in_a_file()
    draft = make_draft(state=DraftState.PUBLISHED, decided_by="Camille")
    await handler.send(delivery(draft, DeliveryKind.EDIT), repeated=False)
    await handler.send(delivery(replace(draft, revision=2), DeliveryKind.EDIT), repeated=False)
    assert stream.getvalue().count("PUBLIÉ · 8") == 1
    await handler.send(delivery(Alert("x", "Orange : panne", "Texte"), DeliveryKind.ALERT), repeated=False)
    assert stream.getvalue().count("PUBLIÉ · 8") == 2
    assert "║  Orange : panne " in stream.getvalue()


async def test_text_from_outside_is_inert_and_hours_stay_whole() -> None:
    handler, stream = in_a_file()
    title = "[bold red]@everyone[/] \x1b]8;;http://evil.example\x07:smile: \u202egnarO"
    text = "x" * 84 + " 8\u00a0h\u00a005"
    await handler.send(delivery(make_draft(title=title, text=text)), repeated=False)
    shown = stream.getvalue()
    assert "[bold red]@everyone[/] ]8;;http://evil.example:smile: gnarO" in shown
    assert "\x1b" not in shown
    assert "8\u00a0h\u00a005" in shown.replace("8\u00a0h\u00a005 et", "")


async def test_a_closed_output_is_an_error_of_the_handler() -> None:
    handler, stream = in_a_file()
    stream.close()
    with pytest.raises(HandlerError, match="console: cannot print"):
        await handler.send(delivery(make_draft()), repeated=False)


async def test_a_terminal_that_cannot_write_a_sign_gets_another() -> None:
    raw = io.BytesIO()
    handler = create(SETTINGS, DEPS, stream=io.TextIOWrapper(raw, encoding="ascii"), keyboard=io.StringIO())
    await handler.send(delivery(make_draft()), repeated=False)
    assert b"? ? D?CIDER" in raw.getvalue()


class Terminal:
    """A pseudo-terminal: what the bot prints on it, and the keys of an editor."""

    def __init__(self) -> None:
        self._ours, theirs = os.openpty()
        self.stream = os.fdopen(theirs, "w", encoding="utf-8")
        self.keyboard = os.fdopen(os.dup(theirs), "r", encoding="utf-8")
        self._printed = b""
        self._told = 0
        self._reader = threading.Thread(target=self._read)  # the bot blocks when nobody reads its terminal
        self._reader.start()

    def type(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    async def shows(self, words: str) -> None:
        """Wait until these words have been printed since they were last asked for."""
        async with asyncio.timeout(5):
            while (found := self._shown().find(words, self._told)) < 0:
                await asyncio.sleep(0.01)
        self._told = found + len(words)

    def close(self) -> None:
        self.stream.close()
        self.keyboard.close()
        self._reader.join()
        os.close(self._ours)

    def _shown(self) -> str:
        return spaced(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", self._printed.decode(errors="ignore")))

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 4096):
                self._printed += data
        except OSError:  # the other end was closed
            return


@asynccontextmanager
async def at_a_terminal(desk: FakeDesk) -> AsyncIterator[tuple[Terminal, ConsoleHandler]]:
    """A console listening on a terminal; leaving cancels it, which must end it at once."""
    terminal = Terminal()
    handler = create(SETTINGS, DEPS, stream=terminal.stream, keyboard=terminal.keyboard)
    try:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(handler.listen(desk, FakeInbox()))
            await asyncio.sleep(0)
            yield terminal, handler
            async with asyncio.timeout(1):
                listening.cancel()
                await asyncio.wait([listening])
    finally:
        terminal.close()


async def test_approves_with_the_revision_that_was_shown() -> None:
    draft = make_draft(revision=4)
    desk = FakeDesk([draft])
    async with at_a_terminal(desk) as (terminal, handler):
        await handler.send(delivery(draft), repeated=False)
        await terminal.shows(ASKED)
        terminal.type("a")
        await terminal.shows("Approuvé : l’alerte part.")
        terminal.type("a")
        await terminal.shows("Rien à décider pour l’instant.")
        terminal.type("é 1")
        await terminal.shows("Déjà décidé : approuvé par Camille.")
    assert [(d.who, d.action, d.incident, d.revision) for d in desk.decisions] == [
        ("Camille", Action.APPROVE, draft.incident.id, 4)
    ]


async def test_an_edit_is_shown_back_before_it_counts() -> None:
    draft = make_draft()
    desk = FakeDesk([draft])
    async with at_a_terminal(desk) as (terminal, handler):
        await handler.send(delivery(draft), repeated=False)
        terminal.type("m")
        await terminal.shows("Nouveau texte")
        terminal.type("Panne chez Orange, à l’instant.")
        await terminal.shows("Voici le texte qui partira :")
        terminal.type("n")
        await terminal.shows("Rien n’a changé.")
        assert not desk.decisions
        terminal.type("m")
        terminal.type("Panne chez Orange.")
        await terminal.shows("[o]ui / [n]on ?")
        terminal.type("o")
        await terminal.shows("Texte modifié.")
    assert [(d.action, d.text) for d in desk.decisions] == [(Action.EDIT, "Panne chez Orange.")]


async def test_a_draft_that_changed_is_shown_and_asked_again() -> None:
    draft = make_draft()
    desk = FakeDesk([draft])
    newer = replace(draft, revision=2, text="Autre texte.")
    desk.outcome = Outcome(OutcomeKind.CHANGED, newer)
    async with at_a_terminal(desk) as (terminal, handler):
        await handler.send(delivery(draft), repeated=False)
        terminal.type("a")
        await terminal.shows("Le brouillon a changé")
        await terminal.shows("Autre texte.")
        await terminal.shows(ASKED)
        desk.outcome, desk.drafts[1] = None, newer
        terminal.type("a")
        await terminal.shows("Approuvé")
    assert [d.revision for d in desk.decisions] == [2]


async def test_answers_commands() -> None:
    desk = FakeDesk([make_draft()])
    answers = {
        "/status orange": "🟠 PANNE SUSPECTÉE",
        "/status": "Calmes",
        "/status bouygues telecom Nulle-Part sur Mer": "« Nulle-Part sur Mer » : ni commune ni département connu",
        "/status numericable": "Opérateur inconnu : « numericable ». Connus : Orange, Bouygues Telecom, SFR.",
        "/incidents": "Incidents en cours",
        "/sources": "Toutes répondent.",
        "/draft 1": "24 signalements distincts de Lille à Mont-de-Marsan.",
        "/draft 7": "Aucun incident de ce numéro.",
        "/draft": "Précisez le numéro",
        "/aide": "a, m, e : approuver",
        "/fromage": "Commande inconnue.",
        "z": "Commande inconnue.",
        "bonjour": "Commande inconnue.",
        "a": "Rien à décider pour l’instant.",
        "a 9": "Aucun incident de ce numéro.",
    }
    async with at_a_terminal(desk) as (terminal, _):
        for typed, answer in answers.items():
            terminal.type(typed)
            await terminal.shows(answer)
    assert not desk.decisions


async def test_listening_without_a_terminal_ends_when_cancelled() -> None:
    handler, _ = in_a_file()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await handler.listen(FakeDesk(), FakeInbox())


async def test_check_says_whether_anybody_can_decide_here() -> None:
    handler, stream = in_a_file()
    (check,) = await handler.check(send=True)
    assert (check.ok, check.detail) == (True, "pas de terminal : affichage seul".replace(" :", "\u00a0:"))
    assert "Rédaction" in stream.getvalue()
