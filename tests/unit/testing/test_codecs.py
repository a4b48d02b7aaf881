"""The checks for wire formats find what they are for."""

from collections.abc import Callable

import pytest

from rpch.errors import DecodeError, RemoteProtocolError, UnrecognisedPdu
from rpch.testing.codecs import check_codec, check_refuses, check_same, every_split, one_at_a_time
from rpch.wire import U16, Reader, Record


class Pair(Record):
    left: U16
    right: U16


class Wrong(Record):
    left: U16
    right: U16

    def encode(self) -> bytes:
        return super().encode()[::-1]


WIRE = bytes.fromhex(
    "0100"  # left
    "0002"  # right
)


def lenient(data: bytes) -> Pair:
    """Forgives what is left over."""
    return Pair.read(Reader(data))


def forgiving(data: bytes) -> Pair:
    """Forgives what is missing."""
    return Pair.decode(data.ljust(4, b"\0"))


def test_a_sound_format_passes() -> None:
    check_codec(Pair.decode, Pair(1, 512), WIRE)


@pytest.mark.parametrize("decode", [lenient, forgiving])
def test_a_lenient_decoder_is_found_out(decode: Callable[[bytes], object]) -> None:
    with pytest.raises(AssertionError, match="were accepted"):
        check_codec(decode, Pair(1, 512), WIRE)


def test_a_wrong_value_is_found_out() -> None:
    with pytest.raises(AssertionError, match="decoded"):
        check_codec(Pair.decode, Pair(1, 513), WIRE)


def test_wrong_bytes_are_found_out() -> None:
    with pytest.raises(AssertionError, match="encoded"):
        check_codec(Wrong.decode, Wrong(1, 512), WIRE)


def test_only_the_expected_error_counts_as_a_refusal() -> None:
    def refuse(data: bytes) -> object:
        raise UnrecognisedPdu(data.hex())

    check_refuses(refuse, b"", RemoteProtocolError)
    with pytest.raises(UnrecognisedPdu):
        check_refuses(refuse, b"", DecodeError)


def test_what_is_equal_is_the_same() -> None:
    check_same([1], [1], "decoded")
    with pytest.raises(AssertionError, match=r"decoded\n    1\nexpected\n    2"):
        check_same(1, 2, "decoded")


def test_splits_lose_nothing() -> None:
    assert list(every_split(b"abc")) == [(b"", b"abc"), (b"a", b"bc"), (b"ab", b"c"), (b"abc", b"")]
    assert list(one_at_a_time(b"abc")) == [b"a", b"b", b"c"]
