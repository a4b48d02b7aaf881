"""What a client answers to the challenge, and which of its forms we take: NTLMv2 alone.  MS-NLMP 2.2.2.8"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Self

from rpch.auth.ntlm.av_pairs import AvPairs
from rpch.errors import DecodeError
from rpch.wire import Reader

_VERSION: Final = b"\x01\x01"
_NTLMV1_SIZE: Final = 24
_SMALLEST: Final = 16 + 28 + 4


class ResponseKind(Enum):
    """The forms of a response, by what can be seen of them."""

    NTLMV2 = "NTLMv2"
    NTLMV1 = "NTLMv1"
    LM = "LM"
    EMPTY = "none"


def kind_of(nt_response: bytes, lm_response: bytes) -> ResponseKind:
    """Which form two responses are; `DecodeError` when they are none.  MS-NLMP 3.2.5.1.2"""
    if len(nt_response) >= _SMALLEST:
        return ResponseKind.NTLMV2
    if len(nt_response) == _NTLMV1_SIZE:
        return ResponseKind.NTLMV1
    if nt_response:
        raise DecodeError(f"a response of {len(nt_response)} bytes", at=0)
    return ResponseKind.EMPTY if lm_response in (b"", b"\0") else ResponseKind.LM


@dataclass(frozen=True, slots=True)
class Ntlmv2Response:
    """The proof and what it covers, to the bytes of their own in which clients end it.  MS-NLMP 2.2.2.8"""

    proof: bytes = field(repr=False)
    timestamp: bytes
    client_challenge: bytes = field(repr=False)
    av_pairs: AvPairs
    trailing: bytes = b""

    def encode(self) -> bytes:
        return self.proof + self.covered

    @property
    def covered(self) -> bytes:
        """What the proof covers, beside the server's challenge.  MS-NLMP 2.2.2.7"""
        head = _VERSION + bytes(6) + self.timestamp + self.client_challenge + bytes(4)
        return head + self.av_pairs.encode() + self.trailing

    @classmethod
    def decode(cls, data: bytes) -> Self:
        reader = Reader(data)
        proof = reader.take(16)
        if reader.take(2) != _VERSION:
            raise DecodeError("a response of another version", at=16)
        reader.take(6)
        timestamp = reader.take(8)
        client_challenge = reader.take(8)
        reader.take(4)
        pairs = AvPairs.read(reader)
        return cls(proof, timestamp, client_challenge, pairs, reader.take(reader.remaining))
