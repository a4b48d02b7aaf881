"""The book itself: users, groups, contacts, rooms and containers, with their attributes.

Entries are plain values. `Entries` reads and changes them, each call in a transaction of its own; the
functions below it take a connection, for whoever changes more than entries at once. What most readers want
of an entry are columns; everything else is in `attributes`, by LDAP's names (`givenName`,
`telephoneNumber`): texts, numbers, truths, and lists of texts. Large and binary ones are not read with the
entry.

An entry's `id` is small, never used twice, and the same for everybody; its `guid` is the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from rpch.auth.names import fold, has_controls
from rpch.directory.database import Database
from rpch.directory.mirrored_entries import refuse_mirrored
from rpch.directory.tables import (
    ACCOUNTS,
    DIRECTORY_STATE,
    DN_SIZE,
    ENTRIES,
    ENTRY_BINARIES,
    ENTRY_NAMES,
    LINKS,
    NAME_SIZE,
    TOMBSTONES,
)
from rpch.errors import ConfigError

Value = str | int | bool | list[str]

BATCH: Final = 1000
RECIPIENTS: Final = "/o={organisation}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients"
ORGANISATION: Final = "First Organization"


class EntryKind(StrEnum):
    """What an entry stands for."""

    USER = "user"
    GROUP = "group"
    CONTACT = "contact"
    ROOM = "room"
    EQUIPMENT = "equipment"
    CONTAINER = "container"


class NameKind(StrEnum):
    """The names that an entry can be found by."""

    DISPLAY = "display"
    FIRST = "first"
    LAST = "last"
    ALIAS = "alias"
    MAIL = "mail"  # the primary address, and every other


_NAMES_OF_ATTRIBUTES: Final = {"givenName": NameKind.FIRST, "sn": NameKind.LAST}
PROXY_ADDRESSES: Final = "proxyAddresses"  # with their types: `SMTP:` the primary one, `smtp:` others


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What an entry is made of. Alias, DN and GUID are made where none is given."""

    kind: EntryKind
    display_name: str
    alias: str = ""
    mail: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    hidden: bool = False
    parent_id: int | None = None
    dn: str = ""
    guid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it was at its revision."""

    id: int
    guid: UUID
    kind: EntryKind
    parent_id: int | None
    dn: str
    display_name: str
    alias: str
    mail: str | None
    hidden: bool
    attributes: Mapping[str, Value]
    created: float
    changed: float
    revision: int


COLUMNS: Final = tuple(ENTRIES.c[each.name] for each in fields(Entry))
_decode_attributes: Final = msgspec.json.Decoder(dict[str, Value]).decode


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to the book after a revision: entries as they are now, and the ids of those that went."""

    revision: int
    entries: Sequence[Entry]
    removed: Sequence[int]


class Entries:
    """The book, read and changed."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    @property
    def database(self) -> Database:
        """Where they are."""
        return self._database

    def add(self, *new: NewEntry) -> list[Entry]:
        """Enter them, all or none; in the order they were given."""
        with self._database.write() as connection:
            return insert_entries(connection, new, self._clock())

    def get(self, *ids: int) -> dict[int, Entry]:
        """Those of these ids that exist."""
        with self._database.read() as connection:
            return get_entries(connection, ids)

    def by_dn(self, dn: str) -> Entry | None:
        """The entry of a DN, in any case."""
        with self._database.read() as connection:
            row = connection.execute(select(*COLUMNS).where(ENTRIES.c.dn_folded == fold(dn))).first()
        return entry_of(row) if row else None

    def by_guid(self, guid: UUID) -> Entry | None:
        """The entry of a GUID."""
        with self._database.read() as connection:
            row = connection.execute(select(*COLUMNS).where(ENTRIES.c.guid == guid)).first()
        return entry_of(row) if row else None

    def named(self, name: str, *, begins: bool = False, most: int = 100) -> list[Entry]:
        """Those that have such a name, or one that begins so; by id, and no more than asked for."""
        with self._database.read() as connection:
            return named_entries(connection, name, begins=begins, most=most)

    def listed(self, *, kinds: Sequence[EntryKind] = (), most: int = 100) -> list[Entry]:
        """Those of these kinds, or all; by id, and no more than asked for."""
        wanted = select(*COLUMNS).order_by(ENTRIES.c.id).limit(most)
        if kinds:
            wanted = wanted.where(ENTRIES.c.kind.in_([kind.value for kind in kinds]))
        with self._database.read() as connection:
            return [entry_of(row) for row in connection.execute(wanted)]

    def has_account(self, entry_id: int) -> bool:
        """Whether somebody signs in with it."""
        mine = select(ACCOUNTS.c.entry_id).where(ACCOUNTS.c.entry_id == entry_id)
        with self._database.read() as connection:
            return connection.execute(mine).first() is not None

    def change(self, changed: Entry) -> Entry:
        """Store what an entry has become; its id says which."""
        with self._database.write() as connection:
            refuse_mirrored(connection, [changed.id])
            return change_entry(connection, changed, self._clock())

    def remove(self, *ids: int) -> None:
        """Remove entries, and with them their accounts, links and settings."""
        with self._database.write() as connection:
            refuse_mirrored(connection, ids)
            remove_entries(connection, ids, self._clock())

    def revision(self) -> int:
        """The number of the last change; 0 while there was none."""
        with self._database.read() as connection:
            revision: int = connection.execute(select(DIRECTORY_STATE.c.revision)).scalar_one()
        return revision

    def changes(self, since: int = 0) -> Changes:
        """What changed after a revision; everything, when it is 0."""
        with self._database.read() as connection:
            revision = connection.execute(select(DIRECTORY_STATE.c.revision)).scalar_one()
            later = ENTRIES.c.revision > since
            rows = connection.execute(select(*COLUMNS).where(later))
            entries = sorted(map(entry_of, rows), key=lambda entry: entry.id)
            gone = connection.scalars(select(TOMBSTONES.c.entry_id).where(TOMBSTONES.c.revision > since))
            return Changes(revision, entries, sorted(gone))

    def binary(self, entry_id: int, name: str) -> list[bytes]:
        """A binary attribute's values; none when there is no such attribute."""
        mine = (ENTRY_BINARIES.c.entry_id == entry_id) & (ENTRY_BINARIES.c.name == name)
        with self._database.read() as connection:
            wanted = select(ENTRY_BINARIES.c.data).where(mine).order_by(ENTRY_BINARIES.c.position)
            return list(connection.scalars(wanted))

    def set_binary(self, entry_id: int, name: str, values: Sequence[bytes]) -> None:
        """Replace a binary attribute's values; no value removes it."""
        with self._database.write() as connection:
            refuse_mirrored(connection, [entry_id])
            touch(connection, [entry_id], self._clock())
            replace_binary(connection, entry_id, name, values)


def insert_entries(connection: Connection, new: Sequence[NewEntry], now: float) -> list[Entry]:
    """Enter many; `ConfigError` when a DN or mail address is taken."""
    if not new:
        return []
    revision = next_revision(connection)
    rows = [_row(each, now, revision) for each in new]
    found: list[Entry] = []
    statement = insert(ENTRIES).returning(*COLUMNS, sort_by_parameter_order=True)
    try:
        for start in range(0, len(rows), BATCH):
            found += map(entry_of, connection.execute(statement, rows[start : start + BATCH]))
    except IntegrityError as error:
        taken = ", ".join(each.mail or each.display_name for each in new[:3])
        raise ConfigError("entry", f"a mail address or DN is taken already: {taken}") from error
    _insert_names(connection, found)
    return found


def get_entries(connection: Connection, ids: Sequence[int]) -> dict[int, Entry]:
    """Those of these ids that exist."""
    found: dict[int, Entry] = {}
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        rows = connection.execute(select(*COLUMNS).where(ENTRIES.c.id.in_(some)))
        found.update((row.id, entry_of(row)) for row in rows)
    return found


def named_entries(connection: Connection, name: str, *, begins: bool, most: int) -> list[Entry]:
    """Those that have such a name, or one that begins so."""
    wanted = _folded(name)
    matches = ENTRY_NAMES.c.folded == wanted
    if begins:
        matches = (ENTRY_NAMES.c.folded >= wanted) & (ENTRY_NAMES.c.folded < wanted + "\U0010ffff")
    ids = select(ENTRY_NAMES.c.entry_id).where(matches)
    statement = select(*COLUMNS).where(ENTRIES.c.id.in_(ids)).order_by(ENTRIES.c.id).limit(most)
    return [entry_of(row) for row in connection.execute(statement)]


def change_entry(connection: Connection, changed: Entry, now: float) -> Entry:
    """Store what an entry has become; `ConfigError` when there is none, or a name is taken."""
    stored = replace(changed, changed=now, revision=next_revision(connection))
    row = _columns(stored)
    try:
        done = connection.execute(update(ENTRIES).where(ENTRIES.c.id == changed.id).values(row))
    except IntegrityError as error:
        raise ConfigError("entry", f"a mail address or DN is taken already: {changed.mail}") from error
    if not done.rowcount:
        raise ConfigError("entry", f"there is no entry {changed.id}")
    connection.execute(delete(ENTRY_NAMES).where(ENTRY_NAMES.c.entry_id == changed.id))
    _insert_names(connection, [stored])
    return stored


def replace_binary(connection: Connection, entry_id: int, name: str, values: Sequence[bytes]) -> None:
    """Give a binary attribute other values, in a change of the entry."""
    mine = (ENTRY_BINARIES.c.entry_id == entry_id) & (ENTRY_BINARIES.c.name == name)
    connection.execute(delete(ENTRY_BINARIES).where(mine))
    rows = [
        {"entry_id": entry_id, "name": name, "position": position, "data": data}
        for position, data in enumerate(values)
    ]
    if rows:
        connection.execute(insert(ENTRY_BINARIES), rows)


def remove_entries(connection: Connection, ids: Sequence[int], now: float) -> None:
    """Remove entries; others can see that they went, and that who named them does so no longer."""
    going = list(get_entries(connection, ids).values())
    if not going:
        return
    gone = [entry.id for entry in going]
    naming = select(LINKS.c.source_id).where(LINKS.c.target_id.in_(gone), LINKS.c.source_id.not_in(gone))
    if left := sorted(set(connection.scalars(naming))):
        touch(connection, left, now)
    revision = next_revision(connection)
    try:
        connection.execute(delete(ENTRIES).where(ENTRIES.c.id.in_(gone)))
    except IntegrityError as error:
        raise ConfigError("entry", "holds others; remove or move them first") from error
    stones = [{"entry_id": entry.id, "guid": entry.guid, "revision": revision} for entry in going]
    connection.execute(insert(TOMBSTONES), stones)


def touch(connection: Connection, ids: Sequence[int], now: float) -> None:
    """Something that belongs to these entries has changed."""
    changed = {"changed": now, "revision": next_revision(connection)}
    connection.execute(update(ENTRIES).where(ENTRIES.c.id.in_(ids)).values(changed))


def next_revision(connection: Connection) -> int:
    """The number of a change. Until the transaction ends nobody else writes, so numbers come in order."""
    after = DIRECTORY_STATE.c.revision + 1
    statement = update(DIRECTORY_STATE).values(revision=after).returning(DIRECTORY_STATE.c.revision)
    revision: int = connection.execute(statement).scalar_one()
    return revision


def entry_of(row: Row[Any]) -> Entry:
    """An entry from a row of `COLUMNS`."""
    values = dict(zip(_FIELDS, row, strict=True))
    values["kind"] = EntryKind(values["kind"])
    values["attributes"] = _decode_attributes(values["attributes"])
    return Entry(**values)


_FIELDS: Final = tuple(each.name for each in fields(Entry))


def _row(new: NewEntry, now: float, revision: int) -> dict[str, Any]:
    """The columns of a new entry."""
    guid = new.guid or uuid4()
    alias = new.alias or new.display_name
    dn = new.dn or f"{RECIPIENTS.format(organisation=ORGANISATION)}/cn={guid.hex}-{_dn_part(alias)}"
    values = {each.name: getattr(new, each.name) for each in fields(new)} | {"alias": alias, "dn": dn}
    return _columns(
        Entry(**(values | {"guid": guid, "id": 0, "created": now, "changed": now}), revision=revision)
    )


def _columns(entry: Entry) -> dict[str, Any]:
    """What is stored of an entry, without its id."""
    for name, text, most in (
        ("display-name", entry.display_name, NAME_SIZE),
        ("alias", entry.alias, NAME_SIZE),
        ("mail", entry.mail or "", NAME_SIZE),
        ("dn", entry.dn, DN_SIZE),
    ):
        if len(text) > most or has_controls(text):
            raise ConfigError(name, f"is longer than {most} characters, or holds control characters")
    values = {name: getattr(entry, name) for name in _FIELDS if name != "id"}
    values["attributes"] = msgspec.json.encode(entry.attributes).decode()
    values["kind"] = entry.kind.value
    values["dn_folded"] = fold(entry.dn)
    values["mail_folded"] = fold(entry.mail) if entry.mail else None
    return values


def _insert_names(connection: Connection, entries: Sequence[Entry]) -> None:
    rows = [
        {"folded": folded, "kind": kind.value, "entry_id": entry.id}
        for entry in entries
        for kind, folded in dict.fromkeys(_names(entry))
    ]
    for start in range(0, len(rows), BATCH):
        connection.execute(insert(ENTRY_NAMES), rows[start : start + BATCH])


def _names(entry: Entry) -> Iterator[tuple[NameKind, str]]:
    """Everything that an entry can be found by."""
    names = [(NameKind.DISPLAY, entry.display_name), (NameKind.ALIAS, entry.alias)]
    if entry.mail:
        names.append((NameKind.MAIL, entry.mail))
    for attribute, kind in _NAMES_OF_ATTRIBUTES.items():
        value = entry.attributes.get(attribute)
        names += [(kind, value)] if isinstance(value, str) else []
    addresses = entry.attributes.get(PROXY_ADDRESSES, [])
    for address in addresses if isinstance(addresses, list) else []:
        names.append((NameKind.MAIL, address.partition(":")[2] or address))
    for kind, name in names:
        if name:
            yield kind, _folded(name)


def _folded(name: str) -> str:
    return fold(name)[:NAME_SIZE]


def _dn_part(alias: str) -> str:
    """What of an alias may stand in a DN: clients send DNs in code pages, so plain letters only."""
    plain = "".join(char for char in alias if char.isascii() and (char.isalnum() or char in "._-"))
    return plain[:20] or "entry"
