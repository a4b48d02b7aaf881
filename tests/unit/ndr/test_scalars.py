"""Numbers, booleans, enumerations, UUIDs."""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Annotated, Any, cast
from uuid import UUID

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.constructs import Message
from rpch.ndr.dimensions import conformant
from rpch.ndr.faults import StubError
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import (
    Boolean,
    Boolean32,
    Byte,
    Double,
    FileTime,
    Float,
    Guid,
    Hyper,
    Long,
    OpenEnum,
    Short,
    Small,
    UHyper,
    ULong,
    UShort,
    enum16,
    octets,
    ranged,
    v1_enum,
)
from rpch.ndr.strings import WString

Check = Callable[[Message, str], None]


class Colour(OpenEnum):
    RED = 1


class Closed(IntEnum):
    ONE = 1


class Flags(IntFlag):
    LOW = 1


class Numbers(Message):
    small: Small
    byte: Byte
    short: Short
    ushort: UShort
    long: Long
    ulong: ULong
    hyper: Hyper
    uhyper: UHyper
    float: Float
    double: Double


class Truths(Message):
    short: Boolean
    long: Boolean32


class Identified(Message):
    lead: Byte
    uuid: Guid


class Timed(Message):
    lead: ULong
    time: FileTime


class Painted(Message):
    short: Annotated[Colour, enum16(Colour)]
    long: Annotated[Colour, v1_enum(Colour)]


class Marked(Message):
    mark: Annotated[Closed, enum16(Closed)]


class Flagged(Message):
    flags: Annotated[Flags, v1_enum(Flags)]


class Confined(Message):
    count: Annotated[int, ranged(ULong, 2, 500)]


class ConfinedColour(Message):
    colour: Annotated[Colour, ranged(enum16(Colour), 1, 3)]


class Raw(Message):
    raw: Annotated[bytes, octets(3)]


class Standing(Message):
    """Scalars that no run takes up: referents of pointers."""

    number: Annotated[int | None, unique(ULong)]
    real: Annotated[float | None, unique(Float)]
    truth: Annotated[bool | None, unique(Boolean)]


class Several(Message):
    truths: Annotated[tuple[bool, ...], conformant(Boolean)]
    uuids: Annotated[tuple[UUID, ...], conformant(Guid)]


def test_numbers_of_every_size_align_to_their_size(check_stub: Check) -> None:
    check_stub(
        Numbers(-1, 255, -2, 0xFFFE, -3, 0xFFFFFFFD, -4, 0xFFFFFFFFFFFFFFFC, 1.5, -2.0),
        "ff ff feff feff 0000 fdffffff fdffffff fcffffffffffffff fcffffffffffffff"
        "0000c03f 00000000 00000000000000c0",
    )


def test_booleans_are_sent_as_one_and_any_other_octet_is_true(check_stub: Check) -> None:
    check_stub(Truths(short=True, long=False), "01 000000 00000000")
    assert Truths.decode(bytes.fromhex("ff 000000 00000080")) == Truths(short=True, long=True)


def test_a_uuid_aligns_to_four_and_swaps_its_first_three_parts(check_stub: Check) -> None:
    message = Identified(1, UUID("11223344-5566-7788-99aa-bbccddeeff00"))
    check_stub(message, "01 000000 44332211 6655 8877 99aabbccddeeff00")
    assert message.encode(little_endian=False) == bytes.fromhex("01000000 112233445566778899aabbccddeeff00")


def test_a_filetime_is_two_longs_low_first(check_stub: Check) -> None:
    message = Timed(0, 0x01D0_0000_0000_0002)
    check_stub(message, "00000000 02000000 0000d001")
    assert message.encode(little_endian=False) == bytes.fromhex("00000000 00000002 01d00000")
    with pytest.raises(LocalProtocolError, match="time"):
        Timed(0, 1 << 64).encode()
    with pytest.raises(LocalProtocolError, match="time"):
        Timed(0, -1).encode(little_endian=False)


def test_enumerations_take_two_or_four_bytes(check_stub: Check) -> None:
    check_stub(Painted(Colour.RED, Colour.RED), "0100 0000 01000000")


def test_an_unknown_member_of_an_open_enumeration_prints_itself(check_stub: Check) -> None:
    check_stub(Painted(Colour(0x7FFF), Colour(0xFFFFFFFF)), "ff7f 0000 ffffffff")
    stranger = Colour(0x1C)
    assert repr(stranger) == "Colour(0x1c)"
    assert repr(Colour.RED) == "Colour.RED"
    assert stranger == 0x1C
    assert 0x1C not in list(Colour)
    with pytest.raises(ValueError, match="RED"):
        Colour(cast(int, "RED"))


def test_an_enum_above_32767_is_refused_both_ways() -> None:
    with pytest.raises(StubError) as refused:
        Painted.decode(bytes.fromhex("0080 0000 01000000"))
    assert refused.value.status == 0x6F5
    with pytest.raises(LocalProtocolError, match=r"Painted.short: .*32768"):
        Painted(Colour(0x8000), Colour.RED).encode()


def test_a_closed_enumeration_refuses_strangers(check_stub: Check) -> None:
    check_stub(Marked(Closed.ONE), "0100")
    with pytest.raises(StubError, match="2 is no Closed") as refused:
        Marked.decode(b"\2\0")
    assert refused.value.status == 0x6F5


def test_flags_keep_unknown_bits(check_stub: Check) -> None:
    check_stub(Flagged(Flags.LOW | Flags(0x40)), "41000000")


@pytest.mark.parametrize("outside", [1, 501])
def test_a_ranged_number_outside_is_refused_both_ways(outside: int) -> None:
    with pytest.raises(LocalProtocolError, match="count"):
        Confined(outside).encode()
    with pytest.raises(StubError, match="not within 2 and 500"):
        Confined.decode(outside.to_bytes(4, "little"))


def test_a_ranged_number_inside_passes(check_stub: Check) -> None:
    check_stub(Confined(2), "02000000")
    check_stub(Confined(500), "f4010000")
    check_stub(ConfinedColour(Colour(3)), "0300")
    with pytest.raises(TypeError):
        ranged(WString, 0, 1)


def test_opaque_octets_have_one_length(check_stub: Check) -> None:
    check_stub(Raw(b"abc"), "616263")
    for wrong in (b"ab", b"abcd"):
        with pytest.raises(LocalProtocolError, match="need 3 bytes"):
            Raw(wrong).encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("small", 128),
        ("byte", -1),
        ("short", 1 << 15),
        ("ushort", 1 << 16),
        ("ulong", 1 << 32),
        ("float", 1e39),
    ],
)
def test_a_number_that_does_not_fit_is_our_mistake_and_named(field: str, value: float) -> None:
    values: dict[str, Any] = dict.fromkeys([member.name for member in Numbers.MEMBERS], 0) | {field: value}
    with pytest.raises(LocalProtocolError, match=rf"Numbers\.{field}: "):
        Numbers(**values).encode()


def test_scalars_travel_alone_as_in_runs(check_stub: Check) -> None:
    check_stub(Standing(5, 1.5, True), "00000200 05000000 04000200 0000c03f 08000200 01")
    for message in (Standing(1 << 32, None, None), Standing(None, 1e39, None)):
        with pytest.raises(LocalProtocolError):
            message.encode()


def test_arrays_of_converted_scalars(check_stub: Check) -> None:
    one = UUID(int=1)
    check_stub(
        Several((True, False), (one,)),
        "02000000 0100 0000 01000000 00000000 0000 0000 0000000000000001",
    )
