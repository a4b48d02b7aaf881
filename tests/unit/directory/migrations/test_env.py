"""Migrations and tables describe the same database."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rpch.directory.tables import METADATA, REVISION
from rpch.directory.upgrade import MIGRATIONS
from tests.unit.directory.conftest import Directory


def test_migrations_lead_to_the_tables(directory: Directory) -> None:
    with directory.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_newest_migration_is_the_revision_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]
