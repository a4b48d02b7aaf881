"""Entries that another directory keeps."""

import pytest
from sqlalchemy import insert

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import DELEGATE, MEMBER, Links
from rpch.directory.mirrored_entries import BATCH, KeptElsewhere, refuse_mirrored, source_of
from rpch.directory.tables import MIRRORED, MIRRORS
from tests.unit.directory.conftest import Directory


@pytest.fixture
def kept(directory: Directory) -> int:
    """An entry that is kept elsewhere."""
    (entry,) = directory.entries.add(NewEntry(EntryKind.GROUP, "Team"))
    with directory.database.write() as connection:
        mirror = {"source": "ldaps://x/dc=x", "server": "", "token": "", "newest": "", "listed": 0.0}
        connection.execute(insert(MIRRORS), {"id": 1, **mirror})
        row = {"entry_id": entry.id, "mirror_id": 1, "dn": "cn=Team,dc=x", "dn_key": "k", "stamp": "1"}
        connection.execute(insert(MIRRORED), row)
    return entry.id


def test_it_says_where_it_can_be_changed(directory: Directory, kept: int) -> None:
    (mine,) = directory.entries.add(NewEntry(EntryKind.USER, "Mine"))
    with directory.database.read() as connection:
        assert source_of(connection, kept) == "ldaps://x/dc=x"
        assert source_of(connection, mine.id) == ""
        refuse_mirrored(connection, [mine.id])
        refuse_mirrored(connection, [])
        with pytest.raises(KeptElsewhere) as refused:
            refuse_mirrored(connection, [*range(10_000, 10_000 + BATCH), kept])
    assert str(refused.value) == (
        "entry: Team is kept by ldaps://x/dc=x; change it there, where it is cn=Team,dc=x"
    )


def test_nothing_here_changes_it(directory: Directory, kept: int) -> None:
    entries, links = directory.entries, Links(directory.database)
    entry = entries.get(kept)[kept]
    for change in (
        lambda: entries.change(entry),
        lambda: entries.remove(kept),
        lambda: entries.set_binary(kept, "thumbnailPhoto", [b"x"]),
        lambda: links.add(kept, MEMBER, kept),
        lambda: links.remove(kept, MEMBER, kept),
    ):
        with pytest.raises(KeptElsewhere):
            change()
    links.add(kept, DELEGATE, kept)
    assert entries.get(kept)[kept].display_name == "Team"
