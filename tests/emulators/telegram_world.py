"""The emulated Telegram's people, rooms and messages, and the state they share."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.clock import SystemClock
from tests.emulators.telegram_html import mentions

Json = dict[str, Any]
Status = Literal["creator", "administrator", "member", "left", "kicked"]


@dataclass(frozen=True, slots=True)
class User:
    """A person (or a bot) of the emulated world."""

    id: int
    first_name: str
    username: str | None = None
    is_bot: bool = False

    def json(self) -> Json:
        """As the Bot API writes it."""
        user: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return user | ({"username": self.username} if self.username else {})


@dataclass(slots=True)
class Chat:
    """A room; `bot` is what our bot is in it."""

    id: int
    type: str
    title: str = ""
    username: str | None = None
    members: dict[int, tuple[User, Status]] = field(default_factory=dict)
    bot: Status = "member"
    can_post: bool = True
    migrated_to: int | None = None
    sends: deque[float] = field(default_factory=deque)
    limit: tuple[int, float] | None = None

    def json(self) -> Json:
        """As the Bot API writes it inside messages."""
        return {"id": self.id, "type": self.type} | {
            key: value for key, value in (("title", self.title), ("username", self.username)) if value
        }


@dataclass(slots=True)
class Message:
    """A message as it stands now in a chat."""

    id: int
    chat: Chat
    sender: User
    text: str
    entities: list[Json] = field(default_factory=list)
    markup: Json = field(default_factory=dict)
    reply_to: "Message | None" = None
    photo: bool = False
    silent: bool = False
    pinned: bool = False
    edits: int = 0
    forwarded_from: User | None = None
    album: str | None = None  # of several pictures sent at once, each of which is a message

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """(label, callback_data or url) of every inline button, in reading order."""
        rows = self.markup.get("inline_keyboard", [])
        return [(b["text"], b.get("callback_data", b.get("url", ""))) for row in rows for b in row]

    @property
    def mentions(self) -> list[str]:
        """Names whose owners' bells this message rings."""
        return mentions(self.text)

    def quoted(self, kind: str) -> list[str]:
        """The texts of all entities of a kind (`blockquote`, `bold`, …)."""
        raw = self.text.encode("utf-16-le")
        return [
            raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
            for e in self.entities
            if e["type"] == kind
        ]

    def json(self, *, deep: bool = True) -> Json:
        """As the Bot API writes it."""
        words, marks = ("caption", "caption_entities") if self.photo else ("text", "entities")
        message: Json = {
            "message_id": self.id,
            "date": int(SystemClock().now().timestamp()),
            "chat": self.chat.json(),
            words: self.text,
            marks: self.entities,
        }
        message["sender_chat" if self.chat.type == "channel" else "from"] = (
            self.chat.json() if self.chat.type == "channel" else self.sender.json()
        )
        if self.photo:
            message["photo"] = [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]
        if self.album is not None:
            message["media_group_id"] = self.album
        if self.forwarded_from is not None:
            origin = {"type": "user", "date": message["date"], "sender_user": self.forwarded_from.json()}
            message["forward_origin"] = origin
        if "inline_keyboard" in self.markup:
            message["reply_markup"] = self.markup
        if self.reply_to is not None and deep:
            message["reply_to_message"] = self.reply_to.json(deep=False)
        return message


@dataclass(slots=True)
class Press:
    """A press on a button and what the bot answered to it."""

    id: str
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    payload: Json | None = None

    async def answer(self, timeout: float = 5.0) -> Json:  # noqa: ASYNC109 - a test reads better so
        """Parameters of the bot's `answerCallbackQuery`."""
        async with asyncio.timeout(timeout):
            await self.answered.wait()
        assert self.payload is not None
        return self.payload


class World:
    """What the Bot API's methods read and change.

    Attributes:
        me: Our bot.
        commands: What the bot registered by setMyCommands, by the chat it is for; None: for all others.
        description: What people read before they press "Start".
    """

    def __init__(self, bot: User) -> None:
        self.me = bot
        self.commands: dict[int | None, list[Json]] = {}
        self.description = ""
        self._chats: dict[int, Chat] = {}
        self._messages: dict[tuple[int, int], Message] = {}
        self._presses: dict[str, Press] = {}
        self._updates: list[Json] = []
        self._webhook: Json = {"url": ""}
        self._poll = asyncio.Event()
        self._poller = 0
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._count = 0

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _wake(self) -> None:
        poll, self._poll = self._poll, asyncio.Event()
        poll.set()

    def _queue(self, kind: str, payload: Json) -> None:
        self._updates.append({"update_id": 700_000 + self._next(), kind: payload})
        self._wake()

    def _keep(self, message: Message) -> Message:
        self._messages[message.chat.id, message.id] = message
        self._notify()
        return message
