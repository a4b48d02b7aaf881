"""A set of rows as MS-OXNSPI 2.2.3.2 declares it, for the quick way to be held against."""

from typing import Annotated, Any

from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.wire.row_sets import RowSet
from rpch.exchange.nspi.wire.structures import (
    Binary,
    BinaryArray,
    Count,
    GuidArray,
    LongArray,
    PropertyRow,
    PropertyValue,
    ShortArray,
    StringArray,
    TimeArray,
    WStringArray,
)
from rpch.exchange.nspi.wire.values import row_from_wire
from rpch.ndr import ErrorStatus, Message, Struct, conformant, length_of, unique


class PropertyRows(Struct):
    """PropertyRowSet_r, MS-OXNSPI 2.2.3.2"""

    count: Count = length_of("rows")
    rows: Annotated[tuple[PropertyRow, ...], conformant(PropertyRow, size_is="count")]


class Declared(Message):
    """Rows between other parameters."""

    before: ErrorStatus
    rows: Annotated[PropertyRows | None, unique(PropertyRows)]
    status: ErrorStatus


class Quick(Message):
    """The same."""

    before: ErrorStatus
    rows: Annotated[list[Row] | None, RowSet()]
    status: ErrorStatus


_DRESSED: dict[int, Any] = {
    0x001E: lambda value: value.decode("latin-1"),
    0x0102: Binary,
    0x1002: ShortArray,
    0x1003: LongArray,
    0x101E: lambda value: StringArray(tuple(each.decode("latin-1") for each in value)),
    0x101F: WStringArray,
    0x1040: TimeArray,
    0x1048: GuidArray,
    0x1102: lambda value: BinaryArray(tuple(map(Binary, value))),
}


def declared(rows: list[Row] | None) -> Declared:
    """These rows in structures."""
    if rows is None:
        return Declared(1, None, 2)
    made = [
        PropertyRow(
            0,
            tuple(
                PropertyValue(tag, 0, _DRESSED.get(tag & 0xFFFF, lambda same: same)(value))
                for tag, value in row
            ),
        )
        for row in rows
    ]
    return Declared(1, PropertyRows(tuple(made)), 2)


def undressed(message: Declared) -> Quick:
    """What structures say, as rows."""
    rows = None if message.rows is None else [row_from_wire(row) for row in message.rows.rows]
    return Quick(message.before, rows, message.status)
