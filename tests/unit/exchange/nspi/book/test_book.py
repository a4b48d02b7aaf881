"""One state of the book, and the next."""

import pytest

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.book import MOST_TABLES, Book, Changed
from rpch.exchange.nspi.book.fixed import DATABASE_MID, SERVER_MID, FixedObject
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.book.tables import SORT_DISPLAY_NAME_READ, SORT_PHONETIC
from tests.address_books import DIRECTORY, NAMES, book, thing

ALICE, BOB = thing(20, "Alice"), thing(21, "Bob")
HIDDEN, FOLDER = thing(22, "Ghost", hidden=True), thing(23, "Folder", EntryKind.CONTAINER)
INNER = thing(24, "Inner", parent=23)
EVERYBODY = book(BOB, ALICE, HIDDEN, FOLDER, INNER)
SWEDISH = 0x041D


def test_tables_hold_who_is_not_hidden() -> None:
    assert EVERYBODY.table(0).mids() == [20, 21, 24]
    assert EVERYBODY.table(23).mids() == [24]
    assert EVERYBODY.table(0) is EVERYBODY.table(0)
    assert EVERYBODY.table(0, SORT_DISPLAY_NAME_READ, 0x0407) is EVERYBODY.table(0)
    assert EVERYBODY.table(0, SORT_PHONETIC) is not EVERYBODY.table(0)
    assert EVERYBODY.table(0, locale=SWEDISH) is not EVERYBODY.table(0)
    with pytest.raises(KeyError):
        EVERYBODY.table(99)


def test_objects_by_id() -> None:
    assert EVERYBODY.find(20) is ALICE
    assert EVERYBODY.find(22) is HIDDEN
    assert isinstance(EVERYBODY.find(23), FixedObject)
    assert isinstance(EVERYBODY.find(SERVER_MID), FixedObject)
    for nobody in (0, 1, 2, 99, 0xFFFF_FFFF):
        assert EVERYBODY.find(nobody) is None


def test_objects_by_dn_in_every_form() -> None:
    guid = ALICE.guid.bytes_le.hex()
    for dn in (ALICE.dn, ALICE.dn.upper(), f"/guid={guid}", f"/GUID={guid.upper()}"):
        assert EVERYBODY.by_dn(dn) == 20
    assert EVERYBODY.by_dn(f"/o=NT5/ou={'0' * 32}/cn={guid}") == 20
    assert EVERYBODY.by_dn(EVERYBODY.containers[23].dn) == 23
    standard = next(mid for mid in EVERYBODY.containers if mid > 99)
    assert EVERYBODY.by_dn(EVERYBODY.containers[standard].dn) == standard
    assert EVERYBODY.by_dn(NAMES.server_dn("whatever@x")) == SERVER_MID
    assert EVERYBODY.by_dn(NAMES.database_dn("whatever@x")) == DATABASE_MID
    for nobody in ("", "/", "/guid=00", "/o=x", f"/guid={'f' * 32}", "x" * 100_000):
        assert EVERYBODY.by_dn(nobody) is None


def test_the_guid_is_the_directory_s() -> None:
    assert EVERYBODY.guid == DIRECTORY.bytes_le


def test_only_so_many_tables_are_kept() -> None:
    many = [thing(100 + at, f"List {at:03}", EntryKind.CONTAINER) for at in range(MOST_TABLES + 10)]
    made = book(*many)
    for container in made.containers:
        made.table(container)
    assert len(made._tables) == MOST_TABLES


def large(*more: BookObject) -> Book:
    """A book in which one change is few."""
    return book(*more, *(thing(1000 + at, f"Zz {at:04}") for at in range(100)))


def test_a_change_is_seen_in_tables_and_index() -> None:
    old = large(ALICE, BOB)
    assert old.table(0).mids()[:2] == [20, 21]
    assert list(old.index.exactly("bob")) == [21]
    renamed, carol = thing(21, "Aaron"), thing(22, "Carol")
    new = old.changed(Changed(2, [renamed, carol], removed=[20, 99]))
    assert (new.revision, old.revision) == (2, 1)
    assert new.table(0).mids()[:2] == [21, 22]
    assert new.containers is old.containers
    assert list(new.index.exactly("bob")) == list(new.index.exactly("alice")) == []
    assert list(new.index.exactly("aaron")) == [21]
    assert new.by_dn(ALICE.dn) is None
    assert new.find(20) is None
    assert old.table(0).mids()[:2] == [20, 21]
    assert old.find(20) is ALICE


def test_a_change_of_containers_makes_tables_anew() -> None:
    old = large(FOLDER, INNER)
    assert old.table(23).mids() == [24]
    new = old.changed(Changed(2, [thing(30, "Other", EntryKind.CONTAINER)], removed=[23]))
    assert 30 in new.containers
    assert 23 not in new.containers
    assert len(new.table(0)) == 101


def test_a_large_change_makes_everything_anew() -> None:
    old = book(ALICE)
    old.table(0), old.index
    new = old.changed(Changed(2, [thing(30, "Bob"), thing(31, "Carol")]))
    assert new.table(0).mids() == [20, 30, 31]
    assert list(new.index.exactly("carol")) == [31]


def test_after_many_small_changes_the_index_is_made_anew() -> None:
    made = large(ALICE)
    for at in range(1100):
        made.index.count("a")
        made = made.changed(Changed(at, [thing(20, f"Alice {at}")]))
    assert list(made.index.exactly("alice 1099")) == [20]
    assert list(made.index.exactly("alice")) == []


def test_binary_attributes_follow_their_objects() -> None:
    old = book(ALICE, BOB, binaries={20: frozenset({"thumbnailPhoto"})})
    assert old.changed(Changed(2, [ALICE])).binaries == {}
    changed = old.changed(Changed(2, [BOB], binaries={21: frozenset({"x"})})).binaries
    assert changed == {20: frozenset({"thumbnailPhoto"}), 21: frozenset({"x"})}
