"""The tokens of SPNEGO: what both ends can do, and what they agreed on.  RFC 4178 4.2"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from rpch.auth import der
from rpch.errors import DecodeError
from rpch.wire import Reader

SPNEGO: Final = bytes.fromhex("2b0601050502")  # 1.3.6.1.5.5.2
NTLM: Final = bytes.fromhex("2b06010401823702020a")  # 1.3.6.1.4.1.311.2.2.10
NEGOEX: Final = bytes.fromhex("2b06010401823702021e")  # 1.3.6.1.4.1.311.2.2.30
KERBEROS: Final = bytes.fromhex("2a864886f712010202")  # 1.2.840.113554.1.2.2
# Windows 2000 cut a bit off, and Windows has offered it first ever since.  MS-SPNG 1.9
MS_KERBEROS: Final = bytes.fromhex("2a864882f712010202")  # 1.2.840.48018.1.2.2

_MOST_MECHANISMS: Final = 16


class NegState(IntEnum):
    """How far an acceptor is.  RFC 4178 4.2.2"""

    ACCEPT_COMPLETED = 0
    ACCEPT_INCOMPLETE = 1
    REJECT = 2
    REQUEST_MIC = 3


@dataclass(frozen=True, slots=True)
class NegTokenInit:
    """Client to server: my mechanisms by preference, and a token of the first.  RFC 4178 4.2.1

    A server that speaks first sends hints with it.  MS-SPNG 2.2.1
    """

    mechanisms: tuple[bytes, ...]
    token: bytes | None = field(default=None, repr=False)
    mic: bytes | None = field(default=None, repr=False)
    hints: bytes | None = None
    received_list: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def mechanism_list(self) -> bytes:
        """What the MIC covers: the list of mechanisms with its tag, byte for byte as received.  RFC 4178 5"""
        if self.received_list is not None:
            return self.received_list
        return der.encode(der.SEQUENCE, b"".join(der.encode(der.OID, oid) for oid in self.mechanisms))

    def encode(self) -> bytes:
        parts = [der.encode(der.field(0), self.mechanism_list)]
        if self.token is not None:
            parts.append(_octets(2, self.token))
        mic_field = 3
        if self.hints is not None:
            parts.append(der.encode(der.field(3), der.encode(der.SEQUENCE, self.hints)))
            mic_field = 4
        if self.mic is not None:
            parts.append(_octets(mic_field, self.mic))
        inner = der.encode(der.field(0), der.encode(der.SEQUENCE, b"".join(parts)))
        return der.encode(der.APPLICATION, der.encode(der.OID, SPNEGO) + inner)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """With the framing of GSS or without it.  RFC 2743 3.1"""
        data = _unpadded(data)
        if data[:1] == bytes((der.APPLICATION,)):
            reader = Reader(der.decode_as(data, der.APPLICATION))
            if der.read_as(reader, der.OID) != SPNEGO:
                raise DecodeError("a token of another mechanism", at=0)
            data = reader.take(reader.remaining)
        fields = _fields(der.decode_as(data, der.field(0)), last=4)
        if 0 not in fields:
            raise DecodeError("no list of mechanisms", at=0)
        third = fields.get(3)
        hints = mic = None
        if third is not None and third[:1] == bytes((der.SEQUENCE,)):
            hints = der.decode_as(third, der.SEQUENCE)
            mic = _octets_of(fields, 4)
        else:
            mic = _octets_of(fields, 3)
        return cls(_mechanisms(fields[0]), _octets_of(fields, 2), mic, hints, fields[0])


@dataclass(frozen=True, slots=True)
class NegTokenResp:
    """Everything after the first token, in both directions.  RFC 4178 4.2.2"""

    state: NegState | None = None
    mechanism: bytes | None = None
    token: bytes | None = field(default=None, repr=False)
    mic: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        parts = []
        if self.state is not None:
            parts.append(der.encode(der.field(0), der.encode(der.ENUMERATED, bytes((self.state,)))))
        if self.mechanism is not None:
            parts.append(der.encode(der.field(1), der.encode(der.OID, self.mechanism)))
        if self.token is not None:
            parts.append(_octets(2, self.token))
        if self.mic is not None:
            parts.append(_octets(3, self.mic))
        return der.encode(der.field(1), der.encode(der.SEQUENCE, b"".join(parts)))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        fields = _fields(der.decode_as(_unpadded(data), der.field(1)), last=3)
        mechanism = der.decode_as(fields[1], der.OID) if 1 in fields else None
        return cls(_state(fields), mechanism, _octets_of(fields, 2), _octets_of(fields, 3))


def framed_mechanism(token: bytes) -> bytes | None:
    """The mechanism whose first token this is by its framing, None without one.  RFC 2743 3.1"""
    if token[:1] != bytes((der.APPLICATION,)):
        return None
    return der.read_as(Reader(der.decode_as(_unpadded(token), der.APPLICATION)), der.OID)


def _unpadded(data: bytes) -> bytes:
    """The one element in the data. RPC fills what it does not use with zeros.  MS-RPCE 2.2.2.11"""
    reader = Reader(data)
    der.read(reader)
    end = reader.at
    if any(reader.take(reader.remaining)):
        raise DecodeError("bytes after the token", at=end)
    return data[:end]


def _fields(data: bytes, *, last: int) -> dict[int, bytes]:
    """The numbered fields of the one sequence in the data, each once and in order."""
    reader = Reader(der.decode_as(data, der.SEQUENCE))
    found: dict[int, bytes] = {}
    lowest = 0
    while reader.remaining:
        at = reader.at
        tag, value = der.read(reader)
        number = tag - der.field(0)
        if not lowest <= number <= last:
            raise DecodeError(f"field {tag:02x} is unknown or out of order", at=at)
        found[number], lowest = value, number + 1
    return found


def _mechanisms(data: bytes) -> tuple[bytes, ...]:
    reader = Reader(der.decode_as(data, der.SEQUENCE))
    found: list[bytes] = []
    while reader.remaining:
        if len(found) == _MOST_MECHANISMS:
            raise DecodeError(f"more than {_MOST_MECHANISMS} mechanisms", at=reader.at)
        found.append(der.read_as(reader, der.OID))
    return tuple(found)


def _state(fields: dict[int, bytes]) -> NegState | None:
    if 0 not in fields:
        return None
    raw = der.decode_as(fields[0], der.ENUMERATED)
    if len(raw) != 1 or raw[0] not in list(NegState):
        raise DecodeError("an unknown state", at=0)
    return NegState(raw[0])


def _octets(number: int, value: bytes) -> bytes:
    return der.encode(der.field(number), der.encode(der.OCTETS, value))


def _octets_of(fields: dict[int, bytes], number: int) -> bytes | None:
    return der.decode_as(fields[number], der.OCTETS) if number in fields else None
