"""The main job, end to end: `vigie run` as a process, scenario time fast, both chats over real sockets."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.telegram import Message
from tests.flows.bot_process import CHANNEL, DESK, EDITOR, PUBLIC_DISCORD, SECOND, STRANGER, House, house
from tests.flows.timetable import Day

pytestmark = pytest.mark.slow

SPEED = 600.0  # ten minutes of the scenario a second


def morning() -> Day:
    """Orange's mail fails at 08:00, Orange speaks at 08:40 and closes at 09:05; calm afterwards."""
    day = Day().checks("07:40", "10:40").surge("08:00", 40, 20)
    for minute in range(20):
        day.post(day.time(f"07:{40 + minute}"), "il fait froid ce matin")
    day.says("08:40", "investigating", area="Grand Est").says("09:05", "resolved", "Rétabli")
    return day.until("10:40")


def card_of(message: Message) -> bool:
    return message.chat.id == DESK and any("Approuver" in label for label, _ in message.buttons)


def words_of(message: Any) -> str:
    """All text of a Discord message."""
    parts = [message.get("content", "")]
    for embed in message.get("embeds", []):
        parts += [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
        parts += [f"{field['name']} {field['value']}" for field in embed.get("fields", [])]
    return "\n".join(parts)


def has_button(message: Any) -> bool:
    rows = message.get("components", [])
    return any("Approuver" in (button.get("label") or "") for row in rows for button in row["components"])


async def published(newsroom: House) -> tuple[Message, Any]:
    """The alert in both public channels."""
    telegram = await newsroom.telegram.wait_message(lambda message: message.chat.id == CHANNEL, timeout=20)
    discord = await newsroom.discord.wait_message(channel=PUBLIC_DISCORD, timeout=20)
    return telegram, discord


async def test_from_the_first_post_to_the_resolved_notice(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom:
        newsroom.scenario(morning().lines())
        newsroom.configure(speed=SPEED)
        bot = await newsroom.start()
        telegram, discord = newsroom.telegram, newsroom.discord

        card = await telegram.wait_message(card_of, timeout=30)
        assert "Orange" in card.text
        assert "Lille" in card.text
        discord_card = await discord.wait_message(has_button, timeout=20)
        assert "Orange" in words_of(discord_card)

        refused = await telegram.press(card, "Approuver", STRANGER).answer()
        assert refused.get("text")
        assert not telegram.messages(CHANNEL)

        answer = await telegram.press(card, "Approuver", EDITOR).answer()
        assert answer.get("text")
        alert, discord_alert = await published(newsroom)
        assert "Orange" in alert.text
        assert "Orange" in words_of(discord_alert)
        assert not alert.buttons

        edited = await discord.wait_message(
            lambda message: message["id"] == discord_card["id"] and "Camille" in words_of(message), timeout=40
        )
        assert not has_button(edited)

        telegram.say(DESK, EDITOR, "/status orange")
        status = await telegram.wait_message(lambda message: "24 heures" in message.text, timeout=5)
        assert "Orange" in status.text
        slash = await discord.slash("status", {"operator": "orange"}, discord.editor)
        assert "Orange" in str(slash.__dict__ if hasattr(slash, "__dict__") else slash)

        # What an editor must notice is a reply to the card, since an edit rings no bell.
        spoken = await telegram.wait_message(
            lambda message: message.reply_to is not None and message.reply_to.id == card.id, timeout=20
        )
        assert spoken.text
        resolved = await telegram.wait_message(
            lambda message: (
                message.reply_to is not None and message.reply_to.id == card.id and "habituel depuis" in message.text
            ),
            timeout=40,
        )
        assert "Orange" in resolved.text
        assert card.edits >= 1

        assert await bot.stop() == 0
        assert len(telegram.messages(CHANNEL)) == 1
        assert len(discord.messages(PUBLIC_DISCORD)) == 1
        assert telegram.token.encode() not in bot.log
        assert discord.token.encode() not in bot.log


async def test_two_presses_make_one_decision_and_the_second_is_told_who_decided(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom:
        newsroom.scenario(morning().lines())
        newsroom.configure(speed=SPEED, discord=False)
        bot = await newsroom.start()
        telegram = newsroom.telegram
        card = await telegram.wait_message(card_of, timeout=30)
        data = next(data for label, data in card.buttons if "Approuver" in label)
        first, second = telegram.press_data(card, data, EDITOR), telegram.press_data(card, data, SECOND)
        answers = [(await press.answer()).get("text", "") for press in (first, second)]
        assert "par " not in answers[0]
        assert "Camille" in answers[1]
        await telegram.wait_message(lambda message: message.chat.id == CHANNEL, timeout=20)
        await asyncio.sleep(1.0)
        assert await bot.stop() == 0
        assert len(telegram.messages(CHANNEL)) == 1


async def test_a_press_after_kill_and_restart_still_counts(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom:
        newsroom.scenario(morning().lines())
        newsroom.configure(speed=SPEED)
        bot = await newsroom.start()
        card = await newsroom.telegram.wait_message(card_of, timeout=30)
        discord_card = await newsroom.discord.wait_message(has_button, timeout=20)
        await asyncio.sleep(0.3)  # the card is confirmed in the journal; a kill before that is the soak's matter
        await bot.stop(signal.SIGKILL)

        press = newsroom.telegram.press(card, "Approuver", EDITOR)  # nobody is there to hear it yet
        again = await newsroom.start()
        assert (await press.answer(timeout=20)).get("text")
        alert, _ = await published(newsroom)
        assert "Orange" in alert.text
        await newsroom.discord.wait_message(
            lambda message: message["id"] == discord_card["id"] and not has_button(message), timeout=40
        )
        assert await again.stop() == 0
        cards = [message for message in newsroom.telegram.messages(DESK) if "N° 1" in message.text]
        assert len(newsroom.telegram.messages(CHANNEL)) == 1
        assert len(newsroom.discord.messages(PUBLIC_DISCORD)) == 1
        assert len(cards) == 1


async def test_sigterm_stops_within_five_seconds_in_the_middle_of_it(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom:
        newsroom.scenario(morning().lines())
        newsroom.configure(speed=SPEED)
        bot = await newsroom.start()
        await newsroom.telegram.wait_message(card_of, timeout=30)
        assert await bot.stop(signal.SIGTERM, seconds=5.0) == 0
        assert b"Traceback" not in bot.log
