"""One step's changes while they are being put together: they reach the store whole, or not at all."""

from dataclasses import dataclass, field

from bot.domain.captures import Visit
from bot.domain.deliveries import Delivery
from bot.domain.incidents import Decision, Draft, Incident
from bot.domain.signals import Deletion, Health, Report
from bot.ports import Changes, Heard


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
