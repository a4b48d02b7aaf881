"""Which properties objects have, and where their values come from.  MS-OXOABK 2.2

A property is a tag with its native type and a way to read it. Text and numbers that nothing but clients cares
for are attributes by LDAP's names; what follows from an object itself is computed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rpch.directory.entries import PROXY_ADDRESSES, EntryKind
from rpch.directory.links import MANAGER, MEMBER
from rpch.exchange.nspi.book.attributes import ATTRIBUTES, BINARY_ATTRIBUTES
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.linkage import LINK_PROPERTIES, LinkProperty
from rpch.exchange.nspi.book.objects import Attributes, BookObject
from rpch.exchange.nspi.tags import Kind, Tag, Value, kind_of, number_of, with_kind
from rpch.exchange.nspi.wire.entryids import PROVIDER, EphemeralId, PermanentId, search_key

Read = Callable[[BookObject, Attributes], Value | None]
Bind = Callable[[Book], Read]

_FILETIME_EPOCH: Final = 11_644_473_600
_TICKS: Final = 10_000_000
_LARGEST: Final = 0x7FFF_FFFF


@dataclass(frozen=True, slots=True)
class Property:
    """A property of recipients. `binary` names the attribute that is not in memory."""

    tag: int
    bind: Bind
    uses_attributes: bool = False
    binary: str = ""

    @property
    def kind(self) -> int:
        """The native type."""
        return kind_of(self.tag)


def permanent_id(thing: BookObject) -> bytes:
    """How clients keep a recipient.  MS-OXNSPI 2.2.9.3"""
    return PermanentId(thing.shown.display_type, thing.dn).encode()


def ephemeral_id(book: Book, thing: BookObject) -> bytes:
    """The same for as long as the server keeps its GUID.  MS-OXNSPI 2.2.9.2"""
    return EphemeralId(book.guid, thing.shown.display_type, thing.mid).encode()


def filetime(seconds: float) -> int:
    """A moment in 100 ns since 1601.  MS-DTYP 2.3.3"""
    return int((seconds + _FILETIME_EPOCH) * _TICKS)


def _of(read: Callable[[BookObject], Value | None]) -> Bind:
    """What an object itself tells."""
    return lambda _book: lambda thing, _attributes: read(thing)


def _constant(value: Value) -> Bind:
    return lambda _book: lambda _thing, _attributes: value


def _text(name: str) -> Bind:
    def read(_thing: BookObject, attributes: Attributes) -> Value | None:
        value = attributes.get(name)
        if isinstance(value, list):
            value = value[0] if value else ""
        return _clean(value) or None if isinstance(value, str) else None

    return lambda _book: read


def _texts(name: str) -> Bind:
    def read(_thing: BookObject, attributes: Attributes) -> Value | None:
        value = attributes.get(name)
        values = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        return tuple(filter(None, map(_clean, values))) or None

    return lambda _book: read


def _number(name: str) -> Bind:
    def read(_thing: BookObject, attributes: Attributes) -> Value | None:
        value = attributes.get(name)
        return int(value) if isinstance(value, int) and -_LARGEST <= value <= _LARGEST else None

    return lambda _book: read


def _truth(name: str) -> Bind:
    def read(_thing: BookObject, attributes: Attributes) -> Value | None:
        value = attributes.get(name)
        return int(value) if isinstance(value, bool) else None

    return lambda _book: read


_READERS: Final[Mapping[int, Callable[[str], Bind]]] = {
    Kind.STRING: _text,
    Kind.STRINGS: _texts,
    Kind.INTEGER32: _number,
    Kind.BOOLEAN: _truth,
}


def _clean(text: str) -> str:
    """Text without what would end it early."""
    return text.partition("\0")[0]


def _printable(thing: BookObject) -> str:
    """A name in ASCII."""
    plain = (
        unicodedata.normalize("NFKD", thing.display_name).encode("ascii", "ignore").decode("ascii").strip()
    )
    return plain or thing.alias.encode("ascii", "replace").decode("ascii")


def _proxy_addresses(thing: BookObject, attributes: Attributes) -> Value | None:
    """All addresses with their types, the primary one first and in capitals."""
    found = [f"SMTP:{thing.mail}"] if thing.mail else []
    others = attributes.get(PROXY_ADDRESSES)
    for other in others if isinstance(others, list) else ():
        typed = other if ":" in other else f"smtp:{other}"
        kind, _, address = typed.partition(":")
        if not (thing.mail and kind.lower() == "smtp" and address.casefold() == thing.mail.casefold()):
            found.append(typed)
    return tuple(dict.fromkeys(map(_clean, found))) or None


def _home(book: Book) -> Read:
    def read(thing: BookObject, _attributes: Attributes) -> Value | None:
        if not thing.shown.has_mailbox:
            return None
        return book.names.database_dn(book.names.target_of(thing.guid, thing.mail))

    return read


def _named(link: LinkProperty) -> Bind:
    """There is something to ask for with GetMatches."""

    def bind(book: Book) -> Read:
        return lambda thing, _attributes: 0 if any(_present(book, thing, link)) else None

    return bind


def _present(book: Book, thing: BookObject, link: LinkProperty) -> list[int]:
    return [mid for mid in book.linkage.ends(thing.mid, link) if mid in book.objects]


def _members(book: Book) -> Read:
    members = LinkProperty(MEMBER)

    def read(thing: BookObject, _attributes: Attributes) -> Value | None:
        return len(_present(book, thing, members)) if thing.kind is EntryKind.GROUP else None

    return read


def _manager_name(book: Book) -> Read:
    def read(thing: BookObject, _attributes: Attributes) -> Value | None:
        for mid in _present(book, thing, LinkProperty(MANAGER)):
            return book.objects[mid].display_name
        return None

    return read


def _distinguished_name(thing: BookObject, attributes: Attributes) -> Value | None:
    name = attributes.get("distinguishedName")
    return name if isinstance(name, str) and name else thing.dn


def _common_name(thing: BookObject, attributes: Attributes) -> Value | None:
    name = attributes.get("cn")
    return _clean(name) if isinstance(name, str) and name else thing.display_name


def _unread(_book: Book) -> Read:
    """Its value is not in memory."""
    return lambda _thing, _attributes: None


_COMPUTED: Final[Mapping[Tag, Bind]] = {
    Tag.OBJECT_TYPE: _of(lambda thing: int(thing.shown.object_type)),
    Tag.DISPLAY_TYPE: _of(lambda thing: int(thing.shown.display_type)),
    Tag.DISPLAY_TYPE_EX: _of(lambda thing: thing.shown.display_type_ex),
    Tag.ENTRYID: _of(permanent_id),
    Tag.RECORD_KEY: _of(permanent_id),
    Tag.TEMPLATEID: _of(permanent_id),
    Tag.SEARCH_KEY: _of(lambda thing: search_key(thing.dn)),
    Tag.INSTANCE_KEY: _of(lambda thing: thing.mid.to_bytes(4, "little")),
    Tag.MAPPING_SIGNATURE: _constant(PROVIDER),
    Tag.ADDRTYPE: _constant("EX"),
    Tag.EMAIL_ADDRESS: _of(lambda thing: thing.dn),
    Tag.SMTP_ADDRESS: _of(lambda thing: thing.mail),
    Tag.TARGET_ADDRESS: _of(
        lambda thing: f"SMTP:{thing.mail}" if thing.mail and thing.kind is EntryKind.CONTACT else None
    ),
    Tag.ACCOUNT: _of(lambda thing: thing.alias or None),
    Tag.DISPLAY_NAME: _of(lambda thing: thing.display_name),
    Tag.TRANSMITABLE_DISPLAY_NAME: _of(lambda thing: thing.display_name),
    Tag.DISPLAY_NAME_PRINTABLE: _of(_printable),
    Tag.CONTAINERID: _constant(0),
    Tag.OBJECT_GUID: _of(lambda thing: thing.guid.bytes_le),
    Tag.MAILBOX_GUID: _of(lambda thing: thing.guid.bytes_le if thing.shown.has_mailbox else None),
    Tag.CREATION_TIME: _of(lambda thing: filetime(thing.created)),
    Tag.LAST_MODIFICATION_TIME: _of(lambda thing: filetime(thing.changed)),
    Tag.SEND_RICH_INFO: _of(lambda thing: int(thing.kind is not EntryKind.CONTACT)),
    Tag.SEND_INTERNET_ENCODING: _constant(0),
    Tag.INITIAL_DETAILS_PANE: _constant(0),
    Tag.HOME_MDB: _home,
    Tag.MEMBER_COUNT: _members,
    Tag.MANAGER_NAME: _manager_name,
}
_FROM_BOTH: Final[Mapping[Tag, Read]] = {
    Tag.PROXY_ADDRESSES: _proxy_addresses,
    Tag.OBJ_DIST_NAME: _distinguished_name,
    Tag.COMMON_NAME: _common_name,
}


def _bound(read: Read) -> Bind:
    return lambda _book: read


def _properties() -> dict[int, Property]:
    found = [Property(tag, bind) for tag, bind in _COMPUTED.items()]
    found += [Property(tag, _bound(read), uses_attributes=True) for tag, read in _FROM_BOTH.items()]
    found += [
        Property(tag, _READERS[kind_of(tag)](name), uses_attributes=True) for tag, name in ATTRIBUTES.items()
    ]
    found += [Property(tag, _unread, binary=name) for tag, name in BINARY_ATTRIBUTES.items()]
    found += [
        Property(with_kind(number << 16, Kind.OBJECT), _named(link))
        for number, link in LINK_PROPERTIES.items()
    ]
    return {number_of(each.tag): each for each in sorted(found, key=lambda each: each.tag)}


PROPERTIES: Final[Mapping[int, Property]] = _properties()
"""Every property of recipients that this server knows, by number."""
