"""What the address book has in memory of each entry, and how clients are told what it is.

An object is small, for there may be a hundred thousand: the texts that most readers want, and everything else
as the JSON it is stored as, decoded when a row is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from uuid import UUID

import msgspec

from rpch.directory.book_reader import StoredEntry
from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.collation.keys import fold

FIRST_MID: Final = 0x10  # below it are signals, not objects.  MS-OXNSPI 2.2.9.1

AttributeValue = str | int | bool | list[str]
Attributes = Mapping[str, AttributeValue]
NOTHING: Final[Attributes] = {}

_decode: Final = msgspec.json.Decoder(dict[str, AttributeValue]).decode


class DisplayType(IntEnum):
    """How clients show an object.  MS-OXNSPI 2.2.1.3"""

    MAIL_USER = 0
    DISTRIBUTION_LIST = 1
    FORUM = 2
    AGENT = 3
    REMOTE_MAIL_USER = 6
    CONTAINER = 0x100


class ObjectType(IntEnum):
    """What an object is to MAPI.  MS-OXCMAPI, PidTagObjectType"""

    CONTAINER = 4
    MAIL_USER = 6
    DISTRIBUTION_LIST = 8


ON_ACLS: Final = 0x4000_0000  # may be given rights.  MS-OXOABK 2.2.3.12


@dataclass(frozen=True, slots=True)
class Shown:
    """How one kind of entry is shown."""

    display_type: DisplayType
    display_type_ex: int
    object_type: ObjectType
    has_mailbox: bool = False


SHOWN: Final[Mapping[EntryKind, Shown]] = {
    EntryKind.USER: Shown(DisplayType.MAIL_USER, ON_ACLS, ObjectType.MAIL_USER, has_mailbox=True),
    EntryKind.ROOM: Shown(DisplayType.MAIL_USER, 7, ObjectType.MAIL_USER, has_mailbox=True),
    EntryKind.EQUIPMENT: Shown(DisplayType.MAIL_USER, 8, ObjectType.MAIL_USER, has_mailbox=True),
    EntryKind.CONTACT: Shown(DisplayType.REMOTE_MAIL_USER, 6, ObjectType.MAIL_USER),
    EntryKind.GROUP: Shown(DisplayType.DISTRIBUTION_LIST, 1, ObjectType.DISTRIBUTION_LIST),
    EntryKind.CONTAINER: Shown(DisplayType.CONTAINER, 0, ObjectType.CONTAINER),
}


@dataclass(frozen=True, slots=True)
class BookObject:
    """One entry of the book. `mid` is its minimal entry id, the same for everybody and for ever."""

    mid: int
    guid: UUID
    kind: EntryKind
    dn: str
    display_name: str
    folded: str
    alias: str
    mail: str | None
    hidden: bool
    parent: int | None
    stored_attributes: str
    created: float
    changed: float

    @property
    def attributes(self) -> Attributes:
        """Everything that has no field of its own, by LDAP's names."""
        return NOTHING if self.stored_attributes == "{}" else _decode(self.stored_attributes)

    @property
    def shown(self) -> Shown:
        """How clients are to show it."""
        return SHOWN[self.kind]

    @property
    def display_type(self) -> DisplayType:
        """How clients show it."""
        return self.shown.display_type

    @property
    def is_container(self) -> bool:
        """Whether it holds others and is no recipient itself."""
        return self.kind is EntryKind.CONTAINER


def object_of(entry: StoredEntry) -> BookObject:
    """The object of a stored entry."""
    return BookObject(
        mid=mid_of(entry.id),
        guid=entry.guid,
        kind=EntryKind(entry.kind),
        dn=entry.dn,
        display_name=entry.display_name,
        folded=fold(entry.display_name),
        alias=entry.alias,
        mail=entry.mail,
        hidden=entry.hidden,
        parent=None if entry.parent_id is None else mid_of(entry.parent_id),
        stored_attributes=entry.attributes,
        created=entry.created,
        changed=entry.changed,
    )


def mid_of(entry_id: int) -> int:
    """The minimal entry id of an entry."""
    return entry_id + FIRST_MID


def entry_id_of(mid: int) -> int:
    """The entry of a minimal entry id."""
    return mid - FIRST_MID
