"""Members and managers of mirrored entries, who come and go: links are made of those that are there.

A name stays known while nobody has it. Whoever takes it, new or renamed, is linked; whoever gives it up is
no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from rpch.directory.entries import remove_entries, touch
from rpch.directory.mirror.mirror_store import BATCH
from rpch.directory.mirror.reading import KEPT_LINKS
from rpch.directory.sign_in_names import keep_sign_in_names
from rpch.directory.tables import ACCOUNTS, LINKS, MIRRORED, MIRRORED_LINKS


def sources_naming(connection: Connection, keys: Iterable[str]) -> set[int]:
    """The entries that name one of these DNs."""
    wanted = sorted(keys)
    found: set[int] = set()
    for start in range(0, len(wanted), BATCH):
        named = MIRRORED_LINKS.c.target_key.in_(wanted[start : start + BATCH])
        found.update(connection.scalars(select(MIRRORED_LINKS.c.source_id).where(named)))
    return found


def relink(connection: Connection, sources: Sequence[int], now: float) -> int:
    """Make the links of these entries what they should be; how many are new or gone."""
    is_mine = MIRRORED_LINKS.c.source_id.in_(sources)
    other = MIRRORED.alias()
    is_there = (other.c.mirror_id == MIRRORED.c.mirror_id) & (other.c.dn_key == MIRRORED_LINKS.c.target_key)
    links = (
        select(MIRRORED_LINKS.c.source_id, MIRRORED_LINKS.c.name, other.c.entry_id)
        .join(MIRRORED, MIRRORED.c.entry_id == MIRRORED_LINKS.c.source_id)
        .join(other, is_there)
    )
    wanted = {(row[0], row[1], row[2]) for row in connection.execute(links.where(is_mine))}
    kept = LINKS.c.source_id.in_(sources) & LINKS.c.name.in_(KEPT_LINKS)
    stored = select(LINKS.c.source_id, LINKS.c.name, LINKS.c.target_id).where(kept)
    before = {(row[0], row[1], row[2]) for row in connection.execute(stored)}
    for source, name, target in before - wanted:
        link = (LINKS.c.source_id == source) & (LINKS.c.name == name) & (LINKS.c.target_id == target)
        connection.execute(delete(LINKS).where(link))
    if new := wanted - before:
        rows = [
            {"source_id": source, "name": name, "target_id": target} for source, name, target in sorted(new)
        ]
        connection.execute(insert(LINKS), rows)
    changed = before ^ wanted
    if changed:
        touch(connection, sorted({source for source, _, _ in changed}), now)
    return len(changed)


def forget_entries(connection: Connection, ids: Sequence[int], now: float) -> int:
    """Remove entries that are gone there; how many were. Who has an account here stays, as our own."""
    accounts = set(connection.scalars(select(ACCOUNTS.c.entry_id).where(ACCOUNTS.c.entry_id.in_(ids))))
    if accounts:
        for table, column in ((MIRRORED_LINKS, MIRRORED_LINKS.c.source_id), (MIRRORED, MIRRORED.c.entry_id)):
            connection.execute(delete(table).where(column.in_(accounts)))
        keep_sign_in_names(connection, dict.fromkeys(accounts, frozenset()))
        touch(connection, sorted(accounts), now)
    going = [entry_id for entry_id in ids if entry_id not in accounts]
    remove_entries(connection, going, now)
    return len(going)
