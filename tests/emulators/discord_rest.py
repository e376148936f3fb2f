"""Discord's REST API on a loopback socket: messages, commands and answers to interactions, with scripted faults."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.emulators import discord_limits as limits
from tests.emulators.discord_world import EPHEMERAL, HISTORY, Json, Person, World

_PREFIX = "/api/v10"
_ANSWER_WITHIN_SECONDS, _TOKEN_LIVES_SECONDS, _NONCE_LIVES_SECONDS = 3.0, 15 * 60.0, 180.0
_MESSAGE, _DEFERRED_MESSAGE, _DEFERRED_UPDATE, _UPDATE, _CHOICES, _MODAL = 4, 5, 6, 7, 8, 9


class ApiError(Exception):
    """An answer that is a JSON error."""

    def __init__(self, status: int, code: int, message: str, **extra: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "code": code, **extra}


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests that match; see `DiscordEmulator.fault`."""

    method: str
    path: re.Pattern[str]
    kind: str
    times: int
    status: int
    code: int
    retry_after: float
    seconds: float
    via: bool


@dataclass(slots=True)
class Exchange:
    """One interaction: what the person did, and everything the bot answered.

    Attributes:
        answer: Type of the callback, None while (or if never) answered: the person then reads "did not respond".
        messages: Messages the bot sent in answer, as they are now; `flags & 64` are for that person's eyes only.
        modal: The modal it opened, or None.
        choices: What it offered to complete, or None.
        late: A callback came after three seconds.
    """

    id: int
    token: str
    user: Person
    channel: int
    kind: int
    source: Json | None
    began: float
    answer: int | None = None
    messages: list[Json] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    late: bool = False
    hidden: bool = False

    @property
    def text(self) -> str:
        """All that can be read in the answers."""
        return "\n".join(visible(message) for message in self.messages)

    @property
    def ephemeral(self) -> bool:
        """Whether every answer is for that person's eyes only."""
        return all(message["flags"] & EPHEMERAL for message in self.messages)


def visible(message: Json) -> str:
    """All text of a message, as an eye reads it: content, embeds, labels; no-break spaces are spaces."""
    parts = [message["content"]]
    for embed in message["embeds"]:
        parts += [embed.get("title", ""), embed.get("description", "")]
        parts += [text for item in embed.get("fields", []) for text in (item["name"], item["value"])]
        parts += [embed.get("footer", {}).get("text", "")]
    parts += [button.get("label", "") for row in message["components"] for button in row["components"]]
    return "\n".join(part for part in parts if part).translate({0xA0: " ", 0x202F: " "})


class Rest:
    """The HTTP side.

    Attributes:
        requests: (method, path, body) of every request, in order.
        pings: Text of messages that would have rung somebody by a mention.
        stale: Ids of messages that may no longer be edited (error 30046).
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.changed = asyncio.Condition()
        self.exchanges: dict[str, Exchange] = {}
        self.faults: list[Fault] = []
        self.problems: list[str] = []
        self.requests: list[tuple[str, str, Json]] = []
        self.pings: list[str] = []
        self.stale: set[str] = set()
        self.gateway_url = ""
        self._nonce_at: dict[tuple[int, str], float] = {}

    def routes(self, app: web.Application) -> None:
        """Mount everything; whatever is not here is a problem."""
        guild, app_id = self._world.guild, self._world.application
        commands = f"/applications/{app_id}/guilds/{guild}/commands"
        table: list[tuple[str, str, Callable[[web.Request, Json], Awaitable[object]]]] = [
            ("GET", "/gateway/bot", self._gateway),
            ("GET", "/users/@me", self._me),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/applications/@me", self._application),
            ("GET", "/guilds/{guild}", self._guild),
            ("GET", f"/guilds/{guild}/channels", self._channels),
            ("GET", f"/guilds/{guild}/members/{{user}}", self._member),
            ("GET", commands, self._commands),
            ("PUT", commands, self._put_commands),
            ("POST", commands, self._post_command),
            ("GET", "/channels/{channel}", self._channel),
            ("GET", "/channels/{channel}/messages", self._history),
            ("POST", "/channels/{channel}/messages", self._create),
            ("GET", "/channels/{channel}/messages/{message}", self._read),
            ("PATCH", "/channels/{channel}/messages/{message}", self._edit),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete),
            ("POST", "/interactions/{interaction}/{token}/callback", self._callback),
            ("POST", f"/webhooks/{app_id}/{{token}}", self._follow_up),
            ("GET", f"/webhooks/{app_id}/{{token}}/messages/@original", self._original),
            ("PATCH", f"/webhooks/{app_id}/{{token}}/messages/@original", self._edit_original),
            ("DELETE", f"/webhooks/{app_id}/{{token}}/messages/@original", self._delete_original),
        ]
        for method, path, handler in table:
            app.router.add_route(method, _PREFIX + path, self._wrapped(handler))
        app.router.add_route("*", "/{rest:.*}", self._unknown)

        @web.middleware
        async def breaking(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._breaking(request, handler)

        app.middlewares.append(breaking)

    async def notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def forget_nonces(self) -> None:
        """Some minutes later."""
        self._nonce_at.clear()

    # --- the wire ------------------------------------------------------------------------------------------------

    def _wrapped(self, handler: Callable[[web.Request, Json], Awaitable[object]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            text = await request.text()
            public = request.path.startswith((f"{_PREFIX}/interactions", f"{_PREFIX}/webhooks"))
            if text and request.headers.get("Content-Type") != "application/json":
                self.problems.append(f"rest: {request.method} {request.path}: not application/json")
            body = json.loads(text) if text else {}
            self.requests.append((request.method, request.path.removeprefix(_PREFIX), body))
            try:
                if not public and request.headers.get("Authorization") != f"Bot {self._world.token}":
                    _fail(401, 0, "401: Unauthorized")
                return _json(await handler(request, body))
            except ApiError as error:
                return _json(error.body, status=error.status, headers={"Via": "1.1 google"})
            except Exception as error:
                self.problems.append(f"rest: {request.method} {request.path}: {error!r}")
                raise

        return handle

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        self.problems.append(f"rest: no such route: {request.method} {request.path}")
        return _json({"message": "404: Not Found", "code": 0}, status=404)

    async def _breaking(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix(_PREFIX)
        fault = next((f for f in self.faults if f.method == request.method and f.path.search(path)), None)
        if fault is None:
            return await handler(request)
        fault.times -= 1
        if not fault.times:
            self.faults.remove(fault)
        match fault.kind:
            case "status":
                return _json({"message": f"{fault.status}: scripted", "code": fault.code}, status=fault.status)
            case "html":
                return web.Response(status=fault.status, text="<html>cloudflare</html>", content_type="text/html")
            case "429":
                body = {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": False}
                headers = {"Via": "1.1 google"} if fault.via else {}
                return _json(body, status=429, headers=headers | {"Retry-After": str(int(fault.retry_after) + 1)})
            case "hang":
                await asyncio.sleep(fault.seconds)
            case "drop-after":
                await handler(request)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    # --- who and where -------------------------------------------------------------------------------------------

    async def _gateway(self, _request: web.Request, _body: Json) -> object:
        limit = {"total": 1000, "remaining": 999, "reset_after": 14400000, "max_concurrency": 1}
        return {"url": self.gateway_url, "shards": 1, "session_start_limit": limit}

    async def _me(self, _request: web.Request, _body: Json) -> object:
        return self._world.user(self._world.bot)

    async def _application(self, _request: web.Request, _body: Json) -> object:
        return self._world.application_payload()

    async def _guild(self, request: web.Request, _body: Json) -> object:
        if request.match_info["guild"] != str(self._world.guild):
            _fail(404, 10004, "Unknown Guild")
        return self._world.guild_payload(whole=False)

    async def _channels(self, _request: web.Request, _body: Json) -> object:
        return [self._world.channel(number) for number in self._world.channels]

    async def _member(self, request: web.Request, _body: Json) -> object:
        if request.match_info["user"] != str(self._world.application):
            _fail(404, 10007, "Unknown Member")
        return self._world.member(self._world.bot)

    async def _channel(self, request: web.Request, _body: Json) -> object:
        self._messages(request)
        return self._world.channel(int(request.match_info["channel"]))

    # --- commands ------------------------------------------------------------------------------------------------

    async def _commands(self, _request: web.Request, _body: Json) -> object:
        return self._world.commands

    async def _put_commands(self, _request: web.Request, body: Json) -> object:
        commands = cast("list[Json]", body)  # the one route that takes a list
        _accept(limits.commands(commands))
        self._world.commands = [self._command(item) for item in commands]
        await self.notify()
        return self._world.commands

    async def _post_command(self, _request: web.Request, body: Json) -> object:
        _accept(limits.commands([body]))
        kept = [item for item in self._world.commands if item["name"] != body["name"]]
        self._world.commands = [*kept, self._command(body)]
        await self.notify()
        return self._world.commands[-1]

    def _command(self, item: Json) -> Json:
        """As Discord stores it: with ids, and without what is merely the default."""
        options = [
            {k: v for k, v in option.items() if v not in (None, False, [])} for option in item.get("options") or []
        ]
        stored: Json = {
            "id": str(self._world.snowflake()),
            "application_id": str(self._world.application),
            "guild_id": str(self._world.guild),
            "version": str(self._world.snowflake()),
            "type": item.get("type", 1),
            "name": item["name"],
            "name_localizations": None,
            "description": item["description"],
            "description_localizations": None,
            "default_member_permissions": item.get("default_member_permissions"),
            "nsfw": item.get("nsfw", False),
        }
        return stored | {"options": options} if options else stored

    # --- messages ------------------------------------------------------------------------------------------------

    def _messages(self, request: web.Request) -> dict[int, Json]:
        found = self._world.channels.get(int(request.match_info["channel"]))
        if found is None:
            _fail(404, 10003, "Unknown Channel")
        return found

    def _message(self, request: web.Request) -> Json:
        found = self._messages(request).get(int(request.match_info["message"]))
        if found is None:
            _fail(404, 10008, "Unknown Message")
        return found

    async def _history(self, request: web.Request, _body: Json) -> object:
        messages = list(self._messages(request).values())
        if not self._world.permissions & HISTORY:
            return []  # not an error: Discord answers so
        if "before" in request.query:
            messages = [m for m in messages if int(m["id"]) < int(request.query["before"])]
        if "after" in request.query:
            messages = [m for m in messages if int(m["id"]) > int(request.query["after"])]
        limit = int(request.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            _fail(400, 50035, "Invalid Form Body")
        return messages[::-1][:limit]

    async def _read(self, request: web.Request, _body: Json) -> object:
        return self._message(request)

    async def _create(self, request: web.Request, body: Json) -> object:
        messages, channel = self._messages(request), int(request.match_info["channel"])
        _accept(limits.message(body))
        nonce = (channel, str(body.get("nonce")))
        now = asyncio.get_running_loop().time()
        if body.get("enforce_nonce") and now - self._nonce_at.get(nonce, -1e9) < _NONCE_LIVES_SECONDS:
            return self._world.nonces[nonce]
        message = self._world.message(channel, body)
        if reference := body.get("message_reference"):
            original = messages.get(int(reference["message_id"]))
            if original is None and reference.get("fail_if_not_exists", True):
                _accept(["message_reference: Unknown message"])
            if original is not None:
                pointed = {"message_id": original["id"], "channel_id": str(channel), "guild_id": str(self._world.guild)}
                message |= {"type": 19, "message_reference": {"type": 0, **pointed}}
        self._ring(body, message)
        messages[int(message["id"])] = message
        if "nonce" in body:
            message["nonce"] = body["nonce"]
            self._world.nonces[nonce], self._nonce_at[nonce] = message, now
        await self.notify()
        return message

    def _ring(self, body: Json, message: Json) -> None:
        """Note whoever a mention would have rung."""
        allowed = body.get("allowed_mentions", {"parse": ["everyone", "users", "roles"], "replied_user": True})
        patterns = {"everyone": r"@everyone|@here", "users": r"<@!?\d+>", "roles": r"<@&\d+>"}
        if any(re.search(patterns[kind], message["content"]) for kind in allowed.get("parse", [])):
            self.pings.append(message["content"])

    async def _edit(self, request: web.Request, body: Json) -> object:
        message = self._message(request)
        _accept(limits.message(body, edit=True))
        if message["author"]["id"] != str(self._world.application):
            _fail(403, 50005, "Cannot edit a message authored by another user")
        if message["id"] in self.stale:
            text = "Maximum number of edits to messages older than 1 hour reached. Try again later"
            _fail(429, 30046, text, retry_after=1200.0)
        self._change(message, body)
        await self.notify()
        return message

    def _change(self, message: Json, body: Json) -> None:
        fresh = self._world.message(int(message["channel_id"]), body)
        message |= {key: fresh[key] for key in ("content", "embeds", "components") if key in body}
        message["edited_timestamp"] = self._world.now().isoformat()

    async def _delete(self, request: web.Request, _body: Json) -> object:
        message = self._message(request)
        del self._messages(request)[int(message["id"])]
        await self.notify()
        return None

    # --- interactions --------------------------------------------------------------------------------------------

    def _exchange(self, request: web.Request) -> Exchange:
        exchange = self.exchanges.get(request.match_info["token"])
        age = asyncio.get_running_loop().time() - (exchange.began if exchange else 0.0)
        if exchange is None or age > _TOKEN_LIVES_SECONDS:
            _fail(404, 10015, "Unknown Webhook")
        return exchange

    async def _callback(self, request: web.Request, body: Json) -> object:
        exchange = self.exchanges.get(request.match_info["token"])
        if exchange is None or str(exchange.id) != request.match_info["interaction"]:
            _fail(404, 10062, "Unknown interaction")
        if exchange.answer is not None:
            _fail(400, 40060, "Interaction has already been acknowledged.")
        if asyncio.get_running_loop().time() - exchange.began > _ANSWER_WITHIN_SECONDS:
            exchange.late = True
            _fail(404, 10062, "Unknown interaction")
        made = self._take(exchange, body["type"], body.get("data") or {})
        exchange.answer = body["type"]
        await self.notify()
        if request.query.get("with_response") != "1":
            return None
        answered: Json = {"id": str(exchange.id), "type": exchange.kind}
        if made is None:
            return {"interaction": answered}
        answered |= {
            "response_message_id": made["id"],
            "response_message_loading": False,
            "response_message_ephemeral": bool(made["flags"] & EPHEMERAL),
        }
        return {"interaction": answered, "resource": {"type": exchange.answer, "message": made}}

    def _take(self, exchange: Exchange, kind: int, data: Json) -> Json | None:
        """What a callback does; the message it makes or changes, if any."""
        if kind == _MESSAGE:
            _accept(limits.message(data))
            return self._answer(exchange, data)
        if kind == _UPDATE and exchange.source is not None:
            _accept(limits.message(data, edit=True))
            self._change(exchange.source, data)
            exchange.messages.append(exchange.source)
            return exchange.source
        if kind in {_DEFERRED_MESSAGE, _DEFERRED_UPDATE}:
            exchange.hidden = bool(data.get("flags", 0) & EPHEMERAL)
        elif kind == _CHOICES:
            _accept(limits.choices(data["choices"]))
            exchange.choices = data["choices"]
        elif kind == _MODAL:
            _accept(limits.modal(data))
            exchange.modal = data
        else:
            _accept([f"type: {kind} is not possible here"])
        return None

    def _answer(self, exchange: Exchange, body: Json) -> Json:
        hidden = exchange.hidden and not exchange.messages  # the first answer after a deferral keeps its visibility
        flags = EPHEMERAL if hidden else body.get("flags", 0) & EPHEMERAL
        message = self._world.message(exchange.channel, body, flags=flags, type_=20)
        self._ring(body, message)
        exchange.messages.append(message)
        if not flags:
            self._world.channels[exchange.channel][int(message["id"])] = message
        return message

    async def _follow_up(self, request: web.Request, body: Json) -> object:
        exchange = self._exchange(request)
        _accept(limits.message(body))
        if exchange.answer is None:
            _fail(404, 10015, "Unknown Webhook")
        message = self._answer(exchange, body)
        await self.notify()
        return message

    async def _original(self, request: web.Request, _body: Json) -> object:
        exchange = self._exchange(request)
        if not exchange.messages:
            _fail(404, 10008, "Unknown Message")
        return exchange.messages[0]

    async def _edit_original(self, request: web.Request, body: Json) -> object:
        exchange = self._exchange(request)
        _accept(limits.message(body, edit=True))
        if exchange.answer == _DEFERRED_MESSAGE and not exchange.messages:
            message = self._answer(exchange, body)
        elif exchange.answer in {_DEFERRED_UPDATE, _UPDATE} and exchange.source is not None:
            message = exchange.source
            self._change(message, body)
            exchange.messages.append(message)
        elif exchange.messages:
            message = exchange.messages[0]
            self._change(message, body)
        else:
            _fail(404, 10008, "Unknown Message")
        await self.notify()
        return message

    async def _delete_original(self, request: web.Request, _body: Json) -> object:
        exchange = self._exchange(request)
        if not exchange.messages:
            _fail(404, 10008, "Unknown Message")
        message = exchange.messages.pop(0)
        self._world.channels[exchange.channel].pop(int(message["id"]), None)
        await self.notify()
        return None


def _json(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """discord.py reads JSON only where the type is exactly this, without a charset."""
    if body is None:
        return web.Response(status=204)
    headers = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=headers)


def _fail(status: int, code: int, message: str, **extra: object) -> NoReturn:
    raise ApiError(status, code, message, **extra)


def _accept(wrong: list[str]) -> None:
    if wrong:
        raise ApiError(400, 50035, "Invalid Form Body: " + "; ".join(wrong))
