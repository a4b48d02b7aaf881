"""The security trailer at the end of a PDU: which mechanism, which level, and its token.  MS-RPCE 2.2.2.11"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from rpch.wire import Reader

_LITTLE, _BIG = struct.Struct("<BBBBI"), struct.Struct(">BBBBI")


class OpenByte(IntEnum):
    """Names for the values of one byte; a value without a name prints its number."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFF:
            return None
        unknown = int.__new__(cls, value)
        unknown._name_, unknown._value_ = f"UNKNOWN_{value}", value
        return unknown


class AuthType(OpenByte):
    """Security mechanisms.  MS-RPCE 2.2.1.1.7"""

    NONE = 0
    NEGOTIATE = 9
    NTLM = 10
    SCHANNEL = 14
    KERBEROS = 16
    NETLOGON = 68


class AuthLevel(OpenByte):
    """How much a security context protects.  MS-RPCE 2.2.1.1.8"""

    DEFAULT = 0
    NONE = 1
    CONNECT = 2
    CALL = 3
    PKT = 4
    PKT_INTEGRITY = 5
    PKT_PRIVACY = 6


@dataclass(frozen=True)
class SecTrailer:
    """What says how a PDU is protected; the token always reaches the end of the PDU.  MS-RPCE 2.2.2.11"""

    SIZE: ClassVar[int] = 8

    auth_type: AuthType
    auth_level: AuthLevel
    context_id: int
    token: bytes
    pad_length: int = 0
    reserved: int = 0

    def encode(self, *, little_endian: bool = True) -> bytes:
        codec = _LITTLE if little_endian else _BIG
        head = codec.pack(self.auth_type, self.auth_level, self.pad_length, self.reserved, self.context_id)
        return head + self.token

    @classmethod
    def decode(cls, data: bytes, *, little_endian: bool) -> Self:
        """The whole of `data`, from the trailer to the end of the PDU."""
        reader = Reader(data)
        fields = reader.unpack(_LITTLE if little_endian else _BIG)
        auth_type, auth_level, pad_length, reserved, context_id = fields
        token = bytes(reader.take(reader.remaining))
        return cls(AuthType(auth_type), AuthLevel(auth_level), context_id, token, pad_length, reserved)
