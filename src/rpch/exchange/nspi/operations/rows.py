"""Making rows: the properties that a client asked for, of one object after another.  MS-OXNSPI 3.1.4.4

What is to be done for each column is found once; then it is done for each row. A property that an object
lacks keeps its place, with an error instead of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, cast

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.book.fixed import FixedObject
from rpch.exchange.nspi.book.objects import NOTHING, BookObject, entry_id_of
from rpch.exchange.nspi.book.schema import PROPERTIES, Property, Read, ephemeral_id
from rpch.exchange.nspi.codepages import CodePage
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Kind, Tag, Value, in_code_page, in_unicode, kind_of, number_of, with_kind
from rpch.exchange.nspi.wire.structures import LARGEST_BINARY, Status

Row: TypeAlias = list[tuple[int, Value]]
Binaries: TypeAlias = Mapping[tuple[int, str], Sequence[bytes]]

NOT_FOUND: Final = int(Status.NOT_FOUND)
MOST_COLUMNS: Final = 2000
MOST_BINARY: Final = 16 * 1024 * 1024  # bytes of pictures and certificates in one answer

DEFAULT_COLUMNS: Final = (
    Tag.CONTAINERID,
    Tag.OBJECT_TYPE,
    Tag.DISPLAY_TYPE,
    *(
        in_code_page(tag)
        for tag in (Tag.DISPLAY_NAME, Tag.PRIMARY_TELEPHONE, Tag.DEPARTMENT_NAME, Tag.OFFICE_LOCATION)
    ),
)
"""What a client gets that asks for nothing in particular.  MS-OXNSPI 3.1.4.1.8"""

NATIVELY_NARROW: Final = frozenset({number_of(Tag.DISPLAY_NAME_PRINTABLE)})
"""Text that is not Unicode where nobody says what it should be.  MS-OXNSPI 3.1.4.3.1"""

_KINDS: Final[Mapping[int, int]] = {number_of(tag): kind_of(tag) for tag in Tag} | {
    number: each.kind for number, each in PROPERTIES.items()
}


class BinarySource(Protocol):
    """Where the attributes are that are not in memory."""

    def binaries(self, ids: Sequence[int], names: Sequence[str]) -> Mapping[tuple[int, str], list[bytes]]:
        """Binary attributes of several entries."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One property of every row; `missing` is what is there instead where an object lacks it."""

    number: int
    tag: int
    missing: tuple[int, Value]
    read: Read | None
    convert: Callable[[Value], Value] | None
    binary: str = ""


class Rows:
    """The rows that one request asks for."""

    def __init__(
        self,
        book: Book,
        source: BinarySource,
        tags: Sequence[int],
        page: CodePage,
        *,
        ephemeral: bool = False,
    ) -> None:
        if len(tags) > MOST_COLUMNS:
            raise Refused(Status.TABLE_TOO_BIG, f"{len(tags)} columns")
        self._book, self._source, self._page, self._ephemeral = book, source, page, ephemeral
        self._columns = [self._column(tag) for tag in tags]
        known = [PROPERTIES.get(column.number) for column in self._columns]
        self._uses_attributes = any(each is not None and each.uses_attributes for each in known)
        self._binaries = sorted({column.binary for column in self._columns if column.binary})

    def of(self, mids: Iterable[int]) -> list[Row]:
        """One row for each id; of errors only where there is no such object."""
        wanted = list(mids)
        things = [self._book.find(mid) for mid in wanted]
        binaries = self._load(things)
        return [self._row(thing, binaries) for thing in things]

    def _row(self, thing: BookObject | FixedObject | None, binaries: Binaries) -> Row:
        if thing is None:
            return [column.missing for column in self._columns]
        if isinstance(thing, FixedObject):
            return self._fixed(thing)
        attributes = thing.attributes if self._uses_attributes else NOTHING
        row: Row = []
        for column in self._columns:
            value = column.read(thing, attributes) if column.read is not None else None
            if value is None and column.binary:
                value = _binary(column, binaries.get((entry_id_of(thing.mid), column.binary), ()))
            if value is None:
                row.append(column.missing)
            else:
                row.append((column.tag, value if column.convert is None else column.convert(value)))
        return row

    def _fixed(self, thing: FixedObject) -> Row:
        row: Row = []
        for column in self._columns:
            value = thing.values.get(column.number)
            if value is None or column.tag == column.missing[0]:
                row.append(column.missing)
            else:
                row.append((column.tag, value if column.convert is None else column.convert(value)))
        return row

    def _column(self, tag: int) -> _Column:
        number, kind = number_of(tag), kind_of(tag)
        native = _KINDS.get(number, Kind.UNSPECIFIED)
        missing: tuple[int, Value] = (with_kind(tag, Kind.ERROR), NOT_FOUND)
        known = PROPERTIES.get(number)
        if kind == Kind.UNSPECIFIED:
            kind = Kind.STRING8 if number in NATIVELY_NARROW else native
        convert = self._conversion(native, kind)
        if native == Kind.UNSPECIFIED or (convert is None and native != kind):
            return _Column(number, missing[0], missing, None, None)
        read = known.bind(self._book) if known is not None else None
        if number == number_of(Tag.ENTRYID) and self._ephemeral:
            read = lambda thing, _attributes: ephemeral_id(self._book, thing)  # noqa: E731 - it is a column's
        binary = known.binary if known is not None else ""
        return _Column(number, with_kind(tag, kind), missing, read, convert, binary)

    def _conversion(self, native: int, wanted: int) -> Callable[[Value], Value] | None:
        """Text for the code page; everything else travels as it is."""
        encode = self._page.encode
        if (native, wanted) == (Kind.STRING, Kind.STRING8):
            return lambda value: encode(cast(str, value))
        if (native, wanted) == (Kind.STRINGS, Kind.STRINGS8):
            return lambda value: tuple(map(encode, cast(tuple[str, ...], value)))
        return None

    def _load(self, things: Sequence[BookObject | FixedObject | None]) -> Binaries:
        if not self._binaries:
            return {}
        having = self._book.binaries
        ids = sorted(
            {entry_id_of(thing.mid) for thing in things if thing is not None and thing.mid in having}
        )
        found = self._source.binaries(ids, self._binaries) if ids else {}
        if sum(len(data) for values in found.values() for data in values) > MOST_BINARY:
            raise Refused(Status.OUT_OF_RESOURCES, "more pictures and certificates than fit in one answer")
        return found


def _binary(column: _Column, values: Sequence[bytes]) -> Value | None:
    fitting = tuple(data for data in values if 0 < len(data) <= LARGEST_BINARY)
    if not fitting:
        return None
    return fitting if kind_of(column.tag) == Kind.BINARIES else fitting[0]


def known_tags(*, unicode: bool) -> list[int]:
    """Every property that this server knows.  MS-OXNSPI 3.1.4.1.5"""
    return [in_unicode(each.tag) if unicode else in_code_page(each.tag) for each in PROPERTIES.values()]


def present_tags(book: Book, thing: BookObject | FixedObject, *, objects: bool) -> list[int]:
    """Which properties an object has, text in the code page; those that name objects if wanted.  3.1.4.1.6"""
    if isinstance(thing, FixedObject):
        found = [with_kind(number << 16, _KINDS[number]) for number in sorted(thing.values)]
    else:
        attributes, binaries = thing.attributes, book.binaries.get(thing.mid, frozenset())
        found = [each.tag for each in PROPERTIES.values() if _has(book, each, thing, attributes, binaries)]
    return [in_code_page(tag) for tag in found if objects or kind_of(tag) != Kind.OBJECT]


def _has(
    book: Book,
    known: Property,
    thing: BookObject,
    attributes: Mapping[str, str | int | bool | list[str]],
    binaries: frozenset[str],
) -> bool:
    if known.binary:
        return known.binary in binaries
    return known.bind(book)(thing, attributes) is not None
