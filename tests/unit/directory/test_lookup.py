"""The one entry that a person means."""

import pytest

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.lookup import entry_meant, person_named
from rpch.directory.sign_in_names import keep_sign_in_names, sign_in_names
from rpch.errors import ConfigError
from tests.unit.directory.conftest import Directory


def test_an_entry_has_many_names(directory: Directory) -> None:
    alice, _ = directory.entries.add(
        NewEntry(EntryKind.USER, "Alice Adams", alias="alice", mail="a@x"),
        NewEntry(EntryKind.CONTACT, "alice", alias="other", mail="b@x"),
    )
    for name in ("ALICE ADAMS", "a@X", "alice", str(alice.guid), alice.dn.upper()):
        assert entry_meant(directory.entries, name) == alice


def test_a_name_of_nobody_or_of_several_is_said(directory: Directory) -> None:
    directory.entries.add(*(NewEntry(EntryKind.USER, "Same", mail=f"{at}@x") for at in range(7)))
    with pytest.raises(ConfigError, match="nobody is called 'nobody'"):
        entry_meant(directory.entries, "nobody")
    with pytest.raises(ConfigError, match=r"'same' may be Same <0@x>, .*, Same <4@x> and others"):
        entry_meant(directory.entries, "same")


def test_a_person_is_meant_by_the_name_that_is_signed_in_with(directory: Directory) -> None:
    add = directory.entries.add
    alice, group = add(NewEntry(EntryKind.USER, "Alice"), NewEntry(EntryKind.GROUP, "Team"))
    with directory.database.write() as connection:
        keep_sign_in_names(connection, {alice.id: sign_in_names("LAB", ["aa"])})
    assert person_named(directory.entries, r"lab\AA") == person_named(directory.entries, "alice") == alice
    for nobody in ("Team", str(group.guid), "aa"):
        with pytest.raises(ConfigError):
            person_named(directory.entries, nobody)
