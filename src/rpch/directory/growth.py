"""Tables that grow by much at once: PostgreSQL is told, or it goes on as if they were small.

It looks at a table's size by itself, but not until a minute later, and goes on using the plans that it made
before. Those of a table with a few hundred rows read all of it.
"""

from __future__ import annotations

from typing import Final

from rpch.directory.database import Database

FIRST: Final = 1000


class Growth:
    """Counts what is stored in one go, and has the database look each time that it has doubled."""

    def __init__(self, database: Database) -> None:
        self._database, self._stored, self._next = database, 0, FIRST

    def stored(self, rows: int) -> None:
        """So many more were stored, in transactions that have ended."""
        self._stored += rows
        if self._stored >= self._next:
            self._next = 2 * self._stored
            self._database.look_at_sizes()
