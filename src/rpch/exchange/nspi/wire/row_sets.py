"""Sets of rows to and from their bytes, with no object for each value.  PropertyRowSet_r, MS-OXNSPI 2.2.3.2

Whoever reads a whole address book gets millions of values, and nearly all the time would go into making
structures for them and taking these apart again. So a set of rows is an NDR type of its own, whose value is
the rows themselves. It is written as a declared structure of `PropertyRow` would be, and read with the same
care; the tests hold one against the other.

    unique pointer, maximum count, count
    for each row:   reserved, count, unique pointer
    for each row:   maximum count
                    for each value: tag, reserved, type, and a number, a pointer, or a count and a pointer
                    for each value with a pointer: what it points to
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from rpch.errors import LocalProtocolError
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.wire.cells import PADDING, Cell, cells
from rpch.exchange.nspi.wire.structures import MOST_VALUES
from rpch.ndr.faults import INVALID_TAG, StubError
from rpch.ndr.kinds import NdrType, Order, Plan
from rpch.ndr.streams import Decoder, Encoder

_SMALLEST_ROW: Final = 12
_SMALLEST_CELL: Final = 14
_ROW_MEMORY: Final = 72  # an empty list and its place
_CELL_MEMORY: Final = 96  # a pair, its place and a small value


class RowSet(NdrType):
    """A [unique] pointer to rows, as a parameter."""

    alignment, minimum, memory = 4, 4, _ROW_MEMORY

    def compile(self, plan: Plan, order: Order) -> None:
        codec = _RowSetCodec(order)

        def write(encoder: Encoder, value: Any, _scope: Any) -> None:
            codec.write(encoder, value)

        def read(decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
            slots[key] = codec.read(decoder)

        plan.write, plan.read = write, read


class _RowSetCodec:
    """Both directions in one byte order."""

    def __init__(self, order: Order) -> None:
        self._one, self._two = struct.Struct(order + "I"), struct.Struct(order + "II")
        self._three = struct.Struct(order + "III")
        self._cells = cells(order)

    def write(self, encoder: Encoder, rows: Sequence[Row] | None) -> None:
        encoder.align(3)
        if rows is None:
            encoder.out += self._one.pack(0)
            return
        count, out, head = len(rows), encoder.out, self._three.pack
        _check_count(count)
        out += head(encoder.next_unique, count, count)
        referent = encoder.next_unique + 4
        for row in rows:
            _check_count(len(row))
            out += head(0, len(row), referent)
            referent += 4
        try:
            for row in rows:
                referent = self._write_cells(out, row, referent)
        except (struct.error, OverflowError, UnicodeEncodeError) as error:
            raise LocalProtocolError(f"a value does not fit its type: {error}") from None
        encoder.next_unique = referent

    def _write_cells(self, out: bytearray, row: Row, referent: int) -> int:
        known, waiting = self._cells, []
        out += PADDING[len(out) & 3]
        out += self._one.pack(len(row))
        for tag, value in row:
            kind = tag & 0xFFFF
            cell = known.get(kind)
            if cell is None:
                raise LocalProtocolError(f"a value of the unknown type {kind:04X}")
            if cell.body is None:
                out += cell.pack(tag, 0, kind, value)
                continue
            if cell.counted:
                out += cell.pack(tag, 0, kind, len(cast("Sequence[object]", value)), referent)
            else:
                out += cell.pack(tag, 0, kind, referent)
            referent += 4
            waiting.append((cell.body.write, value))
        for write, value in waiting:
            referent = write(out, value, referent)
        return referent

    def read(self, decoder: Decoder) -> list[Row] | None:
        (referent,) = decoder.unpack(self._one, 3)
        if not referent:
            return None
        maximum, count = decoder.unpack(self._two, 3)
        if maximum != count or count > MOST_VALUES:
            raise decoder.fail(f"{count} rows in {maximum}")
        decoder.claim(count, _SMALLEST_ROW, _ROW_MEMORY)
        heads = [decoder.unpack(self._three, 3) for _ in range(count)]
        try:
            return [self._read_cells(decoder, size, pointer) for _, size, pointer in heads]
        except struct.error:
            raise decoder.fail("the rows end too early") from None

    def _read_cells(self, decoder: Decoder, count: int, pointer: int) -> Row:
        maximum = decoder.unpack(self._one, 3)[0] if pointer else 0
        if maximum != count or count > MOST_VALUES:
            raise decoder.fail(f"{count} values of a row in {maximum}")
        decoder.claim(count, _SMALLEST_CELL, _CELL_MEMORY)
        found = self._read_fixed(decoder, count)
        row: Row = []
        for tag, cell, fixed in found:
            value = fixed[0] if cell.body is None else cell.body.read(decoder, *fixed)
            if value is not None:
                row.append((tag, value))
        return row

    def _read_fixed(self, decoder: Decoder, count: int) -> Iterable[tuple[int, Cell, tuple[Any, ...]]]:
        """What stands in the row itself: numbers, and the pointers to everything else."""
        head, known, data, at = self._three.unpack_from, self._cells, decoder.data, decoder.at
        found = []
        for _ in range(count):
            tag, _, kind = head(data, at)
            cell = known.get(kind)
            if cell is None:
                raise StubError(f"a value of the unknown type {kind}", at=at, status=INVALID_TAG)
            if kind != tag & 0xFFFF:
                raise StubError(f"a value of the type {kind} under the tag {tag:08X}", at=at)
            found.append((tag, cell, cell.unpack(data, at + 12)))
            at += cell.size
        decoder.at = at
        return found


def _check_count(count: int) -> None:
    if count > MOST_VALUES:
        raise LocalProtocolError(f"{count} are more than {MOST_VALUES}")
