"""What programs post: believed when signed, stored before it is acknowledged, and never twice."""

import asyncio
import base64
import hmac
import json
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from bot.clock import SystemClock
from bot.domain.operators import Service
from bot.domain.signals import EntryState, HealthState, Mention, Signal, StatusEntry, Tally
from bot.errors import ConfigError, InputError, SourceError
from bot.ports import Reading
from sources._scenario import parse_signals
from sources._signature import MAX_REMEMBERED, RefusedError, Seen, Stamp, key_of, verify
from sources.webhook import Settings, WebhookSource, create
from tests.fakes.source_world import NOW, SourceWorld

SECRET = "a secret of more than 24 bytes"
NOW_SECONDS = int(NOW.timestamp())
PAGE = Path(__file__).parents[3] / "docs/sources/webhook.md"
MENTION = {"mention": {"id": "m1", "author": "a", "text": "Panne Orange à Mâcon"}}


def signed(body: bytes, *, at: int = NOW_SECONDS, message: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    digest = hmac.digest(secret.encode(), f"{message}.{at}.".encode() + body, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signature}


@dataclass
class Newsroom:
    """Reads the source as the bot does: what it yields is stored, while storing is allowed."""

    source: WebhookSource
    http: aiohttp.ClientSession
    stored: list[Reading] = field(default_factory=list)
    store: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.source.port}/signals/calls"

    @property
    def cursor(self) -> str | None:
        return next((reading.cursor for reading in reversed(self.stored) if reading.cursor), None)

    @property
    def signals(self) -> list[Any]:
        return [event for reading in self.stored for event in reading.events]

    async def listen(self, cursor: str | None) -> None:
        async with aclosing(self.source.read(cursor)) as readings:  # type: ignore[type-var]
            async for reading in readings:
                self.opened.set()
                await self.store.wait()
                self.stored.append(reading)

    async def post(self, body: Any, headers: dict[str, str] | None = None, **how: Any) -> tuple[int, str]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.url, data=data, headers=signed(data, **how) | (headers or {})) as answer:
            text = await answer.text()
            return answer.status, json.loads(text)["error"] if text else ""


def make(world: SourceWorld, **more: Any) -> WebhookSource:
    settings = {"kind": "webhook", "name": "calls", "listen": "127.0.0.1:0", "secret": SECRET, "quiet_seconds": 60.0}
    return create(Settings.model_validate(settings | more), world.deps)


@asynccontextmanager
async def newsroom(source: WebhookSource, cursor: str | None = None, *, stores: bool = True) -> AsyncIterator[Newsroom]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.timeout(10):
        room = Newsroom(source, http)
        if stores:
            room.store.set()
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(room.listen(cursor))
            await room.opened.wait()
            yield room
            listening.cancel()


@pytest.fixture
def world() -> SourceWorld:
    return SourceWorld()


@pytest.fixture
async def room(world: SourceWorld) -> AsyncIterator[Newsroom]:
    async with newsroom(make(world)) as made:
        yield made


# --- signals -----------------------------------------------------------------------------------------------------


async def test_a_signed_mention_is_stored_and_then_acknowledged(room: Newsroom) -> None:
    assert await room.post(MENTION) == (204, "")
    assert room.signals == [Mention("calls", "m1", "a", "Panne Orange à Mâcon", NOW, NOW)]


async def test_each_kind_of_signal_in_one_post(world: SourceWorld) -> None:
    status = {
        "operator": "orange",
        "id": "s1",
        "title": "Incident",
        "state": "investigating",
        "services": ["mail"],
        "published_at": "2026-03-02T09:50:00+01:00",
    }
    body = [
        {"at": "2026-03-02T08:58:00Z", "mention": {"id": "m", "author": "a", "text": "t", "source": "elsewhere"}},
        {"status": status},
        {"status": status | {"operator": "sfr"}},
        {"tally": {"operator": "orange", "start": "2026-03-02T08:00:00Z", "seconds": 60, "count": 3}},
    ]
    async with newsroom(make(world, speaks_for=["orange"])) as room:
        assert await room.post(body) == (204, "")
        mention, own, third, tally = room.signals
    assert mention == Mention("calls", "m", "a", "t", NOW - timedelta(minutes=2), NOW)
    assert own == StatusEntry(
        source="calls",
        operator="orange",
        id="s1",
        title="Incident",
        state=EntryState.INVESTIGATING,
        published_at=NOW - timedelta(minutes=10),
        seen_at=NOW,
        services=(Service.MAIL,),
    )
    assert third == replace(own, operator="sfr", observer="calls")  # not its operator's word
    assert tally == Tally("calls", "orange", NOW - timedelta(hours=1), 60, 3, NOW)


async def test_half_an_emoji_is_no_reason_to_lose_a_signal(room: Newsroom) -> None:
    assert await room.post(b'{"mention": {"id": "m", "author": "a", "text": "orange \\ud83d"}}') == (204, "")
    assert room.signals[0].text == "orange \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON: "),
        (b"<html>", "not JSON: "),
        (b"[" * 50_000, "nested too deeply"),
        (b"\xff", "not JSON"),
        ([], "empty array: at least one signal is needed"),
        ("text", "expected `object`, got `str`"),
        ([MENTION, {}], "[1].exactly one of mention, status, tally is needed: got none"),
        ([MENTION, {"mention": {"id": "m"}}], "[1].mention.author: missing"),
        (MENTION | {"health": {"source": "x", "ok": True}}, "health: unknown key"),
        ({"mention": {**MENTION["mention"], "colour": "red"}}, "mention.colour: unknown key"),
        ({"mention": {**MENTION["mention"], "operator_hint": "nobody"}}, "operator: must be one of orange sfr, got no"),
        ({"mention": {**MENTION["mention"], "published_at": "1970-01-01T00:00:00Z"}}, "time: must be of this century"),
        ({"tally": {"operator": "sfr", "start": "2026-03-02T10:00:00Z", "seconds": 60, "count": 1}}, "in the future"),
        ({"tally": {"operator": "sfr", "start": "2026-03-02T08:00:00Z", "seconds": 0, "count": 1}}, "tally.seconds: "),
    ],
)
async def test_what_is_no_signal_is_refused_with_one_reason(room: Newsroom, body: Any, why: str) -> None:
    status, error = await room.post(body)
    assert status == 422
    assert why.replace("`", "") in error
    assert "\n" not in error
    assert await room.post(MENTION, message="msg_2") == (204, "")
    assert len(room.signals) == 1  # of an array with one bad signal nothing was taken


# --- who may post ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_or_odd_header_is_401(room: Newsroom, name: str) -> None:
    for value in ("", "1" * 300, "v1", "v1,", "v2,abc", "\u00e9", "1e9", "-5"):
        assert (await room.post(MENTION, {name: value}))[0] == 401
    assert room.signals == []


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"secret": "another secret of more than 24 bytes"}, "webhook-signature is wrong"),
        ({"at": NOW_SECONDS - 301}, "webhook-timestamp is too old"),
        ({"at": NOW_SECONDS + 301}, "webhook-timestamp is in the future"),
    ],
)
async def test_a_wrong_signature_or_time_is_401(room: Newsroom, how: dict[str, Any], why: str) -> None:
    assert await room.post(MENTION, **how) == (401, why)
    assert room.signals == []
    for skew in (-299, 299):
        assert await room.post(MENTION, at=NOW_SECONDS + skew) == (204, "")


async def test_one_good_signature_among_others_is_enough(room: Newsroom) -> None:
    body = json.dumps(MENTION).encode()
    several = "v1a,xyz v1,AAAA " + signed(body)["webhook-signature"]
    assert await room.post(body, {"webhook-signature": several}) == (204, "")


async def test_a_replay_is_401_also_after_a_restart_and_a_new_signature_of_the_same_is_not(world: SourceWorld) -> None:
    async with newsroom(make(world)) as room:
        assert await room.post(MENTION) == (204, "")
        assert (await room.post(MENTION))[0] == 401
        cursor = room.cursor
    world.clock.move_to(NOW + timedelta(seconds=200))
    async with newsroom(make(world), cursor) as room:
        assert await room.post(MENTION) == (401, "this request was accepted before: sign each attempt anew")
        assert await room.post(MENTION, at=NOW_SECONDS + 1) == (204, "")
        assert [signal.id for signal in room.signals] == ["m1"]  # its own id keeps it from counting twice


def test_signatures_are_remembered_within_bounds() -> None:
    stamps = [Stamp(f"s{n}", NOW_SECONDS + n // 100) for n in range(MAX_REMEMBERED + 500)]
    age = timedelta(minutes=5)
    seen = Seen().with_more(stamps, NOW, age)
    assert len(seen.stamps) == MAX_REMEMBERED
    for stamp in stamps:
        with pytest.raises(RefusedError):
            seen.check(stamp, NOW, age)
    seen.check(Stamp("new", NOW_SECONDS + 20), NOW, age)
    later = seen.with_more([], NOW + timedelta(minutes=6), age)
    assert later.stamps == {}
    assert later.floor == seen.floor


def test_the_standards_own_example_is_believed() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert verify(headers, b'{"test": 2432232314}', key).at == 1614265330
    with pytest.raises(RefusedError):
        verify(headers, b'{"test": 2432232315}', key)


# --- storing and answering ---------------------------------------------------------------------------------------


async def test_nothing_is_acknowledged_before_it_is_stored(world: SourceWorld) -> None:
    async with newsroom(make(world), stores=False) as room, asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(room.post(MENTION))
        await asyncio.sleep(0.1)
        assert (answer.done(), room.signals) == (False, [])
        assert (await room.post(MENTION))[0] == 401  # a replay while the first is in hand
        room.store.set()
        assert await answer == (204, "")


async def test_a_source_that_ends_says_that_nothing_was_stored(world: SourceWorld) -> None:
    source = make(world)
    async with newsroom(source, stores=False) as room, asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(room.post(MENTION))
        await asyncio.sleep(0.1)
        await source.close()
        assert await answer == (503, "not stored yet: try again")


async def test_a_store_that_cannot_follow_is_503_with_a_time_to_come_back(world: SourceWorld) -> None:
    async with newsroom(make(world), stores=False) as room, asyncio.TaskGroup() as tasks:
        posts = [tasks.create_task(room.post(MENTION, message=f"msg_{n}")) for n in range(130)]
        while sum(post.done() for post in posts) < 30:
            await asyncio.sleep(0.02)
        assert {post.result() for post in posts if post.done()} == {(503, "too busy: try again")}
        body = json.dumps(MENTION).encode()
        async with room.http.post(room.url, data=body, headers=signed(body, message="msg_last")) as refused:
            assert refused.headers["Retry-After"] == "5"
        room.store.set()
        answers = [(await post)[0] for post in posts]
        assert answers.count(204) == len(room.signals) == 100


async def test_many_posts_are_few_readings_and_lose_nothing(room: Newsroom) -> None:
    async def post(n: int) -> tuple[int, str]:
        return await room.post({"mention": {"id": f"m{n}", "author": "a", "text": "t"}}, message=f"msg_{n}")

    answers = await asyncio.gather(*(post(n) for n in range(60)))
    assert set(answers) == {(204, "")}
    assert {signal.id for signal in room.signals} == {f"m{n}" for n in range(60)}


async def test_listening_is_healthy_while_nobody_posts(world: SourceWorld) -> None:
    async with newsroom(make(world, quiet_seconds=0.05)) as room:
        while len(room.stored) < 3:
            await asyncio.sleep(0.01)
        assert {reading.events for reading in room.stored} == {()}
        assert room.cursor is None


# --- abuse -------------------------------------------------------------------------------------------------------


async def test_other_paths_methods_and_sizes_are_refused(room: Newsroom) -> None:
    assert (await room.post(b"x" * (64 * 1024 + 1)))[0] == 413
    assert (await room.post(b"x" * (64 * 1024)))[0] == 422
    async with room.http.get(room.url) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    for path in ("/", "/signals", "/signals/calls/", "/signals/other"):
        async with room.http.post(f"http://127.0.0.1:{room.source.port}{path}", data=b"") as answer:
            assert answer.status == 404
    async with room.http.post(room.url, data=b"{}", headers={"X-Long": "x" * 20_000}) as answer:
        assert answer.status == 400
    assert await room.post(MENTION) == (204, "")


async def test_a_body_that_stops_halfway_holds_nobody_up(room: Newsroom) -> None:
    body = json.dumps(MENTION).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", room.source.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
    writer.write(f"POST /signals/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n{head}\r\n".encode() + body)
    assert await room.post(MENTION, message="msg_2") == (204, "")
    writer.close()
    assert await room.post(MENTION, message="msg_3") == (204, "")


async def test_connections_are_bounded(room: Newsroom) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", room.source.port) for _ in range(210)]
    closed = 0
    for reader, _ in opened[200:]:
        async with asyncio.timeout(2):
            closed += await reader.read() == b""
    assert closed == 10
    for _, writer in opened:
        writer.close()
    await asyncio.sleep(0.05)
    assert await room.post(MENTION) == (204, "")


# --- settings and the port ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "short"},
        {"secret": "whsec_!!"},
        {"secret": "whsec_" + base64.b64encode(b"short").decode()},
        {"listen": "8787"},
        {"listen": "127.0.0.1:99999"},
        {"path": "no-slash"},
        {"path": "/a?b"},
        {"max_age": timedelta(days=1)},
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_the_secret(world: SourceWorld, wrong: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        make(world, **wrong)
    assert str(wrong.get("secret", "(none)")) not in str(caught.value)


def test_an_operator_that_nobody_knows_is_refused(world: SourceWorld) -> None:
    with pytest.raises(ConfigError, match="speaks_for: must be of orange, sfr; got nobody"):
        make(world, speaks_for=["nobody"])


async def test_a_taken_port_is_failing_and_a_check_knows_our_own_bot(world: SourceWorld) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
        free.listen()
        taken = make(world, listen=listen)
        for attempt in (taken.check(), anext(aiter(taken.read(None)))):
            with pytest.raises(SourceError) as caught:
                await attempt
            assert caught.value.state is HealthState.FAILING
            assert f"{listen} est déjà pris" in caught.value.reason
    assert await make(world, listen=listen).check() == f"prêt à recevoir sur http://{listen}/signals/calls"
    async with newsroom(make(world, listen=listen)) as room:
        assert "à l’écoute" in await room.source.check()
        assert "à l’écoute" in await make(world, listen=listen).check()  # `vigie check` beside the bot
        with pytest.raises(SourceError):
            await make(world, listen=listen, name="other").check()
    async with newsroom(make(world, listen=listen)) as room:  # the port is free again at once
        assert await room.post(MENTION) == (204, "")


async def test_a_source_may_be_read_again_after_a_broken_read(world: SourceWorld) -> None:
    source = make(world)
    first = source.read(None)
    await anext(aiter(first))
    async with newsroom(source) as room:
        assert await room.post(MENTION) == (204, "")


def test_signals_of_a_post_keep_their_order() -> None:
    body = json.dumps([{"mention": {"id": f"{n}", "author": "a", "text": "t"}} for n in range(5)]).encode()
    found: tuple[Signal, ...] = parse_signals(body, "calls", NOW)
    assert [signal.id for signal in found if isinstance(signal, Mention)] == ["0", "1", "2", "3", "4"]
    with pytest.raises(InputError, match="empty array"):
        parse_signals(b"[]", "calls", NOW)


# --- the page ----------------------------------------------------------------------------------------------------


WHSEC = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.mark.parametrize(
    ("language", "secret"), [("python", SECRET), ("python", WHSEC), ("sh", SECRET)], ids=["plain", "whsec", "shell"]
)
async def test_the_pages_senders_work_to_the_letter(
    world: SourceWorld, tmp_path: Path, language: str, secret: str
) -> None:
    programs = {"python": [sys.executable], "sh": ["sh", "-eu"]}
    if language == "sh" and not (shutil.which("openssl") and shutil.which("curl")):
        pytest.skip("the shell's example needs openssl and curl")
    block = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert block
    script = tmp_path / "sender"
    script.write_text(block[1], encoding="utf-8")
    settings = Settings.model_validate({"kind": "webhook", "name": "calls", "listen": "127.0.0.1:0", "secret": secret})
    source = create(settings, replace(world.deps, clock=SystemClock()))
    async with newsroom(source) as room:
        env = os.environ | {"SIGNALS_URL": room.url, "SIGNALS_SECRET": secret, "no_proxy": "127.0.0.1"}
        sender = await asyncio.create_subprocess_exec(*programs[language], str(script), env=env)
        assert await sender.wait() == 0
        [mention] = room.signals
    assert mention.text.startswith("Plus de mails Orange à ")
