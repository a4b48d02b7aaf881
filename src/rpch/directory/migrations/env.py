"""Runs migrations on the connection they are given, as part of its transaction.

Alembic loads this file by its path; `rpch.directory.upgrade` is who asks it to.
"""

from __future__ import annotations

from alembic import context

from rpch.directory.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
