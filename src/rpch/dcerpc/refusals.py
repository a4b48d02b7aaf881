"""How a server answers a peer's mistake: a bind_nak, or a fault with or without the end.  MS-RPCE 3.3.3.5

The parts of the server raise these; the machine turns them into actions. Whether a fault says that the
call did not execute, and whether the connection ends, are two facts that each rule states by itself.
"""

from __future__ import annotations

from rpch.dcerpc.pdus import RejectReason
from rpch.dcerpc.statuses import Status
from rpch.errors import RemoteProtocolError


def beyond(limit: str, bound: int) -> str:
    """How a refusal names its limit: as the settings do (table `rpc-limits`)."""
    return f"the limit {limit} is {bound}"


class BindRefused(RemoteProtocolError):
    """Answer with a bind_nak and end the connection.  C706 12.6.4.5"""

    def __init__(self, reason: RejectReason, why: str) -> None:
        super().__init__(reason, why)
        self.reason, self.why = reason, why

    def __str__(self) -> str:
        return f"refused a bind ({self.reason.name}): {self.why}"


class Refused(RemoteProtocolError):
    """Answer with a fault.  C706 12.6.4.7

    `call_id` is another call than that of the offending PDU where the rules want it so. `worth_telling` says
    that the server's own people should know, though the connection goes on.
    """

    def __init__(
        self,
        status: Status,
        why: str,
        *,
        context_id: int = 0,
        call_id: int | None = None,
        did_not_execute: bool = False,
        disconnect: bool = True,
        worth_telling: bool = False,
    ) -> None:
        super().__init__(status, why)
        self.status, self.why, self.context_id, self.call_id = status, why, context_id, call_id
        self.did_not_execute, self.disconnect = did_not_execute, disconnect
        self.worth_telling = worth_telling

    def __str__(self) -> str:
        return f"answered fault {self.status}: {self.why}"
