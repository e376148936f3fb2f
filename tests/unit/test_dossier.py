"""The folder of a proof: exact files, sums that verify, words that claim no more than was checked."""

import csv
import hashlib
import json
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import dossier
from bot.domain.captures import Capture, Visit
from bot.domain.incidents import IncidentState
from bot.domain.operators import Operator
from bot.domain.signals import HealthState, StatusEntry
from bot.errors import InputError
from bot.ports import Changes, Heard, Store
from bot.storage.memory import MemoryStore
from bot.wiring import read_template
from tests.unit.storage.samples import at, entry, incident, mention

CALM, TROUBLE, ERROR = b"<main>Rien a signaler</main>", b"<main>Incident</main>", b"<html>503</html>"
ENDED = incident(3, IncidentState.RESOLVED, ended_at=at(60))


def capture(
    body: bytes, *, status: int = 200, content_type: str = "text/html", url: str = "https://etat.example/"
) -> Capture:
    digest = hashlib.sha256(body).hexdigest()
    headers = (("content-type", content_type),)
    return Capture(url, status, digest, len(body), headers, at(0), None if status == 304 else body)


def visit(minutes: float, *captures: Capture, telling: bool = False) -> Visit:
    return Visit("orange-etat", "orange", at(minutes), HealthState.OK, None, captures, telling)


def failed(minutes: float, *captures: Capture, telling: bool = False) -> Visit:
    return Visit("orange-etat", "orange", at(minutes), HealthState.UNREADABLE, "page d’erreur", captures, telling)


async def write(store: Store, folder: Path, language: str = "fr", now: datetime | None = None) -> Path:
    found = await store.incident("3")
    assert found is not None
    operator = Operator("orange", "Orange", ())
    binder = dossier.Binder(operator, language, ZoneInfo("Europe/Paris"), read_template(language, "proof"))
    proof = await dossier.gather(store, found, now or at(999))
    await dossier.write(store, proof, binder, folder, now or at(999))
    return folder


async def store_of(*visits: Visit, entries: tuple[StatusEntry, ...] = ()) -> MemoryStore:
    store = MemoryStore()
    signals = (mention(), *(Heard(said, "digest") for said in entries))
    await store.apply(Changes(signals=signals, incidents=(ENDED,), visits=visits))
    return store


def files_in(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def held(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def verified(folder: Path) -> bool:
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 0


def sums_are_right(folder: Path) -> bool:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files_in(folder)}
    del found["SHA256SUMS"]
    return told == found


async def test_the_folder_holds_every_content_every_check_and_nothing_of_the_public(tmp_path: Path) -> None:
    said = replace(entry(minutes=28), source="orange-etat", seen_at=at(30), title="Incident <b>messagerie</b>")
    store = await store_of(
        visit(-300, capture(CALM)),  # before: only tells since when these bytes were there
        visit(-120, capture(CALM, status=304)),
        visit(0, capture(CALM, status=304)),
        failed(10, capture(ERROR), telling=True),
        failed(15, capture(ERROR)),
        visit(20, capture(CALM), telling=True),
        visit(30, capture(TROUBLE), telling=True),
        visit(60, capture(TROUBLE, status=304)),
        visit(65, capture(TROUBLE, status=304)),  # after its end
        entries=(said,),
    )
    folder = await write(store, tmp_path / "proof")
    calm, trouble, error = (
        f"captures/20231205T{clock}Z-orange-etat-{hashlib.sha256(body).hexdigest()[:12]}.html"
        for clock, body in (("030000", CALM), ("083000", TROUBLE), ("081000", ERROR))
    )
    assert files_in(folder) == sorted(
        [
            "LISEZMOI.txt",
            "SHA256SUMS",
            "checks.csv",
            "manifest.json",
            *(f"{name}{more}" for name in (calm, trouble, error) for more in ("", ".headers.txt")),
        ]
    )
    assert [(folder / name).read_bytes() for name in (calm, trouble, error)] == [CALM, TROUBLE, ERROR]
    assert sums_are_right(folder)

    with (folder / "checks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["at"], row["state"], row["http_status"], row["file"]) for row in rows] == [
        ("2023-12-05T06:00:00Z", "ok", "304", calm),
        ("2023-12-05T08:00:00Z", "ok", "304", calm),
        ("2023-12-05T08:10:00Z", "unreadable", "200", error),
        ("2023-12-05T08:15:00Z", "unreadable", "200", error),
        ("2023-12-05T08:20:00Z", "ok", "200", calm),
        ("2023-12-05T08:30:00Z", "ok", "200", trouble),
        ("2023-12-05T09:00:00Z", "ok", "304", trouble),
    ]
    assert {row["sha256"] for row in rows} == {hashlib.sha256(body).hexdigest() for body in (CALM, TROUBLE, ERROR)}

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["incident"]["id"] == "orange-3"
    assert manifest["channels"] == [
        {
            "source": "orange-etat",
            "checks": 7,
            "good_checks": 5,
            "first_check_at": "2023-12-05T06:00:00Z",
            "last_check_at": "2023-12-05T09:00:00Z",
            "longest_gap_seconds": 7200.0,
            "longest_gap_from": "2023-12-05T06:00:00Z",
        }
    ]
    assert manifest["entries"][0]["sha256"] == [hashlib.sha256(TROUBLE).hexdigest()]  # the check that brought it
    assert set(manifest["files"]) == {*files_in(folder)} - {"manifest.json", "SHA256SUMS"}
    text = "".join((folder / name).read_text(encoding="utf-8") for name in files_in(folder))
    assert "author of" not in text
    assert "bluesky" not in text


async def test_the_page_in_words_says_what_was_checked_and_what_was_not(tmp_path: Path) -> None:
    store = await store_of(visit(-60, capture(CALM)), failed(0), visit(30, capture(CALM, status=304)))
    page = (await write(store, tmp_path / "proof") / "LISEZMOI.txt").read_text(encoding="utf-8")
    words = " ".join(page.replace("\xa0", " ").split())
    assert "CE QUE DISAIT LE CANAL OFFICIEL D’ORANGE Incident n° 3 (orange-3)" in words
    assert "du 05/12/2023 07:00:00 (deux heures avant" in words  # in the newsroom's zone
    assert "au 05/12/2023 10:00:00 (la fin de l’incident" in words
    assert "3 vérifications, de 05/12/2023 08:00:00 à 05/12/2023 09:30:00 dont 2 réussies" in words
    assert "Plus long intervalle sans vérification réussie : 1 h 30 min" in words
    assert "Échec : page d’erreur, 1 fois" in words
    assert "Un seul contenu, inchangé à l’octet près, a été lu" in words
    assert "Aucune annonce de Orange" not in words
    assert "Aucune annonce d’Orange publiée dans cet intervalle n’a été lue." in words
    assert "Octets non conservés" not in words


@pytest.mark.parametrize(("language", "name"), [("fr", "LISEZMOI.txt"), ("en", "README.txt")])
async def test_without_a_check_it_proves_nothing_and_says_so(tmp_path: Path, language: str, name: str) -> None:
    folder = await write(await store_of(), tmp_path / "proof", language)
    assert files_in(folder) == sorted([name, "SHA256SUMS", "checks.csv", "manifest.json"])
    words = " ".join((folder / name).read_text(encoding="utf-8").split())
    assert ("ne prouve donc aucun silence" if language == "fr" else "proves no silence") in words


async def test_an_open_incident_is_shown_up_to_now(tmp_path: Path) -> None:
    store = await store_of(*(visit(minute, capture(CALM)) for minute in (0, 100, 200)))
    await store.apply(Changes(incidents=(incident(3),)))
    folder = await write(store, tmp_path / "proof", now=at(150))
    assert (folder / "checks.csv").read_text(encoding="utf-8").count("\n") == 3


async def test_bytes_that_were_not_kept_are_told(tmp_path: Path) -> None:
    gone = replace(capture(CALM), body=None)  # as the store leaves it over the day's share
    folder = await write(await store_of(visit(0, gone, capture(TROUBLE))), tmp_path / "proof")
    assert "Octets non conservés\xa0: 1 contenu sur 2" in (folder / "LISEZMOI.txt").read_text(encoding="utf-8")
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["captures"]
    assert [(c["file"] is None, c["not_kept"] is None) for c in listed] == [(True, False), (False, True)]
    assert gone.digest in (folder / "checks.csv").read_text(encoding="utf-8")
    assert sums_are_right(folder)


async def test_files_are_named_by_what_is_in_them(tmp_path: Path) -> None:
    answers = [
        capture(b"{}", content_type="application/json; charset=utf-8"),
        capture(b"<rss/>", content_type="application/rss+xml"),
        capture(b"\xef\xbb\xbf <!DOCTYPE html><p>", content_type=""),
        capture(b"<feed/>", content_type="application/octet-stream"),
        capture(b"words", content_type="text/plain"),
        capture(b"\x00", content_type=""),
        capture(b"Subject: x", content_type="message/rfc822"),
        capture(b"{}", content_type="application/json", url="https://etat.example/other"),
    ]
    odd = replace(visit(0, *answers), source="../État d’Orange")
    names = [name for name in files_in(await write(await store_of(odd), tmp_path / "proof")) if name.startswith("cap")]
    assert all(name.startswith("captures/20231205T080000Z-tat-d-Orange-") for name in names)
    endings = sorted(Path(name).suffix for name in names if not name.endswith(".headers.txt"))
    assert endings == sorted([".json", ".xml", ".html", ".xml", ".txt", ".bin", ".eml", ".json"])


async def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    store = await store_of(visit(0, capture(CALM)))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    (tmp_path / "file").touch()
    for name in ("mine", "file"):
        with pytest.raises(InputError, match=f"{name}: is not empty"):
            await write(store, tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert sums_are_right(await write(store, tmp_path / "empty"))
    assert sums_are_right(await write(store, tmp_path / "new" / "one"))
    assert held(tmp_path) == ["empty", "file", "mine", "new"]


async def test_a_failure_half_way_leaves_nothing(tmp_path: Path) -> None:
    spoilt = replace(capture(CALM), body=b"other bytes than the sum says")
    store = await store_of(visit(0, capture(TROUBLE), spoilt))
    with pytest.raises(InputError, match="are not those that were read"):
        await write(store, tmp_path / "proof")
    assert held(tmp_path) == []
    (tmp_path / ".proof.part").mkdir()  # of one that was killed
    folder = await write(await store_of(visit(0, capture(TROUBLE))), tmp_path / "proof")
    assert held(tmp_path) == [folder.name]


async def test_the_sums_verify_with_the_tool_that_the_page_names(tmp_path: Path) -> None:
    folder = await write(await store_of(visit(0, capture(CALM))), tmp_path / "proof")
    assert verified(folder)
    next(folder.glob("captures/*.html")).write_bytes(b"forged")
    assert not verified(folder)
