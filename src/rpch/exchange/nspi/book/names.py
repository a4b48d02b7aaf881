"""Finding objects by what people type: an index of every name of every object.  MS-OXNSPI 3.1.4.7

Names that are equal or begin alike lie side by side. A change of a few objects is kept beside the index,
until there are so many that a new one is better.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rpch.directory.entries import PROXY_ADDRESSES
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.collation.keys import fold
from rpch.exchange.nspi.sorting import sort_in_slices

FIRST_NAME: Final = "givenName"
LAST_NAME: Final = "sn"
SEARCHED: Final = (
    FIRST_NAME,
    LAST_NAME,
    "physicalDeliveryOfficeName",
    "msDS-PhoneticDisplayName",
    "msDS-PhoneticFirstName",
    "msDS-PhoneticLastName",
)
"""Attributes that names are resolved by, besides display name, alias and addresses.  MS-ADTS 3.1.1.3.1.3.3"""

_LAST: Final = "\U0010ffff"
_MOST_RECENT: Final = 2000


class NameIndex:
    """Objects by their folded names."""

    def __init__(self, things: Iterable[BookObject]) -> None:
        owners: dict[str, list[int]] = {}
        for thing in things:
            for name in names_of(thing):
                owners.setdefault(name, []).append(thing.mid)
        self._names = sort_in_slices(owners)
        self._owners = array("I")
        self._starts = array("I", [0])
        for name in self._names:
            self._owners.extend(owners[name])
            self._starts.append(len(self._owners))
        self._stale: frozenset[int] = frozenset()
        self._recent: Mapping[int, tuple[str, ...]] = {}

    def changed(self, gone: Iterable[int], new: Iterable[BookObject]) -> NameIndex | None:
        """The same without some objects and with others; None when a new index is due."""
        leaving = frozenset(gone)
        recent = {mid: names for mid, names in self._recent.items() if mid not in leaving}
        recent |= {thing.mid: names_of(thing) for thing in new}
        stale = self._stale | leaving
        if len(stale) + len(recent) > _MOST_RECENT:
            return None
        other = object.__new__(NameIndex)
        other._names, other._owners, other._starts = self._names, self._owners, self._starts
        other._stale, other._recent = stale, recent
        return other

    def exactly(self, name: str) -> Iterator[int]:
        """Objects that have this folded name."""
        at = bisect_left(self._names, name)
        if at < len(self._names) and self._names[at] == name:
            yield from self._owned(at, at + 1)
        yield from (mid for mid, names in self._recent.items() if name in names)

    def beginning(self, start: str) -> Iterator[int]:
        """Objects with a name that begins so; one may come several times."""
        low, high = bisect_left(self._names, start), bisect_left(self._names, start + _LAST)
        yield from self._owned(low, high)
        for mid, names in self._recent.items():
            if any(name.startswith(start) for name in names):
                yield mid

    def count(self, start: str) -> int:
        """About how many names begin so."""
        low, high = bisect_left(self._names, start), bisect_left(self._names, start + _LAST)
        return self._starts[high] - self._starts[low]

    def _owned(self, low: int, high: int) -> Iterator[int]:
        owners = self._owners[self._starts[low] : self._starts[high]]
        return (mid for mid in owners if mid not in self._stale) if self._stale else iter(owners)


def names_of(thing: BookObject) -> tuple[str, ...]:
    """Everything that an object can be found by, folded."""
    attributes = thing.attributes
    names = [thing.folded, fold(thing.alias), *map(fold, addresses_of(thing))]
    for attribute in SEARCHED:
        value = attributes.get(attribute)
        names += [fold(value)] if isinstance(value, str) else []
    return tuple(dict.fromkeys(name for name in names if name))


def addresses_of(thing: BookObject) -> list[str]:
    """Its mail addresses, the primary one first."""
    found = [thing.mail] if thing.mail else []
    others = thing.attributes.get(PROXY_ADDRESSES)
    for other in others if isinstance(others, list) else ():
        kind, colon, address = other.partition(":")
        if not colon or kind.lower() == "smtp":
            found.append(address if colon else other)
    return list(dict.fromkeys(found))
