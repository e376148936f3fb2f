"""A recorded scenario through the whole pipeline, minute by minute: what the desk would have received, and when."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from bot.clock import ManualClock
from bot.domain.incidents import Decision, Draft
from bot.domain.signals import Report
from bot.errors import InputError
from bot.flow.counts import MINUTE, bucket_of, bucket_start
from bot.flow.newsroom import Newsroom
from bot.ports import Event, OutcomeKind


class Line(Protocol):
    """One line of a scenario: when we saw it, and what; `number` is where it stands in its file."""

    @property
    def at(self) -> datetime:
        """When we saw it."""
        ...

    @property
    def number(self) -> int:
        """Where it stands in its file, from 1."""
        ...

    @property
    def event(self) -> Event | Report:
        """What was seen."""
        ...


async def replay(
    lines: Iterable[Line],
    name: str,
    newsroom: Newsroom,
    clock: ManualClock,
    *,
    speed: float | None = None,
    other_settings: bool = False,
) -> None:
    """Run a scenario until the bucket of its last line closes.

    Args:
        lines: In order of `at`.
        name: Of the scenario, for errors.
        newsroom: Its outlets receive the lines for the desk.
        clock: The newsroom's.
        speed: Scenario seconds a second; None: as fast as it goes.
        other_settings: Incidents need not be those that the decisions were about: a decision goes to the one its
            operator has then, or to nobody.

    Raises:
        InputError: `name:line: what: why`, for a decision that fits no incident.
    """
    started = False
    for line in lines:
        if not started:
            clock.move_to(line.at)
            await newsroom.advance()
            started = True
        await _close_to(line.at, newsroom, clock, speed)
        event = line.event
        if other_settings and isinstance(event, Decision):
            event = newsroom.cases.refitted(event)
        verdicts = await newsroom.take((event,))
        if not other_settings and any(verdict.kind is OutcomeKind.UNKNOWN for verdict in verdicts):
            raise InputError(f"{name}:{line.number}: decision.incident: no such incident, or not the only open one")
    if started:
        await _close_to(bucket_start(bucket_of(clock.now()) + 1), newsroom, clock, speed)


async def _close_to(at: datetime, newsroom: Newsroom, clock: ManualClock, speed: float | None) -> None:
    """Move to `at`, closing each bucket the moment it ends."""
    end = bucket_start(bucket_of(clock.now()) + 1)
    while end <= at:
        await _move(end, clock, speed)
        await newsroom.advance()
        end += MINUTE
    await _move(at, clock, speed)


async def _move(at: datetime, clock: ManualClock, speed: float | None) -> None:
    if speed is not None and at > clock.now():
        await asyncio.sleep((at - clock.now()).total_seconds() / speed)
    clock.move_to(at)


def contract_line(draft: Draft) -> dict[str, Any]:
    """One line of `vigie replay --json`, in the contract's keys and order."""
    incident = draft.incident
    surge = incident.surge
    return {
        "at": _time(draft.at),
        "kind": draft.kind.value,
        "incident": incident.id,
        "operator": incident.operator,
        "services": [service.value for service in incident.services],
        "places": [
            {"id": count.place.id, "level": count.place.level.value, "name": count.place.name, "n": count.n}
            for count in incident.places
        ],
        "state": incident.state.value,
        "reports": surge.reports,
        "expected": round(surge.expected, 2),
        "interval": {"start": _time(surge.interval.start), "end": _time(surge.interval.end)},
        "title": draft.title,
        "text": draft.text,
        "silence": {
            "state": incident.silence.state.value,
            "since": _time(incident.silence.since),
            "checked_at": _time(incident.silence.checked_at),
        },
        "evidence": [
            {"source": item.source, "id": item.id, "at": _time(item.at), "url": item.url} for item in incident.evidence
        ],
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
