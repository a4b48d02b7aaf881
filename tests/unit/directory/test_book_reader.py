"""Reading the book in bulk: everything, then what changed, all of one moment."""

import operator
from uuid import UUID

import pytest
from sqlalchemy import event

from rpch.auth.accounts import Identity
from rpch.directory.book_reader import BinaryPart, BookReader, StoredLink
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import MEMBER, Links
from tests.unit.directory.conftest import Directory


def user(name: str) -> NewEntry:
    return NewEntry(EntryKind.USER, name, alias=name, mail=f"{name}@x.test", attributes={"title": "x"})


def test_the_whole_book(directory: Directory) -> None:
    reader = BookReader(directory.database)
    alice, bob = directory.entries.add(user("alice"), user("bob"))
    Links(directory.database).add(alice.id, MEMBER, bob.id)
    directory.entries.set_binary(alice.id, "thumbnailPhoto", [b"one"])
    with reader.since(0) as everything:
        entries = list(everything.entries())
        assert list(everything.links()) == [StoredLink(alice.id, MEMBER, bob.id)]
        assert everything.binary_names() == {alice.id: ["thumbnailPhoto"]}
        assert everything.removed() == []
        assert everything.revision == reader.revision()
    assert {entry.id for entry in entries} == {alice.id, bob.id}
    first = next(entry for entry in entries if entry.id == alice.id)
    assert (first.display_name, first.kind, first.attributes) == ("alice", "user", '{"title":"x"}')
    assert first.guid == alice.guid
    assert isinstance(reader.guid(), UUID)


def test_only_what_changed(directory: Directory) -> None:
    reader, links = BookReader(directory.database), Links(directory.database)
    alice, bob, carol = directory.entries.add(user("alice"), user("bob"), user("carol"))
    links.add(alice.id, MEMBER, bob.id)
    directory.entries.set_binary(alice.id, "thumbnailPhoto", [b"one"])
    before = reader.revision()
    links.add(bob.id, MEMBER, alice.id)
    directory.entries.remove(carol.id)
    with reader.since(before) as changes:
        assert [entry.id for entry in changes.entries()] == [bob.id]
        assert list(changes.links()) == [StoredLink(bob.id, MEMBER, alice.id)]
        assert changes.removed() == [carol.id]
        assert changes.binary_names() == {}
        assert changes.revision == before + 2
    with reader.since(reader.revision()) as nothing:
        assert [*nothing.entries(), *nothing.links(), *nothing.removed()] == []


def test_binary_attributes_of_several(directory: Directory) -> None:
    reader = BookReader(directory.database)
    alice, bob = directory.entries.add(user("alice"), user("bob"))
    directory.entries.set_binary(alice.id, "userCertificate", [b"one", b"two"])
    directory.entries.set_binary(bob.id, "thumbnailPhoto", [b"three"])
    both = [alice.id, bob.id]
    assert reader.binaries(both, ["userCertificate"]) == {(alice.id, "userCertificate"): [b"one", b"two"]}
    assert reader.binaries(both, ["userCertificate", "thumbnailPhoto"]).keys() == {
        (alice.id, "userCertificate"),
        (bob.id, "thumbnailPhoto"),
    }
    assert reader.binaries([], ["x"]) == reader.binaries(both, []) == {}


@pytest.mark.parametrize("name", [r"LAB\alice", r"lab\ALICE", r"lab.example\alice"])
def test_the_entry_of_an_account(directory: Directory, name: str) -> None:
    reader = BookReader(directory.database)
    made = directory.store.add(Identity("alice", "LAB"), "password")
    directory.store.add_domain_alias("lab.example", "LAB")
    assert reader.entry_of_account(name) == made.entry_id
    assert reader.entry_of_account(r"OTHER\alice") is None
    assert reader.entry_of_account("alice@lab.example") is None  # who proved that need not be LAB\alice
    assert reader.entry_of_account("") is None


def test_entries_by_what_their_binary_attributes_are(directory: Directory) -> None:
    alice, bob = directory.entries.add(NewEntry(EntryKind.USER, "Alice"), NewEntry(EntryKind.USER, "Bob"))
    directory.entries.set_binary(alice.id, "userCertificate", [b"one", b"two"])
    directory.entries.set_binary(bob.id, "userCertificate", [b"\xff\x00"])
    directory.entries.set_binary(bob.id, "thumbnailPhoto", [b"one"])
    reader = BookReader(directory.database)
    for part, holds, wanted, found in (
        (BinaryPart.VALUE, operator.eq, b"two", {alice.id}),
        (BinaryPart.VALUE, operator.ne, b"one", {alice.id, bob.id}),
        (BinaryPart.VALUE, operator.ge, b"two", {alice.id, bob.id}),
        (BinaryPart.VALUE, operator.gt, b"two", {bob.id}),
        (BinaryPart.START, operator.eq, b"\xff", {bob.id}),
        (BinaryPart.START, operator.eq, b"", {alice.id, bob.id}),
        (BinaryPart.SIZE, operator.eq, 6, {alice.id}),
        (BinaryPart.SIZE, operator.lt, 3, {bob.id}),
    ):
        assert reader.entries_by_binary("userCertificate", part, holds, wanted) == found


def test_what_changed_is_found_without_looking_at_everything(directory: Directory) -> None:
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    reader = BookReader(directory.database)
    directory.entries.add(user("alice"))
    directory.entries.add(user("bob"))
    engine = directory.database._engine
    event.listen(engine, "before_cursor_execute", note)
    with reader.since(reader.revision() - 1) as changes:
        assert len(list(changes.entries())) == 1
        list(changes.links()), changes.removed(), changes.binary_names()
    directory.entries.changes(1)
    event.remove(engine, "before_cursor_execute", note)
    questions = [(statement, given) for statement, given in asked if statement.startswith("SELECT")]
    assert len(questions) >= 8
    with directory.database.read() as connection:
        for statement, given in questions:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]
            scans = [row[-1] for row in plan if row[-1].startswith("SCAN")]
            assert set(scans) <= {"SCAN directory_state"}, statement
