"""Unions: tags, arms, alignment."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.arrays import Array
from rpch.ndr.constructs import Message, Struct, length_of
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import OutOfBand
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Byte, Guid, Hyper, OpenEnum, Short, ULong, UShort, enum16
from rpch.ndr.strings import WString
from rpch.ndr.unions import Union, union

Check = Callable[[Message, str], None]


class Level(OpenEnum):
    NUMBER = 1
    TEXT = 2


ARMS: dict[object, object] = {1: Short, (2, 3): unique(WString), 4: None}


class Plain(Message):
    kind: ULong
    value: Annotated[int | str | None, union(ULong, ARMS, switch_is="kind")]


class Defaulted(Message):
    kind: ULong
    value: Annotated[int | None, union(ULong, {1: Short}, switch_is="kind", default=ULong)]


class EmptyDefault(Message):
    kind: ULong
    value: Annotated[int | None, union(ULong, {1: Short}, switch_is="kind", default=None)]


class Masked(Struct):
    tag: ULong
    reserved: ULong
    value: Annotated[
        int | UUID | None, union(ULong, {3: ULong, 0x48: unique(Guid)}, switch_is=lambda it: it.tag & 0xFFFF)
    ]


class Row(Struct):
    count: ULong = length_of("values")
    values: Annotated[tuple[Masked, ...] | None, unique(Array(Masked, size_is="count"))]


class Rows(Message):
    row: Row


class Enumerated(Message):
    level: Annotated[Level, enum16(Level)]
    value: Annotated[
        int | str | None, union(enum16(Level), {Level.NUMBER: ULong, Level.TEXT: None}, switch_is="level")
    ]


NARROW: dict[object, object] = {1: Byte, 2: Hyper, 3: None, 4: Short}


class ByC706(Struct):
    kind: Byte
    value: Annotated[int | None, union(Byte, NARROW, switch_is="kind")]


class ByMicrosoft(Struct):
    kind: Byte
    value: Annotated[int | None, union(Byte, NARROW, switch_is="kind", ms_union=True)]


class ByC706Message(Message):
    union: ByC706
    after: Byte


class ByMicrosoftMessage(Message):
    union: ByMicrosoft
    after: Byte


class Info(Message):
    """The level is a parameter of the request."""

    level: OutOfBand
    value: Annotated[
        int | str | None, unique(union(UShort, {1: ULong, 2: unique(WString)}, switch_is="level"))
    ]


class Shape(Struct, encapsulated=True):
    kind: UShort
    value: Annotated[
        int | str | None, union(UShort, {1: Hyper, 2: unique(WString), 3: None}, switch_is="kind")
    ]


class Shapes(Message):
    lead: UShort
    shape: Shape


class ShapeInside(Struct):
    lead: UShort
    shape: Shape


class ShapesInside(Message):
    lead: ULong
    inside: ShapeInside


class LateSwitch(Message):
    value: Annotated[int | str | None, union(ULong, ARMS, switch_is="kind")]
    kind: ULong


def test_the_tag_travels_twice_and_selects_the_arm(check_stub: Check) -> None:
    check_stub(Plain(1, 0x77), "01000000 01000000 7700")
    check_stub(Plain(2, "x"), "02000000 02000000 00000200 02000000 00000000 02000000 78000000")
    check_stub(Plain(3, None), "03000000 03000000 00000000")
    check_stub(Plain(4, None), "04000000 04000000")


def test_tags_that_differ_are_refused() -> None:
    with pytest.raises(StubError, match=r"switch_is\(kind\) is 1, the wire says 4") as refused:
        Plain.decode(bytes.fromhex("01000000 04000000"))
    assert refused.value.status == 0x6F7


def test_a_tag_behind_the_union_is_checked_too(check_stub: Check) -> None:
    check_stub(LateSwitch(5, 1), "01000000 0500 0000 01000000")
    with pytest.raises(StubError, match="switch_is"):
        LateSwitch.decode(bytes.fromhex("04000000 01000000"))


def test_an_unknown_tag_is_refused_both_ways() -> None:
    with pytest.raises(StubError, match="tag 9") as refused:
        Plain.decode(bytes.fromhex("09000000 09000000"))
    assert refused.value.status == 0x6C5
    with pytest.raises(LocalProtocolError, match="tag 9"):
        Plain(9, 1).encode()


def test_a_default_takes_the_unknown_tags(check_stub: Check) -> None:
    check_stub(Defaulted(9, 5), "09000000 09000000 05000000")
    check_stub(EmptyDefault(9, None), "09000000 09000000")


def test_an_empty_arm_has_no_value() -> None:
    with pytest.raises(LocalProtocolError, match="must be None"):
        Plain(4, 1).encode()


def test_an_arm_that_does_not_fit_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match=r"Plain\.value: arm of tag 1"):
        Plain(1, 1 << 20).encode()


def test_a_function_may_find_the_tag(check_stub: Check) -> None:
    check_stub(
        Rows(Row(values=(Masked(0x30010003, 0, 5), Masked(0x30020048, 0, UUID(int=1))))),
        "02000000 00000200 02000000"
        "03000130 00000000 03000000 05000000 48000230 00000000 48000000 04000200"
        "00000000 0000 0000 0000000000000001",
    )


def test_an_enumeration_may_be_the_tag(check_stub: Check) -> None:
    check_stub(Enumerated(Level.NUMBER, 5), "0100 0100 05000000")
    check_stub(Enumerated(Level.TEXT, None), "0200 0200")
    with pytest.raises(StubError, match="no arm"):
        Enumerated.decode(bytes.fromhex("0900 0900"))


def test_arms_align_by_themselves_or_all_like_the_widest(check_stub: Check) -> None:
    check_stub(ByC706Message(ByC706(1, 0x55), 9), "01 01 55 09")
    check_stub(ByMicrosoftMessage(ByMicrosoft(1, 0x55), 9), "01 01 000000000000 55 09")
    check_stub(ByC706Message(ByC706(4, 0x55), 9), "04 04 5500 09")
    check_stub(ByMicrosoftMessage(ByMicrosoft(4, 0x55), 9), "04 04 000000000000 5500 09")
    check_stub(ByC706Message(ByC706(2, 0x55), 9), "02 02 000000000000 5500000000000000 09")
    check_stub(ByMicrosoftMessage(ByMicrosoft(2, 0x55), 9), "02 02 000000000000 5500000000000000 09")
    check_stub(ByC706Message(ByC706(3, None), 9), "03 03 09")
    check_stub(ByMicrosoftMessage(ByMicrosoft(3, None), 9), "03 03 000000000000 09")


def test_a_tag_from_the_other_direction_is_learned(check_stub: Check) -> None:
    check_stub(Info(level=1, value=5), "00000200 0100 0000 05000000")
    check_stub(Info(level=2, value="a"), "00000200 0200 0000 04000200 02000000 00000000 02000000 61000000")
    check_stub(Info(level=0, value=None), "00000000")


def test_an_encapsulated_union_sends_its_tag_once_and_stands_where_the_tag_may(check_stub: Check) -> None:
    check_stub(Shapes(1, Shape(1, 5)), "0100 0100 00000000 0500000000000000")
    check_stub(Shapes(1, Shape(2, "a")), "0100 0200 00000200 02000000 00000000 02000000 61000000")
    check_stub(Shapes(1, Shape(3, None)), "0100 0300")
    with pytest.raises(StubError, match="tag 7"):
        Shapes.decode(bytes.fromhex("0100 0700"))


def test_a_structure_aligns_like_the_widest_arm_inside(check_stub: Check) -> None:
    check_stub(
        ShapesInside(1, ShapeInside(2, Shape(1, 5))),
        "01000000 00000000 0200 0100 00000000 0500000000000000",
    )


def test_what_a_union_refuses_to_be_declared_with() -> None:
    with pytest.raises(TypeError, match="number"):
        union(WString, {}, switch_is="kind")
    with pytest.raises(TypeError, match="use a pointer"):
        union(ULong, {1: WString}, switch_is="kind")
    with pytest.raises(TypeError, match="tag and a union"):

        class Wrong(Struct, encapsulated=True):
            kind: ULong
            value: ULong


def test_a_union_says_what_it_asks_of_a_structure() -> None:
    kind = Union(Byte, NARROW, switch_is="kind")
    assert (kind.alignment, kind.minimum, kind.late, kind.depth) == (8, 1, False, 1)
    assert Union(ULong, ARMS, switch_is="kind").late
