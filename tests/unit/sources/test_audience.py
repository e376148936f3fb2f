"""The site's own log: who looks for an operator counts once, in the right minute, whatever the log goes through."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.signals import HealthState, Tally
from bot.errors import ConfigError, SourceError
from bot.ports import Reading
from sources._audience_lines import parse_line
from sources.audience import AudienceSource, Settings, create
from tests.fakes.access_log import (
    ARTICLE,
    FIREFOX,
    GOOGLE,
    SITE,
    AccessLog,
    address,
    caddy_json,
    combined,
    common,
    nginx_json,
)
from tests.fakes.source_world import NOW, SourceWorld, failure, read_once
from tests.flows.timetable import french

MINUTE = timedelta(minutes=1)


class Site:
    """A log, its source, and a clock that tests move."""

    def __init__(self, folder: Path) -> None:
        self.log = AccessLog(folder / "access.log")
        self.world = SourceWorld()
        self.deps = replace(self.world.deps, names=lambda text: french().classify(text).operators)
        self.source = self.make()

    def make(self, **more: Any) -> AudienceSource:
        values = {"kind": "audience", "log": self.log.path, "site": "www.journal.example", "operators": ["orange"]}
        return create(Settings.model_validate(values | more), self.deps)

    def later(self, minutes: float) -> datetime:
        """Move the clock; what time it is."""
        self.world.clock.move_to(self.world.clock.now() + timedelta(minutes=minutes))
        return self.world.clock.now()

    async def counts(self, **more: Any) -> dict[str, dict[str, int]]:
        """Operator → minute → count, of the whole log."""
        source = self.make(**more) if more else self.source
        return counts(await read_once(source))


def counts(*readings: Reading) -> dict[str, dict[str, int]]:
    """Operator → minute → count, where it is not zero; the last word of each counts."""
    found: dict[str, dict[str, int]] = {}
    for reading in readings:
        for tally in reading.events:
            assert isinstance(tally, Tally)
            assert tally.seconds == 60
            found.setdefault(tally.operator, {})[f"{tally.start:%H:%M}"] = tally.count
    return {
        operator: said
        for operator, minutes in found.items()
        if (said := {at: count for at, count in minutes.items() if count})
    }


def at(clock: str) -> datetime:
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return datetime(2026, 3, 2, hours, minutes, seconds[0] if seconds else 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# --- what counts ---


async def test_views_become_counts_by_the_minute_and_calm_minutes_are_zero(site: Site) -> None:
    site.log.write(combined(at("08:50:59"), who=1), combined(at("08:53:00"), who=2), combined(at("08:53:10"), who=3))
    reading = await read_once(site.source)
    assert [tally.count for tally in reading.events if isinstance(tally, Tally)] == [1, 0, 0, 2, 0, 0, 0, 0, 0]
    first = reading.events[0]
    assert first == Tally("audience", "orange", at("08:50"), 60, 1, NOW)
    assert reading.complete_to is None  # or every bucket of the newsroom would wait for a log


@pytest.mark.parametrize("line", [combined, common, nginx_json, caddy_json])
async def test_every_format_is_read(site: Site, line: Any) -> None:
    site.log.write(line(at("08:50:10"), who=1), line(at("08:50:20"), who=2), line(at("08:51:00"), "/", who=3))
    assert await site.counts() == {"orange": {"08:50": 2}}


async def test_fields_may_have_names_of_their_own(site: Site) -> None:
    site.log.write('{"quand": 1772441400000, "chemin": "/panne-orange", "etat": 200, "robot": "Mozilla/5.0 (X11)"}')
    fields = {"time": "quand", "uri": "chemin", "status": "etat", "agent": "robot"}
    assert await site.counts(fields=fields) == {"orange": {"08:50": 1}}


@pytest.mark.parametrize("referrer", ["-", GOOGLE, "https://duckduckgo.com/", "https://fr.search.yahoo.com/", SITE])
async def test_a_hundred_people_who_look_for_it_are_a_hundred(site: Site, referrer: str) -> None:
    site.log.rush(at("08:50"), 100, referrer=referrer)
    assert await site.counts() == {"orange": {"08:50": 100}}


@pytest.mark.parametrize(
    ("referrer", "target", "agent"),
    [
        ("https://www.facebook.com/", ARTICLE, FIREFOX),
        ("https://news.google.com/", ARTICLE, FIREFOX),
        ("https://google.com.evil.example/", ARTICLE, FIREFOX),
        ("https://www.lemonde.example/une", ARTICLE, FIREFOX),
        ("android-app://com.google.android.googlequicksearchbox/", ARTICLE, FIREFOX),
        ("-", f"{ARTICLE}?utm_source=newsletter", FIREFOX),
        ("-", f"{ARTICLE}?fbclid=abc", FIREFOX),
        ("-", ARTICLE, "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile/15E148 [FBAN/FBIOS;FBAV/450]"),
        ("http://[bad", ARTICLE, FIREFOX),
    ],
)
async def test_a_hundred_people_whom_a_link_brought_are_nobody(
    site: Site, referrer: str, target: str, agent: str
) -> None:
    site.log.write(*(combined(at("08:50"), target, who=n, referrer=referrer, agent=agent) for n in range(100)))
    site.log.write(*(combined(at("08:51"), who=n, referrer=SITE, agent=agent) for n in range(100)))  # they read on
    assert await site.counts() == {}


async def test_who_came_by_a_link_and_then_searches_does_look_for_it(site: Site) -> None:
    site.log.write(combined(at("08:50"), referrer="https://www.facebook.com/"))
    site.log.write(combined(at("08:51"), "/?s=panne+orange", referrer=SITE))
    site.log.write(combined(at("08:52"), "/?s=panne+orange", referrer=SITE))
    assert await site.counts() == {"orange": {"08:51": 1}}


async def test_the_ways_that_count_may_be_chosen(site: Site) -> None:
    site.log.rush(at("08:50"), 5, referrer=SITE)
    site.log.rush(at("08:51"), 3, referrer=GOOGLE, first=50)
    site.log.rush(at("08:52"), 2, first=90)
    site.log.write(combined(at("08:53"), "/?s=panne+orange", referrer=SITE, who=99))
    assert await site.counts(count=["search"]) == {"orange": {"08:51": 3, "08:53": 1}}


async def test_the_sites_own_host_is_learned_where_nobody_tells_it(site: Site) -> None:
    site.log.write(combined(at("08:49"), "/style.css", referrer=SITE))
    site.log.rush(at("08:50"), 5, referrer=SITE)
    assert await site.counts(site="") == {"orange": {"08:50": 5}}


async def test_a_person_counts_once_an_hour(site: Site) -> None:
    site.log.write(*(combined(at(f"08:{minute:02}"), who=1) for minute in range(0, 59, 10)))
    site.log.write(combined(at("08:40"), who=1, agent="Mozilla/5.0 (another)"))
    assert await site.counts() == {"orange": {"08:00": 1, "08:40": 1}}
    site.later(120)
    site.log.write(combined(at("09:55"), who=1))
    assert (await site.counts())["orange"]["09:55"] == 1


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "-",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/8.5.0",
        "python-requests/2.32",
        "facebookexternalhit/1.1",
        "Vigie/0.1 (La redaction)",
        "UptimeRobot/2.0",
        "Mozilla/5.0 (X11) HeadlessChrome/120.0",
        "WhatsApp/2.23.20.0",
        "Mozilla/5.0",
    ],
)
async def test_machines_do_not_count(site: Site, agent: str) -> None:
    site.log.write(combined(at("08:50"), agent=agent))
    assert await site.counts() == {}


async def test_a_telephone_may_be_called_cubot(site: Site) -> None:
    site.log.write(combined(at("08:50"), agent="Mozilla/5.0 (Linux; Android 13; CUBOT P80) Chrome/120.0 Mobile"))
    assert await site.counts() == {"orange": {"08:50": 1}}


@pytest.mark.parametrize(
    "line",
    [
        combined(at("08:50"), "/medias/panne-orange.jpg"),
        combined(at("08:50"), "/tag/panne-orange/feed/"),
        combined(at("08:50"), "/wp-json/wp/v2/posts?search=panne+orange"),
        combined(at("08:50"), status=404),
        combined(at("08:50"), status=301),
        combined(at("08:50"), method="HEAD"),
        combined(at("08:50"), method="POST"),
    ],
)
async def test_what_is_no_page_shown_does_not_count(site: Site, line: str) -> None:
    site.log.write(line)
    assert await site.counts() == {}


@pytest.mark.parametrize(
    ("target", "operators"),
    [
        ("/pannes/orange/", ["orange"]),
        ("/2026/03/02/la-messagerie-d%27Orange-en-panne", ["orange"]),
        ("/Actualit%C3%A9s/Orange%20:%20les%20mails%20bloqu%C3%A9s.php", ["orange"]),
        ("/actu/sfr-et-orange-en-panne-a-lille", ["orange", "sfr"]),
        ("/?s=Bo%C3%AEte+mail+SOSH", ["orange"]),
        ("/recherche?mot=r%C3%A9seau%20orange", ["orange"]),
        ("https://www.journal.example/panne-livebox", ["orange"]),
        ("/vigilance-orange/", []),
        ("/meteo/vigilance-orange-orages-71", []),
        ("/ville-d-orange/", []),
        ("/theatre-antique-orange-choregies", []),
        ("/?s=orange", []),
        ("/?page=panne-orange", []),
        ("/sortir/free-party", []),
        ("/article/3900", []),
        ("/article/1044", []),
        ("/%FF%FE%00panne", []),
        ("//[::1", []),
    ],
)
async def test_who_an_address_names(site: Site, target: str, operators: list[str]) -> None:
    site.log.write(combined(at("08:50"), target))
    assert sorted(await site.counts(operators=["orange", "sfr"])) == operators


async def test_pages_may_be_assigned(site: Site) -> None:
    pages = {"/télécoms/": "orange", "/panne-orange-vaucluse": ""}
    for number, target in enumerate(["/t%C3%A9l%C3%A9coms/4", "/panne-orange-vaucluse-eau", "/panne-orange"]):
        site.log.write(combined(at(f"08:5{number}"), target, who=number))
    assert await site.counts(pages=pages) == {"orange": {"08:50": 1, "08:52": 1}}


async def test_behind_a_proxy_people_are_told_apart_by_what_it_says(site: Site) -> None:
    for number in range(5):
        site.log.write(f'{combined(at("08:50"))} "{address(number)}, 10.0.0.1"')
    assert await site.counts() == {"orange": {"08:50": 1}}
    assert await site.counts(behind_proxy=True) == {"orange": {"08:50": 5}}


# --- lines ---


def test_a_host_before_the_address_is_the_sites() -> None:
    line = parse_line(f"www.journal.example:443 {combined(at('08:50'))}")
    assert line is not None
    assert (line.host, line.address) == ("www.journal.example", address(0))


_STAMP = "02/Mar/2026:09:50:10 +0100"
_JSON_LINES = {
    "ecs": {
        "@timestamp": "2026-03-02T08:50:10.000Z",
        "source": {"address": "198.51.100.7"},
        "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
        "url.original": "/panne?s=orange",
        "user_agent.original": FIREFOX,
    },
    "apache": {
        "time": f"[{_STAMP}]",
        "remoteIP": "198.51.100.7",
        "request": "/panne",
        "query": "?s=orange",
        "method": "GET",
        "status": "200",
        "userAgent": FIREFOX,
    },
    "nginx": {
        "time_local": _STAMP,
        "client": "198.51.100.7",
        "uri": "/panne",
        "args": "s=orange",
        "request_method": "GET",
        "status": 200,
        "http_user_agent": FIREFOX,
    },
    "old caddy": {
        "ts": 1772441410.5,
        "request": {
            "remote_addr": "198.51.100.7:41234",
            "method": "GET",
            "uri": "/panne?s=orange",
            "headers": {"User-Agent": [FIREFOX]},
        },
        "status": 200,
    },
}


@pytest.mark.parametrize("server", _JSON_LINES)
def test_json_of_each_server_is_read(server: str) -> None:
    line = parse_line(json.dumps(_JSON_LINES[server]))
    assert line is not None
    assert (line.method, line.target, line.status) == ("GET", "/panne?s=orange", 200)
    assert (line.minute * 60, line.agent, line.address) == (at("08:50").timestamp(), FIREFOX, "198.51.100.7")


def test_what_traefik_was_told_of_the_visitor_is_read() -> None:
    told = {"StartUTC": "2026-03-02T08:50:10Z", "RequestPath": "/", "DownstreamStatus": 200}
    line = parse_line(json.dumps(told | {"ClientHost": "10.0.0.1", "request_X-Forwarded-For": "198.51.100.7"}))
    assert line is not None
    assert line.forwarded == "198.51.100.7"


def test_json_with_the_escapes_of_a_plain_log_is_read() -> None:
    line = parse_line(
        r'{"time": 1772441410, "uri": "/", "status": 200, "http_user_agent": "Mozilla/5.0 \x22x\x22 \\x41"}'
    )
    assert line is not None
    assert line.agent == r'Mozilla/5.0 "x" \x41'


@pytest.mark.parametrize(
    "before",
    ["<134>Mar  2 09:50:10 web1 nginx: ", "Mar  2 09:50:10 web1 nginx[12]: ", "2026-03-02T09:50:10Z web httpd: "],
)
def test_what_syslog_sets_before_a_line_is_none_of_it(before: str) -> None:
    assert parse_line(before + combined(at("08:50"))) == parse_line(combined(at("08:50")))


@pytest.mark.parametrize(
    "who",
    [
        "198.51.100.7, 10.0.0.1 - -",
        "2001:db8::7 - Jean Dupont",
        '"198.51.100.7, 10.0.0.2" 10.0.0.1 - -',
        "h.example:443 198.51.100.7 - -",
    ],
)
def test_the_visitors_address_is_found(who: str) -> None:
    line = parse_line(f'{who} [{_STAMP}] "GET / HTTP/1.1" 200 5 "-" "{FIREFOX}"')
    assert line is not None
    assert line.address in {"198.51.100.7", "2001:db8::7"}
    assert line.host in {"", "h.example"}


@pytest.mark.parametrize("time", ["02/Mar/2026:09:50:10.123 +0100", "2026-03-02T09:50:10+01:00"])
def test_a_plain_log_may_have_its_time_otherwise(time: str) -> None:
    line = parse_line(combined(at("08:50")).replace("02/Mar/2026:08:50:00 +0000", time))
    assert line is not None
    assert line.minute * 60 == at("08:50").timestamp()


@pytest.mark.parametrize(
    "time", ["2026-03-02T09:50:10+01:00", "1772441410", "1772441410.123", "1772441410123", "02/Mar/2026:09:50:10 +0100"]
)
def test_a_time_is_read_as_it_comes(time: str) -> None:
    line = parse_line(f'{{"time": "{time}", "uri": "/", "status": 200}}')
    assert line is not None
    assert line.minute * 60 == at("08:50").timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mar  2 08:50:01 host sshd[1]: hello",
        "{",
        "[]",
        "{}",
        '{"time": "soon", "uri": "/", "status": 200}',
        '{"time": 1772441410, "uri": "/", "status": "fine"}',
        '{"time": 1e999, "uri": "/", "status": 200}',
        '1.2.3.4 - - [99/Foo/2026:08:50:10 +0000] "GET / HTTP/1.1" 200 5',
        '1.2.3.4 - - [31/Feb/2026:08:50:10 +0000] "GET / HTTP/1.1" 200 5',
        '1.2.3.4 - - [02/Mar/2026:08:50:10 +0000] "GET / HTTP/1.1 200 5',
        "<html><body>oops</body></html>",
        '{"a":' * 5_000,
    ],
)
def test_a_line_that_is_none(text: str) -> None:
    assert parse_line(text) is None


def test_a_clock_that_was_never_set_is_no_time() -> None:
    assert parse_line(combined(datetime(1970, 1, 1, tzinfo=UTC), who=1)) is None
    assert parse_line('{"time": 60, "uri": "/panne-orange", "status": 200}') is None


async def test_bad_lines_between_good_ones_are_passed_over(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1), "\x00\x00\x00", combined(at("08:51"), who=2), '9.9.9.9 - - [x] "')
    site.log.write('198.51.100.9 - - [02/Mar/2026:08:52:00 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"')
    assert await site.counts() == {"orange": {"08:50": 1, "08:51": 1}}


@pytest.mark.parametrize("text", ["<!DOCTYPE html>\n<html>\n<body>\n", "Mar 2 08:50 host sshd[1]: hello\n" * 3])
async def test_what_is_no_log_is_unreadable(site: Site, text: str) -> None:
    site.log.write_part(text)
    error = await failure(site.source)
    assert error.state is HealthState.UNREADABLE
    assert "octet 0" in error.reason


async def test_a_log_that_became_unreadable_is_heard_again_when_it_is_one(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1))
    reading = await read_once(site.source)
    site.log.write(*["?"] * 9)
    assert (await failure(site.source, reading.cursor)).state is HealthState.UNREADABLE
    assert (await failure(site.source, reading.cursor)).state is HealthState.UNREADABLE  # still, with nothing new
    now = site.later(5)
    site.log.write(*(combined(now - 2 * MINUTE, who=2 + n) for n in range(20)))
    after = await read_once(site.source, reading.cursor)
    assert counts(reading, after) == {"orange": {"08:50": 1, f"{now - 2 * MINUTE:%H:%M}": 20}}


async def test_an_error_shows_nobodys_address(site: Site) -> None:
    site.log.write(*["198.51.100.77 is not a line"] * 3)
    error = await failure(site.source)
    assert "198.51" not in f"{error} {error.reason} {error.__cause__}"


async def test_no_log_is_unreachable(site: Site) -> None:
    site.log.path.unlink()
    error = await failure(site.source)
    assert (error.state, error.reason) == (HealthState.UNREACHABLE, "journal introuvable")
    site.log.path.mkdir()
    assert (await failure(site.source)).state is HealthState.UNREACHABLE


async def test_an_empty_log_is_well(site: Site) -> None:
    assert (await read_once(site.source)).events == ()


# --- time ---


async def test_a_minute_is_told_when_it_is_over_and_once(site: Site) -> None:
    site.log.write(combined(NOW - timedelta(seconds=30)), combined(NOW + timedelta(seconds=20), who=2))
    site.later(0.5)
    first = await read_once(site.source)
    assert counts(first) == {"orange": {"08:59": 1}}
    site.later(0.6)
    second = await read_once(site.source, first.cursor)
    assert [tally.start for tally in second.events if isinstance(tally, Tally)] == [NOW]
    assert counts(second) == {"orange": {"09:00": 1}}


async def test_a_late_line_amends_its_minute_and_a_very_late_one_is_lost(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1), combined(at("08:58"), "/"))
    first = await read_once(site.source)
    site.log.write(combined(at("08:52"), who=2), combined(at("08:30"), who=3))
    second = await read_once(site.source, first.cursor)
    assert counts(first, second) == {"orange": {"08:50": 1, "08:52": 1}}
    assert len(second.events) == 1


async def test_a_clock_ahead_ends_no_minute_that_has_not_come(site: Site) -> None:
    site.log.write(combined(at("08:59"), who=1), combined(datetime(2096, 1, 1, tzinfo=UTC), who=2))
    first = await read_once(site.source)
    assert counts(first) == {"orange": {"08:59": 1}}
    site.later(2)
    assert counts(await read_once(site.source, first.cursor)) == {"orange": {"09:00": 1}}


async def test_a_silent_log_says_nothing_of_calm(site: Site) -> None:
    site.log.write(combined(at("06:00"), who=1))
    reading = await read_once(site.source)
    assert [tally.start for tally in reading.events if isinstance(tally, Tally)] == [at("06:00")]
    site.log.write(combined(at("08:55"), who=2))
    after = await read_once(site.source, reading.cursor)
    assert {tally.start for tally in after.events if isinstance(tally, Tally)} == {
        at("08:55") + n * MINUTE for n in range(4)
    }


# --- what a log goes through ---


async def test_the_end_of_a_line_is_waited_for(site: Site) -> None:
    line = combined(at("08:58"), who=1)
    site.log.write_part(line[:40])
    first = await read_once(site.source)
    assert first.events == ()
    site.log.write_part(f"{line[40:]}\n")
    assert counts(await read_once(site.source, first.cursor)) == {"orange": {"08:58": 1}}


@pytest.mark.parametrize("how", ["rename", "rename twice", "copytruncate", "rename, restart", "copytruncate, restart"])
async def test_rotation_loses_no_line_and_doubles_none(site: Site, how: str) -> None:
    site.log.write(*(combined(at("08:50"), who=n) for n in range(3)))
    first = await read_once(site.source)
    site.log.write(*(combined(at("08:51"), who=10 + n) for n in range(4)))
    if "rename" in how:
        site.log.rotate()
    else:
        site.log.copy_and_truncate()
    site.log.write(*(combined(at("08:52"), who=20 + n) for n in range(5)))
    if how == "rename twice":
        site.log.rotate()
        site.log.write(*(combined(at("08:53"), who=30 + n) for n in range(6)))
    if "restart" in how:
        site.source = site.make()
    after = await read_once(site.source, first.cursor)
    expected = {"08:50": 3, "08:51": 4, "08:52": 5} | ({"08:53": 6} if how == "rename twice" else {})
    assert counts(first, after) == {"orange": expected}
    assert (await read_once(site.source, after.cursor)).events == ()


async def test_a_log_that_was_empty_when_it_was_read_loses_nothing_when_it_is_renamed(site: Site) -> None:
    first = await read_once(site.source)
    site.log.write(*(combined(at("08:51"), who=n) for n in range(4)))
    site.log.rotate()
    site.log.write(combined(at("08:52"), who=10))
    assert counts(await read_once(site.make(), first.cursor)) == {"orange": {"08:51": 4, "08:52": 1}}


async def test_people_of_a_rotated_log_are_known_after_a_restart(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1))
    first = await read_once(site.source)
    site.log.rotate()
    site.log.write(combined(at("08:51"), who=2))
    second = await read_once(site.source, first.cursor)
    site.log.write(combined(at("08:52"), who=1), combined(at("08:53"), who=2), combined(at("08:54"), who=3))
    assert counts(await read_once(site.make(), second.cursor)) == {"orange": {"08:54": 1}}


async def test_a_renamed_log_is_read_on_until_the_new_one_is_used(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1))
    reading = await read_once(site.source)
    old = AccessLog(site.log.rotate())
    reading = await read_once(site.source, reading.cursor)
    old.write(combined(at("08:57"), who=2))  # the server has not been told yet
    amended = await read_once(site.source, reading.cursor)
    site.log.write(combined(at("08:58"), who=3))
    last = await read_once(site.source, amended.cursor)
    assert counts(amended, last) == {"orange": {"08:57": 1, "08:58": 1}}


async def test_a_log_that_vanished_is_read_to_its_end_and_then_missed(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1))
    reading = await read_once(site.source)
    site.log.write(combined(at("08:57"), who=2))
    site.log.path.rename(site.log.path.with_name("access.log.1"))
    parts: list[Reading] = []

    async def drain() -> None:
        async for part in site.source.read(reading.cursor):
            parts.append(part)  # noqa: PERF401 - what came before the failure is wanted

    with pytest.raises(SourceError, match="introuvable"):
        await drain()
    assert counts(*parts) == {"orange": {"08:57": 1}}
    site.log.path.touch()
    assert (await read_once(site.source, parts[-1].cursor)).events == ()


async def test_a_log_packed_out_of_reach_is_begun_anew(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1))
    reading = await read_once(site.source)
    site.log.rotate().rename(site.log.path.with_name("access.log.1.gz"))
    site.log.write(combined(at("08:58"), who=2))
    assert counts(await read_once(site.source, reading.cursor)) == {"orange": {"08:58": 1}}


async def test_reading_again_from_a_cursor_gives_the_same(site: Site) -> None:
    site.log.write(*(combined(at(f"08:{50 + n}"), who=n) for n in range(8)))
    first = await read_once(site.source)
    assert await read_once(site.source) == first
    assert await read_once(site.make()) == first
    site.log.write(combined(at("08:58"), who=3), combined(at("08:59"), who=30))
    again = await read_once(site.source, first.cursor)
    assert await read_once(site.source, first.cursor) == again
    restarted = await read_once(site.make(), first.cursor)
    assert restarted == again  # and who was here before the restart is still known


@pytest.mark.parametrize("cursor", ["", "null", "{", '{"position": 3}', '{"site": "x", "told_to": 5}', "[1]"])
async def test_a_cursor_of_another_version_is_none(site: Site, cursor: str) -> None:
    site.log.write(combined(at("08:50")))
    assert counts(await read_once(site.source, cursor)) == {"orange": {"08:50": 1}}


async def test_a_kill_between_any_two_readings_loses_and_doubles_nothing(site: Site) -> None:
    expected: Counter[str] = Counter()
    stored: dict[datetime, int] = {}
    cursor: str | None = None
    for round_ in range(40):
        now = site.later(0.7)
        if round_ % 9 == 4:
            site.log.rotate()
        if round_ % 13 == 7:
            site.log.copy_and_truncate()
        for index in range(round_ % 4):
            at_ = now - timedelta(seconds=13 * index)
            site.log.write(combined(at_, who=100 * round_ + index))
            expected[f"{at_:%H:%M}"] += 1
        source = site.make() if round_ % 3 else site.source
        async for reading in source.read(cursor):
            if round_ % 5 == 1:
                break  # killed before it was stored
            cursor = reading.cursor
            stored |= {tally.start: tally.count for tally in reading.events if isinstance(tally, Tally)}
    site.later(5)
    async for reading in site.make().read(cursor):
        stored |= {tally.start: tally.count for tally in reading.events if isinstance(tally, Tally)}
    assert {f"{start:%H:%M}": count for start, count in stored.items() if count} == expected


async def test_a_long_log_is_handed_over_in_parts(site: Site) -> None:
    site.log.write(*(combined(at("00:00") + n * MINUTE, who=n) for n in range(500)))
    source = site.make(operators=[], site="")
    readings = [reading async for reading in source.read(None)]
    assert len(readings) > 1 or len(readings[0].events) <= 2_100
    assert all(len(reading.events) <= 2_100 for reading in readings)
    assert sum(counts(*readings)["orange"].values()) == 500
    resumed = [reading async for reading in site.make(operators=[], site="").read(readings[0].cursor)]
    assert counts(readings[0], *resumed) == counts(*readings)


async def test_only_the_end_of_a_huge_log_is_read_the_first_time(site: Site) -> None:
    line = combined(at("08:00"), "/" + "x" * 1_000)
    with site.log.path.open("w", encoding="utf-8") as file:
        file.write(combined(at("07:00"), who=1) + "\n")
        file.writelines([f"{line}\n"] * 15_200)
    site.log.write(combined(at("08:58"), who=2))
    assert site.log.path.stat().st_size > 16 * 1024 * 1024
    assert await site.counts() == {"orange": {"08:58": 1}}


async def test_a_line_without_end_is_passed_over(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1), "x" * 2_000_000, combined(at("08:51"), who=2))
    site.log.write(*(combined(at("08:52"), who=3 + n) for n in range(9)))
    assert await site.counts() == {"orange": {"08:50": 1, "08:51": 1, "08:52": 9}}


# --- settings ---


async def test_a_check_says_what_it_found(site: Site) -> None:
    site.log.write(combined(at("08:50"), who=1), combined(at("08:50"), "/", who=2))
    assert await site.source.check() == "2 lignes lues, 1 visites comptées pour un opérateur"
    site.log.path.unlink()
    with pytest.raises(SourceError, match="introuvable"):
        await site.source.check()


async def test_every_operator_is_counted_where_none_is_named(site: Site) -> None:
    site.log.write(combined(at("08:58")))
    reading = await read_once(site.make(operators=[]))
    assert {tally.operator for tally in reading.events if isinstance(tally, Tally)} == {"orange", "sfr"}


def test_it_says_what_it_is(tmp_path: Path) -> None:
    source = Site(tmp_path).source
    assert (source.name, source.kind, source.operator, source.hears) == ("audience", "audience", None, False)
    assert (source.interval, Settings.file_key, Settings.url_key) == (MINUTE, "log", "url")


@pytest.mark.parametrize("more", [{"operators": ["nobody"]}, {"pages": {"/x": "nobody"}}])
def test_an_unknown_operator_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="nobody is none of orange, sfr"):
        Site(tmp_path).make(**more)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"log": "a", "url": "https://x.example"},
        {"url": "https://x.example", "engine": "plausible"},
        {"log": "a", "count": []},
        {"log": "a", "fields": {"colour": "x"}},
        {"log": "a", "interval": 10},
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"kind": "audience", **values})


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything, so it steps down; who is not root is nobody enough."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


async def test_a_log_we_may_not_read(site: Site) -> None:
    await read_once(site.source)
    site.log.path.chmod(0)
    with nobody():
        error = await failure(site.source)
    assert error.reason == "journal interdit à la lecture"
