"""Joining the fragments of requests on a server connection.  MS-RPCE 3.3.3.5

At most one request of a connection is incomplete at a time, multiplexed or not. Everything but the stub
comes from its first fragment: later fragments' presentation context, opnum and trailer fields are not
looked at, and their tokens are checked by the first fragment's security context.

Which call a fault is about differs: on a connection that is not multiplexed it is the incomplete call,
otherwise the PDU that disturbed it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from rpch.dcerpc.fragments import (
    EMPTY_FRAGMENTS,
    REQUEST_LIMIT,
    Reassembly,
    StubTooLarge,
    TooManyEmptyFragments,
)
from rpch.dcerpc.pdus import AuthLevel, Header, PfcFlags, Request
from rpch.dcerpc.presentation import PresentationContext, PresentationContexts
from rpch.dcerpc.refusals import Refused, beyond
from rpch.dcerpc.security_contexts import Phase, SecuredContext, SecurityContexts, check_place
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.verification import RequestFacts, VerificationFailed, checked_stub

_REMEMBERED: Final = 150


@dataclass
class IncomingCall:
    """A request under way: what its first fragment said, and the stub so far."""

    header: Header
    first: Request
    context: PresentationContext
    security: SecuredContext
    stub: Reassembly = field(repr=False)

    @property
    def call_id(self) -> int:
        """The call's number on this connection."""
        return self.header.call_id

    @property
    def context_id(self) -> int:
        """The presentation context, in full width."""
        return self.context.context_id


class RequestAssembly:
    """Takes fragments in the order of arrival and hands out whole requests."""

    def __init__(
        self,
        presentation: PresentationContexts,
        security: SecurityContexts,
        *,
        limit: int = REQUEST_LIMIT,
        empty_limit: int = EMPTY_FRAGMENTS,
    ) -> None:
        self._presentation, self._security = presentation, security
        self._limit, self._empty_limit = limit, empty_limit
        self._half: IncomingCall | None = None
        self._abandoned: OrderedDict[int, None] = OrderedDict()

    @property
    def incomplete(self) -> IncomingCall | None:
        """The request whose last fragment has not come."""
        return self._half

    def abandon(self, call_id: int) -> None:
        """Drop what may still arrive of a call that was refused or orphaned.  MS-RPCE 3.3.3.5.6"""
        self._abandoned[call_id] = None
        self._abandoned.move_to_end(call_id)
        if len(self._abandoned) > _REMEMBERED:
            self._abandoned.popitem(last=False)

    def clear(self) -> None:
        """The connection ended: forget what was half received."""
        self._half = None

    def take(
        self, data: bytes, header: Header, request: Request, *, multiplexed: bool, running: bool
    ) -> IncomingCall | None:
        """Add one fragment; the call when it was the last.

        `running` tells that a call executes which this one may not overtake.
        """
        if header.first:
            call = self._open(data, header, request, multiplexed=multiplexed, running=running)
        elif self._half is not None and self._half.call_id == header.call_id:
            call = self._continue(self._half, data, header, request)
        else:
            self._stray(data, header, request, multiplexed=multiplexed)
            return None
        if not header.last:
            self._half = call
            return None
        self._half = None
        return call

    def whole_stub(self, call: IncomingCall) -> bytes:
        """The stub of a complete call without its verification trailer.  MS-RPCE 2.2.2.13"""
        facts = RequestFacts(
            call.call_id,
            call.context_id,
            call.first.opnum,
            call.context.abstract_syntax,
            call.context.transfer_syntax,
            self._security.header_signing,
            call.header.drep,
        )
        try:
            return checked_stub(call.stub.finish(), facts)
        except VerificationFailed as error:
            raise Refused(Status.ACCESS_DENIED, str(error), context_id=call.context_id) from error

    def _open(
        self, data: bytes, header: Header, request: Request, *, multiplexed: bool, running: bool
    ) -> IncomingCall:
        """Begin with a first fragment."""
        if running:
            raise Refused(Status.PROTO_ERROR, "a request while another one executes")
        if self._half is not None:
            raise self._disturbed(self._half, header, request, multiplexed=multiplexed)
        if PfcFlags.PENDING_CANCEL in header.flags:
            status = Status.RPC_S_NO_CALL_ACTIVE
            raise Refused(status, "a request that begins cancelled", did_not_execute=True)
        self._abandoned.pop(header.call_id, None)
        security = self._security.for_request(request.auth)
        if security is not None and security.phase is Phase.LEGS:
            why = "a request before the legs of its security context were finished"
            raise Refused(Status.PROTO_ERROR, why, did_not_execute=True)
        context = self._presentation.find(request.context_id)
        if context is None:
            self._security.keep_in_step(data, request.auth, request.stub)
            raise self._unknown_context(header, request)
        context_id = context.context_id
        if security is None:
            if request.auth is not None:
                check_place(data, request.auth, len(request.stub), context_id)
            why = "the trailer names no security context"
            raise Refused(Status.ACCESS_DENIED, why, context_id=context_id)
        stub = self._security.open(security, data, request, first=True, context_id=context_id)
        self._admit(header, context, security)
        reassembly = Reassembly(limit=self._limit, empty_limit=self._empty_limit)
        call = IncomingCall(header, request, context, security, reassembly)
        self._append(call, stub, hint=0 if header.last else request.alloc_hint)
        return call

    def _continue(self, call: IncomingCall, data: bytes, header: Header, request: Request) -> IncomingCall:
        """Go on with a later fragment of the incomplete call."""
        context_id = call.context_id
        if header.drep != call.header.drep:
            why = "fragments of one request in two data representations"
            raise Refused(Status.PROTO_ERROR, why, context_id=context_id, did_not_execute=True)
        stub = self._security.open(call.security, data, request, first=False, context_id=context_id)
        self._append(call, stub, hint=request.alloc_hint)
        return call

    def _append(self, call: IncomingCall, stub: bytes, *, hint: int) -> None:
        """Keep the stub bytes, within bounds that are checked before.  MS-RPCE 3.3.3.5.4"""
        try:
            call.stub.add(stub, hint=hint)
        except StubTooLarge as error:
            why = f"{error}: {beyond('request', self._limit)}"
            raise Refused(Status.ACCESS_DENIED, why, context_id=call.context_id) from error
        except TooManyEmptyFragments as error:
            why = f"{error}: {beyond('empty-fragments', self._empty_limit)}"
            raise Refused(Status.PROTO_ERROR, why, context_id=call.context_id) from error

    def _admit(self, header: Header, context: PresentationContext, security: SecuredContext) -> None:
        """Whether this interface may be called at this level, and by nobody.  MS-RPCE 3.3.1.5.2.2"""
        interface = context.interface
        named = security.mechanism.user is not None
        level = security.level if named else min(security.level, AuthLevel.NONE)
        unwelcome = security.level == AuthLevel.CONNECT and not interface.allow_connect
        if level >= interface.minimum_level and not unwelcome:
            return
        stays = self._security.protected_request_seen
        if stays and not header.last:
            self.abandon(header.call_id)
        who = "" if named else " by nobody"
        why = f"{interface.name} may not be called{who} at level {security.level.name}"
        raise Refused(Status.ACCESS_DENIED, why, context_id=context.context_id, disconnect=not stays)

    def _disturbed(
        self, half: IncomingCall, header: Header, request: Request, *, multiplexed: bool
    ) -> Refused:
        """The answer to a first fragment while another request is incomplete."""
        same = half.call_id == header.call_id
        foreign = request.auth is not None and request.auth.context_id != half.security.context_id
        taken_over = same and foreign and request.context_id == half.context_id
        status = Status.RPC_S_SEC_PKG_ERROR if taken_over else Status.PROTO_ERROR
        why = f"a request begins while call {half.call_id} is incomplete"
        if multiplexed:
            return Refused(status, why, context_id=half.context_id if same else 0)
        return Refused(status, why, context_id=half.context_id, call_id=half.call_id)

    def _stray(self, data: bytes, header: Header, request: Request, *, multiplexed: bool) -> None:
        """Answer a later fragment of a call that never began, unless it is an abandoned one's."""
        if header.call_id in self._abandoned:
            self._security.keep_in_step(data, request.auth, request.stub)
            return
        why = "a fragment of a request that has not begun"
        half = self._half
        if half is not None:
            if multiplexed:
                raise Refused(Status.PROTO_ERROR, why)
            raise Refused(Status.PROTO_ERROR, why, context_id=half.context_id, call_id=half.call_id)
        if not multiplexed:
            raise Refused(Status.PROTO_ERROR, why)
        if self._presentation.find(request.context_id) is None:
            raise self._unknown_context(header, request)
        trailer = request.auth
        security = self._security.find(trailer.context_id) if trailer is not None else self._security.default
        fits = security is not None and (trailer is None or security.matches(trailer))
        status = Status.PROTO_ERROR if fits else Status.ACCESS_DENIED
        raise Refused(status, why, context_id=request.context_id)

    def _unknown_context(self, header: Header, request: Request) -> Refused:
        if not header.last:
            self.abandon(header.call_id)
        why = f"presentation context {request.context_id} was never accepted"
        return Refused(Status.UNK_IF, why, did_not_execute=True, disconnect=False)
