"""Address lists: the standard ones, and those among the entries."""

from uuid import UUID

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.containers import GLOBAL_LIST, Container, containers_of, guid_text
from rpch.exchange.nspi.book.objects import BookObject
from tests.address_books import DIRECTORY, thing


def lists(*things: BookObject) -> dict[str, Container]:
    found = containers_of(DIRECTORY, {each.mid: each for each in things})
    assert list(found) == [container.mid for container in found.values()]
    return {container.name: container for container in found.values()}


def test_the_standard_lists_are_always_there_and_the_same() -> None:
    found = lists()
    assert list(found) == [
        "Global Address List",
        "All Contacts",
        "All Distribution Lists",
        "All Rooms",
        "All Users",
    ]
    assert found == lists()
    ids = [container.mid for container in found.values()]
    assert ids[0] == GLOBAL_LIST
    assert all(0x10 < mid < 0x8000_0000 for mid in ids[1:])
    other = containers_of(UUID(int=1), {})
    assert other[ids[1]].guid != found["All Contacts"].guid


def test_each_standard_list_holds_its_kind() -> None:
    found = lists()
    user, group = thing(16, "u"), thing(17, "g", EntryKind.GROUP)
    room, projector = thing(18, "r", EntryKind.ROOM), thing(19, "p", EntryKind.EQUIPMENT)
    contact, hidden = thing(20, "c", EntryKind.CONTACT), thing(21, "h", hidden=True)
    folder = thing(22, "f", EntryKind.CONTAINER)
    everybody = (user, group, room, projector, contact, hidden, folder)

    def held(name: str) -> list[BookObject]:
        return [each for each in everybody if found[name].holds(each)]

    assert held("Global Address List") == [user, group, room, projector, contact]
    assert held("All Users") == [user]
    assert held("All Distribution Lists") == [group]
    assert held("All Rooms") == [room, projector]
    assert held("All Contacts") == [contact]


def test_containers_stand_behind_their_parents() -> None:
    found = lists(
        thing(30, "Zebra", EntryKind.CONTAINER),
        thing(31, "inner", EntryKind.CONTAINER, parent=30),
        thing(32, "Apple", EntryKind.CONTAINER),
        thing(33, "hidden", EntryKind.CONTAINER, hidden=True),
        thing(34, "lost", EntryKind.CONTAINER, parent=99),
    )
    assert list(found)[5:] == ["Apple", "Zebra", "inner"]
    assert (found["Zebra"].depth, found["Zebra"].has_children) == (0, True)
    assert (found["inner"].depth, found["inner"].parent, found["inner"].has_children) == (1, 30, False)


def test_a_container_holds_what_lies_in_it() -> None:
    own = lists(thing(30, "Own", EntryKind.CONTAINER))["Own"]
    assert own.holds(thing(40, "x", parent=30))
    assert not own.holds(thing(41, "x"))
    assert not own.holds(thing(42, "x", EntryKind.CONTAINER, parent=30))


def test_a_container_may_take_kinds_of_recipient_from_everywhere() -> None:
    rooms = lists(thing(30, "Rooms", EntryKind.CONTAINER, recipientKinds=["room", "nonsense"]))["Rooms"]
    assert rooms.holds(thing(40, "x", EntryKind.ROOM))
    assert not rooms.holds(thing(41, "x", parent=30))


def test_circles_and_endless_depth_come_to_an_end() -> None:
    circle = [thing(30, "a", EntryKind.CONTAINER, parent=31), thing(31, "b", EntryKind.CONTAINER, parent=30)]
    assert len(lists(*circle)) == 5
    chain = [
        thing(100 + at, f"c{at:03}", EntryKind.CONTAINER, parent=99 + at if at else None) for at in range(200)
    ]
    assert len(lists(*chain)) < 50


def test_dns_hold_the_guid_as_it_is_in_memory() -> None:
    guid = UUID("00112233-4455-6677-8899-aabbccddeeff")
    assert guid_text(guid) == "33221100554477668899aabbccddeeff"
    assert Container(16, "x", guid).dn == "/guid=33221100554477668899aabbccddeeff"
    assert Container(0, "all").dn == "/"
