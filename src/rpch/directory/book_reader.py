"""Reading the whole book, and then what changed: for those who keep a copy of it in memory.

Rows come as they are stored, attributes as JSON, so that a hundred thousand of them cost little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, LargeBinary, Select, func, select

from rpch.directory.database import Database
from rpch.directory.sign_in_names import entry_id_of, identity_written
from rpch.directory.tables import (
    DIRECTORY_STATE,
    ENTRIES,
    ENTRY_BINARIES,
    LINKS,
    TOMBSTONES,
)

BATCH: Final = 1000


class StoredEntry(NamedTuple):
    """One entry as it is stored."""

    id: int
    guid: UUID
    kind: str
    parent_id: int | None
    dn: str
    display_name: str
    alias: str
    mail: str | None
    hidden: bool
    attributes: str
    created: float
    changed: float


class StoredLink(NamedTuple):
    """One link: from whom, what it is called, to whom."""

    source_id: int
    name: str
    target_id: int


class BinaryPart(Enum):
    """What of a binary attribute is compared."""

    VALUE = auto()
    START = auto()  # as many bytes as the other has
    SIZE = auto()  # of all values together


_ENTRY: Final = tuple(ENTRIES.c[name] for name in StoredEntry._fields)
_LINK: Final = tuple(LINKS.c[name] for name in StoredLink._fields)


class BookReader:
    """The book of one database, read in bulk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def guid(self) -> UUID:
        """The name of this directory, which never changes."""
        with self._database.read() as connection:
            guid: UUID = connection.execute(select(DIRECTORY_STATE.c.guid)).scalar_one()
            return guid

    def revision(self) -> int:
        """The number of the last change."""
        with self._database.read() as connection:
            return _revision(connection)

    @contextmanager
    def since(self, revision: int) -> Iterator[BookChanges]:
        """What came after a revision, all of one moment; 0 is before everything."""
        with self._database.read() as connection:
            yield BookChanges(connection, revision)

    def binaries(self, ids: Sequence[int], names: Sequence[str]) -> dict[tuple[int, str], list[bytes]]:
        """Binary attributes of several entries."""
        found: dict[tuple[int, str], list[bytes]] = {}
        if not ids or not names:
            return found
        columns = ENTRY_BINARIES.c
        order = (columns.entry_id, columns.name, columns.position)
        with self._database.read() as connection:
            for some in _batches(ids):
                wanted = columns.entry_id.in_(some) & columns.name.in_(names)
                for row in connection.execute(select(ENTRY_BINARIES).where(wanted).order_by(*order)):
                    found.setdefault((row.entry_id, row.name), []).append(row.data)
        return found

    def entries_by_binary(
        self, name: str, part: BinaryPart, holds: Callable[[Any, Any], Any], wanted: bytes | int
    ) -> set[int]:
        """Entries of which a binary attribute, or its size, stands in a relation to something.

        `holds` is one of the comparisons of `operator`, of which the database does the same.
        """
        data = ENTRY_BINARIES.c.data
        found = select(ENTRY_BINARIES.c.entry_id).where(ENTRY_BINARIES.c.name == name)
        if part is BinaryPart.SIZE:
            size = func.sum(func.length(data))
            found = found.group_by(ENTRY_BINARIES.c.entry_id).having(holds(size, wanted))
        elif part is BinaryPart.START and isinstance(wanted, bytes):
            start = func.substr(data, 1, len(wanted), type_=LargeBinary)
            found = found.where(holds(start, wanted))
        else:
            found = found.where(holds(data, wanted))
        with self._database.read() as connection:
            return set(connection.scalars(found))

    def entry_of_account(self, name: str) -> int | None:
        """The entry of somebody who has signed in, by the name that calls are said to come from."""
        with self._database.read() as connection:
            return entry_id_of(connection, identity_written(name))


class BookChanges:
    """What a book has become since a revision. Only while its transaction lasts."""

    def __init__(self, connection: Connection, since: int) -> None:
        self._connection, self._since = connection, since
        self.revision = _revision(connection)

    def entries(self) -> Iterator[StoredEntry]:
        """Those that are new or changed."""
        wanted = select(*_ENTRY).order_by(ENTRIES.c.id)
        if self._since:  # in the order of the index that finds them: by id, all would be looked at
            changed = ENTRIES.c.revision > self._since
            wanted = select(*_ENTRY).where(changed).order_by(ENTRIES.c.revision, ENTRIES.c.id)
        with self._connection.execute(wanted.execution_options(yield_per=BATCH)) as rows:
            for row in rows:
                yield StoredEntry(*row)

    def removed(self) -> list[int]:
        """The ids of those that went."""
        gone = select(TOMBSTONES.c.entry_id).where(TOMBSTONES.c.revision > self._since)
        return list(self._connection.scalars(gone))

    def binary_names(self) -> dict[int, list[str]]:
        """Which binary attributes those have that are new or changed."""
        columns = (ENTRY_BINARIES.c.entry_id, ENTRY_BINARIES.c.name)
        wanted = select(*columns).where(ENTRY_BINARIES.c.position == 0)
        if self._since:
            wanted = wanted.where(ENTRY_BINARIES.c.entry_id.in_(self._changed_ids()))
        found: dict[int, list[str]] = {}
        for entry_id, name in self._connection.execute(wanted):
            found.setdefault(entry_id, []).append(name)
        return found

    def links(self) -> Iterator[StoredLink]:
        """All links of those that are new or changed; a change of links is one of the entry they start at."""
        wanted = select(*_LINK).order_by(*_LINK)
        if self._since:
            wanted = wanted.where(LINKS.c.source_id.in_(self._changed_ids()))
        with self._connection.execute(wanted.execution_options(yield_per=BATCH)) as rows:
            for row in rows:
                yield StoredLink(*row)

    def _changed_ids(self) -> Select[tuple[int]]:
        return select(ENTRIES.c.id).where(ENTRIES.c.revision > self._since)


def _revision(connection: Connection) -> int:
    revision: int = connection.execute(select(DIRECTORY_STATE.c.revision)).scalar_one()
    return revision


def _batches(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
