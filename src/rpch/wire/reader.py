"""A cursor over received bytes."""

from __future__ import annotations

import struct
from typing import Any

from rpch.errors import DecodeError


class Reader:
    """A cursor over received bytes that cannot run past their end."""

    __slots__ = ("_data", "at")

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self.at

    def take(self, size: int) -> bytes:
        """The next `size` bytes; `DecodeError` when there are fewer."""
        chunk = self._data[self.at : self.at + size]
        if size < 0 or len(chunk) < size:
            raise DecodeError(f"need {size} bytes, have {len(chunk)}", at=self.at)
        self.at += size
        return chunk

    def unpack(self, codec: struct.Struct) -> tuple[Any, ...]:
        """The next values in the layout of `codec`."""
        try:
            values = codec.unpack_from(self._data, self.at)
        except struct.error:
            raise DecodeError(f"need {codec.size} bytes, have {self.remaining}", at=self.at) from None
        self.at += codec.size
        return values

    def finish(self) -> None:
        """`DecodeError` when anything is left."""
        if left := self.remaining:
            raise DecodeError(f"{left} bytes left over", at=self.at)
