"""Whom a command is about: an account, or an entry whose owner signs in elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity
from rpch.cli.people import person_meant
from rpch.directory.entries import Entry, EntryKind, NewEntry
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.directory.sign_in_names import keep_sign_in_names, sign_in_names
from rpch.errors import ConfigError

CHEAP = HashingCost(passes=1, memory=8, lanes=1)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with closing(Directory.open(str(tmp_path / "rpch.sqlite3"), cost=CHEAP)) as opened:
        yield opened


@pytest.fixture
def bob(directory: Directory) -> Entry:
    (made,) = directory.entries.add(NewEntry(EntryKind.USER, "Bob Brown", mail="bob@lab.example"))
    with directory.database.write() as connection:
        keep_sign_in_names(connection, {made.id: sign_in_names("LAB", ["bb"])})
    return made


def test_an_account_is_shown_and_changed_as_ever(directory: Directory) -> None:
    made = directory.store.add(Identity("alice", "LAB"), "secret", ntlm=True)
    alice = person_meant(directory, "alice")
    assert (alice.entry_id, alice.name, alice.facts["ntlm"]) == (made.entry_id, r"LAB\alice", True)
    told = {each.name: each.after for each in alice.changes("Alice", "a@x", no_ntlm=True)}
    assert told == {"display-name": "Alice", "mail": "a@x", "ntlm": False}
    assert alice.changes(None, None, no_ntlm=False) == []
    changed = alice.changed(directory, "Alice", "a@x", no_ntlm=True)
    assert {name: changed.facts[name] for name in ("display_name", "mail", "ntlm")} == {
        "display_name": "Alice",
        "mail": "a@x",
        "ntlm": False,
    }


@pytest.mark.parametrize("name", [r"LAB\bb", r"lab\BB", "bob@lab.example", "Bob Brown"])
def test_who_signs_in_elsewhere_is_meant_by_that_name_or_another(
    directory: Directory, bob: Entry, name: str
) -> None:
    person = person_meant(directory, name)
    assert (person.entry_id, person.name) == (bob.id, "bob@lab.example")
    assert person.facts == {
        "user": "bob@lab.example",
        "id": bob.id,
        "display_name": "Bob Brown",
        "mail": "bob@lab.example",
    }


def test_of_them_what_others_see_can_be_changed_and_nothing_of_accounts(
    directory: Directory, bob: Entry
) -> None:
    person = person_meant(directory, r"LAB\bb")
    assert [each.name for each in person.changes("Robert", "", no_ntlm=True)] == ["display-name", "mail"]
    assert person.changed(directory, None, None, no_ntlm=False) is person
    changed = person.changed(directory, "Robert", "", no_ntlm=False)
    assert (changed.name, changed.facts["mail"]) == ("Robert", None)
    assert directory.entries.get(bob.id)[bob.id].display_name == "Robert"
    with pytest.raises(ConfigError, match="signs in elsewhere"):
        person.changed(directory, None, None, no_ntlm=True)


def test_who_cannot_sign_in_is_nobody(directory: Directory) -> None:
    directory.entries.add(NewEntry(EntryKind.GROUP, "Team"))
    with pytest.raises(ConfigError, match="nobody who could sign in"):
        person_meant(directory, "Team")
    with pytest.raises(ConfigError, match="nobody is called"):
        person_meant(directory, r"OTHER\bb")
