"""Types of fixed size: numbers, booleans, enumerations, UUIDs.  C706 14.2, MS-RPCE 2.2.4"""

import struct
from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Annotated, Any, Self
from uuid import UUID

from rpch.errors import LocalProtocolError
from rpch.ndr.faults import ENUM_VALUE_OUT_OF_RANGE, StubError
from rpch.ndr.kinds import NdrType, Order, Plan, kind_of
from rpch.ndr.streams import Decoder, Encoder

Outgoing = Callable[[Encoder, Any, Any], Any]
"""encoder, value, scope: what `struct` shall pack"""
Incoming = Callable[[Decoder, Any, Any, Any], None]
"""decoder, slots, key, scope: replaces what `struct` unpacked into `slots[key]`"""


class Scalar(NdrType):
    """A type of fixed size; neighbours travel in one step.  C706 14.2"""

    constructed = False

    def __init__(self, code: str, alignment: int | None = None) -> None:
        super().__init__()
        self.code = code
        self.size = self.minimum = self.memory = struct.calcsize("<" + code)
        self.alignment = alignment or self.size

    def outgoing(self, order: Order) -> Outgoing | None:
        """What prepares a value for `struct`, if anything must."""
        return None

    def incoming(self, order: Order) -> Incoming | None:
        """What finishes a value from `struct`, if anything must."""
        return None

    def compile(self, plan: Plan, order: Order) -> None:
        codec, mask = struct.Struct(order + self.code), self.alignment - 1
        outgoing, incoming = self.outgoing(order), self.incoming(order)

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            wire = outgoing(encoder, value, scope) if outgoing else value
            encoder.align(mask)
            try:
                encoder.out += codec.pack(wire)
            except (struct.error, OverflowError) as error:
                raise LocalProtocolError(str(error)) from None

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            (slots[key],) = decoder.unpack(codec, mask)
            if incoming:
                incoming(decoder, slots, key, scope)

        plan.write, plan.read = write, read


class Octet(Scalar):
    """An octet without a sign; arrays of it are `bytes`.  C706 14.2.7"""

    def __init__(self) -> None:
        super().__init__("B")


class Converted(Scalar):
    """A scalar that has another form in Python."""

    def __init__(
        self,
        code: str,
        alignment: int,
        outgoing: Callable[[Any, Order], Any],
        incoming: Callable[[Any, Order], Any],
        *,
        constructed: bool = False,
    ) -> None:
        super().__init__(code, alignment)
        self.constructed = constructed
        self._out, self._in = outgoing, incoming

    def outgoing(self, order: Order) -> Outgoing:
        convert = self._out
        return lambda _encoder, value, _scope: convert(value, order)

    def incoming(self, order: Order) -> Incoming:
        convert = self._in

        def finish(_decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
            slots[key] = convert(slots[key], order)

        return finish


class Ranged(Scalar):
    """A scalar confined by [range].  MS-RPCE 2.2.4"""

    def __init__(self, inner: Scalar, low: int, high: int) -> None:
        super().__init__(inner.code, inner.alignment)
        self._inner, self._low, self._high = inner, low, high

    def outgoing(self, order: Order) -> Outgoing:
        low, high, inner = self._low, self._high, self._inner.outgoing(order)

        def prepare(encoder: Encoder, value: Any, scope: Any) -> Any:
            if not low <= value <= high:
                raise LocalProtocolError(f"{value} is not within {low} and {high}")
            return inner(encoder, value, scope) if inner else value

        return prepare

    def incoming(self, order: Order) -> Incoming:
        low, high, inner = self._low, self._high, self._inner.incoming(order)

        def finish(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            if inner:
                inner(decoder, slots, key, scope)
            if not low <= slots[key] <= high:
                raise decoder.fail(f"{slots[key]} is not within {low} and {high}")

        return finish


class OpenEnum(IntEnum):
    """An enumeration the peer may extend: a number without a name stays, and prints itself."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        unnamed = int.__new__(cls, value)
        unnamed._name_, unnamed._value_ = f"0x{value:x}", value
        return unnamed

    def __repr__(self) -> str:
        name, own = self.name, type(self).__name__
        return f"{own}.{name}" if name in type(self).__members__ else f"{own}({name})"


class EnumNumber(Scalar):
    """A number that is a member of an enumeration.  C706 14.2.5.1"""

    def __init__(self, code: str, members: type[IntEnum] | type[IntFlag], highest: int) -> None:
        super().__init__(code)
        self._members, self._highest = members, highest

    def outgoing(self, order: Order) -> Outgoing:
        highest = self._highest

        def prepare(_encoder: Encoder, value: Any, _scope: Any) -> int:
            number = int(value)
            if not 0 <= number <= highest:
                raise LocalProtocolError(f"enumeration value {number} is not within 0 and {highest}")
            return number

        return prepare

    def incoming(self, order: Order) -> Incoming:
        members, highest = self._members, self._highest

        def finish(decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
            number = slots[key]
            if number > highest:
                raise StubError(f"enumeration value {number}", at=decoder.at, status=ENUM_VALUE_OUT_OF_RANGE)
            try:
                slots[key] = members(number)
            except ValueError:
                raise StubError(
                    f"{number} is no {members.__name__}", at=decoder.at, status=ENUM_VALUE_OUT_OF_RANGE
                ) from None

        return finish


def enum16(members: type[IntEnum] | type[IntFlag]) -> EnumNumber:
    """An enum: two bytes, 0 to 32767; `members` extends `OpenEnum` unless it is closed.  C706 14.2.5.1"""
    return EnumNumber("H", members, 0x7FFF)


def v1_enum(members: type[IntEnum] | type[IntFlag]) -> EnumNumber:
    """A [v1_enum] enum: four bytes.  MS-RPCE 2.2.4"""
    return EnumNumber("I", members, 0xFFFF_FFFF)


def ranged(hint: object, low: int, high: int) -> Ranged:
    """A number confined by [range(low, high)].  MS-RPCE 2.2.4"""
    inner = kind_of(hint)
    if not isinstance(inner, Scalar):
        raise TypeError("[range] confines numbers")
    return Ranged(inner, low, high)


def octets(size: int) -> Converted:
    """Exactly `size` opaque bytes: a fixed array of byte.  C706 14.3.3.1"""

    def outgoing(value: bytes, _order: Order) -> bytes:
        if len(value) != size:
            raise LocalProtocolError(f"need {size} bytes, have {len(value)}")
        return bytes(value)

    return Converted(f"{size}s", 1, outgoing, lambda raw, _order: raw, constructed=True)


def _truth(code: str) -> Converted:
    return Converted(code, struct.calcsize("<" + code), lambda it, _: 1 if it else 0, lambda raw, _: raw != 0)


def _uuid_out(uuid: UUID, order: Order) -> bytes:
    return uuid.bytes_le if order == "<" else uuid.bytes


def _uuid_in(raw: bytes, order: Order) -> UUID:
    return UUID(bytes_le=raw) if order == "<" else UUID(bytes=raw)


def _halves_out(value: int, order: Order) -> int:
    if not 0 <= value <= 0xFFFF_FFFF_FFFF_FFFF:
        raise LocalProtocolError(f"{value} does not fit in two unsigned longs")
    return value if order == "<" else _halves_in(value, order)


def _halves_in(raw: int, order: Order) -> int:
    return raw if order == "<" else raw >> 32 | (raw & 0xFFFF_FFFF) << 32


Boolean = Annotated[bool, _truth("B")]
Byte = Annotated[int, Octet()]
Char = Annotated[int, Octet()]
Small = Annotated[int, Scalar("b")]
USmall = Annotated[int, Octet()]
Short = Annotated[int, Scalar("h")]
UShort = Annotated[int, Scalar("H")]
WChar = Annotated[int, Scalar("H")]
Long = Annotated[int, Scalar("i")]
ULong = Annotated[int, Scalar("I")]
ErrorStatus = Annotated[int, Scalar("I")]
Boolean32 = Annotated[bool, _truth("I")]
Hyper = Annotated[int, Scalar("q")]
UHyper = Annotated[int, Scalar("Q")]
Float = Annotated[float, Scalar("f")]
Double = Annotated[float, Scalar("d")]
Guid = Annotated[UUID, Converted("16s", 4, _uuid_out, _uuid_in, constructed=True)]
FileTime = Annotated[int, Converted("Q", 4, _halves_out, _halves_in, constructed=True)]
"""FILETIME, LUID, OLD_LARGE_INTEGER: a low and a high long, so it aligns to 4.  MS-DTYP 2.3.3"""
