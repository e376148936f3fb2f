"""A page that changes twice and fails once during an incident, read over a socket, and its proof by `vigie capture`."""

import asyncio
import csv
import hashlib
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters import build_http, build_sources
from bot.clock import ManualClock, SystemClock
from bot.config import load
from bot.domain.signals import HealthState
from bot.flow.listen import Listener
from bot.flow.newsroom import Outlets
from bot.flow.witness import Witness
from bot.ports import Changes
from bot.storage.sql import SqlStore
from bot.wiring import build_classifier, build_core
from tests.emulators.statuspages import HTML_ERROR, StatusPages, status_pages
from tests.unit.storage.samples import EIGHT, incident

pytestmark = pytest.mark.slow  # a parsing process, and the command as one

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("VIGIE_")} | {
    "PYTHONPATH": str(Path.cwd())
}
HTML, JSON = "text/html; charset=utf-8", "application/json"
CONFIG = """
[newsroom]
name = "Le Petit Journal"
[http]
allow_private = ["127.0.0.1:{port}"]
[[sources]]
kind = "page"
name = "orange-page"
operator = "orange"
url = "{page}"
selector = "main"
[[sources]]
kind = "statuspage"
name = "orange-json"
operator = "orange"
url = "{status}"
"""
CALM, OTHER_CALM, TROUBLE, REPAIRED = (
    f"<html><body><nav>{number}</nav><main>{text}</main></body></html>"
    for number, text in enumerate(
        (
            "Aucun incident en cours sur notre réseau.",
            "Aucun incident en cours sur notre réseau.",
            "Incident en cours : la messagerie est indisponible.",
            "La messagerie est rétablie, incident clos.",
        )
    )
)


def sum_of(body: str | bytes) -> str:
    return hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()


class Morning:
    """A newsroom with two channels of one operator, checked every five minutes of its own time."""

    def __init__(self, folder: Path, pages: StatusPages) -> None:
        text = CONFIG.format(port=pages.port, page=pages.url("/etat?region=all"), status=pages.url(""))
        (folder / "config.toml").write_text(text, encoding="utf-8")
        config = load(folder / "config.toml", {})
        self.clock = ManualClock(EIGHT - timedelta(minutes=10))
        self.store = SqlStore(folder / "var" / "vigie.db")
        self.http = build_http(config)
        witnesses: dict[str, Witness] = {}
        classifier = build_classifier(config)
        self.sources = build_sources(
            config,
            classifier=classifier,
            clock=self.clock,
            http=self.http,
            surging=lambda _: False,
            chats={},
            witnesses=witnesses,
        )
        core = build_core(
            config,
            store=self.store,
            clock=self.clock,
            classifier=classifier,
            outlets=Outlets(),
            author_key=b"tests",
            sources=[(source.name, source.kind, source.hears) for source in self.sources],
        )
        self.listeners = [
            Listener(source, core.newsroom, self.clock, lambda: 0.5, None, witnesses[source.name])
            for source in self.sources
        ]

    async def checked(self) -> None:
        for listener in self.listeners:
            await listener.once()
        self.clock.move_to(self.clock.now() + timedelta(minutes=5))

    async def close(self) -> None:
        for source in self.sources:
            await source.close()
        await self.http.close()
        await self.store.close()


async def live_through(folder: Path) -> None:
    """Ten minutes of calm, an incident told at 8:05, a failure at 8:10, and its end at 8:20."""
    async with status_pages() as pages:
        morning = Morning(folder, pages)
        await morning.store.open()
        for name in ("summary", "incidents"):
            pages.put(f"/api/v2/{name}.json", json.dumps({"page": {"name": name}, "incidents": []}), JSON)
        pages.put("/etat", CALM, HTML)
        await morning.checked()  # 7:50
        await morning.checked()
        pages.put("/etat", OTHER_CALM, HTML)
        await morning.checked()  # 8:00
        pages.put("/etat", TROUBLE, HTML)
        await morning.checked()
        pages.put_status("/etat", 403)
        await morning.checked()  # 8:10
        pages.put("/etat", TROUBLE, HTML)
        await morning.checked()
        pages.put("/etat", REPAIRED, HTML)
        await morning.checked()  # 8:20
        await morning.store.apply(Changes(incidents=(incident(3),)))
        await morning.close()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("room")
    asyncio.run(live_through(folder))
    asyncio.set_event_loop(None)  # asyncio.run leaves a closed one behind
    return folder


def vigie(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=60, check=False
    )


def test_each_check_and_each_content_is_proven(room: Path) -> None:
    done = vigie(room, "capture", "3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "capture-orange-3: 14 checks, 7 captures\n", "")
    folder = room / "capture-orange-3"
    command = ["sha256sum", "-c", "SHA256SUMS"]  # as the page in the folder says
    checked = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    assert {line.rpartition(": ")[2] for line in checked.stdout.splitlines()} == {"OK"}

    with (folder / "checks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    page = [row for row in rows if row["source"] == "orange-page"]
    contents = (CALM, CALM, OTHER_CALM, TROUBLE, HTML_ERROR, TROUBLE, REPAIRED)
    assert [row["sha256"] for row in page] == [sum_of(content) for content in contents]
    assert [row["http_status"] for row in page] == ["200", "304", "200", "200", "403", "304", "200"]
    assert [row["state"] for row in page] == ["ok"] * 4 + ["failing"] + ["ok"] * 2
    assert page[4]["reason"] == "accès refusé (HTTP 403)"
    times = [EIGHT + timedelta(minutes=minutes) for minutes in range(-10, 25, 5)]
    assert [datetime.fromisoformat(row["at"]) for row in page] == times
    assert {row["url"].rpartition("/")[2] for row in page} == {"etat?…"}
    for row in rows:
        assert sum_of((folder / row["file"]).read_bytes()) == row["sha256"]
        said = datetime.fromisoformat(row["server_date"])  # their clock: today's
        assert abs(said - SystemClock().now()) < timedelta(minutes=5)
    documents = [row for row in rows if row["source"] == "orange-json"]
    assert [row["http_status"] for row in documents] == ["200"] * 2 + ["304"] * 12  # two addresses a check

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [(c["source"], c["checks"], c["good_checks"]) for c in manifest["channels"]] == [
        ("orange-json", 7, 7),
        ("orange-page", 7, 6),
    ]
    assert [entry["sha256"] for entry in manifest["entries"]] == [[sum_of(TROUBLE)], [sum_of(REPAIRED)]]
    words = (folder / "LISEZMOI.txt").read_text(encoding="utf-8")
    assert "Échec\xa0: accès refusé (HTTP 403), 1\xa0fois" in words
    assert "5 contenus différents" in words


def test_what_cannot_be_written_is_said_in_one_line(room: Path) -> None:
    assert vigie(room, "capture", "orange-3", "--to", "there").returncode == 0
    again = vigie(room, "capture", "orange-3", "--to", "there")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "there: is not empty: name another folder with --to\n"
    unknown = vigie(room, "capture", "4")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "4: no such incident: its number or id stands on its card\n"


def test_every_good_check_that_a_silence_rests_on_has_its_captures(room: Path) -> None:
    async def both() -> tuple[set[datetime], set[datetime]]:
        store = SqlStore(room / "var" / "vigie.db", read_only=True)
        await store.open()
        checks = await store.checks(EIGHT - timedelta(hours=1))
        visits = await store.visits("orange", EIGHT - timedelta(hours=1), EIGHT + timedelta(hours=1))
        await store.close()
        proven = {visit.at for visit in visits if visit.captures}
        return {line.at for line in checks if line.state is HealthState.OK}, proven

    checks, proven = asyncio.run(both())
    asyncio.set_event_loop(None)
    assert checks
    assert checks <= proven
