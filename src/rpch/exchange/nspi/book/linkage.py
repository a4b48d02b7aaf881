"""Which objects name which: members, managers, owners, delegates, and all of these backwards.

A property that names objects has no value of its own in a row; clients ask for the objects with GetMatches.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from rpch.directory.book_reader import StoredLink
from rpch.directory.links import DELEGATE, MANAGER, MEMBER, OWNER
from rpch.exchange.nspi.book.objects import DisplayType, mid_of
from rpch.exchange.nspi.tags import Tag, number_of


@dataclass(frozen=True, slots=True)
class LinkProperty:
    """A property that names objects: which links, and from which end."""

    name: str
    backwards: bool = False


MEMBERS: Final = LinkProperty(MEMBER)

LINK_PROPERTIES: Final[Mapping[int, LinkProperty]] = {
    number_of(tag): link
    for tag, link in {
        Tag.MEMBER: MEMBERS,
        Tag.IS_MEMBER_OF_DL: LinkProperty(MEMBER, backwards=True),
        Tag.MANAGER: LinkProperty(MANAGER),
        Tag.REPORTS: LinkProperty(MANAGER, backwards=True),
        Tag.OWNER: LinkProperty(OWNER),
        Tag.OWNER_BACK_LINK: LinkProperty(OWNER, backwards=True),
        Tag.PUBLIC_DELEGATES: LinkProperty(DELEGATE),
        Tag.PUBLIC_DELEGATES_BACK_LINK: LinkProperty(DELEGATE, backwards=True),
    }.items()
}

_CHANGEABLE: Final = frozenset(
    {
        (number_of(Tag.MEMBER), DisplayType.DISTRIBUTION_LIST),
        (number_of(Tag.PUBLIC_DELEGATES), DisplayType.MAIL_USER),
    }
)


def is_changeable(number: int, display_type: DisplayType) -> bool:
    """Whether the protocol lets clients change a property of such objects.  MS-OXNSPI 3.1.4.1.15"""
    return (number, display_type) in _CHANGEABLE


_Ends: TypeAlias = "dict[int, array[int]]"


class Linkage:
    """All links of a book, from both ends."""

    def __init__(self, forwards: Mapping[str, _Ends] | None = None) -> None:
        self._forwards = forwards or {}
        self._backwards = {name: _reversed(ends) for name, ends in self._forwards.items()}

    @classmethod
    def of(cls, links: Iterable[StoredLink]) -> Linkage:
        """The links of a whole book."""
        return cls(_collected(links))

    def replaced(self, sources: Iterable[int], links: Iterable[StoredLink]) -> Linkage:
        """The same with other links from some objects."""
        new = _collected(links)
        gone = set(sources)
        if not new and not any(gone & ends.keys() for ends in self._forwards.values()):
            return self
        forwards = {
            name: {mid: ends for mid, ends in self._forwards.get(name, {}).items() if mid not in gone}
            for name in self._forwards.keys() | new.keys()
        }
        for name, ends in new.items():
            forwards[name].update(ends)
        return Linkage(forwards)

    def ends(self, mid: int, link: LinkProperty) -> Iterable[int]:
        """The objects that a property of an object names."""
        side = self._backwards if link.backwards else self._forwards
        return side.get(link.name, {}).get(mid, ())


def _collected(links: Iterable[StoredLink]) -> dict[str, _Ends]:
    found: dict[str, _Ends] = {}
    for source, name, target in links:
        ends = found.setdefault(name, {})
        ends.setdefault(mid_of(source), array("I")).append(mid_of(target))
    return found


def _reversed(ends: _Ends) -> _Ends:
    found: _Ends = {}
    for source, target in _pairs(ends):
        found.setdefault(target, array("I")).append(source)
    return found


def _pairs(ends: _Ends) -> Iterator[tuple[int, int]]:
    return ((source, target) for source, targets in ends.items() for target in targets)
