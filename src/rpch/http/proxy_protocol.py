"""What a relay says before the first byte of a client: from where it connected.  PROXY protocol 1 and 2

The header is the relay's word, so only a trusted relay is asked for it; on such a connection it must come.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from rpch.errors import RemoteProtocolError

_SIGNATURE: Final = bytes.fromhex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a")  # version 2
_HEAD: Final = struct.Struct(">12sBBH")
_LONGEST_LINE: Final = 107  # version 1, with its line end
_LONGEST_BLOCK: Final = 4_096  # version 2: addresses, and what a relay adds
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_PORTS: Final = 4


@dataclass(frozen=True, slots=True)
class Relayed:
    """From where a client connected to the relay; None where the relay speaks for itself."""

    client: str | None


def read_proxy_header(buffer: bytes) -> tuple[Relayed, int] | None:
    """The header at the start of `buffer` and its size, or None while it is incomplete.

    `RemoteProtocolError` for anything else, as soon as that is visible.
    """
    if buffer[: len(_SIGNATURE)] == _SIGNATURE[: len(buffer)]:
        return _read_block(buffer)
    if buffer[:6] == b"PROXY "[: len(buffer)]:
        return _read_line(buffer)
    raise RemoteProtocolError("no PROXY header, and this relay must send one")


def _read_line(buffer: bytes) -> tuple[Relayed, int] | None:
    end = buffer.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(buffer) >= _LONGEST_LINE:
            raise RemoteProtocolError("a PROXY line that does not end")
        return None
    words = buffer[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return Relayed(None), end + 2
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise RemoteProtocolError("a PROXY line of other words")
    kind = IPv4Address if words[1] == b"TCP4" else IPv6Address
    try:
        client = str(kind(words[2].decode("ascii")))
    except ValueError:
        raise RemoteProtocolError("a PROXY line with no address") from None
    return Relayed(client), end + 2


def _read_block(buffer: bytes) -> tuple[Relayed, int] | None:
    if len(buffer) < _HEAD.size:
        return None
    _, command, family, size = _HEAD.unpack_from(buffer)
    if size > _LONGEST_BLOCK:
        raise RemoteProtocolError(f"a PROXY header of {size} bytes")
    if command not in (_LOCAL, _PROXY):
        raise RemoteProtocolError("a PROXY header of another version or command")
    whole = _HEAD.size + size
    if len(buffer) < whole:
        return None
    block = buffer[_HEAD.size : whole]
    if command == _LOCAL:
        return Relayed(None), whole
    kinds = {_TCP4: (IPv4Address, 4), _TCP6: (IPv6Address, 16)}
    if family not in kinds:
        raise RemoteProtocolError("a PROXY header of no TCP connection")
    kind, length = kinds[family]
    if len(block) < 2 * length + _PORTS:
        raise RemoteProtocolError("a PROXY header that is too short for its addresses")
    return Relayed(str(kind(block[:length]))), whole
