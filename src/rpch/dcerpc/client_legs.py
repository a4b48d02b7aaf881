"""The legs of one security context, from the PDU that carried the first of them.  MS-RPCE 3.3.1.5.2.1

That PDU is the bind for the context of the whole connection, and an alter_context for each further one. What
comes after it is the same for all: alter_context by alter_context, until the package is content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rpch.dcerpc.client_bind import leg_trailer, read_token
from rpch.dcerpc.client_events import Authentication, SendPdu, StepSecurity
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.client_refusals import bind_faulted
from rpch.dcerpc.pdus import AlterContext, Auth3, Bind, Fault, SecTrailer
from rpch.dcerpc.security import Continue, Declined, Step
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, RpchError

_REFUSES_LEGS: Final = frozenset({Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR})


class Legs:
    """One security context on its way. `sent` is the PDU whose answer is due."""

    def __init__(
        self, auth: Authentication, first: Bind | AlterContext, new_call_id: Callable[[], int]
    ) -> None:
        self.auth = auth
        self.sent: Bind | AlterContext = first
        self._first, self._new_call_id = first, new_call_id

    def answered(self, trailer: SecTrailer | None) -> StepSecurity:
        """The server's leg has come."""
        return StepSecurity(self.auth.mechanism, read_token(self.auth, trailer))

    def stepped(self, step: Step) -> tuple[bool, list[SendPdu]]:
        """Whether that was the last leg, and what to send. A package that gives up raises."""
        if isinstance(step, Declined):
            raise AuthenticationFailed(step.why)
        trailer = leg_trailer(self.auth, step.token)
        if isinstance(step, Continue):
            # The contexts are repeated, without the feature offer, which only a bind may carry
            self.sent = AlterContext(self._new_call_id(), self._first.contexts[:1], auth=trailer)
            return False, [SendPdu(self.sent.encode())]
        if not step.token:
            return True, []
        return True, [SendPdu(Auth3(self._first.call_id, trailer).encode())]

    def refused(self, fault: Fault) -> RpchError:
        """A fault for a leg is about who we are; for a bind it is about anything.  MS-RPCE 3.3.3.5"""
        if isinstance(self.sent, Bind) or fault.status not in _REFUSES_LEGS:
            return bind_faulted(fault)
        # A begin by alter_context cannot be told that a mechanism or level is unknown.  MS-RPCE 3.3.3.5.3
        what = "this mechanism or level" if self.sent is self._first else "the credentials"
        return AuthenticationFailed(f"the server refused {what} (fault {Status(fault.status)})")

    def protection(self, *, header_signing: bool, named: bool = False) -> Protection:
        """What protects calls from now on."""
        return Protection(self.auth.mechanism, leg_trailer(self.auth, b""), header_signing, named)
