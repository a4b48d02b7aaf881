"""Finding objects: GetMatches, ResolveNames, DNToMId.  MS-OXNSPI 3.1.4.1"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.linkage import LINK_PROPERTIES, is_changeable
from rpch.exchange.nspi.book.tables import SORT_DISPLAY_NAME, SORT_DISPLAY_NAME_WRITE, Table, key_for
from rpch.exchange.nspi.conditions import Condition
from rpch.exchange.nspi.operations.asking import asked, page_of
from rpch.exchange.nspi.operations.matching import BinarySearch, Prepared, prepare
from rpch.exchange.nspi.operations.positions import table_of
from rpch.exchange.nspi.operations.resolution import Resolution, Resolver, ambiguous
from rpch.exchange.nspi.operations.rows import DEFAULT_COLUMNS, BinarySource, Row, Rows
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.sorting import sort_in_slices
from rpch.exchange.nspi.tags import number_of
from rpch.exchange.nspi.wire.structures import MOST_VALUES, Stat, Status

MOST_NAMES: Final = 1000
MOST_TESTS: Final = 3_000_000  # terms of a restriction times objects


class Source(BinarySource, BinarySearch, Protocol):
    """Where the binary attributes are, to search and to show."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What GetMatches found."""

    stat: Stat
    mids: list[int]
    rows: list[Row] | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What each name came to, and a row for each that was resolved."""

    resolutions: list[Resolution]
    rows: list[Row]


def get_matches(
    book: Book,
    source: Source,
    stat: Stat,
    condition: Condition | None,
    requested: int,
    tags: Sequence[int] | None,
    property_number: int | None = None,
) -> Matches:
    """Which objects meet a condition; without one, which objects a property names.  MS-OXNSPI 3.1.4.1.10

    The property stands in the place of the container, unless it is given by its number.
    """
    page = page_of(stat)
    if condition is None:
        number = number_of(stat.container_id) if property_number is None else property_number
        mids = _named(book, stat, number)
    else:
        table = table_of(book, stat)
        mids = _meeting(
            book, table, prepare(book, condition, partial(ambiguous, book), source, stat.sort_locale)
        )
    if len(mids) > min(requested, MOST_VALUES):
        raise Refused(Status.TABLE_TOO_BIG, f"{len(mids)} objects")
    rows = None
    if tags is not None:
        columns = Rows(book, source, tags, page, ephemeral=True)
        rows = asked(columns, mids, tags, status=Status.TABLE_TOO_BIG)
    return Matches(replace(stat, container_id=stat.current_rec), mids, rows)


def resolve_names(
    book: Book, source: BinarySource, stat: Stat, names: Sequence[str | None], tags: Sequence[int] | None
) -> Resolved:
    """Whom each of some names means.  MS-OXNSPI 3.1.4.1.16, 3.1.4.1.17"""
    page = page_of(stat)
    if len(names) > MOST_NAMES:
        raise Refused(Status.OUT_OF_RESOURCES, f"{len(names)} names")
    table_of(book, stat)
    columns = DEFAULT_COLUMNS if tags is None else tags
    rows = Rows(book, source, columns, page, ephemeral=True)
    resolver = Resolver(book, stat.container_id)
    found = [resolver.resolve(name) for name in names]
    mids = [mid for resolution, mid in found if resolution is Resolution.RESOLVED]
    return Resolved(
        [resolution for resolution, _ in found],
        asked(rows, mids, columns, status=Status.OUT_OF_RESOURCES),
    )


def dn_to_mid(book: Book, names: Sequence[str | None]) -> list[int]:
    """The id of each DN; 0 for those that are not known.  MS-OXNSPI 3.1.4.1.13"""
    return [(book.by_dn(name) or 0) if name else 0 for name in names]


def _named(book: Book, stat: Stat, number: int) -> list[int]:
    """The objects that a property of an object names, by display name."""
    thing = book.find(stat.current_rec)
    if thing is None:
        raise Refused(Status.GENERAL_FAILURE, f"there is no object {stat.current_rec}")
    link = LINK_PROPERTIES.get(number)
    if link is None:
        raise Refused(Status.NOT_SUPPORTED, f"{number:04X} names no objects")
    if stat.sort_type == SORT_DISPLAY_NAME_WRITE and not is_changeable(number, thing.display_type):
        raise Refused(
            Status.NOT_SUPPORTED, f"{number:04X} of {stat.current_rec} is not for clients to change"
        )
    things = [each for mid in book.linkage.ends(stat.current_rec, link) if (each := book.objects.get(mid))]
    return Table.of(things, key_for(SORT_DISPLAY_NAME, stat.sort_locale)).mids()


def _meeting(book: Book, table: Table, prepared: Prepared) -> list[int]:
    """The rows of a table that meet a condition."""
    if prepared.among is None:
        wanted = table.mids()
    else:
        places = ((table.position(book.objects[mid]), mid) for mid in prepared.among)
        wanted = [mid for _, mid in sort_in_slices((at, mid) for at, mid in places if at is not None)]
    if prepared.terms * len(wanted) > MOST_TESTS:
        raise Refused(Status.TOO_COMPLEX, f"{prepared.terms} terms for {len(wanted)} objects")
    return [mid for mid in wanted if prepared.accepts(book.objects[mid])]
