"""Where a client is in a table, and where it goes.  MS-OXNSPI 3.1.4.5

A position is the id of the current row, and its number. The id counts: when others come and go, the client
stays with the row it was at. Where that row itself is gone the number must do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.objects import BookObject
from rpch.exchange.nspi.book.tables import Table
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.wire.structures import Stat, Status

BEGINNING: Final = 0
CURRENT: Final = 1
END: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a table; the number is that of rows when it is past the last."""

    table: Table
    position: int

    @property
    def mid(self) -> int:
        """The object of the row, or the sign for the end."""
        return self.table.mid_at(self.position) if self.position < len(self.table) else END

    def stat(self, stat: Stat) -> Stat:
        """How a client is told of it.  MS-OXNSPI 3.1.4.5.1"""
        return replace(stat, current_rec=self.mid, delta=0, num_pos=self.position, total_recs=len(self.table))

    def moved(self, rows: int) -> Place:
        """So many rows further on, or back; never outside of the table."""
        return Place(self.table, min(max(self.position + rows, 0), len(self.table)))


def table_of(book: Book, stat: Stat) -> Table:
    """The table that a client is in."""
    try:
        return book.table(stat.container_id, stat.sort_type, stat.sort_locale)
    except KeyError:
        raise Refused(Status.INVALID_BOOKMARK, f"there is no container {stat.container_id}") from None


def place_of(book: Book, stat: Stat) -> Place:
    """Where a client wants to begin, before it moves by its delta.  MS-OXNSPI 3.1.4.5.2"""
    table = table_of(book, stat)
    rows = len(table)
    match stat.current_rec:
        case 0:
            position = 0
        case 1:  # a fraction of the table
            position = min(rows * stat.num_pos // stat.total_recs, rows) if stat.total_recs else 0
        case 2:
            position = rows
        case mid:
            position = _position(book, table, mid, stat.num_pos)
    return Place(table, position)


def moved(book: Book, stat: Stat) -> Place:
    """Where a client wants to be."""
    return place_of(book, stat).moved(stat.delta)


def _position(book: Book, table: Table, mid: int, number: int) -> int:
    thing = book.objects.get(mid)
    position = table.position(thing) if isinstance(thing, BookObject) else None
    return min(number, len(table)) if position is None else position
