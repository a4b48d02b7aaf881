"""Finding objects: GetMatches, ResolveNames, DNToMId.  MS-OXNSPI 3.1.4.1"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from rpch.exchange.nspi.asking import asked, page_of
from rpch.exchange.nspi.book import Book
from rpch.exchange.nspi.conditions import Condition
from rpch.exchange.nspi.linkage import LINK_PROPERTIES
from rpch.exchange.nspi.matching import Prepared, prepare
from rpch.exchange.nspi.positions import Place, moved, table_of
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.resolution import Resolution, Resolver, ambiguous
from rpch.exchange.nspi.rows import DEFAULT_COLUMNS, BinarySource, Row, Rows
from rpch.exchange.nspi.structures import MOST_VALUES, Stat, Status
from rpch.exchange.nspi.tables import key_for
from rpch.exchange.nspi.tags import number_of

MOST_NAMES: Final = 1000
MOST_TESTS: Final = 4_000_000  # terms of a restriction times objects


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
    source: BinarySource,
    stat: Stat,
    condition: Condition | None,
    requested: int,
    tags: Sequence[int] | None,
) -> Matches:
    """Which objects meet a condition; without one, which objects a property names.  MS-OXNSPI 3.1.4.1.10"""
    page = page_of(stat)
    if condition is None:
        mids = _named(book, stat)
    else:
        prepared = prepare(book, condition, partial(ambiguous, book))
        mids = _meeting(book, moved(book, stat), prepared)
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


def _named(book: Book, stat: Stat) -> list[int]:
    """The objects that a property names; the container stands for the property here."""
    if book.find(stat.current_rec) is None:
        raise Refused(Status.INVALID_BOOKMARK, f"there is no object {stat.current_rec}")
    link = LINK_PROPERTIES.get(number_of(stat.container_id))
    if link is None:
        raise Refused(Status.NOT_SUPPORTED, f"{stat.container_id:08X} names no objects")
    things = [thing for mid in book.linkage.ends(stat.current_rec, link) if (thing := book.objects.get(mid))]
    return [thing.mid for thing in sorted(things, key=key_for(stat.sort_type, stat.sort_locale))]


def _meeting(book: Book, start: Place, prepared: Prepared) -> list[int]:
    """The rows from a position on that meet a condition."""
    table = start.table
    if prepared.among is None:
        wanted = table.mids(start.position)
    else:
        places = [
            (position, mid)
            for mid in prepared.among
            if (position := table.position(book.objects[mid])) is not None and position >= start.position
        ]
        wanted = [mid for _, mid in sorted(places)]
    if prepared.terms * len(wanted) > MOST_TESTS:
        raise Refused(Status.TOO_COMPLEX, f"{prepared.terms} terms for {len(wanted)} objects")
    return [mid for mid in wanted if prepared.accepts(book.objects[mid])]
