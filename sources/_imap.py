"""Looks into a mail folder and changes nothing there: the standard library's client, in a thread that always ends."""

import asyncio
import base64
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import BinaryIO, TypeVar

from bot.domain.signals import HealthState
from bot.errors import SourceError

MAX_LETTER_BYTES = 256 * 1024
MAX_LETTERS = 100
_MAX_VISIT_BYTES = 8 * 1024 * 1024  # after so many the rest waits for the next visit
_MAX_SESSION_BYTES = 2 * _MAX_VISIT_BYTES
_MAX_LINE_BYTES = 1_000_000
_MAX_VISIT_SECONDS = 30.0
_SILENT_SECONDS = 15.0
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RECEIVED = re.compile(rb'INTERNALDATE "([^"]{1,40})"')
# What the library may raise on a server that speaks something else.
_NONSENSE = (imaplib.IMAP4.error, ValueError, TypeError, IndexError, KeyError, AttributeError)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Account:
    """Where to look, and as whom.

    Attributes:
        refusal: Why an IP address may not be connected to, or None.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str
    tls: bool
    refusal: Callable[[str], str | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, cut after `MAX_LETTER_BYTES`.

    Attributes:
        received: When the server got it, in its words; None if it does not say.
    """

    uid: int
    received: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Folder:
    """What a visit found.

    Attributes:
        validity: UIDs mean something only together with it.
        last: Up to this UID everything was looked at.
        count: Messages in the folder.
        said: What the server said of it, as RFC 3501 writes it.
    """

    validity: int
    last: int
    count: int
    said: bytes = b""
    letters: tuple[Letter, ...] = ()


class _Line:
    """The connection of a visit, which another thread may cut: a time-out of each read alone would never end a drip."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_cut = False

    def hold(self, connection: socket.socket) -> None:
        self._socket = connection
        if self._is_cut:
            connection.close()
            raise TimeoutError

    def cut(self) -> None:
        self._is_cut = True
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not TLS's own, which would talk first


class _Session(imaplib.IMAP4):
    """The library's client on a connection of ours, with a bound on what it reads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream: BinaryIO = connection.makefile("rb")
        self._left_bytes = _MAX_SESSION_BYTES
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        del host, port, timeout
        self.sock = self._connection

    def read(self, size: int) -> bytes:
        self._spend(size)
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionError
        return data

    def readline(self) -> bytes:
        line = self._stream.readline(_MAX_LINE_BYTES)
        self._spend(len(line))
        if len(line) == _MAX_LINE_BYTES:
            raise self.abort("a line without end")
        if not line.endswith(b"\n") or line[:5].upper() == b"* BYE":
            raise ConnectionError
        return line

    def shutdown(self) -> None:
        with suppress(OSError):
            self._stream.close()
            self._connection.close()

    def enter(self, account: Account) -> None:
        """Log in: by PLAIN, which knows every letter, where the server offers it."""
        try:
            if "AUTH=PLAIN" in self.capabilities:
                words = f"\0{account.user}\0{account.password}".encode()
                self.authenticate("PLAIN", lambda _: words)
            else:
                self.login(_quoted(account.user), account.password)
        except self.abort:
            raise
        except self.error as error:
            raise _failing("identifiants refusés") from error
        except UnicodeEncodeError as error:
            raise _failing("le serveur n’accepte que des identifiants sans accents") from error

    def examine(self, account: Account) -> Folder:
        """Open the folder for reading only."""
        answer, count = self.select(_quoted(_utf7(account.folder)), readonly=True)
        if answer != "OK":
            raise _failing(f"pas de dossier « {account.folder} »")
        validity, following, many = self._number("UIDVALIDITY"), self._number("UIDNEXT"), int(count[0] or 0)
        said = f"* {many} EXISTS\r\n* OK [UIDVALIDITY {validity}]\r\n* OK [UIDNEXT {following}]\r\n"
        return Folder(validity, max(0, following - 1), many, said.encode())

    def uids(self, *criteria: str) -> list[int]:
        """UIDs, in order."""
        answer, found = self.uid("SEARCH", *criteria)
        if answer != "OK":
            raise self.error("search refused")
        return sorted({int(uid) for line in found if line for uid in line.split()})

    def letter(self, uid: int) -> Letter | None:
        """A message, not marked as read; None if it is gone."""
        answer, parts = self.uid("FETCH", str(uid), f"(UID INTERNALDATE BODY.PEEK[]<0.{MAX_LETTER_BYTES}>)")
        if answer != "OK":
            raise self.error("fetch refused")
        bodies = [part[1] for part in parts if isinstance(part, tuple)]
        if not bodies:
            return None
        said = b" ".join(part[0] if isinstance(part, tuple) else part for part in parts if part)
        received = _RECEIVED.search(said)
        return Letter(uid, received[1].decode("ascii", "replace").strip() if received else None, bodies[0])

    def _number(self, code: str) -> int:
        return int(self.response(code)[1][0] or 0)

    def _spend(self, size: int) -> None:
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise self.abort("too much")


async def visit(account: Account, work: Callable[[_Session], Result], *, seconds: float) -> Result:
    """Do something in a session of its own, in a thread, within so many seconds.

    Raises:
        SourceError: with the health it means.
    """
    line = _Line()
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(_visit, account, work, line)
    except TimeoutError as error:
        raise _unreachable(f"pas de réponse complète en {seconds:g} s") from error
    finally:
        line.cut()


def look(account: Account) -> Callable[[_Session], Folder]:
    """Work for `visit`: only look at the folder."""
    return lambda session: session.examine(account)


def collect(account: Account, validity: int, last: int, since: date) -> Callable[[_Session], Folder]:
    """Work for `visit`: the messages after a UID, oldest first; if that means nothing any more, those since a day."""

    def work(session: _Session) -> Folder:
        end = time.monotonic() + _MAX_VISIT_SECONDS
        folder = session.examine(account)
        if last and folder.validity == validity:
            uids = [uid for uid in session.uids("UID", f"{last + 1}:*") if uid > last][:MAX_LETTERS]
            more = len(uids) == MAX_LETTERS
        else:
            uids = session.uids("SINCE", f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}")[-MAX_LETTERS:]
            more = False
        letters: list[Letter] = []
        done, read_bytes = last if more else 0, 0
        for uid in uids:
            if read_bytes > _MAX_VISIT_BYTES or time.monotonic() > end:
                more = True
                break
            letter = session.letter(uid)
            done = uid
            if letter is not None:
                letters.append(letter)
                read_bytes += len(letter.body)
        return replace(folder, last=done if more else max(folder.last, done), letters=tuple(letters))

    return work


def _visit(account: Account, work: Callable[[_Session], Result], line: _Line) -> Result:
    try:
        session = _Session(_connect(account, line))
        try:
            session.enter(account)
            result = work(session)
            session.send(b"bye LOGOUT\r\n")  # whether it is answered does not matter
            return result
        finally:
            session.shutdown()
    except ssl.SSLError as error:
        raise _unreachable("certificat ou chiffrement invalide") from error
    except socket.gaierror as error:
        raise _unreachable("nom de domaine introuvable") from error
    except OSError as error:
        raise _unreachable("connexion refusée ou interrompue") from error
    except _NONSENSE as error:
        if str(error).startswith("socket error") or "=> socket error" in str(error):
            raise _unreachable("connexion interrompue") from error
        raise SourceError(
            "imap: not understood", state=HealthState.UNREADABLE, reason="ce n’est pas un serveur IMAP, ou il délire"
        ) from error


def _connect(account: Account, line: _Line) -> socket.socket:
    """A connection to the first address that may be used and answers."""
    failure: OSError | SourceError = OSError("no address")
    for family, kind, proto, _, address in socket.getaddrinfo(account.host, account.port, type=socket.SOCK_STREAM):
        if (why := account.refusal(str(address[0]))) is not None:
            failure = _unreachable(f"adresse refusée : {why}")
            continue
        connection = socket.socket(family, kind, proto)
        connection.settimeout(_SILENT_SECONDS)
        try:
            line.hold(connection)
            connection.connect(address)
            if account.tls:
                context = ssl.create_default_context()
                connection = context.wrap_socket(
                    connection, server_hostname=account.host, do_handshake_on_connect=False
                )
                line.hold(connection)
                connection.do_handshake()
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utf7(name: str) -> str:
    """A folder's name as IMAP writes it (RFC 3501, 5.1.3)."""

    def encoded(found: re.Match[str]) -> str:
        packed = base64.b64encode(found.group().encode("utf-16-be")).decode().rstrip("=")
        return f"&{packed.replace('/', ',')}-"

    return re.sub(r"[^\x20-\x7e]+", encoded, name.replace("&", "&-"))


def _failing(cause: str) -> SourceError:
    return SourceError(f"imap: {cause}", state=HealthState.FAILING, reason=cause)


def _unreachable(cause: str) -> SourceError:
    return SourceError(f"imap: {cause}", state=HealthState.UNREACHABLE, reason=cause)
