"""Readers who write in the channel that is theirs: heard, answered in place, and shown nothing else."""

import asyncio
from collections.abc import Iterable
from typing import Any

import discord
import structlog

from bot.errors import BotError
from bot.ports import DestinationDeps, Inbox, ReaderMessage, Reception, TakingBack
from handlers._discord_message import CONTENT, buttons, fitted
from handlers._readers import answer_text, may_take_back, reader_say, taken_back_text

_WHOLE_SECONDS = 20.0  # for an answer, however slow the desk or Discord

_log = structlog.get_logger()


class Visitors:
    """The readers' channel.

    Args:
        name: Of the handler.
        channel: None: there is none, or nobody is welcome.
        reads: Whether Discord lets us read what people write; if not, only what mentions the bot is heard.
    """

    def __init__(
        self, name: str, channel: int | None, inbox: Inbox, deps: DestinationDeps, *, reads: bool = True
    ) -> None:
        self._name, self._channel = name, channel
        self._inbox, self._deps = inbox, deps
        self._reads = reads

    @property
    def intents(self) -> discord.Intents:
        """What the gateway is asked for: nothing of what people write, unless readers are heard."""
        hears = self._channel is not None
        # Roles and channels; interactions need no intent.
        return discord.Intents(guilds=True, guild_messages=hears, message_content=hears and self._reads)

    async def wrote(self, message: discord.Message, *, editor: bool, me: discord.ClientUser | None) -> None:
        """Answer a reader; whatever fails, the gateway goes on."""
        if message.channel.id != self._channel or message.author.bot or message.webhook_id or editor:
            return
        if message.is_system():  # "… started a thread: NAME" comes as if they had written it
            return
        called = me is not None and me in message.mentions
        text = message.content.replace(f"<@{me.id}>", " ") if me else message.content
        if not text.strip() and not called:
            return
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                await self._hear(message, text, called=called)
        except (BotError, TimeoutError, discord.HTTPException) as error:
            _log.warning("discord_reader_not_answered", error=str(error) or type(error).__name__)

    async def _hear(self, message: discord.Message, text: str, *, called: bool) -> None:
        view, language = None, self._deps.language
        try:
            answer = await self._inbox.hear(
                ReaderMessage(
                    key=f"discord:{message.id}",
                    person=f"discord:{message.author.id}",
                    text=text,
                    at=self._deps.clock.now(),
                    written_at=message.created_at,
                    through=self._name,
                )
            )
            # People also talk to one another there.
            if answer is None or (answer.kind is Reception.UNCLEAR and not called):
                return
            words = answer_text(answer, self._deps)
            if may_take_back(answer):
                view = buttons(("back", reader_say(language, "back")), about=str(message.id))
        except BotError as error:
            _log.warning("discord_reader_not_heard", error=str(error))
            words = reader_say(language, "failed")
        more: dict[str, Any] = {"view": view} if view else {}
        await message.reply(fitted(words, CONTENT), mention_author=False, **more)

    async def deleted(self, channel: int, messages: Iterable[int]) -> None:
        """Forget what they, or a moderator, deleted; whatever fails, the gateway goes on."""
        if channel != self._channel:
            return
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                for message in messages:
                    await self._inbox.forget(f"discord:{message}")
        except (BotError, TimeoutError) as error:
            _log.warning("discord_deletion_not_stored", error=str(error) or type(error).__name__)

    async def take_back(self, interaction: discord.Interaction[Any], about: str) -> None:
        """Take a message back, if it is theirs who pressed."""
        if interaction.channel_id != self._channel:
            return
        await interaction.response.defer()
        outcome = await self._inbox.take_back(f"discord:{about}", f"discord:{interaction.user.id}")
        told = fitted(taken_back_text(outcome, self._inbox.welcome(self._name), self._deps.language), CONTENT)
        if outcome is TakingBack.UNKNOWN:
            await interaction.followup.send(told, ephemeral=True)
        else:
            await interaction.edit_original_response(content=told, view=None)
