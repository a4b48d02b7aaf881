"""The legs of one security context, begun by a bind or by an alter_context."""

from collections.abc import Callable
from itertools import count
from uuid import UUID

import pytest

from rpch.dcerpc.client_events import Authentication, SendPdu, StepSecurity
from rpch.dcerpc.client_legs import Legs
from rpch.dcerpc.pdus import (
    NDR20,
    AlterContext,
    Auth3,
    AuthLevel,
    AuthType,
    Bind,
    ContextElement,
    Fault,
    SecTrailer,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.security import Continue, Declined, Established
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, BindRejected
from rpch.testing.mechanisms import ToyMechanism

MECHANISM = ToyMechanism(AuthLevel.PKT, 3, client=True)
AUTH = Authentication(MECHANISM, AuthType.NTLM, AuthLevel.PKT, 4, b"one")
OFFERED = tuple(ContextElement(number, SyntaxId(UUID(int=1), 1), (NDR20,)) for number in (0, 1))


def trailer(token: bytes) -> SecTrailer:
    return SecTrailer(AuthType.NTLM, AuthLevel.PKT, 4, token)


def legs(kind: Callable[..., Bind | AlterContext] = AlterContext) -> Legs:
    ids = count(8)
    return Legs(AUTH, kind(7, OFFERED, auth=trailer(b"one")), lambda: next(ids))


def test_the_server_s_leg_goes_to_the_mechanism() -> None:
    assert legs().answered(trailer(b"two")) == StepSecurity(MECHANISM, b"two")
    assert legs().answered(None) == StepSecurity(MECHANISM, b"")
    with pytest.raises(AuthenticationFailed, match="answers for"):
        legs().answered(SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 4, b"two"))


def test_a_further_leg_repeats_one_context_under_a_call_id_of_its_own() -> None:
    machine = legs(Bind)
    last, [sent] = machine.stepped(Continue(b"three"))
    assert not last
    assert decode_pdu(sent.data) == AlterContext(8, OFFERED[:1], auth=trailer(b"three"))
    assert machine.sent == AlterContext(8, OFFERED[:1], auth=trailer(b"three"))


def test_a_last_token_goes_in_an_auth3_under_the_first_call_id() -> None:
    assert legs().stepped(Established(b"last")) == (True, [SendPdu(Auth3(7, trailer(b"last")).encode())])
    assert legs().stepped(Established()) == (True, [])


def test_a_mechanism_that_gives_up_says_why() -> None:
    with pytest.raises(AuthenticationFailed, match="no such user"):
        legs().stepped(Declined("no such user"))


@pytest.mark.parametrize("status", [Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR])
def test_a_refusal_says_what_was_refused(status: Status) -> None:
    """The first token of NTLM proves nobody, so it is not the credentials that a server dislikes about it."""
    machine = legs()
    assert "this mechanism or level" in str(machine.refused(Fault(7, status)))
    machine.stepped(Continue(b"three"))
    refused = machine.refused(Fault(8, status))
    assert isinstance(refused, AuthenticationFailed)
    assert "the credentials" in str(refused)


def test_other_faults_and_those_for_a_bind_are_about_anything() -> None:
    assert isinstance(legs().refused(Fault(7, Status.PROTO_ERROR)), BindRejected)
    assert isinstance(legs(Bind).refused(Fault(7, Status.ACCESS_DENIED)), BindRejected)


@pytest.mark.parametrize(("signing", "named"), [(True, False), (False, True)])
def test_what_protects_calls_is_told_what_was_agreed_on(signing: bool, named: bool) -> None:
    protection = legs().protection(header_signing=signing, named=named)
    assert (protection.mechanism, protection.trailer) == (MECHANISM, trailer(b""))
    assert (protection.header_signing, protection.named) == (signing, named)
