"""Mails to the press: whose they are, what they say, and a mail server that fails in every way we know."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.operators import Service
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import ConfigError, SourceError
from bot.ports import Reading
from sources._imap import MAX_LETTERS, Account, look, visit
from sources._mail import Mail, is_authentic, is_listed
from sources._parseworker import parse_mail
from sources.email import EmailSource, Settings, create
from tests.emulators.imap import PASSWORD, USER, ImapServer, imap_server, internal_date
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

DATA = Path(__file__).parents[2] / "data" / "email"
OURS = "mx.newsroom.example"
AUTHENTIC = f"{OURS}; dmarc=pass header.from=orange.example"


def mail(
    subject: str = "Panne mail en cours à Mâcon",
    text: str = "La messagerie est indisponible depuis 8 h. Nos équipes interviennent.",
    *,
    sender: str = "Presse <presse@orange.example>",
    message_id: str = "<1@orange.example>",
    results: str = AUTHENTIC,
    date: str = "Mon, 02 Mar 2026 09:20:00 +0100",
) -> bytes:
    message = EmailMessage()
    for name, value in (
        ("Authentication-Results", results),
        ("From", sender),
        ("Subject", subject),
        ("Message-ID", message_id),
        ("Date", date),
    ):
        if value:
            message[name] = value
    message.set_content(text)
    return message.as_bytes()


def make(server: ImapServer, world: SourceWorld, **more: Any) -> EmailSource:
    settings = {
        "kind": "email",
        "name": "press",
        "operator": "orange",
        "host": "127.0.0.1",
        "port": server.port,
        "tls": False,
        "user": USER,
        "password": PASSWORD,
        "senders": ["orange.example"],
        "authserv_id": OURS,
        "service_words": {"messagerie": "mail", "mobile": "mobile"},
        "services": ["internet"],
    }
    return create(Settings.model_validate(settings | more), world.deps)


class Room:
    def __init__(self, server: ImapServer) -> None:
        self.server = server
        self.world = SourceWorld()
        self.source = self.make()

    def make(self, **more: Any) -> EmailSource:
        return make(self.server, self.world, **more)

    async def read(self, cursor: str | None = None, **more: Any) -> tuple[list[StatusEntry], Reading]:
        reading = await read_once(self.make(**more), cursor)
        return [event for event in reading.events if isinstance(event, StatusEntry)], reading

    def account(self) -> Account:
        return Account("127.0.0.1", self.server.port, USER, PASSWORD, "INBOX", tls=False, refusal=lambda _: None)


@asynccontextmanager
async def opened(server: ImapServer) -> AsyncIterator[Room]:
    room = Room(server)
    yield room
    await room.source.close()
    await room.world.http.real.close()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with imap_server() as server, opened(server) as made:
        yield made


# --- what a mail becomes (these start the parsing process) -------------------------------------------------------


@pytest.mark.slow
async def test_a_mail_becomes_the_operators_entry_and_nothing_is_marked(room: Room) -> None:
    room.server.add(mail())
    [entry], reading = await room.read()
    assert entry == StatusEntry(
        source="press",
        operator="orange",
        id="<1@orange.example>",
        title="Panne mail en cours à Mâcon",
        state=EntryState.IDENTIFIED,
        published_at=NOW - timedelta(minutes=40),
        seen_at=NOW,
        body="La messagerie est indisponible depuis 8 h. Nos équipes interviennent.",
        services=(Service.MAIL,),
    )
    assert (room.source.operator, room.source.hears) == ("orange", False)
    assert reading.cursor
    assert {command.split(" ")[0] for command in room.server.commands} <= {
        "CAPABILITY",
        "AUTHENTICATE",
        "EXAMINE",
        "SEARCH",
        "FETCH",
        "LOGOUT",
    }


@pytest.mark.slow
async def test_what_a_silence_rests_on_is_handed_over_and_nobody_elses_mail(room: Room) -> None:
    room.server.add(mail())
    room.server.add(mail(sender="Ami <ami@elsewhere.example>", message_id="<2@elsewhere.example>"))
    _, reading = await room.read()
    folder, letter = reading.captures
    assert folder.body == b"* 2 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 3]\r\n"
    assert folder.url.endswith("/INBOX;UIDVALIDITY=1")
    assert (letter.body, letter.digest) == (mail(), sha256(mail()).hexdigest())
    assert letter.url.endswith("/INBOX;UIDVALIDITY=1/;UID=1")
    _, reading = await room.read(reading.cursor)
    assert reading.captures == (folder,)


@pytest.mark.slow
async def test_only_new_mails_are_read_after_a_restart_and_an_old_folder_is_no_storm(room: Room) -> None:
    old = internal_date(NOW - timedelta(days=10))
    for n in range(5):
        room.server.add(mail(message_id=f"<old-{n}@x>"), old)
    room.server.add(mail(message_id="<recent@x>"), internal_date(NOW - timedelta(days=2)))
    entries, first = await room.read()
    assert [entry.id for entry in entries] == ["<recent@x>"]
    assert (await room.read(first.cursor))[0] == []
    room.server.add(mail(message_id="<new@x>"))
    room.server.add(mail(message_id="<new@x>"))  # delivered twice
    entries, second = await room.read(first.cursor)
    assert [entry.id for entry in entries] == ["<new@x>"]
    room.server.validity = 2  # the folder was made anew: what is read again has the ids that it had
    entries, third = await room.read(second.cursor)
    assert [entry.id for entry in entries] == ["<recent@x>", "<new@x>"]
    assert (await room.read(third.cursor))[0] == []
    assert [entry.id for entry in (await room.read(third.cursor, senders=["presse@orange.example"]))[0]] != []


@pytest.mark.slow
async def test_a_long_backlog_is_read_in_parts_and_whole(room: Room) -> None:
    _, first = await room.read()
    room.server.add(mail(message_id="<0@x>"))
    _, first = await room.read(first.cursor)
    for n in range(1, MAX_LETTERS + 6):
        room.server.add(mail(message_id=f"<{n}@x>"))
    seen: list[str] = []
    cursor = first.cursor
    for _ in range(3):
        entries, reading = await room.read(cursor)
        seen += [entry.id for entry in entries]
        cursor = reading.cursor
    assert seen == [f"<{n}@x>" for n in range(1, MAX_LETTERS + 6)]


@pytest.mark.slow
async def test_a_folder_that_was_empty_at_first_hides_nothing_later(room: Room) -> None:
    entries, reading = await room.read()
    assert entries == []
    room.server.add(mail())
    assert len((await room.read(reading.cursor))[0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ({"sender": "presse@elsewhere.example"}, {}),
        ({"sender": "presse@evilorange.example"}, {}),
        ({"sender": '"presse@orange.example" <x@elsewhere.example>'}, {}),
        ({"sender": "presse@orange.example, x@elsewhere.example"}, {}),
        ({"sender": ""}, {}),
        ({"results": ""}, {}),
        ({"results": f"{OURS}; dmarc=fail header.from=orange.example"}, {}),
        ({"results": "mx.elsewhere.example; dmarc=pass header.from=orange.example"}, {}),
        ({}, {"senders": ["rp@orange.example"]}),
    ],
)
async def test_a_mail_that_is_not_proved_to_be_theirs_is_no_entry(room: Room, wrong: Any, settings: Any) -> None:
    room.server.add(mail(**wrong))
    assert (await room.read(**settings))[0] == []
    room.server.add(mail(sender="rp@presse.orange.example", results=AUTHENTIC.replace("=orange", "=presse.orange")))
    assert len((await room.read())[0]) == 1


@pytest.mark.slow
async def test_authentication_may_be_left_to_the_list(room: Room) -> None:
    room.server.add(mail(results=""))
    assert len((await room.read(require_authentication=False, authserv_id=""))[0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("date", "received", "expected"),
    [
        ("Mon, 02 Mar 2026 09:20:00 +0100", "02-Mar-2026 08:30:00 +0000", "08:20"),
        ("Mon, 02 Mar 2026 08:25:00 -0000", " 2-Mar-2026 08:30:00 +0000", "08:25"),
        ("Sun, 02 Mar 2036 09:20:00 +0100", "02-Mar-2026 08:30:00 +0000", "08:30"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", "02-Mar-2026 10:30:00 +0200", "08:30"),
        ("yesterday", "02-Mar-2026 08:30:00 +0000", "08:30"),
        ("", "02-Mar-2036 08:30:00 +0000", "09:00"),
    ],
)
async def test_a_time_that_cannot_be_true_is_replaced(room: Room, date: str, received: str, expected: str) -> None:
    room.server.add(mail(date=date), received)
    [entry], _ = await room.read()
    assert f"{entry.published_at:%H:%M}" == expected


def multipart(depth: int) -> bytes:
    head = AUTHENTIC.encode()
    lines = [b"Authentication-Results: " + head, b"From: presse@orange.example", b"Subject: Panne"]
    for n in range(depth):
        lines += [b"Content-Type: multipart/mixed; boundary=b%d" % n, b"", b"--b%d" % n]
    return b"\r\n".join([*lines, b"Content-Type: text/plain", b"", b"Panne en cours", b""])


HEADERS = b"Authentication-Results: " + AUTHENTIC.encode() + b"\r\nFrom: presse@orange.example\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "title"),
    [
        (HEADERS + b"Subject: =?utf-8?q?Panne_=C3=A0_M=C3=A2con?=\r\n\r\nx", "Panne à Mâcon"),
        (HEADERS + "Subject: Panne à Mâcon\r\n\r\nx".encode(), "Panne à Mâcon"),
        (HEADERS + b"Subject: Re: TR: [R\xe9solu] Panne\r\n\r\nx", None),
        (HEADERS + b"\r\nPanne en cours.", "Panne en cours."),
        (HEADERS + b"Subject: a\r\nContent-Type: text/plain; charset=klingon\r\n\r\nPanne \xe9tendue", "a"),
        (HEADERS + b"Subject: b\r\nContent-Type: text/plain; charset=ascii\r\n\r\nPanne \xc3\xa9tendue", "b"),
        (HEADERS + b"Subject: c\r\nContent-Type: multipart/mixed\r\n\r\nno boundary at all", "c"),
        (HEADERS + b"Subject: d\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!not base64", "d"),
        (HEADERS + b"Subject: e\r\nContent-Type: text/html\r\n\r\n<p>Panne<script>x</script> en cours", "e"),
        (HEADERS + b"Subject: f\r\n\r\n" + b"x" * 2_000_000, "f"),
        (HEADERS + b"Subject: " + b"g" * 100_000 + b"\r\n\r\nx", "g" * 200),
        (HEADERS + b"Subject: h\r\nMessage-ID: [[[\r\nDate: (((\r\n\r\nx", "h"),
        (HEADERS + b"X: y\r\n" * 20_000 + b"\r\nx", None),
        (HEADERS + b"To: " + b"(" * 100_000 + b"\r\nSubject: j\r\n\r\nx", "j"),
        (b"From: " + b"(" * 100_000 + b"\r\n\r\nx", None),
        (b"From: presse@orange.example" + b"," * 100_000 + b"\r\n\r\nx", None),
        (multipart(1_000), None),
        (multipart(20), "Panne"),
        (b"", None),
        (b"\x00\xff" * 50_000, None),
    ],
    ids=[
        "encoded-word",
        "8-bit",
        "latin-subject",
        "no-subject",
        "charset",
        "wrong-charset",
        "no-boundary",
        "no-base64",
        "html",
        "big",
        "big-subject",
        "odd-headers",
        "many-headers",
        "comments",
        "comments-from",
        "commas",
        "nested-1000",
        "nested-20",
        "empty",
        "noise",
    ],
)
async def test_hostile_mails_are_an_entry_or_skipped_and_hold_nobody_up(
    room: Room, body: bytes, title: str | None
) -> None:
    room.server.add(body)
    room.server.add(mail(message_id="<after@x>"))
    entries, reading = await room.read()
    assert entries[-1].id == "<after@x>"
    if title is not None:
        assert [entry.title for entry in entries[:-1]] == [title]
    assert (await room.read(reading.cursor))[0] == []


_OUTLOOK = "De : Rédaction <desk@journal.example>\nEnvoyé : lundi 2 mars 2026 08:00\nÀ : Presse\nObjet : Panne ?"


@pytest.mark.parametrize(
    ("subject", "text", "own"),
    [
        ("RE: Panne ?", f"C’est rétabli.\n{_OUTLOOK}\nEst-ce en panne ?", "C’est rétabli."),
        ("RE: Panne ?", f"{_OUTLOOK}\nEst-ce en panne ?", ""),
        ("RE: Panne ?", f"C’est rétabli.\n{'_' * 32}\n{_OUTLOOK}\nEst-ce en panne ?", "C’est rétabli."),
        (
            "Re: Panne",
            "Rétabli.\nLe lun. 2 mars 2026 à 08:00, Desk <\ndesk@j.example> a écrit :\nEn panne ?",
            "Rétabli.",
        ),
        ("Re: Panne", "Fixed.\nOn Mon, Mar 2, 2026 at 8:00 AM Desk <\ndesk@j.example> wrote:\nDown?", "Fixed."),
        ("Panne", "Le réseau est rétabli.\nLe 2 mars à 08:00, Desk a écrit :\nEn panne ?", "Le réseau est rétabli."),
        ("Re: Panne", "Fixed.\nOn Mar 2, 2026,\nat 8:00,\nDesk <desk@j.example> wrote:\nDown?", "Fixed."),
        ("Re: Panne", "Le 2 mars à 08:00, Desk a écrit :\n> En panne ?\nOui.\n> Où ?\nÀ Mâcon.", "Oui.\nÀ Mâcon."),
        (
            "Re: Panne",
            "Oui.\nDe : Desk\n<desk@j.example>\nÀ : Presse\nEnvoyé le : 2 mars\nObjet : Panne\nEn panne ?",
            "Oui.",
        ),
        (
            "Fwd: Panne",
            f"Lire.\n---------- Forwarded message ---------\n{_OUTLOOK}\nEn panne.\n--\nNOC",
            "Lire.\nEn panne.",
        ),
        ("TR : Panne", f"-----Message d’origine-----\n{_OUTLOOK}\nEn panne.\n{_OUTLOOK}\nPlus vieux.", "En panne."),
        ("Tr: Panne", "Début du message réexpédié :\nDe: NOC\nObjet: Panne\nDate: 2 mars\nEn panne.", "En panne."),
        ("Panne", "Objet : Panne\nDate : 2 mars\nDe : Service de presse\nEn panne.", "En panne."),
        ("Panne", "De : Mâcon\nÀ : Lyon\nEn panne.", "De : Mâcon\nÀ : Lyon\nEn panne."),
    ],
)
def test_what_mailers_put_around_another_mail_is_known(subject: str, text: str, own: str) -> None:
    assert Mail(sender="", subject=subject, id="", date="", results=(), text=text).own_text == own


def raw(content_type: str, body: bytes, subject: bytes = b"Panne") -> dict[str, Any]:
    return parse_mail({}, b"Subject: " + subject + b"\r\nContent-Type: " + content_type.encode() + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (
            "text/plain; charset=utf-8",
            "L’incident sur le réseau mobile à Mâcon et Tournus est\nmaintenant résolu.\nMerci\nà tous",
            "L’incident sur le réseau mobile à Mâcon et Tournus est maintenant résolu.\nMerci\nà tous",
        ),
        (
            "text/plain; charset=utf-8; format=flowed",
            "Le réseau \nest là.\n-- \nPresse",
            "Le réseau est là.\n--\nPresse",
        ),
        ("text/plain; charset=utf-8; format=flowed; delsp=yes", "Réseau  \nréta \nbli.", "Réseau rétabli."),
        (
            "text/html; charset=utf-8",
            "<html><head><title>Lettre</title></head><p>L’incident est\nmaintenant <b>résolu</b>.</p><pre>a\nb</pre>",
            "L’incident est maintenant résolu.\na\nb",
        ),
    ],
)
def test_a_sentence_that_a_mailer_has_broken_is_one(content_type: str, body: str, text: str) -> None:
    assert raw(content_type, body.encode())["text"] == text


def test_a_mail_that_is_passed_on_as_an_attachment_is_read() -> None:
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nEn panne.\r\n--b--\r\n"
    assert raw('multipart/mixed; boundary="b"', inner)["text"] == "En panne."


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_subject_in_bytes_is_read(encoding: str) -> None:
    assert raw("text/plain", b"x", "Panne à Mâcon".encode(encoding))["subject"] == "Panne à Mâcon"


@pytest.mark.slow
async def test_the_text_is_the_operators_own_not_what_it_answers(room: Room) -> None:
    quoted = "Le lun. 2 mars 2026 à 08:00, Desk a écrit :\n> toujours en panne"
    text = f"Le service est rétabli.\n\n-- \nService de presse\n\n{quoted}"
    room.server.add(mail("Re: Panne mail", text))
    html = EmailMessage()
    html["Authentication-Results"], html["From"], html["Subject"] = (
        AUTHENTIC,
        "presse@orange.example",
        "TR: Panne mobile",
    )
    html.set_content(" ")
    html.add_alternative("<p>Panne <b>mobile</b> en cours</p><p>&nbsp;Nos équipes interviennent.</p>", subtype="html")
    room.server.add(html.as_bytes())
    [answer, forwarded], _ = await room.read()
    assert (answer.title, answer.body, answer.state) == (
        "Panne mail",
        "Le service est rétabli.",
        EntryState.RESOLVED,
    )
    assert (forwarded.title, forwarded.body) == ("Panne mobile", "Panne mobile en cours\nNos équipes interviennent.")
    assert forwarded.services == (Service.MOBILE,)


# --- the sender --------------------------------------------------------------------------------------------------


def read_as(sender: str = "presse@orange.example", *results: str) -> Mail:
    return Mail(sender=sender, subject="", id="", date="", results=results, text="")


@pytest.mark.parametrize(
    ("result", "believed"),
    [
        ("dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=orange.example", True),
        ("spf=pass smtp.mailfrom=x.example; dkim=pass header.i=@orange.example header.s=s1; dmarc=none", True),
        ("dkim=fail header.d=orange.example; dkim=pass header.d=mailing.orange.example", True),
        ("dkim = pass (2048-bit key; unprotected) header.d=orange.example", True),
        ("DMARC=PASS header.from=ORANGE.example", True),
        ("dkim/1=pass header.d=orange.example", True),
        ("dmarc=fail header.from=orange.example; dkim=pass header.d=evil.example", False),
        ("dkim=pass header.d=ange.example", False),
        ("dkim=pass", False),
        ("spf=pass smtp.mailfrom=orange.example", False),
        ("dmarc=fail (dmarc=pass header.from=orange.example)", False),
        ("dmarc=fail (a(b); dmarc=pass header.from=orange.example)", False),
        ('dkim=pass header.d=evil.example reason="header.d=orange.example"', False),
        ('spf=fail reason="x; dmarc=pass header.from=orange.example"', False),
        ("dmarc=passed header.from=orange.example", False),
        ("dmarc=pass header.from=evil.example", False),
        ("none", False),
        ("", False),
    ],
)
def test_what_our_server_found_decides(result: str, *, believed: bool) -> None:
    assert is_authentic(read_as("presse@orange.example", f"{OURS} 1; {result}"), OURS) is believed


def test_only_the_topmost_result_of_our_server_counts() -> None:
    good, bad = f"{OURS}; dmarc=pass", f"{OURS.upper()}; dmarc=fail"
    other = "mx.elsewhere.example; dmarc=pass"
    assert is_authentic(read_as("a@orange.example", other, good, bad), OURS)
    assert not is_authentic(read_as("a@orange.example", other, bad, good), OURS)
    for written in (f'"{OURS}"', f"{OURS}."):
        assert is_authentic(read_as("a@orange.example", f"{written}; dmarc=pass"), OURS)
    assert not is_authentic(read_as("a@orange.example", other, "", ";", f"{OURS}.evil; dmarc=pass"), OURS)
    assert not is_authentic(read_as(""), OURS)


def test_a_list_holds_addresses_and_domains() -> None:
    listed = ("rp@SFR.example", "@orange.example")
    for sender in ("rp@sfr.example", "RP@sfr.EXAMPLE", "x@orange.example", "x@presse.orange.example"):
        assert is_listed(read_as(sender), listed)
    for sender in ("x@sfr.example", "xrp@sfr.example", "x@evilorange.example", "", "@", "orange.example"):
        assert not is_listed(read_as(sender), listed), sender


# --- the server --------------------------------------------------------------------------------------------------


async def test_a_check_looks_and_says_how_many(room: Room) -> None:
    room.server.add(b"x")
    assert await room.source.check() == "« INBOX » : 1 message"
    room.server.folders["Presse &- &AOk-t&AOk-"] = []
    assert await room.make(folder="Presse & été").check() == "« Presse & été » : 0 message"


async def test_a_login_is_quoted_or_refused(room: Room) -> None:
    room.server.plain = False
    with pytest.raises(SourceError) as caught:
        await room.make(password="wrong").check()
    assert (caught.value.state, caught.value.reason) == (HealthState.FAILING, "identifiants refusés")
    assert (await failure(room.source)).reason == "le serveur n’accepte que des identifiants sans accents"
    room.server.plain = True
    assert await room.source.check()
    error = await failure(room.make(password="wrong"))
    assert (error.state, error.retryable) == (HealthState.FAILING, True)
    assert "wrong" not in f"{error}{error.reason}{error.__cause__}"


async def test_a_missing_folder_is_named(room: Room) -> None:
    error = await failure(room.make(folder="Presse"))
    assert (error.state, error.reason) == (HealthState.FAILING, "pas de dossier « Presse »")


COMMANDS = ("GREETING", "CAPABILITY", "AUTHENTICATE", "EXAMINE", "SEARCH", "FETCH")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", ["bye", "drop"])
async def test_a_connection_that_ends_is_unreachable(room: Room, command: str, fault: str) -> None:
    room.server.add(mail())
    room.server.faults[command] = fault
    assert (await failure(room.source)).state is HealthState.UNREACHABLE


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "fault",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x00\xff\xfe\r\n",
        b"* 1 FETCH (BODY[] {99999999999}\r\n",
        b"* 1 FETCH (BODY[] {" + b"9" * 5_000 + b"}\r\n",
        b"x" * 1_100_000,
    ],
    ids=["http", "noise", "huge", "digits", "endless"],
)
async def test_what_is_no_imap_is_unreadable(room: Room, command: str, fault: bytes) -> None:
    room.server.add(mail())
    room.server.faults[command] = fault
    assert (await failure(room.source)).state is HealthState.UNREADABLE


@pytest.mark.parametrize("command", ["SEARCH", "FETCH"])
async def test_a_server_that_says_no_is_not_calm(room: Room, command: str) -> None:
    room.server.add(mail())
    room.server.faults[command] = "no"
    assert (await failure(room.source)).state is HealthState.UNREADABLE


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_slow_server_ends_in_time_and_so_does_the_thread(room: Room, command: str, fault: str) -> None:
    room.server.add(mail())
    room.server.faults[command] = fault

    def work(session: Any) -> Any:
        session.examine(room.account())
        session.uids("UID", "1:*")
        return session.letter(1)

    with pytest.raises(SourceError) as caught:
        await visit(room.account(), work, seconds=0.3)
    assert (caught.value.state, caught.value.reason) == (
        HealthState.UNREACHABLE,
        "pas de réponse complète en 0.3 s",
    )
    async with asyncio.timeout(2):
        await asyncio.get_running_loop().shutdown_default_executor()


async def test_nobody_there_is_unreachable(room: Room) -> None:
    error = await failure(room.make(port=1, tls=False))
    assert error.state is HealthState.UNREACHABLE
    assert (await failure(room.make(host="no-such-host.invalid", tls=True))).reason == "nom de domaine introuvable"


async def test_private_addresses_are_refused_unless_allowed(room: Room) -> None:
    deps = replace(room.world.deps, allow_private=frozenset())
    settings = Settings.model_validate(room.source._settings.model_dump() | {"tls": True})
    error = await failure(create(settings, deps))
    assert (error.state, error.reason) == (
        HealthState.UNREACHABLE,
        "adresse refusée : 127.0.0.1 n’est pas une adresse publique",
    )
    assert room.server.commands == []
    with pytest.raises(ConfigError, match=r"tls: must be true, or http\.allow_private must name the host"):
        create(room.source._settings, deps)


async def test_tls_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(DATA / "server.pem")
    async with imap_server(context) as server, opened(server) as room:
        error = await failure(room.make(tls=True))
        assert (error.state, error.reason) == (HealthState.UNREACHABLE, "certificat ou chiffrement invalide")
        monkeypatch.setenv("SSL_CERT_FILE", str(DATA / "authority.pem"))  # as an administrator of such a server would
        assert await room.make(tls=True).check() == "« INBOX » : 0 message"
    async with imap_server() as plain, opened(plain) as room:
        assert (await failure(room.make(tls=True))).state is HealthState.UNREACHABLE


async def test_a_look_leaves_nothing_open(room: Room) -> None:
    await visit(room.account(), look(room.account()), seconds=5)
    async with asyncio.timeout(2):
        while room.server.sessions:
            await asyncio.sleep(0.01)
    assert room.server.commands[-1] == "LOGOUT"


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"senders": []}, "senders"),
        ({"senders": ["presse"]}, "must be addresses or domains"),
        ({"authserv_id": ""}, "`authserv_id` is needed"),
        ({"folder": "a\r\nb"}, "folder"),
        ({"user": "a\nb"}, "user"),
        ({"password": "a\nb"}, "control characters"),
        ({"host": "imaps://x"}, "host"),
        ({"url": "https://x.example"}, "url"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        make(ImapServer(port=993), SourceWorld(), **wrong)


def test_an_unknown_operator_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="must be one of orange, sfr; got nobody"):
        make(ImapServer(port=993), SourceWorld(), operator="nobody")


@pytest.mark.slow
@pytest.mark.parametrize("cursor", ["", "null", "{", '{"seen": 3}', "[1]"])
async def test_a_cursor_of_another_version_is_none(room: Room, cursor: str) -> None:
    room.server.add(mail())
    assert len((await room.read(cursor))[0]) == 1


@pytest.mark.slow
async def test_reading_again_from_the_same_cursor_repeats_the_same(room: Room) -> None:
    room.server.add(mail())
    room.server.faults["FETCH"] = "drop"
    await failure(room.source)
    room.server.faults.clear()
    assert (await room.read()) == (await room.read())
