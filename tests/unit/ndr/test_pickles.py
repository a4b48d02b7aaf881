"""Type serialization version 1."""

from typing import Annotated
from uuid import UUID

import pytest

from rpch.ndr.constructs import Message, Struct
from rpch.ndr.dimensions import conformant
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import OutOfBand
from rpch.ndr.pickles import decode_pickle, encode_pickle
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Byte, FileTime, Guid, Hyper, Long, Short


class Three(Struct):
    long: Long
    hyper: Hyper
    short: Short


class Structure(Message):
    three: Three


class Pointed(Message):
    three: Annotated[Three | None, unique(Three)]


class Primitive(Message):
    number: Long


class Several(Message):
    number: Byte
    three: Annotated[Three | None, unique(Three)]
    octets: Annotated[bytes, conformant(Byte)]


class Scalars(Message):
    uuid: Guid
    time: FileTime


class Learned(Message):
    size: OutOfBand
    octets: Annotated[bytes, conformant(Byte, size_is="size")]


THREE = Three(1, 2, 3)
PICKLES: dict[str, tuple[Message, str]] = {
    # written from MS-RPCE 2.2.6 alone
    "structure": (
        Structure(THREE),
        "01100800 cccccccc 18000000 00000000 01000000 00000000 0200000000000000 0300 000000000000",
    ),
    "pointer": (
        Pointed(THREE),
        (
            "01100800 cccccccc 20000000 00000000"
            " 00000200 00000000 01000000 00000000 0200000000000000 0300 000000000000"
        ),
    ),
    "primitive": (Primitive(0x11223344), "01100800 cccccccc 44332211 00000000"),
    "several": (
        Several(7, None, b"abc"),
        (
            "01100800 cccccccc 0700000000000000"
            " 08000000 00000000 00000000 00000000"
            " 08000000 00000000 03000000 616263 00"
        ),
    ),
    "structures that are scalars to us": (
        Scalars(UUID(int=1), 2),
        (
            "01100800 cccccccc 10000000 00000000 00000000 0000 0000 0000000000000001"
            "08000000 00000000 02000000 00000000"
        ),
    ),
    "learned": (Learned(3, b"abc"), "01100800 cccccccc 08000000 00000000 03000000 616263 00"),
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_both_ways(name: str) -> None:
    message, text = PICKLES[name]
    wire = bytes.fromhex(text)
    assert encode_pickle(message) == wire
    assert decode_pickle(type(message), wire) == message
    assert decode_pickle(type(message), wire + bytes(8)) == message


@pytest.mark.parametrize("name", PICKLES)
def test_a_big_endian_pickle_keeps_a_little_endian_header(name: str) -> None:
    message, _ = PICKLES[name]
    wire = encode_pickle(message, little_endian=False)
    assert wire[:8] == bytes.fromhex("01000800 cccccccc")
    assert decode_pickle(type(message), wire) == message
    # any byte order that is not little is big
    assert decode_pickle(type(message), wire[:1] + b"\x7f" + wire[2:]) == message


def test_a_big_endian_object_length_follows_the_byte_order() -> None:
    wire = encode_pickle(Structure(THREE), little_endian=False)
    assert wire == bytes.fromhex(
        "01000800 cccccccc 00000018 0000000000000001 00000000 0000000000000002 0003 000000000000"
    )


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_cut_short_is_refused_but_for_its_padding(name: str) -> None:
    message, text = PICKLES[name]
    wire = bytes.fromhex(text)
    for cut in range(len(wire)):
        try:
            found = decode_pickle(type(message), wire[:cut])
        except StubError:
            continue
        # only a primitive's padding is outside of every length
        assert (name, found, cut) == ("primitive", message, cut)
        assert cut >= 12


def test_an_object_length_may_leave_out_the_padding() -> None:
    # Observed from impacket: unpadded length, filler cc
    first = bytes.fromhex("01100800 cccccccc 12000000 cccccccc 01000000 00000000 0200000000000000 0300")
    assert decode_pickle(Structure, first) == Structure(THREE)
    several = bytes.fromhex(
        "01100800 cccccccc 07 00000000000000"
        "04000000 cccccccc 00000000 bfbfbfbf"
        "07000000 cccccccc 03000000 616263"
    )
    assert decode_pickle(Several, several) == Several(7, None, b"abc")


def test_an_object_cannot_reach_beyond_its_length() -> None:
    wire = bytes.fromhex(
        "01100800 cccccccc 10000000 00000000 01000000 00000000 0200000000000000 0300 000000000000"
    )
    with pytest.raises(StubError):
        decode_pickle(Structure, wire)
    with pytest.raises(StubError, match="an object of 4096 bytes"):
        decode_pickle(Structure, bytes.fromhex("01100800 cccccccc 00100000 00000000") + bytes(24))


@pytest.mark.parametrize("header", ["02100800", "01100900", "00100800", "01104000"])
def test_another_version_or_header_is_refused(header: str) -> None:
    with pytest.raises(StubError, match="serialization version"):
        decode_pickle(Primitive, bytes.fromhex(header + "cccccccc 44332211 00000000"))
