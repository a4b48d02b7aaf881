"""One RPC connection of a server, whatever carries it: requests in, operations run, answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final
from uuid import UUID

import structlog

from rpch.aio.alarm import Alarm
from rpch.dcerpc.endpoint import Endpoint
from rpch.dcerpc.interface import Handles, Interface, Message, Operation
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.security import Declined, Step
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
from rpch.dcerpc.server_side import ServerConnection
from rpch.dcerpc.statuses import Status
from rpch.errors import RemoteProtocolError, RpcFault
from rpch.ndr import StubError
from rpch.trace import Tracer, Turn

log = structlog.get_logger("rpch.server")

UNSPECIFIED: Final = Status.S_FAULT_UNSPEC
LARGE_STUB: Final = 64 * 1024  # bytes, decoded in a few milliseconds


@dataclass(slots=True)
class RunningCall:
    """What an operation may know of the call it serves."""

    association: Handles
    object_uuid: UUID | None
    peer: str
    user: str | None
    level: AuthLevel
    cancelled: bool = False
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Counters:
    """What one endpoint has done, for remote management.  MS-RPCE 2.2.1.3.2"""

    calls_in: int = 0
    calls_out: int = 0
    pdus_in: int = 0
    pdus_out: int = 0

    def now(self) -> tuple[int, int, int, int]:
        """The four numbers in the order of `inq_stats`."""
        return self.calls_in, self.calls_out, self.pdus_in, self.pdus_out


class Conversation:
    """Runs one RPC connection. `send` takes whole PDUs, `close` ends the transport after them.

    `spawn` runs what must wait. Implementations are found by their interface.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        implementations: Mapping[Interface, object],
        *,
        identity: str,
        peer: str,
        send: Callable[[bytes], None],
        close: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        counters: Counters | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._counters = counters or Counters()
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._machine = ServerConnection(endpoint, identity=identity, now=now)
        self._implementations, self._peer = implementations, peer
        self._send, self._close, self._spawn, self._tracer = send, close, spawn, tracer
        self._running: dict[int, RunningCall] = {}
        self._alarm = Alarm(lambda: self._feed(Tick()))
        self._alarm.set(self._machine.deadline)

    def receive(self, pdu: bytes) -> None:
        """One whole PDU came in."""
        self._counters.pdus_in += 1
        self._feed(PduReceived(pdu))

    def transport_closed(self) -> None:
        """The transport is gone; running operations are asked to stop."""
        self._feed(TransportClosed())

    @property
    def running(self) -> int:
        """How many calls run at this moment."""
        return len(self._running)

    def _feed(self, event: Event) -> None:
        machine, now = self._machine, self._loop.time()
        if self._tracer is None:
            actions = machine.handle(event, now)
        else:
            before = machine.state
            actions = machine.handle(event, now)
            turn = Turn(now, "RPC_SERVER", self._peer, event, before, machine.state, actions)
            self._tracer.write(turn)
        if actions:
            self._perform(actions)
        if machine.deadline != self._alarm.deadline:
            self._alarm.set(machine.deadline)

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case SendPdu(data=data):
                    self._counters.pdus_out += 1
                    self._send(data)
                case StartCall():
                    self._counters.calls_in += 1
                    self._start(action)
                case CancelCall(call_id=call_id):
                    self._cancel(call_id)
                case StepSecurity():
                    self._step(action)
                case RunDown(routines=routines):
                    self._run_down(routines)
                case TellRefusal(why=why):
                    log.warning("call refused", peer=self._peer, why=str(why))
                case Disconnect(why=why):
                    log.info("connection ended", peer=self._peer, why=str(why))
                    self._close()

    def _start(self, start: StartCall) -> None:
        """Run an operation: at once when it answers at once, else as a task of its own."""
        operation = start.interface.operations[start.opnum]
        call = RunningCall(start.association, start.object_uuid, self._peer, start.user, start.level)
        implementation = self._implementations[start.interface]
        response: Message | Awaitable[Message]
        try:
            if len(start.stub) > LARGE_STUB:
                response = self._answer_large(start, operation, call)
            else:
                response = operation.invoke(implementation, call, self._request(start, operation))
        except RpcFault as fault:
            self._feed(CallFailed(start.call_id, fault.status, fault.did_not_execute))
        except Exception:  # an operation's own mistake must fail its call and nothing else
            log.exception("operation failed", operation=operation.name, peer=self._peer)
            self._feed(CallFailed(start.call_id, UNSPECIFIED))
        else:
            if isawaitable(response):
                self._running[start.call_id] = call
                call.task = self._spawn(self._finish(start.call_id, call, operation.name, response))
            else:
                self._return(start.call_id, operation.name, response)

    def _request(self, start: StartCall, operation: Operation[Any, Any]) -> Message:
        """What the stub says; a fault when it is not what its operation declares."""
        try:
            request: Message = operation.request.decode(start.stub, little_endian=start.little_endian)
        except RemoteProtocolError as error:
            log.info("bad stub", peer=self._peer, operation=operation.name, why=str(error))
            status = error.status if isinstance(error, StubError) else Status.RPC_X_BAD_STUB_DATA
            raise RpcFault(status) from error
        return request

    async def _answer_large(
        self, start: StartCall, operation: Operation[Any, Any], call: RunningCall
    ) -> Message:
        """The same in a thread: a hundred thousand values take longer to decode than others would wait."""
        request = await asyncio.to_thread(self._request, start, operation)
        response = operation.invoke(self._implementations[start.interface], call, request)
        answer: Message = await response if isawaitable(response) else response
        return answer

    def _return(self, call_id: int, name: str, response: Message) -> None:
        try:
            stub = response.encode()
        except Exception:  # a response that cannot be encoded is the operation's own mistake
            log.exception("response cannot be encoded", operation=name, peer=self._peer)
            self._feed(CallFailed(call_id, UNSPECIFIED))
        else:
            self._feed(CallReturned(call_id, stub))

    async def _finish(self, call_id: int, call: RunningCall, name: str, response: Awaitable[Message]) -> None:
        try:
            answer = await response
        except RpcFault as fault:
            self._ended(call_id, CallFailed(call_id, fault.status, fault.did_not_execute))
        except asyncio.CancelledError:
            self._ended(call_id, CallFailed(call_id, Status.S_FAULT_CANCEL))
            if not call.cancelled:
                raise  # the server stops; it was not the caller who gave up
        except Exception:  # an operation's own mistake must fail its call and nothing else
            log.exception("operation failed", operation=name, peer=self._peer)
            self._ended(call_id, CallFailed(call_id, UNSPECIFIED))
        else:
            self._running.pop(call_id, None)
            self._return(call_id, name, answer)

    def _ended(self, call_id: int, event: CallFailed) -> None:
        self._running.pop(call_id, None)
        self._feed(event)

    def _cancel(self, call_id: int) -> None:
        call = self._running.get(call_id)
        if call is not None:
            call.cancelled = True
            if call.task is not None:
                self._loop.call_soon(call.task.cancel)  # not before it has begun: it has to answer

    def _step(self, action: StepSecurity) -> None:
        step = action.mechanism.step(action.token)
        if isawaitable(step):
            self._spawn(self._await_step(step))
        else:
            self._feed(SecurityStepped(step))

    async def _await_step(self, step: Awaitable[Step]) -> None:
        try:
            outcome = await step
        except Exception:  # a mechanism that fails must refuse its caller, not hold it for ever
            log.exception("security mechanism failed", peer=self._peer)
            outcome = Declined()
        self._feed(SecurityStepped(outcome))

    def _run_down(self, routines: tuple[Callable[[], None], ...]) -> None:
        for routine in routines:
            try:
                routine()
            except Exception:  # one handle's rundown must not keep the others from theirs
                log.exception("rundown failed", peer=self._peer)
