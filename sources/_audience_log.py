"""Counts the views in an access log while it is written; blocking, so it runs in a thread."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bot.domain.signals import HealthState
from bot.errors import SourceError
from sources._audience_lines import Line, parse_line
from sources._audience_names import Names
from sources._audience_tail import Position, lines_before, read_chunk
from sources._audience_views import Minutes, OwnHost, People, Way, is_view, way_of

_MOST_TOLD = 2_000  # counts in one transaction
_PEOPLE_BYTES = 1024 * 1024  # read again after a restart, for who was here
_MOST_NOTED = 200  # lines by which it is judged whether the log is understood


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where in the log, and what was counted so far in the minutes that may still change."""

    position: Position
    told_to: int | None = None
    alive: int = 0
    counts: dict[int, dict[str, int]] = {}
    own: str = ""


class Step(msgspec.Struct, frozen=True):
    """What a part of the log gave.

    Attributes:
        told: (minute, operator, count).
        at_end: There is no more for now.
    """

    told: list[tuple[int, str, int]]
    cursor: Cursor
    at_end: bool


class LogCounter:
    """Reads a log part by part.

    Args:
        path: The log.
        names: Who an address names.
        operators: Those that are counted.
        ways: Those that count.
        cursor: Where to go on.
        site: Host of the site, or empty: it is learned.
        fields: Our name → the log's, for JSON.
        behind_proxy: Whose a request is stands in X-Forwarded-For.
    """

    def __init__(
        self,
        path: Path,
        names: Names,
        operators: tuple[str, ...],
        ways: frozenset[Way],
        cursor: Cursor | None,
        *,
        site: str = "",
        fields: Mapping[str, str] | None = None,
        behind_proxy: bool = False,
    ) -> None:
        self._path = path
        self._names = names
        self._ways = ways
        self._site = site
        self._fields = fields
        self._behind_proxy = behind_proxy
        self._position = cursor.position if cursor else None
        self._minutes = (
            Minutes(operators, cursor.told_to, cursor.alive, cursor.counts) if cursor else Minutes(operators)
        )
        self._own = OwnHost(cursor.own if cursor else "")
        self._people = People()
        self._remembered = cursor is None
        self._good = self._bad = 0
        self._worst = ""
        self.lines = self.views = 0

    def step(self, now: int, over: int) -> Step:
        """Read on.

        Args:
            now: The present minute; a later one is a mistake of the server's clock.
            over: The first minute of which lines may still come.

        Raises:
            OSError: as `read_chunk`.
            SourceError: `unreadable`, where most lines of late are none; nothing of good ones is lost.
        """
        if not self._remembered and self._position is not None:
            for data in lines_before(self._path, self._position, _PEOPLE_BYTES):
                self._take(data, now, count=False)
            self._remembered = True
        chunk = read_chunk(self._path, self._position)
        taken = 0
        for data, _ in chunk.lines:
            if self._minutes.due() >= _MOST_TOLD:
                break
            taken += 1
            if not self._take(data, now) and not self._worst:
                self._worst = f"octet {chunk.lines[taken - 2][1] if taken > 1 else chunk.position.offset}"
        self._position = chunk.after(taken)
        at_end = chunk.at_end and taken == len(chunk.lines)
        if self._bad > self._good and at_end:
            raise SourceError(
                f"read {self._path.name}: most lines are none of a log",
                state=HealthState.UNREADABLE,
                reason=f"journal incompris à partir de l’{self._worst} : ni combined, ni common, ni JSON connu",
            )
        if at_end:
            self._minutes.pass_time(over)
        told = self._minutes.told()
        cursor = Cursor(
            self._position, self._minutes.told_to, self._minutes.alive, self._minutes.counts, self._own.host
        )
        return Step(told, cursor, at_end)

    def _take(self, data: bytes, now: int, *, count: bool = True) -> bool:
        """Take a line; whether it could be understood."""
        text = data.decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            return True
        line = parse_line(text, self._fields)
        if count:
            self._note(line)
        if line is None:
            return False
        if line.minute > now:
            line = line._replace(minute=now)
        if not self._site:
            self._own.learn(line)
        if count:
            self._minutes.hear(line.minute)
        if is_view(line):
            self._view(line, count=count)
        return True

    def _note(self, line: Line | None) -> None:
        self.lines += 1
        if line is None:
            self._bad += 1
        else:
            self._good += 1
        if self._good > self._bad:
            self._worst = ""
        if self._good + self._bad > _MOST_NOTED:
            self._good, self._bad = self._good // 2, self._bad // 2

    def _view(self, line: Line, *, count: bool) -> None:
        named = self._names.of(line.target)
        if not named.operators:
            return
        own = self._site or line.host or self._own.host
        way = way_of(line, own.removeprefix("www."))
        counts = way in self._ways or (named.searched and (way is Way.SITE or not own))
        address = line.forwarded.partition(",")[0].strip() if self._behind_proxy else ""
        for operator in named.operators:
            first = self._people.counts(operator, line, address or line.address, counted=counts, again=named.searched)
            if first and count:
                self._minutes.add(line.minute, operator)
                self.views += 1
