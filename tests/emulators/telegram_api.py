"""The emulated Bot API's methods with Telegram's own rules and refusals."""

import asyncio
import re
from typing import Any

from tests.emulators.telegram_html import ParseError, parse, trimmed, utf16
from tests.emulators.telegram_world import Chat, Json, Message, Status, User, World

_DESCRIPTION_LIMIT = 512


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


class BotApi(World):
    """One `_do_…` for each method; what is missing here is not emulated."""

    # --- methods: who and where

    async def _do_get_me(self, _: Json) -> Json:
        return self.me.json() | {"can_join_groups": True, "can_read_all_group_messages": False}

    async def _do_get_chat(self, p: Json) -> Json:
        chat = self._chat(p, write=False)
        return chat.json() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}

    async def _do_get_chat_member(self, p: Json) -> Json:
        chat = self._chat(p, write=False)
        if p["user_id"] == self.me.id:
            return _member(self.me, chat.bot, can_post=chat.can_post)
        if p["user_id"] not in chat.members:
            raise ApiError(400, "Bad Request: member not found")
        return _member(*chat.members[p["user_id"]])

    async def _do_get_chat_administrators(self, p: Json) -> list[Json]:
        people = self._chat(p, write=False).members.values()
        return [_member(user, status) for user, status in people if status in {"creator", "administrator"}]

    async def _do_set_my_commands(self, p: Json) -> bool:
        for command in p["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) or not 1 <= len(command["description"]) <= 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
        self.commands[p.get("scope", {}).get("chat_id")] = p["commands"]
        return True

    async def _do_delete_my_commands(self, p: Json) -> bool:
        self.commands.pop(p.get("scope", {}).get("chat_id"), None)
        return True

    async def _do_get_my_description(self, _: Json) -> Json:
        return {"description": self.description}

    async def _do_set_my_description(self, p: Json) -> bool:
        if len(p.get("description", "")) > _DESCRIPTION_LIMIT:
            raise ApiError(400, "Bad Request: description is too long")
        self.description = p.get("description", "")
        return True

    def _chat(self, p: Json, *, write: bool = True) -> Chat:
        wanted = p.get("chat_id")
        chat = next((c for c in self._chats.values() if wanted in {c.id, f"@{c.username}"}), None)
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if write and chat.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.migrated_to,
            )
        if chat.bot == "kicked":
            raise ApiError(403, "Forbidden: bot was kicked from the supergroup chat")
        if write and chat.bot == "left":
            raise ApiError(403, "Forbidden: bot is not a member of the supergroup chat")
        if write and not chat.can_post:
            raise ApiError(400, "Bad Request: need administrator rights in the channel chat")
        return chat

    # --- methods: updates

    async def _do_get_updates(self, p: Json) -> list[Json]:
        if self._webhook["url"]:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active")
        self._updates = [u for u in self._updates if u["update_id"] >= p.get("offset", 0)]
        self._poller += 1
        mine = self._poller
        self._wake()  # an older poll ends: the newer one wins
        try:
            async with asyncio.timeout(p.get("timeout", 0)):
                while not self._updates:
                    await self._poll.wait()
                    if self._poller != mine:
                        raise ApiError(
                            409,
                            "Conflict: terminated by other getUpdates request; "
                            "make sure that only one bot instance is running",
                        )
                    if self._closing.is_set():
                        break
        except TimeoutError:
            pass
        return self._updates[: p.get("limit", 100)]

    async def _do_set_webhook(self, p: Json) -> bool:
        self._webhook = p
        return True

    async def _do_delete_webhook(self, _: Json) -> bool:
        self._webhook = {"url": ""}
        return True

    async def _do_get_webhook_info(self, _: Json) -> Json:
        return {
            "url": self._webhook["url"],
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates),
        }

    # --- methods: messages

    async def _do_send_message(self, p: Json) -> Json:
        text, entities = _words(p, "text", 4096)
        if not text:
            raise ApiError(400, "Bad Request: message text is empty")
        return self._send(p, text, entities)

    async def _do_send_photo(self, p: Json) -> Json:
        return self._send(p, *_words(p, "caption", 1024), photo=True)

    def _send(self, p: Json, text: str, entities: list[Json], *, photo: bool = False) -> Json:
        chat = self._chat(p)
        self._pace(chat)
        reply = p.get("reply_parameters", {})
        reply_to = self._messages.get((chat.id, reply.get("message_id", 0)))
        if reply and reply_to is None and not reply.get("allow_sending_without_reply"):
            raise ApiError(400, "Bad Request: message to be replied not found")
        message = Message(self._next(), chat, self.me, text, entities, _markup(p), reply_to, photo)
        message.silent = bool(p.get("disable_notification"))
        return self._keep(message).json()

    def _pace(self, chat: Chat) -> None:
        if chat.limit is None:
            return
        sends, seconds = chat.limit
        now = asyncio.get_running_loop().time()
        while chat.sends and chat.sends[0] <= now - seconds:
            chat.sends.popleft()
        if len(chat.sends) >= sends:
            wait = int(chat.sends[0] + seconds - now) + 1
            raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        chat.sends.append(now)

    def _mine(self, p: Json) -> Message:
        message = self._messages.get((self._chat(p).id, p.get("message_id", 0)))
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if message.sender != self.me:
            raise ApiError(400, "Bad Request: message can't be edited")
        return message

    def _edit(self, message: Message, text: str, entities: list[Json], markup: Json) -> Json:
        if (message.text, message.entities, message.markup) == (text, entities, markup):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message",
            )
        message.text, message.entities, message.markup = text, entities, markup
        message.edits += 1
        self._notify()
        return message.json()

    async def _do_edit_message_text(self, p: Json) -> Json:
        return self._edit(self._mine(p), *_words(p, "text", 4096), _markup(p))

    async def _do_edit_message_caption(self, p: Json) -> Json:
        return self._edit(self._mine(p), *_words(p, "caption", 1024), _markup(p))

    async def _do_edit_message_reply_markup(self, p: Json) -> Json:
        message = self._mine(p)
        return self._edit(message, message.text, message.entities, _markup(p))

    async def _do_answer_callback_query(self, p: Json) -> bool:
        press = self._presses.get(p["callback_query_id"])
        if press is None:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if len(p.get("text", "")) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        press.payload = p
        press.answered.set()
        return True

    async def _do_copy_message(self, p: Json) -> Json:
        origin = self._messages.get((p["from_chat_id"], p["message_id"]))
        if origin is None:
            raise ApiError(400, "Bad Request: message to copy not found")
        return {"message_id": self._send(p, origin.text, origin.entities, photo=origin.photo)["message_id"]}

    async def _do_delete_message(self, p: Json) -> bool:
        if self._messages.pop((self._chat(p).id, p["message_id"]), None) is None:
            raise ApiError(400, "Bad Request: message to delete not found")
        self._notify()
        return True

    async def _do_pin_chat_message(self, p: Json) -> bool:
        self._mine(p).pinned = True
        return True

    async def _do_send_chat_action(self, p: Json) -> bool:
        self._chat(p)
        return True


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


def _words(p: Json, key: str, limit: int) -> tuple[str, list[Json]]:
    words = str(p.get(key, ""))
    if p.get("parse_mode") == "HTML":
        try:
            text, entities = parse(words)
        except ParseError as error:
            raise ApiError(400, f"Bad Request: can't parse entities: {error}") from None
    else:
        text, entities = trimmed(words, list(p.get("entities", [])))
    if utf16(text) > limit:
        raise ApiError(400, f"Bad Request: message {'caption ' if key == 'caption' else ''}is too long")
    return text, entities


def _markup(p: Json) -> Json:
    markup: Json = p.get("reply_markup", {})
    for row in markup.get("inline_keyboard", []):
        for button in row:
            if not button.get("text"):
                raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
            if not 1 <= len(button.get("callback_data", "-").encode()) <= 64:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return markup


def _member(user: User, status: Status, *, can_post: bool = True) -> Json:
    member: Json = {"user": user.json(), "status": status}
    if status == "administrator":
        rights: tuple[str, ...] = (
            "can_be_edited",
            "is_anonymous",
            "can_manage_chat",
            "can_delete_messages",
            "can_manage_video_chats",
        )
        rights = (*rights, "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users")
        rights = (*rights, "can_post_stories", "can_edit_stories", "can_delete_stories")
        member |= dict.fromkeys(rights, False) | {"can_post_messages": can_post, "can_edit_messages": can_post}
    if status == "creator":
        member["is_anonymous"] = False
    if status == "kicked":
        member["until_date"] = 0
    return member
