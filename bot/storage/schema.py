"""The tables as this version of the code knows them; how a file gets there is in `migrations`.

Columns are what is asked for; the whole value is JSON beside them. Times are microseconds since 1970: they sort.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.types import TypeDecorator

HEAD = "0002"  # the last migration: it makes these tables

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        """Exact: no float in between."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """Aware UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


metadata = MetaData()

# `value` and `classification` become null when a mention's text is dropped: the row stays, so that it is known.
signals = Table(
    "signals",
    metadata,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),  # mention, entry, observation (of an entry's shape), tally
    Column("operator", String),  # of an entry or a tally
    Column("at", Instant, nullable=False),  # an entry's published_at, a tally's start
    Column("seen_at", Instant, nullable=False),
    Column("digest", String, nullable=False),
    Column("value", Text),
    Column("classification", Text),
    Index("signals_kind", "kind", "at"),
)

STATE = func.json_extract(signals.c.value, "$.state")  # of an entry or an observation

# A post that names two operators is two reports. `url` stands apart from the value, so that it can be dropped.
reports = Table(
    "reports",
    metadata,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("operator", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("url", String),
    Column("value", Text, nullable=False),
    Index("reports_at", "at"),
    Index("reports_operator", "operator", "at"),
)

health = Table(
    "health",
    metadata,
    Column("source", String, primary_key=True),
    Column("first_at", Instant, primary_key=True),
    Column("last_at", Instant, nullable=False),
    Column("first", Text, nullable=False),
    Column("last", Text, nullable=False),
    Index("health_last", "source", "last_at"),
)

# Every check of an operator's own channel. `answers` is JSON: [number of the capture, HTTP status, server's time].
visits = Table(
    "visits",
    metadata,
    Column("source", String, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("operator", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("telling", Boolean, nullable=False),
    Column("answers", Text, nullable=False),
    Index("visits_operator", "operator", "at"),
    sqlite_with_rowid=False,
)

# Each content that an address had, once. `kept_at` and `packed_bytes` are null where its bytes were too many to keep.
captures = Table(
    "captures",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("url", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("telling", Boolean, nullable=False),
    Column("kept_at", Instant),
    Column("packed_bytes", Integer),
    UniqueConstraint("source", "url", "digest"),
    Index("captures_kept", "source", "kept_at"),
    Index("captures_digest", "digest"),
)

# Apart from the captures: a row that is touched at each check must be small.
bodies = Table(
    "bodies",
    metadata,
    Column("digest", String, primary_key=True),
    Column("packed", LargeBinary, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("source", String, primary_key=True),
    Column("value", Text, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("ended_at", Instant),
    Column("links_from", Instant),  # oldest evidence that still has its link
    Column("value", Text, nullable=False),
    Column("operator", String),  # with the next one, for what its silence rests on; always set
    Column("heard_from", Instant),
)

drafts = Table(
    "drafts",
    metadata,
    Column("incident", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("links_from", Instant),
    Column("value", Text, nullable=False),
    Index("drafts_number", "number", "revision"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("key", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("incident", String),
    Column("value", Text, nullable=False),
)

# `number` keeps the order in which intents were written; a delivery that changes keeps its place.
deliveries = Table(
    "deliveries",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("to", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("incident", String),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Instant),
    Column("remote", String),
    Column("reply_to", String),
    Column("error", Text),
    Index("deliveries_state", "state", "created_at"),
    Index("deliveries_card", "incident", "to", "kind"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
