"""Readings into the database: new entries are made, changed ones changed, all as one.

An entry keeps its id and its DN through renames there, since it is found by its GUID. A mail address or a DN
that another entry has stays with that one; the entry that came later is kept without it, and is read again
with every list until the address is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from rpch.auth.names import fold
from rpch.directory.entries import COLUMNS, Entry, NewEntry, change_entry, entry_of, insert_entries, touch
from rpch.directory.mirror.mirror_store import BATCH, UNFINISHED, Known, key_of, known_among
from rpch.directory.mirror.reading import Reading
from rpch.directory.sign_in_names import keep_sign_in_names
from rpch.directory.tables import ENTRIES, ENTRY_BINARIES, MIRRORED, MIRRORED_LINKS
from rpch.directory.upserts import insert_or


@dataclass
class Applied:
    """What a round came to so far, and what is left to link."""

    added: int = 0
    changed: int = 0
    sources: set[int] = field(default_factory=set)  # entries that name others otherwise than before
    keys: set[str] = field(default_factory=set)  # of DNs that lead to another entry than before


def apply_readings(
    connection: Connection,
    mirror_id: int,
    readings: Sequence[Reading],
    now: float,
    applied: Applied,
    says: Callable[[Reading, str], None],
) -> None:
    """Store some entries; what of them cannot be kept is said."""
    unique = list({each.guid: each for each in readings}.values())
    known = known_among(connection, mirror_id, [each.guid for each in unique])
    entries = _entries_of(connection, [each.guid for each in unique])
    _free_addresses(connection, unique, entries)
    fitted = _fitted(connection, unique, entries, says)
    made = insert_entries(connection, [_new(each) for each in fitted if each.guid not in entries], now)
    stored = {entry.guid: entry for entry in made}
    for reading in fitted:
        if reading.guid in entries:
            stored[reading.guid] = _changed(connection, entries[reading.guid], reading, now, applied)
    applied.added += len(made)
    for reading in fitted:
        entry = stored[reading.guid]
        _keep_binaries(connection, entry, reading, is_new=reading.guid not in entries, now=now)
        is_new = reading.guid not in entries
        _note(connection, mirror_id, entry.id, reading, known.get(reading.guid), applied)
        _note_links(connection, entry.id, reading, applied, is_new=is_new, is_known=reading.guid in known)
    keep_sign_in_names(connection, {stored[each.guid].id: each.sign_in_names for each in fitted})


def _entries_of(connection: Connection, guids: Sequence[UUID]) -> dict[UUID, Entry]:
    rows = connection.execute(select(*COLUMNS).where(ENTRIES.c.guid.in_(guids)))
    return {row.guid: entry_of(row) for row in rows}


def _free_addresses(
    connection: Connection, readings: Iterable[Reading], entries: Mapping[UUID, Entry]
) -> None:
    """Take from entries the addresses that they will no longer have, so that others can have them."""
    going = [
        entry.id
        for reading in readings
        if (entry := entries.get(reading.guid)) and fold(entry.mail or "") != fold(reading.record.mail or "")
    ]
    if going:
        wanted = ENTRIES.c.id.in_(going)
        connection.execute(update(ENTRIES).where(wanted).values(mail=None, mail_folded=None))


def _fitted(
    connection: Connection,
    readings: Sequence[Reading],
    entries: Mapping[UUID, Entry],
    says: Callable[[Reading, str], None],
) -> list[Reading]:
    """The same without what belongs to others."""
    mails = _owners(connection, "mail_folded", [fold(each.record.mail or "") for each in readings])
    dns = _owners(connection, "dn_folded", [fold(each.record.dn) for each in readings])
    found = []
    for reading in readings:
        record, listed = reading.record, reading.listed
        if record.mail and mails.setdefault(fold(record.mail), reading.guid) != reading.guid:
            says(reading, f"its mail address {record.mail} belongs to another entry")
            record, listed = replace(record, mail=None), replace(listed, stamp=UNFINISHED)
        if record.dn and dns.setdefault(fold(record.dn), reading.guid) != reading.guid:
            says(reading, "its legacyExchangeDN belongs to another entry")
            record = replace(record, dn="")
        found.append(replace(reading, record=record, listed=listed))
        for problem in reading.problems:
            says(reading, problem)
    return found


def _owners(connection: Connection, column: str, values: Sequence[str]) -> dict[str, UUID]:
    wanted = ENTRIES.c[column].in_([value for value in values if value])
    rows = connection.execute(select(ENTRIES.c[column], ENTRIES.c.guid).where(wanted))
    return {row[0]: row[1] for row in rows}


def _new(reading: Reading) -> NewEntry:
    record = reading.record
    return NewEntry(
        record.kind,
        record.display_name,
        alias=_alias(reading),
        mail=record.mail,
        attributes=record.attributes,
        hidden=record.hidden,
        dn=record.dn,
        guid=reading.guid,
    )


def _alias(reading: Reading) -> str:
    record = reading.record
    return record.alias or (record.mail or "").partition("@")[0] or record.display_name


def _changed(connection: Connection, was: Entry, reading: Reading, now: float, applied: Applied) -> Entry:
    record = reading.record
    wanted = replace(
        was,
        kind=record.kind,
        display_name=record.display_name,
        alias=_alias(reading),
        mail=record.mail,
        dn=record.dn or was.dn,
        hidden=record.hidden,
        attributes=record.attributes,
    )
    if wanted == was:
        return was
    applied.changed += 1
    return change_entry(connection, wanted, now)


def _keep_binaries(
    connection: Connection, entry: Entry, reading: Reading, *, is_new: bool, now: float
) -> None:
    """Pictures and certificates, where they are others than before."""
    wanted = [
        {"entry_id": entry.id, "name": name, "position": position, "data": data}
        for name, values in sorted(reading.record.binaries.items())
        for position, data in enumerate(values)
    ]
    if not is_new:
        columns = ENTRY_BINARIES.c
        mine = select(ENTRY_BINARIES).where(columns.entry_id == entry.id)
        rows = connection.execute(mine.order_by(columns.name, columns.position))
        if [dict(row) for row in rows.mappings()] == wanted:
            return
        connection.execute(delete(ENTRY_BINARIES).where(columns.entry_id == entry.id))
        touch(connection, [entry.id], now)
    if wanted:
        connection.execute(insert(ENTRY_BINARIES), wanted)


def _note(
    connection: Connection,
    mirror_id: int,
    entry_id: int,
    reading: Reading,
    was: Known | None,
    applied: Applied,
) -> None:
    """Remember where an entry comes from."""
    listed = reading.listed
    row: dict[str, Any] = {"mirror_id": mirror_id, "dn": listed.dn, "stamp": listed.stamp}
    row["dn_key"] = key_of(listed.dn)
    statement = insert_or(connection.dialect, MIRRORED).values(row | {"entry_id": entry_id})
    connection.execute(statement.on_conflict_do_update(index_elements=["entry_id"], set_=row))
    if was is None or was.dn_key != row["dn_key"]:
        applied.keys |= {row["dn_key"]} if was is None else {row["dn_key"], was.dn_key}


def _note_links(
    connection: Connection,
    entry_id: int,
    reading: Reading,
    applied: Applied,
    *,
    is_new: bool,
    is_known: bool,
) -> None:
    """Remember whom an entry names."""
    wanted = {(link, key_of(dn)) for link, dns in reading.record.links.items() for dn in dns}
    mine = MIRRORED_LINKS.c.source_id == entry_id
    columns = (MIRRORED_LINKS.c.name, MIRRORED_LINKS.c.target_key)
    stored = () if is_new else connection.execute(select(*columns).where(mine))
    before = {(row.name, row.target_key) for row in stored}
    if wanted == before and is_known:
        return
    applied.sources.add(entry_id)
    for name, gone in _by_name(before - wanted).items():
        for start in range(0, len(gone), BATCH):
            some = MIRRORED_LINKS.c.target_key.in_(gone[start : start + BATCH])
            connection.execute(delete(MIRRORED_LINKS).where(mine, MIRRORED_LINKS.c.name == name, some))
    if new := wanted - before:
        rows = [{"source_id": entry_id, "name": name, "target_key": key} for name, key in sorted(new)]
        connection.execute(insert(MIRRORED_LINKS), rows)


def _by_name(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, key in links:
        found.setdefault(name, []).append(key)
    return found
