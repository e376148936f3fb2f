"""`vigie check` against emulated chats and pages: it names what fails and what to do, and posts only when asked."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain.signals import Health, HealthState
from bot.ports import Changes
from bot.storage.sql import SqlStore
from tests.emulators.discord import DiscordEmulator
from tests.emulators.statuspages import StatusPages, status_pages
from tests.emulators.telegram import TelegramEmulator, User
from tests.emulators.x import TOKEN, X, x_api

pytestmark = pytest.mark.slow

DESK, CHANNEL, PUBLIC = -1001, -1002, 600_000_000_000_000_099
_PAGE = "/api/v2/summary.json"
_CALM = json.dumps({"page": {"id": "p", "name": "OVHcloud"}, "components": [], "incidents": []})


@dataclass(frozen=True, slots=True)
class Result:
    code: int | None
    out: str
    err: str

    def rows(self) -> list[list[str]]:
        """The table's cells; a cell that was broken into lines is put together again."""
        rows: list[list[str]] = []
        for line in self.out.splitlines():
            if not line.startswith("│"):
                continue
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            if cells[0]:
                rows.append(cells)
            else:
                rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells, strict=True)]
        return rows


@dataclass(frozen=True, slots=True)
class Place:
    """A newsroom's folder and its surroundings."""

    folder: Path
    telegram: TelegramEmulator
    discord: DiscordEmulator
    pages: StatusPages
    x: X

    async def check(self, *arguments: str, **secrets: str) -> Result:
        environment = {
            **os.environ,
            "VIGIE_TELEGRAM_TOKEN": self.telegram.token,
            "VIGIE_DISCORD_TOKEN": self.discord.token,
            "VIGIE_X_BEARER_TOKEN": TOKEN,
            "PYTHONPATH": str(Path.cwd()),
            **secrets,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "check", *arguments),
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Result(process.returncode, out.decode(), err.decode())

    def posted(self) -> int:
        """How many messages stand in all rooms and channels."""
        telegram = [message for chat in (DESK, CHANNEL) for message in self.telegram.messages(chat)]
        return len(telegram) + len(self.discord.messages())


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramEmulator())
        telegram.group(DESK, administrators=(User(11, "Camille"),))
        telegram.channel(CHANNEL)
        discord = await stack.enter_async_context(DiscordEmulator(other_channels=(PUBLIC,)))
        pages = await stack.enter_async_context(status_pages())
        pages.put(_PAGE, _CALM, "application/json")
        x = await stack.enter_async_context(x_api())
        (tmp_path / "config.toml").write_text(
            f"""
            [http]
            allow_private = ["127.0.0.1:{pages.port}"]
            [[sources]]
            kind = "statuspage"
            operator = "ovh"
            url = "{pages.url(_PAGE)}"
            [[sources]]
            kind = "x"
            operators = ["orange"]
            endpoint = "{x.url}"
            [[handlers]]
            kind = "telegram"
            chat = {DESK}
            editors = [11]
            api_base_url = "{telegram.base_url}"
            [[handlers]]
            kind = "discord"
            guild = {discord.guild}
            channel = {discord.channel}
            editor_roles = [{discord.editor_role}]
            api_base_url = "{discord.api_base_url}"
            gateway_url = "{discord.gateway_url}"
            [[targets]]
            kind = "telegram_channel"
            chat = {CHANNEL}
            api_base_url = "{telegram.base_url}"
            [[targets]]
            kind = "discord_channel"
            guild = {discord.guild}
            channel = {PUBLIC}
            api_base_url = "{discord.api_base_url}"
            """,
            encoding="utf-8",
        )
        yield Place(tmp_path, telegram, discord, pages, x)


async def test_all_works_nothing_is_posted_paid_or_written(place: Place) -> None:
    result = await place.check()
    assert result.code == 0, result.out
    assert result.err == ""
    rows = result.rows()
    assert {row[0] for row in rows} == {"ok"}
    assert {row[1] for row in rows} == {"statuspage", "x", "telegram", "discord", "telegram_channel", "discord_channel"}
    assert place.posted() == 0
    assert place.x.spent_eur == 0
    assert [file.name for file in place.folder.iterdir()] == ["config.toml"]


async def test_offline_asks_nobody(place: Place) -> None:
    result = await place.check("--offline")
    assert (result.code, result.out) == (0, "configuration: config.toml: fine\n")
    assert not place.telegram.calls
    assert not place.pages.served
    assert not place.x.calls


async def test_send_posts_one_test_card_in_each_room_and_none_in_public(place: Place) -> None:
    result = await place.check("--send")
    assert result.code == 0, result.out
    assert len(place.telegram.messages(DESK)) == 1
    assert len(place.discord.messages(place.discord.channel)) == 1
    assert place.posted() == 2


@pytest.mark.parametrize("name", ["telegram", "discord"])
async def test_a_wrong_token_is_named_with_its_remedy_and_not_shown(place: Place, name: str) -> None:
    wrong = "4242:wrong-and-secret"
    result = await place.check(**{f"VIGIE_{name.upper()}_TOKEN": wrong})
    assert result.code == 1
    assert result.err == ""
    failing = [row for row in result.rows() if row[0] == "FAILS"]
    assert {row[1] for row in failing} == {name, f"{name}_channel"}
    assert all(row[4] for row in failing)
    assert "wrong-and-secret" not in result.out
    assert {row[1] for row in result.rows() if row[0] == "ok"} >= {"statuspage", "x"}


async def test_one_failing_source_does_not_hide_the_others(place: Place) -> None:
    place.pages.put_status(_PAGE, 503)
    result = await place.check()
    assert result.code == 1
    assert [row[1] for row in result.rows() if row[0] == "FAILS"] == ["statuspage"]
    assert place.posted() == 0


async def test_below_stands_how_the_running_bot_finds_its_sources(place: Place) -> None:
    store = SqlStore(place.folder / "var" / "vigie.db")
    await store.open()
    now = SystemClock().now()
    bad = Health("statuspage", HealthState.UNREACHABLE, now - timedelta(minutes=25), "ovh", "HTTP 503")
    lines = (Health("statuspage", HealthState.OK, now - timedelta(minutes=30), "ovh"), bad)
    await store.apply(Changes(health=(*lines, replace(bad, at=now, next_try=now + timedelta(minutes=4)))))
    await store.close()
    result = await place.check()
    assert result.code == 0, result.out
    shown = " ".join(result.out.replace("│", " ").split())
    assert "statuspage injoignable depuis 25 min, lue il y a 30 min (HTTP 503), nouvel essai dans 4 min" in shown
    assert "x pas encore lue" in shown
