"""What is known of the other directory."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import insert

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.mirror.mirror_store import (
    BATCH,
    Known,
    key_of,
    known_among,
    known_entries,
    mirror_named,
    note_state,
)
from rpch.directory.tables import MIRRORED
from tests.unit.directory.conftest import Directory


@pytest.mark.parametrize("same", ["CN=a,dc=x", " cn=a , dc=x", "cn = A,DC=X"])
def test_a_dn_has_one_key_however_it_is_written(same: str) -> None:
    assert key_of(same) == key_of("cn=a,dc=x")
    assert key_of(r"cn=a\,dc=x") != key_of("cn=a,dc=x")
    assert len(key_of("x" * 10_000)) == 64


def test_a_mirror_is_made_once_and_remembers(directory: Directory) -> None:
    with directory.database.write() as connection:
        made = mirror_named(connection, "ldaps://x/dc=x")
        assert (made.server, made.token, made.newest, made.listed) == ("", "", "", 0.0)
        note_state(connection, replace(made, server="a", token="b", newest="c", listed=5.0))
    with directory.database.write() as connection:
        again = mirror_named(connection, "ldaps://x/dc=x")
        assert again == replace(made, server="a", token="b", newest="c", listed=5.0)
        assert mirror_named(connection, "ldaps://y/dc=x").id != again.id


def test_entries_are_known_by_their_mirror(directory: Directory) -> None:
    guids = [UUID(int=at + 1) for at in range(BATCH + 1)]
    made = directory.entries.add(*(NewEntry(EntryKind.USER, "x", guid=guid) for guid in guids))
    with directory.database.write() as connection:
        mirror, other = (mirror_named(connection, name).id for name in ("a", "b"))
        rows = [
            {"entry_id": each.id, "mirror_id": mirror, "dn": "cn=a", "dn_key": key_of("cn=a"), "stamp": "1"}
            for each in made
        ]
        connection.execute(insert(MIRRORED), rows)
        assert len(known_entries(connection, mirror)) == BATCH + 1
        assert known_among(connection, mirror, [*guids, UUID(int=0)]) == known_entries(connection, mirror)
        assert known_entries(connection, mirror)[guids[0]] == Known(made[0].id, key_of("cn=a"), "1")
        assert known_among(connection, other, guids) == {}
