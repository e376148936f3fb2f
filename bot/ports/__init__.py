"""What the core asks of the outside, and what it offers to it: small protocols, no behaviour.

Adapters (`sources`, `handlers`, `handlers.targets`) see this package, `bot.domain`, `bot.clock` and `bot.errors` only.
An adapter module exposes `Settings` (a subclass of the settings base of its port) and
`create(settings, deps)`; its module name is its `kind` in the configuration.
"""

from bot.ports.desk import (
    Call,
    Desk,
    Inbox,
    OperatorStatus,
    Outcome,
    OutcomeKind,
    ReaderAnswer,
    ReaderMessage,
    Reception,
    SitesOut,
    SourceStatus,
    TakingBack,
    Welcome,
)
from bot.ports.destinations import Check, Destination, DestinationDeps, DestinationSettings, Handler, Pace, Target
from bot.ports.settings import AdapterSettings
from bot.ports.sources import MAX_BODY_BYTES, Event, Http, Reading, Response, Source, SourceDeps, SourceSettings
from bot.ports.store import Changes, Heard, Loaded, Store

__all__ = [
    "MAX_BODY_BYTES",
    "AdapterSettings",
    "Call",
    "Changes",
    "Check",
    "Desk",
    "Destination",
    "DestinationDeps",
    "DestinationSettings",
    "Event",
    "Handler",
    "Heard",
    "Http",
    "Inbox",
    "Loaded",
    "OperatorStatus",
    "Outcome",
    "OutcomeKind",
    "Pace",
    "ReaderAnswer",
    "ReaderMessage",
    "Reading",
    "Reception",
    "Response",
    "SitesOut",
    "Source",
    "SourceDeps",
    "SourceSettings",
    "SourceStatus",
    "Store",
    "TakingBack",
    "Target",
    "Welcome",
]
