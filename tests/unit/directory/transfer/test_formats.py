"""The files that the book goes to and comes from. `tests/property` shows that nothing is lost."""

import io

import pytest

from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.transfer.exporting import export_records
from rpch.directory.transfer.formats import Format, read_records, write_records
from rpch.directory.transfer.records import BadRecord, Record
from tests.unit.directory.conftest import Directory


@pytest.mark.parametrize("how", Format)
def test_what_is_written_is_read(directory: Directory, how: Format) -> None:
    directory.entries.add(NewEntry(EntryKind.CONTACT, "Bob", attributes={"x": "1"}))
    target = io.StringIO(newline="")
    write_records(how, directory.database, export_records(directory.database), target)
    (found,) = read_records(how, io.StringIO(target.getvalue(), newline=""))
    assert isinstance(found, Record)
    assert (found.kind, found.display_name, found.attributes) == (EntryKind.CONTACT, "Bob", {"x": "1"})


def test_entries_of_ldif_that_make_none_are_told_and_the_others_read() -> None:
    text = (
        "dn: cn=a\nobjectClass: person\ncn: a\n\nsn: no dn\n\n"
        "dn: cn=b\nobjectClass: person\n\ndn: cn=c\nobjectClass: device\n"
    )
    first, second, third = read_records(Format.LDIF, io.StringIO(text))
    assert isinstance(first, Record)
    assert isinstance(second, BadRecord)
    assert isinstance(third, BadRecord)
    assert (second.where, third.where) == ("line 5", "line 7")
