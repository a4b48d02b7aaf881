"""The PDUs of connection-oriented RPC, to and from bytes.  C706 12.6.4, MS-RPCE 2.2.2

Header, trailer, bind family and call family have a module each; this is the door to all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from rpch.dcerpc.pdus_bind import (
    AlterContext,
    AlterContextResp,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    ContextElement,
    ContextOutcome,
    ContextResult,
    ProviderReason,
    RejectReason,
)
from rpch.dcerpc.pdus_call import Cancel, Fault, Orphaned, Request, Response, Shutdown, unpadded
from rpch.dcerpc.pdus_header import (
    HEADER_SIZE,
    NDR20,
    NDR64,
    NO_SYNTAX,
    WHOLE,
    Header,
    PduType,
    PfcFlags,
    SyntaxId,
)
from rpch.dcerpc.pdus_trailer import AuthLevel, AuthType, SecTrailer
from rpch.errors import UnrecognisedPdu

__all__ = [
    "HEADER_SIZE",
    "NDR20",
    "NDR64",
    "NO_SYNTAX",
    "WHOLE",
    "AlterContext",
    "AlterContextResp",
    "Auth3",
    "AuthLevel",
    "AuthType",
    "Bind",
    "BindAck",
    "BindNak",
    "Cancel",
    "ContextElement",
    "ContextOutcome",
    "ContextResult",
    "Fault",
    "Header",
    "Orphaned",
    "Pdu",
    "PduType",
    "PfcFlags",
    "ProviderReason",
    "RejectReason",
    "Request",
    "Response",
    "SecTrailer",
    "Shutdown",
    "SyntaxId",
    "decode_pdu",
    "unpadded",
]

Pdu: TypeAlias = (
    Request
    | Response
    | Fault
    | Bind
    | BindAck
    | BindNak
    | AlterContext
    | AlterContextResp
    | Auth3
    | Shutdown
    | Cancel
    | Orphaned
)

KINDS: Final[Mapping[PduType, type[Pdu]]] = {
    PduType.REQUEST: Request,
    PduType.RESPONSE: Response,
    PduType.FAULT: Fault,
    PduType.BIND: Bind,
    PduType.BIND_ACK: BindAck,
    PduType.BIND_NAK: BindNak,
    PduType.ALTER_CONTEXT: AlterContext,
    PduType.ALTER_CONTEXT_RESP: AlterContextResp,
    PduType.AUTH3: Auth3,
    PduType.SHUTDOWN: Shutdown,
    PduType.CANCEL: Cancel,
    PduType.ORPHANED: Orphaned,
}


def decode_pdu(data: bytes) -> Pdu:
    """One whole PDU, in its own byte order.  C706 12.6.3.1

    Raises `DecodeError` when the bytes are broken, `UnrecognisedPdu` when the type is not one of ours.
    """
    header = Header.decode(data)
    header.verify(len(data))
    kind = KINDS.get(header.kind)
    if kind is None:
        raise UnrecognisedPdu(f"type {header.kind.value}")
    return kind.decode_body(data, header)
