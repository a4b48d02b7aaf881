"""Opening a connection: with and without legs of a security context."""

from uuid import UUID

import pytest

from rpch.dcerpc.client_events import (
    Authentication,
    InterfaceReady,
    InterfaceRefused,
    Open,
    SendPdu,
    StepSecurity,
)
from rpch.dcerpc.client_opening import LEGAL, Opening, State
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    Auth3,
    AuthLevel,
    AuthType,
    BindAck,
    BindNak,
    ContextResult,
    Fault,
    PfcFlags,
    SecTrailer,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.security import Continue, Declined, Established, Segments, Step
from rpch.errors import AuthenticationFailed, BindRejected, DecodeError, LocalProtocolError

MGMT = SyntaxId(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)
RESULTS = (ContextResult(0, 0, NDR20), ContextResult(3, 3))
FLAGS = WHOLE | PfcFlags.SUPPORT_HEADER_SIGN


class Mechanism:
    """A security context that does nothing by itself: the tests say what it answers."""

    user = None
    token_size = 16

    def step(self, token: bytes) -> Step:
        raise AssertionError

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        raise AssertionError

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        raise AssertionError


MECHANISM = Mechanism()
AUTH = Authentication(MECHANISM, AuthType.NTLM, AuthLevel.PKT_PRIVACY, 3, b"one")


def trailer(token: bytes) -> SecTrailer:
    return SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 3, token)


def opening(auth: Authentication | None = None) -> Opening:
    ids = iter(range(1, 10))
    return Opening(Open(MGMT, auth=auth), fragment=5840, new_call_id=lambda: next(ids))


def test_without_security_the_bind_ack_is_all() -> None:
    machine = opening()
    assert machine.received(BindAck(1, RESULTS)) == (State.OPEN, [])
    assert machine.outcomes == [InterfaceReady(MGMT)]
    assert machine.protection() is None


def test_a_refused_interface_leaves_an_open_connection() -> None:
    machine = opening()
    state, actions = machine.received(BindAck(1, (ContextResult(2, 1), ContextResult(3, 3))))
    assert (state, actions) == (State.OPEN, [])
    assert isinstance(machine.outcomes[0], InterfaceRefused)


def test_three_legs_end_with_auth3() -> None:
    machine = opening(AUTH)
    assert machine.received(BindAck(1, RESULTS, flags=FLAGS, auth=trailer(b"two"))) == (
        State.AUTH_STEP,
        [StepSecurity(MECHANISM, b"two")],
    )
    state, actions = machine.stepped(Established(b"three"))
    assert (state, actions) == (State.OPEN, [SendPdu(Auth3(1, trailer(b"three")).encode())])
    protection = machine.protection()
    assert protection is not None
    assert protection.header_signing
    assert protection.trailer == trailer(b"")


def test_four_legs_go_through_alter_context() -> None:
    machine = opening(AUTH)
    machine.received(BindAck(1, RESULTS, auth=trailer(b"two")))
    state, [sent] = machine.stepped(Continue(b"three"))
    assert state is State.AUTH_LEG
    assert isinstance(sent, SendPdu)
    altered = decode_pdu(sent.data)
    assert isinstance(altered, AlterContext)
    assert altered.auth == trailer(b"three")
    assert altered.contexts == machine.bind.contexts[:1]  # features are offered in binds only
    answer = AlterContextResp(altered.call_id, RESULTS[:1], auth=trailer(b"four"))
    assert machine.received(answer) == (State.AUTH_STEP, [StepSecurity(MECHANISM, b"four")])
    assert machine.stepped(Established()) == (State.OPEN, [])
    protection = machine.protection()
    assert protection is not None
    assert not protection.header_signing


@pytest.mark.parametrize("token", [None, trailer(b"")])
def test_an_empty_answer_to_a_leg_comes_with_or_without_a_trailer(token: SecTrailer | None) -> None:
    machine = opening(AUTH)
    machine.received(BindAck(1, RESULTS, auth=trailer(b"two")))
    machine.stepped(Continue(b"three"))
    answer = AlterContextResp(2, RESULTS[:1], auth=token)
    assert machine.received(answer) == (State.AUTH_STEP, [StepSecurity(MECHANISM, b"")])


def test_an_answer_to_a_leg_must_fit_it() -> None:
    machine = opening(AUTH)
    machine.received(BindAck(1, RESULTS, auth=trailer(b"two")))
    machine.stepped(Continue(b"three"))
    with pytest.raises(DecodeError, match="call 7 is answered instead of 2"):
        machine.received(AlterContextResp(7, RESULTS[:1], auth=trailer(b"four")))


def test_a_server_that_answers_for_another_context_is_refused() -> None:
    with pytest.raises(AuthenticationFailed):
        opening(AUTH).received(
            BindAck(1, RESULTS, auth=SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 3, b"two"))
        )


def test_a_mechanism_that_gives_up_ends_the_opening() -> None:
    machine = opening(AUTH)
    machine.received(BindAck(1, RESULTS, auth=trailer(b"two")))
    with pytest.raises(AuthenticationFailed, match="no such user"):
        machine.stepped(Declined("no such user"))


def test_a_step_without_security_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="no security"):
        opening().stepped(Established())


def test_bind_nak_and_fault_refuse_the_connection() -> None:
    with pytest.raises(BindRejected, match="does not know this kind of authentication"):
        opening(AUTH).received(BindNak(1, 8))
    with pytest.raises(BindRejected, match="ACCESS_DENIED"):
        opening(AUTH).received(Fault(1, 5))


@pytest.mark.parametrize("status", [0x5, 0x721])
def test_a_fault_for_a_leg_refuses_the_credentials(status: int) -> None:
    machine = opening(AUTH)
    machine.received(BindAck(1, RESULTS, auth=trailer(b"two")))
    machine.stepped(Continue(b"three"))
    with pytest.raises(AuthenticationFailed, match="refused the credentials"):
        machine.received(Fault(2, status))


def test_another_fault_for_a_leg_is_about_something_else() -> None:
    machine = opening(AUTH)
    machine.received(BindAck(1, RESULTS, auth=trailer(b"two")))
    machine.stepped(Continue(b"three"))
    with pytest.raises(BindRejected, match="PROTO_ERROR"):
        machine.received(Fault(2, 0x1C01000B))


def test_the_table_covers_every_state() -> None:
    assert set(LEGAL) == set(State)
