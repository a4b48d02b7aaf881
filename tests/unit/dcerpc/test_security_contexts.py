"""Which security context a request runs under, and what is wrong with its protection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpch.dcerpc.pdus import (
    WHOLE,
    AlterContext,
    AlterContextResp,
    AuthLevel,
    AuthType,
    Fault,
    PfcFlags,
    RejectReason,
    Request,
    Response,
    SecTrailer,
    decode_pdu,
)
from rpch.dcerpc.refusals import Refused
from rpch.dcerpc.security import Declined, Segments
from rpch.dcerpc.security_contexts import CannotStart, Phase, SecuredContext, SecurityContexts, anonymous
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed
from rpch.testing.mechanisms import ToyMechanism, ToyProvider
from rpch.testing.raw_rpc import RawClient, Seen, ToyContext, ended, endpoint, offer, started

DNE = WHOLE | PfcFlags.DID_NOT_EXECUTE
PROTO, DENIED, PKG = Status.PROTO_ERROR, Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR
SIGN = PfcFlags.SUPPORT_HEADER_SIGN
DUMMY = b"\x01" + bytes(15)


def secured(*contexts: ToyContext, flags: PfcFlags = WHOLE) -> RawClient:
    client = RawClient(endpoint(secure=True))
    client.bind(offer(0x1001), flags=flags)
    for context in contexts:
        client.authenticate(context, offer(0x1001))
    return client


def check_end(seen: list[Seen], status: Status) -> None:
    assert seen[0] == Fault(4, status, 0x1001)
    assert ended(seen)


def call(stub: bytes = b"", opnum: int = 0, **more: object) -> Request:
    return replace(Request(4, 0x1001, opnum, stub), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
@pytest.mark.parametrize("level", [AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY])
@pytest.mark.parametrize("signing", [False, True])
def test_calls_and_answers_are_protected_and_faults_are_not(
    auth_type: AuthType, level: AuthLevel, signing: bool
) -> None:
    context = ToyContext(2, level, auth_type)
    client = secured(context, flags=WHOLE | SIGN if signing else WHOLE)
    for stub, answer, pad in [(b"", bytes(28), 4), (b"x" * 17, bytes(4), 12)]:
        begun = started(client.send(context.protect(call(stub), header_signing=signing)))
        assert (begun.stub, begun.user, begun.level) == (stub, "alice", level)
        [response] = client.finish(4, answer)
        assert isinstance(response, Response)
        assert response.auth is not None
        assert (response.auth.pad_length, response.auth.context_id) == (pad, 2)
        parts = _parts(response)
        body = context.mechanism.verify(parts, response.auth.token, header_signing=signing)
        assert body == answer + bytes(pad)
        unknown = context.protect(call(bytes(17), 0xFFFF), header_signing=signing)
        assert client.send(unknown) == [Fault(4, Status.OP_RNG_ERROR, 0x1001, DNE)]


def _parts(response: Response) -> Segments:
    wire = response.encode()
    assert response.auth is not None
    token = len(response.auth.token)
    return Segments(wire[:24], response.stub, wire[-token - 8 : -token])


def test_large_answers_are_protected_fragment_by_fragment() -> None:
    context = ToyContext(2)
    client = secured(context)
    client.send(context.protect(call()))
    answers = client.finish(4, bytes(20_000))
    assert all(isinstance(one, Response) and len(one.encode()) <= 5832 for one in answers)
    bodies = [
        context.mechanism.verify(_parts(one), one.auth.token, header_signing=False)
        for one in answers
        if isinstance(one, Response) and one.auth is not None
    ]
    assert [len(body) for body in bodies] == [5776, 5776, 5776, 2672]


@pytest.mark.parametrize(
    ("at", "status"),
    [(16, PKG), (24, PKG), (30, PKG), (-20, DENIED), (-1, PKG)],
    ids=["header", "stub", "padding", "trailer", "token"],
)
def test_every_flipped_bit_is_noticed(at: int, status: Status) -> None:
    context = ToyContext(2)
    client = secured(context, flags=WHOLE | SIGN)
    wire = bytearray(context.protect(call(b"stub"), header_signing=True))
    wire[at] ^= 4
    check_end(client.send(bytes(wire)), status)


def test_a_replayed_fragment_is_noticed() -> None:
    context = ToyContext(2)
    client = secured(context)
    wire = context.protect(call())
    started(client.send(wire))
    client.finish(4)
    check_end(client.send(wire), PKG)


# What does not fit


@pytest.mark.parametrize("level", [AuthLevel.PKT, AuthLevel.PKT_INTEGRITY])
def test_connect_and_protection_are_not_exchanged(level: AuthLevel) -> None:
    connect = ToyContext(2, AuthLevel.CONNECT)
    wrong = replace(connect.trailer, auth_level=level, token=DUMMY)
    check_end(secured(connect).send(call(auth=wrong)), DENIED)
    signed = ToyContext(2, level)
    wrong = replace(signed.trailer, auth_level=AuthLevel.CONNECT, token=DUMMY)
    check_end(secured(signed).send(call(auth=wrong)), DENIED)


def test_a_context_nobody_began_is_denied() -> None:
    check_end(secured(ToyContext(2)).send(call(auth=ToyContext(3).leg(DUMMY))), DENIED)


@pytest.mark.parametrize("auth", [None, DUMMY])
def test_connect_works_without_a_token_and_with_any(auth: bytes | None) -> None:
    connect = ToyContext(2, AuthLevel.CONNECT)
    client = secured(connect)
    request = call(b"stub", auth=connect.leg(auth) if auth else None)
    begun = started(client.send(request))
    assert (begun.user, begun.level, begun.stub) == ("alice", AuthLevel.CONNECT, b"stub")
    assert client.finish(4) == [Response(4, 1, b"done", alloc_hint=4)]


def test_padding_at_level_connect_is_cut_off() -> None:
    connect = ToyContext(2, AuthLevel.CONNECT)
    trailer = replace(connect.leg(DUMMY), pad_length=4)
    assert started(secured(connect).send(call(b"stubpads", auth=trailer))).stub == b"stub"


@pytest.mark.parametrize("pad", [3, 1])
def test_a_trailer_may_sit_at_any_multiple_of_four_and_nowhere_else(pad: int) -> None:
    context = ToyContext(2)
    client = secured(context)
    stub = b"x" * 5 + bytes(pad)
    wire = call(stub, auth=replace(context.trailer, token=bytes(16), pad_length=pad)).encode()
    parts = Segments(wire[:24], stub, wire[-24:-16])
    _, token = context.mechanism.protect(parts, header_signing=False)
    seen = client.send(wire[:-16] + token)
    if pad == 3:
        assert started(seen).stub == b"x" * 5
    else:
        check_end(seen, PROTO)


def test_more_padding_than_body_is_a_protocol_error() -> None:
    connect = ToyContext(2, AuthLevel.CONNECT)
    trailer = replace(connect.leg(DUMMY), pad_length=5)
    check_end(secured(connect).send(call(b"stub", auth=trailer)), PROTO)


def test_requests_before_the_last_leg_end_the_connection() -> None:
    client = secured()
    context = ToyContext(2, AuthLevel.CONNECT, AuthType.NEGOTIATE)
    client.send(AlterContext(3, (offer(0x1001),), auth=context.leg(context.mechanism.first())))
    seen = client.send(call(auth=context.leg(DUMMY)))
    assert seen[0] == Fault(4, PROTO, 0, DNE)
    assert ended(seen)


# Requests without a trailer


def test_the_context_at_connect_that_came_last_speaks_for_requests_without_a_trailer() -> None:
    alice = ToyContext(1, AuthLevel.CONNECT, user=b"alice")
    bob = ToyContext(2, AuthLevel.CONNECT, user=b"bob")
    client = secured(alice)
    assert started(client.send(call())).user == "alice"
    client.finish(4)
    client.authenticate(bob, offer(0x1001))
    assert started(client.send(call())).user == "bob"
    client.finish(4)
    assert started(client.send(call(auth=alice.leg(DUMMY)))).user == "alice"
    client.finish(4)
    assert started(client.send(call())).user is None
    client.finish(4)
    client.authenticate(ToyContext(3, AuthLevel.CONNECT, user=b"carol"), offer(0x1001))
    assert started(client.send(call())).user is None


def test_contexts_that_protect_never_speak_for_requests_without_a_trailer() -> None:
    assert started(secured(ToyContext(1)).send(call())).user is None


def test_a_signed_request_resets_the_default_but_later_contexts_may_become_it() -> None:
    alice, signed = ToyContext(1, AuthLevel.CONNECT), ToyContext(2)
    client = secured(alice, signed)
    started(client.send(signed.protect(call())))
    client.finish(4)
    assert started(client.send(call())).user is None
    client.finish(4)
    client.authenticate(ToyContext(3, AuthLevel.CONNECT, user=b"carol"), offer(0x1001))
    assert started(client.send(call())).user == "carol"


# Header signing


def test_header_signing_switched_on_late_concerns_all_contexts() -> None:
    one, two = ToyContext(1, user=b"one"), ToyContext(2, user=b"two")
    client = secured(one, two)
    started(client.send(one.protect(call())))
    client.finish(4)
    [answer] = client.send(AlterContext(7, (offer(0x1001),), flags=WHOLE | SIGN))
    assert isinstance(answer, AlterContextResp)
    assert answer.flags == WHOLE | SIGN
    started(client.send(one.protect(call(), header_signing=True)))
    client.finish(4)
    check_end(client.send(two.protect(call())), PKG)


# The parts by themselves


def test_starting_is_refused_with_a_reason() -> None:
    class Broken:
        def start(self, auth_type: AuthType, level: AuthLevel) -> ToyMechanism:
            raise AuthenticationFailed("no key for this service")

    trailer = SecTrailer(AuthType.NTLM, AuthLevel.PKT, 1, b"")
    with pytest.raises(CannotStart, match="no key for this service") as caught:
        SecurityContexts(Broken()).begin(trailer)
    assert caught.value.reason is RejectReason.INVALID_CHECKSUM
    with pytest.raises(CannotStart, match="level CALL") as caught:
        SecurityContexts(ToyProvider()).begin(replace(trailer, auth_level=AuthLevel.CALL))
    assert caught.value.reason is RejectReason.INVALID_CHECKSUM
    with pytest.raises(CannotStart, match="level NONE protects nothing") as caught:
        SecurityContexts(None).begin(replace(trailer, auth_level=AuthLevel.NONE))
    assert caught.value.reason is RejectReason.NOT_SPECIFIED
    with pytest.raises(CannotStart, match="not offered") as caught:
        SecurityContexts(None).begin(trailer)
    assert caught.value.reason is RejectReason.AUTHENTICATION_TYPE_NOT_RECOGNIZED


def test_contexts_are_counted_and_invalidated_together() -> None:
    contexts = SecurityContexts(ToyProvider(), limit=1)
    room = [contexts.full]
    context = contexts.begin(ToyContext(5).trailer)
    legs = [contexts.legs_open]
    assert [*room, contexts.full] == [False, True]
    assert (len(contexts), contexts.find(5)) == (1, context)
    contexts.established(context)
    assert [*legs, contexts.legs_open] == [True, False]
    contexts.invalidate()
    assert context.phase is Phase.INVALID
    with pytest.raises(Refused, match="invalid"):
        contexts.open(context, b"", call(), first=True, context_id=1)


class Exhausted(ToyMechanism):
    """Cannot sign any more."""

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        raise AuthenticationFailed("the context has expired")


def test_an_answer_that_cannot_be_protected_is_not_sent() -> None:
    context = SecuredContext(AuthType.NTLM, AuthLevel.PKT, 1, Exhausted(AuthLevel.PKT, 3, client=False))
    with pytest.raises(Refused, match="expired") as caught:
        SecurityContexts(None).seal(context, Response(1, 0))
    assert caught.value.status is PKG


def test_nobody_in_particular_is_anonymous() -> None:
    nobody = anonymous()
    assert (nobody.mechanism.user, nobody.protects, nobody.phase) == (None, False, Phase.ESTABLISHED)
    assert nobody.mechanism.step(b"token") == Declined("nobody authenticates here")
    parts = Segments(b"", b"body", b"")
    assert nobody.mechanism.protect(parts, header_signing=True) == (b"body", b"")
    with pytest.raises(AuthenticationFailed):
        nobody.mechanism.verify(parts, b"", header_signing=True)


def test_requests_without_a_trailer_where_every_fragment_must_have_one() -> None:
    contexts = SecurityContexts(ToyProvider())
    contexts.default = contexts.begin(ToyContext(5).trailer)
    contexts.established(contexts.default)
    assert contexts.for_request(None) is contexts.default
    with pytest.raises(Refused, match="not protected") as caught:
        contexts.open(contexts.default, b"", call(), first=True, context_id=7)
    assert (caught.value.status, caught.value.context_id) == (PROTO, 7)


def test_a_trailer_where_nothing_was_authenticated() -> None:
    request = call(auth=ToyContext(5).leg(DUMMY))
    with pytest.raises(Refused, match="nothing was authenticated") as caught:
        SecurityContexts(None).open(anonymous(), request.encode(), request, first=True, context_id=7)
    assert (caught.value.status, caught.value.context_id) == (DENIED, 7)


def test_pdus_that_will_not_be_used_are_checked_all_the_same() -> None:
    contexts, context = SecurityContexts(ToyProvider()), ToyContext(5)
    ours = contexts.begin(context.trailer)
    wire = context.protect(call(b"stub"))
    pdu = decode_pdu(wire)
    assert isinstance(pdu, Request)
    for trailer in (None, ToyContext(6).trailer, pdu.auth):  # none, unknown, and its legs not finished
        contexts.keep_in_step(wire, trailer, pdu.stub)
    contexts.established(ours)
    contexts.keep_in_step(wire, pdu.auth, pdu.stub)
    with pytest.raises(Refused) as caught:
        contexts.keep_in_step(wire, pdu.auth, pdu.stub)
    assert caught.value.status is PKG
