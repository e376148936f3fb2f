"""The first tables.

Spelled out, not taken from `bot.storage.schema`: a step must make today's tables also when those there have changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "signals",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("operator", sa.String),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("classification", sa.Text),
    )
    op.create_index("signals_kind", "signals", ["kind", "at"])
    op.create_table(
        "reports",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("operator", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("url", sa.String),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("reports_at", "reports", ["at"])
    op.create_index("reports_operator", "reports", ["operator", "at"])
    op.create_table(
        "health",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("first_at", sa.BigInteger, primary_key=True),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("last", sa.Text, nullable=False),
    )
    op.create_index("health_last", "health", ["source", "last_at"])
    op.create_table(
        "cursors",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("links_from", sa.BigInteger),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("incident", sa.String, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("links_from", sa.BigInteger),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("drafts_number", "drafts", ["number", "revision"])
    op.create_table(
        "decisions",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("incident", sa.String),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("to", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("incident", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.BigInteger),
        sa.Column("remote", sa.String),
        sa.Column("reply_to", sa.String),
        sa.Column("error", sa.Text),
    )
    op.create_index("deliveries_state", "deliveries", ["state", "created_at"])
    op.create_index("deliveries_card", "deliveries", ["incident", "to", "kind"])
    op.create_table(
        "snapshots",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
