"""Entry ids: how clients keep an object for later.  MS-OXNSPI 2.2.9

An ephemeral one holds the minimal entry id and is good while the server keeps its GUID. A permanent one holds
the DN, and stands in messages too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rpch.errors import DecodeError

PROVIDER: Final = UUID("c840a7dc-42c0-1a10-b4b9-08002b2fe182").bytes_le  # GUID_NSPI.  MS-OXNSPI 2.2.1.7
_EPHEMERAL: Final = struct.Struct("<I16sIII")
_PERMANENT: Final = struct.Struct("<I16sII")
_EPHEMERAL_TYPE: Final = 0x87
_PERMANENT_TYPE: Final = 0
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class EphemeralId:
    """An object by its minimal entry id.  MS-OXNSPI 2.2.9.2"""

    server: bytes
    display_type: int
    mid: int

    def encode(self) -> bytes:
        """The 32 bytes that clients keep."""
        return _EPHEMERAL.pack(_EPHEMERAL_TYPE, self.server, _VERSION, self.display_type, self.mid)


@dataclass(frozen=True, slots=True)
class PermanentId:
    """An object by its DN.  MS-OXNSPI 2.2.9.3"""

    display_type: int
    dn: str

    def encode(self) -> bytes:
        """The bytes that clients keep; the DN is ASCII and ends with a zero."""
        head = _PERMANENT.pack(_PERMANENT_TYPE, PROVIDER, _VERSION, self.display_type)
        return head + self.dn.encode("ascii", "replace") + b"\0"


def decode_entry_id(data: bytes) -> EphemeralId | PermanentId:
    """Either of them; `DecodeError` for anything else."""
    if len(data) == _EPHEMERAL.size and data[0] == _EPHEMERAL_TYPE:
        _, server, version, display_type, mid = _EPHEMERAL.unpack(data)
        if version == _VERSION:
            return EphemeralId(server, display_type, mid)
    elif len(data) > _PERMANENT.size and data[0] == _PERMANENT_TYPE:
        _, provider, version, display_type = _PERMANENT.unpack_from(data)
        dn, end, rest = data[_PERMANENT.size :].partition(b"\0")
        if (provider, version, end, rest) == (PROVIDER, _VERSION, b"\0", b""):
            return PermanentId(display_type, dn.decode("ascii", "replace"))
    raise DecodeError("no entry id of an address book", at=0)


def search_key(dn: str) -> bytes:
    """What tells whether two addresses are one.  MS-OXOABK 2.2.3.5"""
    return f"EX:{dn.upper()}".encode("ascii", "replace") + b"\0"
