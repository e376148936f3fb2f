"""The desk in Telegram, by the unmodified library over real sockets, against an emulated Bot API."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from bot.clock import ManualClock
from bot.domain.deliveries import Alert, Delivery, DeliveryKind, Notice, Payload
from bot.domain.incidents import Action, Decision, DraftState, Statement
from bot.domain.operators import Service
from bot.domain.signals import EntryState
from bot.errors import HandlerError, StoreError, TargetError
from bot.ports import (
    DestinationDeps,
    Outcome,
    OutcomeKind,
    ReaderAnswer,
    ReaderMessage,
    Reception,
    TakingBack,
    Welcome,
)
from handlers import telegram
from handlers.targets import telegram_channel
from handlers.targets.telegram_channel import TelegramChannel
from handlers.telegram import Telegram
from tests.emulators.telegram import Message, TelegramEmulator, User
from tests.emulators.telegram_html import utf16
from tests.fakes.desk import LILLE, MORNING, FakeDesk, FakeInbox, make_draft

# The library warns of its own future on every flood, in its own constructor.
pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")

ROOM, MOVED, CHANNEL, ELSEWHERE = -1001, -1002, -1009, -1666
CAMILLE, SACHA, GUEST = User(11, "Camille"), User(12, "Sacha"), User(99, "Passant")
DEPS = DestinationDeps(ManualClock(MORNING), "fr", ZoneInfo("Europe/Paris"), "Le Journal")


@pytest.fixture
async def tg() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator() as emulator:
        emulator.group(ROOM, members=[CAMILLE, SACHA, GUEST])
        emulator.group(ELSEWHERE, members=[CAMILLE, GUEST])
        emulator.channel(CHANNEL, "alertes")
        yield emulator


def made(
    tg: TelegramEmulator,
    *,
    deps: DestinationDeps = DEPS,
    call_seconds: float = 5.0,
    poll_seconds: int = 1,
    **settings: Any,
) -> Telegram:
    table = {"kind": "telegram", "token": tg.token, "chat": ROOM, "api_base_url": tg.base_url}
    if "administrators" not in settings:
        table["editors"] = [CAMILLE.id, SACHA.id]
    valid = telegram.Settings.model_validate(table | settings)
    return Telegram(valid, deps, call_seconds=call_seconds, poll_seconds=poll_seconds, silent_seconds=0.5)


@asynccontextmanager
async def opened(tg: TelegramEmulator, **settings: Any) -> AsyncIterator[Telegram]:
    handler = made(tg, **settings)
    await handler.open()
    try:
        yield handler
    finally:
        await handler.close()


@asynccontextmanager
async def listening(
    tg: TelegramEmulator, desk: FakeDesk, inbox: FakeInbox | None = None, **settings: Any
) -> AsyncIterator[Telegram]:
    async with opened(tg, **settings) as handler, asyncio.TaskGroup() as group:
        task = group.create_task(handler.listen(desk, inbox or FakeInbox()))
        await tg.wait_call("setWebhook" if "webhook_url" in settings else "getUpdates")
        try:
            yield handler
        finally:
            task.cancel()


@asynccontextmanager
async def channel(tg: TelegramEmulator, call_seconds: float = 5.0) -> AsyncIterator[TelegramChannel]:
    table = {"kind": "telegram_channel", "token": tg.token, "chat": "@alertes", "api_base_url": tg.base_url}
    target = TelegramChannel(telegram_channel.Settings.model_validate(table), DEPS, call_seconds=call_seconds)
    await target.open()
    try:
        yield target
    finally:
        await target.close()


def delivery(kind: DeliveryKind, payload: Payload, reply_to: str | None = None) -> Delivery:
    return Delivery("orange/1/x/telegram", "telegram", kind, payload, MORNING, reply_to=reply_to)


def card(revision: int = 1, **changes: Any) -> Delivery:
    return delivery(DeliveryKind.CARD, make_draft(revision=revision, **changes))


ALERT = delivery(DeliveryKind.ALERT, Alert("orange-1", "Orange : la messagerie en panne", "De Lille à Dax. <b>&"))


# --- what is sent


async def test_a_card_arrives_with_its_buttons_and_can_be_sent_without_listening(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler:
        remote = await handler.send(card(), repeated=False)
    (message,) = tg.messages(ROOM)
    assert remote == f"{ROOM}:{message.id}"
    assert "messagerie semble en panne" in message.text
    assert message.quoted("bold")[0] == "Orange : la messagerie semble en panne"
    assert message.buttons == [
        ("Approuver", "approve:1:1"),
        ("Modifier", "edit:1:1"),
        ("Écarter", "dismiss:1:1"),
    ]
    assert not message.silent


async def test_an_edit_changes_the_card_in_place_and_no_change_is_success(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler:
        remote = await handler.send(card(), repeated=False)
        draft = make_draft(revision=2, text="Le Grand Est aussi.")
        edit = delivery(DeliveryKind.EDIT, draft, remote)
        assert await handler.send(edit, repeated=False) == remote
        assert await handler.send(edit, repeated=True) == remote
    (message,) = tg.messages(ROOM)
    assert message.edits == 1
    assert "Le Grand Est aussi." in message.text
    assert message.buttons[0] == ("Approuver", "approve:1:2")


@pytest.mark.parametrize("case", ["deleted", "too old", "another room", "unknown"])
async def test_a_card_that_cannot_be_edited_any_more_is_gone(tg: TelegramEmulator, case: str) -> None:
    async with opened(tg) as handler:
        remote: str | None = await handler.send(card(), repeated=False)
        if case == "deleted":
            await handler._api.bot.delete_message(ROOM, tg.messages(ROOM)[0].id)
        elif case == "too old":
            tg.fault("editMessageText", "error", description="Bad Request: message can't be edited")
        else:
            remote = f"{MOVED}:1" if case == "another room" else None
        with pytest.raises(HandlerError) as caught:
            await handler.send(delivery(DeliveryKind.EDIT, make_draft(revision=2), remote), repeated=False)
    assert caught.value.gone
    assert not caught.value.retryable


async def test_a_notice_replies_to_the_card_and_rings(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler:
        remote = await handler.send(card(), repeated=False)
        notice = delivery(DeliveryKind.NOTICE, Notice("Orange parle."), remote)
        await handler.send(notice, repeated=False)
        await handler.send(delivery(DeliveryKind.NOTICE, Notice("Source perdue.")), repeated=False)
        await handler._api.bot.delete_message(ROOM, tg.messages(ROOM)[0].id)
        await handler.send(notice, repeated=False)
    reply, alone, orphan = tg.messages(ROOM)
    assert reply.text == orphan.text == "Orange parle."
    assert not reply.silent
    assert reply.reply_to is not None
    assert alone.reply_to is orphan.reply_to is None


async def test_a_repeat_is_labelled(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler:
        await handler.send(card(), repeated=True)
        await handler.send(delivery(DeliveryKind.NOTICE, Notice("Orange parle.")), repeated=True)
    assert all("envoi répété" in message.text for message in tg.messages(ROOM))


async def test_text_from_outside_is_inert(tg: TelegramEmulator) -> None:
    nasty = "<b>@everyone</b> & <script> @camille_d [x](y) *z* camille@journal.fr \u202eevil\u200b"
    async with opened(tg) as handler:
        await handler.send(card(title=nasty, text=nasty), repeated=False)
        await handler.send(delivery(DeliveryKind.NOTICE, Notice(nasty)), repeated=False)
    for message in tg.messages(ROOM):
        assert "<b>" in message.text
        assert message.mentions == []
        assert "camille@journal.fr" in message.text
        assert not {"\u202e", "\u200b"} & set(message.text)
        assert len(message.entities) <= 20


async def test_html_that_telegram_refuses_is_sent_again_as_plain_text(tg: TelegramEmulator) -> None:
    for method in ("sendMessage", "editMessageText"):
        tg.fault(method, "error", description="Bad Request: can't parse entities: whatever")
    async with opened(tg) as handler:
        remote = await handler.send(card(), repeated=False)
        await handler.send(delivery(DeliveryKind.EDIT, make_draft(text="Nouveau & <brut>"), remote), repeated=False)
    (message,) = tg.messages(ROOM)
    assert "Nouveau & <brut>" in message.text
    assert not message.entities
    assert message.buttons


async def test_a_text_at_the_limit_is_cut_at_a_sentence(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler:
        await handler.send(card(text="Une phrase avec 🧑‍🚒 dedans. " * 1000), repeated=False)
        await handler.send(delivery(DeliveryKind.NOTICE, Notice("🧑‍🚒@a" * 5000)), repeated=True)
    long, notice = tg.messages(ROOM)
    assert 3800 < utf16(long.text) <= 4096
    assert "dedans. …" in long.text
    assert long.buttons
    assert utf16(notice.text) <= 4096


async def test_an_unsure_delivery_is_sent_again_by_an_editor(tg: TelegramEmulator) -> None:
    desk = FakeDesk()
    desk.unsure.add("orange-20231205-0712/3/alert/telegram_channel")
    notice = Notice("Peut-être publié : regardez.", resend="orange-20231205-0712/3/alert/telegram_channel")
    async with listening(tg, desk) as handler:
        await handler.send(delivery(DeliveryKind.NOTICE, notice), repeated=False)
        message = await tg.wait_message()
        first = await tg.press(message, "Envoyer de nouveau", CAMILLE).answer()
        second = await tg.press_data(message, f"r:{notice.resend}", SACHA).answer()
    assert desk.resent == [(notice.resend, "Camille")]
    assert first["text"] == "C’est reparti."
    assert second["text"] == "Cet envoi n’est plus en suspens."
    assert not message.buttons


async def test_a_room_takes_no_alert_and_a_channel_no_card(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler, channel(tg) as target:
        with pytest.raises(HandlerError, match="takes no alert"):
            await handler.send(ALERT, repeated=False)
        with pytest.raises(TargetError, match="alerts only"):
            await target.send(card(), repeated=False)


# --- failures of sending: what the outbox is told


@pytest.mark.parametrize(
    ("kind", "parameters", "retryable", "maybe_sent", "retry_after"),
    [
        ("flood", {"retry_after": 17}, True, False, 17.0),
        ("error", {"status": 403, "description": "Forbidden: bot was blocked by the user"}, False, False, None),
        ("error", {"status": 400, "description": "Bad Request: chat not found"}, False, False, None),
        ("error", {"status": 401, "description": "Unauthorized"}, False, False, None),
        ("error", {"status": 500, "description": "Internal Server Error"}, True, True, None),
        ("html", {}, True, True, None),
        ("odd", {}, True, True, None),
        ("drop", {}, True, True, None),
        ("drop_after", {}, True, True, None),
        ("hang", {}, True, True, None),
        ("hang_after", {}, True, True, None),
    ],
)
async def test_a_failed_send_says_what_it_means(
    tg: TelegramEmulator,
    kind: Any,
    parameters: dict[str, Any],
    retryable: bool,
    maybe_sent: bool,
    retry_after: float | None,
) -> None:
    tg.fault("sendMessage", kind, **parameters)
    async with opened(tg, call_seconds=0.3) as handler:
        with pytest.raises(HandlerError) as caught:
            await handler.send(card(), repeated=False)
        assert (caught.value.retryable, caught.value.maybe_sent) == (retryable, maybe_sent)
        assert caught.value.retry_after == retry_after
        assert len(tg.messages(ROOM)) == kind.endswith("_after")
        assert await handler.send(card(), repeated=maybe_sent)


async def test_one_room_s_flood_leaves_the_other_room_alone(tg: TelegramEmulator) -> None:
    tg.limit(ROOM, 1, 60)
    async with opened(tg) as handler, opened(tg, chat=ELSEWHERE) as other:
        await handler.send(card(), repeated=False)
        with pytest.raises(HandlerError, match="too many") as caught:
            await handler.send(card(), repeated=False)
        assert await other.send(card(), repeated=False)
    assert caught.value.retry_after is not None
    assert 58 <= caught.value.retry_after <= 61


async def test_telegram_down_is_not_sent_and_open_may_be_repeated(tg: TelegramEmulator) -> None:
    handler = made(tg)
    await tg.stop()
    with pytest.raises(HandlerError) as caught:
        await handler.open()
    assert caught.value.retryable
    with pytest.raises(HandlerError) as caught:
        await handler.send(card(), repeated=False)
    assert (caught.value.retryable, caught.value.maybe_sent) == (True, False)
    await tg.start()
    await handler.open()
    assert await handler.send(card(), repeated=False)
    await handler.close()


async def test_a_group_that_moved_is_followed_for_this_run(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        old = await handler.send(card(), repeated=False)
        tg.migrate(ROOM, MOVED)
        with capture_logs() as logs:
            remote = await handler.send(card(), repeated=False)
        assert remote.startswith(f"{MOVED}:")
        assert [entry["remedy"] for entry in logs] == [f"set chat = {MOVED} in the configuration"]
        with pytest.raises(HandlerError) as caught:
            await handler.send(delivery(DeliveryKind.EDIT, make_draft(), old), repeated=False)
        assert caught.value.gone
        await tg.press(tg.messages(MOVED)[0], "Approuver", CAMILLE).answer()
    assert len(desk.decisions) == 1


async def test_an_edit_that_finds_the_group_moved_asks_for_a_fresh_card(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler:
        old = await handler.send(card(), repeated=False)
        tg.migrate(ROOM, MOVED)
        with pytest.raises(HandlerError) as caught:
            await handler.send(delivery(DeliveryKind.EDIT, make_draft(revision=2), old), repeated=False)
        assert caught.value.gone
        assert (await handler.send(card(revision=2), repeated=False)).startswith(f"{MOVED}:")


async def test_a_stranger_s_group_that_moved_does_not_move_the_room(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk()) as handler:
        tg.migrate(ELSEWHERE, MOVED)
        tg.say(ELSEWHERE, GUEST, "/id")
        await tg.wait_call("sendMessage")
        tg.say(ROOM, CAMILLE, "/help")  # asked for only once all before is over
        await tg.wait_message(lambda m: m.chat.id == ROOM)
        assert (await handler.send(card(), repeated=False)).startswith(f"{ROOM}:")


async def test_a_move_is_also_followed_when_telegram_announces_it(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk()):
        tg.migrate(ROOM, MOVED)
        tg.announce_migration(ROOM)
        tg.say(MOVED, CAMILLE, "/help")
        assert await tg.wait_message(lambda m: m.chat.id == MOVED)


# --- decisions


async def test_a_press_approves_once_and_the_second_editor_is_told_who(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        message = await tg.wait_message()
        presses = [tg.press(message, "Approuver", CAMILLE), tg.press(message, "Écarter", SACHA)]
        first, second = [await press.answer() for press in presses]
        # At once, whenever the outbox comes to edit it: who pressed looks at the card now.
        await tg.wait_message(lambda m: "APPROUVÉ par Camille" in m.text and not m.buttons)
    (decision,) = desk.decisions
    assert (decision.who, decision.action, decision.revision) == ("Camille", Action.APPROVE, 1)
    assert decision.incident == "orange-20231205-0001"
    assert decision.key == f"telegram:{presses[0].id}"
    assert decision.at == MORNING
    assert first["text"] == "Approuvé : l’alerte part.".replace(" :", "\u00a0:")
    assert not first.get("show_alert")
    assert "approuvé par Camille" in second["text"]
    assert second["show_alert"]


async def test_a_press_after_a_restart_works(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with opened(tg) as handler:
        await handler.send(card(), repeated=False)
    press = tg.press(tg.messages(ROOM)[0], "Approuver", CAMILLE)  # while the bot is away
    async with listening(tg, desk):
        await press.answer()
    assert [d.action for d in desk.decisions] == [Action.APPROVE]


async def test_a_press_that_came_again_has_no_second_effect(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    tg.fault("answerCallbackQuery", "hang", times=1)
    async with opened(tg) as handler:
        await handler.send(card(), repeated=False)
        press = tg.press(tg.messages(ROOM)[0], "Approuver", CAMILLE)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(handler.listen(desk, FakeInbox()))
            await tg.wait_call("answerCallbackQuery")
            task.cancel()  # killed after the decision, before Telegram was told
    assert len(desk.decisions) == 1
    async with listening(tg, desk):
        await press.answer()
    assert len(desk.decisions) == 1


async def test_a_changed_draft_is_shown_and_asked_again(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft(revision=2, text="Le Grand Est aussi.")])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        message = await tg.wait_message()
        told = await tg.press(message, "Approuver", CAMILLE).answer()
        assert "a changé" in told["text"]
        await tg.wait_message(lambda m: "Le Grand Est aussi." in m.text)
        assert not desk.decisions
        await tg.press(message, "Approuver", CAMILLE).answer()
    assert [d.revision for d in desk.decisions] == [2]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(OutcomeKind.CLOSED, make_draft(state=DraftState.EXPIRED)), "Trop tard"),
        (Outcome(OutcomeKind.ALREADY, make_draft(state=DraftState.DISMISSED, decided_by="Sacha")), "écarté par Sacha"),
        (Outcome(OutcomeKind.UNKNOWN), "Aucun incident"),
    ],
)
async def test_every_outcome_is_told(tg: TelegramEmulator, outcome: Outcome, told: str) -> None:
    desk = FakeDesk([make_draft()])
    desk.outcome = outcome
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        answer = await tg.press(await tg.wait_message(), "Écarter", CAMILLE).answer()
    assert told in answer["text"]


async def test_who_may_not_decide_is_refused_and_logged(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        message = await tg.wait_message()
        foreign = tg.say(ROOM, CAMILLE, "bonjour")
        async with opened(tg, chat=ELSEWHERE) as other:
            await other.send(card(), repeated=False)
        elsewhere = tg.messages(ELSEWHERE)[0]
        with capture_logs() as logs:
            answers = [
                await press.answer()
                for press in (
                    tg.press(message, "Approuver", GUEST),
                    tg.press(message, "Approuver", CAMILLE, forwarded_to=ELSEWHERE),
                    tg.press(message, "Approuver", CAMILLE, forwarded_to=ROOM),
                    tg.press(message, "Approuver", GUEST, forwarded_to=ELSEWHERE),
                    tg.press_data(foreign, "approve:1:1", CAMILLE),
                    tg.press(elsewhere, "Approuver", CAMILLE),
                )
            ]
            for data in ("approve:7:1", "approve:x:1", "publish:1:1", ""):
                told = await tg.press_data(message, data, CAMILLE).answer()
                assert told["text"] == "Aucun incident de ce numéro."
    assert not desk.decisions
    assert [entry["event"] for entry in logs] == ["telegram.press_refused"] * 6
    assert answers[0]["text"].startswith("Seules les personnes")
    assert answers[1]["text"].startswith("Ce bouton n’agit que")
    assert "text" not in answers[3]  # a stranger elsewhere is told nothing at all


async def test_a_decision_that_could_not_be_stored_is_said_so(tg: TelegramEmulator) -> None:
    class BrokenDesk(FakeDesk):
        async def decide(self, decision: Decision) -> Outcome:
            assert decision.incident
            raise StoreError("store: disk full", retryable=True)

    desk = BrokenDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        answer = await tg.press(await tg.wait_message(), "Approuver", CAMILLE).answer()
    assert "rien n’a été enregistré" in answer["text"]


async def test_what_was_decided_stands_when_telegram_cannot_show_it(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft(revision=2)])
    tg.fault("editMessageText", "flood")
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        message = await tg.wait_message()
        assert "a changé" in (await tg.press(message, "Approuver", CAMILLE).answer())["text"]
        tg.say(ROOM, CAMILLE, "/help")
        assert await tg.wait_message(lambda m: "/status" in m.text)  # still listening


async def test_administrators_may_decide_when_configured(tg: TelegramEmulator) -> None:
    tg.group(ROOM, administrators=[SACHA], members=[CAMILLE])
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk, administrators=True) as handler:
        await handler.send(card(), repeated=False)
        message = await tg.wait_message()
        assert (await tg.press(message, "Approuver", CAMILLE).answer())["text"].startswith("Seules")
        await tg.press(message, "Approuver", SACHA).answer()
    assert [d.who for d in desk.decisions] == ["Sacha"]
    assert len(tg.sent("getChatAdministrators")) == 1


# --- edits


async def test_an_edit_is_shown_back_before_it_counts(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        await tg.press(await tg.wait_message(), "Modifier", CAMILLE).answer()
        prompt = await tg.wait_message(lambda m: "force_reply" in m.markup)
        assert prompt.quoted("blockquote") == [make_draft().text]
        assert prompt.markup["selective"]
        tg.say(ROOM, CAMILLE, "La messagerie d’Orange\n\nest <en> panne 🧑‍🚒 @tous.", reply_to=prompt)
        preview = await tg.wait_message(lambda m: "Voici le texte qui partira" in m.text)
        assert not desk.decisions
        press = tg.press(preview, "Confirmer", CAMILLE)
        again = tg.press(preview, "Confirmer", CAMILLE)
        assert "Texte modifié" in (await press.answer())["text"]
        assert "Texte modifié" in (await again.answer())["text"]
        await tg.wait_message(lambda m: m.id == preview.id and not m.buttons)
    (decision,) = desk.decisions
    assert decision.action is Action.EDIT
    assert decision.text == "La messagerie d’Orange\n\nest <en> panne 🧑‍🚒 @tous."
    assert decision.revision == 1


async def test_an_edit_survives_a_restart_at_every_step(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        await tg.press(await tg.wait_message(), "Modifier", CAMILLE).answer()
        prompt = await tg.wait_message(lambda m: "force_reply" in m.markup)
    tg.say(ROOM, CAMILLE, "Nouveau texte.", reply_to=prompt)
    async with listening(tg, desk):
        preview = await tg.wait_message(lambda m: "Voici le texte" in m.text)
    press = tg.press(preview, "Confirmer", CAMILLE)
    async with listening(tg, desk):
        await press.answer()
    assert [d.text for d in desk.decisions] == ["Nouveau texte."]


async def test_an_edit_can_be_cancelled(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        await tg.press(await tg.wait_message(), "Modifier", CAMILLE).answer()
        tg.say(ROOM, CAMILLE, "Autre.", reply_to=await tg.wait_message(lambda m: "force_reply" in m.markup))
        preview = await tg.wait_message(lambda m: "Voici" in m.text)
        await tg.press(preview, "Annuler", CAMILLE).answer()
        await tg.wait_message(lambda m: m.id == preview.id and m.text == "Rien n’a changé.")
    assert not desk.decisions


async def test_an_edit_of_a_draft_that_changed_is_confirmed_again(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        await tg.press(await tg.wait_message(), "Modifier", CAMILLE).answer()
        tg.say(ROOM, CAMILLE, "Autre.", reply_to=await tg.wait_message(lambda m: "force_reply" in m.markup))
        preview = await tg.wait_message(lambda m: "Voici" in m.text)
        desk.drafts[1] = replace(desk.drafts[1], revision=4)
        assert "a changé" in (await tg.press(preview, "Confirmer", CAMILLE).answer())["text"]
        await tg.wait_message(lambda m: m.id == preview.id and "a changé" in m.text)
        await tg.press(preview, "Confirmer", CAMILLE).answer()
    assert [(d.text, d.revision) for d in desk.decisions] == [("Autre.", 4)]


async def test_only_an_editor_s_reply_to_our_prompt_is_an_edit(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk) as handler:
        await handler.send(card(), repeated=False)
        shown = await tg.wait_message()
        await tg.press(shown, "Modifier", CAMILLE).answer()
        prompt = await tg.wait_message(lambda m: "force_reply" in m.markup)
        forged = tg.say(ROOM, GUEST, prompt.text)
        tg.say(ROOM, GUEST, "Non.", reply_to=prompt)
        tg.say(ROOM, CAMILLE, "Merci !", reply_to=shown)
        tg.say(ROOM, CAMILLE, "Merci !", reply_to=forged)
        tg.say(ROOM, CAMILLE, "x" * 4000, reply_to=prompt)
        tg.say(ROOM, CAMILLE, "@a " * 1200, reply_to=prompt)
        tg.say(ROOM, CAMILLE, "\u200b", reply_to=prompt)
        await tg.wait_message(lambda m: "trop long" in m.text)
        await tg.wait_message(lambda m: "est vide" in m.text)
    assert not [m for m in tg.messages(ROOM)[2:] if m.buttons]
    assert len(tg.messages(ROOM)) == 5  # card, prompt, three refusals


# --- commands


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/status", "Orange"),
        ("/status orange", "PANNE SUSPECTÉE"),
        ("/status@vigie_bot bouygues telecom", "CALME"),
        ("/status orange Nulle-Part", "ni commune ni département connu"),
        ("/status numericable", "Connus\u00a0: Orange, Bouygues Telecom, SFR"),
        ("/incidents", "1 · Orange"),
        ("/draft", "/draft 3"),
        ("/draft 8", "Aucun incident"),
        ("/sources", "bluesky"),
        ("/help", "/signaler OPÉRATEUR"),
        ("/start", "/signaler OPÉRATEUR"),
        ("/signaler orange mail", "Écrivez par exemple"),
        ("/signaler numericable mail Lille", "Opérateur inconnu"),
        ("/signaler orange messages Lille", "Service inconnu"),
        ("/signaler orange mail Nulle-Part", "Lieu inconnu"),
    ],
)
async def test_a_command_is_answered_within_a_second(tg: TelegramEmulator, command: str, expected: str) -> None:
    async with listening(tg, FakeDesk([make_draft()])):
        asked = tg.say(ROOM, CAMILLE, command)
        answer = await tg.wait_message(timeout=1.0)
    assert expected in answer.text
    assert answer.reply_to is asked


async def test_draft_gives_the_clean_alert_alone(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk([make_draft()])):
        tg.say(ROOM, CAMILLE, "/draft 1")
        answer = await tg.wait_message()
    draft = make_draft()
    assert answer.text == f"{draft.title}\n\n{draft.text}"
    assert not answer.entities


@pytest.mark.parametrize(
    ("words", "operator", "service", "professional"),
    [
        ("orange mail Lille", "orange", Service.MAIL, False),
        ("Bouygues Telecom internet fixe Mont-de-Marsan pro", "bouygues", Service.INTERNET, True),
        ("sfr Téléphone fixe Lille", "sfr", Service.LANDLINE, False),
    ],
)
async def test_a_reader_s_call_is_logged(
    tg: TelegramEmulator, words: str, operator: str, service: Service, professional: bool
) -> None:
    inbox = FakeInbox()
    async with listening(tg, FakeDesk(), inbox):
        asked = tg.say(ROOM, CAMILLE, f"/signaler {words}")
        answer = await tg.wait_message()
    (call,) = inbox.calls
    assert (call.operator, call.service, call.professional) == (operator, service, professional)
    assert (call.who, call.at, call.key) == ("Camille", MORNING, f"telegram:{ROOM}:{asked.id}")
    assert call.written_at is not None  # it may have waited for us
    assert "Appel noté" in answer.text


async def test_a_stranger_is_told_ids_and_nothing_else(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk([make_draft()])):
        with capture_logs() as logs:
            for chat in (ROOM, ELSEWHERE, GUEST.id):
                for text in ("/status orange", "/help", "/draft 1", "bonjour", "/status@another_bot"):
                    tg.say(chat, GUEST, text)
            tg.say(ELSEWHERE, CAMILLE, "/status")  # an editor in a room that is not ours
            tg.say(GUEST.id, GUEST, "/id")
            answer = await tg.wait_message()
    assert answer.text == f"Salon\u00a0: {GUEST.id}\nVous\u00a0: {GUEST.id}"
    assert [m.chat.id for m in tg._messages.values() if m.sender == tg.me] == [GUEST.id]
    assert {entry["event"] for entry in logs} == {"telegram.stranger"}


async def test_asking_for_ids_all_the_time_is_of_no_use(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk()):
        for _ in range(50):
            tg.say(GUEST.id, GUEST, "/id")
        tg.say(ROOM, CAMILLE, "/help")
        await tg.wait_message(lambda m: m.chat.id == ROOM)
    assert len(tg.messages(GUEST.id)) == 10


async def test_an_editor_is_served_in_private_too(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk([make_draft()])):
        tg.say(ROOM, CAMILLE, "/status@another_bot")
        tg.say(ROOM, CAMILLE, "/publier")  # in the room it may be another bot's
        tg.say(CAMILLE.id, CAMILLE, "/status orange")
        assert "PANNE SUSPECTÉE" in (await tg.wait_message(lambda m: m.chat.id == CAMILLE.id)).text
        tg.say(CAMILLE.id, CAMILLE, "/publier")  # asked for only once all before is over
        assert await tg.wait_message(lambda m: "Commande inconnue" in m.text)
    assert not tg.messages(ROOM)


async def test_the_menu_lists_the_commands(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk()):
        pass
    [(scope, commands)] = tg.commands.items()
    assert scope is None
    names = [command["command"] for command in commands]
    assert names == ["status", "incidents", "draft", "signaler", "sources", "id", "help"]
    assert commands[2]["description"] == "N : le texte de l’alerte seul, prêt à copier"
    async with listening(tg, FakeDesk(), FakeInbox(terms=TERMS)):
        await tg.wait_call("setMyCommands", 2)
    assert tg.commands == {ROOM: commands}  # readers are shown nothing that they may not ask


async def test_english_is_spoken_when_configured(tg: TelegramEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk, deps=replace(DEPS, language="en")) as handler:
        await handler.send(card(), repeated=False)
        await tg.press(await tg.wait_message(), "Edit", CAMILLE).answer()
        prompt = await tg.wait_message(lambda m: "force_reply" in m.markup)
        tg.say(ROOM, CAMILLE, "New text.", reply_to=prompt)
        preview = await tg.wait_message(lambda m: "will go out" in m.text)
        assert [label for label, _ in preview.buttons] == ["Confirm", "Cancel"]


# --- a logged call, undone


async def logged_call(tg: TelegramEmulator) -> Message:
    tg.say(ROOM, CAMILLE, "/signaler orange mail Lille")
    return await tg.wait_message(lambda m: "Appel noté" in m.text)


async def test_a_logged_call_is_undone_by_a_button_once(tg: TelegramEmulator) -> None:
    inbox = FakeInbox()
    async with listening(tg, FakeDesk(), inbox):
        answer = await logged_call(tg)
        assert [label for label, _ in answer.buttons] == ["Annuler"]
        presses = [tg.press(answer, "Annuler", who) for who in (SACHA, CAMILLE)]
        told = [(await press.answer()).get("text", "") for press in presses]
        await tg.wait_message(lambda m: "Annulé par" in m.text)
    assert inbox.undone == [(inbox.calls[0].key, "Sacha")]
    assert sorted("Annulé par Sacha" in text for text in told) == [False, True]
    assert sum("déjà annulé" in text for text in told) == 1
    (message,) = tg.messages(ROOM)
    assert message.text.startswith("Appel noté\u00a0: Orange, messagerie, Lille. Merci.\n↩︎ Annulé par Sacha")
    assert not message.buttons


async def test_a_stranger_undoes_no_call(tg: TelegramEmulator) -> None:
    inbox = FakeInbox()
    async with listening(tg, FakeDesk(), inbox):
        answer = await logged_call(tg)
        assert "Seules les personnes" in (await tg.press(answer, "Annuler", GUEST).answer())["text"]
        await tg.press(answer, "Annuler", CAMILLE, forwarded_to=ELSEWHERE).answer()
    assert inbox.undone == []


async def test_a_call_that_cannot_be_undone_any_more_says_why(tg: TelegramEmulator) -> None:
    class Late(FakeInbox):
        async def undo_call(self, _key: str, _who: str) -> TakingBack:
            return TakingBack.LATE

    async with listening(tg, FakeDesk(), Late()):
        press = tg.press(await logged_call(tg), "Annuler", CAMILLE)
        assert "Trop tard" in (await press.answer())["text"]
        message = await tg.wait_message(lambda m: "Trop tard" in m.text)
    assert not message.buttons


# --- readers

TERMS = Welcome("readers", keep_days=30)
COUNTED = ReaderAnswer(Reception.COUNTED, "Orange", (Service.MAIL,), (LILLE,), 12, MORNING - timedelta(minutes=20))
SAID = "plus de mails orange à Lille"


async def test_a_reader_is_thanked_told_what_is_known_and_may_take_it_back(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with listening(tg, FakeDesk(), inbox):
        said = tg.say(GUEST.id, GUEST, SAID)
        answer = await tg.wait_message(timeout=1.0)
        assert answer.reply_to is said
        assert answer.text.replace("\u00a0", " ") == (
            "Merci, c’est noté : Orange, messagerie, Lille.\n"
            "12 autres personnes nous l’ont signalé depuis 8 h 05. La rédaction vérifie.\n"
            "Texte gardé 30 jours, sans votre nom."
        )
        (heard,) = inbox.heard
        assert (heard.text, heard.through, heard.at) == (SAID, "telegram", MORNING)
        presses = [tg.press(answer, "Retirer", GUEST) for _ in range(2)]
        told = [(await press.answer())["text"] for press in presses]
    assert sorted(text[:6] for text in told) == ["Il n’y", "Retiré"]
    assert inbox.mine == {}
    assert not answer.buttons
    assert "99" not in answer.text


async def test_before_writing_one_reads_what_is_kept(tg: TelegramEmulator) -> None:
    async with listening(tg, FakeDesk(), FakeInbox(terms=TERMS)):
        assert "Ni votre nom ni votre numéro" in (await tg.wait_call("setMyDescription"))["description"]
        people = [User(500 + n, "Lectrice") for n in range(3)]
        for person, command in zip(people, ("/start", "/start panne", "/aide"), strict=True):
            for _ in range(20):  # again and again is of no use
                tg.say(person.id, person, command)
        tg.say(ROOM, CAMILLE, "/help")
        await tg.wait_message(lambda m: m.chat.id == ROOM)
    assert [[answer.text for answer in tg.messages(person.id)] for person in people] == [[tg.description]] * 3
    assert "/status" not in tg.description
    assert len(tg.description) <= 512
    tg.description = "Nous sommes là."
    async with listening(tg, FakeDesk(), FakeInbox(terms=TERMS)):
        await tg.wait_call("getUpdates", 3)
    assert tg.description == "Nous sommes là."  # the newsroom's own words stay


async def test_a_reader_has_no_commands(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with listening(tg, FakeDesk([make_draft()]), inbox):
        for text in ("/status orange", "/draft 1", "/signaler orange mail Lille", "/incidents", "/sources"):
            tg.say(GUEST.id, GUEST, text)
        tg.say(ROOM, GUEST, SAID)
        tg.say(ELSEWHERE, GUEST, SAID)
        tg.say(ROOM, CAMILLE, "/help")
        await tg.wait_message(lambda m: m.chat.id == ROOM)
    assert (inbox.heard, inbox.calls) == ([], [])
    assert tg.messages(GUEST.id) == tg.messages(ELSEWHERE) == []


async def test_an_editor_who_tries_it_out_is_no_witness(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with listening(tg, FakeDesk(), inbox):
        tg.say(CAMILLE.id, CAMILLE, SAID)
        assert "n’est pas compté" in (await tg.wait_message()).text
    assert inbox.heard == []


async def test_a_caption_is_read_and_what_somebody_else_wrote_is_not(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=ReaderAnswer(Reception.UNCLEAR))
    async with listening(tg, FakeDesk(), inbox):
        tg.say(GUEST.id, GUEST, SAID, photo=True)
        tg.say(GUEST.id, GUEST, SAID, forwarded_from=CAMILLE)
        tg.say(GUEST.id, GUEST, "", photo=True)
        while len(tg.messages(GUEST.id)) < 3:
            await asyncio.sleep(0.01)
    assert sorted(message.text for message in inbox.heard) == ["", "", SAID]
    assert all("Quel opérateur" in m.text and not m.buttons for m in tg.messages(GUEST.id))


async def test_a_reader_is_heard_though_nobody_can_say_who_the_editors_are(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    tg.fault("getChatAdministrators", "error", status=500, description="Internal Server Error", times=99)
    async with listening(tg, FakeDesk(), inbox, administrators=True):
        tg.say(GUEST.id, GUEST, SAID)
        assert "Merci" in (await tg.wait_message()).text
        tg.say(GUEST.id, GUEST, "/sources")  # which only an editor may ask
        tg.say(GUEST.id, GUEST, "fin")
        while "fin" not in [message.text for message in inbox.heard]:
            await asyncio.sleep(0.01)
    assert [message.text for message in inbox.heard] == [SAID, "fin"]


async def test_a_message_that_its_reader_sets_right_is_read_again(tg: TelegramEmulator) -> None:
    class Attentive(FakeInbox):
        async def hear(self, message: ReaderMessage) -> ReaderAnswer | None:
            self.heard.append(message)
            unclear = None if message.edited else ReaderAnswer(Reception.UNCLEAR)
            return COUNTED if "orange" in message.text else unclear

    inbox = Attentive(terms=TERMS)
    async with listening(tg, FakeDesk(), inbox):
        said = tg.say(GUEST.id, GUEST, "plus de mails")
        assert "Quel opérateur" in (await tg.wait_message()).text
        tg.edit(said, "plus de mails")  # nothing changed that one can see
        tg.edit(said, SAID)
        assert "Merci" in (await tg.wait_message(lambda m: "Merci" in m.text)).text
        tg.edit(tg.say(ROOM, CAMILLE, "/help"), "/incidents")
        await tg.wait_message(lambda m: m.chat.id == ROOM)
    assert [(message.text, message.edited) for message in inbox.heard] == [
        ("plus de mails", False),
        ("plus de mails", True),
        (SAID, True),
    ]
    assert len({message.key for message in inbox.heard}) == 1
    assert (len(tg.messages(GUEST.id)), len(tg.messages(ROOM))) == (2, 1)


async def test_several_pictures_sent_at_once_are_one_message(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=ReaderAnswer(Reception.UNCLEAR))
    async with listening(tg, FakeDesk(), inbox):
        for album, words in (("1", SAID), ("1", ""), ("1", ""), ("2", ""), ("2", "")):
            tg.say(GUEST.id, GUEST, words, photo=True, album=album)
        tg.say(GUEST.id, GUEST, "fin")
        while "fin" not in [message.text for message in inbox.heard]:
            await asyncio.sleep(0.01)
    assert [message.text for message in inbox.heard] == [SAID, "", "fin"]


async def test_where_nobody_is_welcome_a_reader_is_not_answered(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(answer=COUNTED)
    async with listening(tg, FakeDesk(), inbox):
        tg.say(GUEST.id, GUEST, SAID)
        tg.say(GUEST.id, GUEST, "/start")
        tg.say(ROOM, CAMILLE, "/help")
        await tg.wait_message(lambda m: m.chat.id == ROOM)
    assert inbox.heard == []
    assert tg.messages(GUEST.id) == []
    assert tg.description == ""


async def test_who_writes_too_often_is_not_answered(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=None)
    async with listening(tg, FakeDesk(), inbox):
        for _ in range(20):
            tg.say(GUEST.id, GUEST, SAID)
        tg.say(ROOM, CAMILLE, "/help")
        await tg.wait_message(lambda m: m.chat.id == ROOM)
    assert tg.messages(GUEST.id) == []


async def test_what_could_not_be_noted_is_said(tg: TelegramEmulator) -> None:
    class Full(FakeInbox):
        async def hear(self, _message: ReaderMessage) -> ReaderAnswer | None:
            raise StoreError("store: the disk is full")

    async with listening(tg, FakeDesk(), Full(terms=TERMS)):
        tg.say(GUEST.id, GUEST, SAID)
        answer = await tg.wait_message()
    assert "Réessayez" in answer.text
    assert not answer.buttons


async def test_what_comes_from_outside_is_inert_in_the_answer_to_a_reader(tg: TelegramEmulator) -> None:
    nasty = "<b>@everyone</b> & @camille_d"
    said = Statement("e1", "orange-etat", nasty, EntryState.IDENTIFIED, MORNING)
    inbox = FakeInbox(terms=TERMS, answer=replace(COUNTED, published=nasty, statement=said))
    async with listening(tg, FakeDesk(), inbox):
        tg.say(GUEST.id, GUEST, SAID)
        answer = await tg.wait_message()
    assert answer.text.count("<b>") == 2
    assert answer.mentions == []
    assert not answer.entities


async def test_a_forged_press_takes_nothing_back(tg: TelegramEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with listening(tg, FakeDesk(), inbox):
        tg.say(GUEST.id, GUEST, SAID)
        answer = await tg.wait_message()
        data = answer.buttons[0][1]
        await tg.press_data(answer, data, CAMILLE).answer()
        await tg.press_data(answer, "b:x", GUEST).answer()
        await tg.press_data(answer, data, GUEST, forwarded_to=ELSEWHERE).answer()
    assert len(inbox.mine) == 1


# --- listening that goes wrong


async def test_another_bot_with_the_same_token_is_an_error_with_a_clear_reason(tg: TelegramEmulator) -> None:
    async def both() -> None:
        async with opened(tg) as first, opened(tg) as second, asyncio.TaskGroup() as group:
            group.create_task(first.listen(FakeDesk(), FakeInbox()))
            await tg.wait_call("getUpdates")
            group.create_task(second.listen(FakeDesk(), FakeInbox()))

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerError)
    assert "another bot listens with the same token" in error.reason
    assert error.retryable


@pytest.mark.parametrize("kind", ["hang", "drop", "html", "odd"])
async def test_a_wedged_long_poll_is_an_error(tg: TelegramEmulator, kind: Any) -> None:
    tg.fault("getUpdates", kind, times=99)
    async with opened(tg, call_seconds=0.6, poll_seconds=0) as handler:
        with pytest.raises(HandlerError, match="no update could be asked for") as caught:
            await handler.listen(FakeDesk(), FakeInbox())
    assert caught.value.retryable


async def test_short_troubles_of_the_poll_are_sat_out(tg: TelegramEmulator) -> None:
    tg.fault("getUpdates", "html")
    async with listening(tg, FakeDesk()):
        tg.say(ROOM, CAMILLE, "/help")
        assert await tg.wait_message()


async def test_a_revoked_token_ends_listening(tg: TelegramEmulator) -> None:
    tg.fault("getUpdates", "error", status=401, description="Unauthorized")
    async with opened(tg) as handler:
        with pytest.raises(HandlerError, match="refuses the token") as caught:
            await handler.listen(FakeDesk(), FakeInbox())
    assert not caught.value.retryable


async def test_a_bug_in_one_answer_does_not_deafen_the_desk(tg: TelegramEmulator) -> None:
    class OddDesk(FakeDesk):
        async def draft(self, number: int) -> Any:
            return 1 // (number - number)

    async with listening(tg, OddDesk()):
        tg.say(ROOM, CAMILLE, "/draft 1")
        tg.say(ROOM, CAMILLE, "/help")
        assert await tg.wait_message()


async def test_updates_are_confirmed_only_after_they_were_handled(tg: TelegramEmulator) -> None:
    class SlowDesk(FakeDesk):
        async def draft(self, number: int) -> Any:
            return await asyncio.sleep(3600 * number)

    async with listening(tg, SlowDesk([make_draft()])) as handler:
        await handler.send(card(), repeated=False)
        press = tg.press(await tg.wait_message(), "Approuver", CAMILLE)
        await asyncio.sleep(0.1)
    desk = FakeDesk([make_draft()])
    async with listening(tg, desk):
        await press.answer()
    assert len(desk.decisions) == 1


# --- webhook


@pytest.fixture
async def port() -> int:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    free: int = runner.addresses[0][1]
    await runner.cleanup()
    return free


async def test_a_webhook_takes_updates_with_its_secret_only_and_once(tg: TelegramEmulator, port: int) -> None:
    desk = FakeDesk([make_draft()])
    url = f"http://127.0.0.1:{port}/vigie"
    async with listening(tg, desk, webhook_url=url, webhook_secret="s3cret", webhook_port=port) as handler:
        await handler.send(card(), repeated=False)
        press = tg.press(await tg.wait_message(), "Approuver", CAMILLE)
        update = tg._updates[0]
        assert await tg.push(secret="") == [401]
        assert await tg.push(secret="wrong") == [401]
        assert not desk.decisions
        assert await tg.push() == [200]
        await press.answer()
        async with ClientSession(headers={"X-Telegram-Bot-Api-Secret-Token": "s3cret"}) as session:
            for body, status in ((b"{", 400), (b"[]", 400), (b"{}", 400)):
                async with session.post(url, data=body) as response:
                    assert response.status == status
            async with session.post(url, json=update) as response:
                assert response.status == 200
    assert len(desk.decisions) == 1
    assert len(tg.sent("answerCallbackQuery")) == 1


async def test_a_webhook_s_busy_port_is_an_error(tg: TelegramEmulator) -> None:
    busy = int(tg.base_url.rsplit(":", maxsplit=1)[1])
    async with opened(tg, webhook_url="https://x.example/", webhook_secret="s", webhook_port=busy) as handler:
        with pytest.raises(HandlerError, match="cannot listen"):
            await handler.listen(FakeDesk(), FakeInbox())


# --- the channel


async def test_an_alert_is_published_as_it_was_approved(tg: TelegramEmulator) -> None:
    async with channel(tg) as target:
        remote = await target.send(ALERT, repeated=False)
    (message,) = tg.messages(CHANNEL)
    assert remote == f"{CHANNEL}:{message.id}"
    assert message.text == "Orange : la messagerie en panne\n\nDe Lille à Dax. <b>&"
    assert not message.buttons


async def test_an_alert_that_may_have_been_published_is_not_repeated(tg: TelegramEmulator) -> None:
    tg.fault("sendMessage", "drop_after")
    async with channel(tg) as target:
        with pytest.raises(TargetError) as caught:
            await target.send(ALERT, repeated=False)
        assert (caught.value.retryable, caught.value.maybe_sent) == (True, True)
        with pytest.raises(TargetError) as caught:
            await target.send(ALERT, repeated=True)
        assert (caught.value.retryable, caught.value.maybe_sent) == (False, True)
    assert len(tg.messages(CHANNEL)) == 1


async def test_a_long_alert_fits(tg: TelegramEmulator) -> None:
    async with channel(tg) as target:
        await target.send(delivery(DeliveryKind.ALERT, Alert("x", "T" * 900, "Une phrase. " * 2000)), repeated=False)
    assert 3800 < utf16(tg.messages(CHANNEL)[0].text) <= 4096


# --- check


async def test_check_reads_only_and_names_what_works(tg: TelegramEmulator) -> None:
    async with opened(tg) as handler, channel(tg) as target:
        rows = [*await handler.check(send=False), *await target.check(send=True)]
        assert all(row.ok for row in rows)
        assert [row.what for row in rows] == ["account", "chat", "rights"] * 2
        assert not tg._messages
        (*_, sent) = await handler.check(send=True)
        assert (sent.what, sent.ok) == ("message", True)
    assert tg.messages(ROOM)[0].edits == 1


@pytest.mark.parametrize("case", ["token", "chat", "kicked", "left", "cannot post", "down"])
async def test_check_says_what_is_wrong_and_what_to_do(tg: TelegramEmulator, case: str) -> None:
    table = {"kind": "telegram_channel", "token": tg.token, "chat": CHANNEL, "api_base_url": tg.base_url}
    target = TelegramChannel(telegram_channel.Settings.model_validate(table), DEPS)
    wrong: dict[str, dict[str, Any]] = {"token": {"token": "1:revoked"}, "chat": {"chat": -1}}
    handler = made(tg, **wrong.get(case, {}))
    if case == "kicked":
        tg._chats[ROOM].bot = "kicked"
    if case == "left":
        tg._chats[ROOM].bot = "left"
    if case == "cannot post":
        tg._chats[CHANNEL].can_post = False
    if case == "down":
        await tg.stop()
    rows = await (target if case == "cannot post" else handler).check(send=True)
    assert [row.ok for row in rows].count(False) == 1
    assert next(row for row in rows if not row.ok).remedy
    assert not tg._messages
    await handler.close()
    await target.close()


async def test_check_counts_administrators(tg: TelegramEmulator) -> None:
    tg.group(ROOM, administrators=[SACHA])
    async with opened(tg, administrators=True) as handler:
        rows = await handler.check(send=False)
    assert rows[-1].detail == "1 administrators and 0 by number"


# --- secrets


@pytest.mark.parametrize("fault", ["ok", "revoked", "down", "html", "odd", "drop", "hang"])
async def test_no_log_error_or_representation_holds_the_token(
    tg: TelegramEmulator, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], fault: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = tg.token.partition(":")[2]
    handler = made(tg, call_seconds=0.1)
    told = [repr(handler), str(handler), repr(handler._settings), repr(handler._api), repr(handler._api.bot)]
    if fault == "down":
        await tg.stop()
    elif fault == "revoked":
        tg.token = "4242:another"
    elif fault != "ok":
        for method in ("getMe", "sendMessage", "getUpdates", "deleteWebhook", "setMyCommands"):
            tg.fault(method, fault, times=9)
    with capture_logs() as logs:
        for attempt in (handler.open(), handler.send(card(), repeated=False), handler.listen(FakeDesk(), FakeInbox())):
            try:
                async with asyncio.timeout(0.5):
                    await attempt
            except HandlerError as error:
                told += [str(error), repr(error), error.reason, "".join(traceback.format_exception(error))]
            except TimeoutError:
                assert fault == "ok"
        told += [repr(row) for row in await handler.check(send=False)]
    await handler.close()
    told += [repr(logs), caplog.text, *capsys.readouterr()]
    assert not [text for text in told if secret in text]
