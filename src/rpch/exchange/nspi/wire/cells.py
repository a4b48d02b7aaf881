"""How the value of each type lies in a row, and what it points to.  PROP_VAL_UNION, MS-OXNSPI 2.2.2.11

A cell is tag, reserved and type, and then its number; or its pointer, with perhaps a count before it. Cells
begin at multiples of four. What they point to comes behind the last cell of the row.
"""

from __future__ import annotations

import codecs
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from rpch.errors import LocalProtocolError
from rpch.exchange.nspi.tags import Kind
from rpch.exchange.nspi.wire.structures import LARGEST_BINARY, MOST_VALUES
from rpch.ndr.kinds import Order
from rpch.ndr.streams import MAX_COUNT, Decoder

_HEAD: Final = "III"
PADDING: Final = tuple(bytes(-size % 4) for size in range(4))
_Convert = Callable[[Any, str], tuple[Any, int]]
"""value, what to do about errors: the converted value, and how much of the other there was"""

# As functions: to find a codec by its name costs more than the text.
_Converters = tuple[_Convert, _Convert, str | bytes]
"""to bytes, from bytes, and what ends a string"""
_WIDE: Final[Mapping[Order, _Converters]] = {
    "<": (codecs.utf_16_le_encode, lambda raw, errors: codecs.utf_16_le_decode(raw, errors, True), "\0"),
    ">": (codecs.utf_16_be_encode, lambda raw, errors: codecs.utf_16_be_decode(raw, errors, True), "\0"),
}
_POINTER: Final = 8  # what a null pointer in an array costs at least: four bytes, and its place


class Body(ABC):
    """What a cell points to: written at the end of `out`, read where the decoder stands."""

    @abstractmethod
    def write(self, out: bytearray, value: Any, referent: int) -> int:
        """Add it; the next free id of a referent."""

    @abstractmethod
    def read(self, decoder: Decoder, *fixed: int) -> Any:
        """Take it; None, or nothing, where the pointer is null."""


class Cell:
    """One type: `pack` makes the whole cell, `unpack` reads what is behind its type."""

    __slots__ = ("body", "counted", "pack", "size", "unpack")

    def __init__(self, order: Order, code: str, body: Body | None = None, *, counted: bool = False) -> None:
        whole = struct.Struct(order + _HEAD + code)
        self.pack: Callable[..., bytes] = whole.pack
        self.unpack: Callable[[bytes, int], tuple[Any, ...]]
        self.unpack = struct.Struct(order + code.rstrip("x")).unpack_from
        self.size, self.body, self.counted = whole.size, body, counted


def _time(order: Order) -> Cell:
    """A moment: two numbers, the low one first in every byte order.  FILETIME, MS-DTYP 2.3.3"""
    cell = Cell(order, "II")
    pack, unpack = cell.pack, cell.unpack
    cell.pack = lambda tag, reserved, kind, value: pack(tag, reserved, kind, *_halves(value))
    cell.unpack = lambda data, at: (_whole(*unpack(data, at)),)
    return cell


def _halves(value: int) -> tuple[int, int]:
    return value & 0xFFFF_FFFF, value >> 32


def _whole(low: int, high: int) -> int:
    return high << 32 | low


def _same(value: bytes, _errors: str) -> tuple[bytes, int]:
    return value, len(value)


class _Text(Body):
    """A string with its terminator: text, or the bytes that it is in a code page."""

    def __init__(self, order: Order, width: int) -> None:
        self._head, self._width, self._end = struct.Struct(order + _HEAD), width, bytes(width)
        narrow: _Converters = (_same, _same, b"\0")
        self._encode, self._decode, self._nul = _WIDE[order] if width == 2 else narrow

    def write(self, out: bytearray, value: Any, referent: int) -> int:
        raw, _ = self._encode(value, "strict")
        if self._nul in value:
            raise LocalProtocolError("a string cannot contain its terminator")
        units = len(raw) // self._width + 1
        out += PADDING[len(out) & 3]
        out += self._head.pack(units, 0, units)
        out += raw
        out += self._end
        return referent

    def read(self, decoder: Decoder, *fixed: int) -> str | bytes | None:
        if not fixed[0]:
            return None
        data, at, width = decoder.data, decoder.at + (-decoder.at & 3), self._width
        maximum, offset, actual = self._head.unpack_from(data, at)
        end = at + 12 + actual * width
        if offset or not 0 < actual <= maximum <= MAX_COUNT or end > len(data):
            raise decoder.fail(f"string of {actual} characters from {offset} in {maximum}")
        decoder.at = end
        try:
            value: Any = self._decode(data[at + 12 : end - width], "strict")[0]
        except UnicodeDecodeError as error:
            raise decoder.fail(f"byte {error.start} of a string is no text") from None
        if self._nul in value or data[end - width : end] != self._end:
            raise decoder.fail("a string must end with its one terminator")
        return cast("str | bytes", value)


class _Octets(Body):
    """Bytes, as many as the cell says."""

    def __init__(self, order: Order) -> None:
        self._count = struct.Struct(order + "I")

    def write(self, out: bytearray, value: Any, referent: int) -> int:
        _check(len(value), LARGEST_BINARY)
        out += PADDING[len(out) & 3]
        out += self._count.pack(len(value))
        out += value
        return referent

    def read(self, decoder: Decoder, *fixed: int) -> bytes:
        count = _counted(decoder, self._count, fixed, LARGEST_BINARY)
        return decoder.take(count)


class _Guid(Body):
    """Sixteen bytes, which may begin anywhere.  FlatUID_r, MS-OXNSPI 2.2.2.1"""

    def write(self, out: bytearray, value: Any, referent: int) -> int:
        if len(value) != 16:
            raise LocalProtocolError(f"a GUID has 16 bytes, not {len(value)}")
        out += value
        return referent

    def read(self, decoder: Decoder, *fixed: int) -> bytes | None:
        if not fixed[0]:
            return None
        return decoder.take(16)


class _Numbers(Body):
    """Numbers of one size; of two in a row for moments."""

    def __init__(self, order: Order, code: str, *, moments: bool = False) -> None:
        self._count, self._order, self._code, self._moments = struct.Struct(order + "I"), order, code, moments
        self._size = struct.calcsize("<" + code)

    def write(self, out: bytearray, value: Any, referent: int) -> int:
        _check(len(value), MOST_VALUES)
        numbers = [half for each in value for half in _halves(each)] if self._moments else value
        out += PADDING[len(out) & 3]
        out += self._count.pack(len(value))
        out += struct.pack(f"{self._order}{len(numbers)}{self._code[0]}", *numbers)
        return referent

    def read(self, decoder: Decoder, *fixed: int) -> tuple[int, ...]:
        count = _counted(decoder, self._count, fixed, MOST_VALUES)
        decoder.claim(count, self._size, _POINTER)
        numbers = decoder.unpack(struct.Struct(f"{self._order}{count * len(self._code)}{self._code[0]}"), 0)
        return tuple(map(_whole, numbers[::2], numbers[1::2])) if self._moments else numbers


class _Several(Body):
    """Values that are pointed to themselves. Those whose pointers are null are left out."""

    def __init__(self, order: Order, body: Body, *, counted: bool = False) -> None:
        self._count, self._body, self._counted = struct.Struct(order + "I"), body, counted
        self._fixed = struct.Struct(order + ("II" if counted else "I"))

    def write(self, out: bytearray, value: Any, referent: int) -> int:
        _check(len(value), MOST_VALUES)
        out += PADDING[len(out) & 3]
        out += self._count.pack(len(value))
        for each in value:
            out += self._fixed.pack(len(each), referent) if self._counted else self._fixed.pack(referent)
            referent += 4
        for each in value:
            self._body.write(out, each, referent)
        return referent

    def read(self, decoder: Decoder, *fixed: int) -> tuple[Any, ...]:
        count = _counted(decoder, self._count, fixed, MOST_VALUES)
        decoder.claim(count, self._fixed.size, _POINTER)
        pointers = [decoder.unpack(self._fixed, 3) for _ in range(count)]
        found = [self._body.read(decoder, *pointer) for pointer in pointers]
        return tuple(each for each in found if each is not None)


def _check(count: int, largest: int) -> None:
    if count > largest:
        raise LocalProtocolError(f"{count} are more than {largest}")


def _counted(decoder: Decoder, codec: struct.Struct, fixed: Sequence[int], largest: int) -> int:
    """How many follow: what the cell said and the array says. A null pointer has none."""
    said, pointer = fixed
    maximum: int = decoder.unpack(codec, 3)[0] if pointer else 0
    if maximum != said or said > largest:
        raise decoder.fail(f"{said} values in {maximum}, of at most {largest}")
    return maximum


@cache
def cells(order: Order) -> Mapping[int, Cell]:
    """Every type that travels, by its number."""
    narrow, wide, octets, guid = _Text(order, 1), _Text(order, 2), _Octets(order), _Guid()
    made: dict[int, Cell] = {
        Kind.INTEGER16: Cell(order, "hxx"),
        Kind.INTEGER32: Cell(order, "i"),
        Kind.BOOLEAN: Cell(order, "Hxx"),
        Kind.TIME: _time(order),
        Kind.STRING8: Cell(order, "I", narrow),
        Kind.STRING: Cell(order, "I", wide),
        Kind.GUID: Cell(order, "I", guid),
        Kind.BINARY: Cell(order, "II", octets, counted=True),
    }
    made |= {kind: Cell(order, "I") for kind in (Kind.ERROR, Kind.UNSPECIFIED, Kind.NULL, Kind.OBJECT)}
    several: dict[int, Body] = {
        0x1002: _Numbers(order, "h"),
        0x1003: _Numbers(order, "i"),
        0x1040: _Numbers(order, "II", moments=True),
        0x1048: _Several(order, guid),
        Kind.STRINGS8: _Several(order, narrow),
        Kind.STRINGS: _Several(order, wide),
        Kind.BINARIES: _Several(order, octets, counted=True),
    }
    made |= {kind: Cell(order, "II", body, counted=True) for kind, body in several.items()}
    # A plain number is quicker to look up than a member of an enumeration.
    return {int(kind): cell for kind, cell in made.items()}
