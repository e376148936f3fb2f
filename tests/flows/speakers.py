"""A world in which every source is spoken to at once, by a script with a seed, and what was said on each."""

import asyncio
import base64
import hmac
import json
import random  # noqa: TID251 - seeded: who speaks next, and how
import socket
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from tests.emulators.imap import ImapServer, imap_server, internal_date
from tests.emulators.ioda import Ioda, Outage, ioda
from tests.emulators.jetstream import Jetstream, jetstream, post
from tests.emulators.mastodon import Mastodon, mastodon, status
from tests.emulators.matomo import Matomo, matomo, page
from tests.emulators.plausible import Plausible, plausible
from tests.emulators.statuspages import StatusPages, status_pages
from tests.emulators.telegram import User
from tests.emulators.x import X, x_api
from tests.fakes.access_log import ARTICLE, FIREFOX, GOOGLE, AccessLog, combined
from tests.flows.bot_process import DESK, EDITOR, House
from tests.flows.every_source import SECRET, TAG, blocks
from tests.flows.real_newsroom import now, stamp

_PLACES = ("Lille", "Metz", "Brest", "Dijon", "Pau")
_AGAIN = 0.2  # share of what is said by somebody who has spoken already
_GIVES_UP = 0.2  # share of a program's posts that it sends once, whatever comes back


@dataclass
class Said:
    """What was said on one source.

    Attributes:
        must: Id → words of its last version, all of which the source can repeat.
        may: Ids that may be stored, but need not.
        people: Who said it; a person who says it twice is one.
        minutes: Counts by minute since 1970, where it tells counts.
    """

    must: dict[str, str] = field(default_factory=dict)
    may: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    minutes: Counter[int] = field(default_factory=Counter)


@dataclass
class Speakers:
    """Everybody who speaks, on every source; `stored` tells the ids and texts that are in the store by now."""

    house: House
    chance: random.Random
    pages: StatusPages
    stream: Jetstream
    pushing: Mastodon
    asked_only: Mastodon
    x: X
    mails: ImapServer
    ioda: Ioda
    matomo: Matomo
    plausible: Plausible
    http: aiohttp.ClientSession
    stored: Callable[[str], str]
    port: int = 0
    over: bool = False
    said: dict[str, Said] = field(default_factory=lambda: defaultdict(Said))
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lately: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=100)))
    _entries: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _shown: str = "Tout va bien sur nos réseaux, aucun incident en cours."
    _log_lines: int = 0

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.began = _minute(now())
        self.log = AccessLog(self.house.folder / "access.log")
        self.x.count_at = count_at
        bodies: dict[str, Callable[[], tuple[str, str]]] = {
            "/feed": self._feed_body,
            "/api/v2/summary.json": lambda: self._statuspage_body("summary"),
            "/api/v2/incidents.json": lambda: self._statuspage_body("incidents"),
            "/json": self._json_body,
            "/page": self._page_body,
            "/sites.csv": self._sites_body,
        }
        for path, body in bodies.items():
            self.pages.answers[path] = self._slow(body)
        for back in range(1, 60):
            self._matomo_visit(now() - timedelta(minutes=back))
            self._plausible_view(now() - timedelta(minutes=back))
        at = now() - timedelta(minutes=45)
        for instance, source in ((self.pushing, "pushed"), (self.asked_only, "asked")):
            instance.statuses.append(self._toot(at, source))

    def configure(self) -> None:
        """Write the configuration of a newsroom with all of them."""
        self.house.configure(speed=1.0, discord=False)
        path = self.house.folder / "config.toml"
        before, _, after = path.read_text(encoding="utf-8").partition("[[sources]]")
        _, _, chats = after.partition("[[handlers]]")
        tables = [
            "[[sources]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in block.items())
            for block in blocks(self)
        ]
        http = '[http]\nallow_private = ["127.0.0.1"]'
        path.write_text("\n".join([before, http, *tables, "[[handlers]]", chats]), encoding="utf-8")
        path.chmod(0o600)  # secrets stand in it

    def asked(self) -> dict[str, int]:
        """How often each source has asked its server for something."""
        pages = Counter(self.pages.served)
        return {
            **{path: pages[path] for path in self.pages.answers},
            "bluesky": len(self.stream.queries),
            "pushed": len(self.pushing.asked),
            "asked": len(self.asked_only.asked),
            "x": len(self.x.calls),
            "email": len(self.mails.commands),
            "ioda": len(self.ioda.queries),
            "matomo": len(self.matomo.asked),
            "plausible": len(self.plausible.asked),
            "telegram": len(self.house.telegram.sent("getUpdates")),
        }

    async def speak(self, senders: asyncio.TaskGroup, every_seconds: float) -> None:
        """Speak somewhere, again and again, until it is over."""
        speakers: tuple[Callable[[], Awaitable[None]], ...] = (
            self.bluesky,
            self._pushed,
            self._asked,
            self._readers,
            self._desk_log,
            self._post_on_x,
            self._feed,
            self._statuspage,
            self._status_json,
            self._page,
            self._email,
            self._ioda,
            self._mobile_sites,
            self._log,
            self._log,
            self._visit,
        )
        while not self.over:
            number = self.chance.randrange(len(speakers) + 1)
            if number == len(speakers):
                senders.create_task(self._webhook(gives_up=self.chance.random() < _GIVES_UP))
            else:
                await speakers[number]()
            await asyncio.sleep(self.chance.expovariate(1.0 / every_seconds))

    # --- people ---

    def _text(self) -> str:
        return f"plus de mails orange à {self.chance.choice(_PLACES)}, panne {next(self._numbers)}"

    def _person(self, source: str) -> str:
        """Somebody, now and then one who has spoken a while ago (a log is on the disk only so far back)."""
        lately = self._lately[source]
        again = bool(lately) and self.chance.random() < _AGAIN
        person = self.chance.choice(lately) if again else str(1_000 + next(self._numbers))
        if not again:
            lately.append(person)
        self.said[source].people.add(person)
        return person

    async def bluesky(self) -> None:
        """Somebody posts on Bluesky."""
        number, person = next(self._numbers), self._person("bluesky")
        self.said["bluesky"].must[f"at://did:plc:{person}/app.bsky.feed.post/r{number}"] = ""
        at = int(now().timestamp() * 1e6)
        await self.stream.emit(post(at, self._text(), rkey=f"r{number}", did=f"did:plc:{person}"))

    def _toot(self, at: datetime, source: str) -> dict[str, Any]:
        person = self._person(source)
        toot = status(at, self._text(), TAG, number=next(self._numbers), author=f"p{person}")
        self.said[source].must[toot["uri"]] = ""
        return toot

    async def _pushed(self) -> None:
        await self.pushing.post(self._toot(now(), "pushed"))

    async def _asked(self) -> None:
        await self.asked_only.post(self._toot(now(), "asked"))

    async def _readers(self) -> None:
        said = self.said["readers"]
        before = len(said.people)
        person = int(self._person("readers"))
        message = self.house.telegram.say(person, User(person, f"Lecteur {person}"), "plus de mails orange à Lille")
        if len(said.people) == before:  # who writes again is answered, and counts no more
            said.may.add(str(message.id))

    async def _desk_log(self) -> None:
        message = self.house.telegram.say(DESK, EDITOR, f"/signaler orange mail {self.chance.choice(_PLACES)}")
        self.said["desk_log"].must[f"telegram:{DESK}:{message.id}"] = ""

    async def _post_on_x(self) -> None:
        """Somebody posts on X, of which one search reads the newest hundred and is not repeated for the others."""
        if self.chance.random() < 0.5:
            return
        number = next(self._numbers)
        self.said["x"].must[str(number)] = ""
        self.x.post(number, self._text(), stamp(now()), author=self._person("x"))

    async def _webhook(self, *, gives_up: bool) -> None:
        """A program posts a mention, and posts it again until it hears 204; or it gives up at once."""
        said = self.said["webhook"]
        person, key = self._person("webhook"), f"call-{next(self._numbers)}"
        said.may.add(key)
        body = json.dumps({"mention": {"id": key, "author": person, "text": self._text()}}).encode()
        for attempt in count():
            try:
                headers = _signed(body, f"{key}-{attempt}")
                url = f"http://127.0.0.1:{self.port}/signals/webhook"
                async with self.http.post(url, data=body, headers=headers) as answer:
                    assert answer.status in {204, 503}, await answer.text()
                    if answer.status == web.HTTPNoContent.status_code:
                        said.must[key] = ""
                        return
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                pass
            if gives_up:
                return
            await asyncio.sleep(0.2)

    # --- operators and observers ---

    def _said_entry(self, source: str, **new: Any) -> dict[str, Any]:
        """A new entry of a channel, or a later version of an old one; `n` tells each version apart."""
        entries = self._entries[source]
        number = next(self._numbers)
        entry: dict[str, Any]
        if entries and self.chance.random() < 0.5:
            entry = self.chance.choice(entries)
        else:
            entry = {"id": f"{source}-{number}", "at": now(), **new}
            entries.append(entry)
        entry["n"] = number
        self.said[source].must[entry["id"]] = f"version {number}"
        return entry

    async def _feed(self) -> None:
        self._said_entry("feed", dated=self.chance.random() < 0.7)

    def _feed_body(self) -> tuple[str, str]:
        items = "".join(
            f"<item><guid>{entry['id']}</guid><title>Panne mail {entry['id']}</title>"
            f"<description>Nos équipes interviennent, version {entry['n']}.</description>"
            + (f"<pubDate>{format_datetime(entry['at'])}</pubDate>" if entry["dated"] else "")
            + "</item>"
            for entry in self._entries["feed"]
        )
        return f'<rss version="2.0"><channel><title>Etat</title>{items}</channel></rss>', "application/rss+xml"

    async def _statuspage(self) -> None:
        self._said_entry("statuspage")["updated"] = now()

    def _statuspage_body(self, what: str) -> tuple[str, str]:
        incidents = [
            {
                "id": entry["id"],
                "name": "Messagerie indisponible",
                "status": "investigating" if entry["n"] % 2 else "monitoring",
                "created_at": stamp(entry["at"]),
                "updated_at": stamp(entry["updated"]),
                "incident_updates": [
                    {
                        "status": "investigating",
                        "body": f"version {entry['n']}",
                        "created_at": stamp(entry["updated"]),
                    }
                ],
            }
            for entry in self._entries["statuspage"]
        ]
        document: dict[str, Any] = {"page": {"id": "p1", "name": "Orange"}, "incidents": incidents}
        return json.dumps(document | ({"components": []} if what == "summary" else {})), "application/json"

    async def _status_json(self) -> None:
        self._said_entry("status_json")

    def _json_body(self) -> tuple[str, str]:
        incidents = [
            {
                "id": entry["id"],
                "service": {"name": f"Portail version {entry['n']}", "group": "Web"},
                "state": "DOWN",
                "openedAt": stamp(entry["at"]),
                "closedAt": None,
                "error": f"version {entry['n']}",
                "events": [],
            }
            for entry in self._entries["status_json"]
        ]
        document = {"incidents": incidents, "limit": 50, "offset": 0, "total": len(incidents)}
        return json.dumps(document), "application/json"

    async def _page(self) -> None:
        """The page says something else: once what it says now is stored, for it can repeat nothing else."""
        said = self.said["page"]
        if not said.must or self._shown in self.stored("page"):
            self._shown = f"Une panne de messagerie est en cours, version {next(self._numbers)} du message."
            said.must[self._shown] = ""

    def _page_body(self) -> tuple[str, str]:
        return f"<html><body><main><p>{self._shown}</p></main></body></html>", "text/html; charset=utf-8"

    async def _email(self) -> None:
        number = next(self._numbers)
        message = EmailMessage()
        message["From"], message["Subject"] = "Presse <presse@orange.example>", f"Panne mail {number}"
        message["Message-ID"], message["Date"] = f"<{number}@orange.example>", format_datetime(now())
        message.set_content(f"La messagerie est indisponible, version {number}.")
        self.said["email"].must[str(message["Message-ID"])] = f"version {number}"
        self.mails.add(message.as_bytes(), internal_date(now()))

    async def _ioda(self) -> None:
        going_on = [outage for outage in self.ioda.outages if outage.end is None]
        began = int(now().timestamp()) - 3_600 - next(self._numbers)
        if going_on and self.chance.random() < 0.5:
            outage = self.chance.choice(going_on)
            outage.end = int(now().timestamp()) - 60
        else:
            outage = Outage(3215, began)
            self.ioda.outages.append(outage)
        state = "identified" if outage.end is None else "resolved"
        self.said["ioda"].must[f"asn/3215:bgp:{outage.start}"] = state

    async def _mobile_sites(self) -> None:
        """A site is out of service, or one whose line is stored is mended and leaves the list."""
        listed, said = self._entries["mobile_sites"], self.said["mobile_sites"]
        said.may.add("orange/liste")
        known = [site for site in listed if site["id"] in self.stored("mobile_sites")]
        if known and self.chance.random() < 0.4:
            site = self.chance.choice(known)
            listed.remove(site)
            said.must[site["id"]] = "resolved"
        else:
            number = next(self._numbers)
            listed.append({"id": f"orange/S{number:05}X1", "code": f"S{number:05}X1"})
            said.must[f"orange/S{number:05}X1"] = "identified"

    def _sites_body(self) -> tuple[str, str]:
        head = "departement;commune;code_insee;lat;lon;code_site_op;voix;data;raison"
        lines = [f"59;LILLE;59350;50,63;3,06;{site['code']};HS;HS;INT" for site in self._entries["mobile_sites"]]
        return "\n".join([head, *lines, ""]), "text/csv"

    def _slow(self, body: Callable[[], tuple[str, str]]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A server that takes its time in the middle of a document, now and then."""

        async def answer(request: web.Request) -> web.StreamResponse:
            text, content_type = body()
            data = text.encode()
            etag = f'"{sha256(data).hexdigest()[:16]}"'
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers={"ETag": etag})
            headers = {"ETag": etag, "Content-Type": content_type, "Content-Length": str(len(data))}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(data[: len(data) // 2])
            await asyncio.sleep(self.chance.choice((0.0, 0.0, 0.1, 0.3)))
            with suppress(ConnectionError):  # its reader was killed
                await response.write(data[len(data) // 2 :])
            return response

        return answer

    # --- the newsroom's own site ---

    async def _log(self) -> None:
        """Lines as a server writes them that gathers some before it writes; people come again, and logs rotate."""
        said = self.said["log"]
        for _ in range(self.chance.randint(1, 8)):
            at = now() - timedelta(seconds=self.chance.uniform(60, 240))
            before = len(said.people)
            person = self._person("log")
            if len(said.people) > before:
                said.minutes[_minute(at)] += 1
            line = combined(at, ARTICLE, who=int(person), referrer=GOOGLE, agent=f"{FIREFOX} {person}")
            if self.chance.random() < 0.1:
                self.log.write_part(line[:40])
                await asyncio.sleep(0.02)
                self.log.write_part(line[40:] + "\n")
            else:
                self.log.write(line)
            self._log_lines += 1
        # What was rotated away before the first read was never this newsroom's to hear; and a log that was empty when
        # it was read last has nothing by which a copy of it could be known.
        if self._log_lines > 40 and "count" in self.stored("log"):
            self._log_lines = 0
            is_first = not self.log.path.with_name("access.log.1").exists()
            _ = self.log.copy_and_truncate() if is_first else self.log.rotate()

    async def _visit(self) -> None:
        self._matomo_visit(now())
        self._plausible_view(now())

    def _matomo_visit(self, at: datetime) -> None:
        self.matomo.visit("direct", page(at, ARTICLE))
        self.said["matomo"].minutes[_minute(at)] += 1

    def _plausible_view(self, at: datetime) -> None:
        at = at.replace(microsecond=0)  # as it keeps them
        self.plausible.views.append((at, ARTICLE, "Direct", str(next(self._numbers))))
        self.said["plausible"].minutes[_minute(at)] += 1


def count_at(start: datetime) -> int:
    """What X counts in the minute that begins then: another number each minute."""
    return 3 + _minute(start) % 5


def _minute(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp()) // 60


def _signed(body: bytes, key: str) -> dict[str, str]:
    at = str(int(now().timestamp()))
    digest = hmac.digest(SECRET.encode(), f"{key}.{at}.".encode() + body, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": key, "webhook-timestamp": at, "webhook-signature": signature}


@asynccontextmanager
async def speakers(house: House, chance: random.Random, stored: Callable[[str], str]) -> AsyncIterator[Speakers]:
    """Open every server that is spoken through, on loopback."""
    async with (
        status_pages() as pages,
        jetstream() as stream,
        mastodon() as pushing,
        mastodon() as asked_only,
        x_api() as x,
        imap_server() as mails,
        ioda() as outages,
        matomo() as visits,
        plausible() as views,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
    ):
        yield Speakers(
            house, chance, pages, stream, pushing, asked_only, x, mails, outages, visits, views, http, stored
        )
