"""Writes what an operator's channels answered during an incident into a folder that anybody can verify."""

import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.captures import Capture, Proof, Visit, distinct
from bot.domain.incidents import Incident
from bot.domain.operators import Operator
from bot.drafting.proof import proof_text
from bot.errors import InputError
from bot.ports import Store

_READ_ME = {"fr": "LISEZMOI.txt", "en": "README.txt"}
_SUFFIXES = (
    (re.compile(r"\bhtml\b"), ".html"),
    (re.compile(r"\bjson\b"), ".json"),
    (re.compile(r"\b(?:xml|rss|atom)\b"), ".xml"),
    (re.compile(r"^text/"), ".txt"),
    (re.compile(r"^message/rfc822\b"), ".eml"),
)
_BEGINS = ((b"{", ".json"), (b"[", ".json"), (b"<!doctype html", ".html"), (b"<html", ".html"), (b"<", ".xml"))
_DIGEST_CHARS = 12
_COLUMNS = ("at", "source", "state", "reason", "url", "http_status", "server_date", "sha256", "bytes", "file")

_Key = tuple[str, str, str]  # source, address, digest


@dataclass(frozen=True, slots=True)
class Binder:
    """In whose words, and for whom, a folder is written.

    Attributes:
        template: Jinja source of the page in words.
    """

    operator: Operator
    language: str
    zone: ZoneInfo
    template: str


async def gather(store: Store, incident: Incident, now: datetime) -> Proof:
    """What the store has kept of the operator's channels during an incident. Raises StoreError."""
    until = incident.ended_at or now
    visits = await store.visits(incident.operator, incident.heard_from, until)
    entries = await store.entries(incident.operator, incident.heard_from)
    own = (entry for entry in entries if entry.observer is None and entry.seen_at <= until)
    return Proof(incident, until, tuple(visits), tuple(own))


async def write(store: Store, proof: Proof, binder: Binder, folder: Path, made_at: datetime) -> None:
    """Write the folder, whole or not at all.

    Args:
        store: Has the bytes.
        proof: What there is to show.
        binder: Words.
        folder: Must not exist, or be empty.
        made_at: Now (aware UTC).

    Raises:
        InputError: There is something in the folder.
        StoreError: The bytes cannot be read.
    """
    part = _begin(folder)
    try:
        names = await _write_captures(store, proof, part)
        _write_rest(proof, binder, names, part, made_at)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _begin(folder: Path) -> Path:
    """A new folder beside it, which takes its place when all is written."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty: name another folder with --to")
    whole = folder.absolute()
    part = whole.with_name(f".{whole.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    (part / "captures").mkdir(parents=True)
    return part


async def _write_captures(store: Store, proof: Proof, part: Path) -> dict[_Key, str]:
    """Bytes and headers of each content; the names of the files, one body in memory at a time."""
    names: dict[_Key, str] = {}
    for visit, capture in distinct(proof.visits):
        body = await store.body(capture.digest)
        if body is None:
            continue
        if hashlib.sha256(body).hexdigest() != capture.digest:
            raise InputError(f"captures: {capture.digest}: its bytes in the store are not those that were read")
        name = names[_key(visit, capture)] = _name(visit, capture, body, set(names.values()))
        (part / name).write_bytes(body)
        lines = [f"url: {capture.url}", f"first-read: {_utc(capture.first_at)}"]
        lines += [f"{header}: {value}" for header, value in capture.headers]
        _write_text(part / f"{name}.headers.txt", "\n".join(lines) + "\n")
    return names


def _write_rest(proof: Proof, binder: Binder, names: dict[_Key, str], part: Path, made_at: datetime) -> None:
    _write_text(part / "checks.csv", _checks(proof, names))
    page = proof_text(
        binder.template,
        proof,
        binder.operator,
        language=binder.language,
        zone=binder.zone,
        file_of=lambda visit, capture: names.get(_key(visit, capture)),
        made_at=made_at,
        version=version("vigie"),
    )
    _write_text(part / _READ_ME[binder.language], page)
    manifest = _manifest(proof, names, made_at) | {"files": dict(_sums(part))}
    _write_text(part / "manifest.json", json.dumps(manifest, indent=1) + "\n")
    _write_text(part / "SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in _sums(part)))


def _sums(part: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(part.rglob("*")):
        if file.is_file():
            with file.open("rb") as opened:
                yield file.relative_to(part).as_posix(), hashlib.file_digest(opened, "sha256").hexdigest()


def _checks(proof: Proof, names: dict[_Key, str]) -> str:
    """A line an answer, and one for a check without any."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for visit in proof.visits:
        check = (_utc(visit.at), visit.source, visit.state.value, visit.reason or "")
        for capture in visit.captures:
            dated = _utc(capture.dated) if capture.dated else ""
            file = names.get(_key(visit, capture), "")
            rows.writerow((*check, capture.url, capture.status or "", dated, capture.digest, capture.size, file))
        if not visit.captures:
            rows.writerow((*check, *[""] * (len(_COLUMNS) - len(check))))
    return text.getvalue()


def _manifest(proof: Proof, names: dict[_Key, str], made_at: datetime) -> dict[str, Any]:
    incident = proof.incident
    return {
        "made_at": _utc(made_at),
        "vigie": version("vigie"),
        "incident": {
            "id": incident.id,
            "number": incident.number,
            "operator": incident.operator,
            "state": incident.state.value,
            "first_report_at": _utc(incident.first_report_at),
            "opened_at": _utc(incident.opened_at),
            "ended_at": _utc(incident.ended_at),
        },
        "since": _utc(incident.heard_from),
        "until": _utc(proof.until),
        "silence_as_last_drafted": {
            "state": incident.silence.state.value,
            "since": _utc(incident.silence.since),
            "checked_at": _utc(incident.silence.checked_at),
        },
        "channels": [
            {
                "source": channel.source,
                "checks": len(channel.visits),
                "good_checks": len(channel.good),
                "first_check_at": _utc(channel.visits[0].at),
                "last_check_at": _utc(channel.visits[-1].at),
                "longest_gap_seconds": channel.longest_gap.length.total_seconds(),
                "longest_gap_from": _utc(channel.longest_gap.start),
            }
            for channel in proof.channels
        ],
        "entries": [
            {
                "source": entry.source,
                "id": entry.id,
                "title": entry.title,
                "state": entry.state.value,
                "published_at": _utc(entry.published_at),
                "seen_at": _utc(entry.seen_at),
                "url": entry.url,
                "sha256": [capture.digest for capture in visit.captures] if (visit := proof.visit_of(entry)) else [],
            }
            for entry in proof.entries
        ],
        "captures": [
            {
                "file": names.get(_key(visit, capture)),
                "not_kept": None if _key(visit, capture) in names else "over what is kept of a source in one day",
                "source": visit.source,
                "url": capture.url,
                "sha256": capture.digest,
                "bytes": capture.size,
                "first_read_at": _utc(capture.first_at),
                "headers": dict(capture.headers),
            }
            for visit, capture in distinct(proof.visits)
        ],
    }


def _key(visit: Visit, capture: Capture) -> _Key:
    return visit.source, capture.url, capture.digest


def _name(visit: Visit, capture: Capture, body: bytes, taken: set[str]) -> str:
    """When these bytes were first read, by which source, and their sum's beginning."""
    first_at = capture.first_at or visit.at
    source = re.sub(r"[^\w.-]+", "-", visit.source, flags=re.ASCII).strip("-.") or "source"
    stem = f"captures/{first_at:%Y%m%dT%H%M%SZ}-{source}-{capture.digest[:_DIGEST_CHARS]}"
    suffix = _suffix(dict(capture.headers).get("content-type", ""), body)
    same = sum(name.startswith(stem) for name in taken)  # two addresses that answer alike
    return f"{stem}{f'-{same + 1}' if same else ''}{suffix}"


def _suffix(content_type: str, body: bytes) -> str:
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    named = (suffix for pattern, suffix in _SUFFIXES if pattern.search(content_type.lower()))
    begun = (suffix for begin, suffix in _BEGINS if start.startswith(begin))
    return next(named, next(begun, ".bin"))


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
