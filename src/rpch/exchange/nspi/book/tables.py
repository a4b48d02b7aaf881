"""One table: the objects of a container in the order of a locale.  MS-OXNSPI 3.1.4.2

Objects with the same name keep the order of their ids, so a table is the same each time it is made.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.collation.keys import sort_form
from rpch.exchange.nspi.sorting import sort_in_slices

SORT_DISPLAY_NAME: Final = 0
SORT_PHONETIC: Final = 3
SORT_DISPLAY_NAME_READ: Final = 1000
SORT_DISPLAY_NAME_WRITE: Final = 1001
PHONETIC_ATTRIBUTE: Final = "msDS-PhoneticDisplayName"

Key: TypeAlias = tuple[str, str, int]  # the name as sorted, the name as written, the id


class Table:
    """Objects in order."""

    def __init__(self, key: Callable[[BookObject], Key], keys: list[Key]) -> None:
        self._key, self._keys = key, keys

    @classmethod
    def of(cls, things: Iterable[BookObject], key: Callable[[BookObject], Key]) -> Table:
        """The table of these objects."""
        return cls(key, sort_in_slices(map(key, things)))

    def changed(self, old: Iterable[BookObject], new: Iterable[BookObject]) -> Table:
        """The same without some objects and with others."""
        keys = list(self._keys)
        for thing in old:
            at = bisect_left(keys, key := self._key(thing))
            if at < len(keys) and keys[at] == key:
                del keys[at]
        for thing in new:
            insort(keys, self._key(thing))
        return Table(self._key, keys)

    def __len__(self) -> int:
        return len(self._keys)

    def mid_at(self, position: int) -> int:
        """Which object is at a position."""
        return self._keys[position][2]

    def mids(self, start: int = 0, stop: int | None = None) -> list[int]:
        """The objects from a position to another."""
        return [mid for _, _, mid in self._keys[start:stop]]

    def position(self, thing: BookObject) -> int | None:
        """Where an object is; None when it is not here."""
        at = bisect_left(self._keys, key := self._key(thing))
        return at if at < len(self._keys) and self._keys[at] == key else None

    def first_from(self, name: str) -> int:
        """The position of the first object that is not before a name in its sorted form."""
        return bisect_left(self._keys, (name, "", 0))


def key_for(sort_type: int, locale: int) -> Callable[[BookObject], Key]:
    """How objects are sorted; phonetic names where there are such.  MS-OXNSPI 2.2.1.10"""
    if sort_type == SORT_PHONETIC:
        return lambda thing: _key(phonetic_name(thing), thing.mid, locale)
    return lambda thing: _key(thing.display_name, thing.mid, locale)


def phonetic_name(thing: BookObject) -> str:
    """How a name is spoken, in kana; the name itself when that was not said."""
    name = thing.attributes.get(PHONETIC_ATTRIBUTE)
    return name if isinstance(name, str) and name else thing.display_name


def _key(name: str, mid: int, locale: int) -> Key:
    return sort_form(name, locale), name, mid
