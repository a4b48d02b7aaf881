"""Brings a database up to date: runs the migrations it has not seen, once, whoever comes first.

All steps and the note of them are one transaction, on SQLite and on PostgreSQL: a database is either old or
new.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from rpch.directory.tables import REVISION
from rpch.errors import ConfigError

Transaction = Callable[[], AbstractContextManager[Connection]]

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME: Final = 0x72706368  # PostgreSQL's name of the lock for it: "rpch"
_VERSIONS: Final = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def upgrade(read: Transaction, write: Transaction) -> None:
    """Do what is missing: nothing for a current database, and `ConfigError` for one newer than we are."""
    with read() as connection:
        if revision_of(connection) == REVISION:
            return
    with write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if revision_of(connection) != REVISION:
            _run_migrations(connection)


def revision_of(connection: Connection) -> str | None:
    """The last migration a database has seen; None when it is empty."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.execute(select(_VERSIONS.c.version_num)).scalar()


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # a third of a second to load, and hardly ever needed
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        problem = "was made or changed by a newer version of this program; use that version"
        raise ConfigError("database", problem) from error
