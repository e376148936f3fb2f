"""Operators that tell the press by e-mail: a folder is read, and who wrote is checked before a word is believed."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import blake2b, sha256
from typing import Self
from urllib.parse import quote

import msgspec
import structlog
from pydantic import Field, SecretStr, field_validator, model_validator

from bot.domain.captures import Capture
from bot.domain.signals import StatusEntry
from bot.errors import ConfigError
from bot.ports import Reading, SourceDeps
from sources._channel import MAX_BODY_CHARS, Channel, OperatorSettings
from sources._fetch import decode_cursor, encode_cursor
from sources._imap import Account, Letter, collect, look, visit
from sources._mail import Mail, is_authentic, is_listed, may_be_listed
from sources._parser import ParseError, shared_parser
from sources._time import believable, parse_time
from sources._words import counted, read_state, telling_sentence

_VISIT_SECONDS = 45.0  # with what follows it stays below the time that a read is given
_CHECK_SECONDS = 20.0
_PARSE_SECONDS = 30.0  # then the rest waits for the next read
_MAX_TITLE_CHARS = 200
_ON_THE_WAY = timedelta(days=1)  # a mail that says it is older than this on arrival has a wrong clock
_SENDER = re.compile(r"[^@\s]*@?[\w-]+(\.[\w-]+)+")

log = structlog.get_logger()


class Settings(OperatorSettings):
    """Settings of an `email` source.

    Attributes:
        host: The IMAP server.
        folder: Where the operator's mails arrive; it is only read.
        senders: Addresses, or domains with all below them, that write for the operator.
        require_authentication: Believe only what our mail server has found authentic.
        authserv_id: The name our mail server writes first in `Authentication-Results`.
        tls: Without it only hosts that `http.allow_private` names are talked to.
        backfill: How far back the first read goes.
    """

    url_key = "host"

    host: str = Field(pattern=r"^[\w.:-]+$")
    port: int = Field(default=993, ge=1, le=65535)
    user: str = Field(pattern=r"^[^\x00-\x1f\x7f]+$")
    password: SecretStr = Field(min_length=1)
    folder: str = Field(default="INBOX", pattern=r"^[^\x00-\x1f\x7f]+$")
    senders: tuple[str, ...] = Field(min_length=1)
    require_authentication: bool = True
    authserv_id: str = ""
    tls: bool = True
    backfill: timedelta = Field(default=timedelta(days=3), ge=timedelta(0), le=timedelta(days=30))

    @field_validator("password")
    @classmethod
    def _is_one_line(cls, password: SecretStr) -> SecretStr:
        if re.search(r"[\x00-\x1f\x7f]", password.get_secret_value()):
            raise ValueError("must not contain control characters")
        return password

    @field_validator("senders")
    @classmethod
    def _are_senders(cls, senders: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SENDER.fullmatch(sender) for sender in senders):
            raise ValueError("must be addresses or domains, such as presse@example.org or example.org")
        return senders

    @model_validator(mode="after")
    def _can_authenticate(self) -> Self:
        if self.require_authentication and not self.authserv_id:
            raise ValueError("`authserv_id` is needed, or `require_authentication = false`")
        return self


class _Cursor(msgspec.Struct, frozen=True):
    """`key` is a hash of where we looked and for whom: after a change of these nothing has been read."""

    key: str = ""
    validity: int = 0
    last: int = 0


def create(settings: Settings, deps: SourceDeps) -> "EmailSource":
    """A source for these settings."""
    is_private = bool({settings.host, f"{settings.host}:{settings.port}"} & deps.allow_private)
    if not settings.tls and not is_private:
        raise ConfigError(
            f"source {settings.name}: tls: must be true, or http.allow_private must name the host; got false"
        )
    account = Account(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password.get_secret_value(),
        folder=settings.folder,
        tls=settings.tls,
        refusal=(lambda _: None) if is_private else deps.refusal,
    )
    return EmailSource(settings, deps, account)


class EmailSource(Channel[Settings]):
    """Reads one folder; see `bot.ports.Source`."""

    kind = "email"

    def __init__(self, settings: Settings, deps: SourceDeps, account: Account) -> None:
        super().__init__(settings, deps)
        self._account = account
        self._refused = 0
        whose = f"{settings.host}\n{settings.user}\n{settings.folder}\n{settings.senders}"
        self._key = blake2b(whose.encode(), digest_size=8).hexdigest()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: one Reading with the entries of the mails that came."""
        before = decode_cursor(cursor, _Cursor())
        if before.key != self._key:
            before = _Cursor()
        since = self._deps.clock.now() - self._settings.backfill
        day = (since - timedelta(days=1)).date()  # the server's days are not ours
        work = collect(self._account, before.validity, before.last, day)
        folder = await visit(self._account, work, seconds=_VISIT_SECONDS)
        is_first = before.validity != folder.validity
        last = folder.last
        loop = asyncio.get_running_loop()
        end = loop.time() + _PARSE_SECONDS
        entries: dict[str, StatusEntry] = {}
        captures = [self._capture(f";UIDVALIDITY={folder.validity}", folder.said, "text/plain")]
        for letter in folder.letters:
            if loop.time() > end:
                last = letter.uid - 1
                break
            received_at = parse_time(letter.received)
            if is_first and received_at is not None and received_at < since:
                continue
            entry = await self._entry(letter)
            if entry is not None:
                entries[entry.id] = entry
                where = f";UIDVALIDITY={folder.validity}/;UID={letter.uid}"
                captures.append(self._capture(where, letter.body, "message/rfc822"))
        yield Reading(
            events=tuple(entries.values()),
            cursor=encode_cursor(_Cursor(self._key, folder.validity, last)),
            captures=tuple(captures),
        )

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        folder = await visit(self._account, look(self._account), seconds=_CHECK_SECONDS)
        return f"« {self._settings.folder} » : {counted(folder.count, 'message')}"

    async def close(self) -> None:
        """See `bot.ports.Source.close`."""
        await shared_parser().close()

    def _capture(self, where: str, body: bytes, content_type: str) -> Capture:
        """What the server said, at its address in the folder (RFC 5092)."""
        return Capture(
            url=f"imap://{self._settings.host}:{self._settings.port}/{quote(self._settings.folder)}{where}",
            status=0,
            digest=sha256(body).hexdigest(),
            size=len(body),
            headers=(("content-type", content_type),),
            body=body,
        )

    async def _entry(self, letter: Letter) -> StatusEntry | None:
        """A mail as an entry, or None where it is not the operator's (noted in the log)."""
        if not may_be_listed(letter.body, self._settings.senders):
            return None  # other people's mail, which costs no parsing
        try:
            mail = await self._parsed(letter.body)
        except ParseError as error:
            self._refuse(letter, str(error))
            return None
        if not is_listed(mail, self._settings.senders):
            self._refuse(letter, "sender not listed", mail)
            return None
        if self._settings.require_authentication and not is_authentic(mail, self._settings.authserv_id):
            self._refuse(letter, "sender not authenticated", mail)
            return None
        text = mail.own_text
        seen_at = self._deps.clock.now()
        received_at = parse_time(letter.received)
        if received_at is None or not believable(received_at, seen_at):
            received_at = seen_at
        said_at = parse_time(mail.date)
        if said_at is None or not received_at - _ON_THE_WAY <= said_at <= received_at:
            said_at = received_at
        return StatusEntry(
            source=self.name,
            operator=self._settings.operator,
            id=mail.id or blake2b(letter.body, digest_size=16).hexdigest(),
            title=(mail.title or telling_sentence(text) or "(sans objet)")[:_MAX_TITLE_CHARS],
            state=read_state(mail.title, text),
            published_at=said_at,
            seen_at=seen_at,
            body=text[:MAX_BODY_CHARS],
            services=self._settings.services_of(mail.title, text),
            area=self._settings.area,
        )

    async def _parsed(self, body: bytes) -> Mail:
        """A mail as the parsing process reads it; a process that a machine under load killed has a second try."""
        try:
            return await shared_parser().run({"do": "mail"}, body, Mail)
        except ParseError:
            return await shared_parser().run({"do": "mail"}, body, Mail)

    def _refuse(self, letter: Letter, why: str, mail: Mail | None = None) -> None:
        self._refused += 1
        domain = mail.domain[:100] if mail else ""
        log.warning("email.refused", source=self.name, uid=letter.uid, why=why, domain=domain, refused=self._refused)
