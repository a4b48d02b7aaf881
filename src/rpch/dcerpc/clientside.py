"""The client's half of a connection.  MS-RPCE 3.3.2

A connection is bound to one interface when it opens; each further interface costs one alter_context,
since a server accepts one context per PDU. Calls name their interface and wait until it is ready. On a
multiplexed connection they then go out at once and are told apart by call id; otherwise one at a time.

What the peer does wrong ends the connection, as a `Closed` action. What the driver does wrong raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rpch.dcerpc.clientbind import (
    NOTHING_AGREED,
    SMALLEST_FRAGMENT,
    Agreement,
    check_answer,
    read_outcome,
)
from rpch.dcerpc.clientcalls import AwaitedCalls
from rpch.dcerpc.clientevents import (
    AbandonCall,
    Action,
    AddInterface,
    CallFailed,
    CallFaulted,
    CancelCall,
    Closed,
    Event,
    InterfaceReady,
    InterfaceRefused,
    Invoke,
    Open,
    PduReceived,
    SecurityStepped,
    SendPdu,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.clientopening import LEGAL, Opening, State
from rpch.dcerpc.clientprotection import Protection
from rpch.dcerpc.clientrefusals import bind_faulted
from rpch.dcerpc.fragments import RESPONSE_LIMIT, request_fragments
from rpch.dcerpc.pdus import (
    NDR20,
    AlterContext,
    AlterContextResp,
    BindAck,
    BindNak,
    Cancel,
    ContextElement,
    Fault,
    Header,
    Orphaned,
    Pdu,
    Request,
    Response,
    Shutdown,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.pdus_bind import LARGEST_FRAGMENT
from rpch.dcerpc.security import Step
from rpch.dcerpc.statuses import ENDS_CONNECTION, FORBIDDEN, Status
from rpch.dcerpc.verification import RequestFacts
from rpch.errors import (
    AuthenticationFailed,
    BindRejected,
    DecodeError,
    LocalProtocolError,
    RemoteProtocolError,
    RpcFault,
    RpchError,
    TransportError,
    UnexpectedMessage,
)

BIND_TIMEOUT: Final = 900.0  # Windows waits 15 minutes for an association (3.3.2.2.2)
LAST_CALL_ID: Final = 0x7FFFFFFF  # Windows rejects what is larger (3.3.3.5.2)


@dataclass(frozen=True)
class _Offer:
    """An alter_context under way: which interface it is for."""

    interface: SyntaxId
    sent: AlterContext


class ClientConnection:
    """Decides. Feed it events and carry out its actions."""

    def __init__(
        self,
        *,
        fragment: int = LARGEST_FRAGMENT,
        response_limit: int = RESPONSE_LIMIT,
        bind_timeout: float = BIND_TIMEOUT,
    ) -> None:
        if fragment < SMALLEST_FRAGMENT:
            raise LocalProtocolError(
                f"fragments of {fragment} bytes; C706 wants {SMALLEST_FRAGMENT} at least"
            )
        self.state = State.NEW
        self.deadline: float | None = None  # when the driver owes us a Tick
        self.agreement: Agreement = NOTHING_AGREED
        self._fragment, self._bind_timeout = fragment, bind_timeout
        self._last_call_id = 0
        self._next_context_id = 2  # the bind uses 0 and 1
        self._opening: Opening | None = None
        self._protection: Protection | None = None
        self._contexts: dict[SyntaxId, int] = {}
        self._offer: _Offer | None = None
        self._queue: list[Invoke | AddInterface] = []
        self._awaited = AwaitedCalls(response_limit=response_limit)
        self._why: RpchError = TransportError("the connection is closed")

    def new_call_id(self) -> int:
        """A call id that nothing here uses: 1, 2, 3 and so on.  MS-RPCE 3.3.3.5.2"""
        while True:
            self._last_call_id = self._last_call_id % LAST_CALL_ID + 1
            if not self._uses(self._last_call_id):
                return self._last_call_id

    def _uses(self, call_id: int) -> bool:
        queued = any(isinstance(item, Invoke) and item.call_id == call_id for item in self._queue)
        offered = self._offer is not None and self._offer.sent.call_id == call_id
        return queued or offered or call_id in self._awaited

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event; everything to do about it, in order."""
        if self.state is State.CLOSED:
            return self._too_late(event)
        match event:
            case PduReceived(data=data):
                return self._received(data, now)
            case Invoke() | AddInterface():
                return self._enqueue(event, now)
            case CancelCall(call_id=call_id):
                return self._cancel(call_id)
            case AbandonCall(call_id=call_id):
                return self._abandon(call_id, now)
            case Open():
                return self._open(event, now)
            case SecurityStepped(step=step):
                return self._stepped(step, now)
            case TransportClosed(why=why):
                return self._close(why or TransportError("the server closed the connection"))
            case Tick():
                return self._tick(now)

    def _too_late(self, event: Event) -> list[Action]:
        """After the end only calls want an answer."""
        if isinstance(event, Invoke):
            return [CallFailed(event.call_id, self._why, did_not_execute=True)]
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
        self.state, self.deadline = State.BINDING, now + self._bind_timeout
        return [SendPdu(self._opening.bind.encode())]

    def _stepped(self, step: Step, now: float) -> list[Action]:
        opening = self._opening
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
        self._opening, self.deadline = None, None
        self.agreement, self._protection = opening.agreement, opening.protection()
        actions: list[Action] = [self.agreement.announced()]
        for outcome in opening.outcomes:
            actions += self._settle(outcome, opening.bind.contexts[0].context_id)
        return actions + self._send_waiting(now)

    def _settle(self, outcome: InterfaceReady | InterfaceRefused, context_id: int) -> list[Action]:
        """An interface is ready, or those who waited for it wait in vain."""
        waiting = [item for item in self._queue if item.interface == outcome.interface]
        if isinstance(outcome, InterfaceReady):
            self._contexts[outcome.interface] = context_id
            waiting = [item for item in waiting if isinstance(item, AddInterface)]
        actions: list[Action] = [outcome]
        for item in waiting:
            self._queue.remove(item)
            if isinstance(item, Invoke) and isinstance(outcome, InterfaceRefused):
                actions.append(CallFailed(item.call_id, outcome.why, did_not_execute=True))
        return actions

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
                    return self._answered(pdu, header, data, now)
                case Fault():
                    return self._faulted(pdu, now)
                case AlterContextResp():
                    return self._altered(pdu, now)
                case Shutdown():
                    return self._drain()
        raise UnexpectedMessage(type(pdu).__name__, state=self.state.name)

    def _answered(self, pdu: Response, header: Header, data: bytes, now: float) -> list[Action]:
        if self._protection is not None:
            # Even an answer nobody waits for counts in the sequence numbers: check it before it is dropped
            stub = self._protection.open(data, pdu)
        elif pdu.auth is None:
            stub = pdu.stub
        else:
            raise DecodeError("a security trailer on a connection without security", at=10)
        context_id = self._awaited.context_of(pdu.call_id)
        completed = self._awaited.received(pdu, header, stub)
        if completed is None:
            return []
        if self._protection is not None and context_id is not None:
            self._protection.answered(context_id)
        return [completed, *self._next(now)]

    def _faulted(self, fault: Fault, now: float) -> list[Action]:
        """A fault fails its call, or the alter_context it answers; some faults end everything."""
        status = Status.RPC_S_PROTOCOL_ERROR if fault.status in FORBIDDEN else fault.status
        actions: list[Action] = []
        if self._awaited.forget(fault.call_id):
            actions.append(CallFaulted(fault.call_id, status, fault.did_not_execute))
        elif self._offer is not None and self._offer.sent.call_id == fault.call_id:
            refused = InterfaceRefused(self._offer.interface, bind_faulted(fault))
            self._offer, self.deadline = None, None
            actions += self._settle(refused, 0)
        if fault.status in ENDS_CONNECTION:
            return actions + self._close(RpcFault(status, did_not_execute=fault.did_not_execute))
        return actions + self._next(now)

    def _altered(self, pdu: AlterContextResp, now: float) -> list[Action]:
        if (offer := self._offer) is None:
            raise UnexpectedMessage("AlterContextResp", state=f"{self.state.name}, nothing offered")
        check_answer(offer.sent, pdu)
        self._offer, self.deadline = None, None
        outcome = read_outcome(offer.interface, pdu.results[0])
        return self._settle(outcome, offer.sent.contexts[0].context_id) + self._next(now)

    def _drain(self) -> list[Action]:
        """The server shuts down: what it runs may end, the rest goes elsewhere.  C706 12.6.4.11"""
        if self.state is not State.DRAINING:
            self.state, self.deadline = State.DRAINING, None
            self._why = TransportError("the server is shutting down")
        actions = self._fail_queued(self._why)
        return actions if self._awaited else actions + self._close(None)

    # Calls

    def _enqueue(self, event: Invoke | AddInterface, now: float) -> list[Action]:
        if self.state is State.NEW:
            raise LocalProtocolError("a connection is opened before it is used")
        if isinstance(event, Invoke) and self._uses(event.call_id):
            raise LocalProtocolError(f"call id {event.call_id} is in use")
        self._queue.append(event)
        if self.state is State.DRAINING:
            return self._fail_queued(self._why)
        return self._send_waiting(now)

    def _next(self, now: float) -> list[Action]:
        """Something ended: let the next go, or end as well when the server shuts down."""
        if self.state is State.DRAINING and not self._awaited:
            return self._close(None)
        return self._send_waiting(now)

    def _send_waiting(self, now: float) -> list[Action]:
        """Everything in the queue that may go now, in its order."""
        actions: list[Action] = []
        if self.state is not State.OPEN:
            return actions
        for item in list(self._queue):
            free = self.agreement.multiplexed or (self._offer is None and not self._awaited)
            context_id = self._contexts.get(item.interface)
            if context_id is not None and isinstance(item, AddInterface):
                self._queue.remove(item)
                actions.append(InterfaceReady(item.interface))
            elif context_id is not None and isinstance(item, Invoke) and free:
                self._queue.remove(item)
                actions += self._send(item, context_id)
            elif context_id is None and free and self._offer is None:
                actions.append(self._offer_interface(item.interface, now))
            elif not self.agreement.multiplexed:
                break  # one at a time, and nobody overtakes
        return actions

    def _send(self, call: Invoke, context_id: int) -> list[Action]:
        """All fragments of one call, in a row.  C706 12.6.4.9"""
        protection, stub, token = self._protection, call.stub, None
        if protection is not None:
            facts = RequestFacts(
                call.call_id, context_id, call.opnum, call.interface, NDR20, protection.header_signing
            )
            stub, token = protection.stub(stub, facts), protection.token_size
        request = Request(call.call_id, context_id, call.opnum, stub, object_uuid=call.object_uuid)
        fragments = request_fragments(request, fragment=self.agreement.fragment, token=token)
        wire = (one.encode() if protection is None else protection.protect(one) for one in fragments)
        self._awaited.sent(call.call_id, context_id)
        return [SendPdu(data) for data in wire]

    def _offer_interface(self, interface: SyntaxId, now: float) -> SendPdu:
        """Ask for one more presentation context.  C706 12.6.4.1"""
        context = ContextElement(self._next_context_id, interface, (NDR20,))
        self._next_context_id += 1
        sent = AlterContext(self.new_call_id(), (context,), assoc_group_id=self.agreement.group_id)
        self._offer, self.deadline = _Offer(interface, sent), now + self._bind_timeout
        return SendPdu(sent.encode())

    def _cancel(self, call_id: int) -> list[Action]:
        """Ask the server to end a call; one that waits here ends at once.  MS-RPCE 3.3.2.4.2"""
        if call_id in self._awaited:
            return [SendPdu(Cancel(call_id).encode())] if self._awaited.cancel(call_id) else []
        if self._unqueue(call_id):
            return [CallFaulted(call_id, Status.S_FAULT_CANCEL, did_not_execute=True)]
        return []

    def _abandon(self, call_id: int, now: float) -> list[Action]:
        """Nobody waits any more; without an agreement on it that costs the connection.  MS-RPCE 3.3.1.5.10"""
        if self._unqueue(call_id) or call_id not in self._awaited:
            return []
        actions = [*self._cancel(call_id), SendPdu(Orphaned(call_id).encode())]
        self._awaited.forget(call_id)
        if self.agreement.survives_orphans:
            return actions + self._next(now)
        return actions + self._close(
            TransportError("a call was abandoned, and this server wants a new connection")
        )

    def _unqueue(self, call_id: int) -> bool:
        """Take a call out of the queue; whether it was there."""
        before = len(self._queue)
        self._queue = [
            item for item in self._queue if not (isinstance(item, Invoke) and item.call_id == call_id)
        ]
        return len(self._queue) < before

    # The end

    def _fail_queued(self, why: RpchError) -> list[Action]:
        """What was not sent fails, and may be tried elsewhere."""
        left, self._queue = self._queue, []
        failed: list[Action] = []
        for item in left:
            if isinstance(item, Invoke):
                failed.append(CallFailed(item.call_id, why, did_not_execute=True))
            else:
                failed.append(InterfaceRefused(item.interface, why))
        return failed

    def _close(self, why: RpchError | None) -> list[Action]:
        """End the connection; a peer's mistake leaves as an action, not as an exception."""
        self.state, self.deadline = State.CLOSED, None
        self._opening = self._offer = None
        self._why = why or self._why
        failed: list[Action] = [
            CallFailed(call_id, self._why, did_not_execute=False) for call_id in self._awaited.clear()
        ]
        return [*failed, *self._fail_queued(self._why), Closed(why)]
