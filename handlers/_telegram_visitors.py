"""Readers who write to the bot in private: told what is kept, heard, answered, and shown nothing else."""

import asyncio
from collections import deque

import structlog
from telegram import CallbackQuery, Message, User

from bot.errors import BotError, HandlerError
from bot.ports import DestinationDeps, Inbox, ReaderMessage
from handlers._readers import answer_text, may_take_back, reader_say, taken_back_text, welcome_text
from handlers._telegram_commands import Command
from handlers._telegram_page import keyboard, text_page
from handlers._telegram_room import Room

_BACK = "b:"
_GREETINGS = {"start", "help", "aide"}
_ALBUMS = 100  # so many are remembered
_GREETED, _GREETED_SECONDS = 1000, 30.0  # so many persons are remembered, each is greeted at most so often

log = structlog.get_logger()


class Visitors:
    """Private chats with people who are no editors.

    Args:
        name: Of the handler.
    """

    def __init__(self, room: Room, inbox: Inbox, deps: DestinationDeps, name: str) -> None:
        self._room, self._inbox, self._deps, self._name = room, inbox, deps, name
        self._bot = room.api.bot
        self._greeted: dict[int, float] = {}
        self._albums: deque[str] = deque(maxlen=_ALBUMS)

    async def introduce(self) -> None:
        """Say what is kept in the bot's description, which is read before the first message, unless it has one."""
        terms = self._inbox.welcome(self._name)
        if terms is None:
            return
        try:
            async with self._room.api.calling():
                if not (await self._bot.get_my_description()).description:
                    await self._bot.set_my_description(welcome_text(terms, self._deps))
        except HandlerError as error:  # /start says it too
            log.warning("telegram.description_failed", reason=error.reason)

    async def wrote(self, message: Message, who: User) -> bool:
        """Answer a reader; False if it is none of ours: a command of the desk, or nobody is welcome."""
        terms = None if who.is_bot else self._inbox.welcome(self._name)
        if terms is None or not (message.text or message.caption or message.effective_attachment):
            return False
        command = Command.read(message.text or "", self._bot.username)
        if command is not None:
            if command.name not in _GREETINGS:
                return False
            if self._may_greet(who.id):
                await self._room.post(text_page(welcome_text(terms, self._deps)), chat=message.chat.id)
            return True
        edited = message.edit_date is not None  # a position moves, and Telegram tells of changes that nobody can see
        if (edited and not (message.text or message.caption)) or self._is_rest_of_album(message):
            return True
        buttons = None
        try:
            answer = await self._inbox.hear(
                ReaderMessage(
                    key=_key(message.chat.id, message.message_id),
                    person=f"telegram:{who.id}",
                    # What somebody else wrote is no witness of theirs.
                    text="" if message.forward_origin else message.text or message.caption or "",
                    at=self._deps.clock.now(),
                    written_at=message.date,
                    through=self._name,
                    edited=edited,
                )
            )
            if answer is None:
                return True
            text = answer_text(answer, self._deps)
            if may_take_back(answer):
                buttons = keyboard([(reader_say(self._deps.language, "back"), f"{_BACK}{message.message_id}")])
        except BotError as error:
            log.warning("telegram.reader_not_heard", reason=str(error))
            text = reader_say(self._deps.language, "failed")
        await self._room.post(text_page(text), keyboard=buttons, reply_to=message.message_id, chat=message.chat.id)
        return True

    def _is_rest_of_album(self, message: Message) -> bool:
        """Whether it is one more picture of several sent at once: each is a message, and one has the caption of all."""
        album = message.media_group_id
        if not album or album not in self._albums:
            if album:
                self._albums.append(album)
            return False
        return not message.caption

    def _may_greet(self, person: int) -> bool:
        """Whether this person was not greeted just now; of the last ones we know."""
        now = asyncio.get_running_loop().time()
        if now - self._greeted.pop(person, -_GREETED_SECONDS) < _GREETED_SECONDS:
            self._greeted[person] = now
            return False
        self._greeted[person] = now
        if len(self._greeted) > _GREETED:
            del self._greeted[next(iter(self._greeted))]
        return True

    async def pressed(self, query: CallbackQuery) -> bool:
        """Take a reader's message back; False if another button was pressed."""
        data, user = query.data or "", query.from_user
        if not data.startswith(_BACK):
            return False
        language, message = self._deps.language, query.message
        private = message is not None and message.chat.id == user.id
        told = reader_say(language, "failed")
        if not private:
            log.warning("telegram.press_refused", user=user.id)
        try:
            if message is not None and private:
                key = _key(user.id, int(data.removeprefix(_BACK)))
                outcome = await self._inbox.take_back(key, f"telegram:{user.id}")
                told = taken_back_text(outcome, self._inbox.welcome(self._name), language)
                await self._room.change(message.message_id, text_page(told), chat=message.chat.id)
        except (BotError, ValueError) as error:
            log.warning("telegram.not_taken_back", reason=str(error))
        async with self._room.api.calling():
            await self._bot.answer_callback_query(query.id, told if private else None)
        return True


def _key(chat: int, message: int) -> str:
    return f"telegram:{chat}:{message}"
