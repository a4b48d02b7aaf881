"""Links between imported entries, made when all of them are there.

Somebody may be named by GUID, DN, mail address or alias, and by the DN that another directory gave them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from rpch.auth.names import fold
from rpch.directory.database import Database
from rpch.directory.entries import Entry, EntryKind, NameKind, NewEntry, touch
from rpch.directory.growth import Growth
from rpch.directory.tables import ENTRIES, ENTRY_NAMES, LINKS
from rpch.directory.transfer.records import BadRecord, Record
from rpch.directory.upserts import insert_or

T = TypeVar("T")

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class _Wish:
    """Whom one entry shall be linked to."""

    entry_id: int
    links: Mapping[str, Sequence[str]]
    parent: str
    where: str


class Linker:
    """Remembers who shall be linked to whom, and then does it; or only says who would be missing."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock
        self._growth = Growth(database)
        self._wishes: list[_Wish] = []
        self._foreign: dict[str, int] = {}  # by the DN of another directory
        self._expected: set[str] = set()  # what those are called who would be made
        self._containers: set[str] = set()  # and what containers among them are

    def remember(self, entry: Entry, record: Record) -> None:
        """What a record wants for its entry."""
        foreign = record.attributes.get("distinguishedName")
        if isinstance(foreign, str):
            self._foreign[fold(foreign)] = entry.id
        if record.links or record.parent:
            self._wishes.append(_Wish(entry.id, record.links, record.parent, record.where))

    def expect(self, new: NewEntry, record: Record) -> None:
        """What a record would want that is not stored: it may be named by others all the same."""
        foreign = record.attributes.get("distinguishedName")
        names = {
            fold(name) for name in (new.mail, new.dn, new.alias, foreign) if isinstance(name, str) and name
        }
        guid = {fold(str(record.guid))} if record.guid is not None else set()
        self._expected |= names | guid
        if new.kind is EntryKind.CONTAINER:
            self._containers |= names | guid | {fold(new.display_name)}
        if record.links or record.parent:
            self._wishes.append(_Wish(0, record.links, record.parent, record.where))

    def run(
        self, fails: Callable[[BadRecord], None], progress: Callable[[int, int], None] = lambda done, of: None
    ) -> int:
        """Link everybody; how many links are new or gone. `progress` hears how many more of how many."""
        changes = 0
        for some in _batches(self._wishes):
            with self._database.write() as connection:
                linked = self._link(connection, some, fails)
            self._growth.stored(linked)
            changes += linked
            progress(len(some), len(self._wishes))
        return changes

    def foretell(
        self, fails: Callable[[BadRecord], None], progress: Callable[[int, int], None] = lambda done, of: None
    ) -> None:
        """Say who is named and would not be there."""
        for some in _batches(self._wishes):
            with self._database.read() as connection:
                known = self._resolve(connection, _named(some))
                parents = _containers(connection, {wish.parent for wish in some if wish.parent})
            for wish in some:
                if wish.parent and wish.parent not in parents and fold(wish.parent) not in self._containers:
                    fails(_no_container(wish))
                for link, names in wish.links.items():
                    for name in names:
                        if name not in known and fold(name) not in self._expected:
                            fails(_nobody(wish, link, name))
            progress(len(some), len(self._wishes))

    def _link(
        self, connection: Connection, wishes: Sequence[_Wish], fails: Callable[[BadRecord], None]
    ) -> int:
        known = self._resolve(connection, _named(wishes))
        parents = _containers(connection, {wish.parent for wish in wishes if wish.parent})
        placed = [wish.entry_id for wish in wishes if self._place(connection, wish, parents, fails)]
        wanted = dict.fromkeys(
            ((wish.entry_id, link) for wish in wishes for link in wish.links), frozenset[int]()
        )
        for wish in wishes:
            for link, names in wish.links.items():
                for name in names:
                    if name not in known:
                        fails(_nobody(wish, link, name))
                wanted[wish.entry_id, link] = frozenset(known[name] for name in names if name in known)
        linked = _replace_links(connection, wanted)
        if touched := sorted({*placed, *linked.keys()}):
            touch(connection, touched, self._clock())
        return len(placed) + sum(linked.values())

    def _place(
        self,
        connection: Connection,
        wish: _Wish,
        parents: Mapping[str, int],
        fails: Callable[[BadRecord], None],
    ) -> int:
        """Put an entry into its container; 1 when it was not there."""
        if not wish.parent:
            return 0
        parent = parents.get(wish.parent)
        if parent is None or parent == wish.entry_id:
            fails(_no_container(wish))
            return 0
        elsewhere = (ENTRIES.c.id == wish.entry_id) & ENTRIES.c.parent_id.is_distinct_from(parent)
        return connection.execute(update(ENTRIES).where(elsewhere).values(parent_id=parent)).rowcount

    def _resolve(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """Whom names mean."""
        found: dict[str, int] = {}
        left: dict[str, str] = {}
        for name in names:
            foreign = self._foreign.get(fold(name))
            if foreign is None:
                left[name] = fold(name)
            else:
                found[name] = foreign
        for find in (_by_guid, _by_column("mail_folded"), _by_column("dn_folded"), _by_alias):
            missing = [(name, folded) for name, folded in left.items() if name not in found]
            for some in _batches(missing):
                found.update(find(connection, dict(some)))
        return found


def _named(wishes: Sequence[_Wish]) -> set[str]:
    return {name for wish in wishes for names in wish.links.values() for name in names}


def _nobody(wish: _Wish, link: str, name: str) -> BadRecord:
    return BadRecord(wish.where, f"{link}: nobody is called {name!r}")


def _no_container(wish: _Wish) -> BadRecord:
    return BadRecord(wish.where, f"there is no container {wish.parent!r}")


_Resolve = Callable[[Connection, Mapping[str, str]], dict[str, int]]


def _by_guid(connection: Connection, names: Mapping[str, str]) -> dict[str, int]:
    guids: dict[UUID, str] = {}
    for name in names:
        try:
            guids[UUID(name)] = name
        except ValueError:
            continue
    rows = connection.execute(select(ENTRIES.c.guid, ENTRIES.c.id).where(ENTRIES.c.guid.in_(list(guids))))
    return {guids[guid]: entry_id for guid, entry_id in rows}


def _by_column(column: str) -> _Resolve:
    def find(connection: Connection, names: Mapping[str, str]) -> dict[str, int]:
        wanted = ENTRIES.c[column].in_(list(set(names.values())))
        rows = connection.execute(select(ENTRIES.c[column], ENTRIES.c.id).where(wanted))
        by_name = {row[0]: row[1] for row in rows}
        return {name: by_name[folded] for name, folded in names.items() if folded in by_name}

    return find


def _by_alias(connection: Connection, names: Mapping[str, str]) -> dict[str, int]:
    """By an alias that only one has."""
    columns = (ENTRY_NAMES.c.folded, ENTRY_NAMES.c.entry_id)
    wanted = ENTRY_NAMES.c.folded.in_(list(set(names.values()))) & (
        ENTRY_NAMES.c.kind == NameKind.ALIAS.value
    )
    owners: dict[str, list[int]] = {}
    for folded, entry_id in connection.execute(select(*columns).where(wanted)):
        owners.setdefault(folded, []).append(entry_id)
    return {name: owners[folded][0] for name, folded in names.items() if len(owners.get(folded, ())) == 1}


def _containers(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Containers by GUID, DN or display name."""
    wanted = list(names)
    if not wanted:
        return {}
    columns = (ENTRIES.c.id, ENTRIES.c.guid, ENTRIES.c.dn_folded, ENTRIES.c.display_name)
    found: dict[str, int] = {}
    for row in connection.execute(select(*columns).where(ENTRIES.c.kind == EntryKind.CONTAINER.value)):
        own = {str(row.guid), row.dn_folded, fold(row.display_name)}
        found.update((name, row.id) for name in wanted if {name.lower(), fold(name)} & own)
    return found


def _replace_links(
    connection: Connection, wanted: Mapping[tuple[int, str], frozenset[int]]
) -> dict[int, int]:
    """Make these the links of entries, by entry and name; how many are new or gone, by entry."""
    sources = sorted({source for source, _ in wanted})
    before: dict[tuple[int, str], set[int]] = {}
    for some in _batches(sources):
        columns = (LINKS.c.source_id, LINKS.c.name, LINKS.c.target_id)
        for source, name, target in connection.execute(select(*columns).where(LINKS.c.source_id.in_(some))):
            before.setdefault((source, name), set()).add(target)
    changes: dict[int, int] = {}
    rows: list[dict[str, int | str]] = []
    for (source, name), targets in wanted.items():
        there = before.get((source, name), set())
        if there == targets:
            continue
        changes[source] = changes.get(source, 0) + len(there ^ targets)
        for gone in _batches(sorted(there - targets)):
            mine = (LINKS.c.source_id == source) & (LINKS.c.name == name)
            connection.execute(delete(LINKS).where(mine & LINKS.c.target_id.in_(gone)))
        new = sorted(targets - there)
        rows += [{"source_id": source, "name": name, "target_id": target} for target in new]
    if rows:
        connection.execute(insert_or(connection.dialect, LINKS).on_conflict_do_nothing(), rows)
    return changes


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """So many that a statement can name them."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
