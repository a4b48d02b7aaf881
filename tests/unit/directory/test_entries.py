"""The book: entries, their names and their changes."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from rpch.directory.entries import Entry, EntryKind, NewEntry
from rpch.directory.links import MEMBER, Links
from rpch.errors import ConfigError
from tests.unit.directory.conftest import Directory

ALICE = NewEntry(
    EntryKind.USER,
    "Alice Ädams",
    alias="alice",
    mail="alice@lab.example",
    attributes={
        "givenName": "Alice",
        "sn": "Ädams",
        "title": "Engineer",
        "employeeNumber": 7,
        "msExchHideFromAddressLists": False,
        "proxyAddresses": ["SMTP:alice@lab.example", "smtp:a.adams@lab.example"],
    },
)
BOB = NewEntry(EntryKind.CONTACT, "Bob", mail="bob@elsewhere.example")


def only(directory: Directory, entry: NewEntry) -> Entry:
    (made,) = directory.entries.add(entry)
    return made


def test_an_entry_is_read_as_it_was_made(directory: Directory) -> None:
    made = only(directory, ALICE)
    assert (made.display_name, made.alias, made.mail) == ("Alice Ädams", "alice", "alice@lab.example")
    assert made.attributes == ALICE.attributes
    assert made.dn == (
        "/o=First Organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
        f"/cn=Recipients/cn={made.guid.hex}-alice"
    )
    assert made.created == made.changed == directory.clock.now
    assert directory.entries.get(made.id) == {made.id: made}
    assert directory.entries.by_dn(made.dn.upper()) == made
    assert directory.entries.by_guid(made.guid) == made


def test_names_in_every_script_are_kept(directory: Directory) -> None:
    names = ["Ж Ш", "山田 太郎", "👩‍💻", "ابو", "ﬁ", 'O"Neil; DROP', "a\\b%_"]
    made = directory.entries.add(*(NewEntry(EntryKind.CONTACT, name) for name in names))
    assert [entry.display_name for entry in made] == names
    assert [found.display_name for name in names for found in directory.entries.named(name)] == names
    assert all(entry.dn.isascii() for entry in made)


@pytest.mark.parametrize(
    "name", ["ALICE", "alice ädams", "Ädams", "alice@LAB.example", "a.adams@lab.example"]
)
def test_every_name_finds_its_entry_in_any_case(directory: Directory, name: str) -> None:
    made = only(directory, ALICE)
    assert directory.entries.named(name) == [made]


def test_names_are_found_by_how_they_begin(directory: Directory) -> None:
    alice, _ = directory.entries.add(ALICE, BOB)
    assert directory.entries.named("al") == []
    assert directory.entries.named("al", begins=True) == [alice]
    assert directory.entries.named("ADA", begins=True) == []
    assert directory.entries.named("äda", begins=True) == [alice]
    assert len(directory.entries.named("", begins=True, most=1)) == 1


def test_what_is_unknown_is_not_found(directory: Directory) -> None:
    assert directory.entries.get(1, 2) == {}
    assert directory.entries.by_dn("/o=nowhere") is None
    assert directory.entries.by_guid(UUID(int=1)) is None
    assert directory.entries.named("nobody") == []


def test_a_changed_entry_is_found_by_its_new_names_only(directory: Directory) -> None:
    made = only(directory, ALICE)
    directory.clock.now += 5
    changed = directory.entries.change(replace(made, alias="ally", mail=None, attributes={"title": "Boss"}))
    assert directory.entries.get(made.id) == {made.id: changed}
    assert (changed.created, changed.changed) == (made.created, made.created + 5)
    assert directory.entries.named("ally") == [changed]
    for old in ("alice", "Alice", "alice@lab.example", "a.adams@lab.example"):
        assert directory.entries.named(old) == []


def test_a_mail_address_is_one_entrys(directory: Directory) -> None:
    made, other = directory.entries.add(ALICE, BOB)
    with pytest.raises(ConfigError, match="taken already"):
        directory.entries.add(replace(BOB, mail="ALICE@lab.example"))
    with pytest.raises(ConfigError, match="taken already"):
        directory.entries.change(replace(other, mail=made.mail))
    assert directory.entries.get(other.id) == {other.id: other}


def test_all_are_entered_or_none(directory: Directory) -> None:
    with pytest.raises(ConfigError):
        directory.entries.add(ALICE, BOB, BOB)
    assert directory.entries.changes().entries == []


@pytest.mark.parametrize(
    "wrong", [{"display_name": "x" * 257}, {"mail": "a\nb"}, {"dn": "/" * 1073}, {"alias": "\0"}]
)
def test_names_that_cannot_be_kept_are_refused(directory: Directory, wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="is longer than"):
        directory.entries.add(replace(ALICE, **wrong))  # type: ignore[arg-type]


def test_changing_what_is_not_there_is_refused(directory: Directory) -> None:
    made = only(directory, ALICE)
    directory.entries.remove(made.id)
    with pytest.raises(ConfigError, match="there is no entry"):
        directory.entries.change(made)


def test_changes_tell_what_happened_since(directory: Directory) -> None:
    alice, bob = directory.entries.add(ALICE, BOB)
    first = directory.entries.changes()
    assert (first.entries, first.removed) == ([alice, bob], [])
    later = directory.entries.change(replace(bob, display_name="Robert"))
    directory.entries.remove(alice.id)
    second = directory.entries.changes(first.revision)
    assert (second.entries, second.removed) == ([later], [alice.id])
    assert directory.entries.changes(second.revision).entries == []
    assert directory.entries.revision() == second.revision == first.revision + 2


def test_ids_are_never_used_twice(directory: Directory) -> None:
    first = only(directory, ALICE)
    directory.entries.remove(first.id)
    assert only(directory, ALICE).id > first.id


def test_removing_nothing_changes_nothing(directory: Directory) -> None:
    directory.entries.remove(7)
    assert directory.entries.revision() == directory.entries.changes().revision == 0


def test_a_container_is_removed_after_what_it_holds(directory: Directory) -> None:
    rooms = only(directory, NewEntry(EntryKind.CONTAINER, "Rooms"))
    blue = only(directory, NewEntry(EntryKind.ROOM, "Blue", parent_id=rooms.id))
    with pytest.raises(ConfigError, match="holds others"):
        directory.entries.remove(rooms.id)
    directory.entries.remove(blue.id, rooms.id)
    assert directory.entries.changes().entries == []


def test_pictures_are_kept_beside_the_entry(directory: Directory) -> None:
    made = only(directory, ALICE)
    directory.entries.set_binary(made.id, "userCertificate", [b"one", b"two"])
    directory.entries.set_binary(made.id, "thumbnailPhoto", [bytes(100_000)])
    assert directory.entries.binary(made.id, "userCertificate") == [b"one", b"two"]
    assert directory.entries.changes(made.revision).entries[0].id == made.id
    directory.entries.set_binary(made.id, "userCertificate", [])
    assert directory.entries.binary(made.id, "userCertificate") == []
    directory.entries.remove(made.id)
    assert directory.entries.binary(made.id, "thumbnailPhoto") == []


@pytest.mark.slow
def test_many_are_entered_and_found_quickly(directory: Directory) -> None:
    new = [
        NewEntry(EntryKind.USER, f"User {n}", alias=f"u{n}", mail=f"u{n}@lab.example") for n in range(2500)
    ]
    made = directory.entries.add(*new)
    assert [entry.alias for entry in made] == [entry.alias for entry in new]
    assert directory.entries.named("u2499") == [made[2499]]
    assert len(directory.entries.get(*(entry.id for entry in made))) == 2500


def test_entries_are_listed_by_kind(directory: Directory) -> None:
    user, group = directory.entries.add(NewEntry(EntryKind.USER, "a"), NewEntry(EntryKind.GROUP, "b"))
    assert directory.entries.listed() == [user, group]
    assert directory.entries.listed(kinds=[EntryKind.GROUP]) == [group]
    assert directory.entries.listed(most=1) == [user]
    assert not directory.entries.has_account(user.id)


def test_who_named_somebody_that_goes_has_changed(directory: Directory) -> None:
    group, alice = directory.entries.add(NewEntry(EntryKind.GROUP, "a"), NewEntry(EntryKind.USER, "b"))
    Links(directory.database).add(group.id, MEMBER, alice.id)
    before = directory.entries.revision()
    directory.entries.remove(alice.id)
    changes = directory.entries.changes(before)
    assert ([each.id for each in changes.entries], changes.removed) == ([group.id], [alice.id])
