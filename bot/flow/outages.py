"""Outages that somebody knows of, as a table that an editor can write: what a backtest is measured against."""

import csv
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.errors import InputError

_COLUMNS = (["operator", "start", "end"], ["operator", "start", "end", "label"])


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage that somebody knows of.

    Attributes:
        label: In words, perhaps empty.
    """

    operator: str
    start: datetime
    end: datetime
    label: str = ""


def parse_outages(lines: Iterable[str], name: str, operators: Container[str]) -> list[Outage]:
    """Read `operator,start,end[,label]`, a row an outage; naive times are UTC.

    Raises:
        InputError: `name:line: what: why`.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [field.strip().removeprefix("\ufeff") for field in next(reader, [])]
        if header not in _COLUMNS:
            raise InputError(f"{name}:1: header: must be operator,start,end, then perhaps label")
        found = [_outage(fields, header, f"{name}:{reader.line_num}", operators) for fields in reader if fields]
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: row: {error}") from error
    return sorted(found, key=lambda outage: (outage.start, outage.operator))


def _outage(fields: list[str], header: list[str], where: str, operators: Container[str]) -> Outage:
    if len(fields) != len(header):
        raise InputError(f"{where}: row: has {len(fields)} fields, the header {len(header)}")
    operator, start, end = fields[0].strip(), _time(fields[1], where, "start"), _time(fields[2], where, "end")
    if operator not in operators:
        raise InputError(f"{where}: operator: unknown: {operator}")
    if end <= start:
        raise InputError(f"{where}: end: not after the start: {fields[2].strip()}")
    return Outage(operator, start, end, fields[3].strip() if len(fields) > len(_COLUMNS[0]) else "")


def _time(field: str, where: str, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(field.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where}: {what}: not a time: {field!r}") from error
