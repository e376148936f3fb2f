"""Rows of a list of mobile sites, from a file that may be CSV or GeoJSON in any old encoding, with lines before it."""

import codecs
import csv
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

_PREAMBLE_LINES = 40
_CELL_LINES = 20  # a text in quotes may be so long; one that is never closed may not swallow the list
_HEADER_NAMES = 3  # so many known names make a line the header
_LINE_CHARS = 20_000


class ListError(Exception):
    """It is no list of sites; the text says what it is, for an editor."""


def read_rows(body: bytes, known: Container[str]) -> tuple[Iterable[Mapping[str, str]], bool]:
    """The rows of a file, by the names of their columns (see `column`), and whether it is a CSV.

    Args:
        body: As it was read.
        known: Names of columns, which tell the header from the lines before it.

    Raises:
        ListError: It is no such file.
    """
    text = _text(body)
    start = text.lstrip()[:1]
    if start == "<":
        raise ListError("une page HTML ou XML au lieu d’une liste d’antennes")
    if start not in {"{", "["}:
        return _lines(text, known), True
    rows = list(_features(text))
    if rows and not any(name in known for row in rows for name in row):
        raise ListError("un GeoJSON dont aucun point n’est une antenne")
    return rows, False


@lru_cache(maxsize=1024)
def column(cell: str) -> str:
    """A column's name without accents, case and punctuation."""
    return re.sub(r"[^a-z0-9]+", "_", folded(cell).lower()).strip("_")


@lru_cache(maxsize=1024)
def folded(text: str) -> str:
    """Upper case without accents."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).strip().upper()


def _text(body: bytes) -> str:
    """Decoded: by its mark, else UTF-8, else the Windows charset of the French (whose é is windows-1250's, too)."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if body.startswith(mark):
            return body.removeprefix(mark).decode(encoding, "replace")
    if body.startswith((b"\xd0\xcf\x11\xe0", b"PK\x03\x04")):
        raise ListError("un fichier Excel : seuls le CSV et le GeoJSON sont lus")
    if (zeros := body[:200].count(0)) > len(body[:200]) // 4:  # every other byte of plain text
        return body.decode("utf-16-le" if body[1:200:2].count(0) * 2 > zeros else "utf-16-be", "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


# --- GeoJSON -----------------------------------------------------------------------------------------------------


class _Collection(msgspec.Struct, frozen=True):
    features: list[msgspec.Raw]


class _Feature(msgspec.Struct, frozen=True):
    properties: dict[str, Any] | None = None
    geometry: dict[str, Any] | None = None


_feature = msgspec.json.Decoder(_Feature).decode


def _features(text: str) -> Iterator[Mapping[str, str]]:
    try:
        features = msgspec.json.decode(text, type=_Collection).features
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ListError("du JSON sans les sites d’un GeoJSON") from error
    for raw in features:  # one by one: the loop in the other thread is let in between
        try:
            feature = _feature(raw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        row = {
            name: str(value)
            for name, value in (feature.properties or {}).items()
            if isinstance(value, str | int | float)
        }
        point = (feature.geometry or {}).get("coordinates")
        if isinstance(point, list) and len(point) >= 2:  # noqa: PLR2004 - longitude, latitude
            row |= {"lon": str(point[0]), "lat": str(point[1])}
        yield {column(name): value for name, value in row.items()}


# --- CSV ---------------------------------------------------------------------------------------------------------


def _lines(text: str, known: Container[str]) -> Iterator[Mapping[str, str]]:
    """Rows below the header; a quote that is never closed spoils its own line only."""
    lines = [line[:_LINE_CHARS] for line in re.split(r"\r\n|\r|\n", text)]
    best = max(
        (
            (named, -number, separator)
            for number, line in enumerate(lines[:_PREAMBLE_LINES])
            for separator in ";,\t|"
            if (named := _known_names(line, separator, known))
        ),
        default=(0, 0, ";"),
    )
    named, number, separator = best[0], -best[1], best[2]
    if named < _HEADER_NAMES:
        raise ListError("ni les colonnes d’une liste d’antennes, ni un GeoJSON")
    header = [column(cell) for cell in _cells(lines[number], separator)]
    at = number + 1
    while at < len(lines):
        line, end = lines[at], at + 1
        most = min(at + _CELL_LINES, len(lines))
        while line.count('"') % 2 and end < most and lines[end].count(separator) < len(header) - 1:
            line, end = f"{line}\n{lines[end]}", end + 1  # a text in quotes goes on, on a line that is no row itself
        if line.count('"') % 2 or len(_cells(line, separator)) != len(header):
            line, end = lines[at], at + 1
        if line.strip():
            yield dict(zip(header, _cells(line, separator), strict=False))
        at = end


def _known_names(line: str, separator: str, known: Container[str]) -> int:
    return len({name for cell in _cells(line, separator) if (name := column(cell)) in known})


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader((f"{part}\n" for part in line.split("\n")), delimiter=separator), [])
    except csv.Error:
        return line.split(separator)
