"""How single values travel."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID


@dataclass(frozen=True)
class Field:
    """How one value travels: its size in bytes and both directions.

    `code` is its letter in `struct`, little-endian, where that alone decodes it.
    """

    size: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    code: str = ""


def scalar(fmt: str) -> Field:
    """A number in the layout of `struct`."""
    codec = struct.Struct(fmt)
    code = fmt.removeprefix("<") if fmt.startswith("<") else ""
    return Field(codec.size, codec.pack, lambda raw: codec.unpack(raw)[0], code)


def octets(size: int) -> Field:
    """Exactly `size` opaque bytes."""

    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"need {size} bytes, have {len(value)}")
        return bytes(value)

    return Field(size, encode, bytes, f"{size}s")


U8 = Annotated[int, scalar("<B")]
U16 = Annotated[int, scalar("<H")]
U32 = Annotated[int, scalar("<I")]
U64 = Annotated[int, scalar("<Q")]
Guid = Annotated[UUID, Field(16, lambda uuid: uuid.bytes_le, lambda raw: UUID(bytes_le=bytes(raw)))]
