"""A reader never runs past the end of its bytes."""

import struct

import pytest

from rpch.errors import DecodeError
from rpch.wire import Reader


def test_bytes_come_in_order() -> None:
    reader = Reader(b"abcdef")
    assert (reader.take(2), reader.take(0), reader.take(3)) == (b"ab", b"", b"cde")
    assert (reader.at, reader.remaining) == (5, 1)


def test_integers_come_in_the_layout_asked_for() -> None:
    reader = Reader(bytes.fromhex("01 0200 00000003"))
    assert reader.unpack(struct.Struct("<BH")) == (1, 2)
    assert reader.unpack(struct.Struct(">I")) == (3,)


def test_too_few_bytes_are_an_error_that_says_where() -> None:
    reader = Reader(b"abc")
    reader.take(1)
    with pytest.raises(DecodeError, match="need 3 bytes, have 2, at byte 1"):
        reader.take(3)


def test_a_failed_read_moves_nothing() -> None:
    reader = Reader(b"abc")
    with pytest.raises(DecodeError):
        reader.unpack(struct.Struct("<I"))
    assert reader.take(3) == b"abc"


@pytest.mark.parametrize("size", [-1, -3, -(2**40)])
def test_a_negative_size_is_an_error(size: int) -> None:
    with pytest.raises(DecodeError):
        Reader(b"abc").take(size)


def test_an_enormous_size_costs_nothing() -> None:
    with pytest.raises(DecodeError):
        Reader(b"abc").take(2**40)


def test_the_end_must_be_reached() -> None:
    reader = Reader(b"abc")
    reader.take(1)
    with pytest.raises(DecodeError, match="2 bytes left over, at byte 1"):
        reader.finish()
    reader.take(2)
    reader.finish()
