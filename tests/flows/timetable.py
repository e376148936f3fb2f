"""A day as a timetable: what people post, what the operator says, what editors decide, and what the desk receives.

The whole pipeline runs, from the scenario's text to the contract's lines, on virtual time and in memory.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from bot.classify import Classifier
from bot.clock import ManualClock
from bot.config import load
from bot.domain.incidents import Draft
from bot.flow.newsroom import Outlets
from bot.flow.replay import Line, contract_line, replay
from bot.storage.memory import MemoryStore
from bot.wiring import Core, build_classifier, build_core
from sources.replay import parse

Json = dict[str, Any]

# Short and natural: two people may well write the same, and the tests must not depend on who is a copyist.
_MAIL = (
    "plus de mail orange {place}",
    "impossible d'ouvrir ma messagerie orange {place}, vous aussi ?",
    "la boîte mail orange ne marche plus {place}",
    "orange : mails en panne {place} depuis ce matin",
    "mes mails orange ne passent plus {place}, rien ne charge",
    "panne de messagerie orange {place} ?",
)


@cache
def french() -> Classifier:
    """The classifier with the built-in operators; loaded once for all tests."""
    return build_classifier(load(None, {}))


class Day:
    """Builds a scenario line by line; times are `HH:MM` or `HH:MM:SS` UTC of one day, or later days by `d+1 HH:MM`."""

    def __init__(self, date: str = "2024-03-12") -> None:
        self._midnight = datetime.fromisoformat(date).replace(tzinfo=UTC)
        self._lines: list[tuple[datetime, int, Json]] = []
        self._posts = 0

    def time(self, clock: str) -> datetime:
        """The instant a clock text means."""
        days, _, rest = clock.rpartition(" ")
        hours, minutes, *seconds = (int(part) for part in rest.split(":"))
        offset = timedelta(days=int(days.removeprefix("d+") or 0), hours=hours, minutes=minutes)
        return self._midnight + offset + timedelta(seconds=seconds[0] if seconds else 0)

    def add(self, clock: str | datetime, **line: Any) -> "Day":
        """One line of the scenario."""
        at = clock if isinstance(clock, datetime) else self.time(clock)
        self._lines.append((at, len(self._lines), {"at": at.isoformat(), **line}))
        return self

    def post(self, clock: str | datetime, text: str, *, author: str | None = None, **more: Any) -> "Day":
        """One post by somebody."""
        self._posts += 1
        mention = {"id": f"p{self._posts}", "author": author or f"someone-{self._posts}", "text": text, **more}
        return self.add(clock, mention=mention)

    def surge(
        self, start: str, posts: int, minutes: float, *, place: str = "à Lille", source: str = "bluesky", **more: Any
    ) -> "Day":
        """Posts by as many people about Orange's mail, evenly spread over the minutes from `start` on."""
        for index in range(posts):
            text = _MAIL[index % len(_MAIL)].format(place=place)
            at = self.time(start) + timedelta(minutes=minutes) * index / posts
            self.post(at.replace(microsecond=0), text, source=source, **more)
        return self

    def checks(
        self, start: str, end: str, state: str = "ok", *, source: str = "orange-etat", every: int = 5, **more: Any
    ) -> "Day":
        """Checks of a source, Orange's own channel unless said otherwise."""
        more = {"operator": "orange", **more} if source == "orange-etat" else more
        at = self.time(start)
        while at <= self.time(end):
            self.add(at, health={"source": source, "state": state, **more})
            at += timedelta(minutes=every)
        return self

    def says(self, clock: str, state: str, title: str = "Incident messagerie", **more: Any) -> "Day":
        """An entry on Orange's own channel."""
        entry = {"operator": "orange", "id": "e1", "title": title, "state": state, **more}
        entry.setdefault("published_at", self.time(clock).isoformat())
        return self.add(clock, status=entry)

    def decides(self, clock: str, action: str, who: str = "Camille", **more: Any) -> "Day":
        """An editor's decision."""
        return self.add(clock, decision={"who": who, "action": action, **more})

    def until(self, clock: str) -> "Day":
        """Let the day go on: somebody says something that concerns nobody."""
        return self.post(clock, "belle soirée à tous")

    def lines(self) -> list[str]:
        """The scenario as its file has it."""
        return [json.dumps(line) for _, _, line in sorted(self._lines, key=lambda line: line[:2])]

    def run(self) -> list[Json]:
        """What the desk received, in order."""
        return desk_lines(self.lines())


def desk_lines(scenario: list[str]) -> list[Json]:
    """What the desk receives of a scenario, through the whole pipeline."""
    _, received = asyncio.run(lived(list(parse(scenario, "day"))))
    return [contract_line(draft) for draft in received]


async def lived(lines: Sequence[Line], *, snapshots: bool = False, again: bool = False) -> tuple[Core, list[Draft]]:
    """A newsroom that has lived through these lines (`again`: with other settings), and what its desk received."""
    received: list[Draft] = []
    clock = ManualClock(lines[0].at)
    core = build_core(
        load(None, {}),
        store=MemoryStore(),
        clock=clock,
        classifier=french(),
        outlets=Outlets(on_line=received.append),
        author_key=b"tests",
        snapshots=snapshots,
    )
    await replay(lines, "day", core.newsroom, clock, other_settings=again)
    return core, received


def minutes_of(day: Day, line: Json, since: str) -> float:
    """Minutes from a time of the day to a line."""
    return (datetime.fromisoformat(line["at"]) - day.time(since)).total_seconds() / 60
