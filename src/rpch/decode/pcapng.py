"""Writes captures that Wireshark and tcpdump read.  draft-ietf-opsawg-pcapng

What was never on a wire as packets (hex, traces, masked streams) is put into made-up TCP segments: handshake,
data in order, acknowledgements left out, so that the payload is all there is to see.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import BinaryIO, Final

from rpch.decode.packets import Address, Endpoint, TcpFlags

RAW_IP: Final = 101  # link type: packets begin with an IP header
LARGEST_SEGMENT: Final = 32_768
CLIENT: Final = Endpoint(IPv4Address("192.0.2.1"), 50_000)
SERVER: Final = Endpoint(IPv4Address("192.0.2.2"), 593)

_SECTION: Final = struct.Struct("<IHHq")  # byte-order magic, version 1.0, length unknown
_INTERFACE: Final = struct.Struct("<HHI")
_PACKET: Final = struct.Struct("<IIIII")
_HOPS, _TCP = 64, 6
_SYN, _FIN = TcpFlags.SYN, TcpFlags.FIN
_PUSH: Final = 0x08


class PcapngWriter:
    """One section with one interface of raw IP packets, in microseconds."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._block(0x0A0D0D0A, _SECTION.pack(0x1A2B3C4D, 1, 0, -1))
        self._block(1, _INTERFACE.pack(RAW_IP, 0, 0))

    def packet(self, time: float, data: bytes) -> None:
        """One packet at this time of day."""
        ticks = round(time * 1_000_000)
        head = _PACKET.pack(0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        self._block(6, head + data + bytes(-len(data) % 4))

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        self._sink.write(struct.pack("<I", kind) + size + body + size)


class TcpStream:
    """One made-up TCP connection in a capture."""

    def __init__(self, writer: PcapngWriter, client: Endpoint, server: Endpoint, time: float = 0.0) -> None:
        self._writer, self._ends = writer, (client, server)
        self._next = {True: 1_000, False: 2_000}
        self._segment(True, time, int(_SYN), b"")
        self._segment(False, time, int(_SYN | TcpFlags.ACK), b"")
        self._segment(True, time, int(TcpFlags.ACK), b"")

    def send(self, data: bytes, time: float = 0.0, *, from_client: bool) -> None:
        """Bytes in one direction."""
        for start in range(0, len(data), LARGEST_SEGMENT):
            part = data[start : start + LARGEST_SEGMENT]
            self._segment(from_client, time, TcpFlags.ACK | _PUSH, part)

    def close(self, time: float = 0.0) -> None:
        """Both directions end."""
        for from_client in (True, False):
            self._segment(from_client, time, int(_FIN | TcpFlags.ACK), b"")

    def _segment(self, from_client: bool, time: float, flags: int, data: bytes) -> None:
        source, target = self._ends if from_client else self._ends[::-1]
        acknowledged = self._next[not from_client] if flags & TcpFlags.ACK else 0
        head = struct.pack(
            "!HHIIBBHHH",
            source.port,
            target.port,
            self._next[from_client],
            acknowledged,
            5 << 4,
            flags,
            0xFFFF,
            0,
            0,
        )
        length = len(data) + (1 if flags & (_SYN | _FIN) else 0)
        self._next[from_client] = (self._next[from_client] + length) & 0xFFFFFFFF
        self._writer.packet(time, _ip_packet(source.address, target.address, head, data))


def _ip_packet(source: Address, target: Address, head: bytes, data: bytes) -> bytes:
    """An IP packet around a TCP header without checksum, and its data."""
    size = len(head) + len(data)
    if isinstance(source, IPv4Address):
        ends = source.packed + target.packed
        pseudo = ends + struct.pack("!BBH", 0, _TCP, size)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, _HOPS, _TCP, 0) + ends
        ip = ip[:10] + checksum(ip) + ip[12:]
    else:
        ends = source.packed + target.packed
        pseudo = ends + struct.pack("!II", size, _TCP)
        ip = struct.pack("!IHBB", 0x60000000, size, _TCP, _HOPS) + ends
    tcp = head[:16] + checksum(pseudo + head + data) + head[18:]
    return ip + tcp + data


def checksum(data: bytes) -> bytes:
    """The checksum of the internet protocols.  RFC 1071"""
    padded = data + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
