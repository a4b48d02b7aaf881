"""The security contexts of a client's connection: which there may be, and which an answer is checked by."""

from dataclasses import replace

import pytest

from rpch.dcerpc.client_bind import NOTHING_AGREED, Agreement
from rpch.dcerpc.client_calls import AwaitedCall
from rpch.dcerpc.client_contexts import CannotOpen, ClientContexts
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.fragments import Reassembly
from rpch.dcerpc.pdus import AuthLevel, AuthType, Response, SecTrailer, decode_pdu
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import protected
from rpch.errors import AuthenticationFailed, DecodeError, LocalProtocolError
from rpch.testing.mechanisms import ToyMechanism

SEVERAL = replace(NOTHING_AGREED, features=Features.SECURITY_CONTEXT_MULTIPLEXING)
CONNECT, SEALS = AuthLevel.CONNECT, AuthLevel.PKT_PRIVACY


def trailer(context_id: int, level: AuthLevel = SEALS) -> SecTrailer:
    return SecTrailer(AuthType.NTLM, level, context_id, b"")


def mechanism(context_id: int, *, client: bool = True) -> ToyMechanism:
    return ToyMechanism(SEALS, 3, client=client, user=b"user %d" % context_id)


def protection(context_id: int, level: AuthLevel = SEALS) -> Protection:
    return Protection(mechanism(context_id), trailer(context_id, level), header_signing=True)


def auth(context_id: int, level: AuthLevel = SEALS) -> Authentication:
    return Authentication(mechanism(context_id), AuthType.NTLM, level, context_id, b"one")


def contexts(*levels: AuthLevel, default: AuthLevel | None = SEALS, limit: int = 9) -> ClientContexts:
    """The bind's context, and further ones that are ready, from 2 on."""
    made = ClientContexts(limit=limit)
    if default is not None:
        made.claim(1)
        made.default = protection(1, default)
    for level in levels:
        wanted = auth(made.new_id(), level)
        made.want(wanted)
        made.begin(wanted, SEVERAL)
        made.established(wanted.context_id, protection(wanted.context_id, level))
    return made


def answer(context_id: int, stub: bytes = b"answer") -> tuple[bytes, Response]:
    """A sealed answer of one of the contexts, the first of its own."""
    server = mechanism(context_id, client=False)
    data = protected(Response(5, 0, stub), server, trailer(context_id), header_signing=True)
    pdu = decode_pdu(data)
    assert isinstance(pdu, Response)
    return data, pdu


def bare() -> tuple[bytes, Response]:
    return Response(5, 0, b"answer").encode(), Response(5, 0, b"answer")


def asked_by(security: Protection | None) -> AwaitedCall:
    return AwaitedCall(0, security, Reassembly(limit=99))


def test_ids_begin_behind_the_bind_s_own() -> None:
    made = ClientContexts()
    made.claim(40)
    assert [made.new_id(), made.new_id()] == [41, 42]
    assert ClientContexts().new_id() == 2


@pytest.mark.parametrize("context_id", [0, 1, 2, 4])
def test_only_a_new_id_of_this_connection_is_taken(context_id: int) -> None:
    made = contexts(SEALS)  # 2 is taken, and 4 was never given
    with pytest.raises(LocalProtocolError, match="no new one"):
        made.want(auth(context_id))


def test_calls_wait_for_contexts_that_are_to_come_and_for_no_others() -> None:
    made = contexts(SEALS)
    made.want(auth(made.new_id()))
    for known in None, 2, 3:
        made.check(known)
    assert [made.ready(one) for one in (None, 2, 3)] == [True, True, False]
    made.failed(3)
    with pytest.raises(LocalProtocolError, match="no security context 3"):
        made.check(3)


@pytest.mark.parametrize("features", [Features.NONE, Features.KEEP_CONNECTION_ON_ORPHAN])
def test_a_server_must_have_agreed_to_several(features: Features) -> None:
    agreement: Agreement = replace(SEVERAL, features=features)
    with pytest.raises(CannotOpen, match="one security context a connection"):
        contexts().begin(auth(2), agreement)


def test_beside_nobody_there_is_no_level_connect() -> None:
    with pytest.raises(CannotOpen, match="at level CONNECT"):
        contexts(default=None).begin(auth(2, CONNECT), SEVERAL)
    contexts(default=CONNECT).begin(auth(2, CONNECT), SEVERAL)


def test_contexts_are_counted_also_those_that_failed() -> None:
    made = contexts(SEALS, limit=2)
    made.begin(auth(3), SEVERAL)
    made.failed(3)
    with pytest.raises(CannotOpen, match="2 further security contexts are the most"):
        made.begin(auth(4), SEVERAL)


def test_from_the_first_further_one_on_the_bind_s_own_is_named() -> None:
    made = contexts(default=CONNECT)
    assert made.default is not None
    assert not made.default.named
    made.begin(auth(2), SEVERAL)
    assert made.default.named


def test_an_answer_is_checked_by_the_context_of_its_call() -> None:
    made = contexts(SEALS, SEALS)
    for context_id in (None, 2, 3):
        call = asked_by(made.protection(context_id))
        assert made.open(*answer(context_id or 1), call) == b"answer"
    with pytest.raises(DecodeError, match="another security context"):
        made.open(*answer(2), asked_by(made.protection(3)))
    with pytest.raises(DecodeError, match="without protection"):
        made.open(*bare(), asked_by(made.protection(3)))


def test_an_answer_to_nobody_s_call_is_bare() -> None:
    made = contexts(SEALS, default=None)
    assert made.open(*bare(), asked_by(None)) == b"answer"
    with pytest.raises(DecodeError, match="without security"):
        made.open(*answer(2), asked_by(None))


def test_an_answer_nobody_waits_for_is_checked_by_the_context_it_names() -> None:
    made = contexts(SEALS)
    assert made.open(*answer(2), None) == b"answer"
    with pytest.raises(AuthenticationFailed):
        made.open(*answer(2), None)  # a replay
    with pytest.raises(DecodeError, match="without security"):
        made.open(*answer(9), None)


@pytest.mark.parametrize(("default", "further"), [(None, SEALS), (CONNECT, SEALS), (SEALS, CONNECT)])
def test_a_bare_answer_nobody_waits_for_may_be_that_of_a_context_that_does_not_sign(
    default: AuthLevel | None, further: AuthLevel
) -> None:
    assert contexts(further, default=default).open(*bare(), None) == b"answer"


def test_where_all_contexts_sign_no_answer_is_bare() -> None:
    with pytest.raises(DecodeError, match="without protection"):
        contexts(SEALS).open(*bare(), None)
