"""The list of attributes."""

from __future__ import annotations

import struct

import pytest

from rpch.auth.ntlm.av_pairs import AvFlags, AvId, AvPairs
from rpch.errors import DecodeError
from rpch.testing.codecs import check_codec
from rpch.wire import Reader

WIRE = bytes.fromhex(
    "0200 0c00 44006f006d00610069006e00"  # NETBIOS_DOMAIN "Domain"
    "0600 0400 02000000"  # FLAGS: MIC
    "ff00 0100 aa"  # an id without a name
    "0000 0000"  # the end
)
PAIRS = AvPairs(((2, "Domain".encode("utf-16-le")), (6, b"\x02\0\0\0"), (0xFF, b"\xaa")))


def read_whole(data: bytes) -> AvPairs:
    reader = Reader(data)
    pairs = AvPairs.read(reader)
    reader.finish()
    return pairs


def test_attributes_on_the_wire() -> None:
    check_codec(read_whole, PAIRS, WIRE)


def test_attributes_by_name() -> None:
    assert PAIRS.get(AvId.NETBIOS_DOMAIN) == "Domain".encode("utf-16-le")
    assert PAIRS.get(AvId.TIMESTAMP) is None
    assert PAIRS.flags == AvFlags.MIC
    assert AvPairs(((6, b"\x02"),)).flags == AvFlags.NONE
    assert AvPairs(()).flags == AvFlags.NONE


def test_bytes_after_the_end_are_left_to_the_caller() -> None:
    reader = Reader(WIRE + b"tail")
    assert AvPairs.read(reader) == PAIRS
    assert reader.take(reader.remaining) == b"tail"


def pairs(count: int, size: int = 0) -> bytes:
    return b"".join(struct.pack("<HH", n + 1, size) + bytes(size) for n in range(count)) + bytes(4)


@pytest.mark.parametrize(
    "wire",
    [
        "0100 0000 0100 0000 0000 0000",  # one id twice
        "0100 0000",  # no end
        "0100 0500 aabb 0000 0000",  # runs over
        "0000 0100 aa",  # an end with a value
    ],
)
def test_misshapen_lists_are_refused(wire: str) -> None:
    with pytest.raises(DecodeError):
        AvPairs.read(Reader(bytes.fromhex(wire)))


def test_lists_have_a_limit() -> None:
    assert len(AvPairs.read(Reader(pairs(64))).pairs) == 64
    with pytest.raises(DecodeError, match="too many or too long"):
        AvPairs.read(Reader(pairs(65)))
    assert AvPairs.read(Reader(pairs(1, 8192)))
    for wire in (pairs(1, 8193), pairs(3, 4000)):
        with pytest.raises(DecodeError, match="too many or too long"):
            AvPairs.read(Reader(wire))
