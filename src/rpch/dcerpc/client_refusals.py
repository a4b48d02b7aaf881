"""A server's refusals as errors: bind_nak, rejected contexts, faults for a bind.  C706 12.6.3.1"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rpch.dcerpc.pdus import (
    BindNak,
    ContextOutcome,
    ContextResult,
    Fault,
    ProviderReason,
    RejectReason,
    SyntaxId,
)
from rpch.dcerpc.statuses import Status, win32
from rpch.errors import BindRejected

# What each reason of a bind_nak means to a caller.  MS-RPCE 2.2.2.5
_BIND_NAK: Final[Mapping[int, tuple[str, Status]]] = {
    RejectReason.NOT_SPECIFIED: ("it gives no reason", Status.RPC_S_CALL_FAILED_DNE),
    RejectReason.TEMPORARY_CONGESTION: ("it is busy for the moment", Status.RPC_S_SERVER_TOO_BUSY),
    RejectReason.LOCAL_LIMIT_EXCEEDED: ("a limit of its own is exceeded", Status.RPC_S_SERVER_TOO_BUSY),
    RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED: (
        "it does not speak this protocol version, or did not like the bind",
        Status.RPC_S_PROTOCOL_ERROR,
    ),
    RejectReason.AUTHENTICATION_TYPE_NOT_RECOGNIZED: (
        "it does not know this kind of authentication",
        Status.RPC_S_UNKNOWN_AUTHN_SERVICE,
    ),
    RejectReason.INVALID_CHECKSUM: ("its security package failed", Status.RPC_S_SEC_PKG_ERROR),
}

# What each reason of a provider's rejection means.  C706 12.6.3.1 p_provider_reason_t
_PROVIDER: Final[Mapping[int, tuple[str, Status]]] = {
    ProviderReason.ABSTRACT_SYNTAX_NOT_SUPPORTED: (
        "the interface is not offered at this endpoint",
        Status.RPC_S_UNKNOWN_IF,
    ),
    ProviderReason.PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED: (
        "it does not speak NDR for this interface",
        Status.RPC_S_UNSUPPORTED_TRANS_SYN,
    ),
    ProviderReason.LOCAL_LIMIT_EXCEEDED: ("it has too many contexts", Status.RPC_S_SERVER_TOO_BUSY),
}


def bind_refused(nak: BindNak) -> BindRejected:
    """The whole connection was refused.  C706 12.6.4.5"""
    unknown = ("it gives a reason nobody knows", Status.RPC_S_PROTOCOL_ERROR)
    words, code = _BIND_NAK.get(nak.reason, unknown)
    return BindRejected(f"{words}, bind_nak reason {nak.reason}", code=code)


def bind_faulted(fault: Fault) -> BindRejected:
    """A bind or an alter_context was answered with a fault.  MS-RPCE 3.3.2.4.1"""
    return BindRejected(f"fault {Status(fault.status)}", code=win32(fault.status))


def context_refused(interface: SyntaxId, result: ContextResult) -> BindRejected:
    """One presentation context was not accepted.  C706 12.6.3.1 p_cont_def_result_t"""
    if result.result == ContextOutcome.PROVIDER_REJECTION:
        unknown = ("it gives no reason", Status.RPC_S_CALL_FAILED_DNE)
        words, code = _PROVIDER.get(result.reason, unknown)
    else:
        words, code = "it does not let us use the interface", Status.ACCESS_DENIED
    return BindRejected(f"{interface}: {words}, result {result.result} reason {result.reason}", code=code)
