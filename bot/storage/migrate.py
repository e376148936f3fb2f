"""Brings a file up to date; apart from the rest because alembic costs more to import than the whole store to open."""

from collections.abc import Sequence
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, migrations: Path = MIGRATIONS) -> None:
    """Run all steps that are missing.

    The caller's transaction holds them all (SQLite's DDL is transactional as long as nobody commits in between), so a
    migration that is killed leaves the older file, and the next start begins again.

    Args:
        connection: In a transaction; the caller commits.
        migrations: Where the steps are; read from the package's folder, so that a wheel needs no `alembic.ini`.
    """
    script = ScriptDirectory(migrations, version_locations=[migrations])

    def missing(revisions: Sequence[str], _: MigrationContext) -> list[RevisionStep]:
        current = revisions[0] if revisions else "base"
        return list(script._upgrade_revs("head", current))  # noqa: SLF001 - alembic documents it for use without env.py

    context = MigrationContext.configure(connection, opts={"fn": missing})
    with Operations.context(context):
        context.run_migrations()
