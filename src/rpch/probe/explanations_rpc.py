"""Cause and cure where the way is good, and the RPC server says no."""

from __future__ import annotations

from typing import Final

from rpch.dcerpc.statuses import Status
from rpch.errors import BindRejected, RpcFault, RpchError
from rpch.probe.ladder import Explanation
from rpch.probe.situation import Situation

# What servers answer to callers whom they do not know or do not believe.
_NOT_THIS_CALLER: Final = (
    Status.ACCESS_DENIED,
    Status.RPC_S_SEC_PKG_ERROR,
    Status.RPC_S_UNKNOWN_AUTHN_SERVICE,
)


def not_registered(step: str, error: RpchError, situation: Situation) -> Explanation:
    """The mapper works, and does not know the interface."""
    return Explanation(
        f"The endpoint mapper of {situation.server} works, but knows no such interface: {error}.",
        "Check UUID and version; the service may not run, or may not be offered over this protocol."
        " If you know its port, write it into the binding.",
    )


def not_listening(step: str, error: RpchError, situation: Situation) -> Explanation:
    """The server says so itself."""
    return Explanation(
        "The server answers, and says that it takes no calls.", "Wait until it has started, or restart it."
    )


def bind_rejected(step: str, error: RpchError, situation: Situation) -> Explanation:
    """The server refuses an interface, or the whole connection.  C706 12.6.3.1"""
    code = error.code if isinstance(error, BindRejected) else 0
    if code == Status.RPC_S_UNKNOWN_IF:
        return Explanation(
            f"{situation.server} is an RPC server, but does not offer the interface at this port.",
            "Check the port; the interface may be at another. To try another interface: -f UUID,VERSION.",
        )
    if code == Status.RPC_S_SERVER_TOO_BUSY:
        return Explanation("The server takes no more connections for now.", "Try again later.")
    if code in _NOT_THIS_CALLER:
        return _not_this_caller(step, situation)
    return Explanation(f"The server refuses the bind: {error}.", "Look at the server's log for the reason.")


def fault(step: str, error: RpchError, situation: Situation) -> Explanation:
    """The server answered a call, but not with a result.  C706 12.6.4.7"""
    status = Status(error.status) if isinstance(error, RpcFault) else Status(0)
    if status in _NOT_THIS_CALLER:
        return _not_this_caller(step, situation)
    return Explanation(
        f"The server answers the call with the fault {status}.",
        "The way to it is good. Look at the server's log for the reason.",
    )


def caller_refused(step: str, error: RpchError, situation: Situation) -> Explanation:
    """The exchange of proofs came to no end that both accept.  MS-RPCE 3.3.1.5.2"""
    return Explanation(
        f"The server and {situation.caller} could not agree on who is who: {error}.",
        "The way to it is good. Check name and password of -I, and the mechanism: -u NTLM or -u Negotiate.",
    )


def _not_this_caller(step: str, situation: Situation) -> Explanation:
    if step == "mapper":
        return Explanation(
            "The endpoint mapper answers, and tells strangers nothing.",
            "The way to it is good. Write the port into the binding, then nobody has to ask the mapper.",
        )
    if situation.caller is None:
        return Explanation(
            "The server answers, and refuses strangers.",
            "The way to it is good. It wants authentication of its own: -I user,domain,password.",
        )
    return Explanation(
        f"The server answers, and does not accept {situation.caller}, or not in this way.",
        "The way to it is good. Check name and password of -I; -u NTLM or Negotiate, and -a privacy, may be"
        " what it wants.",
    )
