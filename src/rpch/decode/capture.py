"""Reads capture files: pcap and pcapng, in either byte order, packet by packet.

pcapng: draft-ietf-opsawg-pcapng. Blocks that hold no packets are passed over, whatever they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from rpch.errors import DecodeError

LARGEST_BLOCK: Final = 16 << 20
_PCAP_MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 6),
    b"\xa1\xb2\xc3\xd4": (">", 6),
    b"\x4d\x3c\xb2\xa1": ("<", 9),
    b"\xa1\xb2\x3c\x4d": (">", 9),
}
_PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_RESOLUTION, _OFFSET = 9, 14
_MICROSECONDS: Final = 1_000_000


class Readable(Protocol):
    """Where a capture comes from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Packet:
    """One captured packet: when, on what kind of link, and its bytes as far as they were kept."""

    time: float
    link: int
    data: bytes
    at: int  # where it stands in the file


def is_capture(start: bytes) -> bool:
    """Whether a file that begins so is a capture."""
    return start[:4] == _PCAPNG_MAGIC or start[:4] in _PCAP_MAGICS


def read_packets(stream: Readable) -> Iterator[Packet]:
    """The packets of a capture file; `DecodeError` says where it is broken."""
    source = _Source(stream)
    magic = source.take(4)
    if magic == _PCAPNG_MAGIC:
        yield from _PcapngReader(source).packets()
    elif magic in _PCAP_MAGICS:
        yield from _pcap_packets(source, *_PCAP_MAGICS[magic])
    else:
        raise DecodeError(f"no capture file: it starts with {magic.hex(' ')}", at=0)


class _Source:
    """A file that knows how far it has been read."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self.at = stream, 0

    def take(self, size: int) -> bytes:
        """So many bytes, or `DecodeError`."""
        data = self.take_or_end(size)
        if data is None:
            raise DecodeError("the capture file ends here", at=self.at)
        return data

    def take_or_end(self, size: int) -> bytes | None:
        """So many bytes, or None when nothing at all is left."""
        if size > LARGEST_BLOCK:
            raise DecodeError(f"a block of {size} bytes", at=self.at)
        data = self._stream.read(size)
        if not data and size:
            return None
        if len(data) < size:
            raise DecodeError(f"the capture file is cut off: need {size} bytes, have {len(data)}", at=self.at)
        self.at += size
        return data


def _pcap_packets(source: _Source, order: str, digits: int) -> Iterator[Packet]:
    """A pcap file behind its magic number."""
    *_, link = struct.unpack(f"{order}HHiIII", source.take(20))
    record = struct.Struct(f"{order}IIII")
    while (head := source.take_or_end(record.size)) is not None:
        seconds, fraction, size, _ = record.unpack(head)
        at = source.at
        yield Packet(seconds + fraction / 10**digits, link & 0x0FFFFFFF, source.take(size), at)


@dataclass
class _Interface:
    link: int
    snap: int
    ticks: float = _MICROSECONDS
    offset: int = 0


class _PcapngReader:
    """A pcapng file behind the first four bytes of its first block."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._order = "<"
        self._interfaces: list[_Interface] = []

    def packets(self) -> Iterator[Packet]:
        """The packets of all sections."""
        self._section()
        while (head := self._source.take_or_end(4)) is not None:
            if head == _PCAPNG_MAGIC:
                self._section()
                continue
            kind, start = self._u32(head), self._source.at - 4
            body = self._body(start)
            try:
                packet = self._block(kind, body, start)
            except struct.error as error:
                raise DecodeError(f"a block of {len(body)} bytes, too few", at=start) from error
            if packet is not None:
                yield packet

    def _u32(self, raw: bytes) -> int:
        (value,) = struct.unpack(f"{self._order}I", raw)
        return int(value)

    def _section(self) -> None:
        """A section header: byte order, version, and interfaces counted anew."""
        start = self._source.at - 4
        raw_size = self._source.take(4)
        magic = self._source.take(4)
        orders = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
        if magic not in orders:
            raise DecodeError(f"byte-order magic {magic.hex(' ')}", at=start + 8)
        self._order, self._interfaces = orders[magic], []
        size = self._u32(raw_size)
        if size < 28 or size % 4:
            raise DecodeError(f"a section header of {size} bytes", at=start + 4)
        self._source.take(size - 12)

    def _body(self, start: int) -> bytes:
        """What is between a block's two lengths."""
        size = self._u32(self._source.take(4))
        if size < 12 or size % 4:
            raise DecodeError(f"a block of {size} bytes", at=start + 4)
        body = self._source.take(size - 12)
        if self._u32(self._source.take(4)) != size:
            raise DecodeError("a block's two lengths differ", at=start + 4)
        return body

    def _block(self, kind: int, body: bytes, start: int) -> Packet | None:
        if kind == _INTERFACE:
            self._interfaces.append(self._interface(body))
        elif kind in (_PACKET, _OLD_PACKET):
            fmt = "IIIII" if kind == _PACKET else "HHIIII"
            number, *rest = struct.unpack_from(f"{self._order}{fmt}", body)
            high, low, size, _ = rest[-4:]
            interface = self._known(number, start)
            time = interface.offset + (high << 32 | low) / interface.ticks
            return self._packet(time, interface, body[20:], size, start)
        elif kind == _SIMPLE_PACKET:
            (original,) = struct.unpack_from(f"{self._order}I", body)
            interface = self._known(0, start)
            size = min(original, interface.snap or original)
            return self._packet(0.0, interface, body[4:], size, start)
        return None

    def _packet(self, time: float, interface: _Interface, data: bytes, size: int, start: int) -> Packet:
        if size > len(data):
            raise DecodeError(f"a packet of {size} bytes in a block with {len(data)}", at=start)
        return Packet(time, interface.link, data[:size], start)

    def _known(self, number: int, start: int) -> _Interface:
        if number >= len(self._interfaces):
            raise DecodeError(f"a packet of interface {number}, which was not described", at=start)
        return self._interfaces[number]

    def _interface(self, body: bytes) -> _Interface:
        order = self._order
        link, _, snap = struct.unpack_from(f"{order}HHI", body)
        interface, at = _Interface(link, snap), 8
        while at + 4 <= len(body):
            code, size = struct.unpack_from(f"{order}HH", body, at)
            value = body[at + 4 : at + 4 + size]
            if code == _RESOLUTION and len(value) == 1:
                exponent = value[0] & 0x7F
                interface.ticks = float(2**exponent if value[0] & 0x80 else 10**exponent)
            elif code == _OFFSET and len(value) == 8:
                (interface.offset,) = struct.unpack(f"{order}q", value)
            at += 4 + size + -size % 4
        return interface
