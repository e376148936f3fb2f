"""One step's changes while they are being put together: they reach the store whole, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bot.domain.captures import Visit
from bot.domain.deliveries import Delivery
from bot.domain.incidents import Decision, Draft, Incident
from bot.domain.signals import Deletion, Health, Report
from bot.errors import StoreError
from bot.ports import Changes, Heard, Store

_log = structlog.get_logger()


@dataclass(slots=True)
class Batch:
    """`bot.ports.Changes`, still growing."""

    heard: list[Heard] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    retracted: list[tuple[str, str]] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    snapshot: bytes | None = None

    def changes(self) -> Changes:
        """As the store takes it."""
        return Changes(
            signals=tuple(self.heard),
            reports=tuple(self.reports),
            retracted=tuple(self.retracted),
            deletions=tuple(self.deletions),
            health=tuple(self.health),
            visits=tuple(self.visits),
            cursors=dict(self.cursors),
            incidents=tuple(self.incidents.values()),
            drafts=tuple(self.drafts),
            decisions=tuple(self.decisions),
            deliveries=tuple(self.deliveries),
            snapshot=self.snapshot,
        )


class Step:
    """The step in hand, until it is stored.

    Args:
        store: Takes what the step has changed.
        stir: Called when something was stored that waits to be delivered.

    Attributes:
        batch: What the step has changed so far, and what steps before it could not store.
    """

    def __init__(self, store: Store, stir: Callable[[], None]) -> None:
        self.batch = Batch()
        self._store = store
        self._stir = stir

    async def commit(self) -> None:
        """Store it; what cannot be stored now goes with the next step."""
        try:
            await self.flush()
        except StoreError as error:
            _log.error("store refuses", error=str(error))

    async def flush(self) -> None:
        """Store it.

        Raises:
            StoreError: it could not be stored; it is kept, unless it never can be.
        """
        changes = self.batch.changes()
        if not changes:
            return
        try:
            await self._store.apply(changes)
        except StoreError as error:
            if not error.retryable:
                self.batch = Batch()  # it would be refused for ever, and everything after it would wait
            raise
        self.batch = Batch()
        if changes.deliveries:
            self._stir()
