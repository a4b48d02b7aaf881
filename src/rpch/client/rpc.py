"""Calls: typed requests out, typed responses or faults back, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from rpch.aio.alarm import Alarm
from rpch.client.carriers import Carrier
from rpch.dcerpc.client_contexts import CannotOpen
from rpch.dcerpc.client_events import (
    AbandonCall,
    Action,
    AddInterface,
    Authentication,
    CallCompleted,
    CallFailed,
    CallFaulted,
    Closed,
    ContextReady,
    ContextRefused,
    Event,
    InterfaceReady,
    InterfaceRefused,
    Invoke,
    Open,
    OpenContext,
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
# Takes the id of a security context, and its first step.
BeginContext: TypeAlias = Callable[[int], Awaitable[Authentication]]


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
        self._contexts: dict[Hashable, asyncio.Future[int]] = {}
        self._contexts_to_come: dict[int, asyncio.Future[None]] = {}
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

    async def context_for(self, interface: Interface, whose: Hashable, begin: BeginContext) -> int:
        """The id of a further security context of this connection, opened when it is first asked for.

        `whose` tells contexts apart; `begin` takes the id of a new one, and its first step. `interface` is
        bound to where nothing was yet. Other calls go on meanwhile. `CannotOpen` says why there may be none,
        `AuthenticationFailed` that these credentials get none; whoever asks next tries anew.
        MS-RPCE 3.3.1.5.4
        """
        self._open_for(interface.syntax)
        found = self._contexts.get(whose)
        if found is None:
            found = self._contexts[whose] = self._loop.create_future()
            self._spawn(self._open_context(whose, begin, found))
        return await asyncio.shield(found)

    async def call(
        self,
        operation: Operation[Req, Resp],
        request: Req,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the call is cancelled at the server, not only here
        object_uuid: UUID | None = None,
        context_id: int | None = None,
    ) -> Resp:
        """Call and wait for the answer, by the security context of the bind or a further one.

        `RpcFault` is the server's answer to this call, `CallLost` the end of the connection before it, for
        whatever reason; `BindRejected` and `AuthenticationFailed` say that nothing was called. A call that is
        cancelled, or takes longer than `timeout` seconds, is abandoned at the server too.
        """
        stub = request.encode()
        self._open_for(operation.interface.syntax)
        call_id = self._machine.new_call_id()
        answer: asyncio.Future[CallCompleted] = self._loop.create_future()
        self._calls[call_id] = answer
        syntax, opnum = operation.interface.syntax, operation.opnum
        self._feed(Invoke(call_id, syntax, opnum, stub, object_uuid, context_id))
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
                self._fail(call_id, _as_told(why, did_not_execute=unrun))
            case InterfaceReady() | InterfaceRefused():
                self._tell_interface(action)
            case ContextReady() | ContextRefused():
                self._tell_context(action)
            case StepSecurity(mechanism=mechanism, token=token):
                step = mechanism.step(token)
                if isawaitable(step):
                    self._spawn(self._await_step(step))
                else:
                    self._feed(SecurityStepped(step))
            case Closed(why=why):
                self._ended(why)

    async def _open_context(self, whose: Hashable, begin: BeginContext, found: asyncio.Future[int]) -> None:
        """A task of its own, since who asked first may give up while others wait."""
        context_id = self._machine.new_context_id()
        try:
            authentication = await begin(context_id)
            ready = self._contexts_to_come[context_id] = self._loop.create_future()
            self._feed(OpenContext(authentication))
            await ready
            found.set_result(context_id)
        except Exception as error:  # whatever it is, it is for those who wait
            del self._contexts[whose]
            found.set_exception(error)
            found.exception()  # perhaps nobody waits any more
        finally:
            found.cancel()  # only where the task itself was cancelled

    async def _await_step(self, step: Awaitable[Step]) -> None:
        self._feed(SecurityStepped(await step))

    def _tell_interface(self, outcome: InterfaceReady | InterfaceRefused) -> None:
        for ready in self._interfaces.pop(outcome.interface, []):
            if ready.done():
                continue
            if isinstance(outcome, InterfaceRefused):
                ready.set_exception(outcome.why)
            else:
                ready.set_result(None)

    def _tell_context(self, outcome: ContextReady | ContextRefused) -> None:
        ready = self._contexts_to_come.pop(outcome.context_id)
        if ready.done():
            return  # whoever opened it was cancelled
        if isinstance(outcome, ContextRefused):
            ready.set_exception(_as_told(outcome.why, did_not_execute=True))
        else:
            ready.set_result(None)

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


def _as_told(why: RpchError, *, did_not_execute: bool) -> RpchError:
    """Refusals are told as themselves; every other end is that of the connection."""
    if isinstance(why, BindRejected | AuthenticationFailed | CannotOpen):
        return why
    return CallLost(why, did_not_execute=did_not_execute)
