"""Whatever a stranger answers: a source reads it or says that it cannot, and nothing absurd comes out of it."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.domain.signals import Mention, StatusEntry, Tally
from bot.errors import InputError, SourceError
from bot.ports import MAX_BODY_BYTES, Event, Response, Source, SourceDeps
from sources._audience_lines import parse_line
from sources._scenario import parse_signals
from tests.fakes.source_world import NOW
from tests.flows.timetable import french

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[1] / "data"
URL = "https://status.operator.example/document.json"
MINUTE = int(NOW.timestamp()) - 600
ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, [], {}, 0, -1, True, "", "x" * 30_000, "\0", "nan", "1e999", "-5", "²", 1e308, 10**30, 2**63, [[[]]],
    {"a": {"b": [1]}}, [None, 1, "x"], "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "10000-01-01", "\ud800",
    "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "31/12/9999 23:59", "<b>" * 2_000, "&#x110000;&#0;",
])  # fmt: skip
MATOMO = [
    {
        "idVisit": 1,
        "referrerType": "search",
        "actionDetails": [
            {"type": "action", "url": "https://j.example/panne-orange", "pageTitle": "Panne", "timestamp": MINUTE},
            {"type": "search", "siteSearchKeyword": "panne orange", "timestamp": MINUTE + 5},
        ],
    }
]
PLAUSIBLE = {"results": [{"metrics": [3], "dimensions": ["/panne-orange"]}]}
POSTED = [
    {"mention": {"id": "1", "author": "a", "text": "panne", "published_at": "2026-03-02T08:00:00Z"}},
    {"tally": {"operator": "orange", "start": "2026-03-02T08:00:00Z", "seconds": 60, "count": 5}},
]
LINE = {
    "time": "2026-03-02T09:50:10+01:00",
    "request": {"uri": "/panne", "method": "GET"},
    "status": 200,
    "client": "::1",
}


class Answering:
    """An HTTP client whose every answer is the same."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - the port's
        *,
        total_seconds: float = 20.0,  # noqa: ARG002 - same
        max_bytes: int = MAX_BODY_BYTES,  # noqa: ARG002 - same
    ) -> Response:
        return Response(200, {"content-type": "application/json"}, self._body, url)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, *, total_seconds: float = 20.0
    ) -> Response:
        del body, total_seconds
        return await self.get(url, headers)


def places(node: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path of a document."""
    yield here
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*here, key))


def with_odd(node: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A document with something else at a path."""
    if not path:
        return odd
    key, *rest = path
    changed = with_odd(node[key], tuple(rest), odd)
    return node | {key: changed} if isinstance(node, dict) else [*node[:key], changed, *node[key + 1 :]]


def spoilt(document: Any) -> st.SearchStrategy[bytes]:
    """The document with odd values in one to three places, sometimes cut or with a byte changed."""

    @st.composite
    def draw(drawn: st.DrawFn) -> bytes:
        changed = document
        for _ in range(drawn(st.integers(1, 3))):
            changed = with_odd(changed, drawn(st.sampled_from(list(places(changed)))), drawn(ODD))
        body = json.dumps(changed).encode()
        at, byte = drawn(st.integers(0, len(body) - 1)), drawn(st.integers(0, 255))
        return drawn(st.sampled_from([body, body, body[:at], body[:at] + bytes([byte]) + body[at + 1 :]]))

    return draw()


def loaded(name: str) -> Any:
    return json.loads((DATA / name).read_bytes())


_AUDIENCE = {"url": URL, "operators": ["orange"]}
SOURCES: dict[str, tuple[str, dict[str, Any], Any]] = {  # kind, its block, what is answered
    "statuspage": ("statuspage", {"url": URL, "operator": "orange"}, loaded("statuspage/summary.json")),
    **{
        name: ("status_json", {"url": URL, "operator": "orange"}, loaded(f"status_json/{name}.json"))
        for name in ("cachet3", "google_cloud", "navitia", "better_stack", "home_made")
    },
    "mobile_sites": ("mobile_sites", {"url": URL}, loaded("mobile_sites/arcep.geojson")),
    "ioda": ("ioda", {"networks": {"orange": [3215]}}, loaded("ioda/events.json")),
    "mastodon": ("mastodon", {"instances": [URL], "hashtags": ["orange"]}, loaded("mastodon/tag.json")),
    "matomo": ("audience", _AUDIENCE, MATOMO),
    "plausible": ("audience", _AUDIENCE | {"engine": "plausible", "site": "j.example"}, PLAUSIBLE),
}


def judge(event: Event) -> None:
    """What may be kept of what was read."""
    if isinstance(event, StatusEntry | Mention):
        assert datetime(2004, 1, 1, tzinfo=UTC) < event.published_at <= NOW + timedelta(minutes=2)
        assert event.id
        event.id.encode()
        (event.title if isinstance(event, StatusEntry) else event.text).encode()
    elif isinstance(event, Tally):
        assert 0 <= event.count <= 2**53
        assert datetime(2004, 1, 1, tzinfo=UTC) < event.start <= NOW


@pytest.mark.parametrize("name", SOURCES)
@given(data=st.data())
def test_an_answer_is_read_or_refused(name: str, data: st.DataObject) -> None:
    kind, block, document = SOURCES[name]
    deps = SourceDeps(
        http=Answering(data.draw(spoilt(document))),
        clock=ManualClock(NOW),
        operators={operator.id: operator for operator in french().operators},
        gate=lambda _: True,
        surging=lambda _: False,
        user_agent="Vigie/test",
        refusal=lambda _: None,
        names=lambda text: ("orange",) if "orange" in text.casefold() else (),
        place=french().located,
    )
    module = import_module(f"sources.{kind}")
    source: Source = module.create(module.Settings.model_validate({"kind": kind, "name": kind, **block}), deps)

    async def read() -> None:
        async for reading in source.read(None):
            for event in reading.events:
                judge(event)

    with suppress(SourceError):
        asyncio.run(read())


@given(body=spoilt(POSTED))
def test_what_is_posted_is_taken_or_refused(body: bytes) -> None:
    with suppress(InputError):
        parse_signals(body, "webhook", NOW)


@given(body=spoilt(LINE))
def test_a_line_of_a_log_is_read_or_none(body: bytes) -> None:
    line = parse_line(body.decode("utf-8", "replace"))
    assert line is None or datetime.fromtimestamp(line.minute * 60, UTC).year > 2000
