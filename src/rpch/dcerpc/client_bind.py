"""What a client offers in a bind, and how it reads what the server agreed to.  MS-RPCE 3.3.2.4.1

Nothing here keeps state: each function compares one answer with the offer it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rpch.dcerpc.client_events import Authentication, Bound, InterfaceReady, InterfaceRefused, Open
from rpch.dcerpc.client_refusals import context_refused
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    Bind,
    BindAck,
    ContextElement,
    ContextOutcome,
    ContextResult,
    PfcFlags,
    SecTrailer,
    SyntaxId,
)
from rpch.dcerpc.pdus_bind import LARGEST_FRAGMENT
from rpch.dcerpc.presentation import SUPPORTED_FEATURES, Features, feature_syntax
from rpch.errors import AuthenticationFailed, DecodeError

SMALLEST_FRAGMENT: Final = 1432  # MustRecvFragSize of C706 12.6.2


@dataclass(frozen=True)
class Agreement:
    """What a bind_ack settles for the life of the connection.  MS-RPCE 3.3.1.5.3"""

    group_id: int
    fragment: int
    multiplexed: bool
    features: Features
    sign_header: bool

    @property
    def survives_orphans(self) -> bool:
        """Whether other calls can go on after one was orphaned.  MS-RPCE 3.3.1.5.10"""
        return self.multiplexed and Features.KEEP_CONNECTION_ON_ORPHAN in self.features

    def announced(self) -> Bound:
        """The action that tells the driver."""
        return Bound(self.group_id, self.fragment, self.multiplexed, self.features)


NOTHING_AGREED: Final = Agreement(0, LARGEST_FRAGMENT, False, Features.NONE, False)


def make_bind(event: Open, *, call_id: int, fragment: int) -> Bind:
    """One context for the interface, one that offers every feature, and multiplexing.  MS-RPCE 3.3.1.5.3"""
    flags = WHOLE | PfcFlags.CONC_MPX
    if event.auth is not None:
        flags |= PfcFlags.SUPPORT_HEADER_SIGN
    contexts = (
        ContextElement(0, event.interface, (NDR20,)),
        ContextElement(1, event.interface, (feature_syntax(SUPPORTED_FEATURES),)),
    )
    trailer = None if event.auth is None else leg_trailer(event.auth, event.auth.token)
    return Bind(call_id, contexts, fragment, fragment, event.group_id, flags, trailer)


def leg_trailer(auth: Authentication, token: bytes) -> SecTrailer:
    """The trailer that carries one leg of a security package.  MS-RPCE 2.2.2.11"""
    return SecTrailer(auth.auth_type, auth.auth_level, auth.context_id, token)


def read_agreement(sent: Bind, ack: BindAck) -> Agreement:
    """Sizes, group and features from a bind_ack, or `DecodeError`.  MS-RPCE 3.3.2.4.1"""
    check_answer(sent, ack)
    smallest = min(ack.max_xmit_frag, ack.max_recv_frag)
    if smallest < SMALLEST_FRAGMENT:
        raise DecodeError(f"fragments of {smallest} bytes; {SMALLEST_FRAGMENT} must be possible", at=16)
    features = Features.NONE
    if ack.results[1].result == ContextOutcome.NEGOTIATE_ACK:
        features = Features(ack.results[1].reason & SUPPORTED_FEATURES)
    return Agreement(
        group_id=ack.assoc_group_id,
        # The answer speaks from the server's side: what it receives is what we send
        fragment=min(sent.max_xmit_frag, ack.max_recv_frag),
        multiplexed=PfcFlags.CONC_MPX in ack.flags,
        features=features,
        sign_header=PfcFlags.SUPPORT_HEADER_SIGN in sent.flags & ack.flags,
    )


def check_answer(sent: Bind | AlterContext, answer: BindAck | AlterContextResp) -> None:
    """`DecodeError` unless this answers that.  MS-RPCE 3.3.2.4.1"""
    if WHOLE not in answer.flags:
        raise DecodeError(f"{type(answer).__name__} is fragmented", at=3)
    if answer.call_id != sent.call_id:
        raise DecodeError(f"call {answer.call_id} is answered instead of {sent.call_id}", at=12)
    if len(answer.results) != len(sent.contexts):
        raise DecodeError(f"{len(answer.results)} results for {len(sent.contexts)} contexts", at=24)
    for context, result in zip(sent.contexts, answer.results, strict=True):
        accepted = result.result == ContextOutcome.ACCEPTANCE
        if accepted and result.transfer_syntax not in context.transfer_syntaxes:
            raise DecodeError(f"{result.transfer_syntax} was never offered", at=24)


def read_outcome(interface: SyntaxId, result: ContextResult) -> InterfaceReady | InterfaceRefused:
    """What became of one interface.  C706 12.6.3.1 p_cont_def_result_t"""
    if result.result == ContextOutcome.ACCEPTANCE:
        return InterfaceReady(interface)
    return InterfaceRefused(interface, context_refused(interface, result))


def read_token(auth: Authentication, trailer: SecTrailer | None) -> bytes:
    """The server's token; a server that changes type, level or context is refused.  MS-RPCE 3.3.1.5.2"""
    if trailer is None:
        return b""
    named = (trailer.auth_type, trailer.auth_level, trailer.context_id)
    if named != (auth.auth_type, auth.auth_level, auth.context_id):
        raise AuthenticationFailed(
            f"the server answers for {trailer.auth_type.name} at level {trailer.auth_level.name}, "
            f"not {auth.auth_type.name} at {auth.auth_level.name}"
        )
    return trailer.token
