"""The one entry that a person means."""

import pytest

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.lookup import entry_meant
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
