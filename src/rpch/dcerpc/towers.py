"""Protocol towers: how the endpoint mapper writes down where an interface is.  C706 L, MS-RPCH 2.1

A tower is a byte string of floors: interface, transfer syntax, RPC protocol, port, address. It is packed
without gaps, and little-endian but for the port, whatever the byte order of the PDU around it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Self
from uuid import UUID

from rpch.dcerpc.pdus import NDR20, SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import DecodeError
from rpch.wire import Reader

LARGEST_TOWER: Final = 2000
FEWEST_FLOORS: Final = 3
MOST_FLOORS: Final = 6
ANY_ADDRESS: Final = IPv4Address(0)

_COUNT = struct.Struct("<H")
_PORT = struct.Struct(">H")  # the one big-endian number of a tower (C706 L)
_UUID_FLOOR = 0x0D
_CONNECTION_ORIENTED = 0x0B
_IPV4 = 0x09
_SEQUENCES = {sequence.tower_protocol: sequence for sequence in ProtocolSequence}


@dataclass(frozen=True)
class Floor:
    """One floor: what it speaks of, and what it says.  C706 L"""

    protocol: int
    identifier: bytes
    data: bytes

    def encode(self) -> bytes:
        left = bytes((self.protocol,)) + self.identifier
        return _COUNT.pack(len(left)) + left + _COUNT.pack(len(self.data)) + self.data

    @classmethod
    def read(cls, reader: Reader) -> Self:
        at = reader.at
        left = reader.take(*reader.unpack(_COUNT))
        if not left:
            raise DecodeError("a floor without a protocol", at=at)
        return cls(left[0], bytes(left[1:]), bytes(reader.take(*reader.unpack(_COUNT))))


def read_floors(octets: bytes) -> tuple[Floor, ...]:
    """The floors of any tower, known or not.  C706 L"""
    if len(octets) > LARGEST_TOWER:
        raise DecodeError(f"a tower of {len(octets)} bytes", at=LARGEST_TOWER)
    reader = Reader(octets)
    (count,) = reader.unpack(_COUNT)
    if not FEWEST_FLOORS <= count <= MOST_FLOORS:
        raise DecodeError(f"a tower of {count} floors", at=0)
    floors = tuple(Floor.read(reader) for _ in range(count))
    reader.finish()
    return floors


@dataclass(frozen=True)
class Tower:
    """Where one interface is, over TCP or over HTTP.  C706 L, MS-RPCH 2.1

    Port 0 and address 0.0.0.0 mean any, which is how clients ask.
    """

    interface: SyntaxId
    protseq: ProtocolSequence
    port: int = 0
    address: IPv4Address = ANY_ADDRESS
    transfer_syntax: SyntaxId = NDR20

    def encode(self) -> bytes:
        floors = (
            _syntax_floor(self.interface),
            _syntax_floor(self.transfer_syntax),
            Floor(_CONNECTION_ORIENTED, b"", bytes(2)),
            Floor(self.protseq.tower_protocol, b"", _PORT.pack(self.port)),
            Floor(_IPV4, b"", self.address.packed),
        )
        return _COUNT.pack(len(floors)) + b"".join(floor.encode() for floor in floors)

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read one tower; `DecodeError` when it is broken or leads over another protocol."""
        floors = read_floors(octets)
        if len(floors) != 5:
            raise DecodeError(f"{len(floors)} floors are no way over TCP or HTTP", at=0)
        interface, transfer, protocol, port, address = floors
        sequence = _SEQUENCES.get(port.protocol)
        # Floor 5 is ignored by mappers but for its form (MS-RPCE 3.1.3.5.3)
        if protocol.protocol != _CONNECTION_ORIENTED or sequence is None or address.protocol != _IPV4:
            numbers = "/".join(f"{floor.protocol:02x}" for floor in floors[2:])
            raise DecodeError(f"protocols {numbers} are neither TCP nor HTTP", at=0)
        if len(port.data) != _PORT.size or len(address.data) != 4:
            raise DecodeError("a port or an address of the wrong length", at=0)
        (number,) = _PORT.unpack(port.data)
        where = IPv4Address(address.data)
        return cls(_read_syntax(interface), sequence, number, where, _read_syntax(transfer))


def _syntax_floor(syntax: SyntaxId) -> Floor:
    identifier = syntax.uuid.bytes_le + _COUNT.pack(syntax.version_major)
    return Floor(_UUID_FLOOR, identifier, _COUNT.pack(syntax.version_minor))


def _read_syntax(floor: Floor) -> SyntaxId:
    if floor.protocol != _UUID_FLOOR:
        raise DecodeError(f"floor {floor.protocol:02x} is no syntax", at=0)
    reader = Reader(floor.identifier)
    uuid = UUID(bytes_le=bytes(reader.take(16)))
    (major,) = reader.unpack(_COUNT)
    reader.finish()
    reader = Reader(floor.data)
    (minor,) = reader.unpack(_COUNT)
    reader.finish()
    return SyntaxId(uuid, major, minor)
