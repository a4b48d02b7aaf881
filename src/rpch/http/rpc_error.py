"""How an RPC proxy tells a client that a channel failed: `503 RPC Error`.  MS-RPCH 2.1.2.1.3

    HTTP/1.0 503 RPC Error: 6ba, EEInfo: ARAIAMzMzMww...
                                                            an empty line
    RPC EEInfo:ARAIAMzMzMww...

It is the same on IN and OUT channels, and for v1. A client takes the code from the head, and the
extended information from the body where it is there, since the head's may have been cut to fit.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rpch.errors import DecodeError, LocalProtocolError, ProxyError
from rpch.http.authenticate import decode_token
from rpch.http.eeinfo import (
    RECORDS_MISSING_AFTER,
    RPC_PROXY,
    SERVER_CONNECT_FAILED,
    ErrorRecord,
    decode_eeinfo,
    encode_eeinfo,
)
from rpch.http.heads import ResponseHead, encode_response_head

ACCESS_DENIED: Final = 0x5
SERVER_UNAVAILABLE: Final = 0x6BA
PROTOCOL_ERROR: Final = 0x6C0

MAX_PHRASE: Final = 1_024
MAX_BODY: Final = 65_536
"""How much of an error's body is worth reading."""

FORBIDDEN: Final = frozenset(
    {
        0x0,
        0x8000_0001,
        0x8000_0002,
        0x8000_0003,
        0xC000_0005,
        0xC000_0006,
        0xC000_001D,
        0xC000_0096,
        0xC000_00AA,
        0xC000_00FD,
        0xC000_0194,
        0xC000_0235,
        0xC000_0409,
        0xC000_0420,
    }
)
"""Codes that mean a crash of the receiver's own, never an answer.  MS-RPCE 3.3.3.5.1"""

_PHRASE: Final = re.compile(r"(?i)RPC Error:[ \t]*(?:0x)?([0-9a-f]{1,8})(?:,[ \t]*EEInfo:(.*))?[ \t]*")
_BODY: Final = re.compile(rb"(?i)RPC EEInfo:[ \t]*([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True)
class RpcError:
    """Why a channel failed: a code, and what is known about each place it passed.  MS-RPCH 2.1.2.1.3"""

    status: int
    records: tuple[ErrorRecord, ...] = ()

    @property
    def phrase(self) -> str:
        """The reason phrase, with as much of the records as its limit allows.  MS-RPCH 2.1.2.1.3"""
        phrase = f"RPC Error: {self.status:x}"
        for records in _shorter(self.records):
            longer = f"{phrase}, EEInfo: {_base64(records)}"
            if len(longer) <= MAX_PHRASE:
                return longer
        return phrase

    def encode(self, *, version: str = "1.0", fields: Sequence[tuple[str, str]] = ()) -> bytes:
        """The whole answer, after which the connection closes.  MS-RPCH 2.1.2.1.3"""
        if self.status in FORBIDDEN or not 0 < self.status <= 0xFFFF_FFFF:
            raise LocalProtocolError(f"0x{self.status:x} cannot be sent as an RPC error")
        body = f"RPC EEInfo:{_base64(self.records)}\r\n".encode("ascii") if self.records else b""
        return encode_response_head(503, self.phrase, fields, version=version) + body

    def as_error(self) -> ProxyError:
        """The exception that a caller sees."""
        return ProxyError(503, f"RPC Error: {self.status:x}", rpc_status=self.status)


def connect_failed(
    status: int, *, process_id: int, timestamp: int, computer_name: str | None = None
) -> RpcError:
    """The error of a proxy that could not connect to the server.  MS-EERR 2.2.3, MS-RPCH 3.2.3.5.3"""
    record = ErrorRecord(
        RPC_PROXY, status, SERVER_CONNECT_FAILED, process_id, timestamp, computer_name=computer_name
    )
    return RpcError(status, (record,))


def read_rpc_error(head: ResponseHead, body: bytes = b"") -> RpcError | None:
    """The RPC error that a response carries, or None if it is another error.  MS-RPCH 3.2.2.5.11

    Extended information that cannot be decoded counts as absent. A code of 0 would look like success
    and becomes a protocol error.
    """
    matched = _PHRASE.fullmatch(head.phrase) if head.status == 503 else None
    if matched is None:
        return None
    in_body = _BODY.match(body[:MAX_BODY])
    records = _records(in_body[1].decode("ascii")) if in_body else ()
    return RpcError(int(matched[1], 16) or PROTOCOL_ERROR, records or _records((matched[2] or "").strip()))


def _records(blob: str) -> tuple[ErrorRecord, ...]:
    try:
        return decode_eeinfo(decode_token(blob))
    except DecodeError:
        return ()


def _base64(records: Sequence[ErrorRecord]) -> str:
    return binascii.b2a_base64(encode_eeinfo(records), newline=False).decode("ascii")


def _shorter(records: tuple[ErrorRecord, ...]) -> list[tuple[ErrorRecord, ...]]:
    """The records, then without the causes, then without the first one's details."""
    if not records:
        return []
    first = records[0]
    if len(records) > 1:
        first = replace(first, flags=first.flags | RECORDS_MISSING_AFTER)
    return [records, (first,), (replace(first, computer_name=None, parameters=()),)]
