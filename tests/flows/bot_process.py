"""`vigie run` as a process of its own, against emulated chats: how the main tests start, stop and kill it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.discord import DiscordEmulator
from tests.emulators.telegram import TelegramEmulator, User

DESK, CHANNEL, PUBLIC_DISCORD = -1001, -1002, 600_000_000_000_000_099
EDITOR, SECOND, STRANGER = User(11, "Camille"), User(12, "Dominique"), User(99, "Passant")


@dataclass(slots=True)
class Bot:
    """A running bot.

    Attributes:
        log: What it wrote on stderr, complete once it has ended.
    """

    process: asyncio.subprocess.Process
    log: bytes = b""

    async def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 5.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(seconds):
            _, self.log = await self.process.communicate()
        code = self.process.returncode
        assert code is not None
        return code


@dataclass(frozen=True, slots=True)
class House:
    """A newsroom's folder and its chats."""

    folder: Path
    telegram: TelegramEmulator
    discord: DiscordEmulator

    def scenario(self, lines: Sequence[str]) -> None:
        """What the replay source lives again."""
        (self.folder / "day.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def configure(self, *, speed: float, discord: bool = True) -> None:
        """Write the configuration; tokens come from the environment."""
        text = f"""
            [newsroom]
            name = "Le Petit Journal"
            home = "71076"
            [run]
            scenario_speed = {speed}
            [[sources]]
            kind = "replay"
            path = "day.jsonl"
            [[handlers]]
            kind = "telegram"
            chat = {DESK}
            editors = [{EDITOR.id}, {SECOND.id}]
            api_base_url = "{self.telegram.base_url}"
            [[targets]]
            kind = "telegram_channel"
            chat = {CHANNEL}
            api_base_url = "{self.telegram.base_url}"
        """
        if discord:
            text += f"""
            [[handlers]]
            kind = "discord"
            guild = {self.discord.guild}
            channel = {self.discord.channel}
            editor_roles = [{self.discord.editor_role}]
            api_base_url = "{self.discord.api_base_url}"
            gateway_url = "{self.discord.gateway_url}"
            [[targets]]
            kind = "discord_channel"
            guild = {self.discord.guild}
            channel = {PUBLIC_DISCORD}
            api_base_url = "{self.discord.api_base_url}"
            """
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    async def start(self) -> Bot:
        """Start `vigie run` in the folder."""
        environment = {
            **os.environ,
            "VIGIE_TELEGRAM_TOKEN": self.telegram.token,
            "VIGIE_DISCORD_TOKEN": self.discord.token,
            "PYTHONPATH": str(Path.cwd()),
        }
        return Bot(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "run",
                cwd=self.folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        )


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Open a newsroom with a desk on Telegram and one on Discord, and a public channel on each."""
    async with (
        TelegramEmulator() as telegram,
        DiscordEmulator(other_channels=(PUBLIC_DISCORD,)) as discord,
    ):
        telegram.group(DESK, administrators=(EDITOR,), members=(SECOND, STRANGER))
        telegram.channel(CHANNEL)
        yield House(folder, telegram, discord)
