"""A mail server on loopback: one account, folders that are only read, and faults on demand."""

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

USER, PASSWORD = "desk@newsroom.example", 'pass "word" \\ é'
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Stored:
    """A message in a folder; `received` as IMAP writes it."""

    uid: int
    body: bytes
    received: str


@dataclass
class ImapServer:
    """`faults` maps a command (or `GREETING`) to what happens instead of its answer.

    A fault is `hang`, `drop`, `bye`, `drip`, `no`, or bytes that are sent as they are.
    """

    port: int = 0
    folders: dict[str, list[Stored]] = field(default_factory=lambda: {"INBOX": []})
    validity: int = 1
    plain: bool = True
    faults: dict[str, str | bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    sessions: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, body: bytes, received: str = "02-Mar-2026 08:30:00 +0000", folder: str = "INBOX") -> Stored:
        messages = self.folders.setdefault(folder, [])
        messages.append(Stored(messages[-1].uid + 1 if messages else 1, body, received))
        return messages[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        with suppress(OSError, asyncio.IncompleteReadError, EOFError):
            await self._talk(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self.sessions -= 1

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder: list[Stored] = []
        if not await self._fault("GREETING", "*", writer):
            writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode("ascii", "replace").strip():
            tag, _, rest = line.partition(" ")
            name, _, arguments = rest.partition(" ")
            if name == "UID":
                name, _, arguments = arguments.partition(" ")
            self.commands.append(f"{name} {'...' if name == 'LOGIN' else arguments}".strip())
            if await self._fault(name, tag, writer):
                continue
            if name == "EXAMINE":
                wanted = arguments.strip('"')
                folder = self.folders.get(wanted, [])
                answer = self._examine(folder) if wanted in self.folders else "NO no such folder"
            elif name == "AUTHENTICATE":
                writer.write(b"+ \r\n")
                said = base64.b64decode(await reader.readline()).decode()
                answer = self._enter(said.split("\0")[1:])
            elif name == "LOGOUT":
                writer.write(b"* BYE see you\r\n")
                return
            else:
                answer = self._answer(name, arguments, folder, writer)
            before, _, result = answer.rpartition("\r\n")
            writer.write(f"{before}\r\n{tag} {result}\r\n".lstrip().encode())
            await writer.drain()

    def _answer(self, name: str, arguments: str, folder: list[Stored], writer: asyncio.StreamWriter) -> str:
        if name == "CAPABILITY":
            return f"* CAPABILITY IMAP4rev1{' AUTH=PLAIN' if self.plain else ''}\r\nOK done"
        if name == "LOGIN":
            quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
            return self._enter([re.sub(r"\\(.)", r"\1", word) for word in quoted])
        if name == "SEARCH":
            return f"* SEARCH {' '.join(str(uid) for uid in self._search(arguments, folder))}\r\nOK done"
        if name == "FETCH":
            uid, limit = int(arguments.partition(" ")[0]), int(re.findall(r"PEEK\[\]<0\.(\d+)>", arguments)[0])
            for sequence, message in enumerate(folder, 1):
                if message.uid == uid:
                    body = message.body[:limit]
                    said = f'* {sequence} FETCH (UID {uid} INTERNALDATE "{message.received}" BODY[]<0> {{{len(body)}}}'
                    writer.write(said.encode() + b"\r\n" + body + b")\r\n")
            return "OK done"
        return "BAD unknown"

    def _enter(self, given: list[str]) -> str:
        return "OK welcome" if given == [USER, PASSWORD] else "NO [AUTHENTICATIONFAILED] no"

    def _examine(self, folder: list[Stored]) -> str:
        following = folder[-1].uid + 1 if folder else 1
        return (
            f"* {len(folder)} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {self.validity}] ok\r\n"
            f"* OK [UIDNEXT {following}] ok\r\nOK [READ-ONLY] done"
        )

    @staticmethod
    def _search(arguments: str, folder: list[Stored]) -> list[int]:
        if since := re.fullmatch(r"SINCE (\S+)", arguments):
            day = parsedate_to_datetime(f"{since[1]} 00:00:00 +0000").astimezone(UTC).date()
            return [m.uid for m in folder if parsedate_to_datetime(m.received).astimezone(UTC).date() >= day]
        first = int(re.findall(r"^UID (\d+):\*$", arguments)[0])
        # RFC 3501: `n:*` names the last message, also where it is older.
        return [m.uid for m in folder if m.uid >= first] or [m.uid for m in folder[-1:]]

    async def _fault(self, name: str, tag: str, writer: asyncio.StreamWriter) -> bool:
        fault = self.faults.get(name)
        if fault is None:
            return False
        if fault == "hang":
            await self.closing.wait()
        elif fault == "drip":
            while not self.closing.is_set():
                writer.write(b"*")
                await writer.drain()
                await asyncio.sleep(0.05)
        elif fault == "bye":
            writer.write(b"* BYE maintenance\r\n")
        elif fault == "no":
            writer.write(f"{tag} NO not today\r\n".encode())
        elif isinstance(fault, bytes):
            writer.write(fault)
        await writer.drain()
        if fault in {"bye", "drop"}:
            raise EOFError
        return True


@asynccontextmanager
async def imap_server(context: ssl.SSLContext | None = None) -> AsyncIterator[ImapServer]:
    """Run a server until the block ends."""
    server = ImapServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context, limit=1024 * 1024)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        server.closing.set()
        while server.sessions:
            await asyncio.sleep(0.01)


def internal_date(when: datetime) -> str:
    """A time as IMAP writes it."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{when.day:2d}-{months[when.month - 1]}-{when:%Y %H:%M:%S %z}"
