"""What is known of the other directory: its state, and which entry is which here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Select, insert, select, update

from rpch.auth.names import fold
from rpch.directory.tables import ENTRIES, MIRRORED, MIRRORS

BATCH: Final = 500
UNFINISHED: Final = ""  # the stamp of an entry that is to be read again
_NOTHING: Final = {"server": "", "token": "", "newest": "", "listed": 0.0}
_LOOSE: Final = re.compile(r"\s*(?<!\\)([,=])\s*")


@dataclass(frozen=True, slots=True)
class MirrorState:
    """One mirror, as it was left. `token` is the server's state when all of it was known here."""

    id: int
    server: str
    token: str
    newest: str
    listed: float


@dataclass(frozen=True, slots=True)
class Known:
    """One mirrored entry, by its GUID there and here."""

    entry_id: int
    dn_key: str
    stamp: str


def key_of(dn: str) -> str:
    """What a DN is found by: the same for every way to write it that servers use."""
    folded = fold(_LOOSE.sub(r"\1", dn.strip()))
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()


def mirror_named(connection: Connection, source: str, signs_in: str = "") -> MirrorState:
    """What is known of a directory; nothing, when it was never seen before.

    Where its people sign in by other names than before, nothing of an entry counts as known any more.
    """
    columns = (MIRRORS.c.id, MIRRORS.c.server, MIRRORS.c.token, MIRRORS.c.newest, MIRRORS.c.listed)
    wanted = select(*columns, MIRRORS.c.signs_in).where(MIRRORS.c.source == source)
    row = connection.execute(wanted).first()
    if row is None:
        new = {"source": source, "signs_in": signs_in, **_NOTHING}
        connection.execute(insert(MIRRORS), new)
        row = connection.execute(wanted).one()
    elif row.signs_in != signs_in:
        here = MIRRORS.c.id == row.id
        connection.execute(update(MIRRORS).where(here).values(signs_in=signs_in, **_NOTHING))
        connection.execute(update(MIRRORED).where(MIRRORED.c.mirror_id == row.id).values(stamp=UNFINISHED))
        row = connection.execute(wanted).one()
    return MirrorState(*row[: len(columns)])


def note_state(connection: Connection, state: MirrorState) -> None:
    """Keep how far a mirror came."""
    values = {name: getattr(state, name) for name in ("server", "token", "newest", "listed")}
    connection.execute(update(MIRRORS).where(MIRRORS.c.id == state.id).values(values))


def known_entries(connection: Connection, mirror_id: int) -> dict[UUID, Known]:
    """All entries of a mirror."""
    rows = connection.execute(_known().where(MIRRORED.c.mirror_id == mirror_id))
    return {row.guid: Known(row.entry_id, row.dn_key, row.stamp) for row in rows}


def known_among(connection: Connection, mirror_id: int, guids: Sequence[UUID]) -> Mapping[UUID, Known]:
    """Those entries of a mirror that have one of these GUIDs."""
    found: dict[UUID, Known] = {}
    for start in range(0, len(guids), BATCH):
        some = ENTRIES.c.guid.in_(guids[start : start + BATCH]) & (MIRRORED.c.mirror_id == mirror_id)
        rows = connection.execute(_known().where(some))
        found |= {row.guid: Known(row.entry_id, row.dn_key, row.stamp) for row in rows}
    return found


def _known() -> Select[tuple[UUID, int, str, str]]:
    columns = (ENTRIES.c.guid, MIRRORED.c.entry_id, MIRRORED.c.dn_key, MIRRORED.c.stamp)
    return select(*columns).join(MIRRORED, MIRRORED.c.entry_id == ENTRIES.c.id)
