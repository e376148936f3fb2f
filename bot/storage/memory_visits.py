"""The part of the store in memory that keeps what operators' channels answered."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.captures import Capture, Visit
from bot.domain.incidents import Incident
from bot.storage.visits import may_keep, pack, unpack

_DAY = timedelta(days=1)
_Key = tuple[str, str, str]  # source, address, digest
_Any = TypeVar("_Any")
_Held = TypeVar("_Held")


@dataclass(slots=True)
class _Content:
    """One content of one address; see the table `captures`."""

    capture: Capture
    operator: str
    first_at: datetime
    last_at: datetime
    telling: bool
    kept_at: datetime | None = None
    packed_bytes: int = 0


class MemoryVisits:
    """See `bot.storage.visits`, whose tables this does in dictionaries."""

    def __init__(self) -> None:
        self._visits: dict[tuple[str, datetime], Visit] = {}
        self._contents: dict[_Key, _Content] = {}
        self._bodies: dict[str, bytes] = {}

    def write(self, visit: Visit) -> None:
        """Store a visit, unless it is there."""
        if (visit.source, visit.at) in self._visits:
            return
        packed = pack([visit])
        for capture in visit.captures:
            fresh = _Content(replace(capture, body=None), visit.operator, visit.at, visit.at, visit.telling)
            content = self._contents.setdefault((visit.source, capture.url, capture.digest), fresh)
            content.first_at = min(content.first_at, visit.at)
            content.last_at = max(content.last_at, visit.at)
            content.telling = content.telling or visit.telling
            body = packed.get(capture.digest)
            if body is not None and capture.digest not in self._bodies and self._may_keep(visit, len(body)):
                self._bodies[capture.digest] = body
                content.kept_at, content.packed_bytes = visit.at, len(body)
        told = tuple(replace(capture, body=None) for capture in visit.captures)
        self._visits[visit.source, visit.at] = replace(visit, captures=told)

    def _may_keep(self, visit: Visit, packed_bytes: int) -> bool:
        lately = [
            (content.kept_at, content.packed_bytes)
            for (source, _, _), content in self._contents.items()
            if source == visit.source and content.kept_at and visit.at - _DAY < content.kept_at <= visit.at
        ]
        used_bytes = sum(size for _, size in lately)
        return may_keep(packed_bytes, used_bytes, max((at for at, _ in lately), default=None), visit)

    def read(self, operator: str, since: datetime, until: datetime) -> Sequence[Visit]:
        """See `Store.visits`."""
        found = (v for v in self._visits.values() if v.operator == operator and since <= v.at <= until)
        return [self._told(visit) for visit in sorted(found, key=lambda visit: (visit.at, visit.source))]

    def _told(self, visit: Visit) -> Visit:
        kept = ((c, self._contents.get((visit.source, c.url, c.digest))) for c in visit.captures)
        captures = (
            replace(
                content.capture,
                status=capture.status,
                dated=capture.dated and capture.dated.replace(microsecond=0),
                first_at=content.first_at,
            )
            for capture, content in kept
            if content is not None
        )
        return replace(visit, captures=tuple(captures))

    def body(self, digest: str) -> bytes | None:
        """See `Store.body`."""
        packed = self._bodies.get(digest)
        return None if packed is None else unpack(packed)

    def purge(self, before: datetime, calm_before: datetime, incidents: Collection[Incident]) -> int:
        """See `Store.purge`."""

        def is_old(at: datetime, telling: bool) -> bool:
            return at < before or (not telling and at < calm_before)

        def is_proof(operator: str, first_at: datetime, last_at: datetime) -> bool:
            return any(
                i.operator == operator and i.heard_from <= last_at and (i.ended_at is None or i.ended_at >= first_at)
                for i in incidents
            )

        visits = [
            key for key, v in self._visits.items() if is_old(v.at, v.telling) and not is_proof(v.operator, v.at, v.at)
        ]
        contents = [
            key
            for key, c in self._contents.items()
            if is_old(c.last_at, c.telling) and not is_proof(c.operator, c.first_at, c.last_at)
        ]
        _drop(self._visits, visits)
        _drop(self._contents, contents)
        needed = {digest for _, _, digest in self._contents}
        bodies = [digest for digest in self._bodies if digest not in needed]
        _drop(self._bodies, bodies)
        return len(visits) + len(contents) + len(bodies)


def _drop(held: dict[_Any, _Held], keys: Iterable[_Any]) -> None:
    for key in keys:
        del held[key]
