"""Hashtags and searches of several instances: each post once, none lost, whoever fails and whatever comes late."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from bot.domain.signals import HealthState, Mention
from bot.errors import SourceError
from bot.ports import Reading
from sources.mastodon import MastodonSource, Settings, create
from tests.emulators.mastodon import Mastodon, id_at, mastodon, status
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once

DATA = Path(__file__).parents[2] / "data/mastodon"
PATH = "/api/v1/timelines/tag/panneorange"


class Room:
    """One source before one instance."""

    def __init__(self, instance: Mastodon) -> None:
        self.instance = instance
        self.world = SourceWorld(total_seconds=2.0)

    def make(self, **more: Any) -> MastodonSource:
        settings = {"instances": [self.instance.url], "hashtags": ["panneorange"]}
        return create(Settings.model_validate({"kind": "mastodon"} | settings | more), self.world.deps)

    def later(self, **time: float) -> None:
        self.world.clock.move_to(self.world.clock.now() + timedelta(**time))

    async def mentions(self, *statuses: dict[str, Any], **more: Any) -> list[Mention]:
        """What becomes of these posts."""
        self.instance.statuses = list(statuses)
        return mentions(await read_once(self.make(**more)))


def mentions(reading: Reading) -> list[Mention]:
    assert all(isinstance(event, Mention) for event in reading.events)
    return [event for event in reading.events if isinstance(event, Mention)]


def texts(reading: Reading) -> list[str]:
    return [mention.text.partition(" #")[0] for mention in mentions(reading)]


def ago(**time: float) -> Any:
    return NOW - timedelta(**time)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with mastodon() as instance:
        made = Room(instance)
        yield made
        await made.world.http.real.close()


@pytest.fixture
async def pages() -> AsyncIterator[StatusPages]:
    async with status_pages() as running:
        yield running


# --- what a post becomes -------------------------------------------------------------------------------------------


async def test_a_post_becomes_a_mention(room: Room) -> None:
    at = ago(minutes=3)
    [mention] = await room.mentions(status(at, "Plus de réseau à Mâcon", "PanneOrange", host="piaille.example"))
    assert mention == Mention(
        source="mastodon",
        id=f"https://piaille.example/users/camille/statuses/{id_at(at)}",
        author="https://piaille.example/@camille",
        text="Plus de réseau à Mâcon #PanneOrange",
        published_at=at,
        seen_at=NOW,
        url=f"https://piaille.example/@camille/{id_at(at)}",
        operator_hint="orange",
    )


async def test_what_does_not_concern_us_is_dropped(room: Room) -> None:
    at = [ago(minutes=n) for n in range(1, 10)]
    boosted = status(at[0], "partagé", "panneorange")
    found = await room.mentions(
        status(at[0], "partage", "panneorange", reblog=boosted),
        status(at[1], "un robot", "panneorange", account={"acct": "robot", "bot": True}),
        status(at[2], "privé", "panneorange", visibility="private"),
        status(at[3], "in English", "panneorange", language="en"),
        status(at[4], "sans langue", "panneorange", language=None),
        status(at[8], "langue inconnue", "panneorange", language="und"),
        status(at[5], "non listé", "panneorange", visibility="unlisted"),
        status(at[6], "en français de Belgique", "panneorange", language="fr-BE"),
        {"id": id_at(at[7]), "tags": [{"name": "panneorange"}], "created_at": "hier"},
    )
    assert [mention.text.partition(" #")[0] for mention in found] == [
        "langue inconnue",
        "en français de Belgique",
        "non listé",
        "sans langue",
    ]


async def test_a_hashtag_without_an_operator_passes_the_gate_only_by_its_text(room: Room) -> None:
    found = await room.mentions(
        status(ago(minutes=2), "plus rien", "panneinternet"),
        status(ago(minutes=1), "plus rien chez Orange", "panneinternet"),
        hashtags=["PanneInternet"],
    )
    assert [(mention.text, mention.operator_hint) for mention in found] == [
        ("plus rien chez Orange #panneinternet", None)
    ]


async def test_a_content_warning_belongs_to_the_text(room: Room) -> None:
    [mention] = await room.mentions(
        status(ago(minutes=1), "rien depuis 8 h", "panneorange", spoiler_text="Panne Orange")
    )
    assert mention.text == "Panne Orange\nrien depuis 8 h #panneorange"


async def test_odd_times_and_addresses_are_set_right(room: Room) -> None:
    odd = status(
        ago(minutes=1), "du futur", "panneorange", created_at="2096-01-01T00:00:00Z", url="javascript:alert(1)"
    )
    [mention] = await room.mentions(odd)
    assert (mention.published_at, mention.url) == (NOW, None)


async def test_a_post_without_a_page_is_linked_by_its_id(room: Room) -> None:
    [mention] = await room.mentions(status(ago(minutes=1), "sans page", "panneorange", url=None))
    assert mention.url == mention.id


async def test_the_recorded_page_is_read(room: Room) -> None:
    found = await room.mentions(*json.loads((DATA / "tag.json").read_text(encoding="utf-8")))
    assert [(mention.text, mention.operator_hint) for mention in found] == [
        (
            """Panne de mails
Messagerie Orange HS depuis ce matin & toujours rien.
Détails : exemple.org/actualites/panne
#PanneOrange""",
            "orange",
        ),
        ("@desk plus de 4G à Tournus #panneOrange", "orange"),
    ]


# --- where it reads on ---------------------------------------------------------------------------------------------


async def test_the_first_read_goes_back_as_far_as_told(room: Room) -> None:
    room.instance.statuses = [status(ago(hours=n), f"il y a {n} h", "panneorange") for n in range(1, 240)]
    reading = await read_once(room.make(backfill="3d"))
    assert [mention.published_at for mention in mentions(reading)] == [ago(hours=n) for n in range(72, 0, -1)]
    assert reading.heard_from == ago(days=3)
    assert [params.get("max_id") for params in room.instance.timelines()] == [None, id_at(ago(hours=40))]


async def test_the_newest_page_is_told_however_old_it_is(room: Room) -> None:
    room.instance.statuses = [status(ago(days=10 * n), f"n{n}", "panneorange") for n in range(60, 0, -1)]
    first = await read_once(room.make())
    assert texts(first) == [f"n{n}" for n in range(40, 0, -1)]
    assert texts(await read_once(room.make(), first.cursor)) == []


async def test_a_first_read_that_is_too_long_says_from_when_it_is_whole(room: Room) -> None:
    room.instance.statuses = [status(ago(minutes=n), str(n), "panneorange") for n in range(1, 501)]
    reading = await read_once(room.make())
    assert len(mentions(reading)) == 400
    assert reading.heard_from == ago(minutes=400)


async def test_what_came_meanwhile_is_read_upwards_and_nothing_is_jumped_over(room: Room) -> None:
    room.instance.statuses = [status(ago(hours=1), "avant", "panneorange")]
    first = await read_once(room.make())
    room.later(hours=10)
    more = [status(NOW + timedelta(minutes=n), f"n{n}", "panneorange") for n in range(1, 121)]
    room.instance.statuses += more
    second = await read_once(room.make(), first.cursor)
    assert texts(second) == [f"n{n}" for n in range(1, 121)]
    assert second.heard_from == NOW
    assert [params["min_id"] for params in room.instance.timelines()[2:]] == [
        id_at(ago(hours=1)), *(more[n]["id"] for n in (39, 79, 119)),
    ]  # fmt: skip


async def test_more_than_one_sweep_takes_is_read_by_the_next(room: Room) -> None:
    room.instance.statuses = [status(ago(hours=1), "avant", "panneorange")]
    reading = await read_once(room.make())
    room.later(hours=10)
    room.instance.statuses += [status(NOW + timedelta(seconds=30 * n), f"n{n}", "panneorange") for n in range(900)]
    gathered, since = [], []
    for _ in range(3):
        reading = await read_once(room.make(), reading.cursor)
        gathered += texts(reading)
        since.append(reading.heard_from)
    assert gathered == [f"n{n}" for n in range(900)]
    assert since == [None, None, NOW]


async def test_a_small_page_is_not_the_end(room: Room) -> None:
    room.instance.most = 20  # less than asked for
    room.instance.statuses = [status(ago(hours=1), "avant", "panneorange")]
    first = await read_once(room.make())
    room.instance.statuses += [status(ago(minutes=59 - n), f"n{n}", "panneorange") for n in range(50)]
    assert texts(await read_once(room.make(), first.cursor)) == [f"n{n}" for n in range(50)]


async def test_a_post_that_arrives_late_is_found_below_newer_ones(room: Room) -> None:
    room.instance.statuses = [
        status(ago(hours=1), "vieux", "panneorange"),
        status(ago(minutes=2), "récent", "panneorange"),
    ]
    first = await read_once(room.make())
    room.later(minutes=2)
    room.instance.statuses.append(status(ago(minutes=9), "venu d’ailleurs", "panneorange", host="slow.example"))
    assert "venu d’ailleurs" in texts(await read_once(room.make(), first.cursor))


async def test_a_post_from_the_future_hides_nothing(room: Room) -> None:
    room.instance.statuses = [status(NOW + timedelta(days=300), "du futur", "panneorange")]
    first = await read_once(room.make())
    room.later(minutes=30)
    room.instance.statuses.append(status(NOW + timedelta(minutes=29), "présent", "panneorange"))
    assert "présent" in texts(await read_once(room.make(), first.cursor))


async def test_reading_again_from_the_same_cursor_repeats_and_loses_nothing(room: Room) -> None:
    room.instance.statuses = [status(ago(hours=n), f"n{n}", "panneorange") for n in range(5, 0, -1)]
    first = await read_once(room.make())
    assert await read_once(room.make()) == first
    room.later(hours=1)
    room.instance.statuses.append(status(NOW + timedelta(minutes=1), "nouveau", "panneorange"))
    second = await read_once(room.make(), first.cursor)
    assert texts(second) == ["nouveau"]
    assert texts(await read_once(room.make(), first.cursor)) == ["nouveau"]
    assert texts(await read_once(room.make(), second.cursor)) == []  # nobody can be as late as that any more


@pytest.mark.parametrize("cursor", ["", "null", "{", '{"feeds": 3}', "[1]"])
async def test_a_cursor_of_another_version_is_none(room: Room, cursor: str) -> None:
    room.instance.statuses = [status(ago(hours=1), "avant", "panneorange")]
    assert texts(await read_once(room.make(), cursor)) == ["avant"]


async def test_nothing_new_is_a_good_reading(room: Room) -> None:
    reading = await read_once(room.make())
    assert (reading.events, reading.heard_from) == ((), ago(days=7))
    room.later(minutes=2)
    assert (await read_once(room.make(), reading.cursor)).heard_from is not None


async def test_a_server_that_does_not_know_the_parameters_ends_the_read(pages: StatusPages) -> None:
    pages.put_plain(PATH, json.dumps([status(ago(hours=1), "x", "panneorange")]).encode(), "application/json")
    world = SourceWorld()
    settings = {"kind": "mastodon", "instances": [pages.url("")], "hashtags": ["panneorange"]}
    source = create(Settings.model_validate(settings), world.deps)
    first = await read_once(source)
    assert texts(first) == ["x"]
    assert texts(await read_once(source, first.cursor)) == ["x"]
    assert len(pages.served) == 3
    await world.http.real.close()


# --- several instances, searches -----------------------------------------------------------------------------------


async def test_a_post_that_two_instances_know_is_one(room: Room) -> None:
    async with mastodon() as other:
        at = ago(minutes=5)
        here = status(at, "pareil", "panneorange")
        there = {**here, "id": id_at(at, 9), "account": {**here["account"], "acct": "camille@home.example"}}
        room.instance.statuses, other.statuses = [here], [there, status(at, "autre", "panneorange", number=3)]
        reading = await read_once(room.make(instances=[room.instance.url, other.url]))
    assert sorted(texts(reading)) == ["autre", "pareil"]


async def test_an_instance_that_fails_does_not_silence_the_other(room: Room) -> None:
    async with mastodon(locked=True) as other:
        both = [other.url, room.instance.url]
        room.instance.statuses = [status(ago(minutes=5), "entendu", "panneorange")]
        source = room.make(instances=both)
        reading = await read_once(source)
        assert texts(reading) == ["entendu"]
        assert reading.heard_from == ago(days=7)
        assert reading.note is not None
        assert f"127.0.0.1:{other.port}" in reading.note
        assert await source.check() == (
            f"127.0.0.1:{room.instance.port} : 1 message pour « panneorange » ; "
            f"127.0.0.1:{other.port} : réservé aux personnes connectées, il faut un jeton (HTTP 401)"
        )
        other.locked = False
        other.statuses = [status(ago(days=1), "retrouvé", "panneorange")]
        assert "retrouvé" in texts(await read_once(source, reading.cursor))


async def test_an_instance_that_keeps_others_posts_from_strangers_is_asked_for_its_own(room: Room) -> None:
    room.instance.locked = "remote"
    at = ago(minutes=5)
    foreign = status(at, "d’ailleurs", "panneorange", host="other.example", author="far@other.example")
    room.instance.statuses = [status(at, "d’ici", "panneorange", number=1), foreign]
    source = room.make(hashtags=["panneorange", "pannesfr"])
    reading = await read_once(source)
    assert texts(reading) == ["d’ici"]
    assert [params.get("local") for params in room.instance.timelines()] == [None, "true", "true", "true"]
    assert await source.check() == (
        f"127.0.0.1:{room.instance.port} : 1 message pour « panneorange » (de ses propres comptes seulement)"
    )
    room.instance.locked = True
    assert "il faut un jeton" in (await failure(room.make())).reason


async def test_a_round_asks_for_no_more_pages_than_an_instance_gives(room: Room) -> None:
    many = [f"panneorange{n}" for n in range(81)]
    assert room.make(hashtags=many).interval == timedelta(minutes=4.5)  # 270 in a quarter of an hour
    assert room.make().interval == timedelta(minutes=2)
    room.instance.statuses = [status(ago(hours=1), "avant", "panneorange")]
    first = await read_once(room.make())
    room.instance.statuses.append(status(ago(minutes=1), "après", "panneorange"))
    asked = len(room.instance.asked)
    assert texts(await read_once(room.make(), first.cursor)) == ["après"]
    assert len(room.instance.asked) == asked + 1


async def test_when_none_answers_the_reason_names_each(room: Room) -> None:
    async with mastodon(locked=True) as other:
        source = room.make(instances=[other.url, "http://127.0.0.1:9"])
        error = await failure(source)
        assert error.state is HealthState.FAILING
        assert error.reason == (
            f"127.0.0.1:{other.port} : réservé aux personnes connectées, il faut un jeton (HTTP 401) ; "
            "127.0.0.1:9 : connexion impossible"
        )


async def test_an_instance_that_stops_answering_half_way_leaves_a_gap(room: Room) -> None:
    calls = itertools.count()
    answer = room.instance.fault

    async def half(_: web.Request) -> web.StreamResponse:
        if next(calls) == 0:
            return web.json_response([])
        return web.Response(status=503)

    room.instance.fault = half
    reading = await read_once(room.make(hashtags=["panneorange", "pannesfr"]))
    assert reading.heard_from is None
    room.instance.fault = answer
    room.later(minutes=2)
    asked = len(room.instance.asked)
    assert (await read_once(room.make(hashtags=["panneorange", "pannesfr"]), reading.cursor)).heard_from == ago(
        minutes=15
    )
    assert room.instance.asked[asked][0].endswith("/pannesfr")  # the one that has waited longest


async def test_searches_find_what_no_hashtag_marks(room: Room) -> None:
    room.instance.statuses = [status(ago(hours=n), f"mails Orange en panne {n}", author=f"a{n}") for n in range(1, 61)]
    source = room.make(hashtags=[], searches=["orange panne"], access_token="good-token")
    first = await read_once(source)
    assert (len(mentions(first)), first.heard_from) == (60, ago(days=7))
    room.later(hours=1)
    room.instance.statuses.append(status(NOW + timedelta(minutes=40), "Orange en panne encore"))
    second = await read_once(source, first.cursor)
    assert texts(second) == ["Orange en panne encore"]
    assert second.heard_from == NOW - timedelta(minutes=15)


async def test_the_token_goes_to_the_first_instance_only(room: Room) -> None:
    async with mastodon() as other:
        source = room.make(instances=[room.instance.url, other.url], access_token="good-token", streaming="off")
        await read_once(source)
        assert {token for _, _, token in room.instance.asked} == {"good-token"}
        assert {token for _, _, token in other.asked} == {""}


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_it_stops_before_the_limit_does_and_goes_on_after_the_reset(room: Room) -> None:
    room.instance.remaining = 13
    tags = [f"panneorange{n}" for n in range(8)]
    source = room.make(hashtags=tags)
    reading = await read_once(source)
    assert (reading.heard_from, room.instance.remaining) == (None, 10)
    error = await failure(source, reading.cursor)
    assert error.state is HealthState.PAUSED
    assert error.retry_after is not None
    assert 100 < error.retry_after < 122
    assert len(room.instance.asked) == 3  # the second read asked nothing


async def test_a_limit_that_resets_at_once_is_waited_for(room: Room) -> None:
    room.instance.remaining, room.instance.reset_seconds = 5, -1.0
    source = room.make()
    reading = await read_once(source)
    error = await failure(source, reading.cursor)
    assert error.retry_after is not None
    assert error.retry_after <= 1.0


async def test_too_many_requests_without_retry_after_waits_for_a_whole_period(room: Room) -> None:
    room.instance.remaining = 0
    source = room.make()
    error = await failure(source)
    assert (error.state, error.retry_after) == (HealthState.FAILING, 300.0)
    assert error.reason == f"127.0.0.1:{room.instance.port} : trop de requêtes (HTTP 429)"
    assert (await failure(source)).state is HealthState.PAUSED
    assert len(room.instance.asked) == 1


# --- what servers do to us -------------------------------------------------------------------------------------------


@pytest.fixture
async def faulty(pages: StatusPages) -> AsyncIterator[tuple[StatusPages, MastodonSource]]:
    world = SourceWorld(total_seconds=1.0)
    settings = {"kind": "mastodon", "instances": [pages.url("")], "hashtags": ["panneorange"]}
    yield pages, create(Settings.model_validate(settings), world.deps)
    await world.http.real.close()


Faulty = tuple[StatusPages, MastodonSource]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (400, "réponse inattendue"),
        (401, "réservé aux personnes connectées"),
        (403, "réservé aux personnes connectées"),
        (404, "rien à cette adresse"),
        (410, "plus rien à cette adresse"),
        (422, "réservé aux personnes connectées"),
    ],
)
async def test_a_refusal_is_failing_and_may_be_tried_again(faulty: Faulty, code: int, cause: str) -> None:
    pages, source = faulty
    pages.put_status(PATH, code)
    error = await failure(source)
    assert (error.state, error.retryable) == (HealthState.FAILING, True)
    assert f"HTTP {code}" in error.reason
    assert cause in error.reason


async def test_a_refused_token_is_called_one(room: Room) -> None:
    error = await failure(room.make(access_token="old-token", streaming="off"))
    assert error.reason == f"127.0.0.1:{room.instance.port} : jeton refusé (HTTP 401)"
    assert "old-token" not in f"{error}{error.reason}"


async def test_too_many_requests_says_how_long_to_wait(faulty: Faulty) -> None:
    pages, source = faulty
    pages.put_status(PATH, 429, {"Retry-After": "90"})
    error = await failure(source)
    assert (error.state, error.retry_after) == (HealthState.FAILING, 90.0)


@pytest.mark.parametrize("code", [500, 503])
async def test_a_server_error_is_unreachable(faulty: Faulty, code: int) -> None:
    pages, source = faulty
    pages.put_status(PATH, code)
    assert (await failure(source)).state is HealthState.UNREACHABLE


@pytest.mark.parametrize(
    "body",
    [
        HTML_ERROR,
        b"",
        b" \n ",
        b'{"error": "no"}',
        b'[{"id": 3}]',
        b"[1, 2]",
        b"\x00\xff" * 500,
        b"[" * 200_000,
        b'"x"',
    ],
    ids=["html", "empty", "blank", "error", "others", "numbers", "noise", "nested", "text"],
)
async def test_what_is_no_page_of_posts_is_unreadable_never_calm(faulty: Faulty, body: bytes) -> None:
    pages, source = faulty
    pages.put_plain(PATH, body, "application/json")
    assert (await failure(source)).state is HealthState.UNREADABLE


async def test_network_faults_are_unreachable(faulty: Faulty) -> None:
    pages, source = faulty
    for put in (pages.put_drop, pages.put_drip):
        put(PATH)
        assert (await failure(source)).state is HealthState.UNREACHABLE
    pages.put_truncated(PATH, json.dumps([status(ago(hours=1), "x", "panneorange")]).encode())
    assert (await failure(source)).state is HealthState.UNREACHABLE
    for target in (PATH, "http://169.254.169.254/latest/meta-data/"):
        pages.put_redirect(PATH, target)
        assert (await failure(source)).state is HealthState.UNREACHABLE


async def test_a_gzip_bomb_is_unreadable(faulty: Faulty) -> None:
    pages, source = faulty
    pages.put_bomb(PATH, 100 * 1024 * 1024)
    assert (await failure(source)).state is HealthState.UNREADABLE


async def test_a_hashtag_that_does_not_exist_yet_is_quiet(room: Room) -> None:
    async def unknown(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "Record not found"}, status=404)

    room.instance.fault = unknown
    assert (await read_once(room.make())).events == ()


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"instances": ["mastodon.social"]}, "must be addresses like"),
        ({"instances": ["https://u:p@mastodon.social"]}, "must be addresses like"),
        ({"instances": []}, "at least 1 item"),
        ({"searches": ["panne"]}, "need an access_token"),
        ({"hashtags": ["#"]}, "must have letters or digits"),
        ({"hashtags": []}, "are needed where there are no searches"),
        ({"interval": 5}, "greater than or equal to 30 seconds"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], cause: str) -> None:
    with pytest.raises(ValidationError, match=cause):
        Settings.model_validate({"kind": "mastodon", **settings})


async def test_it_says_what_it_is(room: Room) -> None:
    source = room.make(name="toots")
    assert (source.name, source.kind, source.operator, source.hears) == ("toots", "mastodon", None, True)
    assert source.interval == timedelta(minutes=2)
    assert room.make(access_token="good-token").interval == timedelta(0)
    assert room.make(access_token="good-token", streaming="off").interval == timedelta(minutes=2)


# --- all at once -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_nothing_is_lost_whatever_comes_late_and_whenever_it_is_killed(room: Room, seed: int) -> None:
    """Readings that were not stored are as if they had not been; what was stored must hold every post in the end."""
    cursor: str | None = None
    stored: set[str] = set()
    room.instance.statuses = [status(ago(hours=1), "avant", "panneorange")]
    dice = (sha256(f"{seed}/{n}".encode()).digest() for n in itertools.count())
    number = itertools.count()
    for roll in itertools.islice(dice, 40):
        room.later(minutes=2)
        now = room.world.clock.now()
        for n in range(roll[0] if roll[1] < 30 else roll[0] % 8):
            late = timedelta(seconds=(roll[2] * n) % 840)  # up to 14 min
            text = f"n{next(number)}"
            room.instance.statuses.append(status(now - late, text, "panneorange", number=next(number)))
        room.instance.fault = unavailable if roll[3] < 60 else None
        try:
            reading = await read_once(room.make(), cursor)
        except SourceError:
            continue
        if roll[4] >= 90:  # else: killed before it was stored
            cursor = reading.cursor
            stored |= {mention.id for mention in mentions(reading)}
    room.instance.fault = None
    room.later(minutes=2)
    for _ in range(5):
        reading = await read_once(room.make(), cursor)
        cursor = reading.cursor
        stored |= {mention.id for mention in mentions(reading)}
    assert len(room.instance.statuses) > 100
    assert stored == {each["uri"] for each in room.instance.statuses}


async def unavailable(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)
