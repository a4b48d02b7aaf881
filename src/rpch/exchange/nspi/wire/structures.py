"""The structures of the address book interface.  MS-OXNSPI 2.2"""

from typing import Annotated, Any, Final

from rpch.ndr import (
    AString,
    Byte,
    FileTime,
    Long,
    OpenEnum,
    Short,
    Struct,
    ULong,
    UShort,
    WString,
    conformant,
    conformant_varying,
    length_of,
    octets,
    ranged,
    union,
    unique,
)

MOST_VALUES: Final = 100_000
LARGEST_BINARY: Final = 2_097_152

Guid16 = Annotated[bytes, octets(16)]
Count = Annotated[int, ranged(ULong, 0, MOST_VALUES)]


class Status(OpenEnum):
    """What an operation came to.  MS-OXNSPI 2.2.1.2"""

    SUCCESS = 0
    UNBIND_SUCCESS = 1
    UNBIND_FAILURE = 2
    ERRORS_RETURNED = 0x0004_0380
    GENERAL_FAILURE = 0x8000_4005
    NOT_SUPPORTED = 0x8004_0102
    INVALID_OBJECT = 0x8004_0108
    OUT_OF_RESOURCES = 0x8004_010E
    NOT_FOUND = 0x8004_010F
    LOGON_FAILED = 0x8004_0111
    TOO_COMPLEX = 0x8004_0117
    INVALID_CODEPAGE = 0x8004_011E
    INVALID_LOCALE = 0x8004_011F
    TABLE_TOO_BIG = 0x8004_0403
    INVALID_BOOKMARK = 0x8004_0405
    ACCESS_DENIED = 0x8007_0005
    NOT_ENOUGH_MEMORY = 0x8007_000E
    INVALID_PARAMETER = 0x8007_0057


class Stat(Struct):
    """Where a client is in a table, and how it wants to see it.  MS-OXNSPI 2.2.8"""

    sort_type: ULong
    container_id: ULong
    current_rec: ULong
    delta: Long
    num_pos: ULong
    total_recs: ULong
    code_page: ULong
    template_locale: ULong
    sort_locale: ULong


class PropertyTags(Struct):
    """Property tags, or minimal entry ids.  PropertyTagArray_r, MS-OXNSPI 2.2.2.2

    The maximum is one more than the count on the wire; whatever a client sends there is taken.
    """

    count: Annotated[int, ranged(ULong, 0, MOST_VALUES + 1)] = length_of("tags")
    tags: Annotated[
        tuple[int, ...],
        conformant_varying(ULong, size_is=lambda it: it.count + 1, length_is="count"),
    ]


class Binary(Struct):
    """Binary_r, MS-OXNSPI 2.2.2.3"""

    size: Annotated[int, ranged(ULong, 0, LARGEST_BINARY)] = length_of("data")
    data: Annotated[bytes | None, unique(conformant(Byte, size_is="size"))]


class ShortArray(Struct):
    """ShortArray_r, MS-OXNSPI 2.2.2.4"""

    count: Count = length_of("values")
    values: Annotated[tuple[int, ...] | None, unique(conformant(Short, size_is="count"))]


class LongArray(Struct):
    """LongArray_r, MS-OXNSPI 2.2.2.5"""

    count: Count = length_of("values")
    values: Annotated[tuple[int, ...] | None, unique(conformant(Long, size_is="count"))]


class StringArray(Struct):
    """StringArray_r, MS-OXNSPI 2.2.2.6"""

    count: Count = length_of("values")
    values: Annotated[tuple[str | None, ...] | None, unique(conformant(unique(AString), size_is="count"))]


class WStringArray(Struct):
    """WStringArray_r, MS-OXNSPI 2.2.2.9"""

    count: Count = length_of("values")
    values: Annotated[tuple[str | None, ...] | None, unique(conformant(unique(WString), size_is="count"))]


class BinaryArray(Struct):
    """BinaryArray_r, MS-OXNSPI 2.2.2.7"""

    count: Count = length_of("values")
    values: Annotated[tuple[Binary, ...] | None, unique(conformant(Binary, size_is="count"))]


class GuidArray(Struct):
    """FlatUIDArray_r, MS-OXNSPI 2.2.2.8"""

    count: Count = length_of("values")
    values: Annotated[tuple[bytes | None, ...] | None, unique(conformant(unique(Guid16), size_is="count"))]


class TimeArray(Struct):
    """DateTimeArray_r, MS-OXNSPI 2.2.2.10"""

    count: Count = length_of("values")
    values: Annotated[tuple[int, ...] | None, unique(conformant(FileTime, size_is="count"))]


class StringNames(Struct):
    """The names of an operation, in the code page.  StringsArray_r, MS-OXNSPI 2.2.4.1"""

    count: Count = length_of("names")
    names: Annotated[tuple[str | None, ...], conformant(unique(AString), size_is="count")]


class WStringNames(Struct):
    """The names of an operation, in Unicode.  WStringsArray_r, MS-OXNSPI 2.2.4.2"""

    count: Count = length_of("names")
    names: Annotated[tuple[str | None, ...], conformant(unique(WString), size_is="count")]


# Every property type that travels; the low half of a tag.  MS-OXNSPI 2.2.2.11
_ARMS: Final[dict[Any, Any]] = {
    0x0002: Short,
    0x0003: Long,
    0x000B: UShort,
    0x000A: ULong,
    0x001E: unique(AString),
    0x001F: unique(WString),
    0x0040: FileTime,
    0x0048: unique(Guid16),
    0x0102: Binary,
    0x1002: ShortArray,
    0x1003: LongArray,
    0x101E: StringArray,
    0x101F: WStringArray,
    0x1040: TimeArray,
    0x1048: GuidArray,
    0x1102: BinaryArray,
    (0x0000, 0x0001, 0x000D): ULong,
}


class PropertyValue(Struct):
    """A property with its value.  PropertyValue_r, MS-OXNSPI 2.2.2.12"""

    tag: ULong
    reserved: ULong
    value: Annotated[Any, union(ULong, _ARMS, switch_is=lambda it: it.tag & 0xFFFF)]


class PropertyRow(Struct):
    """The properties of one object.  PropertyRow_r, MS-OXNSPI 2.2.3.1"""

    reserved: ULong
    count: Count = length_of("values")
    values: Annotated[tuple[PropertyValue, ...] | None, unique(conformant(PropertyValue, size_is="count"))]


class PropertyName(Struct):
    """A named property.  PropertyName_r, MS-OXNSPI 2.2.6.1"""

    guid: Annotated[bytes | None, unique(Guid16)]
    reserved: ULong
    number: Long


# Restrictions  MS-OXNSPI 2.2.5


class AndOr(Struct):
    """All of these, or any of them.  MS-OXNSPI 2.2.5.1, 2.2.5.2

    `count` says the same as the length of `parts`; whoever judges the restriction compares them.
    """

    count: Count
    parts: Annotated["Parts | None", unique("Parts")]


class Not(Struct):
    """Not this.  MS-OXNSPI 2.2.5.3"""

    part: Annotated["Restriction | None", unique(lambda: Restriction)]


class Content(Struct):
    """A text that contains another.  MS-OXNSPI 2.2.5.4"""

    fuzzy_level: ULong
    tag: ULong
    value: Annotated[PropertyValue | None, unique(PropertyValue)]


class Compare(Struct):
    """A property against a value.  PropertyRestriction_r, MS-OXNSPI 2.2.5.5"""

    relation: ULong
    tag: ULong
    value: Annotated[PropertyValue | None, unique(PropertyValue)]


class CompareTwo(Struct):
    """A property against another.  MS-OXNSPI 2.2.5.6"""

    relation: ULong
    first: ULong
    second: ULong


class Bits(Struct):
    """Some bits of a number.  MS-OXNSPI 2.2.5.7"""

    relation: ULong
    tag: ULong
    mask: ULong


class Size(Struct):
    """The size of a value.  MS-OXNSPI 2.2.5.8"""

    relation: ULong
    tag: ULong
    size: ULong


class Exists(Struct):
    """A property that is there.  MS-OXNSPI 2.2.5.9"""

    reserved: ULong
    tag: ULong
    reserved_too: ULong


class Sub(Struct):
    """A restriction on sub-objects.  MS-OXNSPI 2.2.5.10"""

    sub_object: ULong
    part: Annotated["Restriction | None", unique(lambda: Restriction)]


RestrictionKind = AndOr | Not | Content | Compare | CompareTwo | Bits | Size | Exists | Sub


class Restriction(Struct):
    """A condition on objects.  Restriction_r, MS-OXNSPI 2.2.5.11"""

    kind: ULong
    term: Annotated[
        RestrictionKind,
        union(
            ULong,
            {
                (0, 1): AndOr,
                2: Not,
                3: Content,
                4: Compare,
                5: CompareTwo,
                6: Bits,
                7: Size,
                8: Exists,
                9: Sub,
            },
            switch_is="kind",
        ),
    ]


class Parts(Struct):
    """What an AND or OR is made of. On the wire a conformant array and nothing else."""

    items: Annotated[tuple[Restriction, ...], conformant(Restriction, size_is=lambda it: len(it.items))]


def all_of(*parts: Restriction) -> Restriction:
    """Everything of this.  MS-OXNSPI 2.2.5.1"""
    return Restriction(0, AndOr(len(parts), Parts(parts)))


def any_of(*parts: Restriction) -> Restriction:
    """Any of this.  MS-OXNSPI 2.2.5.2"""
    return Restriction(1, AndOr(len(parts), Parts(parts)))
