"""Records into a directory: made, changed, left alone, refused."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import insert

from rpch.directory.entries import Entry, EntryKind
from rpch.directory.links import MEMBER
from rpch.directory.mailboxes import entry_of_user
from rpch.directory.mirror.mirror_store import key_of, mirror_named
from rpch.directory.sign_in_names import identity_written
from rpch.directory.tables import MIRRORED
from rpch.directory.transfer import importing
from rpch.directory.transfer.importing import MOST_PROBLEMS, Importer, Outcome
from rpch.directory.transfer.records import BadRecord, Record
from tests.unit.directory.conftest import Directory

GUID = UUID(int=77)


def user(name: str, **more: object) -> Record:
    fields: dict[str, object] = {"mail": f"{name.lower()}@x.test", "where": f"of {name}", **more}
    return Record(EntryKind.USER, name, **fields)  # type: ignore[arg-type]


def run(directory: Directory, *records: Record | BadRecord, what_if: bool = False) -> Outcome:
    return Importer(directory.database, what_if=what_if, clock=directory.clock).run(records)


def entries(directory: Directory) -> dict[str, Entry]:
    return {entry.display_name: entry for entry in directory.entries.changes().entries}


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.added, outcome.changed, outcome.unchanged, outcome.failed


def test_new_entries_are_made(directory: Directory) -> None:
    outcome = run(
        directory,
        user("Alice", attributes={"title": "Boss"}, binaries={"thumbnailPhoto": [b"x"]}),
        user("Bob", alias="bobby", guid=GUID, dn="/o=x/cn=bob", hidden=True),
    )
    assert counts(outcome) == (2, 0, 0, 0)
    found = entries(directory)
    assert (found["Alice"].alias, found["Alice"].attributes) == ("alice", {"title": "Boss"})
    assert directory.entries.binary(found["Alice"].id, "thumbnailPhoto") == [b"x"]
    bob = found["Bob"]
    assert (bob.guid, bob.dn, bob.alias, bob.hidden) == (GUID, "/o=x/cn=bob", "bobby", True)


def test_known_entries_are_changed_and_what_is_not_mentioned_stays(directory: Directory) -> None:
    run(directory, user("Alice", guid=GUID, alias="al", attributes={"title": "Boss", "l": "Berlin"}))
    outcome = run(directory, user("Alice Adams", guid=GUID, mail=None, attributes={"title": "Queen"}))
    assert counts(outcome) == (0, 1, 0, 0)
    (found,) = entries(directory).values()
    assert (found.display_name, found.mail, found.alias) == ("Alice Adams", "alice@x.test", "al")
    assert found.attributes == {"title": "Queen", "l": "Berlin"}


@pytest.mark.parametrize("known_by", [{"guid": GUID}, {"dn": "/O=X/CN=ALICE"}, {"mail": "ALICE@x.test"}])
def test_an_entry_is_known_by_guid_dn_or_mail(directory: Directory, known_by: dict[str, object]) -> None:
    run(directory, user("Alice", guid=GUID, dn="/o=x/cn=alice"))
    fields: dict[str, object] = {"mail": None, **known_by}
    assert counts(run(directory, user("Renamed", **fields))) == (0, 1, 0, 0)
    assert list(entries(directory)) == ["Renamed"]


def test_the_same_again_changes_nothing(directory: Directory) -> None:
    records = [user("Alice", attributes={"title": "x"}, binaries={"thumbnailPhoto": [b"x"]}), user("Bob")]
    run(directory, *records)
    revision = directory.entries.revision()
    assert counts(run(directory, *records)) == (0, 0, 2, 0)
    assert directory.entries.revision() == revision


def test_other_pictures_are_a_change(directory: Directory) -> None:
    run(directory, user("Alice", binaries={"thumbnailPhoto": [b"x"], "userCertificate": [b"1", b"2"]}))
    assert counts(run(directory, user("Alice", binaries={"thumbnailPhoto": [b"y"]}))) == (0, 1, 0, 0)
    alice = entries(directory)["Alice"]
    assert directory.entries.binary(alice.id, "thumbnailPhoto") == [b"y"]
    assert directory.entries.binary(alice.id, "userCertificate") == [b"1", b"2"]
    assert counts(run(directory, user("Alice", binaries={"thumbnailPhoto": []}))) == (0, 1, 0, 0)
    assert directory.entries.binary(alice.id, "thumbnailPhoto") == []


def test_one_file_may_name_somebody_twice(directory: Directory) -> None:
    outcome = run(directory, user("Alice"), user("Alice", attributes={"title": "x"}))
    assert counts(outcome) == (1, 1, 0, 0)


def test_bad_ones_are_told_and_the_others_are_stored(directory: Directory) -> None:
    run(directory, user("Taken", guid=UUID(int=1)))
    outcome = run(
        directory,
        user("Alice"),
        BadRecord("line 5", "is no entry"),
        user("x" * 300, mail=None),
        user("Bob"),
        user("Clash", guid=UUID(int=2), mail="new@x.test"),
        user("Clash two", guid=UUID(int=2), mail="taken@x.test"),
    )
    assert (outcome.added, outcome.failed) == (3, 3)
    assert {problem.where for problem in outcome.problems} == {"line 5", "of " + "x" * 300, "of Clash two"}
    assert {"Alice", "Bob", "Clash"} < set(entries(directory))


def test_of_many_problems_the_first_are_kept(directory: Directory) -> None:
    outcome = run(directory, *(BadRecord(f"line {at}", "x") for at in range(MOST_PROBLEMS + 10)))
    assert (outcome.failed, len(outcome.problems)) == (MOST_PROBLEMS + 10, MOST_PROBLEMS)


def test_what_if_changes_nothing(directory: Directory) -> None:
    run(directory, user("Alice"))
    revision = directory.entries.revision()
    outcome = run(
        directory, user("Alice", attributes={"title": "x"}), user("Bob"), user("Alice"), what_if=True
    )
    assert counts(outcome) == (1, 1, 1, 0)
    assert (directory.entries.revision(), outcome.linked) == (revision, 0)


def test_what_if_says_who_would_be_missing_and_knows_who_would_come(directory: Directory) -> None:
    run(directory, user("Alice"), Record(EntryKind.CONTAINER, "Old", guid=UUID(int=8)))
    records = [
        user("Team", links={MEMBER: ["alice", "bob@x.test", "BOB", "/o=x/cn=carl", str(GUID), "cn=far"]}),
        user("Bob"),
        user("Carl", dn="/o=x/cn=Carl", mail=None, guid=GUID, attributes={"distinguishedName": "CN=Far"}),
        Record(EntryKind.CONTAINER, "New"),
        user("Dora", parent="new"),
        user("Emil", parent="Old"),
        user("Fred", parent="Bob", links={MEMBER: ["nobody@x.test"]}),
    ]
    done: list[tuple[int, int]] = []
    importer = Importer(directory.database, what_if=True)
    foretold = importer.run(records, linking=lambda more, of: done.append((more, of)))
    said = [(each.where, each.problem) for each in foretold.problems]
    assert said == [
        ("of Fred", "there is no container 'Bob'"),
        ("of Fred", "member: nobody is called 'nobody@x.test'"),
    ]
    assert done == [(4, 4)]
    real = run(directory, *records)
    assert [(each.where, each.problem) for each in real.problems] == said
    assert (foretold.added, foretold.failed) == (real.added, real.failed)


def test_large_files_are_stored_in_pieces(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 3)
    done: list[int] = []
    records: Sequence[Record] = [user(f"User{at}", links={MEMBER: ["user0@x.test"]}) for at in range(8)]
    outcome = Importer(directory.database).run(records, progress=done.append)
    assert (outcome.added, outcome.linked, done) == (8, 8, [3, 3, 2])


def signs_in(directory: Directory, name: str) -> str:
    """Whose entry somebody has who signs in so."""
    with directory.database.read() as connection:
        found = entry_of_user(connection, identity_written(name))
    return found.display_name if found else ""


def test_people_sign_in_elsewhere_by_the_names_of_a_file_in_a_domain(directory: Directory) -> None:
    people = [
        user("Alice", names=("aa", "alice"), upns=("alice@lab.example",)),
        replace(user("Team", names=("team",)), kind=EntryKind.GROUP),
        user("Bob"),
    ]
    run(directory, *people)
    assert signs_in(directory, r"LAB\aa") == "", "of which domain was not said"
    Importer(directory.database, domain="Lab").run(people)
    for name, who in ((r"LAB\AA", "Alice"), (r"LAB\alice", "Alice"), ("alice@LAB.example", "Alice")):
        assert signs_in(directory, name) == who
    for name in (r"LAB\team", r"LAB\bob", r"OTHER\aa", "aa"):
        assert signs_in(directory, name) == ""
    Importer(directory.database, domain="LAB").run([user("Alice"), user("Bob", names=("aa",))])
    assert signs_in(directory, r"LAB\alice") == "Alice", "what is not mentioned stays"
    assert signs_in(directory, r"LAB\aa") == "", "it is two people's by now"


def test_as_whom_mirrored_people_sign_in_their_mirror_says(directory: Directory) -> None:
    run(directory, user("Alice"))
    with directory.database.write() as connection:
        mirror = mirror_named(connection, "ldaps://there/dc=x")
        row = {"mirror_id": mirror.id, "dn": "cn=a", "dn_key": key_of("cn=a"), "stamp": "1"}
        connection.execute(insert(MIRRORED), row | {"entry_id": entries(directory)["Alice"].id})
    Importer(directory.database, domain="LAB").run([user("Alice", names=("alice",))])
    assert signs_in(directory, r"LAB\alice") == ""
