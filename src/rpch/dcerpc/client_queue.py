"""Calls from the moment they are wanted until they are answered, and what they wait for.  MS-RPCE 3.3.2.4

Calls leave in the order in which they came, each as soon as its interface and its security context are ready.
On a multiplexed connection they go at once, and those that must wait are overtaken; otherwise one call or one
alter_context is under way at a time, and nobody overtakes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rpch.dcerpc.client_alterations import Alterations, Outcome
from rpch.dcerpc.client_bind import Agreement
from rpch.dcerpc.client_calls import AwaitedCalls
from rpch.dcerpc.client_contexts import CONTEXT_LIMIT, ClientContexts
from rpch.dcerpc.client_events import (
    Action,
    AddInterface,
    CallFailed,
    CallFaulted,
    ContextRefused,
    InterfaceReady,
    InterfaceRefused,
    Invoke,
    OpenContext,
    SendPdu,
    StepSecurity,
)
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.fragments import request_fragments
from rpch.dcerpc.pdus import (
    NDR20,
    AlterContextResp,
    Cancel,
    ContextElement,
    Fault,
    Header,
    Orphaned,
    Request,
    Response,
)
from rpch.dcerpc.security import Step
from rpch.dcerpc.statuses import FORBIDDEN, Status
from rpch.dcerpc.verification import RequestFacts
from rpch.errors import RpchError

Wanted: TypeAlias = Invoke | AddInterface | OpenContext


class CallQueue:
    """The calls of one connection. Errors it raises end the connection."""

    def __init__(
        self,
        *,
        response_limit: int,
        offer_timeout: float,
        new_call_id: Callable[[], int],
        context_limit: int = CONTEXT_LIMIT,
    ) -> None:
        self.security = ClientContexts(limit=context_limit)
        self._alterations = Alterations(self.security, timeout=offer_timeout, new_call_id=new_call_id)
        self._queue: list[Wanted] = []
        self._awaited = AwaitedCalls(response_limit=response_limit)

    @property
    def agreement(self) -> Agreement:
        """What the bind settled."""
        return self._alterations.agreement

    @property
    def deadline(self) -> float | None:
        """When an alter_context must have been answered."""
        return self._alterations.deadline

    @property
    def running(self) -> int:
        """How many calls the server has and did not answer."""
        return len(self._awaited)

    def uses(self, call_id: int) -> bool:
        """Whether something here goes by this id."""
        queued = any(isinstance(item, Invoke) and item.call_id == call_id for item in self._queue)
        return queued or self._alterations.uses(call_id) or call_id in self._awaited

    def begin(
        self,
        agreement: Agreement,
        protection: Protection | None,
        context: ContextElement,
        outcome: InterfaceReady | InterfaceRefused,
    ) -> list[Action]:
        """The connection is open; `context` is what the bind offered, `outcome` what became of it."""
        self._alterations.agreement, self.security.default = agreement, protection
        if protection is not None:
            self.security.header_signing = protection.header_signing
        self._alterations.bound(context, outcome)
        return self._settle(outcome)

    # Going out

    def put(self, wanted: Wanted) -> None:
        """One more; `flush` sends what may go."""
        if isinstance(wanted, OpenContext):
            self.security.want(wanted.auth)
        elif isinstance(wanted, Invoke):
            self.security.check(wanted.security)
        self._queue.append(wanted)

    def flush(self, now: float) -> list[Action]:
        """Everything that may go now, in its order."""
        actions: list[Action] = []
        while (refused := self._flush_until_refused(actions, now)) is not None:
            actions += self._settle(refused)  # which may free what stood behind it
        return actions

    def _flush_until_refused(self, actions: list[Action], now: float) -> ContextRefused | None:
        """Send what may go; stop at a security context that may not."""
        for item in list(self._queue):
            sent = self._try(item, now)
            if isinstance(sent, ContextRefused):
                return sent
            if sent is None and not self.agreement.multiplexed:
                return None
            actions += sent or []
        return None

    def _try(self, item: Wanted, now: float) -> list[Action] | ContextRefused | None:
        """What goes of one wish: None when it must wait."""
        altering = self._alterations.busy
        free = self.agreement.multiplexed or not (altering or self._awaited)
        if isinstance(item, OpenContext):
            if altering or not free:
                return None
            begun = self._alterations.open(item.auth, now)
            return begun if isinstance(begun, ContextRefused) else [begun]
        context_id = self._alterations.context_id(item.interface)
        if context_id is None:
            return [self._alterations.offer(item.interface, now)] if free and not altering else None
        if isinstance(item, AddInterface):
            self._queue.remove(item)
            return [InterfaceReady(item.interface)]
        if not free or not self.security.ready(item.security):
            return None
        self._queue.remove(item)
        return [*self._send(item, context_id)]

    def _send(self, call: Invoke, context_id: int) -> list[SendPdu]:
        """All fragments of one call, in a row.  C706 12.6.4.9"""
        protection, stub, token = self.security.protection(call.security), call.stub, None
        if protection is not None:
            # What we offered, not what was agreed on: the server finds out whether somebody removed the offer
            offered = True
            facts = RequestFacts(call.call_id, context_id, call.opnum, call.interface, NDR20, offered)
            stub, token = protection.stub(stub, facts), protection.token_size
        request = Request(call.call_id, context_id, call.opnum, stub, object_uuid=call.object_uuid)
        fragments = request_fragments(request, fragment=self.agreement.fragment, token=token)
        wire = (one.encode() if protection is None else protection.protect(one) for one in fragments)
        self._awaited.sent(call.call_id, context_id, protection)
        return [SendPdu(data) for data in wire]

    # Coming in

    def altered(self, pdu: AlterContextResp) -> list[Action]:
        """What became of what was offered, or the server's leg of a security context.  C706 12.6.4.2"""
        answer = self._alterations.answered(pdu)
        return [answer] if isinstance(answer, StepSecurity) else self._settle(answer)

    def stepped(self, step: Step) -> list[Action]:
        """The package of a further security context took its step."""
        actions: list[Action] = []
        for one in self._alterations.stepped(step):
            actions += [one] if isinstance(one, SendPdu) else self._settle(one)
        return actions

    def answered(self, pdu: Response, header: Header, data: bytes) -> list[Action]:
        """One fragment of an answer.  C706 12.6.4.10"""
        call = self._awaited.find(pdu.call_id)
        stub = self.security.open(data, pdu, call)
        completed = self._awaited.received(pdu, header, stub)
        if completed is None or call is None:
            return []
        if call.protection is not None:
            call.protection.answered(call.context_id)
        return [completed]

    def faulted(self, fault: Fault) -> list[Action]:
        """A fault fails its call, or refuses what was offered.  C706 12.6.4.7"""
        status = Status.RPC_S_PROTOCOL_ERROR if fault.status in FORBIDDEN else fault.status
        if self._awaited.forget(fault.call_id):
            return [CallFaulted(fault.call_id, status, fault.did_not_execute)]
        refused = self._alterations.faulted(fault)
        return [] if refused is None else self._settle(refused)

    def _settle(self, outcome: Outcome) -> list[Action]:
        """Something is ready, or those who waited for it wait in vain."""
        actions: list[Action] = [outcome]
        for item in [one for one in self._queue if _concerned(one, outcome)]:
            refused = isinstance(outcome, InterfaceRefused | ContextRefused)
            if isinstance(item, Invoke) and not refused:
                continue  # it goes when everything is ready that it needs
            self._queue.remove(item)
            if isinstance(item, Invoke) and isinstance(outcome, InterfaceRefused | ContextRefused):
                actions.append(CallFailed(item.call_id, outcome.why, did_not_execute=True))
        return actions

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
            match item:
                case Invoke(call_id=call_id):
                    failed.append(CallFailed(call_id, why, did_not_execute=True))
                case AddInterface(interface=interface):
                    failed.append(InterfaceRefused(interface, why))
                case OpenContext(auth=auth):
                    failed.append(ContextRefused(auth.context_id, why))
        return failed

    def fail_all(self, why: RpchError) -> list[Action]:
        """Everything fails; what was sent may have run."""
        self._alterations.give_up()
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


def _concerned(item: Wanted, outcome: Outcome) -> bool:
    """Whether this wish waits for what was decided."""
    if isinstance(outcome, InterfaceReady | InterfaceRefused):
        return not isinstance(item, OpenContext) and item.interface == outcome.interface
    if isinstance(item, OpenContext):
        return item.auth.context_id == outcome.context_id
    return isinstance(item, Invoke) and item.security == outcome.context_id
