"""A small Discord that the unmodified client library talks to over loopback: one guild, its people and its API.

Usable by a bot in this process or in another: all it needs is `api_base_url`, `gateway_url` and the token.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Self

from aiohttp import web

from tests.emulators import discord_limits as limits
from tests.emulators.discord_gateway import Gateway
from tests.emulators.discord_rest import Exchange, Fault, Rest, visible
from tests.emulators.discord_world import Json, Person, World

__all__ = ["DiscordEmulator", "Exchange", "Person", "visible"]

TOKEN = "discord-emulator-token"
_COMMAND, _COMPONENT, _COMPLETE, _SUBMIT = 2, 3, 4, 5
_TYPES: dict[int, type] = {3: str, 4: int, 5: bool}


class DiscordEmulator:
    """One guild with a desk room, any number of other channels, and people.

    Attributes:
        editor: Has the editor role; `second` as well; `stranger` has none.
        gateway: The websocket side: `wait()`, `drop()`, `close(4004)`, `ask_reconnect()`, `invalidate()`, `refuse`.
        rest: The HTTP side: `requests`, `pings`, `stale`.
    """

    def __init__(
        self,
        token: str = TOKEN,
        guild: int = 500_000_000_000_000_001,
        channel: int = 600_000_000_000_000_001,
        *,
        other_channels: tuple[int, ...] = (),
        editor_role: int = 800_000_000_000_000_001,
        heartbeat_seconds: float = 41.25,
    ) -> None:
        self.token, self.guild, self.channel, self.editor_role = token, guild, channel, editor_role
        self.world = World(token, guild, editor_role)
        self.world.channels = {number: {} for number in (channel, *other_channels)}
        self.gateway = Gateway(self.world, heartbeat_seconds=heartbeat_seconds)
        self.rest = Rest(self.world)
        self.editor = Person(900_000_000_000_000_001, "camille", (editor_role,))
        self.second = Person(900_000_000_000_000_002, "dominique", (editor_role,))
        self.stranger = Person(900_000_000_000_000_003, "passant")
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def api_base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/gateway"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/gateway", self.gateway.handle)
        self.rest.routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.gateway.resume_url = self.rest.gateway_url = self.gateway_url
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()
        if kind is None and (problems := self.problems):
            raise AssertionError("the bot asked what this emulator does not know:\n" + "\n".join(problems))

    @property
    def problems(self) -> list[str]:
        """Requests to unknown routes and the like; a test that leaves any fails when the emulator closes."""
        return self.rest.problems + self.gateway.problems

    # --- what there is to see ------------------------------------------------------------------------------------

    def messages(self, channel: int | None = None) -> list[Json]:
        """Messages that everybody in a channel (the desk room) sees, oldest first."""
        return list(self.world.channels[channel or self.channel].values())

    async def wait_message(
        self,
        predicate: Callable[[Json], bool] = lambda _: True,
        *,
        channel: int | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - reads best
    ) -> Json:
        """The first message of a channel (the desk room) for which the predicate holds, now or later."""
        async with asyncio.timeout(timeout), self.rest.changed:
            while True:
                if found := next((m for m in self.messages(channel) if predicate(m)), None):
                    return found
                await self.rest.changed.wait()

    # --- what people do ------------------------------------------------------------------------------------------

    async def say(
        self, text: str, user: Person, *, channel: int | None = None, mentions: bool = False, kind: int = 0
    ) -> Json:
        """Write a message, in which the bot may be mentioned; Discord writes those of another `kind` in their name."""
        channel = channel or self.channel
        await self.gateway.wait(seconds=10.0)
        if mentions:
            text = f"<@{self.world.application}> {text}"
        message = self.world.message(channel, {"content": text}, author=user)
        message["type"] = kind
        message["mentions"] = [{**self.world.user(self.world.bot), "member": {}}] if mentions else []
        self.world.channels[channel][int(message["id"])] = message
        member = {key: value for key, value in self.world.member(user).items() if key != "user"}
        await self.gateway.written({**message, "guild_id": str(self.guild), "member": member})
        return message

    async def delete(self, *messages: Json) -> None:
        """Delete what was written, several at once as a moderator does."""
        ids, channel = [message["id"] for message in messages], messages[0]["channel_id"]
        for each in ids:
            del self.world.channels[int(channel)][int(each)]
        bulk, told = len(ids) > 1, {"channel_id": channel, "guild_id": str(self.guild)}
        await self.gateway.dispatch(
            "MESSAGE_DELETE_BULK" if bulk else "MESSAGE_DELETE", told | ({"ids": ids} if bulk else {"id": ids[0]})
        )

    async def press(
        self, message: Json, label: str, user: Person | None = None, *, channel: int | None = None, seconds: float = 5.0
    ) -> Exchange:
        """Press a button; what the bot answered. `channel` pretends that the press came from elsewhere."""
        buttons = [button for row in message["components"] for button in row["components"]]
        found = next((button for button in buttons if button.get("label") == label), None)
        if found is None:
            raise LookupError(f"no button {label!r}; there are {[button.get('label') for button in buttons]}")
        data = {"custom_id": found["custom_id"], "component_type": 2}
        return await self._interact(_COMPONENT, data, user, channel, source=message, seconds=seconds)

    async def slash(
        self,
        name: str,
        options: Mapping[str, str | int | bool] | None = None,
        user: Person | None = None,
        *,
        channel: int | None = None,
        seconds: float = 5.0,
    ) -> Exchange:
        """Type a command; options are checked as Discord's client checks them."""
        command, options = await self._known_command(name), dict(options or {})
        given = []
        for option in command.get("options", []):
            if option["name"] not in options:
                if option.get("required"):
                    raise LookupError(f"/{name}: option {option['name']!r} is required")
                continue
            value = options.pop(option["name"])
            if not isinstance(value, _TYPES[option["type"]]):
                raise TypeError(f"/{name}: option {option['name']!r} has another type")
            if option.get("choices") and value not in {choice["value"] for choice in option["choices"]}:
                raise LookupError(f"/{name}: {value!r} is no choice of {option['name']!r}")
            given.append({"name": option["name"], "type": option["type"], "value": value})
        if options:
            raise LookupError(f"/{name}: no such options: {sorted(options)}")
        data = self._command_data(command, given)
        return await self._interact(_COMMAND, data, user, channel, seconds=seconds)

    async def complete(
        self, name: str, option: str, typed: str, user: Person | None = None, *, channel: int | None = None
    ) -> list[str]:
        """Type into an option with autocompletion; the names offered."""
        command = await self._known_command(name)
        kind = next(item["type"] for item in command["options"] if item["name"] == option and item["autocomplete"])
        data = self._command_data(command, [{"name": option, "type": kind, "value": typed, "focused": True}])
        exchange = await self._interact(_COMPLETE, data, user, channel)
        return [choice["name"] for choice in exchange.choices or []]

    async def submit_modal(
        self, opened: Exchange, values: Mapping[str, str] | str, user: Person | None = None, *, seconds: float = 5.0
    ) -> Exchange:
        """Submit the modal an exchange opened; `values` by input's custom id, or the text of the first; others stay."""
        modal = opened.modal
        if modal is None:
            raise LookupError("no modal was opened")
        fields = limits.inputs(modal)
        typed = {fields[0]["custom_id"]: values} if isinstance(values, str) else dict(values)
        components = []
        for outer, item in zip(modal["components"], fields, strict=True):
            value: str = typed.get(item["custom_id"], item.get("value") or "")
            if len(value) > (item.get("max_length") or 4000) or len(value) < (item.get("min_length") or 0):
                raise ValueError(f"{item['custom_id']}: the client refuses this length")
            inner = {"type": 4, "id": 2, "custom_id": item["custom_id"], "value": value}
            whole = {"component": inner} if outer["type"] == 18 else {"components": [inner]}
            components.append({"type": outer["type"], "id": 1, **whole})
        data = {"custom_id": modal["custom_id"], "components": components}
        user = user or opened.user
        return await self._interact(_SUBMIT, data, user, opened.channel, source=opened.source, seconds=seconds)

    # --- what goes wrong -----------------------------------------------------------------------------------------

    def fault(
        self,
        method: str,
        path: str,
        kind: str,
        *,
        times: int = 1,
        status: int = 500,
        code: int = 0,
        retry_after: float = 1.0,
        seconds: float = 60.0,
        via: bool = True,
    ) -> None:
        """Let the next requests that match fail.

        Args:
            path: A regular expression searched in the path after `/api/v10`.
            kind: `status` (JSON error `status` with `code`), `html` (an error page), `429` (with `retry_after`, and a
                `Via` header unless told), `drop-before` and `drop-after` (the connection is cut before or after the
                request took effect), `hang` (for `seconds`, then cut, without effect).
        """
        if kind not in {"status", "html", "429", "drop-before", "drop-after", "hang"}:
            raise ValueError(f"no such fault: {kind}")
        self.rest.faults.append(Fault(method, re.compile(path), kind, times, status, code, retry_after, seconds, via))

    # --- inside --------------------------------------------------------------------------------------------------

    async def _known_command(self, name: str, seconds: float = 10.0) -> Json:
        async with asyncio.timeout(seconds), self.rest.changed:
            while True:
                if found := next((item for item in self.world.commands if item["name"] == name), None):
                    return found
                await self.rest.changed.wait()

    def _command_data(self, command: Json, options: list[Json]) -> Json:
        return {
            "id": command["id"],
            "name": command["name"],
            "type": 1,
            "guild_id": str(self.guild),
            "options": options,
        }

    async def _interact(
        self,
        kind: int,
        data: Json,
        user: Person | None,
        channel: int | None,
        *,
        source: Json | None = None,
        seconds: float = 5.0,
    ) -> Exchange:
        user, channel = user or self.editor, channel or self.channel
        await self.gateway.wait(seconds=10.0)
        number = self.world.snowflake()
        exchange = Exchange(number, f"token-{number}", user, channel, kind, source, asyncio.get_running_loop().time())
        self.rest.exchanges[exchange.token] = exchange
        payload = {
            "id": str(exchange.id),
            "application_id": str(self.world.application),
            "type": kind,
            "token": exchange.token,
            "version": 1,
            "data": data,
            "guild_id": str(self.guild),
            "guild": {"id": str(self.guild), "locale": "fr", "features": []},
            "channel": {**self.world.channel(channel), "permissions": "0"},
            "channel_id": str(channel),
            "member": {**self.world.member(user), "permissions": "0"},
            "locale": "fr",
            "guild_locale": "fr",
            "app_permissions": str(self.world.permissions),
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(self.guild)},
            "context": 0,
            "attachment_size_limit": 10_485_760,
        }
        if source is not None:
            payload["message"] = source
        await self.gateway.dispatch("INTERACTION_CREATE", payload)
        try:
            async with asyncio.timeout(seconds), self.rest.changed:
                await self.rest.changed.wait_for(lambda: _settled(exchange))
        except TimeoutError:
            pass  # the exchange shows what came; a test says what it expected
        return exchange


def _settled(exchange: Exchange) -> bool:
    """Whether the person has an answer to read (a deferral is none)."""
    if exchange.answer is None:
        return False
    return bool(exchange.messages) or exchange.modal is not None or exchange.choices is not None
