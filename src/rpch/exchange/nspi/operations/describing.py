"""What objects, containers and the server have.  MS-OXNSPI 3.1.4.1

GetProps, GetPropList, QueryColumns, GetSpecialTable and GetTemplateInfo.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.containers import GLOBAL_LIST, Container
from rpch.exchange.nspi.book.fixed import container_entry_id, container_flags
from rpch.exchange.nspi.codepages import CodePage
from rpch.exchange.nspi.operations.asking import EPHEMERAL_IDS, SKIP_OBJECTS, page_for, page_numbered, page_of
from rpch.exchange.nspi.operations.rows import BinarySource, Row, Rows, known_tags, present_tags
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Tag, Value, in_code_page, kind_of
from rpch.exchange.nspi.templates.controls import encode_template
from rpch.exchange.nspi.templates.layouts import template_for
from rpch.exchange.nspi.wire.structures import Stat, Status

CREATION_TEMPLATES: Final = 0x2  # MS-OXNSPI 2.2.1.12
UNICODE_STRINGS: Final = 0x4
UNICODE_TYPES: Final = 0x8000_0000  # MS-OXNSPI 2.2.1.13
TEMPLATE: Final = 0x1  # MS-OXNSPI 2.2.1.14
SCRIPT: Final = 0x4


@dataclass(frozen=True, slots=True)
class SpecialTable:
    """A table that is no container; without rows when the client has this version already."""

    version: int
    rows: list[Row]


def get_props(
    book: Book, source: BinarySource, flags: int, stat: Stat, tags: Sequence[int] | None
) -> tuple[Row, bool]:
    """Properties of one object, and whether it has all of them.  MS-OXNSPI 3.1.4.1.7

    The container does not matter: clients send whatever stands there after GetMatches.
    Observed: Exchange since 2010 does not look at it either (MS-OXNSPI note <5>).
    """
    thing = book.find(stat.current_rec)
    if tags is None:
        tags = [] if thing is None else present_tags(book, thing, objects=not flags & SKIP_OBJECTS)
    page = page_for(stat, tags)
    rows = Rows(book, source, tags, page, ephemeral=bool(flags & EPHEMERAL_IDS))
    (row,) = rows.of([stat.current_rec])
    return row, all(kind_of(tag) != Kind.ERROR for tag, _ in row)


def get_prop_list(book: Book, flags: int, mid: int, code_page: int) -> list[int]:
    """Which properties an object has.  MS-OXNSPI 3.1.4.1.6"""
    page_numbered(code_page)
    thing = book.find(mid)
    if thing is None:
        raise Refused(Status.INVALID_OBJECT, f"there is no object {mid}")
    return present_tags(book, thing, objects=not flags & SKIP_OBJECTS)


def query_columns(flags: int) -> list[int]:
    """Every property that the server knows.  MS-OXNSPI 3.1.4.1.5"""
    return known_tags(unicode=bool(flags & UNICODE_TYPES))


def get_special_table(book: Book, flags: int, stat: Stat, version: int) -> SpecialTable:
    """The hierarchy of containers; of templates for new addresses there are none.  MS-OXNSPI 3.1.4.1.3"""
    if flags & CREATION_TEMPLATES:
        return SpecialTable(version, [])
    page = None if flags & UNICODE_STRINGS else page_of(stat)
    rows = [_container_row(book, container, page) for container in book.containers.values()]
    current = zlib.crc32(repr(rows).encode()) or 1
    return SpecialTable(current, [] if version == current else rows)


def get_template_info(flags: int, display_type: int, dn: str | None, code_page: int, locale: int) -> Row:
    """How a client draws an object of a kind.  MS-OXNSPI 3.1.4.1.18

    A DN names a template of its own, and there are none. No template of ours needs a script, so scripts are
    empty. Other flags, such as those for help files, are ignored.
    """
    page = page_numbered(code_page)
    template = None if dn else template_for(display_type, locale)
    if template is None:
        raise Refused(Status.INVALID_LOCALE, f"no template for {dn or display_type} in locale {locale:#x}")
    row: Row = [(Tag.TEMPLATE_DATA, encode_template(template, page))] if flags & TEMPLATE else []
    return [*row, (Tag.SCRIPT_DATA, b"")] if flags & SCRIPT else row


def _container_row(book: Book, container: Container, page: CodePage | None) -> Row:
    name: Value = container.name if page is None else page.encode(container.name)
    row: Row = [
        (Tag.ENTRYID, container_entry_id(container)),
        (Tag.CONTAINER_FLAGS, container_flags(container)),
        (Tag.DEPTH, container.depth),
        (Tag.CONTAINERID, container.mid),
        (Tag.DISPLAY_NAME if page is None else in_code_page(Tag.DISPLAY_NAME), name),
        (Tag.IS_MASTER, 0),
    ]
    parent = book.containers.get(GLOBAL_LIST if container.parent is None else container.parent)
    if container.parent is not None and parent is not None:
        row.append((Tag.PARENT_ENTRYID, container_entry_id(parent)))
    return row
