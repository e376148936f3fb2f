"""Every check of an operator's channel leaves a visit, in the transaction of what it brought."""

from datetime import UTC, datetime, timedelta

from bot.clock import ManualClock
from bot.config import load
from bot.domain.captures import Capture
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import SourceError
from bot.flow.listen import Listener
from bot.flow.newsroom import Outlets
from bot.ports import Reading
from bot.wiring import build_core
from tests.fakes.full_store import FullStore
from tests.fakes.sources import ScriptedSource
from tests.flows.timetable import french

NOW = datetime(2024, 3, 12, 8, tzinfo=UTC)
REFUSED = SourceError("GET page: 503", state=HealthState.UNREACHABLE, reason="HTTP 503")


def entry(state: EntryState) -> StatusEntry:
    return StatusEntry("orange-etat", "orange", "e1", "Incident messagerie", state, NOW, NOW)


class Room:
    """One channel before a newsroom."""

    def __init__(self, operator: str | None = "orange") -> None:
        self.clock = ManualClock(NOW)
        self.store = FullStore()
        self.source = ScriptedSource("orange-etat", operator=operator)
        core = build_core(
            load(None, {}),
            store=self.store,
            clock=self.clock,
            classifier=french(),
            outlets=Outlets(),
            author_key=b"tests",
            sources=[(self.source.name, self.source.kind, self.source.hears)],
            snapshots=False,
        )
        self.listener = Listener(self.source, core.newsroom, self.clock, lambda: 0.5, None)

    async def check(self, step: Reading | Exception) -> None:
        self.source.script.append(step)
        await self.listener.once()
        self.clock.move_to(self.clock.now() + timedelta(minutes=5))

    async def visits(self) -> list[tuple[HealthState, str | None, bool]]:
        found = await self.store.visits("orange", NOW, self.clock.now())
        return [(visit.state, visit.reason, visit.telling) for visit in found]


async def test_a_check_is_telling_when_it_brings_an_entry_or_another_state() -> None:
    room = Room()
    investigating = Reading((entry(EntryState.INVESTIGATING),))
    for step in (Reading(), investigating, investigating, REFUSED, REFUSED, Reading()):
        await room.check(step)
    await room.check(Reading((entry(EntryState.RESOLVED),)))
    assert await room.visits() == [
        (HealthState.OK, None, True),  # the first sight
        (HealthState.OK, None, True),
        (HealthState.OK, None, False),  # said again
        (HealthState.UNREACHABLE, "HTTP 503", True),
        (HealthState.UNREACHABLE, "HTTP 503", False),
        (HealthState.OK, None, True),
        (HealthState.OK, None, True),
    ]


async def test_what_a_channel_without_http_said_is_kept_with_its_check() -> None:
    room = Room()
    said = Capture("imap://mail.example/INBOX", 0, "d", 4, body=b"said")
    await room.check(Reading(captures=(said,)))
    [visit] = await room.store.visits("orange", NOW, room.clock.now())
    assert [(capture.url, capture.status, capture.digest) for capture in visit.captures] == [(said.url, 0, "d")]
    assert await room.store.body("d") == b"said"


async def test_a_defect_and_a_refusal_are_checks_too() -> None:
    room = Room()
    await room.check(RuntimeError("defect"))
    assert [state for state, _, _ in await room.visits()] == [HealthState.FAILING]


async def test_a_source_that_is_no_operators_own_leaves_none() -> None:
    room = Room(operator=None)
    await room.check(Reading())
    await room.check(REFUSED)
    assert await room.visits() == []


async def test_a_full_disk_loses_no_check() -> None:
    room = Room()
    room.store.full = True
    await room.check(Reading())
    assert await room.visits() == []
    room.store.full = False
    await room.check(Reading())
    assert [telling for _, _, telling in await room.visits()] == [True, False]
