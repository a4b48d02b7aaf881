"""Checks that every wire format passes: both directions, cut short, and with a byte too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from rpch.errors import DecodeError, RpchError


class Encodable(Protocol):
    """Anything that knows its bytes."""

    def encode(self) -> bytes: ...


def check_codec(
    decode: Callable[[bytes], object],
    value: Encodable,
    wire: bytes,
    *,
    refuses: type[RpchError] = DecodeError,
) -> None:
    """Both directions, cut short at every byte, and with a byte too many."""
    check_same(decode(wire), value, "decoded")
    check_same(value.encode().hex(" "), wire.hex(" "), "encoded")
    for cut in range(len(wire)):
        check_refuses(decode, wire[:cut], refuses)
    check_refuses(decode, wire + b"\0", refuses)


def check_same(found: object, expected: object, what: str) -> None:
    """`AssertionError` that shows both, unless they are equal."""
    if found != expected:
        raise AssertionError(f"{what}\n    {found}\nexpected\n    {expected}")


def check_refuses(
    decode: Callable[[bytes], object], wire: bytes, refuses: type[RpchError] = DecodeError
) -> None:
    """These bytes must raise this error and no other."""
    try:
        value = decode(wire)
    except refuses:
        return
    raise AssertionError(f"{len(wire)} bytes were accepted as {value}: {wire.hex(' ')}")


def every_split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The data in two parts, cut at every point, the two ends included."""
    return ((data[:at], data[at:]) for at in range(len(data) + 1))


def one_at_a_time(data: bytes) -> Iterator[bytes]:
    """The data a byte at a time."""
    return (data[at : at + 1] for at in range(len(data)))
