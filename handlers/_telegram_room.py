"""One chat and who may decide there: a room keeps its messages readable and follows when Telegram moves it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import structlog
from telegram import (
    ChatFullInfo,
    ChatMember,
    ForceReply,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated

from handlers._telegram_api import Api
from handlers._telegram_page import Page

_T = TypeVar("_T")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_ADMINISTRATORS_KEPT = timedelta(minutes=5)

log = structlog.get_logger()


def chat_number(chat: object) -> object:
    """A setting's chat: a number that came as text, as from the environment, is a number."""
    return int(chat) if isinstance(chat, str) and chat.strip().lstrip("-").isdecimal() else chat


class Room:
    """A chat the bot writes to.

    Attributes:
        id: Telegram's number of the chat; 0 until `open` for a chat that is configured by its @name.
    """

    def __init__(
        self, api: Api, chat: int | str, *, editors: tuple[int, ...] = (), administrators: bool = False
    ) -> None:
        self.api = api
        self.id = chat if isinstance(chat, int) else 0
        self._name = chat
        self._editors = frozenset(editors)
        self._ask_administrators = administrators
        self._administrators: frozenset[int] = frozenset()
        self._asked_at: float | None = None

    async def open(self) -> None:
        """Log in and find the chat; raises as `Api.calling` does. May be repeated."""
        await self.api.open()
        if not self.id:
            self.id = (await self.look()).id

    async def look(self) -> ChatFullInfo:
        """What Telegram says about the chat."""
        async with self.api.calling():
            return await self.api.bot.get_chat(self.id or self._name)

    async def myself(self) -> ChatMember:
        """What the bot is in the chat, and may do there."""
        async with self.api.calling():
            return await self.api.bot.get_chat_member(self.id or self._name, self.api.bot.id)

    async def is_editor(self, user: int) -> bool:
        """Whether this person may decide: configured, or an administrator (asked at most once in five minutes)."""
        if user in self._editors or not self._ask_administrators:
            return user in self._editors
        now = asyncio.get_running_loop().time()
        if self._asked_at is None or now - self._asked_at > _ADMINISTRATORS_KEPT.total_seconds():
            await self.count_administrators()
            self._asked_at = now
        return user in self._administrators

    async def count_administrators(self) -> int:
        """Ask who the chat's administrators are; how many."""
        async with self.api.calling():
            members = await self.api.bot.get_chat_administrators(self.id)
        self._administrators = frozenset(member.user.id for member in members)
        return len(members)

    async def post(
        self,
        page: Page,
        *,
        keyboard: InlineKeyboardMarkup | ForceReply | None = None,
        reply_to: int | None = None,
        chat: int | None = None,
    ) -> str:
        """Write a message (to this room, or as an answer to another chat); its id, `chat:message`."""
        reply = None
        if reply_to is not None:
            reply = ReplyParameters(reply_to, allow_sending_without_reply=True)

        async def send(words: str, mode: ParseMode | None) -> Message:
            return await self.api.bot.send_message(
                chat or self.id or self._name,
                words,
                parse_mode=mode,
                reply_markup=keyboard,
                reply_parameters=reply,
                link_preview_options=_NO_PREVIEW,
            )

        async with self.api.calling():
            try:
                message = await _readable(page, send)
            except ChatMigrated as moved:
                if chat not in {None, self.id}:  # a stranger's group: ours has not moved
                    raise
                self.moved(moved.new_chat_id)
                chat = self.id
                message = await _readable(page, send)
        return f"{message.chat.id}:{message.message_id}"

    async def change(
        self, message: int, page: Page, *, keyboard: InlineKeyboardMarkup | None = None, chat: int | None = None
    ) -> None:
        """Make a message of ours in this room (or in another chat) say something else; no change is success."""

        async def edit(words: str, mode: ParseMode | None) -> object:
            return await self.api.bot.edit_message_text(
                words,
                chat or self.id,
                message,
                parse_mode=mode,
                reply_markup=keyboard,
                link_preview_options=_NO_PREVIEW,
            )

        async with self.api.calling():
            try:
                await _readable(page, edit)
            except ChatMigrated as moved:
                self.moved(moved.new_chat_id)
                # Numbers begin anew there: the same one would be another message.
                raise BadRequest("Message to edit not found") from None
            except BadRequest as error:
                if "message is not modified" not in str(error).casefold():
                    raise

    def moved(self, to: int) -> None:
        """Follow the group, which became a supergroup, for this run."""
        log.warning("telegram.room_moved", was=self.id, now=to, remedy=f"set chat = {to} in the configuration")
        self.id = to


async def _readable(page: Page, send: Callable[[str, ParseMode | None], Awaitable[_T]]) -> _T:
    try:
        return await send(page.html, ParseMode.HTML)
    except BadRequest as error:
        if "can't parse entities" not in str(error).casefold():
            raise
        log.warning("telegram.html_refused", reason=str(error))
        return await send(page.plain, None)
