"""A reader that notes every field it reads, so that a dump is a by-product of decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from rpch.dcerpc.pdus import SyntaxId
from rpch.decode.messages import Part
from rpch.wire import Reader

SHOWN_OF_BYTES = 24


def shown_bytes(data: bytes) -> str:
    """Opaque bytes for one line: all of a few, the first of many."""
    if not data:
        return "none"
    if len(data) <= SHOWN_OF_BYTES:
        return data.hex(" ")
    return f"{data[:SHOWN_OF_BYTES].hex(' ')}… ({len(data)} bytes)"


class Notes:
    """Reads the fields of one message in order; `parts` is what it has seen.

    Raises `DecodeError` where bytes are missing, and keeps what it noted before.
    """

    def __init__(self, data: bytes, *, little_endian: bool = True) -> None:
        self.parts: list[Part] = []
        self.little_endian = little_endian
        self._reader = Reader(data)
        self._depth = 0

    @property
    def at(self) -> int:
        """Where the next field starts."""
        return self._reader.at

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return self._reader.remaining

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The fields noted meanwhile belong to the one before."""
        self._depth += 1
        yield
        self._depth -= 1

    def octets(
        self, name: str, size: int, show: Callable[[bytes], str] = shown_bytes, *, reveal: int | None = None
    ) -> bytes:
        """Opaque bytes; `reveal` is how many of them may be shown."""
        at = self.at
        data = bytes(self._reader.take(size))
        self.parts.append(Part(at, size, data[:reveal], name, show(data), self._depth))
        return data

    def number(self, name: str, size: int, show: Callable[[int], str] = str) -> int:
        """An unsigned integer in the byte order of the message."""
        at = self.at
        data = bytes(self._reader.take(size))
        value = int.from_bytes(data, "little" if self.little_endian else "big")
        self.parts.append(Part(at, size, data, name, show(value), self._depth))
        return value

    def uuid(self, name: str, show: Callable[[UUID], str] = str) -> UUID:
        """A UUID in the byte order of the message.  C706 A.1"""
        return self._uuid(self.octets(name, 16, lambda raw: show(self._uuid(raw))))

    def syntax(self, name: str, show: Callable[[SyntaxId], str] = str) -> SyntaxId:
        """An interface or a transfer syntax.  C706 12.6.3.1 p_syntax_id_t"""
        return self._syntax(self.octets(name, 20, lambda raw: show(self._syntax(raw))))

    def _uuid(self, raw: bytes) -> UUID:
        return UUID(bytes_le=raw) if self.little_endian else UUID(bytes=raw)

    def _syntax(self, raw: bytes) -> SyntaxId:
        return SyntaxId.read(Reader(raw), little_endian=self.little_endian)
