"""The address book of one moment: objects, containers, tables and indexes. It never changes.

What changed makes a new book, which shares with the old one what is the same. So whoever works with a book
works with one state of it, in any thread. What costs time is made when it is first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from uuid import UUID

from rpch.exchange.nspi.book.containers import GLOBAL_LIST, Container, containers_of
from rpch.exchange.nspi.book.fixed import (
    DATABASE_MID,
    SERVER_MID,
    FixedObject,
    container_object,
    server_objects,
)
from rpch.exchange.nspi.book.linkage import Linkage
from rpch.exchange.nspi.book.names import NameIndex
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.book.tables import SORT_DISPLAY_NAME, SORT_PHONETIC, Table, key_for
from rpch.exchange.nspi.collation.keys import DEFAULT_LOCALE, sort_locale
from rpch.exchange.server_names import ServerNames

MOST_TABLES: Final = 64
_REBUILD_SHARE: Final = 20  # more than a twentieth changed: make tables and indexes anew
# By GUID, as Exchange writes it, and as directory servers do.  MS-OXNSPI 3.1.4.1.13
_BY_GUID: Final = re.compile(r"(?:/guid=|/o=nt5/ou=0{32}/cn=)([0-9a-f]{32})", re.ASCII)

_TableName = tuple[int, int, int]  # container, sort type, locale


@dataclass(frozen=True)
class Changed:
    """What a book is to become: objects that are new or other, and the ids of those that went."""

    revision: int
    objects: Sequence[BookObject] = ()
    removed: Collection[int] = ()
    linkage: Linkage | None = None
    binaries: Mapping[int, frozenset[str]] = field(default_factory=dict)


class Book:
    """One state of the address book."""

    def __init__(
        self,
        directory: UUID,
        names: ServerNames,
        objects: Mapping[int, BookObject],
        *,
        revision: int = 0,
        linkage: Linkage | None = None,
        binaries: Mapping[int, frozenset[str]] | None = None,
    ) -> None:
        """`binaries` says which binary attributes objects have."""
        self.directory, self.names, self.revision = directory, names, revision
        self.objects, self.linkage = objects, linkage or Linkage()
        self.binaries = binaries or {}
        self._tables: dict[_TableName, Table] = {}

    @property
    def guid(self) -> bytes:
        """The name under which clients keep our ids.  MS-OXNSPI 3.1.4.1.1"""
        return self.directory.bytes_le

    @cached_property
    def containers(self) -> Mapping[int, Container]:
        """All tables, in the order of the hierarchy."""
        return containers_of(self.directory, self.objects)

    @cached_property
    def fixed(self) -> Mapping[int, FixedObject]:
        """The objects that are no recipients."""
        lists = {
            mid: container_object(container)
            for mid, container in self.containers.items()
            if mid != GLOBAL_LIST
        }
        return lists | server_objects(self.names)

    @cached_property
    def index(self) -> NameIndex:
        """Objects by name, those that are hidden left out."""
        return NameIndex(thing for thing in self.objects.values() if _is_found(thing))

    @cached_property
    def _by_dn(self) -> Mapping[str, int]:
        return {thing.dn.casefold(): mid for mid, thing in self.objects.items()}

    @cached_property
    def _by_guid(self) -> Mapping[bytes, int]:
        found = {thing.guid.bytes_le: mid for mid, thing in self.objects.items()}
        lists = {each.guid.bytes_le: mid for mid, each in self.containers.items() if each.guid is not None}
        return found | lists

    def find(self, mid: int) -> BookObject | FixedObject | None:
        """The object of an id."""
        return self.fixed.get(mid) or self.objects.get(mid)

    def by_dn(self, dn: str) -> int | None:
        """The id of a DN, whatever form it has.  MS-OXNSPI 3.1.4.1.13"""
        folded = dn.casefold()
        if (mid := self._by_dn.get(folded)) is not None:
            return mid
        if by_guid := _BY_GUID.fullmatch(folded):
            return self._by_guid.get(bytes.fromhex(by_guid[1]))
        if self.names.target_in(dn) is not None:
            return DATABASE_MID if self.names.is_database(dn) else SERVER_MID
        return None

    def table(
        self, container: int, sort_type: int = SORT_DISPLAY_NAME, locale: int = DEFAULT_LOCALE
    ) -> Table:
        """A container's objects in order; `KeyError` for an unknown container."""
        sort_type = sort_type if sort_type == SORT_PHONETIC else SORT_DISPLAY_NAME
        name = (container, sort_type, sort_locale(locale))
        table = self._tables.get(name)
        if table is None:
            holds = self.containers[container].holds
            table = Table.of(filter(holds, self.objects.values()), key_for(sort_type, locale))
            if len(self._tables) >= MOST_TABLES:
                self._tables.pop(next(iter(self._tables)), None)
            self._tables[name] = table
        return table

    def changed(self, what: Changed) -> Book:
        """The book as it is after a change."""
        gone = [mid for mid in what.removed if mid in self.objects]
        replaced = [each.mid for each in what.objects if each.mid in self.objects]
        objects = dict(self.objects)
        binaries = dict(self.binaries)
        for mid in gone:
            del objects[mid]
        for mid in (*gone, *replaced):
            binaries.pop(mid, None)
        objects.update((thing.mid, thing) for thing in what.objects)
        binaries.update(what.binaries)
        new = Book(
            self.directory,
            self.names,
            objects,
            revision=what.revision,
            linkage=what.linkage or self.linkage,
            binaries=binaries,
        )
        old = [self.objects[mid] for mid in (*gone, *replaced)]
        if (len(old) + len(what.objects)) * _REBUILD_SHARE <= len(objects):
            new.inherit(self, old, what.objects)
        return new

    def inherit(self, book: Book, old: Sequence[BookObject], new: Sequence[BookObject]) -> None:
        """Take over the tables and the index of the book before, with the difference."""
        made = vars(book)
        if "index" in made:
            index = book.index.changed([thing.mid for thing in old], filter(_is_found, new))
            if index is not None:
                self.__dict__["index"] = index
        if any(thing.is_container for thing in (*old, *new)):
            return
        if "containers" in made:
            self.__dict__["containers"] = book.containers
        for name, table in list(book._tables.items()):
            holds = book.containers[name[0]].holds
            self._tables[name] = table.changed(filter(holds, old), filter(holds, new))


def book_of(
    directory: UUID,
    names: ServerNames,
    objects: Iterable[BookObject],
    *,
    revision: int = 0,
    linkage: Linkage | None = None,
    binaries: Mapping[int, frozenset[str]] | None = None,
) -> Book:
    """A book from its objects, by id."""
    by_mid = {thing.mid: thing for thing in sorted(objects, key=lambda each: each.mid)}
    return Book(directory, names, by_mid, revision=revision, linkage=linkage, binaries=binaries)


def _is_found(thing: BookObject) -> bool:
    return not (thing.hidden or thing.is_container)
