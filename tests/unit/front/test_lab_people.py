"""The laboratory's book: everybody has particulars, and there is somebody of every kind."""

from contextlib import closing
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.entries import EntryKind
from rpch.directory.links import MEMBER
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.front.lab_people import fill_book

CHEAP = HashingCost(passes=1, memory=8, lanes=1)


@pytest.mark.slow
def test_the_book_has_users_groups_rooms_and_contacts(tmp_path: Path) -> None:
    with closing(Directory.open(str(tmp_path / "book.sqlite3"), cost=CHEAP)) as directory:
        for name in ("alice", "bob", "zoe"):
            directory.store.add(Identity(name, "LAB"), "password", mail=f"{name}@lab.example")
        fill_book(directory, "lab.example")
        entries = directory.entries.changes().entries
        kinds = {entry.kind for entry in entries}
        assert kinds == set(EntryKind)
        names = {entry.alias: entry.display_name for entry in entries}
        assert names["alice"] == "Alice Adams"
        assert names["zoe"] == "zoe"
        (everyone,) = [entry for entry in entries if entry.alias == "everyone"]
        members = {entry.alias for entry in directory.links.targets(everyone.id, MEMBER)}
        assert members == {"alice", "bob", "zoe", "development"}
