"""Entries that another directory keeps: here they can be read, and changed only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from rpch.directory.tables import ENTRIES, MIRRORED, MIRRORS
from rpch.errors import ConfigError

BATCH: Final = 1000


class KeptElsewhere(ConfigError):
    """An entry that only its own directory may change; says which directory, and its name there."""

    def __init__(self, name: str, source: str, dn: str) -> None:
        super().__init__("entry", f"{name} is kept by {source}; change it there, where it is {dn}")
        self.source, self.dn = source, dn


def refuse_mirrored(connection: Connection, ids: Sequence[int]) -> None:
    """`KeptElsewhere` when one of these entries comes from another directory."""
    columns = (ENTRIES.c.display_name, MIRRORS.c.source, MIRRORED.c.dn)
    kept = (
        select(*columns)
        .join(MIRRORED, MIRRORED.c.entry_id == ENTRIES.c.id)
        .join(MIRRORS, MIRRORS.c.id == MIRRORED.c.mirror_id)
    )
    for start in range(0, len(ids), BATCH):
        row = connection.execute(kept.where(ENTRIES.c.id.in_(ids[start : start + BATCH]))).first()
        if row is not None:
            raise KeptElsewhere(*row)


def source_of(connection: Connection, entry_id: int) -> str:
    """Which directory keeps an entry; nothing when it is our own."""
    kept = select(MIRRORS.c.source).join(MIRRORED, MIRRORED.c.mirror_id == MIRRORS.c.id)
    return connection.execute(kept.where(MIRRORED.c.entry_id == entry_id)).scalar() or ""
