"""Keeps what operators' channels answered: each check small, each content once, its bytes packed and within bounds.

See docs/adr/0010-captures.md for what is dropped when.
"""

import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec.json import Decoder, Encoder
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from bot.domain.captures import Capture, Visit
from bot.domain.signals import HealthState
from bot.storage.schema import bodies, captures, incidents, visits

DAY_BYTES = 32 * 1024 * 1024  # packed, that one source may add in 24 h; twice that where it tells something new
AT_LEAST_EVERY = timedelta(minutes=30)  # bytes are kept so often whatever they add
_DAY = timedelta(days=1)
_LEVEL = 3  # of zlib: a few percent larger than its default, in half the time

_encode = Encoder().encode
_answers = Decoder(list[tuple[int, int, int | None]])
_headers = Decoder(tuple[tuple[str, str], ...])


def pack(told: Iterable[Visit]) -> dict[str, bytes]:
    """The bodies of these visits by their digest; a large page takes long, so not in the event loop."""
    found = (capture for visit in told for capture in visit.captures)
    return {capture.digest: zlib.compress(capture.body, _LEVEL) for capture in found if capture.body is not None}


def unpack(packed: bytes) -> bytes:
    """The bytes as they were read."""
    return zlib.decompress(packed)


def may_keep(packed_bytes: int, used_bytes: int, kept_at: datetime | None, visit: Visit) -> bool:
    """Whether the bytes of an answer are kept.

    Args:
        packed_bytes: Of this one.
        used_bytes: What its source has added in the 24 h before.
        kept_at: When it added anything last, in these 24 h.
        visit: The check it is an answer of.
    """
    allowed = DAY_BYTES * 2 if visit.telling else DAY_BYTES
    return used_bytes + packed_bytes <= allowed or kept_at is None or visit.at - kept_at >= AT_LEAST_EVERY


def write(connection: Connection, visit: Visit, packed: Mapping[str, bytes]) -> None:
    """Store a visit, unless it is there."""
    there = select(visits.c.at).where(visits.c.source == visit.source, visits.c.at == visit.at)
    if connection.execute(there).first() is not None:
        return
    answers = [
        (_number(connection, visit, capture, packed), capture.status, capture.dated and int(capture.dated.timestamp()))
        for capture in visit.captures
    ]
    row = {
        "source": visit.source,
        "at": visit.at,
        "operator": visit.operator,
        "state": visit.state,
        "reason": visit.reason,
        "telling": visit.telling,
        "answers": _encode(answers).decode(),
    }
    connection.execute(insert(visits), row)


def _number(connection: Connection, visit: Visit, capture: Capture, packed: Mapping[str, bytes]) -> int:
    """The number of a capture, which is stored where it is new."""
    new = insert(captures).values(
        source=visit.source,
        operator=visit.operator,
        url=capture.url,
        digest=capture.digest,
        size=capture.size,
        headers=_encode(capture.headers).decode(),
        first_at=visit.at,
        last_at=visit.at,
        telling=visit.telling,
    )
    c = captures.c
    known = new.on_conflict_do_update(
        index_elements=["source", "url", "digest"],
        set_={
            "first_at": func.min(c.first_at, new.excluded.first_at),
            "last_at": func.max(c.last_at, new.excluded.last_at),
            "telling": func.max(c.telling, new.excluded.telling),
        },
    )
    connection.execute(known)
    same = and_(c.source == visit.source, c.url == capture.url, c.digest == capture.digest)
    number: int = connection.execute(select(c.number).where(same)).scalar_one()
    body = packed.get(capture.digest)
    if body is not None and _is_wanted(connection, visit, capture.digest, len(body)):
        connection.execute(insert(bodies), {"digest": capture.digest, "packed": body})
        kept = update(captures).where(c.number == number).values(kept_at=visit.at, packed_bytes=len(body))
        connection.execute(kept)
    return number


def _is_wanted(connection: Connection, visit: Visit, digest: str, packed_bytes: int) -> bool:
    if connection.execute(select(bodies.c.digest).where(bodies.c.digest == digest)).first() is not None:
        return False
    c = captures.c
    lately = select(func.coalesce(func.sum(c.packed_bytes), 0), func.max(c.kept_at)).where(
        c.source == visit.source, c.kept_at > visit.at - _DAY, c.kept_at <= visit.at
    )
    used_bytes, kept_at = connection.execute(lately).one()
    return may_keep(packed_bytes, used_bytes, kept_at, visit)


def read(connection: Connection, operator: str, since: datetime, until: datetime) -> list[Visit]:
    """See `Store.visits`."""
    v = visits.c
    wanted = select(visits).where(v.operator == operator, v.at >= since, v.at <= until).order_by(v.at, v.source)
    theirs = select(captures).where(captures.c.operator == operator, captures.c.last_at >= since)
    known = {row.number: row for row in connection.execute(theirs)}
    return [
        Visit(
            source=row.source,
            operator=row.operator,
            at=row.at,
            state=HealthState(row.state),
            reason=row.reason,
            captures=tuple(
                _capture(known[number], status, dated)
                for number, status, dated in _answers.decode(row.answers)
                if number in known
            ),
            telling=row.telling,
        )
        for row in connection.execute(wanted)
    ]


def _capture(row: Row[tuple[object, ...]], status: int, dated: int | None) -> Capture:
    return Capture(
        url=row.url,
        status=status,
        digest=row.digest,
        size=row.size,
        headers=_headers.decode(row.headers),
        dated=None if dated is None else datetime.fromtimestamp(dated, UTC),
        first_at=row.first_at,
    )


def purge(connection: Connection, before: datetime, calm_before: datetime) -> int:
    """Drop what `Store.purge` says of visits; rows touched."""
    v, c, i = visits.c, captures.c, incidents.c
    in_incident = exists().where(
        i.operator == v.operator, i.heard_from <= v.at, or_(i.ended_at.is_(None), i.ended_at >= v.at)
    )
    over_incident = exists().where(
        i.operator == c.operator, i.heard_from <= c.last_at, or_(i.ended_at.is_(None), i.ended_at >= c.first_at)
    )
    statements = (
        delete(visits).where(_is_old(v.at, v.telling, before, calm_before), not_(in_incident)),
        delete(captures).where(_is_old(c.last_at, c.telling, before, calm_before), not_(over_incident)),
        delete(bodies).where(not_(exists().where(captures.c.digest == bodies.c.digest))),
    )
    return sum(connection.execute(statement).rowcount for statement in statements)


def _is_old(
    at: ColumnElement[datetime], telling: ColumnElement[bool], before: datetime, calm_before: datetime
) -> ColumnElement[bool]:
    return or_(at < before, and_(not_(telling), at < calm_before))
