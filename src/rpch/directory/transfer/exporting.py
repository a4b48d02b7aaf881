"""A directory into records, some hundreds at a time.

Others are named by their mail address where they have one, else by their GUID: both are good in any file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import func, select

from rpch.directory.book_reader import BookReader, StoredEntry
from rpch.directory.database import Database
from rpch.directory.entries import EntryKind
from rpch.directory.tables import ENTRIES
from rpch.directory.transfer.records import BINARY_ATTRIBUTES, Record

BATCH: Final = 500


def count_entries(database: Database) -> int:
    """How many there are."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(ENTRIES)).scalar_one()


def attribute_names(database: Database) -> list[str]:
    """Which attributes there are at all."""
    found: set[str] = set()
    with BookReader(database).since(0) as book:
        for entry in book.entries():
            found.update(json.loads(entry.attributes))
    return sorted(found)


def export_records(database: Database) -> Iterator[Record]:
    """Everything, containers first."""
    reader = BookReader(database)
    with reader.since(0) as book:
        names, parents = {}, {}
        for entry in book.entries():
            names[entry.id] = entry.mail if entry.mail and "@" in entry.mail else str(entry.guid)
            if entry.kind == EntryKind.CONTAINER:
                parents[entry.id] = str(entry.guid)
    with reader.since(0) as book:
        links: dict[int, dict[str, list[str]]] = {}
        for source, name, target in book.links():
            links.setdefault(source, {}).setdefault(name, []).append(names.get(target, ""))
    for wants_containers in (True, False):
        with reader.since(0) as book:
            entries = (
                entry for entry in book.entries() if (entry.kind == EntryKind.CONTAINER) is wants_containers
            )
            while batch := list(islice(entries, BATCH)):
                binaries = reader.binaries([entry.id for entry in batch], BINARY_ATTRIBUTES)
                for entry in batch:
                    yield _record(entry, links.get(entry.id, {}), parents, binaries)


def _record(
    entry: StoredEntry,
    links: dict[str, list[str]],
    parents: dict[int, str],
    binaries: dict[tuple[int, str], list[bytes]],
) -> Record:
    own: dict[str, Sequence[bytes]] = {
        name: binaries[entry.id, name] for name in BINARY_ATTRIBUTES if (entry.id, name) in binaries
    }
    return Record(
        kind=EntryKind(entry.kind),
        display_name=entry.display_name,
        alias=entry.alias,
        mail=entry.mail,
        dn=entry.dn,
        guid=entry.guid,
        hidden=entry.hidden,
        parent=parents.get(entry.parent_id, "") if entry.parent_id is not None else "",
        attributes=json.loads(entry.attributes),
        binaries=own,
        links={name: sorted(filter(None, others)) for name, others in links.items()},
    )
