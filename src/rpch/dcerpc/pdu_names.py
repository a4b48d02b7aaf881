"""What the specifications call the types of PDUs.  C706 12.6.4, MS-RPCE 2.2.2.1"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rpch.dcerpc.pdus_header import PduType

NAMES: Final[Mapping[PduType, str]] = {
    PduType.REQUEST: "request",
    PduType.RESPONSE: "response",
    PduType.FAULT: "fault",
    PduType.BIND: "bind",
    PduType.BIND_ACK: "bind_ack",
    PduType.BIND_NAK: "bind_nak",
    PduType.ALTER_CONTEXT: "alter_context",
    PduType.ALTER_CONTEXT_RESP: "alter_context_resp",
    PduType.AUTH3: "rpc_auth_3",
    PduType.SHUTDOWN: "shutdown",
    PduType.CANCEL: "co_cancel",
    PduType.ORPHANED: "orphaned",
    PduType.RTS: "RTS",
}


def pdu_name(kind: PduType) -> str:
    """The name of a type; its number where it has none."""
    return NAMES.get(kind, f"PTYPE {kind.value}")
