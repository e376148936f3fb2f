"""kill -9 anywhere: nothing is lost, nothing is published twice, and a repeat is known for what it is."""

import asyncio
import json
import random  # noqa: TID251 - seeded: where a campaign kills
import signal
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.emulators.telegram import Message
from tests.flows.bot_process import CHANNEL, DESK, EDITOR, House, house
from tests.flows.test_main_line import card_of, morning

pytestmark = pytest.mark.slow

_REPEATED = "envoi répété"
_SPEED = 600.0
_RUN_SECONDS = 18.0  # three hours of scenario at that speed


async def campaign(newsroom: House, seed: int, kills: int) -> None:
    """Live the morning with `kills` kills at seeded moments, approve when there is something to approve, and check."""
    chance = random.Random(seed)
    lines = morning().lines()
    newsroom.scenario(lines)
    newsroom.configure(speed=_SPEED, discord=False)
    pressed = False
    for _ in range(kills):
        bot = await newsroom.start()
        await asyncio.sleep(chance.uniform(0.7, 0.7 + 2.0 * _RUN_SECONDS / kills))
        card = next((message for message in newsroom.telegram.messages(DESK) if card_of(message)), None)
        if card is not None and not pressed and chance.random() < 0.5:
            newsroom.telegram.press(card, "Approuver", EDITOR)
            pressed = True
            await asyncio.sleep(chance.uniform(0.0, 0.1))  # in the middle of the approval, often
        await bot.stop(signal.SIGKILL)
    bot = await newsroom.start()
    await newsroom.telegram.wait_message(
        lambda message: "niveau habituel depuis" in message.text and message.reply_to is not None, timeout=40
    )
    await asyncio.sleep(6.0)  # the last edit keeps its distance
    assert await bot.stop() == 0
    check(newsroom, lines, kills)


def check(newsroom: House, lines: list[str], kills: int) -> None:
    store = sqlite3.connect(newsroom.folder / "var" / "vigie.db")
    try:
        assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        assert store.execute("select count(*) from deliveries where state in ('pending', 'sending')").fetchone() == (0,)
        incidents = store.execute("select count(*) from incidents").fetchone()
        signals = {key for (key,) in store.execute("select id from signals").fetchall()}
        (read,) = store.execute("select value from cursors where source = 'replay'").fetchone()
    finally:
        store.close()
    assert incidents == (1,), "the same morning is one incident"
    events = [json.loads(line) for line in lines[: int(read)]]
    said_by = {event[kind]["id"] for event in events for kind in ("mention", "status") if kind in event}
    assert signals == said_by, "every signal that was read is stored"
    assert len(newsroom.telegram.messages(CHANNEL)) <= 1, "published at most once"
    said = [message for message in newsroom.telegram.messages(DESK) if not told_of_absence(message)]
    copies = Counter(bare(message) for message in said)
    repeats = sum(count - 1 for count in copies.values())
    labelled = sum(_REPEATED in message.text for message in said)
    assert repeats <= kills, "at most one repeat a kill"
    assert labelled >= repeats - edited_repeats(said), "each repeat is labelled"


def bare(message: Message) -> str:
    """What tells messages apart: a card by its number, a notice by its words."""
    return "card" if "N° 1" in message.text else message.text.replace(_REPEATED, "").strip(" ·—-«»\n[]()")


def edited_repeats(said: list[Message]) -> int:
    """Repeated cards whose label a later edit has replaced."""
    return sum("N° 1" in message.text and message.edits > 0 for message in said)


def told_of_absence(message: Message) -> bool:
    return message.text.startswith("De retour")


@pytest.mark.timeout(240)
async def test_ten_kills_lose_nothing_and_publish_once(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom:
        await campaign(newsroom, seed=1, kills=10)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 22))
async def test_two_hundred_kills(tmp_path: Path, seed: int) -> None:
    async with house(tmp_path) as newsroom:
        await campaign(newsroom, seed=seed, kills=10)
