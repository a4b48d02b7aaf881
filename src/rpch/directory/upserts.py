"""Inserts that know what to do when the row is there: the same words for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that takes `on_conflict_do_update` and `on_conflict_do_nothing`."""
    if dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
