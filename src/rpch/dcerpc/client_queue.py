"""Calls from the moment they are wanted until they are answered, and their interfaces.  MS-RPCE 3.3.2.4

Calls leave in the order in which they came, each as soon as its interface is ready. On a multiplexed
connection they go at once and those whose interface is not ready are overtaken; otherwise one call or one
alter_context is under way at a time, and nobody overtakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rpch.dcerpc.client_bind import NOTHING_AGREED, check_answer, read_outcome
from rpch.dcerpc.client_calls import AwaitedCalls
from rpch.dcerpc.client_events import (
    Action,
    AddInterface,
    CallFailed,
    CallFaulted,
    InterfaceReady,
    InterfaceRefused,
    Invoke,
    SendPdu,
)
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.client_refusals import bind_faulted
from rpch.dcerpc.fragments import request_fragments
from rpch.dcerpc.pdus import (
    NDR20,
    AlterContext,
    AlterContextResp,
    Cancel,
    ContextElement,
    Fault,
    Header,
    Orphaned,
    Request,
    Response,
    SyntaxId,
)
from rpch.dcerpc.statuses import FORBIDDEN, Status
from rpch.dcerpc.verification import RequestFacts
from rpch.errors import DecodeError, RpchError, UnexpectedMessage


@dataclass(frozen=True)
class _Offer:
    """An alter_context under way: which interface it is for."""

    interface: SyntaxId
    sent: AlterContext


class CallQueue:
    """The calls of one connection. Errors it raises end the connection."""

    def __init__(self, *, response_limit: int, offer_timeout: float, new_call_id: Callable[[], int]) -> None:
        self.agreement = NOTHING_AGREED
        self.protection: Protection | None = None
        self.deadline: float | None = None  # when an alter_context must have been answered
        self._offer_timeout, self._new_call_id = offer_timeout, new_call_id
        self._next_context_id = 2  # the bind uses 0 and 1
        self._contexts: dict[SyntaxId, int] = {}
        self._offer: _Offer | None = None
        self._queue: list[Invoke | AddInterface] = []
        self._awaited = AwaitedCalls(response_limit=response_limit)

    @property
    def running(self) -> int:
        """How many calls the server has and did not answer."""
        return len(self._awaited)

    def uses(self, call_id: int) -> bool:
        """Whether something here goes by this id."""
        queued = any(isinstance(item, Invoke) and item.call_id == call_id for item in self._queue)
        offered = self._offer is not None and self._offer.sent.call_id == call_id
        return queued or offered or call_id in self._awaited

    # Going out

    def put(self, wanted: Invoke | AddInterface) -> None:
        """One more; `flush` sends what may go."""
        self._queue.append(wanted)

    def flush(self, now: float) -> list[Action]:
        """Everything that may go now, in its order."""
        actions: list[Action] = []
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
                break
        return actions

    def _send(self, call: Invoke, context_id: int) -> list[SendPdu]:
        """All fragments of one call, in a row.  C706 12.6.4.9"""
        protection, stub, token = self.protection, call.stub, None
        if protection is not None:
            # What we offered, not what was agreed on: the server finds out whether somebody removed the offer
            offered = True
            facts = RequestFacts(call.call_id, context_id, call.opnum, call.interface, NDR20, offered)
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
        sent = AlterContext(self._new_call_id(), (context,), assoc_group_id=self.agreement.group_id)
        self._offer, self.deadline = _Offer(interface, sent), now + self._offer_timeout
        return SendPdu(sent.encode())

    # Coming in

    def settle(self, outcome: InterfaceReady | InterfaceRefused, context_id: int) -> list[Action]:
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

    def altered(self, pdu: AlterContextResp) -> list[Action]:
        """What became of the interface that was offered.  C706 12.6.4.2"""
        if (offer := self._offer) is None:
            raise UnexpectedMessage("AlterContextResp", state="nothing offered")
        check_answer(offer.sent, pdu)
        self._offer, self.deadline = None, None
        outcome = read_outcome(offer.interface, pdu.results[0])
        return self.settle(outcome, offer.sent.contexts[0].context_id)

    def answered(self, pdu: Response, header: Header, data: bytes) -> list[Action]:
        """One fragment of an answer.  C706 12.6.4.10"""
        if self.protection is not None:
            # Even an answer nobody waits for counts in the sequence numbers: check it before it is dropped
            stub = self.protection.open(data, pdu)
        elif pdu.auth is None:
            stub = pdu.stub
        else:
            raise DecodeError("a security trailer on a connection without security", at=10)
        context_id = self._awaited.context_of(pdu.call_id)
        completed = self._awaited.received(pdu, header, stub)
        if completed is None:
            return []
        if self.protection is not None and context_id is not None:
            self.protection.answered(context_id)
        return [completed]

    def faulted(self, fault: Fault) -> list[Action]:
        """A fault fails its call, or refuses the interface that was offered.  C706 12.6.4.7"""
        status = Status.RPC_S_PROTOCOL_ERROR if fault.status in FORBIDDEN else fault.status
        if self._awaited.forget(fault.call_id):
            return [CallFaulted(fault.call_id, status, fault.did_not_execute)]
        if self._offer is not None and self._offer.sent.call_id == fault.call_id:
            refused = InterfaceRefused(self._offer.interface, bind_faulted(fault))
            self._offer, self.deadline = None, None
            return self.settle(refused, 0)
        return []

    # Giving up

    def cancel(self, call_id: int) -> list[Action]:
        """Ask the server to end a call; one that waits here ends at once.  MS-RPCE 3.3.2.4.2"""
        if call_id in self._awaited:
            return [SendPdu(Cancel(call_id).encode())] if self._awaited.cancel(call_id) else []
        if self._unqueue(call_id):
            return [CallFaulted(call_id, Status.S_FAULT_CANCEL, did_not_execute=True)]
        return []

    def abandon(self, call_id: int) -> list[Action]:
        """Wait no longer; what to tell the server, if it has the call.  MS-RPCE 3.3.1.5.10"""
        if self._unqueue(call_id) or call_id not in self._awaited:
            return []
        actions = [*self.cancel(call_id), SendPdu(Orphaned(call_id).encode())]
        self._awaited.forget(call_id)
        return actions

    def fail_queued(self, why: RpchError) -> list[Action]:
        """What was not sent fails, and may be tried elsewhere."""
        left, self._queue = self._queue, []
        failed: list[Action] = []
        for item in left:
            if isinstance(item, Invoke):
                failed.append(CallFailed(item.call_id, why, did_not_execute=True))
            else:
                failed.append(InterfaceRefused(item.interface, why))
        return failed

    def fail_all(self, why: RpchError) -> list[Action]:
        """Everything fails; what was sent may have run."""
        self._offer, self.deadline = None, None
        lost: list[Action] = [
            CallFailed(call_id, why, did_not_execute=False) for call_id in self._awaited.clear()
        ]
        return lost + self.fail_queued(why)

    def _unqueue(self, call_id: int) -> bool:
        """Take a call out of the queue; whether it was there."""
        for item in self._queue:
            if isinstance(item, Invoke) and item.call_id == call_id:
                self._queue.remove(item)
                return True
        return False
