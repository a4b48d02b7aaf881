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
    make_bind,
    read_agreement,
    read_outcome,
)
from rpch.dcerpc.client_events import Action, InterfaceReady, InterfaceRefused, Open
from rpch.dcerpc.client_legs import Legs
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.client_refusals import bind_faulted, bind_refused
from rpch.dcerpc.pdus import (
    AlterContextResp,
    BindAck,
    BindNak,
    Fault,
    Pdu,
    Response,
    Shutdown,
)
from rpch.dcerpc.security import Step
from rpch.errors import LocalProtocolError


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
        self._legs = None if event.auth is None else Legs(event.auth, self.bind, new_call_id)

    def received(self, pdu: BindAck | BindNak | AlterContextResp | Fault) -> tuple[State, list[Action]]:
        """One PDU that is legal in this state: where it leads, and what to do."""
        legs = self._legs
        if isinstance(pdu, BindNak):
            raise bind_refused(pdu)
        if isinstance(pdu, Fault):
            raise bind_faulted(pdu) if legs is None else legs.refused(pdu)
        if isinstance(pdu, BindAck):
            self.agreement = read_agreement(self.bind, pdu)
            self.outcomes = [read_outcome(self.bind.contexts[0].abstract_syntax, pdu.results[0])]
        else:
            check_answer(self.bind if legs is None else legs.sent, pdu)
        return (State.OPEN, []) if legs is None else (State.AUTH_STEP, [legs.answered(pdu.auth)])

    def stepped(self, step: Step) -> tuple[State, list[Action]]:
        """The security context took its step.  MS-RPCE 3.3.1.5.2"""
        if self._legs is None:
            raise LocalProtocolError("this connection has no security")
        last, pdus = self._legs.stepped(step)
        return State.OPEN if last else State.AUTH_LEG, [*pdus]

    def protection(self) -> Protection | None:
        """What protects the calls from now on."""
        if self._legs is None:
            return None
        return self._legs.protection(header_signing=self.agreement.sign_header)
