"""The 16 bytes in front of every PDU, and how a whole PDU is put together.  C706 12.6.3.1

All integers follow the PDU's own data representation, header and UUIDs included, so everything
that travels in either byte order is declared once as a `Layout`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Self
from uuid import UUID

from rpch.dcerpc.pdus_trailer import OpenByte, SecTrailer
from rpch.errors import DecodeError, LocalProtocolError
from rpch.wire import Reader

HEADER_SIZE: Final = 16
LARGEST_PDU: Final = 0xFFFF
LITTLE_ENDIAN_DREP: Final = b"\x10\0\0\0"
BIG_ENDIAN_DREP: Final = b"\0\0\0\0"


class PduType(OpenByte):
    """What a PDU is.  C706 12.6.4, MS-RPCE 2.2.2.1"""

    REQUEST = 0
    RESPONSE = 2
    FAULT = 3
    BIND = 11
    BIND_ACK = 12
    BIND_NAK = 13
    ALTER_CONTEXT = 14
    ALTER_CONTEXT_RESP = 15
    AUTH3 = 16
    SHUTDOWN = 17
    CANCEL = 18
    ORPHANED = 19
    RTS = 20


class PfcFlags(IntFlag):
    """The flags of the common header; 0x04 has two meanings by type.  C706 12.6.3.1, MS-RPCE 2.2.2.3"""

    NONE = 0
    FIRST_FRAG = 0x01
    LAST_FRAG = 0x02
    PENDING_CANCEL = 0x04  # on requests, responses and faults
    SUPPORT_HEADER_SIGN = 0x04  # on the bind family
    RESERVED = 0x08
    CONC_MPX = 0x10
    DID_NOT_EXECUTE = 0x20
    MAYBE = 0x40
    OBJECT_UUID = 0x80


WHOLE: Final = PfcFlags.FIRST_FRAG | PfcFlags.LAST_FRAG


class Layout:
    """Some values in a row, in either byte order."""

    def __init__(self, fmt: str) -> None:
        self._little, self._big = struct.Struct("<" + fmt), struct.Struct(">" + fmt)
        self.size = self._little.size

    def encode(self, *values: int | bytes, little_endian: bool) -> bytes:
        """These values as bytes."""
        return (self._little if little_endian else self._big).pack(*values)

    def read(self, reader: Reader, *, little_endian: bool) -> tuple[int, ...]:
        """The next integers."""
        return reader.unpack(self._little if little_endian else self._big)


_COMMON = Layout("BBBB4sHHI")
_LENGTHS = Layout("HHI")
_VERSION = Layout("I")


@dataclass(frozen=True)
class Header:
    """The common header, as it was received.  C706 12.6.3.1"""

    kind: PduType
    flags: PfcFlags
    call_id: int
    frag_length: int
    auth_length: int = 0
    drep: bytes = LITTLE_ENDIAN_DREP
    version: tuple[int, int] = (5, 0)

    @property
    def little_endian(self) -> bool:
        """Whether this PDU's integers are little-endian.  C706 14.1"""
        return bool(self.drep[0] & 0x10)

    @property
    def first(self) -> bool:
        """Whether this is a first fragment."""
        return PfcFlags.FIRST_FRAG in self.flags

    @property
    def last(self) -> bool:
        """Whether this is a last fragment."""
        return PfcFlags.LAST_FRAG in self.flags

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the first 16 bytes; what they say is judged by `verify`."""
        reader = Reader(data)
        major, minor, kind, flags = reader.take(4)
        drep = bytes(reader.take(4))
        lengths = _LENGTHS.read(reader, little_endian=bool(drep[0] & 0x10))
        frag_length, auth_length, call_id = lengths
        return cls(PduType(kind), PfcFlags(flags), call_id, frag_length, auth_length, drep, (major, minor))

    def verify(self, size: int) -> None:
        """`DecodeError` unless this header may stand in front of `size` bytes in all.  MS-RPCE 2.2.2"""
        if self.version != (5, 0):
            raise DecodeError(f"RPC version {self.version[0]}.{self.version[1]} is not 5.0", at=0)
        if self.drep not in (LITTLE_ENDIAN_DREP, BIG_ENDIAN_DREP):
            raise DecodeError(f"data representation {self.drep.hex()} is not supported", at=4)
        if self.frag_length != size or size < HEADER_SIZE:
            raise DecodeError(f"frag_length is {self.frag_length}, the PDU has {size} bytes", at=8)


@dataclass(frozen=True)
class SyntaxId:
    """An interface or a transfer syntax: a UUID and a version.  C706 12.6.3.1"""

    uuid: UUID
    version_major: int
    version_minor: int = 0

    def __str__(self) -> str:
        return f"{self.uuid}/v{self.version_major}.{self.version_minor}"

    def encode(self, *, little_endian: bool = True) -> bytes:
        version = self.version_minor << 16 | self.version_major
        uuid = encode_uuid(self.uuid, little_endian=little_endian)
        return uuid + _VERSION.encode(version, little_endian=little_endian)

    @classmethod
    def read(cls, reader: Reader, *, little_endian: bool) -> Self:
        uuid = read_uuid(reader, little_endian=little_endian)
        (version,) = _VERSION.read(reader, little_endian=little_endian)
        return cls(uuid, version & 0xFFFF, version >> 16)


NO_SYNTAX: Final = SyntaxId(UUID(int=0), 0)
NDR20: Final = SyntaxId(UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
NDR64: Final = SyntaxId(UUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1)


def read_uuid(reader: Reader, *, little_endian: bool) -> UUID:
    """A UUID: three integers in the PDU's order, then eight bytes as they are.  C706 A.1"""
    raw = bytes(reader.take(16))
    return UUID(bytes_le=raw) if little_endian else UUID(bytes=raw)


def encode_uuid(uuid: UUID, *, little_endian: bool) -> bytes:
    """The 16 bytes that `read_uuid` reads.  C706 A.1"""
    return uuid.bytes_le if little_endian else uuid.bytes


def encode_pdu(
    kind: PduType,
    flags: PfcFlags,
    call_id: int,
    body: bytes,
    auth: SecTrailer | None = None,
    *,
    little_endian: bool = True,
) -> bytes:
    """Header, body and security trailer of one PDU, with its lengths filled in.  C706 12.6.3.1"""
    tail = auth.encode(little_endian=little_endian) if auth is not None else b""
    size = HEADER_SIZE + len(body) + len(tail)
    if size > LARGEST_PDU:
        raise LocalProtocolError(f"{kind.name} of {size} bytes does not fit in one PDU")
    drep = LITTLE_ENDIAN_DREP if little_endian else BIG_ENDIAN_DREP
    token = len(auth.token) if auth is not None else 0
    head = _COMMON.encode(5, 0, kind, flags, drep, size, token, call_id, little_endian=little_endian)
    return b"".join((head, body, tail))


def part(data: bytes, header: Header) -> tuple[Reader, SecTrailer | None]:
    """What lies between common header and security trailer, and the trailer.  MS-RPCE 2.2.2.11"""
    end, trailer = len(data), None
    if header.auth_length:
        end -= header.auth_length + SecTrailer.SIZE
        if end < HEADER_SIZE:
            raise DecodeError(f"no room for a token of {header.auth_length} bytes", at=10)
        trailer = SecTrailer.decode(data[end:], little_endian=header.little_endian)
    reader = Reader(data[:end])
    reader.take(HEADER_SIZE)
    return reader, trailer
