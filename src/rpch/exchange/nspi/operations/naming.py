"""Which object something means: an entry id of either kind, or a DN.  MS-OXNSPI 2.2.9"""

from __future__ import annotations

from rpch.errors import DecodeError
from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.linkage import MEMBERS, Linkage
from rpch.exchange.nspi.tags import Value
from rpch.exchange.nspi.wire.entryids import EphemeralId, decode_entry_id


def object_meant(book: Book, value: Value) -> int | None:
    """The recipient of an entry id or DN; None when it means nobody."""
    if isinstance(value, bytes):
        return _by_entry_id(book, value)
    mid = book.by_dn(value) if isinstance(value, str) else None
    return mid if mid in book.objects else None


def members_of(linkage: Linkage, group: int) -> frozenset[int]:
    """Everybody in a group, and in the groups that are in it; circles end where they began."""
    found: set[int] = set()
    waiting = [group]
    while waiting:
        new = set(linkage.ends(waiting.pop(), MEMBERS)) - found
        found |= new
        waiting += new
    return frozenset(found)


def _by_entry_id(book: Book, data: bytes) -> int | None:
    try:
        entry_id = decode_entry_id(data)
    except DecodeError:
        return None
    if isinstance(entry_id, EphemeralId):
        mid = entry_id.mid if entry_id.server == book.guid else None
    else:
        mid = book.by_dn(entry_id.dn)
    return mid if mid in book.objects else None
