"""Address lists: the tables that clients can browse.  MS-OXOABK 3.2.1, MS-OXNSPI 3.1.4.1.3

The global address list has id 0 and everybody in it. The lists that every client expects, all users, all
groups and so on, are always there: their ids lie where no entry's ever will, and their GUIDs follow from the
directory's. Containers among the entries are more lists: of what lies in them, or of the kinds of recipient
that their attribute `recipientKinds` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from rpch.directory.entries import EntryKind
from rpch.exchange.nspi.book.objects import BookObject

GLOBAL_LIST: Final = 0
GLOBAL_NAME: Final = "Global Address List"
KINDS_ATTRIBUTE: Final = "recipientKinds"
DEEPEST: Final = 32
RECIPIENTS: Final = frozenset(EntryKind) - {EntryKind.CONTAINER}

_FIRST_LIST: Final = 0x7FFF_FF00
_STANDARD: Final[tuple[tuple[str, frozenset[EntryKind]], ...]] = (
    ("All Contacts", frozenset({EntryKind.CONTACT})),
    ("All Distribution Lists", frozenset({EntryKind.GROUP})),
    ("All Rooms", frozenset({EntryKind.ROOM, EntryKind.EQUIPMENT})),
    ("All Users", frozenset({EntryKind.USER})),
)


@dataclass(frozen=True, slots=True)
class Container:
    """One table. `kinds` are the recipients it takes; those of `home` only, unless that is None."""

    mid: int
    name: str
    guid: UUID | None = None
    parent: int | None = None
    depth: int = 0
    has_children: bool = False
    kinds: frozenset[EntryKind] = RECIPIENTS
    home: int | None = None

    @property
    def dn(self) -> str:
        """Its name among objects.  MS-OXNSPI 2.2.9.3"""
        return f"/guid={guid_text(self.guid)}" if self.guid else "/"

    def holds(self, thing: BookObject) -> bool:
        """Whether an object is a row of the table."""
        if thing.hidden or thing.kind not in self.kinds:
            return False
        return self.home is None or thing.parent == self.home


def guid_text(guid: UUID) -> str:
    """A GUID as DNs have it: the bytes it has in memory, in hex."""
    return guid.bytes_le.hex()


def containers_of(directory: UUID, objects: Mapping[int, BookObject]) -> dict[int, Container]:
    """All tables by id, in the order of the hierarchy: children right after their parent."""
    found = {GLOBAL_LIST: Container(GLOBAL_LIST, GLOBAL_NAME)}
    for at, (name, kinds) in enumerate(_STANDARD):
        found[_FIRST_LIST + at] = Container(_FIRST_LIST + at, name, uuid5(directory, name), kinds=kinds)
    children: dict[int | None, list[BookObject]] = {}
    for thing in objects.values():
        if thing.is_container and not thing.hidden:
            children.setdefault(thing.parent, []).append(thing)
    _add(found, children, children.get(None, ()), parent=None, depth=0)
    return found


def _add(
    found: dict[int, Container],
    children: Mapping[int | None, list[BookObject]],
    some: Iterable[BookObject],
    *,
    parent: int | None,
    depth: int,
) -> None:
    for thing in sorted(some, key=lambda each: (each.folded, each.mid)):
        inner = children.get(thing.mid, ()) if depth < DEEPEST else ()
        kinds = _kinds(thing)
        found[thing.mid] = Container(
            thing.mid,
            thing.display_name,
            thing.guid,
            parent,
            depth,
            has_children=bool(inner),
            kinds=kinds or RECIPIENTS,
            home=None if kinds else thing.mid,
        )
        _add(found, children, inner, parent=thing.mid, depth=depth + 1)


def _kinds(thing: BookObject) -> frozenset[EntryKind]:
    """What a list is of that takes recipients from everywhere; nothing for one of its own."""
    wanted = thing.attributes.get(KINDS_ATTRIBUTE)
    if not isinstance(wanted, list):
        return frozenset()
    return frozenset(kind for kind in RECIPIENTS if kind.value in wanted)
