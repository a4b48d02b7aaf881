"""As much of DER as SPNEGO needs: tags of one byte, definite lengths.  X.690 8.1"""

from __future__ import annotations

from typing import Final

from rpch.errors import DecodeError
from rpch.wire import Reader

OCTETS: Final = 0x04
OID: Final = 0x06
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
APPLICATION: Final = 0x60

_LONG_FORM: Final = 0x80
_LONGEST_LENGTH: Final = 4


def field(number: int) -> int:
    """The tag of a numbered field.  X.690 8.1.2"""
    return 0xA0 | number


def encode(tag: int, value: bytes) -> bytes:
    """One element, its length as short as can be.  X.690 10.1"""
    size = len(value)
    if size < _LONG_FORM:
        return bytes((tag, size)) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + value


def read(reader: Reader) -> tuple[int, bytes]:
    """The next element, whatever it is. Lengths longer than need be are taken, open ones are not."""
    at = reader.at
    tag, size = reader.take(2)
    if size & _LONG_FORM:
        count = size & ~_LONG_FORM
        if not 1 <= count <= _LONGEST_LENGTH:
            raise DecodeError("a length that is open or too long", at=at + 1)
        size = int.from_bytes(reader.take(count), "big")
    return tag, reader.take(size)


def read_as(reader: Reader, tag: int) -> bytes:
    """The value of the next element, which must have this tag."""
    at = reader.at
    found, value = read(reader)
    if found != tag:
        raise DecodeError(f"tag {found:02x} where {tag:02x} is due", at=at)
    return value


def decode_as(data: bytes, tag: int) -> bytes:
    """The value of the one element that the data is."""
    reader = Reader(data)
    value = read_as(reader, tag)
    reader.finish()
    return value
