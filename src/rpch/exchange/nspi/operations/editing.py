"""What users may change of the book.  MS-OXNSPI 3.1.4.1.14, 3.1.4.1.15

As in Active Directory, people keep their own telephone numbers, addresses, picture and certificates, and
owners keep the members of their groups. Everything else is the administrator's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rpch.directory.database import Database
from rpch.directory.entries import change_entry, get_entries, replace_binary
from rpch.directory.links import MANAGER, OWNER, Links
from rpch.directory.mirrored_entries import KeptElsewhere, refuse_mirrored
from rpch.errors import ConfigError
from rpch.exchange.nspi.book.attributes import ATTRIBUTES, BINARY_ATTRIBUTES
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.book.linkage import LINK_PROPERTIES, LinkProperty, is_changeable
from rpch.exchange.nspi.book.objects import AttributeValue, BookObject, DisplayType, entry_id_of, mid_of
from rpch.exchange.nspi.book.schema import PROPERTIES
from rpch.exchange.nspi.codepages import CodePage
from rpch.exchange.nspi.operations.asking import page_of
from rpch.exchange.nspi.operations.naming import object_meant
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Value, kind_of, number_of
from rpch.exchange.nspi.wire.structures import Stat, Status

DELETE: Final = 0x1  # MS-OXNSPI 2.2.1.17
LONGEST_TEXT: Final = 1024
MOST_TEXTS: Final = 100
LARGEST_BINARY: Final = 256 * 1024
MOST_BINARIES: Final = 20

_OWN_ATTRIBUTES: Final = frozenset(
    {
        "telephoneNumber",
        "otherTelephone",
        "homePhone",
        "otherHomePhone",
        "mobile",
        "pager",
        "facsimileTelephoneNumber",
        "telephoneAssistant",
        "msExchAssistantName",
        "physicalDeliveryOfficeName",
        "streetAddress",
        "l",
        "st",
        "postalCode",
        "postOfficeBox",
        "co",
        "homePostalAddress",
        "wWWHomePage",
        "info",
        "thumbnailPhoto",
        "userCertificate",
        "userSMIMECertificate",
    }
)
_NAMES: Final[Mapping[int, tuple[str, int]]] = {
    number_of(tag): (name, kind_of(tag)) for tag, name in (*ATTRIBUTES.items(), *BINARY_ATTRIBUTES.items())
}


class BookEditor:
    """Changes the book for one user after another."""

    def __init__(
        self, database: Database, keeper: BookKeeper, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._keeper, self._clock = database, keeper, clock
        self._links = Links(database)

    def mod_props(self, user: str | None, stat: Stat, tags: Sequence[int] | None, row: Row) -> None:
        """Remove the values of some properties, and give others those in a row.  MS-OXNSPI 3.1.4.1.14"""
        page = page_of(stat)
        if tags is None:
            raise Refused(Status.INVALID_PARAMETER, "no properties are named")
        thing = self._keeper.current().find(stat.current_rec)
        if thing is None:
            raise Refused(Status.INVALID_PARAMETER, f"there is no object {stat.current_rec}")
        if thing.display_type is not DisplayType.MAIL_USER:
            raise Refused(Status.INVALID_OBJECT, "only people can be changed")
        if thing.mid != self._own_mid(user):
            raise Refused(Status.ACCESS_DENIED, "only one's own entry")
        given = {number_of(tag): value for tag, value in row}
        texts: dict[str, AttributeValue | None] = {}
        binaries: dict[str, list[bytes]] = {}
        for tag in (*tags, *(tag for tag, _ in row)):
            name, kind = _NAMES.get(number_of(tag), ("", Kind.UNSPECIFIED))
            if name not in _OWN_ATTRIBUTES:
                raise Refused(Status.ACCESS_DENIED, f"{tag:08X} is the administrator's")
            value = given.get(number_of(tag))
            if kind in (Kind.BINARY, Kind.BINARIES):
                binaries[name] = _binaries(value)
            else:
                texts[name] = _text(value, page, several=kind == Kind.STRINGS)
        self._store(entry_id_of(stat.current_rec), texts, binaries)

    def mod_link_att(
        self, user: str | None, flags: int, tag: int, mid: int, entry_ids: Sequence[bytes]
    ) -> None:
        """Add objects to those that a property names, or take them away.  MS-OXNSPI 3.1.4.1.15"""
        book = self._keeper.current()
        link = LINK_PROPERTIES.get(number_of(tag))
        thing = book.objects.get(mid)
        if number_of(tag) not in PROPERTIES:
            raise Refused(Status.NOT_FOUND, f"{tag:08X} is not known")
        if book.find(mid) is None:
            raise Refused(Status.INVALID_PARAMETER, f"there is no object {mid}")
        if link is None or thing is None or not is_changeable(number_of(tag), thing.display_type):
            raise Refused(Status.ACCESS_DENIED, f"{tag:08X} of such objects cannot be changed")
        if not self._may_link(book, self._own_mid(user), thing):
            raise Refused(Status.ACCESS_DENIED, "only owners, and one's own delegates")
        meant = [object_meant(book, entry_id) for entry_id in entry_ids]
        targets = [entry_id_of(each) for each in meant if each is not None]
        if flags & DELETE:
            self._remove(entry_id_of(mid), link.name, targets)
        elif len(targets) < len(meant):
            raise Refused(Status.ACCESS_DENIED, "an entry id that means nobody")
        else:
            self._add(entry_id_of(mid), link.name, targets)
        self._keeper.expire()

    def _add(self, source: int, name: str, targets: Sequence[int]) -> None:
        try:
            self._links.add(source, name, *targets)
        except ConfigError as error:  # somebody went meanwhile
            raise Refused(Status.ACCESS_DENIED, str(error)) from error

    def _remove(self, source: int, name: str, targets: Sequence[int]) -> None:
        try:
            self._links.remove(source, name, *targets)
        except KeptElsewhere as error:
            raise Refused(Status.ACCESS_DENIED, str(error)) from error

    def _own_mid(self, user: str | None) -> int | None:
        """The object of who asks."""
        found = self._keeper.reader.entry_of_account(user) if user else None
        return None if found is None else mid_of(found)

    def _may_link(self, book: Book, own: int | None, thing: BookObject) -> bool:
        if thing.display_type is not DisplayType.DISTRIBUTION_LIST:
            return thing.mid == own
        owners = [*book.linkage.ends(thing.mid, LinkProperty(OWNER))]
        owners += book.linkage.ends(thing.mid, LinkProperty(MANAGER))
        return own in owners

    def _store(
        self, entry_id: int, texts: Mapping[str, AttributeValue | None], binaries: Mapping[str, list[bytes]]
    ) -> None:
        with self._database.write() as connection:
            entry = get_entries(connection, [entry_id]).get(entry_id)
            if entry is None:
                raise Refused(Status.INVALID_PARAMETER, "the entry is gone")
            try:
                refuse_mirrored(connection, [entry_id])
            except KeptElsewhere as error:
                raise Refused(Status.ACCESS_DENIED, str(error)) from error
            merged = {**entry.attributes, **texts}
            kept = {name: value for name, value in merged.items() if value is not None}
            change_entry(connection, replace(entry, attributes=kept), self._clock())
            for name, values in binaries.items():
                replace_binary(connection, entry_id, name, values)
        self._keeper.expire()


def _text(value: Value | None, page: CodePage, *, several: bool) -> AttributeValue | None:
    """What was given for a text; nothing, or nothing but space, removes it."""
    values = [] if value is None else list(value) if isinstance(value, tuple) else [value]
    texts = [page.decode(each) if isinstance(each, bytes) else each for each in values]
    found = [each.strip() for each in texts if isinstance(each, str)]
    if (
        len(found) != len(values)
        or len(found) > MOST_TEXTS
        or any(len(each) > LONGEST_TEXT for each in found)
    ):
        raise Refused(Status.ACCESS_DENIED, "no text, or too long")
    found = [each for each in found if each]
    if several:
        return found or None
    return found[0] if found else None


def _binaries(value: Value | None) -> list[bytes]:
    """What was given for a binary property; nothing removes it."""
    values = [] if value is None else list(value) if isinstance(value, tuple) else [value]
    found = [each for each in values if isinstance(each, bytes)]
    if (
        len(found) != len(values)
        or len(found) > MOST_BINARIES
        or any(len(each) > LARGEST_BINARY for each in found)
    ):
        raise Refused(Status.ACCESS_DENIED, "no binary value, or too large")
    return found
