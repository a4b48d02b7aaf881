"""Objects that no entry stands for: containers, and the server with its database.  MS-OXOABK 2.2.4, 2.2.5

Clients come to them by DN or id and ask for a few properties. Their values are written down here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rpch.exchange.nspi.book.containers import Container
from rpch.exchange.nspi.book.objects import DisplayType, ObjectType
from rpch.exchange.nspi.tags import Tag, Value, number_of
from rpch.exchange.nspi.wire.entryids import PROVIDER, PermanentId, search_key
from rpch.exchange.server_names import ServerNames

SERVER_MID: Final = 0x7FFF_FE00
DATABASE_MID: Final = 0x7FFF_FE01

AB_RECIPIENTS: Final = 0x1
AB_SUBCONTAINERS: Final = 0x2
AB_UNMODIFIABLE: Final = 0x8


@dataclass(frozen=True, slots=True)
class FixedObject:
    """An object whose few values are known from the start, by the number of the property."""

    mid: int
    display_type: DisplayType
    values: Mapping[int, Value]


def container_object(container: Container) -> FixedObject:
    """A container as an object."""
    values: dict[Tag, Value] = {
        Tag.CONTAINER_FLAGS: container_flags(container),
        Tag.DEPTH: container.depth,
        Tag.CONTAINERID: container.mid,
        Tag.IS_MASTER: 0,
        Tag.OBJECT_TYPE: int(ObjectType.CONTAINER),
    }
    if container.guid is not None:
        values[Tag.OBJECT_GUID] = container.guid.bytes_le
    return _object(container.mid, DisplayType.CONTAINER, container.name, container.dn, values)


def server_objects(names: ServerNames) -> dict[int, FixedObject]:
    """The server, which every mailbox's server is, and its database."""
    server, database = names.server_dn(names.host), names.database_dn(names.host)
    kind: dict[Tag, Value] = {Tag.OBJECT_TYPE: int(ObjectType.MAIL_USER)}
    addresses = (f"ncacn_http:{names.host}", f"ncacn_ip_tcp:{names.host}")
    return {
        SERVER_MID: _object(
            SERVER_MID, DisplayType.AGENT, names.host, server, kind | {Tag.NETWORK_ADDRESS: addresses}
        ),
        DATABASE_MID: _object(
            DATABASE_MID,
            DisplayType.AGENT,
            f"Mailbox Database ({names.host})",
            database,
            kind | {Tag.HOME_MDB: database},
        ),
    }


def container_flags(container: Container) -> int:
    """What clients may do with a container.  MS-OXOABK 2.2.2.1"""
    return AB_RECIPIENTS | AB_UNMODIFIABLE | (AB_SUBCONTAINERS if container.has_children else 0)


def container_entry_id(container: Container) -> bytes:
    """How clients keep a container.  MS-OXNSPI 2.2.9.3"""
    return PermanentId(DisplayType.CONTAINER, container.dn).encode()


def _object(mid: int, display_type: DisplayType, name: str, dn: str, more: dict[Tag, Value]) -> FixedObject:
    entry_id = PermanentId(display_type, dn).encode()
    values: dict[Tag, Value] = {
        Tag.ENTRYID: entry_id,
        Tag.RECORD_KEY: entry_id,
        Tag.TEMPLATEID: entry_id,
        Tag.MAPPING_SIGNATURE: PROVIDER,
        Tag.INSTANCE_KEY: mid.to_bytes(4, "little"),
        Tag.SEARCH_KEY: search_key(dn),
        Tag.DISPLAY_TYPE: int(display_type),
        Tag.DISPLAY_NAME: name,
        Tag.TRANSMITABLE_DISPLAY_NAME: name,
        Tag.ADDRTYPE: "EX",
        Tag.EMAIL_ADDRESS: dn,
        Tag.OBJ_DIST_NAME: dn,
    }
    return FixedObject(mid, display_type, {number_of(tag): value for tag, value in (values | more).items()})
