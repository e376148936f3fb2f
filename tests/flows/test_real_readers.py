"""Readers and logged calls on the main line: `vigie run` as a process, both chats and Bluesky over real sockets."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.storage.sql import SqlStore
from tests.emulators.discord import Person
from tests.emulators.discord_world import MESSAGE_CONTENT
from tests.emulators.telegram import Message, User
from tests.flows.bot_process import EDITOR, PUBLIC_DISCORD, House, house
from tests.flows.real_newsroom import World, ask, now, stored, until, world
from tests.flows.test_main_line import card_of
from tests.flows.test_real_sources import bluesky, complaints

pytestmark = pytest.mark.slow

SAID = "plus de mails orange à Lille"


def configure(newsroom: House, seen: World) -> None:
    seen.configure(newsroom, bluesky(seen), {"kind": "readers"})
    path = newsroom.folder / "config.toml"
    text = path.read_text(encoding="utf-8")
    before, role, after = text.partition("editor_roles")
    path.write_text(f"{before}readers_channel = {PUBLIC_DISCORD}\n            {role}{after}", encoding="utf-8")
    newsroom.discord.world.privileged = MESSAGE_CONTENT


async def writes(newsroom: House, number: int, text: str = SAID) -> tuple[Message, float]:
    """A reader writes in private; the answer, and the seconds until it came."""
    reader = User(number, f"Lecteur {number}")
    began = asyncio.get_running_loop().time()
    newsroom.telegram.say(number, reader, text)
    answer = await newsroom.telegram.wait_message(lambda message: message.chat.id == number, timeout=10)
    return answer, asyncio.get_running_loop().time() - began


async def reports(newsroom: House) -> int:
    store = SqlStore(newsroom.folder / "var" / "vigie.db", read_only=True)
    await store.open()
    try:
        return len(await store.reports(now().replace(hour=0, minute=0)))
    finally:
        await store.close()


async def test_readers_in_both_chats_bear_posts_out_and_a_kill_forgets_none(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom, world() as seen:
        configure(newsroom, seen)
        bot = await newsroom.start()
        await ask(newsroom, "/sources", holds="lecteurs", seconds=20)
        assert "Ni votre nom" in newsroom.telegram.description

        first, _ = await writes(newsroom, 7300501)
        assert "premier signalement" in first.text
        counted, seconds = await writes(newsroom, 7300502)
        assert "1 autre personne" in counted.text
        assert seconds <= 1.0  # stored and counted before it is answered

        stranger = Person(900_000_000_000_000_044, "lectrice")
        await newsroom.discord.gateway.wait()
        await newsroom.discord.say("orange : messagerie HS à Dax", stranger, channel=PUBLIC_DISCORD)
        shown = await newsroom.discord.wait_message(lambda m: m["author"].get("bot", False), channel=PUBLIC_DISCORD)
        assert "2 autres personnes" in shown["content"]

        await seen.write(*complaints(12))
        card = await newsroom.telegram.wait_message(card_of, timeout=150)
        assert re.search(r"lecteurs\s:\s3", card.text)
        assert "CONFIRMÉE" in card.text.upper()

        bot.process.kill()
        await bot.process.wait()
        newsroom.telegram.say(7300503, User(7300503, "Lecteur 7300503"), SAID)  # nobody is there to hear it yet
        again = await newsroom.start()
        late = await newsroom.telegram.wait_message(lambda message: message.chat.id == 7300503, timeout=20)
        assert "Merci" in late.text
        repeated, _ = await writes(newsroom, 7300501)
        assert "Merci" in repeated.text
        mentions, _, _ = await stored(newsroom)
        assert sum(mention.source == "readers" for mention in mentions) == 4
        assert not any(
            re.search("730050[123]|Lecteur", repr(mention)) for mention in mentions if mention.source == "readers"
        )
        assert await again.stop() == 0
        assert b"Traceback" not in again.log


async def test_a_call_that_was_undone_stays_undone_after_a_kill(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom, world() as seen:
        configure(newsroom, seen)
        bot = await newsroom.start()
        logged = await ask(newsroom, "/signaler orange mail mont de marsan pro", holds="Appel noté", seconds=20)
        assert "Mont-de-Marsan" in logged.text
        assert await reports(newsroom) == 1
        bot.process.kill()
        await bot.process.wait()
        again = await newsroom.start()
        press = newsroom.telegram.press(logged, "Annuler", EDITOR)
        assert "Annulé par Camille" in (await press.answer(timeout=20))["text"]
        again.process.kill()
        await again.process.wait()

        third = await newsroom.start()
        repeated = newsroom.telegram.press(logged, "Annuler", EDITOR) if logged.buttons else None
        await ask(newsroom, "/help", holds="/signaler", seconds=20)

        async def gone() -> bool | None:
            return await reports(newsroom) == 0 or None

        assert await until(gone, seconds=5)
        assert repeated is None or "déjà" in (await repeated.answer())["text"]
        assert await third.stop() == 0
