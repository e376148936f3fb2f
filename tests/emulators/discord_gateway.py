"""Discord's gateway on a loopback socket: sessions, heartbeats, resuming, and the ways in which it breaks."""

import asyncio
import json
import zlib
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from tests.emulators.discord_world import Json, World

_DISPATCH, _HEARTBEAT, _IDENTIFY, _RESUME, _RECONNECT, _INVALID, _HELLO, _ACK = 0, 1, 2, 6, 7, 9, 10, 11
_GUILD_MESSAGES, _MESSAGE_CONTENT = 1 << 9, 1 << 15
_PRIVILEGED = 1 << 1 | 1 << 8 | _MESSAGE_CONTENT


@dataclass(slots=True)
class _Connection:
    socket: web.WebSocketResponse
    request: web.Request
    packer: "zlib._Compress | None"
    session: str | None = None

    async def send(self, op: int, data: object = None, **rest: object) -> None:
        text = json.dumps({"op": op, "d": data, "s": None, "t": None, **rest})
        if self.packer is None:
            await self.socket.send_str(text)
        else:
            await self.socket.send_bytes(self.packer.compress(text.encode()) + self.packer.flush(zlib.Z_SYNC_FLUSH))


class Gateway:
    """The websocket side.

    Attributes:
        identifies: Payloads of IDENTIFY, in order.
        resumes: Payloads of RESUME, in order.
        heartbeats: How many were received.
        refuse: Refuse so many connections with HTTP 503.
        close_at_once: Close so many connections before saying hello.
        close_on_identify: Answer the next IDENTIFY with this close code.
        resume_url: Where READY tells the client to resume; set once the address is known.
    """

    def __init__(self, world: World, *, heartbeat_seconds: float) -> None:
        self._world = world
        self._heartbeat_seconds = heartbeat_seconds
        self._sessions: dict[str, list[Json]] = {}
        self._intents: dict[str, int] = {}
        self._live: list[_Connection] = []
        self._changed = asyncio.Condition()
        self.identifies: list[Json] = []
        self.resumes: list[Json] = []
        self.heartbeats = 0
        self.refuse = 0
        self.close_at_once = 0
        self.close_on_identify: int | None = None
        self.resume_url = ""
        self.problems: list[str] = []

    @property
    def connected(self) -> bool:
        """Whether a bot has a session on a live connection."""
        return any(connection.session for connection in self._live)

    async def wait(self, *, connected: bool = True, seconds: float = 10.0) -> None:
        """Return once a bot is (not) there."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: self.connected is connected)

    async def wait_resumed(self, times: int = 1, seconds: float = 10.0) -> None:
        """Return once sessions were resumed so many times in all."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.resumes) >= times and self.connected)

    async def wait_heartbeats(self, times: int, seconds: float = 10.0) -> None:
        """Return once so many were received."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: self.heartbeats >= times)

    async def dispatch(self, event: str, data: Json) -> None:
        """An event to the bot; one without a connection sees it when it resumes."""
        for name in list(self._sessions):
            await self._tell(name, event, data)

    async def written(self, message: Json) -> None:
        """A message to those who asked for messages; its words to those who may read them, or are called in it."""
        called = any(user["id"] == str(self._world.application) for user in message["mentions"])
        for name, intents in list(self._intents.items()):
            if name in self._sessions and intents & _GUILD_MESSAGES:
                words = message["content"] if called or intents & _MESSAGE_CONTENT else ""
                await self._tell(name, "MESSAGE_CREATE", {**message, "content": words})

    async def _tell(self, name: str, event: str, data: Json) -> None:
        events = self._sessions[name]
        events.append({"t": event, "s": len(events) + 1, "d": data})
        for connection in list(self._live):
            if connection.session == name:
                await connection.send(_DISPATCH, data, t=event, s=len(events))

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in self._live:
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def close(self, code: int) -> None:
        """Close every connection with a code."""
        for connection in list(self._live):
            await connection.socket.close(code=code)

    async def ask_reconnect(self) -> None:
        """Opcode 7."""
        for connection in list(self._live):
            await connection.send(_RECONNECT)

    async def invalidate(self) -> None:
        """Opcode 9: the sessions are over."""
        self._sessions.clear()
        for connection in list(self._live):
            await connection.send(_INVALID, data=False)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refuse > 0:
            self.refuse -= 1
            return web.Response(status=503, text="upstream connect error")
        if request.query.get("v") != "10" or request.query.get("encoding") != "json":
            self.problems.append(f"gateway: unknown version or encoding: {request.query_string}")
        compress = request.query.get("compress")
        if compress not in {None, "zlib-stream"}:
            self.problems.append(f"gateway: compression is not emulated: {compress}")
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        if self.close_at_once > 0:
            self.close_at_once -= 1
            await socket.close(code=4000)
            return socket
        connection = _Connection(socket, request, zlib.compressobj() if compress else None)
        self._live.append(connection)
        try:
            await connection.send(_HELLO, {"heartbeat_interval": int(self._heartbeat_seconds * 1000)})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._received(connection, json.loads(message.data))
        except ConnectionResetError:
            pass  # the bot went away while we were talking to it
        finally:
            self._live.remove(connection)
            async with self._changed:
                self._changed.notify_all()
        return socket

    async def _received(self, connection: _Connection, packet: Json) -> None:
        match packet["op"]:
            case 1:
                self.heartbeats += 1
                await connection.send(_ACK)
            case 2:
                await self._identify(connection, packet["d"])
            case 6:
                await self._resume(connection, packet["d"])
            case _:
                self.problems.append(f"gateway: unknown opcode: {packet['op']}")
                await connection.socket.close(code=4001)
        async with self._changed:
            self._changed.notify_all()

    async def _identify(self, connection: _Connection, data: Json) -> None:
        self.identifies.append({key: value for key, value in data.items() if key != "token"})
        code = self.close_on_identify
        if data["token"] != self._world.token:
            code = 4004
        elif data["intents"] & _PRIVILEGED & ~self._world.privileged:
            code = 4014
        elif connection.session:
            code = 4005
        if code:
            self.close_on_identify = None
            await connection.socket.close(code=code)
            return
        name = f"session-{len(self.identifies)}"
        self._sessions[name], self._intents[name] = [], data["intents"]
        connection.session = name
        ready = {
            "v": 10,
            "user": self._world.user(self._world.bot),
            "guilds": [{"id": str(self._world.guild), "unavailable": True}],
            "session_id": name,
            "resume_gateway_url": self.resume_url,
            "application": {"id": str(self._world.application), "flags": self._world.flags},
        }
        await self._tell(name, "READY", ready)
        if data["intents"] & 1:
            await self._tell(name, "GUILD_CREATE", self._world.guild_payload(whole=True))

    async def _resume(self, connection: _Connection, data: Json) -> None:
        self.resumes.append({key: value for key, value in data.items() if key != "token"})
        events = self._sessions.get(data["session_id"])
        if data["token"] != self._world.token:
            await connection.socket.close(code=4004)
        elif events is None or data["seq"] is None:
            await connection.send(_INVALID, data=False)
        else:
            connection.session = data["session_id"]
            for event in events[data["seq"] :]:
                await connection.send(_DISPATCH, event["d"], t=event["t"], s=event["s"])
            await self._tell(data["session_id"], "RESUMED", {})
