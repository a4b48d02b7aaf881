"""The worked NDR examples N1 to N18.

Origin: S = byte-identical from Samba's NDR engine, I = from impacket with gaps zeroed and referent
ids renumbered, O = written from C706 14.3 alone. All little-endian where N1 does not say otherwise.
"""

from typing import Annotated
from uuid import UUID

import pytest

from rpch.errors import DecodeError
from rpch.ndr import (
    NIL_HANDLE,
    AString,
    Byte,
    Char,
    ContextHandle,
    Double,
    Hyper,
    Long,
    Message,
    OpenEnum,
    Short,
    Small,
    Struct,
    ULong,
    UnicodeString,
    UShort,
    WString,
    conformant,
    conformant_varying,
    enum16,
    fixed,
    full,
    length_of,
    octets,
    pipe,
    ref,
    union,
    unique,
    varying_string,
)


class Numbers(Message):
    tiny: Small
    huge: Hyper
    short: Short
    long: Long
    double: Double


class Pointers(Message):
    by_reference: Annotated[int, ref(Long)]
    absent: Annotated[int | None, unique(Long)]
    present: Annotated[int | None, unique(Long)]


class OptionalText(Message):
    text: Annotated[str | None, unique(WString)]
    number: Long


class Counted(Message):
    text: UnicodeString


class Sid(Struct):
    revision: Small
    count: Small = length_of("subauthorities")
    authority: Annotated[bytes, octets(6)]
    subauthorities: Annotated[tuple[int, ...], conformant(ULong, size_is="count")]


class OneSid(Message):
    sid: Sid


class Window(Message):
    octets: Annotated[bytes, conformant_varying(Byte, size_is=8, length_is=3)]
    number: Long


class Hoisted(Struct):
    huge: Hyper
    count: Long = length_of("shorts")
    shorts: Annotated[tuple[int, ...], conformant(Short, size_is="count")]


class OneHoisted(Message):
    value: Hoisted


class Named(Struct):
    number: Long
    name: Annotated[str | None, unique(WString)]


class ManyNamed(Message):
    entries: Annotated[tuple[Named, ...], conformant(Named, size_is=2)]


class Switched(Message):
    switch: Long
    value: Annotated[int | str | None, union(Long, {1: Short, 2: unique(WString)}, switch_is="switch")]


class Node(Struct):
    value: Long
    next: Annotated["Node | None", unique("Node")]
    extra: Annotated[int | None, unique(Long)]


class OneNode(Message):
    node: Node


class Matrix(Message):
    rows: Annotated[tuple[tuple[int, ...], ...], conformant(Long, size_is=(2, 3))]


class Block(Message):
    rows: Annotated[
        tuple[tuple[int, ...], ...],
        conformant_varying(Short, size_is=(4, 5), first_is=(0, 1), length_is=(2, 3)),
    ]


class Piped(Message):
    chunks: Annotated[tuple[bytes, ...], pipe(Byte)]


class OneHandle(Message):
    handle: ContextHandle


class Aliased(Message):
    first: Annotated[int | None, full(Long, aliases=True)]
    second: Annotated[int | None, full(Long, aliases=True)]


class Colour(OpenEnum):
    RED = 3
    BLUE = 4


class Painted(Struct):
    colour: Annotated[Colour, enum16(Colour)]
    amount: Annotated[int, ref(Long)]
    letter: Char


class OnePainted(Message):
    painted: Painted
    number: Long


class ShortText(Message):
    text: Annotated[str, varying_string(16)]


class Challenge(Message):
    """NetrServerReqChallenge, MS-NRPC 3.5.4.4.1"""

    server: Annotated[str | None, unique(WString)]
    computer: WString
    credential: Annotated[bytes, octets(8)]


class ValueName(Struct):
    length: UShort
    size: UShort
    name: Annotated[str | None, unique(WString)]


class EnumValue(Message):
    """winreg_EnumValue, MS-RRP 3.1.5.11"""

    handle: ContextHandle
    name: ValueName
    kind: Annotated[Colour | None, unique(enum16(Colour))]
    data: Annotated[bytes | None, unique(conformant_varying(Byte, size_is=8, length_is=3))]
    size: Annotated[int | None, unique(ULong)]
    length: Annotated[int | None, unique(ULong)]


EXAMPLES: dict[str, tuple[Message, str]] = {
    "N1 primitives": (
        Numbers(tiny=0x11, huge=0x0102030405060708, short=0x2233, long=0x44556677, double=1.5),
        (
            "11 00000000000000"  # small, gap to 8
            "0807060504030201"  # hyper
            "3322 0000"  # short, gap to 4
            "77665544"  # long at 20; 24 is 8-aligned
            "000000000000f83f"
        ),  # double
    ),
    "N2 pointers": (
        Pointers(by_reference=7, absent=None, present=9),
        "07000000 00000000 00000200 09000000",  # referent, null id, id, referent
    ),
    "N3 string": (
        OptionalText(text="AB", number=5),
        (
            "00000200"  # referent id
            "03000000 00000000 03000000"  # maximum, offset, actual, with the terminator
            "410042000000 0000"  # AB NUL, gap to 4
            "05000000"
        ),
    ),
    "N4 counted string": (
        Counted(text="Hi"),
        (
            "0400 0400 00000200"  # bytes used, bytes there, id
            "02000000 00000000 02000000 48006900"
        ),  # characters, no terminator
    ),
    "N5 SID": (
        OneSid(sid=Sid(revision=1, authority=bytes.fromhex("000000000005"), subauthorities=(32, 544))),
        (
            "02000000"  # the hoisted count
            "01 02 000000000005 20000000 20020000"
        ),
    ),
    "N6 window": (
        Window(octets=b"\xaa\xbb\xcc", number=1),
        "08000000 00000000 03000000 aabbcc 00 01000000",
    ),
    "N7 conformant structure": (
        OneHoisted(value=Hoisted(huge=0x1122334455667788, shorts=(1, 2, 3))),
        (
            "03000000 00000000"  # the count at 4, the structure at 8
            "8877665544332211 03000000 0100 0200 0300"
        ),
    ),
    "N8 array of structures": (
        ManyNamed(entries=(Named(1, "a"), Named(2, "bc"))),
        (
            "02000000"
            "01000000 00000200 02000000 04000200"  # both fixed parts
            "02000000 00000000 02000000 61000000"  # then both referents
            "03000000 00000000 03000000 620063000000"
        ),
    ),
    "N9 union, short arm": (Switched(switch=1, value=0x77), "01000000 01000000 7700"),
    "N9 union, string arm": (
        Switched(switch=2, value="x"),
        "02000000 02000000 00000200 02000000 00000000 02000000 78000000",
    ),
    "N10 depth first": (
        OneNode(node=Node(1, Node(2, None, 0x22), 0x11)),
        (
            "01000000 00000200 04000200"  # node 1
            "02000000 00000000 08000200"  # its next
            "22000000"  # the next one's own referent
            "11000000"
        ),  # only then node 1's second referent, 11
    ),
    "N11 grid": (
        Matrix(rows=((1, 2, 3), (4, 5, 6))),
        "02000000 03000000 01000000 02000000 03000000 04000000 05000000 06000000",
    ),
    "N11 block of a grid": (
        Block(rows=((1, 2, 3), (4, 5, 6))),
        (
            "04000000 05000000"  # both maximum counts
            "00000000 02000000 01000000 03000000"  # offset and actual count of each dimension
            "0100 0200 0300 0400 0500 0600"
        ),
    ),
    "N12 pipe": (Piped(chunks=(b"abc", b"d")), "03000000 616263 00 01000000 64 000000 00000000"),
    "N13 context handle": (
        OneHandle(handle=ContextHandle(0, UUID("11223344-5566-7788-99aa-bbccddeeff00"))),
        "00000000 44332211 6655 8877 99aabbccddeeff00",
    ),
    "N14 aliases": (Aliased(first=99, second=99), "01000000 63000000 01000000"),
    "N15 referent behind the structure": (
        OnePainted(painted=Painted(colour=Colour.RED, amount=5, letter=1), number=8),
        "0300 0000 00000200 01 000000 05000000 08000000",
    ),
    "N16 varying string": (ShortText(text="hi"), "00000000 03000000 686900"),
    "N17 NetrServerReqChallenge": (
        Challenge(server="\\\\S", computer="UNKNOWN", credential=bytes.fromhex("1122334455667788")),
        (
            "00000200 04000000 00000000 04000000 5c005c0053000000"
            "08000000 00000000 08000000 55004e004b004e004f0057004e000000"
            "1122334455667788"
        ),
    ),
    "N18 each parameter's referents follow it": (
        EnumValue(
            handle=NIL_HANDLE,
            name=ValueName(4, 4, "a"),
            kind=None,
            data=b"\xaa\xbb\xcc",
            size=8,
            length=3,
        ),
        (
            "00000000 00000000000000000000000000000000"  # handle
            "0400 0400 00000200 02000000 00000000 02000000 61000000"  # name
            "00000000"  # kind
            "04000200 08000000 00000000 03000000 aabbcc 00"  # data
            "08000200 08000000 0c000200 03000000"
        ),  # size, length
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_encodes_and_decodes(name: str) -> None:
    message, text = EXAMPLES[name]
    wire = bytes.fromhex(text)
    assert message.encode() == wire
    assert type(message).decode(wire) == message


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_survives_the_other_byte_order(name: str) -> None:
    message, _ = EXAMPLES[name]
    wire = message.encode(little_endian=False)
    assert type(message).decode(wire, little_endian=False) == message
    assert len(wire) == len(message.encode())


@pytest.mark.parametrize("little_endian", [True, False])
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_cut_short_anywhere_is_refused(name: str, little_endian: bool) -> None:
    message, _ = EXAMPLES[name]
    wire = message.encode(little_endian=little_endian)
    for cut in range(len(wire)):
        with pytest.raises(DecodeError):
            type(message).decode(wire[:cut], little_endian=little_endian)


@pytest.mark.parametrize("name", EXAMPLES)
def test_bytes_behind_an_example_are_tolerated(name: str) -> None:
    message, text = EXAMPLES[name]
    assert type(message).decode(bytes.fromhex(text) + b"\xff") == message


def test_primitives_big_endian() -> None:
    wire = bytes.fromhex(
        "11 00000000000000 0102030405060708 2233 0000 44556677 3ff8000000000000"  # N1 BE
    )
    message = EXAMPLES["N1 primitives"][0]
    assert message.encode(little_endian=False) == wire
    assert Numbers.decode(wire, little_endian=False) == message


def test_gaps_may_hold_anything() -> None:
    wire = bytes.fromhex("11 bfbfbfbfbfbfbf 0807060504030201 3322 bfbf 77665544 000000000000f83f")  # N1 of I
    assert Numbers.decode(wire) == EXAMPLES["N1 primitives"][0]
    wire = bytes.fromhex("00000200 03000000 00000000 03000000 410042000000 abab 05000000")  # N3 of I
    assert OptionalText.decode(wire) == OptionalText("AB", 5)


def test_referent_ids_of_unique_pointers_mean_nothing() -> None:
    wire = bytes.fromhex("02000000 01000000 07000000 02000000 07000000") + bytes.fromhex(
        "02000000 00000000 02000000 61000000 03000000 00000000 03000000 620063000000"
    )
    assert ManyNamed.decode(wire) == EXAMPLES["N8 array of structures"][0]


class Big(Message):
    """What differs between the byte orders, and what does not."""

    text: WString
    narrow: AString
    raw: Annotated[bytes, fixed(Byte, 2)]
    handle: ContextHandle


def test_byte_order_reaches_counts_characters_and_uuids_but_no_octets() -> None:
    message = Big("AB", "ab", b"\x01\x02", ContextHandle(0, UUID("11223344-5566-7788-99aa-bbccddeeff00")))
    wire = bytes.fromhex(
        "00000003 00000000 00000003 004100420000 0000"
        "00000003 00000000 00000003 616200"
        "0102 000000"  # then to 4
        "00000000 11223344 5566 7788 99aabbccddeeff00"
    )
    assert message.encode(little_endian=False) == wire
    assert Big.decode(wire, little_endian=False) == message
