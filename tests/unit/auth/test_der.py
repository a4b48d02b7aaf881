"""As much of DER as is needed."""

from __future__ import annotations

import pytest

from rpch.auth import der
from rpch.errors import DecodeError
from rpch.wire import Reader


@pytest.mark.parametrize(
    ("size", "head"),
    [(0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100"), (65536, "0483010000")],
)
def test_lengths_are_as_short_as_can_be_and_are_read_back(size: int, head: str) -> None:
    wire = der.encode(der.OCTETS, bytes(size))
    assert wire.hex().startswith(head)
    assert len(wire) == len(head) // 2 + size
    assert der.decode_as(wire, der.OCTETS) == bytes(size)


def test_lengths_longer_than_need_be_are_taken() -> None:
    assert der.decode_as(bytes.fromhex("0484 00000001 aa"), der.OCTETS) == b"\xaa"


@pytest.mark.parametrize(
    "wire", ["", "04", "0480aa0000", "0485 0000000001 aa", "0402aa", "0401aabb", "0501aa", "0481"]
)
def test_misshapen_elements_are_refused(wire: str) -> None:
    with pytest.raises(DecodeError):
        der.decode_as(bytes.fromhex(wire), der.OCTETS)


def test_elements_are_read_one_after_the_other() -> None:
    reader = Reader(bytes.fromhex("0401aa a00130"))
    assert der.read(reader) == (der.OCTETS, b"\xaa")
    assert der.read_as(reader, der.field(0)) == b"\x30"
