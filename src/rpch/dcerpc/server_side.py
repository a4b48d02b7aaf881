"""The server's end of an RPC connection.  MS-RPCE 3.3.3

Feed it events and carry out its actions. Whatever a client sends has an answer, which may be the end of
the connection. Three parts do the work, each with its own rules:

    handshake          bind, alter_context, auth3: what the connection agreed on
    server_calls       requests from their fragments to their answers
    this machine       which PDU is legal when, what waits for a mechanism, and the end

The end comes once. From then on nothing is read or sent; running calls are asked to stop, and when the
last has ended the association may run down its context handles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

from rpch.dcerpc.associations import Association
from rpch.dcerpc.endpoint import Endpoint, Limits
from rpch.dcerpc.handshake import Handshake, TakeStep
from rpch.dcerpc.pdus import BindNak, Header, PduType, RejectReason
from rpch.dcerpc.presentation import PresentationContexts
from rpch.dcerpc.refusals import BindRefused, Refused, beyond
from rpch.dcerpc.security import Step
from rpch.dcerpc.security_contexts import SecurityContexts
from rpch.dcerpc.server_calls import ServerCalls, fault
from rpch.dcerpc.server_events import (
    Action,
    CallFailed,
    CallReturned,
    CancelCall,
    Disconnect,
    Event,
    PduReceived,
    RunDown,
    SecurityStepped,
    SendPdu,
    StartCall,
    StepSecurity,
    TellRefusal,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import DecodeError, LocalProtocolError, RemoteProtocolError, RpchError, TransportError

__all__ = [
    "Action",
    "CallFailed",
    "CallReturned",
    "CancelCall",
    "Disconnect",
    "Endpoint",
    "Event",
    "Limits",
    "PduReceived",
    "RunDown",
    "SecurityStepped",
    "SendPdu",
    "ServerConnection",
    "StartCall",
    "State",
    "StepSecurity",
    "TellRefusal",
    "Tick",
    "TransportClosed",
]


class State(Enum):
    """Where a connection is."""

    NEW = auto()
    BOUND = auto()
    STEPPING = auto()  # a mechanism looks at a token; what arrives meanwhile waits
    CLOSED = auto()


_AFTER_BIND: Final = frozenset(
    {PduType.REQUEST, PduType.ALTER_CONTEXT, PduType.AUTH3, PduType.CANCEL, PduType.ORPHANED}
)

# Which PDU is legal in which state. Everything else ends the connection.  MS-RPCE 3.3.3
LEGAL: Final[Mapping[State, frozenset[PduType]]] = {
    State.NEW: frozenset({PduType.BIND}),
    State.BOUND: _AFTER_BIND,
    State.STEPPING: _AFTER_BIND,
    State.CLOSED: frozenset(),
}


class ServerConnection:
    """Decides what a server does with one connection.

    `identity` tells clients apart: only connections of the same identity share an association group.
    `user` is who the transport says the client is; a security context overrules it.
    """

    def __init__(
        self, endpoint: Endpoint, *, identity: str, user: str | None = None, now: float = 0.0
    ) -> None:
        limits = endpoint.limits
        self._limits = limits
        self._security = SecurityContexts(endpoint.security, limit=limits.security_contexts)
        self._handshake = Handshake(
            PresentationContexts(endpoint.interfaces, limit=limits.contexts),
            self._security,
            endpoint.associations,
            identity=identity,
            secondary_address=endpoint.secondary_address,
            fragment_limit=limits.fragment,
            legacy_bind=limits.legacy_bind,
        )
        self._calls = ServerCalls(self._handshake, limits, user=user)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.state = State.NEW
        self.deadline: float | None = now + limits.bind_timeout

    @property
    def association(self) -> Association | None:
        """The association group this connection belongs to, once it is bound."""
        return self._handshake.association

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; what is to be done about it."""
        match event:
            case PduReceived(data=data):
                actions = self._receive(data)
                self._rearm(now)
                return actions
            case SecurityStepped(step=step):
                actions = self._stepped(step)
                self._rearm(now)
                return actions
            case CallReturned(call_id=call_id, stub=stub):
                return self._call_ended(call_id, lambda: self._calls.returned(call_id, stub))
            case CallFailed(call_id=call_id, status=status, did_not_execute=unrun):
                return self._call_ended(
                    call_id, lambda: self._calls.failed(call_id, status, did_not_execute=unrun)
                )
            case TransportClosed():
                return self._close()
            case Tick():
                return self._expire(now)

    def _receive(self, data: bytes) -> list[Action]:
        if self.state is State.CLOSED:
            return []
        if self.state is State.STEPPING:
            return self._hold(data)
        try:
            header = Header.decode(data)
        except DecodeError as error:
            return self._end(error)
        return self._answering(header.call_id, lambda: self._react(data, header))

    def _react(self, data: bytes, header: Header) -> list[Action]:
        """Do what a PDU asks for; `BindRefused` or `Refused` when it may not ask."""
        if header.kind not in LEGAL[self.state]:
            raise self._illegal(header.kind)
        try:
            header.verify(len(data))
        except DecodeError as error:
            raise self._malformed(error) from error
        if header.kind is PduType.BIND:
            return self._agreed(self._handshake.bind(data, header))
        if header.kind is PduType.ALTER_CONTEXT:
            return self._agreed(self._handshake.alter(data, header))
        self._check_size(data, header)
        if header.kind is PduType.AUTH3:
            return self._agreed(self._handshake.auth3(data, header))
        if header.kind is PduType.REQUEST:
            return self._calls.receive(data, header)
        return self._calls.give_up(data, header)

    def _answering(self, call_id: int, react: Callable[[], list[Action]]) -> list[Action]:
        """What `react` decides, or the answer to the rule it found broken.  MS-RPCE 3.3.3.5"""
        try:
            return react()
        except BindRefused as refusal:
            return [SendPdu(BindNak(call_id, refusal.reason).encode()), *self._end(refusal)]
        except Refused as refusal:
            about = refusal.call_id if refusal.call_id is not None else call_id
            unrun = refusal.did_not_execute
            answer = SendPdu(fault(about, refusal.status, refusal.context_id, did_not_execute=unrun))
            if refusal.disconnect:
                return [answer, *self._end(refusal)]
            return [answer, TellRefusal(refusal)] if refusal.worth_telling else [answer]

    def _illegal(self, kind: PduType) -> BindRefused | Refused:
        """The answer to a PDU that the state does not allow.  MS-RPCE 3.3.3"""
        why = f"{kind.name} in state {self.state.name}"
        if self.state is State.NEW:
            return BindRefused(RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED, why)
        if kind is PduType.BIND:
            return BindRefused(RejectReason.NOT_SPECIFIED, why)
        return Refused(Status.PROTO_ERROR, why, did_not_execute=True)

    def _malformed(self, error: RemoteProtocolError) -> BindRefused | Refused:
        """The answer to a PDU whose header may not stand."""
        if self.state is State.NEW:
            return BindRefused(RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED, str(error))
        return Refused(Status.PROTO_ERROR, str(error), did_not_execute=True)

    def _check_size(self, data: bytes, header: Header) -> None:
        """Only bind and alter_context may be larger than a fragment, whatever was agreed on."""
        if len(data) > self._limits.fragment:
            why = f"{header.kind.name} of {len(data)} bytes: {beyond('fragment', self._limits.fragment)}"
            unrun = header.kind is not PduType.REQUEST
            raise Refused(Status.PROTO_ERROR, why, did_not_execute=unrun)

    def _agreed(self, outcome: bytes | TakeStep) -> list[Action]:
        """Send what the handshake answers, or let a mechanism take its step first."""
        if isinstance(outcome, TakeStep):
            self.state = State.STEPPING
            return [StepSecurity(outcome.mechanism, outcome.token)]
        self.state = State.BOUND
        return [SendPdu(outcome)]

    def _hold(self, data: bytes) -> list[Action]:
        """Keep a PDU until the mechanism has answered."""
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > self._limits.held:
            bound = beyond("held", self._limits.held)
            why = f"{self._held_bytes} bytes sent while authenticating: {bound}"
            return self._end(RemoteProtocolError(why))
        return []

    def _stepped(self, step: Step) -> list[Action]:
        """A mechanism has answered: answer the client, then look at what waited."""
        if self.state is State.CLOSED:
            return []
        if self.state is not State.STEPPING:
            raise LocalProtocolError("no mechanism was asked for a step")
        self.state = State.BOUND
        actions = self._answering(self._handshake.waiting_call_id, lambda: self._resume(step))
        held, self._held, self._held_bytes = self._held, [], 0
        for data in held:
            actions += self._receive(data)
        return actions

    def _resume(self, step: Step) -> list[Action]:
        answer = self._handshake.stepped(step)
        return [SendPdu(answer)] if answer is not None else []

    def _call_ended(self, call_id: int, answer: Callable[[], list[Action]]) -> list[Action]:
        """A call is over: answer it, or tell the association that waited for it to end."""
        if self.state is not State.CLOSED:
            return self._answering(call_id, answer)
        answer()
        return _run_down(self.association.call_ended()) if self.association is not None else []

    def _end(self, why: RpchError) -> list[Action]:
        """End the connection from our side."""
        return [*self._close(), Disconnect(why)] if self.state is not State.CLOSED else []

    def _close(self) -> list[Action]:
        """The connection is over: nothing is read, sent or trusted any more."""
        if self.state is State.CLOSED:
            return []
        self.state, self.deadline = State.CLOSED, None
        self._held.clear()
        self._security.invalidate()
        cancels = self._calls.close()
        if self.association is None:
            return cancels
        return cancels + _run_down(self.association.detach(running=len(self._calls)))

    def _expire(self, now: float) -> list[Action]:
        """The deadline has come, unless the driver is early."""
        if self.deadline is None or now < self.deadline:
            return []
        what = "no bind came" if self.state is State.NEW else "a request was not completed"
        return self._end(TransportError(f"{what} in time"))

    def _rearm(self, now: float) -> None:
        """Once its bind has come, a client owes us the rest of a request it has begun."""
        owed = self.state is State.BOUND and self._calls.incomplete
        self.deadline = now + self._limits.fragment_timeout if owed else None


def _run_down(routines: tuple[Callable[[], None], ...]) -> list[Action]:
    return [RunDown(routines)] if routines else []
