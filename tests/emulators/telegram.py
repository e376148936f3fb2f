"""A Telegram Bot API of our own on a loopback port: what the unmodified library talks to in tests.

It keeps Telegram's rules (long polls, HTML, lengths, buttons, floods) and fails loudly on what it does not know.

    async with TelegramEmulator() as tg:
        tg.group(-1001, administrators=[camille])
        ... a bot with token `tg.token` and `api_base_url = tg.base_url` ...
        card = await tg.wait_message(lambda m: "Orange" in m.text)
        press = tg.press(card, "Approuver", user=camille)
        assert (await press.answer())["text"]
"""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import ClientSession, web

from tests.emulators.telegram_api import ApiError, BotApi
from tests.emulators.telegram_world import Chat, Json, Message, Press, Status, User

__all__ = ["Chat", "Message", "Press", "TelegramEmulator", "User"]

_TEXTS = {
    "text",
    "caption",
    "callback_query_id",
    "url",
    "secret_token",
    "photo",
}  # sent as they are, though they may look like JSON
FaultKind = Literal[
    "flood",  # 429 with retry_after
    "error",  # any status and description
    "html",  # 502 with a page of a proxy
    "odd",  # 200 with JSON that is not Telegram's
    "drop",  # the connection is cut before the call is taken
    "drop_after",  # the call has its effect, then the connection is cut
    "hang",  # no answer, no effect
    "hang_after",  # the call has its effect, no answer
]


@dataclass(slots=True)
class _Fault:
    kind: FaultKind
    times: int
    chat: int | None
    status: int
    description: str
    parameters: Json


class TelegramEmulator(BotApi):
    """The server; an async context manager whose end fails when the bot called something unknown.

    Attributes:
        calls: (method, parameters) of every request that arrived, in order.
        unknown: Methods that were called and are not emulated.
    """

    def __init__(self, token: str = "4242:emulated-token", *, port: int = 0) -> None:  # noqa: S107 - made up
        super().__init__(User(int(token.split(":", maxsplit=1)[0]), "Vigie", "vigie_bot", is_bot=True))
        self.token = token
        self.calls: list[tuple[str, Json]] = []
        self.unknown: list[str] = []
        self._port = port
        self._faults: dict[str, list[_Fault]] = {}
        self._runner: web.AppRunner | None = None

    # --- life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if kind is None and self.unknown:
            raise AssertionError(f"the bot called methods that are not emulated: {self.unknown}")

    async def start(self) -> None:
        """Listen (again, on the same port): Telegram is up."""
        self._closing.clear()
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and cut every connection: Telegram is down. Its world stays."""
        self._closing.set()
        self._wake()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def base_url(self) -> str:
        """What `api_base_url` is set to."""
        return f"http://127.0.0.1:{self._port}"

    # --- the world

    def group(self, chat: int, administrators: Sequence[User] = (), members: Sequence[User] = ()) -> Chat:
        """A group in which our bot is an ordinary member."""
        people: dict[int, tuple[User, Status]] = {u.id: (u, "administrator") for u in administrators}
        people |= {u.id: (u, "member") for u in members}
        self._chats[chat] = Chat(chat, "supergroup", "Rédaction", members=people)
        return self._chats[chat]

    def channel(self, chat: int, username: str | None = None, *, can_post: bool = True) -> Chat:
        """A public channel of which our bot is an administrator."""
        self._chats[chat] = Chat(chat, "channel", "Alertes", username, bot="administrator", can_post=can_post)
        return self._chats[chat]

    def migrate(self, old: int, new: int) -> None:
        """Turn a group into a supergroup with a new id, as Telegram does when somebody changes a setting."""
        chat = self._chats[old]
        self._chats[new] = Chat(new, "supergroup", chat.title, members=chat.members, bot=chat.bot)
        chat.migrated_to = new

    def announce_migration(self, old: int) -> None:
        """Write the service message by which a group learns that it moved."""
        chat = self._chats[old]
        service = Message(self._next(), chat, self.me, "").json() | {"migrate_to_chat_id": chat.migrated_to}
        self._queue("message", {key: value for key, value in service.items() if key not in {"text", "entities"}})

    def limit(self, chat: int, sends: int, seconds: float) -> None:
        """From now on answer 429 to more than so many sends in so many seconds."""
        self._chats[chat].limit = (sends, seconds)

    def messages(self, chat: int, *, of_bot: bool = True) -> list[Message]:
        """What stands in a chat now, oldest first."""
        return [m for m in self._messages.values() if m.chat.id == chat and (m.sender == self.me or not of_bot)]

    async def wait_message(
        self,
        predicate: Callable[[Message], bool] = lambda _: True,
        timeout: float = 5.0,  # noqa: ASYNC109 - a test reads better so
    ) -> Message:
        """The first message of the bot that fits, now or later (after an edit as well)."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    changed = self._changed
                    found = next((m for m in self._messages.values() if m.sender == self.me and predicate(m)), None)
                    if found is not None:
                        return found
                    await changed.wait()
        except TimeoutError:
            seen = [f"{m.chat.id}:{m.id} {m.text!r} {m.buttons}" for m in self._messages.values()]
            raise AssertionError("no such message; there are:\n" + "\n".join(seen)) from None

    def sent(self, method: str) -> list[Json]:
        """Parameters of every call of a method so far."""
        return [parameters for name, parameters in self.calls if name == method]

    async def wait_call(self, method: str, count: int = 1, timeout: float = 5.0) -> Json:  # noqa: ASYNC109 - as above
        """Parameters of the `count`-th call of a method, now or later."""
        async with asyncio.timeout(timeout):
            while len(self.sent(method)) < count:
                await self._changed.wait()
        return self.sent(method)[count - 1]

    # --- people

    def say(
        self,
        chat: int,
        user: User,
        text: str,
        *,
        reply_to: Message | None = None,
        photo: bool = False,
        forwarded_from: User | None = None,
        album: str | None = None,
    ) -> Message:
        """A person writes; a chat with the person's own id is the private one, and a `photo`'s text its caption."""
        if chat == user.id:
            self._chats.setdefault(chat, Chat(chat, "private", members={user.id: (user, "member")}))
        what = Message(self._next(), self._chats[chat], user, text, reply_to=reply_to, photo=photo)
        what.forwarded_from, what.album = forwarded_from, album
        message = self._keep(what)
        self._queue("message", message.json())
        return message

    def edit(self, message: Message, text: str) -> None:
        """Its author changes a message; Telegram tells of changes that nobody can see, too."""
        message.text = text
        self._queue("edited_message", message.json() | {"edit_date": message.json()["date"]})

    def press(self, message: Message, label: str, user: User, *, forwarded_to: int | None = None) -> Press:
        """A person presses the button whose label contains `label` (on a forwarded copy in another chat, if given)."""
        data = next((data for text, data in message.buttons if label in text), None)
        assert data is not None, f"no button {label!r} on {message.buttons}"
        return self.press_data(message, data, user, forwarded_to=forwarded_to)

    def press_data(self, message: Message, data: str, user: User, *, forwarded_to: int | None = None) -> Press:
        """A person's client sends this callback_data, whether or not such a button stands there now."""
        press = Press(str(9_000_000_000 + self._next()))
        self._presses[press.id] = press
        shown = message.json()
        if forwarded_to is not None:
            origin = {"type": "user", "date": shown["date"], "sender_user": self.me.json()}
            shown |= {"chat": self._chats[forwarded_to].json(), "message_id": self._next(), "forward_origin": origin}
        query = {"id": press.id, "from": user.json(), "message": shown, "chat_instance": "1", "data": data}
        self._queue("callback_query", query)
        return press

    async def push(self, secret: str | None = None) -> list[int]:
        """Deliver what waits to the bot's webhook; the statuses of its answers. `secret` replaces the right one."""
        secret = self._webhook.get("secret_token", "") if secret is None else secret
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        statuses = []
        async with ClientSession() as session:
            for update in list(self._updates):
                async with session.post(self._webhook["url"], json=update, headers=headers) as response:
                    statuses.append(response.status)
                    if response.ok:
                        self._updates.remove(update)
        return statuses

    def fault(
        self,
        method: str,
        kind: FaultKind,
        *,
        times: int = 1,
        chat: int | None = None,
        status: int = 400,
        description: str = "Bad Request",
        **parameters: Any,
    ) -> None:
        """Let the next `times` calls of a method (to a chat, if given) fail so; `retry_after=3` is a parameter."""
        if kind == "flood":
            status, parameters = 429, {"retry_after": 1} | parameters
            description = f"Too Many Requests: retry after {parameters['retry_after']}"
        self._faults.setdefault(method, []).append(_Fault(kind, times, chat, status, description, parameters))

    # --- the server

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        parameters = {key: _decoded(key, value) for key, value in (await request.post()).items()}
        if request.match_info["token"] != self.token:
            return _refusal(ApiError(401, "Unauthorized"))
        self.calls.append((method, parameters))
        self._notify()
        handle = getattr(self, "_do_" + re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower(), None)
        if handle is None:
            self.unknown.append(method)
            return _refusal(ApiError(500, f"{method} is not emulated"))
        fault = self._take_fault(method, parameters)
        if fault is not None and not fault.kind.endswith("_after"):
            return await self._fail(request, fault)
        try:
            result = await handle(parameters)
        except ApiError as error:
            return _refusal(error)
        if fault is not None:
            return await self._fail(request, fault)
        return web.json_response({"ok": True, "result": result})

    def _take_fault(self, method: str, parameters: Json) -> _Fault | None:
        for fault in self._faults.get(method, []):
            if fault.times and fault.chat in {None, parameters.get("chat_id")}:
                fault.times -= 1
                return fault
        return None

    async def _fail(self, request: web.Request, fault: _Fault) -> web.StreamResponse:
        if fault.kind in {"flood", "error"}:
            return _refusal(ApiError(fault.status, fault.description, **fault.parameters))
        if fault.kind == "html":
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        if fault.kind == "odd":
            return web.json_response({})
        if fault.kind in {"hang", "hang_after"}:
            await self._closing.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _decoded(key: str, value: Any) -> Any:
    """A form value: the library writes everything but text as JSON."""
    if key in _TEXTS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:  # a @name, a file's id
        return value


def _refusal(error: ApiError) -> web.Response:
    body: Json = {"ok": False, "error_code": error.status, "description": error.description}
    return web.json_response(body | ({"parameters": error.parameters} if error.parameters else {}), status=error.status)
