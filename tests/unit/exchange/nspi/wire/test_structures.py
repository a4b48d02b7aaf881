"""The structures of the interface, byte by byte."""

from typing import Annotated

import pytest

from rpch.exchange.nspi.wire.structures import (
    AndOr,
    Binary,
    BinaryArray,
    Compare,
    Content,
    Exists,
    GuidArray,
    LongArray,
    Not,
    Parts,
    PropertyName,
    PropertyTags,
    PropertyValue,
    Restriction,
    ShortArray,
    Stat,
    Status,
    StringArray,
    StringNames,
    Sub,
    TimeArray,
    WStringArray,
    WStringNames,
    all_of,
    any_of,
)
from rpch.ndr import Message, StubError, unique


class Holder(Message):
    """One value, as a parameter."""

    stat: Stat


class TagsHolder(Message):
    tags: Annotated[PropertyTags | None, unique(PropertyTags)]


class ValueHolder(Message):
    value: PropertyValue


class FilterHolder(Message):
    filter: Annotated[Restriction | None, unique(Restriction)]


class NamesHolder(Message):
    names: StringNames


class WideNamesHolder(Message):
    names: WStringNames


class NameHolder(Message):
    name: PropertyName


def check(value: Message, wire: str) -> None:
    """Both directions, and cut short at every byte."""
    stub = bytes.fromhex(wire)
    assert value.encode() == stub
    assert type(value).decode(stub) == value
    for cut in range(len(stub)):
        with pytest.raises(StubError):
            type(value).decode(stub[:cut])


def test_stat_is_nine_numbers() -> None:
    stat = Stat(0, 0x10, 2, -1, 3, 4, 20261, 1033, 1033)
    check(
        Holder(stat),
        "00000000 10000000 02000000 ffffffff 03000000 04000000 254f0000 09040000 09040000",
    )


def test_tags_have_one_more_than_there_are() -> None:
    # MS-OXNSPI 2.2.2.1: the maximum is the count plus one.
    check(
        TagsHolder(PropertyTags((0x3001_001F, 0x39FE_001F))),
        "00000200"  # there are some
        "03000000 02000000 00000000 02000000"  # maximum, count, offset, actual
        "1f000130 1f00fe39",
    )
    check(TagsHolder(None), "00000000")


@pytest.mark.parametrize(
    ("tag", "value", "arm"),
    [
        (0x0001_0002, -2, "feff"),
        (0x0001_0003, -2, "feffffff"),
        (0x0001_000B, 1, "0100"),
        (0x0001_000A, 0x8004_010F, "0f010480"),
        (0x0001_000D, 0, "00000000"),
        (0x0001_0040, 0x01020304_05060708, "08070605 04030201"),
        (0x0001_001E, "A", "00000200 02000000 00000000 02000000 4100"),
        (0x0001_001F, "A", "00000200 02000000 00000000 02000000 41000000"),
        (0x0001_001F, None, "00000000"),
        (0x0001_0048, bytes(range(16)), "00000200 000102030405060708090a0b0c0d0e0f"),
        (0x0001_0102, Binary(b"ab"), "02000000 00000200 02000000 6162"),
        (0x0001_0102, Binary(None), "00000000 00000000"),
        (0x0001_1002, ShortArray((1, -1)), "02000000 00000200 02000000 0100 ffff"),
        (0x0001_1003, LongArray((1,)), "01000000 00000200 01000000 01000000"),
        (0x0001_1040, TimeArray((5,)), "01000000 00000200 01000000 05000000 00000000"),
        (0x0001_1048, GuidArray((bytes(16),)), "01000000 00000200 01000000 04000200" + "00" * 16),
        (
            0x0001_101E,
            StringArray(("A",)),
            "01000000 00000200 01000000 04000200 02000000 00000000 02000000 4100",
        ),
        (
            0x0001_101F,
            WStringArray(("A",)),
            "01000000 00000200 01000000 04000200 02000000 00000000 02000000 41000000",
        ),
        (
            0x0001_1102,
            BinaryArray((Binary(b"ab"),)),
            "01000000 00000200 01000000 02000000 04000200 02000000 6162",
        ),
    ],
)
def test_values_of_every_type(tag: int, value: object, arm: str) -> None:
    head = tag.to_bytes(4, "little").hex() + "00000000" + (tag & 0xFFFF).to_bytes(4, "little").hex()
    check(ValueHolder(PropertyValue(tag, 0, value)), head + arm)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(StubError):
        ValueHolder.decode(bytes.fromhex("77000100 00000000 77000000 00000000"))
    with pytest.raises(StubError):  # the two must be the same
        ValueHolder.decode(bytes.fromhex("03000100 00000000 0b000000 00000000"))


def test_a_restriction_on_the_wire() -> None:
    condition = all_of(
        Restriction(8, Exists(0, 0x3001_001F, 0)), Restriction(4, Compare(4, 0x3900_0003, None))
    )
    check(
        FilterHolder(condition),
        "00000200"
        "00000000 00000000 02000000 04000200"  # AND of two
        "02000000"
        "08000000 08000000 00000000 1f000130 00000000"  # EXIST
        "04000000 04000000 04000000 03000039 00000000",  # PROPERTY, its value missing
    )


def test_restrictions_of_every_kind_come_back() -> None:
    value = PropertyValue(0x3001_001F, 0, "x")
    inner = Restriction(3, Content(2, 0x3001_001F, value))
    for condition in (any_of(inner, inner), Restriction(2, Not(inner)), Restriction(9, Sub(5, inner))):
        assert FilterHolder.decode(FilterHolder(condition).encode()) == FilterHolder(condition)


def test_a_restriction_a_thousand_deep_can_be_read() -> None:
    condition = Restriction(8, Exists(0, 0x3001_001F, 0))
    for _ in range(1000):
        condition = Restriction(2, Not(condition))
    found = FilterHolder.decode(FilterHolder(condition).encode()).filter
    depth = 0
    while found is not None and isinstance(found.term, Not):
        found, depth = found.term.part, depth + 1
    assert depth == 1000


def test_a_count_may_lie_and_is_kept_to_be_judged() -> None:
    lying = Restriction(0, AndOr(7, Parts((Restriction(8, Exists(0, 1, 0)),))))
    assert FilterHolder.decode(FilterHolder(lying).encode()).filter == lying


def test_names_are_pointers_in_an_array() -> None:
    check(
        NamesHolder(StringNames(("A", None))),
        "02000000 02000000 00000200 00000000 02000000 00000000 02000000 4100",
    )
    check(
        WideNamesHolder(WStringNames(("A",))),
        "01000000 01000000 00000200 02000000 00000000 02000000 41000000",
    )


def test_a_named_property() -> None:
    check(NameHolder(PropertyName(bytes(16), 0, 7)), "00000200 00000000 07000000" + "00" * 16)


@pytest.mark.parametrize("count", [100_002, 0xFFFF_FFFF])
def test_absurd_counts_are_refused_before_anything_is_made_of_them(count: int) -> None:
    number = count.to_bytes(4, "little")
    maximum = (count + 1 & 0xFFFF_FFFF).to_bytes(4, "little")
    with pytest.raises(StubError):
        TagsHolder.decode(b"\1\0\0\0" + maximum + number + bytes(4) + number)


def test_statuses_have_names_and_unknown_ones_print_themselves() -> None:
    assert Status(0x8004_0405) is Status.INVALID_BOOKMARK
    assert repr(Status(0x77)) == "Status(0x77)"
