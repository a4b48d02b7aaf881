"""Calls: typed requests out, typed responses or faults back, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from typing import Any, TypeVar
from uuid import UUID

from rpch.aio.alarm import Alarm
from rpch.client.carriers import Carrier
from rpch.dcerpc.client_events import (
    AbandonCall,
    Action,
    AddInterface,
    Authentication,
    CallCompleted,
    CallFailed,
    CallFaulted,
    Closed,
    Event,
    InterfaceReady,
    InterfaceRefused,
    Invoke,
    Open,
    PduReceived,
    SecurityStepped,
    SendPdu,
    StepSecurity,
    Tick,
    TransportClosed,
)
from rpch.dcerpc.client_side import ClientConnection
from rpch.dcerpc.interface import Interface, Message, Operation, interface_of
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.security import Step
from rpch.errors import AuthenticationFailed, BindRejected, RpcFault, RpchError, TransportError
from rpch.trace import Tracer, Turn

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class CallLost(TransportError):
    """The connection ended before a call was answered.

    `did_not_execute` is sure knowledge: the call never left. Otherwise it may have run.
    """

    def __init__(self, why: RpchError, *, did_not_execute: bool) -> None:
        executed = "the call was not sent" if did_not_execute else "the call may have run"
        super().__init__(f"{why} ({executed})")
        self.why, self.did_not_execute = why, did_not_execute
        self.__cause__ = why


class RpcConnection:
    """One RPC connection: many interfaces, many calls at a time."""

    def __init__(
        self,
        carrier: Carrier,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        *,
        authentication: Authentication | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """`authentication` is a security context of this connection's own, and protects its calls."""
        self._carrier, self._spawn, self._tracer = carrier, spawn, tracer
        self._authentication = authentication
        self._loop = asyncio.get_running_loop()
        self._machine = ClientConnection()
        self._calls: dict[int, asyncio.Future[CallCompleted]] = {}
        self._interfaces: dict[SyntaxId, list[asyncio.Future[None]]] = {}
        self._opened = False
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._why: RpchError = TransportError("the connection has ended")
        self._alarm = Alarm(lambda: self._feed(Tick()))

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed.done()

    async def bind(self, interface: type[object] | Interface) -> None:
        """Agree on an interface; `BindRejected` when the server does not offer it.  MS-RPCE 3.3.2.4.1"""
        if self.closed:
            raise self._why
        syntax = (interface if isinstance(interface, Interface) else interface_of(interface)).syntax
        ready = self._loop.create_future()
        self._interfaces.setdefault(syntax, []).append(ready)
        if self._opened:
            self._feed(AddInterface(syntax))
        else:
            self._open_for(syntax)
        await ready

    async def call(
        self,
        operation: Operation[Req, Resp],
        request: Req,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the call is cancelled at the server, not only here
        object_uuid: UUID | None = None,
    ) -> Resp:
        """Call and wait for the answer.

        `RpcFault` is the server's answer to this call, `CallLost` the end of the connection before it, for
        whatever reason; `BindRejected` and `AuthenticationFailed` say that nothing was called. A call that is
        cancelled, or takes longer than `timeout` seconds, is abandoned at the server too.
        """
        stub = request.encode()
        self._open_for(operation.interface.syntax)
        call_id = self._machine.new_call_id()
        answer: asyncio.Future[CallCompleted] = self._loop.create_future()
        self._calls[call_id] = answer
        self._feed(Invoke(call_id, operation.interface.syntax, operation.opnum, stub, object_uuid))
        try:
            async with asyncio.timeout(timeout):
                completed = await answer
        except (asyncio.CancelledError, TimeoutError):
            if self._calls.pop(call_id, None) is not None:
                self._feed(AbandonCall(call_id))
            raise
        return operation.response.decode(completed.stub, little_endian=completed.little_endian)

    def close(self) -> None:
        """End the connection; calls that wait are lost."""
        if not self.closed:
            self._feed(TransportClosed(TransportError("the connection was closed here")))

    def receive(self, pdu: bytes) -> None:
        """One whole PDU came in."""
        self._feed(PduReceived(pdu))

    def transport_closed(self, why: RpchError | None) -> None:
        """The carrier has ended."""
        self._feed(TransportClosed(why))

    def _open_for(self, syntax: SyntaxId) -> None:
        if not self._opened:
            self._opened = True
            self._feed(Open(syntax, auth=self._authentication))

    def _feed(self, event: Event) -> None:
        machine, now = self._machine, self._loop.time()
        if self._tracer is None:
            actions = machine.handle(event, now)
        else:
            before = machine.state
            actions = machine.handle(event, now)
            self._tracer.write(Turn(now, "RPC_CLIENT", "", event, before, machine.state, actions))
        for action in actions:
            self._perform(action)
        if machine.deadline != self._alarm.deadline:
            self._alarm.set(machine.deadline)

    def _perform(self, action: Action) -> None:
        match action:
            case SendPdu(data=data):
                self._carrier.send(data)
            case CallCompleted(call_id=call_id):
                self._settle(call_id, action)
            case CallFaulted(call_id=call_id, status=status, did_not_execute=unrun):
                self._fail(call_id, RpcFault(status, did_not_execute=unrun))
            case CallFailed(call_id=call_id, why=why, did_not_execute=unrun):
                answered = isinstance(why, BindRejected | AuthenticationFailed)
                self._fail(call_id, why if answered else CallLost(why, did_not_execute=unrun))
            case InterfaceReady(interface=interface):
                for ready in self._interfaces.pop(interface, []):
                    if not ready.done():
                        ready.set_result(None)
            case InterfaceRefused(interface=interface, why=why):
                for ready in self._interfaces.pop(interface, []):
                    if not ready.done():
                        ready.set_exception(why)
            case StepSecurity(mechanism=mechanism, token=token):
                step = mechanism.step(token)
                if isawaitable(step):
                    self._spawn(self._await_step(step))
                else:
                    self._feed(SecurityStepped(step))
            case Closed(why=why):
                self._ended(why)

    async def _await_step(self, step: Awaitable[Step]) -> None:
        self._feed(SecurityStepped(await step))

    def _settle(self, call_id: int, completed: CallCompleted) -> None:
        answer = self._calls.pop(call_id, None)
        if answer is not None and not answer.done():
            answer.set_result(completed)

    def _fail(self, call_id: int, why: RpchError) -> None:
        answer = self._calls.pop(call_id, None)
        if answer is not None and not answer.done():
            answer.set_exception(why)

    def _ended(self, why: RpchError | None) -> None:
        self._why = ended = why or self._why
        waiting = [ready for several in self._interfaces.values() for ready in several]
        self._interfaces.clear()
        for ready in waiting:
            if not ready.done():
                ready.set_exception(ended)
        if not self._closed.done():
            self._closed.set_result(None)
        self._carrier.close()
