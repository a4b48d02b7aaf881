"""Bind, alter_context and auth3 as a server handles them.  MS-RPCE 3.3.1.5

The handshake owns what a connection agreed on: its association, fragment size, multiplexing and
features, its presentation contexts and its security contexts. A mistake is raised as `BindRefused` or
`Refused`. A token becomes an order (`TakeStep`): the mechanism may have to ask somebody, and no other PDU
of the connection is looked at until `stepped` brings its answer.

Order inside a bind: header, sizes, association, contexts, security. Inside an alter_context: header, then
mistakes in the trailer that nothing can heal, then contexts, then what does not fit the security context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rpch.dcerpc.associations import Association, AssociationTable
from rpch.dcerpc.pdus import (
    WHOLE,
    AlterContext,
    AlterContextResp,
    Auth3,
    AuthType,
    Bind,
    BindAck,
    ContextResult,
    Header,
    PduType,
    PfcFlags,
    RejectReason,
    SecTrailer,
)
from rpch.dcerpc.presentation import BadOffer, Features, PresentationContexts
from rpch.dcerpc.refusals import BindRefused, Refused, beyond
from rpch.dcerpc.security import Continue, Declined, Established, SecurityContext, Step
from rpch.dcerpc.security_contexts import CannotStart, Phase, SecuredContext, SecurityContexts
from rpch.dcerpc.statuses import Status
from rpch.errors import DecodeError, LocalProtocolError

SMALLEST_FRAGMENT: Final = 2048
LARGEST_AUTH3_TOKEN: Final = 4096
_ECHOED: Final = PfcFlags.SUPPORT_HEADER_SIGN


def negotiated_fragment(max_xmit: int, max_recv: int, *, limit: int) -> int:
    """The size of fragments both ways: the smaller wish, within our bounds.  C706 12.6.3.1"""
    return min(max(SMALLEST_FRAGMENT, min(max_xmit, max_recv)), limit) & ~7


@dataclass(frozen=True)
class TakeStep:
    """Let a mechanism look at a token; until its answer comes, nothing else happens here."""

    mechanism: SecurityContext
    token: bytes


@dataclass(frozen=True)
class _Waiting:
    """What will be answered once the mechanism has."""

    kind: PduType
    call_id: int
    secured: SecuredContext
    results: tuple[ContextResult, ...] = ()
    flags: PfcFlags = WHOLE


class Handshake:
    """What one connection has agreed on so far."""

    def __init__(
        self,
        presentation: PresentationContexts,
        security: SecurityContexts,
        associations: AssociationTable,
        *,
        identity: str,
        secondary_address: str,
        fragment_limit: int,
        legacy_bind: bool = False,
    ) -> None:
        self.presentation, self.security = presentation, security
        self._associations, self._identity = associations, identity
        self._secondary_address, self._fragment_limit = secondary_address, fragment_limit
        self._legacy_bind = legacy_bind
        self._waiting: _Waiting | None = None
        self.association: Association | None = None
        self.fragment = fragment_limit
        self.multiplexed = False
        self.features = Features.NONE

    @property
    def waiting_call_id(self) -> int:
        """The call id of the PDU whose token a mechanism looks at."""
        return self._waiting.call_id if self._waiting is not None else 0

    def bind(self, data: bytes, header: Header) -> bytes | TakeStep:
        """Answer the first PDU of the connection.  MS-RPCE 3.3.1.5.3"""
        try:
            offer = Bind.decode_body(data, header)
        except DecodeError as error:
            raise BindRefused(RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED, str(error)) from error
        limit = self._fragment_limit
        self.fragment = negotiated_fragment(offer.max_xmit_frag, offer.max_recv_frag, limit=limit)
        self.association = self._associate(offer.assoc_group_id)
        try:
            agreed = self.presentation.bind(offer.contexts)
        except BadOffer as error:
            unexplained = self._legacy_bind and not offer.contexts
            reason = RejectReason.NOT_SPECIFIED if unexplained else error.reason
            raise BindRefused(reason, str(error)) from error
        flags = WHOLE | self._header_signing(offer.flags)
        if agreed.created and PfcFlags.CONC_MPX in offer.flags:
            self.multiplexed = True
            flags |= PfcFlags.CONC_MPX
        if agreed.features is not None:
            self.features = agreed.features
        if offer.auth is None:
            return self._answer(PduType.BIND_ACK, offer.call_id, agreed.results, flags)
        secured = self._begin_by_bind(offer.auth, data)
        waiting = _Waiting(PduType.BIND_ACK, offer.call_id, secured, agreed.results, flags)
        return self._step(waiting, offer.auth.token)

    def alter(self, data: bytes, header: Header) -> bytes | TakeStep:
        """Answer an offer of more contexts, perhaps with a leg.  MS-RPCE 3.3.1.5.4"""
        try:
            offer = AlterContext.decode_body(data, header)
        except DecodeError as error:
            raise _not_executed(Status.PROTO_ERROR, str(error)) from error
        if offer.auth is not None:
            self._reject_hopeless(offer.auth, data)
        try:
            agreed = self.presentation.alter(offer.contexts)
        except BadOffer as error:
            raise _not_executed(Status.PROTO_ERROR, str(error)) from error
        flags = WHOLE | self._header_signing(offer.flags)
        if offer.auth is None:
            return self._answer(PduType.ALTER_CONTEXT_RESP, offer.call_id, agreed.results, flags)
        secured = self._continue_or_begin(offer.auth)
        waiting = _Waiting(PduType.ALTER_CONTEXT_RESP, offer.call_id, secured, agreed.results, flags)
        return self._step(waiting, offer.auth.token)

    def auth3(self, data: bytes, header: Header) -> TakeStep:
        """Take a last leg that is never answered; mistakes in the PDU itself are.  MS-RPCE 3.3.1.5.2.2"""
        try:
            leg = Auth3.decode_body(data, header)
        except DecodeError as error:
            raise _not_executed(Status.PROTO_ERROR, str(error)) from error
        if leg.auth is None:
            legs_open = self.security.legs_open
            status = Status.S_FAULT_REMOTE_NO_MEMORY if legs_open else Status.PROTO_ERROR
            raise _not_executed(status, "an auth3 without a token")
        if len(leg.auth.token) > LARGEST_AUTH3_TOKEN:
            raise _not_executed(Status.PROTO_ERROR, f"a token of {len(leg.auth.token)} bytes")
        secured = self.security.find(leg.auth.context_id)
        if secured is None or secured.phase is not Phase.LEGS or not secured.matches(leg.auth):
            raise _not_executed(Status.PROTO_ERROR, "an auth3 for no context that waits for one")
        if _misplaced(leg.auth, data):
            raise _not_executed(Status.PROTO_ERROR, "a trailer that is not 4-aligned")
        if self._padded(leg.auth, data):
            raise _not_executed(Status.S_FAULT_REMOTE_NO_MEMORY, "padding in an auth3")
        return self._step(_Waiting(PduType.AUTH3, leg.call_id, secured), leg.auth.token)

    def stepped(self, step: Step) -> bytes | None:
        """Go on where `TakeStep` stopped; what is to be sent, if anything."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            raise LocalProtocolError("no mechanism was asked for a step")
        if waiting.kind is PduType.AUTH3:
            self._finish_silently(waiting.secured, step)
            return None
        match step:
            case Declined():
                raise self._step_refused(waiting, step)
            case Continue(token=token):
                pass
            case Established(token=token):
                self.security.established(waiting.secured)
        trailer = waiting.secured.trailer(token)
        return self._answer(waiting.kind, waiting.call_id, waiting.results, waiting.flags, trailer)

    def _associate(self, group_id: int) -> Association:
        """Join a group of the same client, or make one.  MS-RPCE 3.3.1.5.7"""
        if group_id:
            group = self._associations.join(group_id, self._identity)
            if group is None:
                raise BindRefused(RejectReason.NOT_SPECIFIED, f"no association group 0x{group_id:x} here")
            return group
        group = self._associations.create(self._identity)
        if group is None:
            raise BindRefused(RejectReason.LOCAL_LIMIT_EXCEEDED, "too many association groups")
        return group

    def _header_signing(self, flags: PfcFlags) -> PfcFlags:
        """Header signing can be switched on, never off, for all contexts at once.  MS-RPCE 3.3.1.5.2.2"""
        if _ECHOED not in flags:
            return PfcFlags.NONE
        self.security.header_signing = True
        return _ECHOED

    def _begin_by_bind(self, trailer: SecTrailer, data: bytes) -> SecuredContext:
        if _misplaced(trailer, data):
            raise BindRefused(RejectReason.NOT_SPECIFIED, "a trailer that is not 4-aligned")
        if self._padded(trailer, data):
            raise BindRefused(RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED, "padding in a bind")
        try:
            secured = self.security.begin(trailer)
        except CannotStart as error:
            raise BindRefused(error.reason, str(error)) from error
        self.security.default = secured
        return secured

    def _reject_hopeless(self, trailer: SecTrailer, data: bytes) -> None:
        """What is wrong with a trailer whatever the rest of the alter_context says."""
        if _misplaced(trailer, data) or self._padded(trailer, data):
            raise _not_executed(Status.PROTO_ERROR, "a trailer out of place")
        if trailer.auth_type == AuthType.NONE:
            raise _not_executed(Status.ACCESS_DENIED, "a token of no mechanism")
        secured = self.security.find(trailer.context_id)
        if secured is not None and secured.phase is Phase.ESTABLISHED:
            raise _not_executed(Status.ACCESS_DENIED, "a leg for an established security context")

    def _continue_or_begin(self, trailer: SecTrailer) -> SecuredContext:
        secured = self.security.find(trailer.context_id)
        if secured is None:
            return self._begin_by_alter(trailer)
        if secured.auth_type != trailer.auth_type:
            secured.phase = Phase.INVALID
            raise _not_executed(Status.RPC_S_SEC_PKG_ERROR, "a leg of another mechanism")
        if secured.phase is Phase.INVALID or not secured.matches(trailer):
            secured.phase = Phase.INVALID
            raise _not_executed(Status.ACCESS_DENIED, "a leg at another level, or of an invalid context")
        return secured

    def _begin_by_alter(self, trailer: SecTrailer) -> SecuredContext:
        if self.security.full:
            bound = beyond("security-contexts", self.security.limit)
            raise _not_executed(Status.PROTO_ERROR, f"one security context too many: {bound}")
        try:
            return self.security.begin(trailer)
        except CannotStart as error:
            raise _not_executed(Status.ACCESS_DENIED, str(error)) from error

    def _step(self, waiting: _Waiting, token: bytes) -> TakeStep:
        self._waiting = waiting
        return TakeStep(waiting.secured.mechanism, token)

    def _step_refused(self, waiting: _Waiting, step: Declined) -> BindRefused | Refused:
        waiting.secured.phase = Phase.INVALID
        if waiting.kind is PduType.BIND_ACK:
            return BindRefused(RejectReason.INVALID_CHECKSUM, step.why)
        status = Status.RPC_S_SEC_PKG_ERROR if step.too_weak else Status.ACCESS_DENIED
        return _not_executed(status, step.why)

    def _finish_silently(self, secured: SecuredContext, step: Step) -> None:
        """An auth3 must end the legs without a word; otherwise the first request finds out."""
        if step == Established():
            self.security.established(secured)
        else:
            secured.phase = Phase.INVALID

    def _answer(
        self,
        kind: PduType,
        call_id: int,
        results: tuple[ContextResult, ...],
        flags: PfcFlags,
        trailer: SecTrailer | None = None,
    ) -> bytes:
        group_id = self.association.group_id if self.association is not None else 0
        answer = BindAck if kind is PduType.BIND_ACK else AlterContextResp
        address = self._secondary_address if kind is PduType.BIND_ACK else ""
        size = self.fragment
        return answer(call_id, results, size, size, group_id, address, flags, trailer).encode()

    def _padded(self, trailer: SecTrailer, data: bytes) -> bool:
        """Whether a trailer declares padding that it may not have.  MS-RPCE 2.2.2.11"""
        if not self._legacy_bind:
            return trailer.pad_length != 0
        return trailer.pad_length > max(0, len(data) - 24 - SecTrailer.SIZE - len(trailer.token))


def _misplaced(trailer: SecTrailer, data: bytes) -> bool:
    """Whether a trailer does not begin at a multiple of 4.  MS-RPCE 2.2.2.11"""
    return (len(data) - len(trailer.token) - SecTrailer.SIZE) % 4 != 0


def _not_executed(status: Status, why: str) -> Refused:
    """The answer to a broken alter_context or auth3: nothing ran, and the connection ends."""
    return Refused(status, why, did_not_execute=True)
