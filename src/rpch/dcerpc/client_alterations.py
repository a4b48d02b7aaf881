"""What is added to a connection after its bind, one alter_context at a time.  MS-RPCE 3.3.2.4.1

    interface          alter_context ──► alter_context_resp or fault
    security context   alter_context ──► … as many legs as its package has …   ──► perhaps an auth3

Meanwhile calls whose interface and security context are ready go on. A refused addition is told, and leaves
the connection to the server: most end it after a fault for a leg.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rpch.dcerpc.client_bind import NOTHING_AGREED, check_answer, leg_trailer, read_outcome
from rpch.dcerpc.client_contexts import CannotOpen, ClientContexts
from rpch.dcerpc.client_events import (
    Authentication,
    ContextReady,
    ContextRefused,
    InterfaceReady,
    InterfaceRefused,
    SendPdu,
    StepSecurity,
)
from rpch.dcerpc.client_legs import Legs
from rpch.dcerpc.client_refusals import bind_faulted
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    ContextElement,
    Fault,
    PfcFlags,
    SyntaxId,
)
from rpch.dcerpc.security import Step
from rpch.errors import AuthenticationFailed, LocalProtocolError, RpchError, UnexpectedMessage

Outcome: TypeAlias = InterfaceReady | InterfaceRefused | ContextReady | ContextRefused


@dataclass
class _Offer:
    """An interface on its way."""

    interface: SyntaxId
    sent: AlterContext


@dataclass
class _Opening:
    """A security context on its way."""

    legs: Legs
    first: AlterContext
    stepping: bool = False  # its package is at work, and no answer is due

    @property
    def context_id(self) -> int:
        """Which one."""
        return self.legs.auth.context_id


class Alterations:
    """Adds interfaces and security contexts to one connection. Errors it raises end the connection."""

    def __init__(self, security: ClientContexts, *, timeout: float, new_call_id: Callable[[], int]) -> None:
        self.agreement = NOTHING_AGREED
        self.deadline: float | None = None  # when what is under way must have come
        self._security, self._timeout, self._new_call_id = security, timeout, new_call_id
        self._repeated: ContextElement | None = None  # what security contexts offer once more
        self._next_context_id = 2  # the bind uses 0 and 1
        self._interfaces: dict[SyntaxId, int] = {}
        self._under_way: _Offer | _Opening | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._under_way is not None

    def uses(self, call_id: int) -> bool:
        """Whether an alter_context goes by this id, whose answer is due."""
        match self._under_way:
            case _Offer(sent=sent):
                return sent.call_id == call_id
            case _Opening(legs=legs, first=first):
                return call_id in (legs.sent.call_id, first.call_id)
            case None:
                return False

    def bound(self, context: ContextElement, outcome: InterfaceReady | InterfaceRefused) -> None:
        """What the bind offered, and what became of it."""
        self._repeated = context
        self._note(outcome, context)

    def context_id(self, interface: SyntaxId) -> int | None:
        """Under which presentation context an interface is called; None while it is not ready."""
        return self._interfaces.get(interface)

    # Going out

    def offer(self, interface: SyntaxId, now: float) -> SendPdu:
        """Ask for one more presentation context.  C706 12.6.4.1"""
        context = ContextElement(self._next_context_id, interface, (NDR20,))
        self._next_context_id += 1
        sent = AlterContext(self._new_call_id(), (context,), assoc_group_id=self.agreement.group_id)
        self._under_way, self.deadline = _Offer(interface, sent), now + self._timeout
        return SendPdu(sent.encode())

    def open(self, auth: Authentication, now: float) -> SendPdu | ContextRefused:
        """Begin a further security context, or say why not.  MS-RPCE 3.3.1.5.2.1"""
        try:
            self._security.begin(auth, self.agreement)
        except CannotOpen as error:
            self._security.failed(auth.context_id)
            return ContextRefused(auth.context_id, error)
        # Header signing is agreed on once, with the first token of the connection (3.3.1.5.2.2)
        offered = PfcFlags.NONE if self._security.header_signing is not None else PfcFlags.SUPPORT_HEADER_SIGN
        sent = AlterContext(
            self._new_call_id(),
            () if self._repeated is None else (self._repeated,),
            assoc_group_id=self.agreement.group_id,
            flags=WHOLE | offered,
            auth=leg_trailer(auth, auth.token),
        )
        self._under_way = _Opening(Legs(auth, sent, self._new_call_id), sent)
        self.deadline = now + self._timeout
        return SendPdu(sent.encode())

    # Coming in

    def answered(self, pdu: AlterContextResp) -> Outcome | StepSecurity:
        """What became of an interface, or the server's leg of a security context.  C706 12.6.4.2"""
        match self._under_way:
            case _Offer(interface=interface, sent=sent):
                check_answer(sent, pdu)
                outcome = read_outcome(interface, pdu.results[0])
                self._note(outcome, sent.contexts[0])
                return self._over(outcome)
            case _Opening(legs=legs, first=first, stepping=False) as opening:
                check_answer(legs.sent, pdu)
                if self._security.header_signing is None:
                    both = first.flags & pdu.flags
                    self._security.header_signing = PfcFlags.SUPPORT_HEADER_SIGN in both
                opening.stepping = True
                return legs.answered(pdu.auth)
            case _:
                raise UnexpectedMessage("AlterContextResp", state="nothing offered")

    def stepped(self, step: Step) -> list[SendPdu | Outcome]:
        """The package of a security context took its step. If it gives up, only this context is lost."""
        opening = self._under_way
        if not isinstance(opening, _Opening) or not opening.stepping:
            raise LocalProtocolError("nobody asked for a step of security")
        try:
            last, pdus = opening.legs.stepped(step)
        except AuthenticationFailed as error:
            return [self._refused(opening, error)]
        opening.stepping = False
        return [*pdus, self._established(opening)] if last else [*pdus]

    def faulted(self, fault: Fault) -> Outcome | None:
        """The addition that a fault refuses, if it is one's.  C706 12.6.4.7"""
        match self._under_way:
            case _Offer(interface=interface, sent=sent) if sent.call_id == fault.call_id:
                return self._over(InterfaceRefused(interface, bind_faulted(fault)))
            case _Opening(legs=legs) as opening if legs.sent.call_id == fault.call_id:
                return self._refused(opening, legs.refused(fault))
            case _:
                return None

    def give_up(self) -> None:
        """The connection ends."""
        self._under_way = self.deadline = None

    def _established(self, opening: _Opening) -> Outcome:
        signing = bool(self._security.header_signing)
        protection = opening.legs.protection(header_signing=signing, named=True)
        self._security.established(opening.context_id, protection)
        return self._over(ContextReady(opening.context_id))

    def _refused(self, opening: _Opening, why: RpchError) -> Outcome:
        self._security.failed(opening.context_id)
        return self._over(ContextRefused(opening.context_id, why))

    def _note(self, outcome: InterfaceReady | InterfaceRefused, context: ContextElement) -> None:
        if isinstance(outcome, InterfaceReady):
            self._interfaces[outcome.interface] = context.context_id
            self._repeated = context

    def _over(self, outcome: Outcome) -> Outcome:
        self._under_way = self.deadline = None
        return outcome
