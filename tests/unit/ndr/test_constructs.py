"""Structures and messages, declared by their annotated fields."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.constructs import Message, Struct, length_of
from rpch.ndr.dimensions import conformant
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import Order, OutOfBand
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Byte, Hyper, ULong, UShort
from rpch.ndr.streams import Encoder
from rpch.ndr.strings import AString

Check = Callable[[Message, str], None]


class Point(Struct):
    LIMIT: ClassVar[int] = 5
    x: UShort
    y: UShort = 7


class Deep(Point):
    z: UShort = 9


class Points(Message):
    flat: Point
    deep: Deep
    status: ULong = 0


class Counted(Struct):
    count: ULong = length_of("octets")
    octets: Annotated[bytes | None, unique(conformant(Byte, size_is="count"))]

    def __post_init__(self) -> None:
        if self.count > 3:
            raise ValueError("too many")


class Unhooked(Struct):
    count: ULong = length_of("octets")
    octets: Annotated[bytes, conformant(Byte, size_is="count")]


class CountedTwice(Counted):
    names: UShort = length_of("list")
    list: Annotated[tuple[int, ...] | None, unique(conformant(UShort, size_is="names"))]


class Learned(Struct):
    size: OutOfBand
    octets: Annotated[bytes | None, unique(conformant(Byte, size_is="size"))]


class Learning(Message):
    inner: Learned
    second: OutOfBand
    both: Annotated[bytes, conformant(Byte, size_is="second")]
    again: Annotated[bytes, conformant(Byte, size_is="second")]


class Nothing(Message):
    """A call without parameters."""


class DefaultCount(Message):
    octets: Annotated[bytes, conformant(Byte, size_is="count")]
    count: ULong = 3


class Named(Message):
    name: AString
    huge: Hyper


def test_a_declared_class_is_a_frozen_dataclass() -> None:
    point = Point(1)
    assert point == Point(x=1, y=7)
    assert point != Point(2)
    assert hash(point) == hash(Point(1, 7))
    assert repr(point) == "Point(x=1, y=7)"
    assert dataclasses.replace(point, y=8) == Point(1, 8)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]  # what mypy refuses too


def test_members_are_inherited_and_class_variables_are_none(check_stub: Check) -> None:
    assert [member.name for member in Deep.MEMBERS] == ["x", "y", "z"]
    check_stub(Points(Point(1), Deep(2)), "0100 0700 0200 0700 0900 0000 00000000")


def test_a_count_follows_what_it_counts(check_stub: Check) -> None:
    class Holder(Message):
        counted: CountedTwice

    assert Counted(octets=b"ab").count == 2
    assert Counted(octets=None).count == 0
    counted = CountedTwice(octets=b"a", list=(1, 2))
    assert (counted.count, counted.names) == (1, 2)
    check_stub(
        Holder(counted),
        "01000000 00000200 0200 0000 04000200 01000000 61 000000 02000000 0100 0200",
    )


def test_a_hook_of_ones_own_still_runs() -> None:
    assert Unhooked(octets=b"abcd").count == 4
    with pytest.raises(ValueError, match="too many"):
        Counted(octets=b"abcd")
    with pytest.raises(ValueError, match="too many"):
        CountedTwice(octets=b"abcd", list=None)


def test_numbers_of_the_other_direction_are_learned_or_zero(check_stub: Check) -> None:
    check_stub(
        Learning(Learned(2, b"ab"), 3, b"abc", b"def"),
        "00000200 02000000 6162 0000 03000000 616263 00 03000000 646566",
    )
    check_stub(Learning(Learned(0, None), 0, b"", b""), "00000000 00000000 00000000")


def test_two_counts_that_tell_different_numbers_are_refused() -> None:
    with pytest.raises(StubError, match=r"size_is\(second\) is 3, the wire says 2"):
        Learning.decode(bytes.fromhex("00000000 03000000 616263 00 02000000 6465"))


def test_a_default_does_not_pass_for_a_value_still_to_come() -> None:
    assert DefaultCount.decode(bytes.fromhex("02000000 6162 0000 02000000")) == DefaultCount(b"ab", 2)
    assert not hasattr(DefaultCount, "count")


def test_a_message_without_parameters_is_empty() -> None:
    assert Nothing().encode() == b""
    assert Nothing.decode(b"") == Nothing()
    assert repr(Nothing()) == "Nothing()"


@pytest.mark.parametrize("order", ["<", ">"])
def test_parameters_can_travel_one_by_one(order: Order) -> None:
    parameters = Learning.parameters(order)
    assert parameters is Learning.parameters(order)
    encoder = Encoder()
    message = Learning(Learned(0, None), 1, b"a", b"b")
    for _, parameter_steps in parameters:
        for write, _ in parameter_steps:
            write(encoder, message, message)
    assert bytes(encoder.out) == message.encode(little_endian=order == "<")
    assert len(parameters) == 3  # what is not sent is none of them


def test_encoding_names_the_field_that_does_not_fit() -> None:
    with pytest.raises(LocalProtocolError, match=r"Points\.deep: Deep\.z: "):
        Points(Point(1), Deep(1, 1, 1 << 16)).encode()
    with pytest.raises(LocalProtocolError, match=r"Named\.huge: "):
        Named("x", 1 << 63).encode()
    with pytest.raises(LocalProtocolError, match=r"Named\.name: "):
        Named("x\0", 1).encode()


def test_a_stub_may_be_any_kind_of_bytes() -> None:
    wire = Named("x", 1).encode()
    views: list[Any] = [bytearray(wire), memoryview(wire)]
    for view in views:
        assert Named.decode(view) == Named("x", 1)


def test_repr_shows_nested_values_and_stops_in_the_deep() -> None:
    assert (
        repr(Points(Point(1), Deep(2))) == "Points(flat=Point(x=1, y=7), deep=Deep(x=2, y=7, z=9), status=0)"
    )

    class Holder(Struct):
        held: Annotated[tuple["Holder", ...] | None, unique(conformant(unique("Holder")))]

    holder = Holder(())
    for _ in range(1000):
        holder = Holder((holder,))
    assert repr(holder) == "Holder(held=(Holder(held=(Holder(held=(Holder(held=(Holder(...),)),)),)),))"
    assert repr(Holder((Holder(None), Holder(())))) == "Holder(held=(Holder(held=None), Holder(held=())))"


def test_a_field_must_have_a_type_of_ndr() -> None:
    with pytest.raises(TypeError, match="no NDR type"):

        class Bare(Struct):
            number: int

    with pytest.raises(TypeError, match="annotations"):

        class Text(Struct):
            number: "ULong"


def test_an_expression_must_name_a_field() -> None:
    with pytest.raises(TypeError, match=r"Wrong: size_is\(cuont\) names no field"):

        class Wrong(Struct):
            count: ULong
            octets: Annotated[bytes | None, unique(conformant(Byte, size_is="cuont"))]
