"""Finds the TCP segment in a captured packet: link layer, IPv4 or IPv6, TCP.

RFC 791, RFC 8200, RFC 9293. Anything else, and IP fragments, give nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from ipaddress import IPv4Address, IPv6Address
from typing import Final

Address = IPv4Address | IPv6Address

_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_VLANS: Final = frozenset({0x8100, 0x88A8, 0x9100})
_EXTENSIONS: Final = frozenset({0, 43, 51, 60})
_AUTHENTICATION: Final = 51

# Link types: how many bytes precede the type of the payload.
_ETHERNET, _RAW, _LINUX, _LINUX2 = 1, frozenset({12, 14, 101, 228, 229}), 113, 276
_LOOPBACK: Final = frozenset({0, 108})
KNOWN_LINKS: Final = frozenset({_ETHERNET, _LINUX, _LINUX2}) | _RAW | _LOOPBACK


class TcpFlags(IntFlag):
    """The flags of a TCP header that matter here.  RFC 9293 3.1"""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    ACK = 0x10


@dataclass(frozen=True)
class Endpoint:
    """One end of a TCP connection."""

    address: Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Segment:
    """One TCP segment."""

    source: Endpoint
    target: Endpoint
    sequence: int
    flags: TcpFlags
    data: bytes


def read_segment(link: int, data: bytes) -> Segment | None:
    """The TCP segment in a packet, if there is one."""
    packet = _network_layer(link, data)
    if not packet:
        return None
    match packet[0] >> 4:
        case 4:
            return _from_ipv4(packet)
        case 6:
            return _from_ipv6(packet)
    return None


def _u16(data: bytes, at: int) -> int:
    """Two bytes in network order; 0 past the end, which no caller takes for anything known."""
    return int.from_bytes(data[at : at + 2], "big")


def _network_layer(link: int, data: bytes) -> bytes:
    """The IP packet in a frame, or nothing."""
    if link in _RAW:
        return data
    if link in _LOOPBACK:
        return data[4:]
    sizes: Mapping[int, tuple[int, int]] = {_ETHERNET: (12, 14), _LINUX: (14, 16), _LINUX2: (0, 20)}
    if link not in sizes:
        return b""
    at, size = sizes[link]
    kind = _u16(data, at)
    while kind in _VLANS:
        kind = _u16(data, size + 2)
        size += 4
    return data[size:] if kind in (_IPV4, _IPV6) else b""


def _from_ipv4(packet: bytes) -> Segment | None:
    size = (packet[0] & 0x0F) * 4
    fragment = _u16(packet, 6) & 0x3FFF  # more fragments, and the offset
    if len(packet) < 20 or size < 20 or packet[9] != _TCP or fragment:
        return None
    total = _u16(packet, 2) or len(packet)  # 0 where the card cuts segments itself
    source, target = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
    return _from_tcp(source, target, packet[size:total])


def _from_ipv6(packet: bytes) -> Segment | None:
    if len(packet) < 40:
        return None
    kind, at = packet[6], 40
    end = at + _u16(packet, 4) if _u16(packet, 4) else len(packet)
    while kind in _EXTENSIONS and at + 2 <= len(packet):
        size = (packet[at + 1] + 2) * 4 if kind == _AUTHENTICATION else (packet[at + 1] + 1) * 8
        kind, at = packet[at], at + size
    if kind != _TCP:
        return None
    return _from_tcp(IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), packet[at:end])


def _from_tcp(source: Address, target: Address, tcp: bytes) -> Segment | None:
    if len(tcp) < 20:
        return None
    size = (tcp[12] >> 4) * 4
    if size < 20:
        return None
    ends = Endpoint(source, _u16(tcp, 0)), Endpoint(target, _u16(tcp, 2))
    if ends[0] == ends[1]:
        return None  # nobody can tell its directions apart
    return Segment(*ends, int.from_bytes(tcp[4:8], "big"), TcpFlags(tcp[13] & 0x17), tcp[size:])
