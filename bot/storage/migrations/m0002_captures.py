"""What operators' channels answered; and of an incident, what its silence rests on."""

from datetime import UTC, datetime, timedelta
from json import loads

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Make the tables, and tell for each incident whose it is and since when its operator is heard."""
    op.create_table(
        "visits",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("telling", sa.Boolean, nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("visits_operator", "visits", ["operator", "at"])
    op.create_table(
        "captures",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("telling", sa.Boolean, nullable=False),
        sa.Column("kept_at", sa.BigInteger),
        sa.Column("packed_bytes", sa.Integer),
        sa.UniqueConstraint("source", "url", "digest"),
    )
    op.create_index("captures_kept", "captures", ["source", "kept_at"])
    op.create_index("captures_digest", "captures", ["digest"])
    op.create_table(
        "bodies",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.add_column("incidents", sa.Column("operator", sa.String))
    op.add_column("incidents", sa.Column("heard_from", sa.BigInteger))
    connection = op.get_bind()
    for name, value in connection.execute(sa.text("SELECT id, value FROM incidents")).all():
        incident = loads(value)
        heard_from = datetime.fromisoformat(incident["first_report_at"]) - timedelta(hours=2)
        connection.execute(
            sa.text("UPDATE incidents SET operator = :operator, heard_from = :heard_from WHERE id = :id"),
            {
                "operator": incident["operator"],
                "heard_from": (heard_from - _EPOCH) // timedelta(microseconds=1),
                "id": name,
            },
        )
