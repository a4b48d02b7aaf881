"""Who belongs to whom: members of groups, managers, delegates.

A link leads from one entry to another and has a name. Groups may be members of groups; whoever asks for all
groups of somebody gets those as well, and a circle of groups ends nowhere else than where it began.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from rpch.directory.database import Database
from rpch.directory.entries import COLUMNS, Entry, entry_of, touch
from rpch.directory.mirrored_entries import refuse_mirrored
from rpch.directory.tables import ENTRIES, LINKS
from rpch.directory.upserts import insert_or
from rpch.errors import ConfigError

MEMBER: Final = "member"
MANAGER: Final = "manager"
DELEGATE: Final = "delegate"
OWNER: Final = "owner"


class Links:
    """The links of a directory."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def add(self, source_id: int, name: str, *targets: int) -> None:
        """Link an entry to others; links that exist stay."""
        rows = [{"source_id": source_id, "name": name, "target_id": target} for target in targets]
        try:
            with self._database.write() as connection:
                _refuse(connection, source_id, name)
                touch(connection, [source_id], self._clock())
                if rows:
                    connection.execute(insert_or(connection.dialect, LINKS).on_conflict_do_nothing(), rows)
        except IntegrityError as error:
            raise ConfigError("link", f"{source_id} or one of {targets} is no entry") from error

    def remove(self, source_id: int, name: str, *targets: int) -> None:
        """Undo links; those that do not exist are no mistake."""
        mine = (LINKS.c.source_id == source_id) & (LINKS.c.name == name) & LINKS.c.target_id.in_(targets)
        with self._database.write() as connection:
            _refuse(connection, source_id, name)
            touch(connection, [source_id], self._clock())
            connection.execute(delete(LINKS).where(mine))

    def targets(self, source_id: int, name: str) -> list[Entry]:
        """Where an entry's links of a name lead: the members of a group."""
        linked = select(LINKS.c.target_id).where(LINKS.c.source_id == source_id, LINKS.c.name == name)
        with self._database.read() as connection:
            rows = connection.execute(select(*COLUMNS).where(ENTRIES.c.id.in_(linked)).order_by(ENTRIES.c.id))
            return [entry_of(row) for row in rows]

    def sources(self, target_id: int, name: str) -> list[Entry]:
        """Whose links of a name lead here: who has this manager."""
        linked = select(LINKS.c.source_id).where(LINKS.c.target_id == target_id, LINKS.c.name == name)
        with self._database.read() as connection:
            rows = connection.execute(select(*COLUMNS).where(ENTRIES.c.id.in_(linked)).order_by(ENTRIES.c.id))
            return [entry_of(row) for row in rows]

    def groups_of(self, entry_id: int) -> list[Entry]:
        """All groups somebody is in, directly or through other groups."""
        is_member = LINKS.c.name == MEMBER
        direct = select(LINKS.c.source_id.label("id")).where(LINKS.c.target_id == entry_id, is_member)
        groups = direct.cte("groups_of", recursive=True)
        outer = select(LINKS.c.source_id).join(groups, LINKS.c.target_id == groups.c.id).where(is_member)
        groups = groups.union(outer)
        wanted = select(*COLUMNS).where(ENTRIES.c.id.in_(select(groups.c.id))).order_by(ENTRIES.c.id)
        with self._database.read() as connection:
            return [entry_of(row) for row in connection.execute(wanted)]


def _refuse(connection: Connection, source_id: int, name: str) -> None:
    """Who else keeps an entry keeps its links; delegates are rights to mailboxes, and those are ours."""
    if name != DELEGATE:
        refuse_mirrored(connection, [source_id])
