"""A directory as records, and back."""

from uuid import UUID

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import MEMBER, Links
from rpch.directory.transfer.exporting import attribute_names, count_entries, export_records
from rpch.directory.transfer.importing import Importer
from tests.unit.directory.conftest import Directory


def test_everything_is_exported(directory: Directory) -> None:
    (box,) = directory.entries.add(NewEntry(EntryKind.CONTAINER, "Box", guid=UUID(int=9)))
    alice, carl, team = directory.entries.add(
        NewEntry(
            EntryKind.USER, "Alice", mail="alice@x.test", attributes={"title": "x", "description": ["a"]}
        ),
        NewEntry(EntryKind.CONTACT, "Carl", guid=UUID(int=5), parent_id=box.id, hidden=True),
        NewEntry(EntryKind.GROUP, "Team"),
    )
    Links(directory.database).add(team.id, MEMBER, carl.id, alice.id)
    directory.entries.set_binary(alice.id, "thumbnailPhoto", [b"x"])
    records = {record.display_name: record for record in export_records(directory.database)}
    assert list(records) == ["Box", "Alice", "Carl", "Team"]
    assert records["Alice"].binaries == {"thumbnailPhoto": [b"x"]}
    assert records["Alice"].attributes == {"title": "x", "description": ["a"]}
    assert (records["Carl"].parent, records["Carl"].hidden) == (str(UUID(int=9)), True)
    assert records["Team"].links == {MEMBER: [str(UUID(int=5)), "alice@x.test"]}
    assert count_entries(directory.database) == 4
    assert attribute_names(directory.database) == ["description", "title"]
    outcome = Importer(directory.database).run(records.values())
    assert (outcome.unchanged, outcome.linked, outcome.failed) == (4, 0, 0)
