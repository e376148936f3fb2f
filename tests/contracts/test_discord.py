"""The desk in Discord, by the unmodified library over real sockets, against an emulated API and gateway."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from bot.clock import ManualClock
from bot.domain.deliveries import Alert, Delivery, DeliveryKind, Notice, Payload
from bot.domain.incidents import Action, Decision, Draft, DraftState
from bot.domain.operators import Service
from bot.errors import HandlerError, StoreError, TargetError
from bot.ports import (
    DestinationDeps,
    Handler,
    Outcome,
    OutcomeKind,
    ReaderAnswer,
    ReaderMessage,
    Reception,
    Target,
    Welcome,
)
from handlers import discord
from handlers.targets import discord_channel
from tests.emulators.discord import DiscordEmulator, Exchange, visible
from tests.emulators.discord_world import HISTORY, MESSAGE_CONTENT, SEND, VIEW
from tests.fakes.desk import LILLE, MORNING, FakeDesk, FakeInbox, make_draft

DESK, PUBLIC, ELSEWHERE = 600_000_000_000_000_001, 600_000_000_000_000_002, 600_000_000_000_000_003
DEPS = DestinationDeps(ManualClock(MORNING), "fr", ZoneInfo("Europe/Paris"), "Le Journal")


@pytest.fixture
async def dc() -> AsyncIterator[DiscordEmulator]:
    async with DiscordEmulator(channel=DESK, other_channels=(PUBLIC, ELSEWHERE)) as emulator:
        yield emulator


def made(dc: DiscordEmulator, *, deps: DestinationDeps = DEPS, **settings: Any) -> Handler:
    table = {
        "kind": "discord",
        "name": "discord",
        "token": dc.token,
        "guild": dc.guild,
        "channel": dc.channel,
        "editor_roles": [dc.editor_role],
        "api_base_url": dc.api_base_url,
        "gateway_url": dc.gateway_url,
        "timeout_seconds": 5,
    }
    return discord.create(discord.Settings.model_validate(table | settings), deps)


@asynccontextmanager
async def opened(dc: DiscordEmulator, **settings: Any) -> AsyncIterator[Handler]:
    handler = made(dc, **settings)
    await handler.open()
    try:
        yield handler
    finally:
        await handler.close()


@asynccontextmanager
async def listening(
    dc: DiscordEmulator, desk: FakeDesk, inbox: FakeInbox | None = None, **settings: Any
) -> AsyncIterator[Handler]:
    async with opened(dc, **settings) as handler, asyncio.TaskGroup() as group:
        task = group.create_task(handler.listen(desk, inbox or FakeInbox()))
        await dc.gateway.wait()
        try:
            yield handler
        finally:
            task.cancel()


@asynccontextmanager
async def target(dc: DiscordEmulator, **settings: Any) -> AsyncIterator[Target]:
    table = {
        "kind": "discord_channel",
        "name": "public",
        "token": dc.token,
        "guild": dc.guild,
        "channel": PUBLIC,
        "api_base_url": dc.api_base_url,
        "timeout_seconds": 5,
    }
    made = discord_channel.create(discord_channel.Settings.model_validate(table | settings), DEPS)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def delivery(
    payload: Payload, kind: DeliveryKind = DeliveryKind.CARD, *, key: str = "d1", reply_to: str | None = None
) -> Delivery:
    return Delivery(key, "discord", kind, payload, MORNING, reply_to=reply_to)


async def card(dc: DiscordEmulator, handler: Handler, draft: Draft | None = None) -> dict[str, Any]:
    remote = await handler.send(delivery(draft or make_draft()), repeated=False)
    return next(message for message in dc.messages() if remote.endswith(message["id"]))


def posts(dc: DiscordEmulator) -> list[dict[str, Any]]:
    return [body for method, path, body in dc.rest.requests if method == "POST" and path.endswith("/messages")]


# --- cards, edits, notices ---------------------------------------------------------------------------------------


async def test_a_card_arrives_with_its_buttons_and_can_be_sent_without_listening(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        remote = await handler.send(delivery(make_draft(3)), repeated=False)
    (message,) = dc.messages()
    assert remote == f"{DESK}:{message['id']}"
    for words in ("À DÉCIDER", "Orange : la messagerie semble en panne", "Lille", "Approuver", "Écarter"):
        assert words in visible(message)
    ids = [button["custom_id"] for button in message["components"][0]["components"]]
    assert ids == ["vigie:approve:3:1", "vigie:edit:3:1", "vigie:dismiss:3:1"]
    assert not dc.gateway.identifies


async def test_an_edit_changes_the_card_in_place_by_the_bot_s_own_token(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        remote = await handler.send(delivery(make_draft()), repeated=False)
        newer = make_draft(revision=2, text="48 signalements.", state=DraftState.PUBLISHED, decided_by="Camille")
        edit = delivery(newer, DeliveryKind.EDIT, key="d2", reply_to=remote)
        assert await handler.send(edit, repeated=False) == remote
    (message,) = dc.messages()
    assert "48 signalements." in visible(message)
    assert "PUBLIÉ, approuvé par Camille" in visible(message)
    assert message["components"] == []
    assert dc.rest.requests[-1][:2] == ("PATCH", f"/channels/{DESK}/messages/{message['id']}")


@pytest.mark.parametrize("case", ["old", "deleted", "unknown"])
async def test_a_card_that_cannot_be_edited_any_more_is_gone(dc: DiscordEmulator, case: str) -> None:
    async with opened(dc) as handler:
        remote: str | None = await handler.send(delivery(make_draft()), repeated=False)
        if case == "old":
            dc.rest.stale.add(dc.messages()[0]["id"])
        elif case == "deleted":
            dc.world.channels[DESK].clear()
        else:
            remote = None
        with pytest.raises(HandlerError) as raised:
            await handler.send(delivery(make_draft(), DeliveryKind.EDIT, reply_to=remote), repeated=False)
    assert raised.value.gone
    assert not raised.value.retryable


async def test_a_notice_replies_to_the_card(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        remote = await handler.send(delivery(make_draft()), repeated=False)
        notice = delivery(Notice("Orange a parlé."), DeliveryKind.NOTICE, key="n", reply_to=remote)
        await handler.send(notice, repeated=False)
        await handler.send(delivery(Notice("Bluesky ne répond plus."), DeliveryKind.NOTICE, key="m"), repeated=False)
    message, reply, alone = dc.messages()
    assert reply["message_reference"]["message_id"] == message["id"]
    assert reply["content"].startswith("Orange a parlé.")
    assert "message_reference" not in alone


async def test_a_notice_is_sent_though_its_card_was_deleted(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        remote = await handler.send(delivery(make_draft()), repeated=False)
        dc.world.channels[DESK].clear()
        notice = delivery(Notice("Orange a parlé."), DeliveryKind.NOTICE, key="n", reply_to=remote)
        await handler.send(notice, repeated=False)
    assert len(dc.messages()) == 1


async def test_the_room_takes_no_alert_and_a_target_no_card(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler, target(dc) as public:
        with pytest.raises(HandlerError):
            await handler.send(delivery(Alert("o", "Titre", "Texte"), DeliveryKind.ALERT), repeated=False)
        with pytest.raises(TargetError):
            await public.send(delivery(make_draft()), repeated=False)
    assert dc.messages() == dc.messages(PUBLIC) == []


async def test_no_text_pings_or_formats(dc: DiscordEmulator) -> None:
    hostile = "@everyone <@1> <@&2> **gras** [clic](https://evil.example) `code` \u202egauche\n# titre\n> cité\n- puce"
    async with opened(dc) as handler:
        await handler.send(delivery(make_draft(title=hostile, text=hostile)), repeated=False)
        await handler.send(delivery(Notice(hostile), DeliveryKind.NOTICE, key="n"), repeated=False)
    async with target(dc) as public:
        await public.send(delivery(Alert("o", hostile, hostile), DeliveryKind.ALERT), repeated=False)
    assert dc.rest.pings == []
    assert all(body["allowed_mentions"] == {"parse": []} for body in posts(dc))
    for message in dc.messages() + dc.messages(PUBLIC):
        text = visible(message)
        assert "\\@everyone \\<\\@1\\>" in text
        assert "\\*\\*gras\\*\\*" in text
        assert "\\[clic\\](https://evil.example)" in text
        assert "\u202e" not in text


@pytest.mark.parametrize("unit", ["Une phrase assez courte. ", "mot ", "🟠", "a", "*", "👩‍👩‍👧 "])
async def test_whatever_is_too_long_is_cut_to_discord_s_limits(dc: DiscordEmulator, unit: str) -> None:
    long = (unit * 10_000)[:10_000]
    async with opened(dc) as handler, target(dc) as public:
        await handler.send(delivery(make_draft(title=long, text=long)), repeated=False)
        await handler.send(delivery(Notice(long), DeliveryKind.NOTICE, key="n"), repeated=False)
        await public.send(delivery(Alert("o", long, long), DeliveryKind.ALERT), repeated=False)
    assert [len(dc.messages()), len(dc.messages(PUBLIC))] == [2, 1]
    assert "**Signalements** 24" in visible(dc.messages()[0])


# --- repeats and failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("remembered", [True, False], ids=["by-nonce", "by-footer"])
@pytest.mark.parametrize("kind", list(DeliveryKind))
async def test_a_send_that_may_have_arrived_is_not_doubled(
    dc: DiscordEmulator, kind: DeliveryKind, *, remembered: bool
) -> None:
    payloads: dict[str, Payload] = {"notice": Notice("Orange a parlé."), "alert": Alert("o", "T", "x")}
    payload = payloads.get(kind, make_draft())
    where = PUBLIC if kind is DeliveryKind.ALERT else DESK
    async with opened(dc) as handler, target(dc) as public:
        destination = public if kind is DeliveryKind.ALERT else handler
        first = await handler.send(delivery(make_draft(), key="c"), repeated=False) if where == DESK else None
        dc.fault("PATCH" if kind is DeliveryKind.EDIT else "POST", f"/channels/{where}/messages", "drop-after")
        once = delivery(payload, kind, key="again", reply_to=first)
        with pytest.raises((HandlerError, TargetError)) as raised:
            await destination.send(once, repeated=False)
        assert raised.value.retryable
        assert raised.value.maybe_sent
        arrived = dc.messages(where)
        if remembered:
            dc.world.permissions &= ~HISTORY  # nothing to be found
        else:
            dc.rest.forget_nonces()
        remote = await destination.send(once, repeated=True)
    assert dc.messages(where) == arrived
    assert remote == f"{where}:{arrived[0 if kind is DeliveryKind.EDIT else -1]['id']}"


async def test_a_repeat_that_had_not_arrived_is_sent(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        dc.fault("POST", "/messages$", "drop-before")
        with pytest.raises(HandlerError):
            await handler.send(delivery(make_draft()), repeated=False)
        await handler.send(delivery(make_draft(), key="other"), repeated=False)
        await handler.send(delivery(make_draft()), repeated=True)
    assert len(dc.messages()) == 2


@pytest.mark.parametrize("retry_after", [0.7, 25.0, 900.0])
@pytest.mark.parametrize("via", [True, False])
async def test_a_rate_limit_is_handed_to_the_outbox_at_once(
    dc: DiscordEmulator, retry_after: float, *, via: bool
) -> None:
    async with opened(dc) as handler:
        dc.fault("POST", "/messages$", "429", retry_after=retry_after, via=via)
        async with asyncio.timeout(0.6):
            with pytest.raises(HandlerError) as raised:
                await handler.send(delivery(make_draft()), repeated=False)
        assert raised.value.retryable
        assert raised.value.retry_after == retry_after
        assert not raised.value.maybe_sent
        await handler.send(delivery(make_draft()), repeated=False)
    assert len(dc.messages()) == 1


@pytest.mark.parametrize(
    ("kind", "fault", "retryable", "maybe_sent"),
    [
        ("status", {"status": 403, "code": 50013}, False, False),
        ("status", {"status": 404, "code": 10003}, False, False),
        ("status", {"status": 400, "code": 50035}, False, False),
        ("status", {"status": 401}, False, False),
        ("status", {"status": 503}, True, True),
        ("html", {"status": 503}, True, True),
        ("html", {"status": 403}, False, False),
        ("html", {"status": 429}, True, False),
        ("drop-before", {}, True, True),
        ("hang", {}, True, True),
    ],
)
async def test_a_failed_send_says_what_it_means(
    dc: DiscordEmulator, kind: str, fault: dict[str, Any], retryable: bool, maybe_sent: bool
) -> None:
    async with opened(dc, timeout_seconds=0.5) as handler:
        dc.fault("POST", "/messages$", kind, **fault)
        with pytest.raises(HandlerError) as raised:
            await handler.send(delivery(make_draft()), repeated=False)
        assert (raised.value.retryable, raised.value.maybe_sent) == (retryable, maybe_sent)
        await handler.send(delivery(make_draft()), repeated=maybe_sent)
    assert len(dc.messages()) == 1


@pytest.mark.slow
async def test_a_short_trouble_of_discord_s_is_sat_out(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        dc.fault("POST", "/messages$", "status", status=502)
        await handler.send(delivery(make_draft()), repeated=False)
    assert len(dc.messages()) == 1


async def test_discord_down_is_not_sent_and_open_may_be_repeated(dc: DiscordEmulator) -> None:
    handler = made(dc, api_base_url="http://127.0.0.1:9/api/v10")
    for _ in range(2):
        with pytest.raises(HandlerError) as raised:
            await handler.open()
        assert raised.value.retryable
        assert not raised.value.maybe_sent
    await handler.close()


async def test_a_wrong_token_is_said_so_and_not_retried(dc: DiscordEmulator) -> None:
    handler = made(dc, token="another")
    with pytest.raises(HandlerError, match="token") as raised:
        await handler.open()
    assert not raised.value.retryable
    with pytest.raises(HandlerError, match="token"):
        await handler.listen(FakeDesk(), FakeInbox())
    await handler.close()


async def test_a_channel_that_was_changed_in_the_configuration_is_no_obstacle(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler:
        remote = await handler.send(delivery(make_draft()), repeated=False)
    async with opened(dc, channel=ELSEWHERE) as moved:
        edit = delivery(make_draft(text="Plus récent."), DeliveryKind.EDIT, key="e", reply_to=remote)
        await moved.send(edit, repeated=False)
        notice = delivery(Notice("Orange a parlé."), DeliveryKind.NOTICE, key="n", reply_to=remote)
        await moved.send(notice, repeated=False)
    assert "Plus récent." in visible(dc.messages()[0])
    assert "message_reference" not in dc.messages(ELSEWHERE)[0]


async def test_a_ban_while_logging_in_may_be_tried_again(dc: DiscordEmulator) -> None:
    handler = made(dc)
    for attempt in (handler.open(), handler.listen(FakeDesk(), FakeInbox())):
        dc.fault("GET", "/users/@me$", "html", status=429)
        with pytest.raises(HandlerError) as raised:
            await attempt
        assert raised.value.retryable
    await handler.close()


# --- presses -----------------------------------------------------------------------------------------------------


async def test_a_press_approves_once_and_the_second_editor_is_told_who(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        first, second = await asyncio.gather(
            dc.press(message, "Approuver"), dc.press(message, "Écarter", user=dc.second)
        )
    (decision,) = desk.decisions
    assert decision == Decision(
        who="Camille",
        action=Action.APPROVE,
        at=MORNING,
        incident="orange-20231205-0001",
        revision=1,
        key=f"discord:{first.id}",
    )
    assert first.text == "Approuvé : l’alerte part."
    assert second.text == "Déjà décidé : approuvé par Camille."
    assert first.ephemeral
    assert second.ephemeral


async def test_a_press_after_a_restart_works(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
    await dc.gateway.wait(connected=False)
    async with listening(dc, desk):
        await dc.press(message, "Écarter")
    assert [decision.action for decision in desk.decisions] == [Action.DISMISS]


async def test_a_changed_draft_is_shown_and_asked_again(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft(revision=5, text="Le texte a changé.")])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        answer = await dc.press(message, "Approuver")
        assert "Le brouillon a changé" in answer.text
        assert "Le texte a changé." in answer.text
        assert desk.decisions == []
        await dc.press(answer.messages[0], "Approuver")
    assert [decision.revision for decision in desk.decisions] == [5]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(OutcomeKind.CLOSED, make_draft(state=DraftState.EXPIRED)), "Trop tard"),
        (Outcome(OutcomeKind.UNKNOWN), "Aucun incident de ce numéro."),
    ],
)
async def test_every_outcome_is_told(dc: DiscordEmulator, outcome: Outcome, told: str) -> None:
    desk = FakeDesk([make_draft()])
    desk.outcome = outcome
    async with listening(dc, desk) as handler:
        answer = await dc.press(await card(dc, handler), "Approuver")
    assert told in answer.text


async def test_a_press_about_an_incident_nobody_knows_is_told(dc: DiscordEmulator) -> None:
    async with listening(dc, FakeDesk()) as handler:
        message = await card(dc, handler)
        answers = [await dc.press(message, label) for label in ("Approuver", "Modifier")]
    assert [answer.text for answer in answers] == ["Aucun incident de ce numéro."] * 2


async def test_who_may_not_decide_is_refused_and_logged(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    with capture_logs() as logs:
        async with listening(dc, desk) as handler:
            message = await card(dc, handler)
            refused = [
                await dc.press(message, "Approuver", user=dc.stranger),
                await dc.press(message, "Modifier", user=dc.stranger),
                await dc.press(message, "Approuver", channel=ELSEWHERE),
            ]
    assert desk.decisions == []
    assert all(answer.ephemeral and answer.messages and answer.modal is None for answer in refused)
    assert all("Seules les personnes désignées" in answer.text for answer in refused[:2])
    assert "salon de la rédaction" in refused[2].text
    seen = [(log["user"], log["channel"]) for log in logs if log["event"] == "discord_refused"]
    assert seen == [(dc.stranger.id, DESK), (dc.stranger.id, DESK), (dc.editor.id, ELSEWHERE)]


class BrokenDesk(FakeDesk):
    """Cannot store a decision the first time."""

    error: Exception = StoreError("store: disk full", retryable=True)
    broken = True

    async def decide(self, decision: Decision) -> Outcome:
        if self.broken:
            self.broken = False
            raise self.error
        return await super().decide(decision)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreError("store: disk full", retryable=True), "rien n’a été enregistré"),
        (KeyError("a bug"), "Regardez la carte"),
    ],
)
async def test_a_decision_that_failed_is_said_so(dc: DiscordEmulator, error: Exception, told: str) -> None:
    desk = BrokenDesk([make_draft()])
    desk.error = error
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        answer = await dc.press(message, "Approuver")
        assert told in answer.text
        await dc.press(message, "Approuver")
    assert len(desk.decisions) == 1


@pytest.mark.slow
async def test_a_slow_desk_still_answers(dc: DiscordEmulator) -> None:
    class Slow(FakeDesk):
        async def decide(self, decision: Decision) -> Outcome:
            await asyncio.sleep(3.5)
            return await super().decide(decision)

        async def draft(self, number: int) -> Draft | None:
            if self.decisions:
                await asyncio.sleep(4)
            return await super().draft(number)

    desk = Slow([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        answer = await dc.press(message, "Approuver")
        assert answer.text == "Approuvé : l’alerte part."
        modal = await dc.press(message, "Modifier")  # a modal cannot be deferred: refused rather than lost
    assert "Regardez la carte" in modal.text
    assert not modal.late


async def test_a_press_that_comes_too_late_has_no_effect(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        dc.fault("POST", "/callback", "status", status=404, code=10062)
        await dc.press(message, "Approuver", seconds=0.2)
        assert desk.decisions == []
        await dc.press(message, "Approuver")
    assert len(desk.decisions) == 1


async def test_what_was_decided_stands_when_discord_cannot_show_it(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        dc.fault("PATCH", "/webhooks/", "status", status=404, code=10015, times=1)
        await dc.press(message, "Approuver", seconds=0.2)
        second = await dc.press(message, "Approuver", user=dc.second)
    assert len(desk.decisions) == 1
    assert "approuvé par Camille" in second.text


async def test_an_unsure_delivery_is_sent_again_by_an_editor(dc: DiscordEmulator) -> None:
    desk = FakeDesk()
    desk.unsure = {"alert:o:3:public"}
    async with listening(dc, desk) as handler:
        notice = Notice("Peut-être publié : vérifiez.", resend="alert:o:3:public")
        await handler.send(delivery(notice, DeliveryKind.NOTICE), repeated=False)
        (message,) = dc.messages()
        answers = [await dc.press(message, "Envoyer de nouveau") for _ in range(2)]
    assert desk.resent == [("alert:o:3:public", "Camille")]
    assert [answer.text for answer in answers] == ["C’est reparti.", "Cet envoi n’est plus en suspens."]


# --- a new text --------------------------------------------------------------------------------------------------

TEXT = "Panne de *messagerie* chez Orange.\n\n- Lille\n- Mont-de-Marsan https://example.org/a_b_c\n@everyone"


async def edited(dc: DiscordEmulator, message: dict[str, Any], text: str = TEXT) -> Exchange:
    return await dc.submit_modal(await dc.press(message, "Modifier"), text)


async def test_an_edit_is_shown_back_before_it_counts(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        opened = await dc.press(await card(dc, handler), "Modifier")
        assert opened.modal is not None
        assert opened.modal["components"][0]["component"]["value"] == make_draft().text
        preview = await dc.submit_modal(opened, f"  {TEXT}\n")
        assert preview.ephemeral
        assert "Voici le texte qui partira" in preview.text
        assert desk.decisions == []
        answer = await dc.press(preview.messages[0], "Confirmer")
    assert answer.text == "Texte modifié. Il reste à l’approuver."
    (decision,) = desk.decisions
    assert (decision.action, decision.text, decision.revision) == (Action.EDIT, TEXT, 1)


async def test_an_edit_survives_a_restart_at_every_step(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        opened = await dc.press(await card(dc, handler), "Modifier")
    await dc.gateway.wait(connected=False)
    async with listening(dc, desk):
        preview = await dc.submit_modal(opened, TEXT)
    await dc.gateway.wait(connected=False)
    async with listening(dc, desk):
        await dc.press(preview.messages[0], "Confirmer")
    assert [decision.text for decision in desk.decisions] == [TEXT]


async def test_an_edit_can_be_cancelled(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        preview = await edited(dc, await card(dc, handler))
        answer = await dc.press(preview.messages[0], "Annuler")
    assert answer.text == "Rien n’a changé."
    assert desk.decisions == []


async def test_an_edit_of_a_draft_that_changed_is_confirmed_again(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        preview = await edited(dc, await card(dc, handler))
        desk.drafts[1] = make_draft(revision=4, text="Plus récent.")
        again = await dc.press(preview.messages[0], "Confirmer")
        assert "Plus récent." in again.text
        assert desk.decisions == []
        await dc.press(again.messages[0], "Confirmer")
    assert [(decision.text, decision.revision) for decision in desk.decisions] == [(TEXT, 4)]


async def test_a_text_that_could_not_be_stored_stays_on_the_screen(dc: DiscordEmulator) -> None:
    desk = BrokenDesk([make_draft()])
    async with listening(dc, desk) as handler:
        preview = (await edited(dc, await card(dc, handler))).messages[0]
        failed = await dc.press(preview, "Confirmer")
        assert "rien n’a été enregistré" in failed.text
        await dc.press(preview, "Confirmer")
    assert [decision.text for decision in desk.decisions] == [TEXT]


@pytest.mark.parametrize(("text", "told"), [("  \n ", "Le texte est vide"), ("*" * 3000, "trop long")])
async def test_a_text_that_cannot_be_taken_is_said_so(dc: DiscordEmulator, text: str, told: str) -> None:
    async with listening(dc, FakeDesk([make_draft()])) as handler:
        answer = await edited(dc, await card(dc, handler), text)
    assert told in answer.text
    assert answer.messages[0]["components"] == []


async def test_a_modal_submitted_by_somebody_else_is_refused(dc: DiscordEmulator) -> None:
    async with listening(dc, FakeDesk([make_draft()])) as handler:
        opened = await dc.press(await card(dc, handler), "Modifier")
        answer = await dc.submit_modal(opened, TEXT, user=dc.stranger)
    assert "Seules les personnes désignées" in answer.text
    assert "messagerie" not in answer.text


# --- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "expected", "private"),
    [
        ("status", {"operator": "orange"}, "PANNE SUSPECTÉE", False),
        ("status", {"operator": "bouygues"}, "CALME", False),
        ("status", {"operator": "Numéricâble"}, "Connus : Orange, Bouygues Telecom, SFR", False),
        ("status", {}, "**Calmes** Bouygues Telecom, SFR", False),
        ("incidents", {}, "1 · Orange", False),
        ("draft", {"number": 1}, "Orange : la messagerie semble en panne\n\n24 signalements", False),
        ("draft", {"number": 9}, "Aucun incident de ce numéro.", False),
        ("sources", {}, "bluesky", True),
        ("help", {}, "/signaler", True),
        ("id", {}, str(DESK), True),
    ],
)
async def test_a_command_is_answered_within_a_second(
    dc: DiscordEmulator, name: str, options: dict[str, Any], expected: str, private: bool
) -> None:
    async with listening(dc, FakeDesk([make_draft()])):
        async with asyncio.timeout(1):
            answer = await dc.slash(name, options)
    assert expected in answer.text
    assert answer.ephemeral is private


async def test_draft_gives_the_clean_alert_alone_whatever_its_length(dc: DiscordEmulator) -> None:
    long = "Une phrase. " * 300
    async with listening(dc, FakeDesk([make_draft(), make_draft(2, text=long)])):
        short, embedded = await dc.slash("draft", {"number": 1}), await dc.slash("draft", {"number": 2})
    assert short.messages[0]["content"] == f"{make_draft().title}\n\n{make_draft().text}"
    assert short.messages[0]["embeds"] == short.messages[0]["components"] == []
    assert embedded.messages[0]["embeds"][0]["description"] == long.strip()


@pytest.mark.parametrize("typed", ["orange", "Sosh", "ORANGE "])
async def test_a_reader_s_call_is_logged(dc: DiscordEmulator, typed: str) -> None:
    inbox = FakeInbox()
    async with listening(dc, FakeDesk(), inbox):
        options: dict[str, str | int | bool] = {"operator": typed, "service": "mail", "place": "Lille", "pro": True}
        answer = await dc.slash("signaler", options)
    assert answer.text == "Appel noté : Orange, messagerie, Lille. Merci.\nAnnuler"
    (call,) = inbox.calls
    assert (call.key, call.who, call.operator) == (f"discord:{answer.id}", "Camille", "orange")
    assert (call.service, call.place, call.professional) == (Service.MAIL, "Lille", True)


@pytest.mark.parametrize(
    ("operator", "place", "told"),
    [("orange", "Atlantide", "Lieu inconnu : Atlantide"), ("xyz", "Lille", "Opérateur inconnu")],
)
async def test_a_call_that_cannot_be_logged_says_why(dc: DiscordEmulator, operator: str, place: str, told: str) -> None:
    inbox = FakeInbox()
    async with listening(dc, FakeDesk(), inbox):
        answer = await dc.slash("signaler", {"operator": operator, "service": "mail", "place": place})
    assert told in answer.text
    assert inbox.calls == []


async def test_operators_are_offered_while_typing(dc: DiscordEmulator) -> None:
    async with listening(dc, FakeDesk()):
        offered = [await dc.complete(*asked) for asked in (("status", "operator", ""), ("signaler", "operator", "bo"))]
        nothing = await dc.complete("status", "operator", "", user=dc.stranger)
    assert offered == [["Orange", "Bouygues Telecom", "SFR"], ["Bouygues Telecom"]]
    assert nothing == []


async def test_a_stranger_is_told_ids_and_nothing_else(dc: DiscordEmulator) -> None:
    inbox = FakeInbox()
    async with listening(dc, FakeDesk([make_draft()]), inbox):
        asked: list[tuple[str, dict[str, str | int | bool]]] = [
            ("status", {"operator": "orange"}),
            ("incidents", {}),
            ("draft", {"number": 1}),
            ("signaler", {"operator": "orange", "service": "mail", "place": "Lille"}),
            ("sources", {}),
            ("help", {}),
        ]
        answers = [await dc.slash(name, options, user=dc.stranger) for name, options in asked]
        answers += [await dc.slash(name, options, channel=ELSEWHERE) for name, options in asked]
        ids = await dc.slash("id", user=dc.stranger, channel=ELSEWHERE)
    assert all(answer.ephemeral and "Orange" not in answer.text and "/status" not in answer.text for answer in answers)
    assert {answer.text.count("\n") for answer in answers} == {0}
    assert inbox.calls == []
    assert ids.text == f"Salon : {ELSEWHERE}\nVous : {dc.stranger.id}"
    assert ids.ephemeral


async def test_commands_are_sent_to_discord_only_when_they_changed(dc: DiscordEmulator) -> None:
    def puts() -> int:
        return sum(method == "PUT" for method, *_ in dc.rest.requests)

    for _ in range(2):
        async with listening(dc, FakeDesk()):
            pass
        await dc.gateway.wait(connected=False)
    assert puts() == 1
    async with listening(dc, FakeDesk(), deps=replace(DEPS, language="en")):
        pass
    assert puts() == 2
    assert [item["name"] for item in dc.world.commands] == [
        "status",
        "incidents",
        "draft",
        "signaler",
        "sources",
        "id",
        "help",
    ]


async def test_without_the_right_to_commands_the_buttons_work(dc: DiscordEmulator) -> None:
    dc.fault("GET", "/commands$", "status", status=403, code=50001)
    desk = FakeDesk([make_draft()])
    with capture_logs() as logs:
        async with listening(dc, desk) as handler:
            await dc.press(await card(dc, handler), "Approuver")
    assert len(desk.decisions) == 1
    assert "discord_commands_not_synced" in {log["event"] for log in logs}


async def test_english_is_spoken_when_configured(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk, deps=replace(DEPS, language="en")) as handler:
        assert "TO DECIDE" in visible(await card(dc, handler))
        assert "ORANGE" in (await dc.slash("status", {"operator": "orange"})).text.upper()
        assert "For the newsroom" in (await dc.slash("status", user=dc.stranger)).text


@pytest.mark.parametrize("error", [StoreError("store: locked"), KeyError("a bug")])
async def test_a_command_that_fails_says_so_and_the_next_works(dc: DiscordEmulator, error: Exception) -> None:
    class Broken(FakeDesk):
        async def open_drafts(self) -> tuple[Draft, ...]:
            raise error

    with capture_logs() as logs:
        async with listening(dc, Broken([make_draft()])):
            failed = await dc.slash("incidents")
            assert "Réessayez" in failed.text
            assert "24 signalements" in (await dc.slash("draft", {"number": 1})).text
    assert "discord_command_failed" in {log["event"] for log in logs}


async def test_what_somebody_types_is_inert_in_the_answer(dc: DiscordEmulator) -> None:
    async with listening(dc, FakeDesk()):
        typed = "@everyone <@1> **x**"
        answers = [
            await dc.slash("status", {"operator": typed}),
            await dc.slash("signaler", {"operator": "orange", "service": "mail", "place": typed}),
        ]
    assert all("\\@everyone \\<\\@1\\> \\*\\*x" in answer.text for answer in answers)
    assert dc.rest.pings == []


# --- a logged call, undone ---------------------------------------------------------------------------------------


async def test_a_logged_call_is_undone_by_a_button_once(dc: DiscordEmulator) -> None:
    inbox = FakeInbox()
    async with listening(dc, FakeDesk(), inbox):
        logged = await dc.slash("signaler", {"operator": "orange", "service": "mail", "place": "Lille"})
        message = deepcopy(logged.messages[0])  # as it stood when both pressed
        refused = await dc.press(deepcopy(message), "Annuler", dc.stranger)
        undone = await dc.press(deepcopy(message), "Annuler", dc.second)
        again = await dc.press(deepcopy(message), "Annuler", dc.editor)
    assert "Seules les personnes désignées" in refused.text
    assert inbox.undone == [(inbox.calls[0].key, "Dominique")]
    assert "Annulé par Dominique" in undone.text
    assert "Annuler\n" not in undone.text
    assert "déjà annulé" in again.text


# --- readers -----------------------------------------------------------------------------------------------------

TERMS = Welcome("readers", keep_days=30)
COUNTED = ReaderAnswer(Reception.COUNTED, "Orange", (Service.MAIL,), (LILLE,))
SAID = "plus de mails orange à Lille"


@asynccontextmanager
async def heard(dc: DiscordEmulator, inbox: FakeInbox) -> AsyncIterator[None]:
    dc.world.privileged = MESSAGE_CONTENT
    async with listening(dc, FakeDesk([make_draft()]), inbox, readers_channel=PUBLIC):
        yield


async def test_a_reader_in_their_channel_is_answered_and_may_take_it_back(dc: DiscordEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with heard(dc, inbox):
        said = await dc.say(SAID, dc.stranger, channel=PUBLIC)
        async with asyncio.timeout(1):
            answer = await dc.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC)
        assert answer["message_reference"]["message_id"] == said["id"]
        assert "Merci, c’est noté\u00a0: Orange, messagerie, Lille." in answer["content"]
        assert "C’est le premier signalement" in answer["content"]
        other = await dc.press(answer, "Retirer", dc.second, channel=PUBLIC)
        assert "pas à vous" in other.text
        assert inbox.mine
        mine = await dc.press(answer, "Retirer", dc.stranger, channel=PUBLIC)
    assert "Retiré" in mine.text
    assert inbox.mine == {}
    (message,) = inbox.heard
    assert (message.text, message.through, message.at) == (SAID, "discord", MORNING)
    assert dc.rest.pings == []


async def test_only_readers_in_their_own_channel_are_heard(dc: DiscordEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with heard(dc, inbox):
        await dc.say(SAID, dc.editor, channel=PUBLIC)  # the newsroom talks to people there
        for channel in (DESK, ELSEWHERE):
            await dc.say(SAID, dc.stranger, channel=channel)
        await dc.slash("help")
    assert inbox.heard == []
    assert posts(dc) == []


async def test_what_discord_writes_in_their_name_is_not_heard(dc: DiscordEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with heard(dc, inbox):
        await dc.say("Panne Orange à Lille", dc.stranger, channel=PUBLIC, kind=18)  # they began a thread of that name
        await dc.say(SAID, dc.stranger, channel=PUBLIC)
        await dc.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC)
    assert [message.text for message in inbox.heard] == [SAID]


async def test_what_is_deleted_in_the_readers_channel_is_forgotten(dc: DiscordEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=COUNTED)
    async with heard(dc, inbox):
        said = [await dc.say(SAID, dc.stranger, channel=PUBLIC) for _ in range(3)]
        elsewhere = await dc.say(SAID, dc.stranger, channel=ELSEWHERE)
        await dc.delete(elsewhere)
        await dc.delete(said[0])
        await dc.delete(*said[1:])
        async with asyncio.timeout(5):
            while len(inbox.forgotten) < 3:
                await asyncio.sleep(0.01)
    assert sorted(inbox.forgotten) == sorted(f"discord:{message['id']}" for message in said)


async def test_what_people_say_to_one_another_is_left_alone(dc: DiscordEmulator) -> None:
    inbox = FakeInbox(terms=TERMS, answer=ReaderAnswer(Reception.UNCLEAR))
    async with heard(dc, inbox):
        await dc.say("bonjour à tous", dc.stranger, channel=PUBLIC)
        await dc.say("au secours", dc.stranger, channel=PUBLIC, mentions=True)
        answer = await dc.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC)
    assert "Quel opérateur" in answer["content"]
    assert len(posts(dc)) == 1
    assert [message.text.strip() for message in inbox.heard] == ["bonjour à tous", "au secours"]


async def test_the_right_to_read_is_asked_for_only_where_readers_are_heard(dc: DiscordEmulator) -> None:
    dc.world.privileged = MESSAGE_CONTENT
    for inbox, settings in ((FakeInbox(terms=TERMS), {}), (FakeInbox(), {"readers_channel": PUBLIC})):
        async with listening(dc, FakeDesk(), inbox, **settings):
            await dc.say(SAID, dc.stranger, channel=PUBLIC)
            await dc.slash("help")
        await dc.gateway.wait(connected=False)
        assert inbox.heard == []
    assert {identify["intents"] & (MESSAGE_CONTENT | 1 << 9) for identify in dc.gateway.identifies} == {0}


async def test_without_the_intent_the_desk_works_and_who_calls_the_bot_is_heard(dc: DiscordEmulator) -> None:
    inbox, desk = FakeInbox(terms=TERMS, answer=COUNTED), FakeDesk([make_draft()])
    async with opened(dc, readers_channel=PUBLIC) as handler:
        with pytest.raises(HandlerError, match="Message Content Intent is off") as caught:
            await handler.listen(desk, inbox)
        assert caught.value.retryable
        async with asyncio.TaskGroup() as group:
            task = group.create_task(handler.listen(desk, inbox))
            await dc.gateway.wait()
            await dc.say(SAID, dc.stranger, channel=PUBLIC)
            await dc.say(SAID, dc.stranger, channel=PUBLIC, mentions=True)
            await dc.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC)
            await dc.press(await card(dc, handler), "Approuver")
            task.cancel()
    assert [message.text.strip() for message in inbox.heard] == [SAID]
    assert len(desk.decisions) == 1


async def test_what_could_not_be_noted_is_said(dc: DiscordEmulator) -> None:
    class Full(FakeInbox):
        async def hear(self, _message: ReaderMessage) -> ReaderAnswer | None:
            raise StoreError("store: the disk is full")

    async with heard(dc, Full(terms=TERMS)):
        await dc.say(SAID, dc.stranger, channel=PUBLIC)
        answer = await dc.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC)
    assert "Réessayez" in answer["content"]
    assert answer["components"] == []


async def test_what_comes_from_outside_pings_nobody_in_the_answer_to_a_reader(dc: DiscordEmulator) -> None:
    answer = replace(COUNTED, published="@everyone <@900000000000000001> **x**")
    async with heard(dc, FakeInbox(terms=TERMS, answer=answer)):
        await dc.say(SAID, dc.stranger, channel=PUBLIC)
        shown = await dc.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC)
    assert "\\@everyone \\<\\@900000000000000001\\> \\*\\*x" in shown["content"]
    assert dc.rest.pings == []


async def test_the_check_says_what_the_readers_channel_lacks(dc: DiscordEmulator) -> None:
    async with opened(dc, readers_channel=PUBLIC) as handler:
        without = (await handler.check(send=False))[-1]
        dc.world.privileged = MESSAGE_CONTENT
    async with opened(dc, readers_channel=PUBLIC) as handler:
        whole = (await handler.check(send=False))[-1]
    async with opened(dc, readers_channel=999) as handler:
        gone = (await handler.check(send=False))[-1]
    assert (without.ok, without.detail) == (False, "manquent : Message Content Intent")
    assert "portail développeur" in without.remedy
    assert (whole.what, whole.ok, whole.remedy) == ("salon des lecteurs", True, "")
    assert (gone.ok, gone.detail) == (False, "manquent : absent du serveur")


def test_the_desks_own_channel_is_none_for_readers(dc: DiscordEmulator) -> None:
    with pytest.raises(ValueError, match="readers need another one"):
        made(dc, readers_channel=DESK)


# --- the gateway -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["drop", "close", "reconnect"])
async def test_a_broken_session_is_resumed(dc: DiscordEmulator, how: str) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        match how:
            case "drop":
                await dc.gateway.drop()
            case "close":
                await dc.gateway.close(4000)
            case _:
                await dc.gateway.ask_reconnect()
        await dc.gateway.wait_resumed()
        await dc.press(message, "Approuver")
    assert len(desk.decisions) == 1
    assert len(dc.gateway.identifies) == 1


@pytest.mark.slow
async def test_a_session_that_cannot_be_resumed_begins_anew(dc: DiscordEmulator) -> None:
    desk = FakeDesk([make_draft()])
    async with listening(dc, desk) as handler:
        message = await card(dc, handler)
        await dc.gateway.invalidate()
        await dc.gateway.wait(connected=False)
        await dc.gateway.wait()
        await dc.press(message, "Approuver")
    assert len(desk.decisions) == 1


@pytest.mark.parametrize(("code", "retryable"), [(4004, False), (4014, False), (4013, False)])
async def test_a_session_refused_for_good_is_an_error(dc: DiscordEmulator, code: int, *, retryable: bool) -> None:
    dc.gateway.close_on_identify = code
    async with opened(dc) as handler:
        with pytest.raises(HandlerError, match=str(code)) as raised:
            await handler.listen(FakeDesk(), FakeInbox())
    assert raised.value.retryable is retryable


@pytest.mark.parametrize("how", ["refused", "closed-at-once", "unreachable"])
async def test_a_gateway_that_fails_at_first_is_an_error_and_may_be_tried_again(dc: DiscordEmulator, how: str) -> None:
    desk = FakeDesk([make_draft()])
    async with opened(dc) as handler:
        listener = handler
        match how:
            case "refused":
                dc.gateway.refuse = 1
            case "closed-at-once":
                dc.gateway.close_at_once = 1
            case _:
                listener = made(dc, gateway_url="ws://127.0.0.1:9/gateway")
        with pytest.raises(HandlerError) as raised:
            await listener.listen(desk, FakeInbox())
        assert raised.value.retryable
        assert (await card(dc, handler))["content"]  # writing needs no gateway
    async with listening(dc, desk):
        assert "Calmes" in (await dc.slash("status")).text


async def test_heartbeats_are_sent_and_only_the_guilds_intent_is_asked_for() -> None:
    async with DiscordEmulator(heartbeat_seconds=0.05) as dc, listening(dc, FakeDesk()):
        await dc.gateway.wait_heartbeats(3)
        assert [identify["intents"] for identify in dc.gateway.identifies] == [1]


async def test_it_lets_go_at_once_while_somebody_waits(dc: DiscordEmulator) -> None:
    class Stuck(FakeDesk):
        async def decide(self, decision: Decision) -> Outcome:
            del decision
            await asyncio.sleep(60)
            raise AssertionError

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group, listening(dc, Stuck([make_draft()])) as handler:
        press = group.create_task(dc.press(await card(dc, handler), "Approuver", seconds=0.2))
        await press
        began = loop.time()
    assert loop.time() - began < 1


# --- publication -------------------------------------------------------------------------------------------------


async def test_an_alert_is_published_as_it_was_approved(dc: DiscordEmulator) -> None:
    async with target(dc) as public:
        alert = delivery(
            Alert("o", "Orange : messagerie en panne", "Depuis 8 h.\n\nDe Lille à Pau."), DeliveryKind.ALERT
        )
        remote = await public.send(alert, repeated=False)
    (message,) = dc.messages(PUBLIC)
    assert remote == f"{PUBLIC}:{message['id']}"
    (embed,) = message["embeds"]
    assert (embed["title"], embed["description"]) == ("Orange : messagerie en panne", "Depuis 8 h.\n\nDe Lille à Pau.")
    assert embed["footer"]["text"].startswith("Le Journal")
    assert message["components"] == []


async def test_a_target_s_failure_is_a_target_error(dc: DiscordEmulator) -> None:
    async with target(dc) as public:
        dc.fault("POST", "/messages$", "status", status=403, code=50013)
        with pytest.raises(TargetError) as raised:
            await public.send(delivery(Alert("o", "T", "x"), DeliveryKind.ALERT), repeated=False)
    assert not raised.value.retryable


# --- check and secrets -------------------------------------------------------------------------------------------


async def test_check_reads_only_and_names_what_works(dc: DiscordEmulator) -> None:
    async with opened(dc) as handler, target(dc) as public:
        rows = await handler.check(send=False)
        assert all(row.ok for row in rows)
        assert [row.what for row in rows] == ["bot", "serveur", "salon", "droits", "rôles d’édition", "commandes"]
        assert [row.what for row in await public.check(send=False)] == ["bot", "serveur", "salon", "droits"]
        assert {method for method, *_ in dc.rest.requests} == {"GET"}
        assert (await handler.check(send=True))[-1].ok
    assert len(dc.messages()) == 1


@pytest.mark.parametrize(
    ("settings", "permissions", "failing", "detail"),
    [
        ({"token": "another"}, None, "bot", "Discord refuses the token"),
        ({"channel": 42}, None, "salon", "absent du serveur"),
        ({}, VIEW | SEND | HISTORY, "droits", "manquent : Intégrer des liens"),
        ({"editor_roles": [42]}, None, "rôles d’édition", "42 ?"),
        ({"guild": 42}, None, "serveur", "HTTP 404: Unknown Guild"),
    ],
)
async def test_check_says_what_is_wrong_and_what_to_do(
    dc: DiscordEmulator, settings: dict[str, Any], permissions: int | None, failing: str, detail: str
) -> None:
    dc.world.permissions = dc.world.permissions if permissions is None else permissions
    handler = made(dc, **settings)
    (row,) = [row for row in await handler.check(send=False) if not row.ok]
    await handler.close()
    assert (row.what, row.detail) == (failing, detail)
    assert row.remedy


async def test_no_log_error_or_representation_holds_the_token(
    dc: DiscordEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with capture_logs() as logs:
        async with listening(dc, FakeDesk([make_draft()])) as handler:
            await dc.press(await card(dc, handler), "Approuver")
            said += [repr(handler), repr(vars(handler)), str(vars(handler))]
            for kind in ("drop-before", "429", "status"):
                dc.fault("POST", "/messages$", kind, status=401)
                try:
                    await handler.send(delivery(make_draft(), key=kind), repeated=False)
                except HandlerError as error:
                    said.append("".join(traceback.format_exception(error)))
        for settings in ({"gateway_url": "ws://127.0.0.1:9/"}, {"timeout_seconds": 0.2}):
            if "timeout_seconds" in settings:
                dc.fault("GET", "/users/@me$", "hang")
            try:
                await made(dc, **settings).listen(FakeDesk(), FakeInbox())
            except HandlerError as error:
                said.append("".join(traceback.format_exception(error)))
    assert len(said) == 8
    everything = "\n".join([*said, *map(str, logs), caplog.text])
    assert dc.token not in everything


async def test_the_emulator_fails_loudly_on_what_it_does_not_know() -> None:
    with pytest.raises(AssertionError, match="no such route: GET /api/v10/nowhere"):
        async with DiscordEmulator() as dc, ClientSession() as session:
            assert (await session.get(f"{dc.api_base_url}/nowhere")).status == 404
