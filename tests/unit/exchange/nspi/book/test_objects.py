"""Objects as they are in memory, and how each kind is shown."""

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.objects import (
    FIRST_MID,
    ON_ACLS,
    SHOWN,
    DisplayType,
    ObjectType,
    entry_id_of,
    mid_of,
)
from tests.address_books import thing


def test_ids_of_entries_are_never_signals() -> None:
    assert mid_of(1) == FIRST_MID + 1
    assert entry_id_of(mid_of(77)) == 77


def test_an_object_has_what_its_entry_had() -> None:
    room = thing(20, "Räume", EntryKind.ROOM, parent=18, title="x", description=["a", "b"])
    assert (room.mid, room.folded, room.parent) == (20, "raume", 18)
    assert room.attributes == {"title": "x", "description": ["a", "b"]}
    assert thing(21, "x").attributes == {}
    assert not room.is_container
    assert thing(22, "x", EntryKind.CONTAINER).is_container


def test_every_kind_is_shown_in_its_way() -> None:
    assert set(SHOWN) == set(EntryKind)
    assert thing(16, "a").shown.display_type_ex == ON_ACLS
    assert SHOWN[EntryKind.ROOM].display_type_ex == 7
    assert SHOWN[EntryKind.GROUP].object_type is ObjectType.DISTRIBUTION_LIST
    assert SHOWN[EntryKind.CONTACT].display_type is DisplayType.REMOTE_MAIL_USER
    assert {kind for kind, shown in SHOWN.items() if shown.has_mailbox} == {
        EntryKind.USER,
        EntryKind.ROOM,
        EntryKind.EQUIPMENT,
    }
