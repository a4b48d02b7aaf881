"""Objects without an entry: containers, the server and its database."""

from uuid import UUID

from rpch.exchange.nspi.book.containers import Container
from rpch.exchange.nspi.book.fixed import (
    DATABASE_MID,
    SERVER_MID,
    container_entry_id,
    container_flags,
    container_object,
    server_objects,
)
from rpch.exchange.nspi.book.objects import DisplayType
from rpch.exchange.nspi.tags import Tag, Value, number_of
from rpch.exchange.nspi.wire.entryids import PermanentId, decode_entry_id
from rpch.exchange.server_names import ServerNames

NAMES = ServerNames("mail.example.test")
LIST = Container(0x7FFF_FF00, "All", UUID(int=5), depth=1)


def test_a_container_is_an_object() -> None:
    found = container_object(LIST)

    def value(tag: Tag) -> Value | None:
        return found.values.get(number_of(tag))

    assert found.display_type is DisplayType.CONTAINER
    assert (value(Tag.DISPLAY_NAME), value(Tag.CONTAINERID), value(Tag.DEPTH)) == ("All", 0x7FFF_FF00, 1)
    assert value(Tag.OBJECT_GUID) == UUID(int=5).bytes_le
    assert value(Tag.ENTRYID) == container_entry_id(LIST)
    assert value(Tag.INSTANCE_KEY) == bytes.fromhex("00ffff7f")
    assert decode_entry_id(container_entry_id(LIST)) == PermanentId(DisplayType.CONTAINER, LIST.dn)
    assert number_of(Tag.OBJECT_GUID) not in container_object(Container(0, "all")).values


def test_flags_say_whether_there_are_children() -> None:
    assert container_flags(LIST) == 0x9
    assert container_flags(Container(16, "x", has_children=True)) == 0xB


def test_the_server_says_where_it_can_be_reached() -> None:
    found = server_objects(NAMES)
    server, database = found[SERVER_MID], found[DATABASE_MID]
    assert server.values[number_of(Tag.EMAIL_ADDRESS)] == NAMES.server_dn("mail.example.test")
    assert server.values[number_of(Tag.NETWORK_ADDRESS)] == (
        "ncacn_http:mail.example.test",
        "ncacn_ip_tcp:mail.example.test",
    )
    assert database.values[number_of(Tag.HOME_MDB)] == NAMES.database_dn("mail.example.test")
