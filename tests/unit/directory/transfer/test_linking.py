"""Links between imported entries."""

import pytest

from rpch.directory.entries import EntryKind
from rpch.directory.links import MANAGER, MEMBER, Links
from rpch.directory.transfer import linking
from rpch.directory.transfer.importing import Importer, Outcome
from rpch.directory.transfer.records import Record
from tests.unit.directory.conftest import Directory


def run(directory: Directory, *records: Record) -> Outcome:
    return Importer(directory.database, clock=directory.clock).run(records)


def user(name: str, **more: object) -> Record:
    fields: dict[str, object] = {"mail": f"{name}@x.test", "alias": name, **more}
    return Record(EntryKind.USER, name, **fields)  # type: ignore[arg-type]


def team(*members: str, **more: object) -> Record:
    fields: dict[str, object] = {
        "mail": "team@x.test",
        "links": {MEMBER: list(members)},
        "where": "line 9",
        **more,
    }
    return Record(EntryKind.GROUP, "Team", **fields)  # type: ignore[arg-type]


def members(directory: Directory) -> list[str]:
    (group,) = [entry for entry in directory.entries.changes().entries if entry.kind is EntryKind.GROUP]
    return [entry.alias for entry in Links(directory.database).targets(group.id, MEMBER)]


def test_somebody_may_be_named_in_every_way_and_come_later(directory: Directory) -> None:
    run(directory, user("old", dn="/o=x/cn=old"))
    old = directory.entries.by_dn("/o=x/cn=old")
    assert old is not None
    foreign = user("far", attributes={"distinguishedName": "CN=Far,DC=x"})
    outcome = run(
        directory, team("A@X.TEST", "/O=X/CN=OLD", "b", "cn=far,dc=x"), user("a"), user("b"), foreign
    )
    assert (outcome.linked, outcome.failed) == (4, 0)
    assert sorted(members(directory)) == ["a", "b", "far", "old"]
    assert run(directory, team(str(old.guid))).linked == 3
    assert members(directory) == ["old"]


def test_links_become_what_the_file_says(directory: Directory) -> None:
    run(directory, user("a"), user("b"), user("c"), team("a", "b"))
    assert run(directory, team("b", "c")).linked == 2
    assert sorted(members(directory)) == ["b", "c"]
    assert run(directory, team("b", "c")).linked == 0
    assert run(directory, team(links={})).linked == 0
    assert sorted(members(directory)) == ["b", "c"]
    assert run(directory, team()).linked == 2
    assert members(directory) == []


def test_a_change_of_links_is_a_change_of_the_entry(directory: Directory) -> None:
    run(directory, user("a"), team())
    before = directory.entries.revision()
    run(directory, team("a"))
    changed = directory.entries.changes(before).entries
    assert [entry.display_name for entry in changed] == ["Team"]


def test_names_of_nobody_are_told(directory: Directory) -> None:
    outcome = run(directory, user("twin"), user("twin2", alias="twin"), team("nobody", "twin", "twin@x.test"))
    assert (outcome.linked, outcome.failed) == (1, 2)
    assert {problem.where for problem in outcome.problems} == {"line 9"}


def test_entries_are_put_into_containers(directory: Directory) -> None:
    box = Record(EntryKind.CONTAINER, "Box")
    outcome = run(directory, user("a", parent="box", links={MANAGER: []}), user("b", parent="nowhere"), box)
    found = {entry.display_name: entry for entry in directory.entries.changes().entries}
    assert found["a"].parent_id == found["Box"].id
    assert found["b"].parent_id is None
    assert (outcome.linked, outcome.failed) == (1, 1)
    assert run(directory, user("a", parent=str(found["Box"].guid))).linked == 0
    itself = Record(EntryKind.CONTAINER, "Box", guid=found["Box"].guid, parent="Box")
    assert run(directory, itself).failed == 1


def test_large_groups_are_linked_in_pieces(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "BATCH", 2)
    names = [f"u{at}" for at in range(7)]
    run(directory, *map(user, names), team(*names))
    assert sorted(members(directory)) == names
    run(directory, team("u0"), team("u0"))
    assert members(directory) == ["u0"]
