"""The scenario format has one reader, so that a replay, the demo and the tests agree to the letter on what a file says.

One JSON object a line, in order of `at`, each with exactly one of `mention`, `status`, `tally`, `health`, `decision`.
What programs post to `sources.webhook` is such an object too, or several, of the first three kinds.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

import bot
from bot.domain.incidents import Action, Decision
from bot.domain.operators import Service
from bot.domain.signals import EntryState, Health, HealthState, Mention, Signal, StatusEntry, Tally
from bot.errors import InputError
from bot.ports import Event

# Windows reach back hours and forward a day from the time of any line, and must find a date there.
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_BUNDLED = Path(bot.__file__).parent / "scenarios"
_A_MONTH_SECONDS = 31 * 86_400
_SIGNALS = ("mention", "status", "tally")
_KINDS = (*_SIGNALS, "health", "decision")
_CHOICES = {
    "status.state": EntryState,
    "health.state": HealthState,
    "decision.action": Action,
    "status.services": Service,
}

_Id = Annotated[str, msgspec.Meta(min_length=1)]


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    """Base of what a line may carry: an unknown key is an error."""


class _Mention(_Part):
    id: _Id
    author: str
    text: str
    url: str | None = None
    published_at: datetime | None = None
    operator_hint: _Id | None = None
    source: _Id = "scenario"


class _Status(_Part):
    operator: _Id
    id: _Id
    title: str
    state: EntryState
    published_at: datetime
    body: str = ""
    services: tuple[Service, ...] = ()
    area: str | None = None
    url: str | None = None
    observer: _Id | None = None
    place: _Id | None = None


class _Tally(_Part):
    operator: _Id
    start: datetime
    seconds: Annotated[int, msgspec.Meta(ge=1, le=_A_MONTH_SECONDS)]
    count: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    source: _Id


class _Health(_Part):
    source: _Id
    operator: _Id | None = None
    state: HealthState | None = None
    ok: bool | None = None
    reason: str | None = None


class _Decision(_Part):
    who: _Id
    action: Action
    incident: _Id | None = None
    text: str | None = None


class _Signals(_Part, kw_only=True):
    mention: _Mention | msgspec.UnsetType = msgspec.UNSET
    status: _Status | msgspec.UnsetType = msgspec.UNSET
    tally: _Tally | msgspec.UnsetType = msgspec.UNSET


class _Posted(_Signals, kw_only=True):
    at: datetime | None = None


class _Line(_Signals, kw_only=True):
    at: datetime
    health: _Health | msgspec.UnsetType = msgspec.UNSET
    decision: _Decision | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scenario.

    Attributes:
        at: When it was seen (aware UTC).
        number: Its place in the file, from 1, for errors found later.
    """

    at: datetime
    event: Event
    number: int


def parse(lines: Iterable[str | bytes], name: str) -> Iterator[Line]:
    """Read a scenario line by line; nothing is kept, so a file of years is fine.

    Args:
        lines: The file, or its lines. One blank line at the end is allowed.
        name: How errors call the file.

    Raises:
        InputError: `name:line: what: why`, when the iteration comes to that line.
    """
    last: datetime | None = None
    blank = number = 0
    for number, raw in enumerate(lines, 1):
        if blank:
            raise InputError(f"{name}:{blank}: blank line: only the last line may be blank")
        if not raw.strip():
            blank = number
            continue
        try:
            line = _decoded(raw.encode("utf-8", "replace") if isinstance(raw, str) else raw, _LINE)
            at = _in_order(_utc(line.at, "at"), last)
            event = _event(line, at, _KINDS)
        except ValueError as error:  # msgspec's errors, undecodable bytes and our own
            raise InputError(f"{name}:{number}: {_why(error)}") from error
        last = at
        yield Line(at, event, number)
    if last is None:
        raise InputError(f"{name}:{number or 1}: empty scenario: at least one line is needed")


def parse_signals(body: bytes, source: str, now: datetime) -> tuple[Signal, ...]:
    """Read what was posted: one object of the format, or an array of them, and all of it or nothing.

    Args:
        body: JSON. `at` may be left out: it is now; so may a tally's `source`.
        source: The source of all of them, whatever they say.
        now: When we see them (aware UTC).

    Raises:
        InputError: `what: why`, in an array after its place: `[3].mention.id: missing`.
    """
    place = ""
    try:
        posted = _decoded(body, _ANYTHING)
        signals: list[Signal] = []
        for index, item in enumerate(posted if isinstance(posted, list) else (posted,)):
            place = f"[{index}]." if isinstance(posted, list) else ""
            if isinstance(item, dict) and isinstance(tally := item.get("tally"), dict):
                tally.setdefault("source", source)
            line = msgspec.convert(item, _Posted)
            event = _event(line, _utc(line.at, "at") if line.at else now, _SIGNALS)
            if isinstance(event, Signal):
                signals.append(replace(event, source=source, seen_at=now))
    except ValueError as error:
        raise InputError(f"{place}{_why(error)}") from error
    except RecursionError:
        raise InputError(f"{place}not JSON that anybody means: nested too deeply") from None
    if not signals:
        raise InputError("empty array: at least one signal is needed")
    return tuple(signals)


def parse_file(path: Path) -> Iterator[Line]:
    """`parse` a file, which is open only while it is iterated."""
    try:
        with path.open("rb") as lines:
            yield from parse(lines, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def scenario_path(scenario: str) -> Path:
    """The file of a scenario given as a path or as the name of a bundled one.

    Raises:
        InputError: there is no such file; the text lists the bundled ones.
    """
    path = Path(scenario)
    if path.is_file():
        return path
    bundled = {file.stem: file for file in sorted(_BUNDLED.glob("*.jsonl"))}
    if scenario in bundled:
        return bundled[scenario]
    raise InputError(f"{scenario}: no such file: bundled scenarios are {', '.join(bundled)}")


Decoded = TypeVar("Decoded")
_LINE = msgspec.json.Decoder(_Line)
_ANYTHING = msgspec.json.Decoder(Any)


def _decoded(raw: bytes, decoder: msgspec.json.Decoder[Decoded]) -> Decoded:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"\\ud" not in raw.lower():
            raise
    # A post cut inside an emoji leaves half a surrogate pair, which msgspec refuses: it becomes U+FFFD.
    text = json.dumps(json.loads(raw), ensure_ascii=False)
    return decoder.decode(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _in_order(at: datetime, last: datetime | None) -> datetime:
    if last is not None and at < last:
        raise ValueError(f"at: {at.isoformat()} is earlier than the line before, {last.isoformat()}")
    return at


def _event(line: _Signals, at: datetime, kinds: Sequence[str]) -> Event:
    parts = [(kind, part) for kind in kinds if isinstance(part := getattr(line, kind), _Part)]
    if len(parts) != 1:
        found = " and ".join(kind for kind, _ in parts) or "none"
        raise ValueError(f"exactly one of {', '.join(kinds)} is needed: got {found}")
    match parts[0][1]:
        case _Mention() as m:
            published = at if m.published_at is None else _utc(m.published_at, "mention.published_at")
            return Mention(
                source=m.source,
                id=m.id,
                author=m.author,
                text=m.text,
                published_at=published,
                seen_at=at,
                url=m.url,
                operator_hint=m.operator_hint,
            )
        case _Status() as s:
            return StatusEntry(
                source=s.observer or f"status:{s.operator}",  # the format names none
                operator=s.operator,
                id=s.id,
                title=s.title,
                state=s.state,
                published_at=_utc(s.published_at, "status.published_at"),
                seen_at=at,
                body=s.body,
                services=s.services,
                area=s.area,
                url=s.url,
                observer=s.observer,
                place=s.place,
            )
        case _Tally() as t:
            start = _utc(t.start, "tally.start")
            return Tally(
                source=t.source, operator=t.operator, start=start, seconds=t.seconds, count=t.count, seen_at=at
            )
        case _Health() as h:
            return Health(source=h.source, operator=h.operator, state=_health_state(h), at=at, reason=h.reason)
        case _Decision() as d:
            if d.action is Action.EDIT and not d.text:
                raise ValueError("decision.text: missing: an edit needs the new text")
            return Decision(who=d.who, action=d.action, at=at, incident=d.incident, text=d.text)
        case _:  # pragma: no cover - _KINDS and the cases above are the same list
            raise AssertionError


def _health_state(health: _Health) -> HealthState:
    if (health.state is None) == (health.ok is None):
        raise ValueError("health.state: exactly one of state and ok is needed")
    if health.state is not None:
        return health.state
    return HealthState.OK if health.ok else HealthState.UNREACHABLE


def _utc(when: datetime, key: str) -> datetime:
    try:
        utc = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{key}: out of range: {when.isoformat()}") from None
    if key == "at" and not _FIRST_YEAR <= utc.year <= _LAST_YEAR:  # their clocks may be wrong, ours not
        raise ValueError(f"{key}: out of range: {when.isoformat()}")
    return utc


def _why(error: ValueError) -> str:
    """`what: why` on one printable line, whatever the file held."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        text = _reworded(text)
    elif isinstance(error, UnicodeDecodeError):
        text = f"not UTF-8: {text}"
    elif isinstance(error, msgspec.DecodeError | json.JSONDecodeError):
        text = f"not JSON: {text.removeprefix('JSON is malformed: ')}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:300]


def _reworded(text: str) -> str:
    """A msgspec message with its key first: "Expected `str`, got `int` - at `$.mention.id`" and the like."""
    said, _, where = text.rpartition(" - at `$")
    said, where = (said, where.rstrip("`").lstrip(".")) if said else (text, "")
    if field := re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", said, re.DOTALL):
        key = f"{where}.{field[2]}".lstrip(".")
        return f"{key}: unknown key" if field[1].endswith("unknown") else f"{key}: missing"
    if (choices := _CHOICES.get(re.sub(r"\[.*", "", where))) and (
        got := re.fullmatch(r"Invalid enum value '(.*)'", said)
    ):
        return f"{where}: must be one of {' '.join(choices)}, got {got[1]}"
    if said.startswith("Invalid RFC3339"):
        said = "must be an RFC 3339 time, such as 2023-12-05T08:10:00Z"
    return f"{where or 'line'}: {said[:1].lower()}{said[1:].replace('`', '')}"
