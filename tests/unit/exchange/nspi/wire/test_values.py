"""Plain values and conditions, to and from what travels."""

import pytest

from rpch.errors import LocalProtocolError
from rpch.exchange.nspi.codepages import CodePage, find
from rpch.exchange.nspi.conditions import (
    All,
    AnyOf,
    Compares,
    ComparesTwo,
    Condition,
    Contains,
    Exists,
    HasBits,
    HasSize,
    Not,
)
from rpch.exchange.nspi.operations.matching import DEEPEST
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.entryids import PROVIDER
from rpch.exchange.nspi.wire.structures import (
    AndOr,
    Binary,
    Bits,
    Compare,
    LongArray,
    Parts,
    PropertyName,
    PropertyRow,
    PropertyTags,
    PropertyValue,
    Restriction,
    Status,
    StringArray,
    Sub,
    all_of,
    any_of,
)
from rpch.exchange.nspi.wire.structures import Exists as WireExists
from rpch.exchange.nspi.wire.structures import Not as WireNot
from rpch.exchange.nspi.wire.values import (
    condition_from_wire,
    condition_to_wire,
    names_from_wire,
    property_from_wire,
    row_from_wire,
    row_to_wire,
    tags_from_wire,
    tags_to_wire,
    value_from_wire,
)


def western() -> CodePage:
    page = find(1252)
    assert page is not None
    return page


ROW: Row = [
    (0x3001_001E, b"\xe9"),
    (0x3001_001F, "é"),
    (0x3900_0003, 5),
    (0x0FFF_0102, b"id"),
    (0x800F_101E, (b"\xe9", b"x")),
    (0x800F_101F, ("é", "x")),
    (0x8C6A_1102, (b"one", b"two")),
    (0x3A17_000A, int(Status.NOT_FOUND)),
    (0x8009_000D, 0),
    (0x3007_0040, 5),
]


def test_rows_there_and_back() -> None:
    assert row_from_wire(row_to_wire(ROW)) == ROW
    assert row_from_wire(None) == []
    encoded = PropertyRow(0, None)
    assert row_from_wire(encoded) == []


def test_text_in_a_code_page_travels_octet_by_octet() -> None:
    (value,) = row_to_wire([(0x3001_001E, bytes(range(1, 256)))]).values or ()
    assert value_from_wire(value) == bytes(range(1, 256))


def test_null_pointers_are_no_values() -> None:
    assert value_from_wire(PropertyValue(0x3001_001E, 0, None)) is None
    assert value_from_wire(PropertyValue(0x3001_001F, 0, None)) is None
    assert value_from_wire(PropertyValue(0x0FFF_0102, 0, Binary(None))) == b""
    assert value_from_wire(PropertyValue(0x800F_101E, 0, StringArray((None, "a")))) == (b"a",)
    assert value_from_wire(PropertyValue(0x0001_1003, 0, LongArray(None))) == ()
    assert row_from_wire(PropertyRow(0, (PropertyValue(0x3001_001F, 0, None),))) == []


def test_tags_there_and_back() -> None:
    assert tags_from_wire(tags_to_wire([1, 2])) == (1, 2)
    assert tags_to_wire(()) == PropertyTags(())
    assert tags_from_wire(None) is None


def test_names_in_a_code_page() -> None:
    assert names_from_wire(["M\xfcller", None], western()) == ["Müller", None]


CONDITIONS: list[Condition] = [
    All((Exists(Tag.TITLE), Exists(Tag.SURNAME))),
    AnyOf(()),
    Not(Exists(Tag.TITLE)),
    Contains(1, Tag.TITLE, "é"),
    Compares(4, Tag.DISPLAY_TYPE, 1),
    Compares(4, Tag.INSTANCE_KEY, b"\1"),
    ComparesTwo(5, Tag.TITLE, Tag.SURNAME),
    HasBits(True, Tag.DISPLAY_TYPE, 3),
    HasBits(False, Tag.DISPLAY_TYPE, 3),
    HasSize(2, Tag.TITLE, 9),
    Exists(Tag.TITLE),
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_there_and_back(condition: Condition) -> None:
    assert condition_from_wire(condition_to_wire(condition), western()) == condition


def test_texts_in_a_condition_are_in_the_client_s_code_page() -> None:
    value = PropertyValue(0x3001_001E, 0, "\xe9")
    restriction = Restriction(4, Compare(4, 0x3001_001E, value))
    assert condition_from_wire(restriction, western()) == Compares(4, 0x3001_001E, "é")
    several = PropertyValue(0x800F_101E, 0, StringArray(("\xe9",)))
    restriction = Restriction(4, Compare(4, 0x800F_101E, several))
    assert condition_from_wire(restriction, western()) == Compares(4, 0x800F_101E, ("é",))


def deep(levels: int) -> Restriction:
    restriction = Restriction(8, WireExists(0, Tag.TITLE, 0))
    for _ in range(levels - 1):
        restriction = Restriction(2, WireNot(restriction))
    return restriction


@pytest.mark.parametrize(
    ("restriction", "status"),
    [
        (deep(DEEPEST + 1), Status.TOO_COMPLEX),
        (deep(1000), Status.TOO_COMPLEX),
        (Restriction(9, Sub(0, deep(1))), Status.TOO_COMPLEX),
        (Restriction(2, WireNot(None)), Status.INVALID_PARAMETER),
        (Restriction(4, Compare(4, Tag.TITLE, None)), Status.INVALID_PARAMETER),
        (Restriction(4, Compare(4, Tag.TITLE, PropertyValue(Tag.TITLE, 0, None))), Status.INVALID_PARAMETER),
        (Restriction(0, AndOr(2, Parts((deep(1),)))), Status.INVALID_PARAMETER),
        (Restriction(1, AndOr(1, None)), Status.INVALID_PARAMETER),
    ],
)
def test_restrictions_that_are_refused(restriction: Restriction, status: Status) -> None:
    with pytest.raises(Refused) as refused:
        condition_from_wire(restriction, western())
    assert refused.value.status is status


def test_the_deepest_restriction_is_taken() -> None:
    assert isinstance(condition_from_wire(deep(DEEPEST), western()), Not)
    assert condition_from_wire(Restriction(0, AndOr(0, None)), western()) == All(())


def test_what_no_server_takes_is_not_sent() -> None:
    condition: Condition = Exists(Tag.TITLE)
    for _ in range(DEEPEST):
        condition = Not(condition)
    with pytest.raises(LocalProtocolError):
        condition_to_wire(condition)


def test_properties_of_an_address_book_have_numbers_for_names() -> None:
    assert property_from_wire(None) is None
    for guid in (None, bytes(16), PROVIDER):
        assert property_from_wire(PropertyName(guid, 0, 0x8009)) == 0x8009
    for name in (
        PropertyName(b"x" * 16, 0, 0x8009),
        PropertyName(None, 0, -1),
        PropertyName(None, 0, 1 << 16),
    ):
        with pytest.raises(Refused) as refused:
            property_from_wire(name)
        assert refused.value.status is Status.NOT_SUPPORTED


def test_a_restriction_of_too_many_terms_is_not_read_to_its_end() -> None:
    one = condition_to_wire(Exists(Tag.TITLE))
    inner = all_of(*(one,) * 99)
    assert isinstance(condition_from_wire(any_of(*(inner,) * 9), western()), AnyOf)
    with pytest.raises(Refused) as refused:
        condition_from_wire(any_of(*(inner,) * 1000), western())
    assert refused.value.status is Status.TOO_COMPLEX


def test_bits_are_clear_or_set() -> None:
    for relation in (2, 0xFFFF_FFFF):
        with pytest.raises(Refused) as refused:
            condition_from_wire(Restriction(6, Bits(relation, Tag.OBJECT_TYPE, 1)), western())
        assert refused.value.status is Status.TOO_COMPLEX
