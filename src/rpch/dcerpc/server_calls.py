"""The calls of one server connection, from their fragments to their answers.  MS-RPCE 3.3.3.5

A call is received, runs, and is answered once. What runs is bounded in number and in bytes. After the end
of the connection running calls may go on, but nobody hears their answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from rpch.dcerpc.associations import Caller
from rpch.dcerpc.endpoint import Limits
from rpch.dcerpc.fragments import response_fragments
from rpch.dcerpc.handshake import Handshake
from rpch.dcerpc.pdus import (
    WHOLE,
    AuthLevel,
    Cancel,
    Fault,
    Header,
    Orphaned,
    PduType,
    PfcFlags,
    Request,
    Response,
)
from rpch.dcerpc.refusals import Refused, beyond
from rpch.dcerpc.request_assembly import IncomingCall, RequestAssembly
from rpch.dcerpc.security_contexts import SecuredContext
from rpch.dcerpc.server_events import Action, CancelCall, SendPdu, StartCall
from rpch.dcerpc.statuses import Status, sendable
from rpch.errors import DecodeError, LocalProtocolError


@dataclass(frozen=True)
class _Running:
    """A call that executes, as far as its answer needs it."""

    context_id: int
    security: SecuredContext
    size: int


class ServerCalls:
    """Receives, starts and answers calls under what the handshake agreed on."""

    def __init__(self, handshake: Handshake, limits: Limits, *, user: str | None) -> None:
        self._handshake, self._limits, self._user = handshake, limits, user
        self._security = handshake.security
        self._assembly = RequestAssembly(
            handshake.presentation,
            handshake.security,
            limit=limits.request,
            empty_limit=limits.empty_fragments,
        )
        self._running: dict[int, _Running] = {}
        self._running_bytes = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    @property
    def incomplete(self) -> bool:
        """Whether the last fragment of a request is still to come."""
        return self._assembly.incomplete is not None

    def receive(self, data: bytes, header: Header) -> list[Action]:
        """Take one fragment of a request; start the call when it was the last.  MS-RPCE 3.3.3.5"""
        try:
            request = Request.decode_body(data, header)
        except DecodeError as error:
            raise Refused(Status.PROTO_ERROR, str(error), did_not_execute=True) from error
        multiplexed = self._handshake.multiplexed
        busy = header.call_id in self._running if multiplexed else bool(self._running)
        call = self._assembly.take(data, header, request, multiplexed=multiplexed, running=busy)
        return [self._start(call)] if call is not None else []

    def give_up(self, data: bytes, header: Header) -> list[Action]:
        """Ask a running call to end early. Neither PDU is ever answered; a forged one is not heeded.

        A request half received is completed all the same.  C706 12.6.4.6, 12.6.4.8
        """
        kind = Cancel if header.kind is PduType.CANCEL else Orphaned
        try:
            pdu = kind.decode_body(data, header)
        except DecodeError as error:
            raise Refused(Status.PROTO_ERROR, str(error), did_not_execute=True) from error
        try:
            self._security.keep_in_step(data, pdu.auth)
        except Refused:
            return []
        if pdu.call_id in self._running:
            return [CancelCall(pdu.call_id)]
        half = self._assembly.incomplete
        if kind is Orphaned and (half is None or half.call_id != pdu.call_id):
            self._assembly.abandon(pdu.call_id)
        return []

    def returned(self, call_id: int, stub: bytes) -> list[Action]:
        """An operation returned: its response in as many fragments as it takes.  C706 12.6.4.10"""
        call = self._ended(call_id)
        if self._closed:
            return []
        security = call.security
        # MUST be the low byte only: Windows and its clients count on it.
        response = Response(call_id, call.context_id & 0xFF, stub)
        fragments = response_fragments(
            response,
            fragment=self._handshake.fragment - self._limits.response_margin,
            token=security.mechanism.token_size if security.protects else None,
        )
        return [SendPdu(self._security.seal(security, fragment)) for fragment in fragments]

    def failed(self, call_id: int, status: int, *, did_not_execute: bool) -> list[Action]:
        """An operation ended in a fault, which is never protected.  MS-RPCE 2.2.2.8"""
        call = self._ended(call_id)
        if self._closed:
            return []
        return [SendPdu(fault(call_id, status, call.context_id, did_not_execute=did_not_execute))]

    def close(self) -> list[Action]:
        """The connection ended: forget what was half received, stop what runs."""
        self._closed = True
        self._assembly.clear()
        return [CancelCall(call_id) for call_id in self._running]

    def _start(self, call: IncomingCall) -> Action:
        stub = self._assembly.whole_stub(call)
        interface, opnum = call.context.interface, call.first.opnum
        if opnum not in interface.operations:
            raise self._not_run(call, Status.OP_RNG_ERROR, f"{interface.name} has no operation {opnum}")
        self._check_room(call, len(stub))
        association = self._handshake.association
        if association is None:
            raise LocalProtocolError("a call on a connection that is not bound")
        security, named = call.security, call.first.object_uuid
        user = self._user if security.level is AuthLevel.NONE else security.mechanism.user
        self._running[call.call_id] = _Running(call.context_id, security, len(stub))
        self._running_bytes += len(stub)
        return StartCall(
            call.call_id,
            interface,
            opnum,
            stub,
            association.handles_of(Caller(interface.syntax, user, security.level)),
            object_uuid=named if named is not None and named.int else None,
            little_endian=call.header.little_endian,
            user=user,
            level=security.level,
        )

    def _check_room(self, call: IncomingCall, size: int) -> None:
        """Only so much runs at the same time."""
        limits, bound = self._limits, ""
        if len(self._running) >= limits.calls:
            bound = beyond("calls", limits.calls)
        elif self._running_bytes + size > limits.running_stubs:
            bound = beyond("running-stubs", limits.running_stubs)
        if bound:
            why = f"too much runs on this connection already: {bound}"
            raise self._not_run(call, Status.SERVER_TOO_BUSY, why, worth_telling=True)

    def _not_run(
        self, call: IncomingCall, status: Status, why: str, *, worth_telling: bool = False
    ) -> Refused:
        """A fault that costs the client only this call."""
        return Refused(
            status,
            why,
            context_id=call.context_id,
            did_not_execute=True,
            disconnect=False,
            worth_telling=worth_telling,
        )

    def _ended(self, call_id: int) -> _Running:
        call = self._running.pop(call_id, None)
        if call is None:
            raise LocalProtocolError(f"call {call_id} does not run")
        self._running_bytes -= call.size
        return call


def fault(call_id: int, status: int, context_id: int, *, did_not_execute: bool) -> bytes:
    """A fault as bytes.  C706 12.6.4.7"""
    flags = WHOLE | PfcFlags.DID_NOT_EXECUTE if did_not_execute else WHOLE
    return Fault(call_id, sendable(status), context_id, flags).encode()
