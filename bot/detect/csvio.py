"""`vigie detect` without its files: counts in CSV in, verdicts in CSV out, to the letter of the contract."""

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from bot.detect.calendar import Calendar
from bot.detect.detector import Detector
from bot.detect.verdict import Verdict
from bot.errors import InputError

HEADER = "timestamp,count,expected,score,severity,return_days,state"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_COUNTS = ("count", "value")
_MOST = 10**9


class _Row(NamedTuple):
    line: int
    timestamp: str  # verbatim
    at: datetime
    reports: int
    exposure: float


def detect_csv(lines: Iterable[str], *, name: str, budget: float, calendar: Calendar) -> Iterator[str]:
    """Verdicts on a series of counts, header first; all input is read and checked before the first line comes out.

    Args:
        lines: `timestamp`, then `count` or `value`, then optional `exposure`; any regular step from 1 to 60 minutes.
            A missing row was not heard, and gives no row.
        name: Of the input, for error messages.
        budget: False alarms in 30 days.
        calendar: Whose days and hours the season follows; naive times are UTC all the same.

    Raises:
        InputError: `name:line: what: why`.
    """
    rows = list(_rows(lines, name))
    return _verdicts(rows, _step(rows, name), budget, calendar)


def _verdicts(rows: list[_Row], step: timedelta, budget: float, calendar: Calendar) -> Iterator[str]:
    yield HEADER
    minutes = step / _MINUTE
    detector = Detector(calendar, width_minutes=int(minutes) if minutes.is_integer() else minutes)
    before = rows[0].at - step
    for row in rows:
        missed = (row.at - before) // step - 1
        verdict = detector.step((row.at - _EPOCH) // _MINUTE, row.reports, row.exposure, budget, missed)
        yield _line(row, verdict)
        before = row.at


def _line(row: _Row, verdict: Verdict) -> str:
    numbers = (verdict.expected, verdict.score, verdict.severity)
    days = "" if verdict.return_days is None else _number(verdict.return_days)
    return f"{row.timestamp},{row.reports},{','.join(map(_number, numbers))},{days},{verdict.state}"


def _number(value: float) -> str:
    """Four digits, or all those before the point: short, and the same everywhere."""
    return f"{value:.4g}" if value < 1e4 else f"{value:.0f}" if value < 1e15 else f"{value:.3e}"  # noqa: PLR2004


def _rows(lines: Iterable[str], name: str) -> Iterator[_Row]:
    reader = csv.reader(lines, strict=True)
    try:
        header = [field.strip() for field in next(reader, [])]
        if not header:
            raise InputError(f"{name}:1: header: the file is empty")
        header[0] = header[0].removeprefix("\ufeff")
        if (
            header[0] != "timestamp"
            or header[1:2] not in ([_COUNTS[0]], [_COUNTS[1]])
            or header[2:] not in ([], ["exposure"])
        ):
            raise InputError(f"{name}:1: header: must be timestamp,count or timestamp,value, then perhaps exposure")
        for fields in reader:
            if fields:
                yield _row(fields, header, f"{name}:{reader.line_num}", reader.line_num)
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: row: {error}") from error


def _row(fields: list[str], header: list[str], where: str, line: int) -> _Row:
    if len(fields) != len(header):
        raise InputError(f"{where}: row: has {len(fields)} fields, the header {len(header)}")
    try:
        at = datetime.fromisoformat(fields[0].strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where}: timestamp: not a time: {fields[0]!r}") from error
    reports = _float(fields[1], where, header[1])
    if not 0 <= reports <= _MOST or not reports.is_integer():
        raise InputError(f"{where}: {header[1]}: must be a whole number from 0 to {_MOST}, got {fields[1].strip()}")
    exposure = 1.0
    if len(fields) > len(_COUNTS):
        exposure = _float(fields[2], where, "exposure")
        if not 0 <= exposure <= 1:
            raise InputError(f"{where}: exposure: must be from 0 to 1, got {fields[2].strip()}")
    return _Row(line, fields[0], at, int(reports), exposure)


def _float(field: str, where: str, what: str) -> float:
    try:
        value = float(field)
    except ValueError as error:
        raise InputError(f"{where}: {what}: not a number: {field!r}") from error
    if not math.isfinite(value):
        raise InputError(f"{where}: {what}: not a finite number: {field.strip()}")
    return value


def _step(rows: list[_Row], name: str) -> timedelta:
    """The one step of all rows: the smallest between two, of which every other is a multiple."""
    if not rows:
        raise InputError(f"{name}:2: rows: there are none")
    gaps = []
    for before, row in pairwise(rows):
        if row.at <= before.at:
            raise InputError(f"{name}:{row.line}: timestamp: not after the one before: {row.timestamp}")
        gaps.append(row.at - before.at)
    step = min(gaps, default=_MINUTE)
    for gap, row in zip(gaps, rows[1:], strict=True):
        if step > _HOUR or gap < _MINUTE:
            raise InputError(f"{name}:{row.line}: timestamp: steps must be from 1 to 60 minutes, got {gap}")
        if gap % step:
            raise InputError(f"{name}:{row.line}: timestamp: mixed steps: {gap} is no multiple of {step}")
    return step
