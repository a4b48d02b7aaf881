"""Records into a directory: new entries are made, known ones changed, and then all are linked.

An entry is known by its GUID, its DN or its mail address. What a file says of it is stored; what it does not
mention stays. Entries are stored some hundreds at a time, and links when all entries are there, since they
may name somebody who comes later in the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select

from rpch.auth.names import fold
from rpch.directory.database import Database
from rpch.directory.entries import (
    COLUMNS,
    Entry,
    NewEntry,
    change_entry,
    entry_of,
    insert_entries,
    replace_binary,
    touch,
)
from rpch.directory.growth import Growth
from rpch.directory.mirrored_entries import refuse_mirrored
from rpch.directory.sign_in_names import PEOPLE, SignInName, keep_sign_in_names, sign_in_names
from rpch.directory.tables import ENTRIES, ENTRY_BINARIES, MIRRORED
from rpch.directory.transfer.linking import Linker
from rpch.directory.transfer.records import BadRecord, Record
from rpch.errors import ConfigError

BATCH: Final = 500
MOST_PROBLEMS: Final = 100


@dataclass
class Outcome:
    """What an import came to. Of problems the first are kept, and all are counted."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    linked: int = 0
    failed: int = 0
    problems: list[BadRecord] = field(default_factory=list)

    def fails(self, problem: BadRecord) -> None:
        """One more that could not be imported."""
        self.failed += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


class Importer:
    """One import into one directory. `what_if` only finds out what it would come to.

    People sign in elsewhere by the names that their records say, as users of `domain`.
    """

    def __init__(
        self,
        database: Database,
        *,
        domain: str = "",
        what_if: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._what_if, self._clock, self._domain = database, what_if, clock, domain
        self._linker, self._growth = Linker(database, clock), Growth(database)
        self.outcome = Outcome()

    def run(
        self,
        records: Iterable[Record | BadRecord],
        *,
        progress: Callable[[int], None] = lambda done: None,
        linking: Callable[[int, int], None] = lambda done, of: None,
    ) -> Outcome:
        """Import everything.

        `progress` hears how many records more are done; `linking` then how many more of how many are linked.
        """
        batch: list[Record] = []
        keys: set[object] = set()
        for record in records:
            if isinstance(record, BadRecord):
                self.outcome.fails(record)
                progress(1)
                continue
            own = _keys(record)
            if len(batch) >= BATCH or keys & own:  # the same entry again must find itself
                self._store(batch)
                progress(len(batch))
                batch, keys = [], set()
            batch.append(record)
            keys |= own
        self._store(batch)
        progress(len(batch))
        if self._what_if:
            self._linker.foretell(self.outcome.fails, linking)
        else:
            self.outcome.linked = self._linker.run(self.outcome.fails, linking)
        return self.outcome

    def _store(self, batch: Sequence[Record]) -> None:
        """Store some; where one of them cannot be, each by itself."""
        if not batch:
            return
        try:
            done = self._store_together(batch)
        except ConfigError as error:
            if len(batch) == 1:
                self.outcome.fails(BadRecord(batch[0].where, f"{batch[0].display_name}: {error}"))
                return
            for record in batch:
                self._store([record])
            return
        self.outcome.added += sum(each.was is None for each in done)
        self.outcome.changed += sum(each.was is not None and each.differs for each in done)
        self.outcome.unchanged += sum(not each.differs for each in done)
        for each in done:
            if each.entry is not None:
                self._linker.remember(each.entry, each.record)
            else:
                self._linker.expect(_new(each.record), each.record)
        self._growth.stored(sum(each.was is None and each.entry is not None for each in done))

    def _store_together(self, batch: Sequence[Record]) -> list[_Stored]:
        """All of them, in one transaction."""
        now = self._clock()
        with self._database.read() if self._what_if else self._database.write() as connection:
            known = _known(connection, batch)
            plans = [_plan(connection, record, _find(known, record)) for record in batch]
            if self._what_if:
                return plans
            new = [plan for plan in plans if plan.was is None]
            made = insert_entries(connection, [_new(plan.record) for plan in new], now)
            entries = {id(plan): entry for plan, entry in zip(new, made, strict=True)}
            done = [
                replace(plan, entry=_write(connection, plan, entries.get(id(plan)), now)) for plan in plans
            ]
            self._keep_names(connection, done)
            return done

    def _keep_names(self, connection: Connection, done: Sequence[_Stored]) -> None:
        """As whom people sign in elsewhere; of whom a mirror keeps it says so itself."""
        names: dict[int, frozenset[SignInName]] = {}
        for each in done:
            record = each.record
            if each.entry is not None and record.kind in PEOPLE and (record.names or record.upns):
                names[each.entry.id] = sign_in_names(self._domain, record.names, record.upns)
        if names and self._domain:
            mirrored = select(MIRRORED.c.entry_id).where(MIRRORED.c.entry_id.in_(list(names)))
            for entry_id in connection.scalars(mirrored).all():
                del names[entry_id]
            keep_sign_in_names(connection, names)


@dataclass(frozen=True)
class _Stored:
    """What is to become of one record, and then the entry it became."""

    record: Record
    was: Entry | None
    wanted: Entry | None
    binaries: Mapping[str, Sequence[bytes]]
    entry: Entry | None = None

    @property
    def differs(self) -> bool:
        """Whether anything is to be stored."""
        return self.was is None or self.was != self.wanted or bool(self.binaries)


def _plan(connection: Connection, record: Record, entry: Entry | None) -> _Stored:
    if entry is None:
        return _Stored(record, None, None, record.binaries)
    wanted = replace(
        entry,
        kind=record.kind,
        display_name=record.display_name,
        alias=record.alias or entry.alias,
        mail=record.mail or entry.mail,
        hidden=record.hidden,
        attributes={**entry.attributes, **record.attributes},
    )
    return _Stored(record, entry, wanted, _other_binaries(connection, record, entry))


def _write(connection: Connection, plan: _Stored, made: Entry | None, now: float) -> Entry:
    """Store what differs. Pictures and certificates at once; links when everybody is there."""
    entry = made or plan.wanted
    if entry is None:
        raise ConfigError("entry", "was not made")
    if made is None and plan.differs:
        refuse_mirrored(connection, [entry.id])
    if made is None and plan.was != entry:
        change_entry(connection, entry, now)
    for name, values in plan.binaries.items():
        replace_binary(connection, entry.id, name, values)
    if plan.binaries:
        touch(connection, [entry.id], now)
    return entry


def _keys(record: Record) -> set[object]:
    """What an entry is known by."""
    keys: list[object] = [record.guid]
    keys.append(("dn", fold(record.dn)) if record.dn else None)
    keys.append(("mail", fold(record.mail)) if record.mail else None)
    return {key for key in keys if key is not None}


def _new(record: Record) -> NewEntry:
    return NewEntry(
        record.kind,
        record.display_name,
        alias=record.alias or (record.mail or "").partition("@")[0],
        mail=record.mail,
        attributes=record.attributes,
        hidden=record.hidden,
        dn=record.dn,
        guid=record.guid,
    )


def _known(connection: Connection, batch: Sequence[Record]) -> Mapping[object, Entry]:
    """The entries that these may be, by what they are known by."""
    guids = [record.guid for record in batch if record.guid is not None]
    dns = [fold(record.dn) for record in batch if record.dn]
    mails = [fold(record.mail) for record in batch if record.mail]
    found: dict[UUID | object, Entry] = {}
    rows: list[Row[Any]] = []
    # One question a column, each by its index: for all in one, PostgreSQL reads the whole table.
    for column, values in (
        (ENTRIES.c.guid, guids),
        (ENTRIES.c.dn_folded, dns),
        (ENTRIES.c.mail_folded, mails),
    ):
        rows += connection.execute(select(*COLUMNS).where(column.in_(values))).all() if values else ()
    for entry in map(entry_of, rows):
        found[entry.guid] = entry
        found["dn", fold(entry.dn)] = entry
        if entry.mail:
            found["mail", fold(entry.mail)] = entry
    return found


def _find(known: Mapping[object, Entry], record: Record) -> Entry | None:
    """The entry that a record is about; the GUID counts most, then the DN."""
    keys = [record.guid, ("dn", fold(record.dn)), ("mail", fold(record.mail or ""))]
    return next((known[key] for key in keys if key in known), None)


def _other_binaries(connection: Connection, record: Record, entry: Entry) -> dict[str, Sequence[bytes]]:
    """The pictures and certificates that are not the same."""
    stored: dict[str, list[bytes]] = {}
    mine = ENTRY_BINARIES.c.entry_id == entry.id
    if record.binaries:
        columns = (ENTRY_BINARIES.c.name, ENTRY_BINARIES.c.data)
        wanted = select(*columns).where(mine).order_by(ENTRY_BINARIES.c.name, ENTRY_BINARIES.c.position)
        for name, data in connection.execute(wanted):
            stored.setdefault(name, []).append(data)
    return {name: values for name, values in record.binaries.items() if stored.get(name, []) != list(values)}
