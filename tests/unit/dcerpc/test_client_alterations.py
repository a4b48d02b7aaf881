"""What is added to a connection after its bind: one thing at a time, and what is lost when it is refused."""

from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest

from rpch.dcerpc.client_alterations import Alterations
from rpch.dcerpc.client_bind import NOTHING_AGREED
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
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    AuthLevel,
    AuthType,
    ContextElement,
    ContextResult,
    Fault,
    PfcFlags,
    SecTrailer,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import Continue, Declined, Established
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, DecodeError, LocalProtocolError, UnexpectedMessage
from rpch.testing.mechanisms import ToyMechanism

FIRST, OTHER = (SyntaxId(UUID(int=number), 1) for number in (1, 2))
BOUND = ContextElement(0, FIRST, (NDR20,))
ACCEPTED, REJECTED = (ContextResult(0, 0, NDR20),), (ContextResult(2, 1),)
SIGNED = WHOLE | PfcFlags.SUPPORT_HEADER_SIGN
MECHANISM = ToyMechanism(AuthLevel.PKT, 3, client=True)


def trailer(token: bytes) -> SecTrailer:
    return SecTrailer(AuthType.NTLM, AuthLevel.PKT, 2, token)


def made(
    *, features: Features = Features.SECURITY_CONTEXT_MULTIPLEXING
) -> tuple[Alterations, ClientContexts]:
    """A connection with one interface, whose bind proved nobody; its call ids begin at 100."""
    ids = count(100)
    security = ClientContexts()
    alterations = Alterations(security, timeout=5.0, new_call_id=lambda: next(ids))
    alterations.agreement = replace(NOTHING_AGREED, group_id=9, features=features)
    alterations.bound(BOUND, InterfaceReady(FIRST))
    return alterations, security


def wanted(security: ClientContexts) -> Authentication:
    auth = Authentication(MECHANISM, AuthType.NTLM, AuthLevel.PKT, security.new_id(), b"one")
    security.want(auth)
    return auth


def opening() -> tuple[Alterations, ClientContexts]:
    """A security context is on its way."""
    alterations, security = made()
    assert isinstance(alterations.open(wanted(security), 10.0), SendPdu)
    return alterations, security


def test_a_security_context_begins_with_an_alter_context_that_repeats_an_interface() -> None:
    alterations, security = made()
    sent = alterations.open(wanted(security), 10.0)
    assert isinstance(sent, SendPdu)
    first = AlterContext(100, (BOUND,), assoc_group_id=9, flags=SIGNED, auth=trailer(b"one"))
    assert decode_pdu(sent.data) == first
    assert (alterations.busy, alterations.deadline, alterations.uses(100)) == (True, 15.0, True)


def test_it_repeats_one_that_the_server_has() -> None:
    alterations, security = made()
    alterations.bound(BOUND, InterfaceRefused(FIRST, LocalProtocolError("none")))
    alterations.offer(OTHER, 0.0)
    alterations.answered(AlterContextResp(100, ACCEPTED))
    sent = alterations.open(wanted(security), 0.0)
    assert isinstance(sent, SendPdu)
    altered = decode_pdu(sent.data)
    assert isinstance(altered, AlterContext)
    assert altered.contexts == (ContextElement(2, OTHER, (NDR20,)),)


@pytest.mark.parametrize("agreed", [True, False])
def test_header_signing_is_agreed_on_with_the_first_token_and_never_again(agreed: bool) -> None:
    alterations, security = opening()
    flags = SIGNED if agreed else WHOLE
    alterations.answered(AlterContextResp(100, ACCEPTED, flags=flags, auth=trailer(b"two")))
    assert alterations.stepped(Established()) == [ContextReady(2)]
    protection = security.protection(2)
    assert protection is not None
    assert (protection.header_signing, protection.named) == (agreed, True)
    sent = alterations.open(wanted(security), 0.0)
    assert isinstance(sent, SendPdu)
    altered = decode_pdu(sent.data)
    assert isinstance(altered, AlterContext)
    assert altered.flags == WHOLE
    answer = AlterContextResp(101, ACCEPTED, flags=SIGNED, auth=replace(trailer(b"two"), context_id=3))
    alterations.answered(answer)
    assert security.header_signing is agreed


def test_four_legs_and_then_it_is_ready() -> None:
    alterations, security = opening()
    two = AlterContextResp(100, ACCEPTED, auth=trailer(b"two"))
    assert alterations.answered(two) == StepSecurity(MECHANISM, b"two")
    [sent] = alterations.stepped(Continue(b"three"))
    assert isinstance(sent, SendPdu)
    assert decode_pdu(sent.data) == AlterContext(101, (BOUND,), auth=trailer(b"three"))
    assert alterations.deadline == 15.0
    assert not security.ready(2)
    alterations.answered(AlterContextResp(101, ACCEPTED, auth=trailer(b"four")))
    assert alterations.stepped(Established()) == [ContextReady(2)]
    assert security.ready(2)
    assert not alterations.busy


def test_a_mechanism_that_gives_up_loses_its_context_and_nothing_else() -> None:
    alterations, security = opening()
    alterations.answered(AlterContextResp(100, ACCEPTED, auth=trailer(b"two")))
    [refused] = alterations.stepped(Declined("no such user"))
    assert isinstance(refused, ContextRefused)
    assert isinstance(refused.why, AuthenticationFailed)
    assert (alterations.busy, alterations.deadline, security.ready(2)) == (False, None, False)


def test_a_fault_refuses_what_it_answers() -> None:
    alterations, _ = opening()
    assert alterations.faulted(Fault(99, Status.ACCESS_DENIED)) is None
    refused = alterations.faulted(Fault(100, Status.ACCESS_DENIED))
    assert isinstance(refused, ContextRefused)
    assert not alterations.busy
    assert alterations.faulted(Fault(100, Status.ACCESS_DENIED)) is None


def test_what_may_not_be_opened_is_refused_without_a_word() -> None:
    alterations, security = made(features=Features.NONE)
    refused = alterations.open(wanted(security), 0.0)
    assert isinstance(refused, ContextRefused)
    assert isinstance(refused.why, CannotOpen)
    assert not alterations.busy


def test_an_answer_must_be_due_and_fit() -> None:
    alterations, _ = opening()
    with pytest.raises(DecodeError, match="call 7 is answered instead of 100"):
        alterations.answered(AlterContextResp(7, ACCEPTED, auth=trailer(b"two")))
    alterations.answered(AlterContextResp(100, ACCEPTED, auth=trailer(b"two")))
    with pytest.raises(UnexpectedMessage):  # the mechanism is at work
        alterations.answered(AlterContextResp(100, ACCEPTED, auth=trailer(b"two")))


def test_a_step_that_nobody_asked_for_is_our_mistake() -> None:
    for alterations, _ in made(), opening():
        with pytest.raises(LocalProtocolError, match="nobody asked"):
            alterations.stepped(Established())


def test_interfaces_come_and_are_refused() -> None:
    alterations, _ = made()
    assert alterations.context_id(FIRST) == 0
    alterations.offer(OTHER, 0.0)
    refused = alterations.answered(AlterContextResp(100, REJECTED))
    assert isinstance(refused, InterfaceRefused)
    assert alterations.context_id(OTHER) is None
    alterations.offer(OTHER, 0.0)
    assert alterations.uses(101)
    assert isinstance(alterations.faulted(Fault(101, 5)), InterfaceRefused)
    alterations.offer(OTHER, 0.0)
    assert alterations.answered(AlterContextResp(102, ACCEPTED)) == InterfaceReady(OTHER)
    assert alterations.context_id(OTHER) == 4
    assert not alterations.uses(102)


def test_what_is_through_has_no_deadline() -> None:
    alterations, _ = opening()
    alterations.faulted(Fault(100, Status.ACCESS_DENIED))
    assert alterations.deadline is None


def test_giving_up_forgets_what_was_under_way() -> None:
    alterations, _ = opening()
    alterations.give_up()
    assert (alterations.busy, alterations.deadline) == (False, None)
