"""Going through tables.  MS-OXNSPI 3.1.4.1

UpdateStat, QueryRows, SeekEntries, ResortRestriction and CompareMIds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.tables import SORT_DISPLAY_NAME, Table, key_for
from rpch.exchange.nspi.collation.keys import sort_form
from rpch.exchange.nspi.operations.asking import EPHEMERAL_IDS, asked, page_of, rows_at_once
from rpch.exchange.nspi.operations.positions import BEGINNING, END, Place, moved, place_of, table_of
from rpch.exchange.nspi.operations.rows import DEFAULT_COLUMNS, BinarySource, Row, Rows
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag, Value, in_unicode
from rpch.exchange.nspi.wire.structures import Stat, Status

SEEN_AT_ONCE: Final = 50  # rows that come along when a client seeks a name


def update_stat(book: Book, stat: Stat) -> tuple[Stat, int]:
    """Move in a table: the new position, and how many rows it is from the old.  MS-OXNSPI 3.1.4.1.4"""
    page_of(stat)
    before = place_of(book, stat)
    if stat.current_rec > END and before.mid != stat.current_rec:
        raise Refused(Status.NOT_FOUND, f"{stat.current_rec} is no row of the table")  # constraint 5
    after = before.moved(stat.delta)
    return after.stat(stat), after.position - before.position


def query_rows(
    book: Book,
    source: BinarySource,
    flags: int,
    stat: Stat,
    explicit: Sequence[int] | None,
    count: int,
    tags: Sequence[int] | None,
) -> tuple[Stat, list[Row]]:
    """Rows from a position on, or those of certain objects.  MS-OXNSPI 3.1.4.1.8"""
    page = page_of(stat)
    columns = DEFAULT_COLUMNS if tags is None else tags
    rows = Rows(book, source, columns, page, ephemeral=bool(flags & EPHEMERAL_IDS))
    if explicit is not None:
        # Observed: Outlook 2019 fails when it gets more rows than it counted.
        wanted = explicit[:count] if count else explicit
        return stat, asked(rows, wanted, columns, status=Status.OUT_OF_RESOURCES)
    if count == 0:
        raise Refused(Status.INVALID_PARAMETER, "no rows are asked for")
    start = moved(book, stat)
    end = start.moved(min(count, rows_at_once(columns)))
    return end.stat(stat), rows.of(start.table.mids(start.position, end.position))


def seek_entries(
    book: Book,
    source: BinarySource,
    stat: Stat,
    target: tuple[int, Value],
    explicit: Sequence[int] | None,
    tags: Sequence[int] | None,
) -> tuple[Stat, list[Row] | None]:
    """Go to the first row that is not before a name.  MS-OXNSPI 3.1.4.1.9"""
    page = page_of(stat)
    tag, value = target
    if stat.sort_type != SORT_DISPLAY_NAME or in_unicode(tag) != Tag.DISPLAY_NAME:
        raise Refused(Status.GENERAL_FAILURE, "only display names can be sought")
    text = page.decode(value) if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise Refused(Status.GENERAL_FAILURE, "there is no name")
    name, columns = sort_form(text, stat.sort_locale), [] if tags is None else tags
    rows = Rows(book, source, columns, page, ephemeral=True)
    if explicit is not None:
        table_of(book, stat)
        position = _first_of(book, stat, name, explicit)
        found = asked(rows, explicit[position:] if columns else (), columns, status=Status.OUT_OF_RESOURCES)
        after = replace(stat, current_rec=explicit[position], num_pos=position, total_recs=len(explicit))
        return after, None if tags is None else found
    place = _first_from(table_of(book, stat), name)
    mids = place.table.mids(place.position, place.position + min(SEEN_AT_ONCE, rows_at_once(columns)))
    # Every field but the three of the position stays, delta too (constraint 12).
    return replace(place.stat(stat), delta=stat.delta), None if tags is None else rows.of(mids)


def resort_restriction(book: Book, stat: Stat, mids: Sequence[int]) -> tuple[Stat, list[int]]:
    """Sort objects as a table does; those that are gone are left out.  MS-OXNSPI 3.1.4.1.11"""
    page_of(stat)
    if stat.sort_type != SORT_DISPLAY_NAME:
        raise Refused(Status.GENERAL_FAILURE, f"there is no sort order {stat.sort_type}")
    things = {mid: book.objects[mid] for mid in mids if mid in book.objects}
    order = Table.of(things.values(), key_for(stat.sort_type, stat.sort_locale)).mids()
    here = stat.current_rec in things
    position = order.index(stat.current_rec) if here else 0
    current = stat.current_rec if here else BEGINNING
    return replace(stat, current_rec=current, num_pos=position, total_recs=len(order)), order


def compare_mids(book: Book, stat: Stat, first: int, second: int) -> int:
    """Below 0 when the first object comes before the second, above 0 when behind.  MS-OXNSPI 3.1.4.1.12"""
    page_of(stat)
    table = table_of(book, stat)
    places = [table.position(thing) if (thing := book.objects.get(mid)) else None for mid in (first, second)]
    left, right = places
    if left is None or right is None:
        raise Refused(Status.GENERAL_FAILURE, "an object is not in the table")
    return (left > right) - (left < right)


def _first_from(table: Table, name: str) -> Place:
    place = Place(table, table.first_from(name))
    if place.position == len(table):
        raise Refused(Status.NOT_FOUND, "nobody comes behind")
    return place


def _first_of(book: Book, stat: Stat, name: str, mids: Sequence[int]) -> int:
    """Where in a client's table the first object is that is not before a name.

    Who is gone keeps the row, and is never the first.
    """
    key = key_for(stat.sort_type, stat.sort_locale)
    for position, mid in enumerate(mids):
        thing = book.objects.get(mid)
        if thing is not None and key(thing)[0] >= name:
            return position
    raise Refused(Status.NOT_FOUND, "nobody comes behind")
