"""The client's half of a connection.  MS-RPCE 3.3.2

A connection is bound to one interface when it opens; each further interface costs one alter_context,
since a server accepts one context per PDU. So it is with security contexts: the bind may prove one user,
further ones are opened beside it. Calls name their interface and their security context, and wait until both
are ready. Four parts do the work:

    Opening      bind and the legs of a security context: what the connection agreed on
    Alterations  interfaces and security contexts that come later
    CallQueue    calls from the moment they are wanted until they are answered
    this machine which PDU is legal when, and the end

What the peer does wrong ends the connection, as a `Closed` action. What the driver does wrong raises.
"""

from __future__ import annotations

from typing import Final

from rpch.dcerpc.client_bind import SMALLEST_FRAGMENT, Agreement
from rpch.dcerpc.client_contexts import CONTEXT_LIMIT
from rpch.dcerpc.client_events import (
    AbandonCall,
    Action,
    AddInterface,
    CallFailed,
    CancelCall,
    Closed,
    ContextRefused,
    Event,
    Invoke,
    Open,
    OpenContext,
    PduReceived,
    SecurityStepped,
    SendPdu,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.client_opening import LEGAL, Opening, State
from rpch.dcerpc.client_queue import CallQueue, Wanted
from rpch.dcerpc.fragments import RESPONSE_LIMIT
from rpch.dcerpc.pdus import (
    AlterContextResp,
    BindAck,
    BindNak,
    Fault,
    Header,
    Pdu,
    Response,
    Shutdown,
    decode_pdu,
)
from rpch.dcerpc.pdus_bind import LARGEST_FRAGMENT
from rpch.dcerpc.security import Step
from rpch.dcerpc.statuses import ENDS_CONNECTION
from rpch.errors import (
    AuthenticationFailed,
    BindRejected,
    LocalProtocolError,
    RemoteProtocolError,
    RpcFault,
    RpchError,
    TransportError,
    UnexpectedMessage,
)

BIND_TIMEOUT: Final = 900.0  # Windows waits 15 minutes for an association (3.3.2.2.2)
LAST_CALL_ID: Final = 0x7FFFFFFF  # Windows rejects what is larger (3.3.3.5.2)


class ClientConnection:
    """Decides. Feed it events and carry out its actions."""

    def __init__(
        self,
        *,
        fragment: int = LARGEST_FRAGMENT,
        response_limit: int = RESPONSE_LIMIT,
        bind_timeout: float = BIND_TIMEOUT,
        context_limit: int = CONTEXT_LIMIT,
    ) -> None:
        if fragment < SMALLEST_FRAGMENT:
            raise LocalProtocolError(f"fragments of {fragment} bytes; at least {SMALLEST_FRAGMENT} are due")
        self.state = State.NEW
        self._fragment, self._bind_timeout = fragment, bind_timeout
        self._last_call_id = 0
        self._opening: Opening | None = None
        self._opening_ends: float | None = None
        self._calls = CallQueue(
            response_limit=response_limit,
            offer_timeout=bind_timeout,
            new_call_id=self.new_call_id,
            context_limit=context_limit,
        )
        self._hung_up = "the server closed the connection"
        self._why: RpchError = TransportError("the connection is closed")

    @property
    def agreement(self) -> Agreement:
        """What the bind settled."""
        return self._calls.agreement

    @property
    def deadline(self) -> float | None:
        """When the driver owes us a Tick."""
        return self._calls.deadline if self._opening_ends is None else self._opening_ends

    def new_call_id(self) -> int:
        """A call id that nothing here uses: 1, 2, 3 and so on.  MS-RPCE 3.3.3.5.2"""
        while True:
            self._last_call_id = self._last_call_id % LAST_CALL_ID + 1
            if not self._calls.uses(self._last_call_id):
                return self._last_call_id

    def new_context_id(self) -> int:
        """An id for a further security context, which nothing here uses.  MS-RPCE 2.2.2.11"""
        return self._calls.security.new_id()

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; everything to do about it, in order."""
        if self.state is State.CLOSED:
            return self._too_late(event)
        match event:
            case PduReceived(data=data):
                return self._received(data, now)
            case Invoke() | AddInterface() | OpenContext():
                return self._wanted(event, now)
            case CancelCall(call_id=call_id):
                return self._calls.cancel(call_id)
            case AbandonCall(call_id=call_id):
                return self._abandon(call_id, now)
            case Open():
                return self._open(event, now)
            case SecurityStepped(step=step):
                return self._stepped(step, now)
            case TransportClosed(why=why):
                return self._close(why or TransportError(self._hung_up))
            case Tick():
                return self._tick(now)

    def _too_late(self, event: Event) -> list[Action]:
        """After the end only calls and their security contexts want an answer."""
        if isinstance(event, Invoke):
            return [CallFailed(event.call_id, self._why, did_not_execute=True)]
        if isinstance(event, OpenContext):
            return [ContextRefused(event.auth.context_id, self._why)]
        return []

    def _tick(self, now: float) -> list[Action]:
        if self.deadline is None or now < self.deadline:
            return []
        waited = f"{self._bind_timeout:g} seconds"
        return self._close(TransportError(f"the server did not answer a bind within {waited}"))

    # Opening

    def _open(self, event: Open, now: float) -> list[Action]:
        if self.state is not State.NEW:
            raise LocalProtocolError(f"a connection is opened once; this one is {self.state.name}")
        self._opening = Opening(event, fragment=self._fragment, new_call_id=self.new_call_id)
        if event.auth is not None:
            self._calls.security.claim(event.auth.context_id)
        self.state, self._opening_ends = State.BINDING, now + self._bind_timeout
        return [SendPdu(self._opening.bind.encode())]

    def _stepped(self, step: Step, now: float) -> list[Action]:
        opening = self._opening
        if self.state in (State.OPEN, State.DRAINING):
            return self._and_next(self._calls.stepped(step), now)
        if opening is None or self.state is not State.AUTH_STEP:
            raise LocalProtocolError(f"nobody asked for a step of security in state {self.state.name}")
        try:
            self.state, actions = opening.stepped(step)
        except AuthenticationFailed as error:
            return self._close(error)
        return actions + self._if_open(opening, now)

    def _if_open(self, opening: Opening, now: float) -> list[Action]:
        """Once the opening is through: tell the driver, and let the waiting calls go."""
        if self.state is not State.OPEN:
            return []
        self._opening = self._opening_ends = None
        actions: list[Action] = [opening.agreement.announced()]
        context, outcome = opening.bind.contexts[0], opening.outcomes[0]
        actions += self._calls.begin(opening.agreement, opening.protection(), context, outcome)
        return actions + self._calls.flush(now)

    # What the server sends

    def _received(self, data: bytes, now: float) -> list[Action]:
        try:
            return self._take(Header.decode(data), decode_pdu(data), data, now)
        except (RemoteProtocolError, BindRejected, AuthenticationFailed) as error:
            return self._close(error)

    def _take(self, header: Header, pdu: Pdu, data: bytes, now: float) -> list[Action]:
        opening = self._opening
        if type(pdu) in LEGAL[self.state]:
            match pdu:
                case BindAck() | BindNak() | AlterContextResp() | Fault() if opening is not None:
                    self.state, actions = opening.received(pdu)
                    return actions + self._if_open(opening, now)
                case Response():
                    return self._and_next(self._calls.answered(pdu, header, data), now)
                case Fault():
                    return self._faulted(pdu, now)
                case AlterContextResp():
                    return self._and_next(self._calls.altered(pdu), now)
                case Shutdown():
                    return self._drain()
        raise UnexpectedMessage(type(pdu).__name__, state=self.state.name)

    def _faulted(self, fault: Fault, now: float) -> list[Action]:
        """Some faults are the end of more than their call.  MS-RPCE 3.3.2.5.1"""
        actions = self._calls.faulted(fault)
        why: RpchError = RpcFault(fault.status, did_not_execute=fault.did_not_execute)
        if any(isinstance(action, ContextRefused) for action in actions):
            # MS-RPCE lets the server choose; most hang up
            self._hung_up = "the server ended the connection when it refused a security context"
            why = TransportError(self._hung_up)
        if fault.status in ENDS_CONNECTION:
            return actions + self._close(why)
        return self._and_next(actions, now)

    def _drain(self) -> list[Action]:
        """The server shuts down: what it runs may end, the rest goes elsewhere.  C706 12.6.4.11"""
        if self.state is not State.DRAINING:
            self.state = State.DRAINING
            self._why = TransportError("the server is shutting down")
        return self._or_end(self._calls.fail_queued(self._why))

    # Calls

    def _wanted(self, event: Wanted, now: float) -> list[Action]:
        if self.state is State.NEW:
            raise LocalProtocolError("a connection is opened before it is used")
        if isinstance(event, Invoke) and self._calls.uses(event.call_id):
            raise LocalProtocolError(f"call id {event.call_id} is in use")
        self._calls.put(event)
        if self.state is State.DRAINING:
            return self._calls.fail_queued(self._why)
        return self._calls.flush(now) if self.state is State.OPEN else []

    def _abandon(self, call_id: int, now: float) -> list[Action]:
        """Nobody waits any more; without an agreement on it that costs the connection.  MS-RPCE 3.3.1.5.10"""
        actions = self._calls.abandon(call_id)
        if not actions or self.agreement.survives_orphans:
            return self._and_next(actions, now)
        why = TransportError("a call was abandoned, and this server wants a new connection then")
        return actions + self._close(why)

    def _and_next(self, actions: list[Action], now: float) -> list[Action]:
        """Something may have ended: let the next go, or end as well when the server shuts down."""
        if self.state is State.DRAINING:
            return self._or_end(actions)
        return actions + self._calls.flush(now) if self.state is State.OPEN else actions

    def _or_end(self, actions: list[Action]) -> list[Action]:
        """A shutdown ends with its last call."""
        return actions if self._calls.running else actions + self._close(None)

    def _close(self, why: RpchError | None) -> list[Action]:
        """End the connection; a peer's mistake leaves as an action, not as an exception."""
        self.state = State.CLOSED
        self._opening = self._opening_ends = None
        self._why = why or self._why
        return [*self._calls.fail_all(self._why), Closed(why)]
