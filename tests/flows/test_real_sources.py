"""The real sources on the main line: `vigie run` in real time against emulated pages, streams and X."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.emulators.statuspages import HTML_ERROR
from tests.emulators.x import TOKEN
from tests.flows.bot_process import DESK, House, house
from tests.flows.real_newsroom import World, ask, now, stamp, stored, until, world
from tests.flows.test_main_line import card_of, has_button, words_of

pytestmark = pytest.mark.slow

_MAIL = (
    "plus de mail orange à {place}",
    "impossible d'ouvrir ma messagerie orange à {place}, vous aussi ?",
    "la boîte mail orange ne marche plus à {place}",
    "mes mails orange ne passent plus, {place}, rien ne charge",
    "panne de messagerie orange à {place} ?",
)
_PLACES = ("Lille", "Metz", "Brest", "Mont-de-Marsan", "Mâcon", "Dijon", "Pau")


def complaints(count: int) -> list[str]:
    return [_MAIL[index % len(_MAIL)].format(place=_PLACES[index % len(_PLACES)]) for index in range(count)]


def statuspage(seen: World) -> dict[str, object]:
    return {
        "kind": "statuspage",
        "name": "orange-etat",
        "operator": "orange",
        "url": seen.pages.url(""),
        "interval": "30s",
        "services": ["mail"],
    }


def bluesky(seen: World) -> dict[str, object]:
    return {"kind": "bluesky", "endpoints": [seen.stream.url], "quiet_seconds": 1.0}


def paid(seen: World) -> dict[str, object]:
    return {
        "kind": "x",
        "bearer_token": TOKEN,
        "endpoint": seen.x.url,
        "operators": ["orange"],
        "counts_interval": "1m",
        "interval": "30s",
    }


def channel(seen: World, kind: str, operator: str, path: str) -> dict[str, object]:
    block: dict[str, object] = {
        "kind": kind,
        "name": f"{operator}-{path.strip('/')}",
        "operator": operator,
        "url": seen.pages.url(path),
        "interval": "30s",
    }
    return block | ({"selector": "main"} if kind == "page" else {})


async def test_an_operators_own_page_drives_the_desk_while_other_channels_are_sick(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom, world() as seen:
        seen.incident("investigating", "Nous enquêtons.")
        seen.pages.put_drip("/drip/api/v2/summary.json")
        seen.pages.put_status("/error", 500)
        seen.pages.put_plain("/html", HTML_ERROR, "text/html")
        seen.pages.put_drop("/drop")
        seen.configure(
            newsroom,
            channel(seen, "statuspage", "sfr", "/drip"),  # the slow ones first: they must delay nobody
            channel(seen, "page", "free", "/error"),
            channel(seen, "feed", "bouygues", "/html"),
            channel(seen, "feed", "enedis", "/drop"),
            statuspage(seen),
        )
        bot = await newsroom.start()
        telegram, discord = newsroom.telegram, newsroom.discord

        card = await telegram.wait_message(card_of, timeout=15)
        assert "confirmée" in card.text
        assert "Messagerie indisponible" in card.text
        twin = await discord.wait_message(has_button, timeout=10)
        assert "confirmée" in words_of(twin)

        # Each says its own state; the one that hangs is not known yet, and holds nobody up.
        for source, word in (
            ("free-error", "injoignable"),
            ("bouygues-html", "illisible"),
            ("enedis-drop", "injoignable"),
            ("orange-etat", "🟢"),
            ("sfr-drip", "pas encore lue"),
        ):
            await told(newsroom, source, word)
        assert "illisible" in (await ask(newsroom, "/status bouygues", holds="Bouygues")).text

        # Updated in place: the card follows, and a reply rings.
        seen.incident("resolved", "Tout est rétabli.", minutes_ago=0)
        reply = await telegram.wait_message(
            lambda message: message.reply_to is not None and message.reply_to.id == card.id, timeout=45
        )
        assert "orange" in reply.text.casefold()

        async def edited() -> bool | None:
            return "retour à la normale" in card.text.casefold() or None

        await until(edited, seconds=10)
        await told(newsroom, "sfr-drip", "injoignable")
        assert await bot.stop() == 0  # also in the middle of a read that hangs
        _, _, [entry] = await stored(newsroom, ("orange",))
        assert entry.state.value == "resolved"
        assert len([message for message in telegram.messages(DESK) if card_of(message)]) == 1


async def told(newsroom: House, source: str, word: str) -> None:
    """`/sources` comes to say this of a source."""

    async def look() -> bool | None:
        answer = await ask(newsroom, "/sources", holds=source)
        line = next(line for line in answer.text.splitlines() if source in line)
        return word in line or None

    await until(look, seconds=15, every=1.0)


async def test_a_stream_goes_on_where_it_was_after_a_kill(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom, world() as seen:
        seen.configure(newsroom, bluesky(seen))
        bot = await newsroom.start()

        async def heard(count: int) -> list[str] | None:
            mentions, cursors, _ = await stored(newsroom)
            return [mention.text for mention in mentions] if len(mentions) >= count and cursors else None

        async def listening() -> bool | None:
            return bool(seen.stream.queries) or None

        await until(listening, seconds=10)
        first, missed, late = (
            complaints(3),
            ["sfr en panne à Brest, plus rien", "plus de réseau free à Pau"],
            "orange HS",
        )
        await seen.write("il fait froid", *first, "le jus de pomme est bon")
        await until(lambda: heard(3), seconds=10)
        await bot.stop(signal.SIGKILL)

        await seen.write(*missed, "quel beau match")  # nobody listens
        again = await newsroom.start()
        await until(lambda: heard(5), seconds=15)
        await seen.write(late)
        texts = await until(lambda: heard(6), seconds=10)
        assert sorted(texts) == sorted([*first, *missed, late])
        assert "cursor" not in seen.stream.queries[0]
        assert int(seen.stream.queries[-1]["cursor"]) > 0
        assert await again.stop() == 0


@pytest.mark.timeout(170)
async def test_a_surge_of_posts_raises_and_x_is_asked_for_more(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom, world() as seen:
        seen.configure(newsroom, bluesky(seen), paid(seen))
        bot = await newsroom.start()
        telegram = newsroom.telegram

        async def listening() -> bool | None:
            return bool(seen.stream.queries and seen.x.calls) or None

        await until(listening, seconds=10)
        async with asyncio.TaskGroup() as group:
            crowd = group.create_task(write_slowly(seen, complaints(120)))
            card = await telegram.wait_message(card_of, timeout=75)
            crowd.cancel()
        assert "Orange" in card.text
        assert "bluesky" in card.text
        assert {path for path, _ in seen.x.calls} == {"/2/tweets/counts/recent"}  # no post was paid for in calm

        for number, text in enumerate(complaints(4)):
            seen.x.post(1000 + number, f"{text} #{number}", stamp(now()), author=f"x-{number}")

        async def searched() -> bool | None:
            return any("search" in path for path, _ in seen.x.calls) or None

        await until(searched, seconds=40)

        async def borne_out() -> bool | None:
            return "confirmée" in card.text or None

        await until(borne_out, seconds=70)
        assert await bot.stop() == 0
        mentions, cursors, _ = await stored(newsroom)
        assert {mention.source for mention in mentions} == {"bluesky", "x"}
        assert set(cursors) == {"bluesky", "x"}


async def write_slowly(seen: World, texts: list[str]) -> None:
    for text in texts:
        await seen.write(text)
        await asyncio.sleep(0.6)
