"""The NDR type of a structure: alignment, conformance, depth."""

from collections.abc import Callable
from typing import Annotated

import pytest

from rpch.ndr.constructs import Message, Struct, length_of
from rpch.ndr.dimensions import conformant, conformant_varying, fixed
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import OutOfBand
from rpch.ndr.pointers import unique
from rpch.ndr.records import MAX_DEPTH, StructKind
from rpch.ndr.scalars import Byte, Hyper, Short, ULong
from rpch.ndr.strings import WString
from rpch.ndr.unions import union

Check = Callable[[Message, str], None]


class Small(Struct):
    octet: Byte
    number: ULong


class Aligned(Message):
    lead: Byte
    small: Small
    tail: Byte
    smalls: Annotated[tuple[Small, ...], fixed(Small, 2)]


class Tail(Struct):
    octet: Byte
    count: Short = length_of("numbers")
    numbers: Annotated[tuple[int, ...], conformant(Short, size_is="count")]


class Middle(Struct):
    huge: Hyper
    tail: Tail


class Whole(Struct):
    octet: Byte
    middle: Middle


class Hoisted(Message):
    lead: Byte
    whole: Whole
    after: Byte


class Pointing(Message):
    lead: Byte
    whole: Annotated[Whole | None, unique(Whole)]


class OnlyArray(Struct):
    huge: Annotated[tuple[int, ...], conformant(Hyper)]


class OnlyArrayMessage(Message):
    only: OnlyArray


class VaryingTail(Struct):
    octet: Byte
    text: Annotated[tuple[int, ...], conformant_varying(Short, size_is=4)]


class VaryingMessage(Message):
    tail: VaryingTail


class NestedFirst(Struct):
    small: Small
    huge: Hyper


class NestedMessage(Message):
    lead: Byte
    nested: NestedFirst


class LearnedTail(Struct):
    size: OutOfBand
    octets: Annotated[bytes, conformant(Byte, size_is="size")]


class LearnedMessage(Message):
    tail: LearnedTail


class Named(Struct):
    name: Annotated[str | None, unique(WString)]
    tail: Annotated[bytes, conformant(Byte)]


class NamedMessage(Message):
    named: Named
    after: Byte


class Choice(Struct, encapsulated=True):
    kind: Byte
    value: Annotated[int, union(Byte, {1: Hyper, 2: Byte}, switch_is="kind")]


class ChoiceMessage(Message):
    lead: Byte
    choice: Choice


class Empty(Struct):
    """A structure without members takes no bytes."""


class EmptyMessage(Message):
    empty: Empty


def test_a_structure_without_members_takes_no_bytes(check_stub: Check) -> None:
    check_stub(EmptyMessage(Empty()), "")


def test_a_structure_starts_at_its_alignment_and_ends_without_a_gap(check_stub: Check) -> None:
    check_stub(
        Aligned(1, Small(2, 3), 4, (Small(5, 6), Small(7, 8))),
        "01 000000 02 000000 03000000 04 000000 05 000000 06000000 07 000000 08000000",
    )


def test_a_structure_that_begins_with_a_structure_closes_its_own_gap_first(check_stub: Check) -> None:
    check_stub(
        NestedMessage(1, NestedFirst(Small(2, 3), 4)),
        "01 00000000000000 02 000000 03000000 0400000000000000",
    )


def test_counts_move_to_the_front_over_two_levels(check_stub: Check) -> None:
    check_stub(
        Hoisted(9, Whole(1, Middle(2, Tail(3, numbers=(4, 5)))), 6),
        "09 000000 02000000"  # the count at 4; the structures all at 8 for their hyper
        "01 00000000000000 0200000000000000 03 00 0200 0400 0500 06",
    )
    check_stub(
        Pointing(9, Whole(1, Middle(2, Tail(3, numbers=(4,))))),
        "09 000000 00000200 01000000 00000000 01 00000000000000 0200000000000000 03 00 0100 0400",
    )


def test_the_gap_follows_the_count_even_before_no_elements(check_stub: Check) -> None:
    check_stub(OnlyArrayMessage(OnlyArray((7,))), "01000000 00000000 0700000000000000")


def test_offset_and_length_stay_in_place(check_stub: Check) -> None:
    check_stub(VaryingMessage(VaryingTail(1, (2, 3))), "04000000 01 000000 00000000 02000000 0200 0300")


def test_a_conformant_structure_may_hold_pointers(check_stub: Check) -> None:
    check_stub(
        NamedMessage(Named("a", b"xyz"), 9),
        "03000000 00000200 78797a 00 02000000 00000000 02000000 61000000 09",
    )


def test_a_conformant_structure_may_learn_its_count(check_stub: Check) -> None:
    check_stub(LearnedMessage(LearnedTail(2, b"ab")), "02000000 6162")


def test_counts_of_conformant_structures_are_checked() -> None:
    with pytest.raises(StubError, match="size_is"):
        Hoisted.decode(
            bytes.fromhex("09000000 02000000 0100000000000000 0200000000000000 0300 0100 0400 0500 06")
        )


def test_an_encapsulated_union_is_placed_by_its_tag(check_stub: Check) -> None:
    check_stub(ChoiceMessage(1, Choice(1, 5)), "01 01 000000000000 0500000000000000")
    check_stub(ChoiceMessage(1, Choice(2, 5)), "01 02 05")
    assert Choice.KIND.alignment == 8
    with pytest.raises(TypeError, match=r"Wrong: an encapsulated union has a tag and a union"):

        class Wrong(Struct, encapsulated=True):
            kind: Byte
            value: Byte


def test_only_the_last_member_can_be_conformant() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.tail: only the last member"):

        class Wrong(Struct):
            tail: Tail
            after: Byte


def test_a_conformant_structure_is_no_element() -> None:
    with pytest.raises(TypeError, match="use a pointer"):
        fixed(Tail, 2)


def test_a_structure_says_what_it_asks() -> None:
    assert isinstance(Whole.KIND, StructKind)
    assert (Whole.KIND.alignment, Whole.KIND.conformance, Whole.KIND.minimum) == (8, 1, 16)
    assert (Small.KIND.alignment, Small.KIND.conformance, Small.KIND.minimum) == (4, 0, 5)
    assert Tail.KIND.alignment == 4  # for the size of its array


def test_nesting_by_value_is_bounded_when_it_is_declared() -> None:
    kind: type[Struct] = Small
    with pytest.raises(TypeError, match=f"deeper than {MAX_DEPTH}"):  # noqa: PT012 - which of them is refused is what is tested
        for _ in range(MAX_DEPTH):
            kind = type("Nest", (Struct,), {"__annotations__": {"inner": kind}})
    assert kind.KIND.depth == MAX_DEPTH
