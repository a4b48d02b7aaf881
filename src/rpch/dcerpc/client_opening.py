"""Opening a connection from the client's side: bind, and the legs of a security package.  MS-RPCE 3.3.2.4.1

    BINDING ──bind_ack──► OPEN                                          without security
       └──bind_ack──► AUTH_STEP ──token──► AUTH_LEG ──resp──► AUTH_STEP ──finished──► OPEN

A finished package with a last token to send sends it in an auth3, which nobody answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

from rpch.dcerpc.client_bind import (
    NOTHING_AGREED,
    check_answer,
    leg_trailer,
    make_bind,
    read_agreement,
    read_outcome,
    read_token,
)
from rpch.dcerpc.client_events import (
    Action,
    InterfaceReady,
    InterfaceRefused,
    Open,
    SendPdu,
    StepSecurity,
)
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.client_refusals import bind_faulted, bind_refused
from rpch.dcerpc.pdus import (
    AlterContext,
    AlterContextResp,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    Fault,
    Pdu,
    Response,
    Shutdown,
)
from rpch.dcerpc.security import Continue, Declined, Step
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, LocalProtocolError, RpchError

_REFUSES_LEGS: Final = frozenset({Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR})


class State(Enum):
    """Where a connection is in its life."""

    NEW = auto()
    BINDING = auto()
    AUTH_STEP = auto()  # the security package is at work
    AUTH_LEG = auto()  # its token is with the server
    OPEN = auto()
    DRAINING = auto()  # the server shuts down: what runs may end, nothing new starts
    CLOSED = auto()


# Which PDU is legal in which state; any other ends the connection.  MS-RPCE 3.3.2.5
LEGAL: Final[Mapping[State, frozenset[type[Pdu]]]] = {
    State.NEW: frozenset(),
    State.BINDING: frozenset({BindAck, BindNak, Fault}),
    State.AUTH_STEP: frozenset(),
    State.AUTH_LEG: frozenset({AlterContextResp, Fault}),
    State.OPEN: frozenset({Response, Fault, AlterContextResp, Shutdown}),
    State.DRAINING: frozenset({Response, Fault, AlterContextResp, Shutdown}),
    State.CLOSED: frozenset(),
}


class Opening:
    """Decides the first PDUs of a connection. What its methods raise ends the connection."""

    def __init__(self, event: Open, *, fragment: int, new_call_id: Callable[[], int]) -> None:
        self.agreement = NOTHING_AGREED
        self.outcomes: list[InterfaceReady | InterfaceRefused] = []
        self.bind = make_bind(event, call_id=new_call_id(), fragment=fragment)
        self._auth, self._new_call_id = event.auth, new_call_id
        self._sent: Bind | AlterContext = self.bind

    def received(self, pdu: BindAck | BindNak | AlterContextResp | Fault) -> tuple[State, list[Action]]:
        """One PDU that is legal in this state: where it leads, and what to do."""
        if isinstance(pdu, BindNak):
            raise bind_refused(pdu)
        if isinstance(pdu, Fault):
            raise self._faulted(pdu)
        if isinstance(pdu, BindAck):
            self.agreement = read_agreement(self.bind, pdu)
            self.outcomes = [read_outcome(self.bind.contexts[0].abstract_syntax, pdu.results[0])]
        else:
            check_answer(self._sent, pdu)
        if self._auth is None:
            return State.OPEN, []
        return State.AUTH_STEP, [StepSecurity(self._auth.mechanism, read_token(self._auth, pdu.auth))]

    def _faulted(self, fault: Fault) -> RpchError:
        """A fault for a leg is about who we are; for a bind it is about anything.  MS-RPCE 3.3.3.5"""
        if self._sent is not self.bind and fault.status in _REFUSES_LEGS:
            return AuthenticationFailed(f"the server refused the credentials (fault {Status(fault.status)})")
        return bind_faulted(fault)

    def stepped(self, step: Step) -> tuple[State, list[Action]]:
        """The security context took its step.  MS-RPCE 3.3.1.5.2"""
        if self._auth is None:
            raise LocalProtocolError("this connection has no security")
        if isinstance(step, Declined):
            raise AuthenticationFailed(step.why)
        trailer = leg_trailer(self._auth, step.token)
        if isinstance(step, Continue):
            # The contexts are repeated, without the feature offer, which only a bind may carry
            self._sent = AlterContext(self._new_call_id(), self.bind.contexts[:1], auth=trailer)
            return State.AUTH_LEG, [SendPdu(self._sent.encode())]
        if not step.token:
            return State.OPEN, []
        return State.OPEN, [SendPdu(Auth3(self.bind.call_id, trailer).encode())]

    def protection(self) -> Protection | None:
        """What protects the calls from now on."""
        if self._auth is None:
            return None
        trailer = leg_trailer(self._auth, b"")
        return Protection(self._auth.mechanism, trailer, self.agreement.sign_header)
