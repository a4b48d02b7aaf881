"""Legs of authentication in bind, alter_context and auth3; the rest of binding is in `test_server_side`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpch.dcerpc.handshake import Handshake, negotiated_fragment
from rpch.dcerpc.pdus import (
    NDR20,
    NO_SYNTAX,
    WHOLE,
    AlterContext,
    AlterContextResp,
    Auth3,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    BindNak,
    ContextResult,
    Fault,
    Pdu,
    PfcFlags,
    Request,
    SecTrailer,
)
from rpch.dcerpc.presentation import Features, PresentationContexts, feature_syntax
from rpch.dcerpc.security import Continue, Declined, Established
from rpch.dcerpc.security_contexts import SecurityContexts
from rpch.dcerpc.server_side import (
    Limits,
    SecurityStepped,
    StartCall,
    State,
    StepSecurity,
    TransportClosed,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import LocalProtocolError
from rpch.testing.raw_rpc import (
    INTERFACES,
    MAPPED,
    RawClient,
    Seen,
    ToyContext,
    ended,
    endpoint,
    offer,
    started,
)

SPNEGO, NTLM = AuthType.NEGOTIATE, AuthType.NTLM
CONNECT, PKT, PRIVACY = AuthLevel.CONNECT, AuthLevel.PKT, AuthLevel.PKT_PRIVACY
PROTO, DENIED, PKG = Status.PROTO_ERROR, Status.ACCESS_DENIED, Status.RPC_S_SEC_PKG_ERROR
DNE = WHOLE | PfcFlags.DID_NOT_EXECUTE


def client_of(limits: Limits | None = None) -> RawClient:
    return RawClient(endpoint(secure=True, limits=limits))


def first_leg(client: RawClient, context: ToyContext) -> bytes:
    """Bind with the first leg; the client's token for the next."""
    [ack] = client.send(Bind(1, (offer(1),), auth=context.leg(context.mechanism.first())))
    assert isinstance(ack, BindAck)
    assert ack.auth is not None
    return context.take(ack.auth.token)


def check_denied(seen: list[Seen], status: Status, *, flags: PfcFlags = DNE, context_id: int = 0) -> None:
    assert isinstance(seen[0], Fault)
    assert (seen[0].status, seen[0].flags, seen[0].context_id) == (status, flags, context_id)
    assert ended(seen)


def check_nak(seen: list[Seen], reason: int) -> None:
    assert isinstance(seen[0], BindNak)
    assert seen[0].reason == reason
    assert ended(seen)


@pytest.mark.parametrize(
    ("xmit", "recv", "agreed"),
    [(5840, 5840, 5840), (0xFFFF, 3199, 3192), (0, 9, 2048), (2048, 2048, 2048), (4287, 0xFFFF, 4280)],
)
def test_the_smaller_wish_within_bounds_is_agreed_on(xmit: int, recv: int, agreed: int) -> None:
    assert negotiated_fragment(xmit, recv, limit=5840) == agreed
    assert negotiated_fragment(xmit, recv, limit=2050) == 2048


# Bind


def test_four_legs_by_bind_and_alter_context() -> None:
    client, context = client_of(), ToyContext(2, PKT, SPNEGO)
    token = first_leg(client, context)
    [answer] = client.send(AlterContext(1, (offer(1),), auth=context.leg(token)))
    assert isinstance(answer, AlterContextResp)
    assert answer.auth == context.leg(b"leg 4:alice")
    assert started(client.send(context.protect(Request(3, 1, 0)))).user == "alice"


def test_three_legs_by_bind_and_a_silent_auth3() -> None:
    client, context = client_of(), ToyContext(2, PKT)
    token = first_leg(client, context)
    assert client.send(Auth3(1, context.leg(token))) == []
    assert started(client.send(context.protect(Request(3, 1, 0)))).user == "alice"


def test_a_last_leg_by_alter_context_is_answered_with_an_empty_token() -> None:
    client, context = client_of(), ToyContext(2, PKT)
    token = first_leg(client, context)
    [answer] = client.send(AlterContext(1, (offer(1),), auth=context.leg(token)))
    assert answer == AlterContextResp(
        1, (ContextResult(0, 0, NDR20),), assoc_group_id=0x53F0, auth=context.leg(b"")
    )


def test_the_context_of_the_bind_is_the_default() -> None:
    client, context = client_of(), ToyContext(2, PKT)
    client.send(Auth3(1, context.leg(first_leg(client, context))))
    check_denied(client.send(Request(3, 1, 0)), PROTO, flags=WHOLE, context_id=1)


@pytest.mark.parametrize(
    ("level", "auth_type", "reason"),
    [
        (AuthLevel.NONE, SPNEGO, 0),
        (AuthLevel.DEFAULT, SPNEGO, 0),
        (AuthLevel(7), SPNEGO, 0),
        (AuthLevel(255), SPNEGO, 0),
        (AuthLevel.CALL, SPNEGO, 9),
        (AuthLevel.CALL, NTLM, 9),
        (AuthLevel.PKT, AuthType.KERBEROS, 8),
        (AuthLevel.CALL, AuthType.KERBEROS, 8),
    ],
)
def test_levels_and_mechanisms_that_cannot_be(level: AuthLevel, auth_type: AuthType, reason: int) -> None:
    trailer = SecTrailer(auth_type, level, 2, b"leg 1:alice")
    check_nak(client_of().send(Bind(1, (offer(1),), auth=trailer)), reason)
    client = client_of()
    client.bind(offer(1))
    check_denied(client.send(AlterContext(2, (offer(1),), auth=trailer)), DENIED)


def test_a_token_the_mechanism_declines() -> None:
    context = ToyContext(2)
    check_nak(client_of().send(Bind(1, (offer(1),), auth=context.leg(b"useless"))), 9)
    client = client_of()
    client.bind(offer(1))
    check_denied(client.send(AlterContext(2, (offer(1),), auth=context.leg(b"useless"))), DENIED)


def test_a_mechanism_too_weak_for_the_level() -> None:
    client, context = client_of(), ToyContext(2, PRIVACY, SPNEGO, user=b"weak")
    token = first_leg(client, context)
    check_denied(client.send(AlterContext(1, (offer(1),), auth=context.leg(token))), PKG)


def test_a_refused_bind_gives_up_its_group() -> None:
    where = endpoint(secure=True)
    check_nak(RawClient(where).send(Bind(1, (offer(1),), auth=ToyContext(2).leg(b"useless"))), 9)
    assert len(where.associations) == 0


# Where the trailer is


def padded(context: ToyContext, token: bytes, pad: int) -> SecTrailer:
    return replace(context.leg(token), pad_length=pad)


@pytest.mark.parametrize("size", [4, 64, 1000, 5000])
def test_undeclared_filler_before_an_aligned_trailer_is_ignored(size: int) -> None:
    client, context = client_of(), ToyContext(2, PKT)
    trailer = context.leg(context.mechanism.first())
    [ack] = client.send(Bind(1, (offer(1),), auth=trailer, filler=bytes(size)))
    assert isinstance(ack, BindAck)
    assert ack.auth is not None
    last = context.leg(context.take(ack.auth.token))
    assert client.send(Auth3(1, last, filler=bytes(size))) == []
    again = ToyContext(3, PKT)
    first = again.leg(again.mechanism.first())
    [answer] = client.send(AlterContext(1, (offer(1),), auth=first, filler=bytes(size)))
    assert isinstance(answer, AlterContextResp)
    started(client.send(context.protect(Request(3, 1, 0))))


def test_a_trailer_that_is_not_aligned() -> None:
    context = ToyContext(2, PKT)
    first = context.leg(context.mechanism.first())
    check_nak(client_of().send(Bind(1, (offer(1),), auth=first, filler=b"xy")), 0)
    client = client_of()
    token = first_leg(client, ToyContext(2, PKT))
    leg = context.leg(token)
    check_denied(client.send(AlterContext(1, (offer(1),), auth=leg, filler=b"xy")), PROTO)
    client = client_of()
    token = first_leg(client, ToyContext(2, PKT))
    check_denied(client.send(Auth3(1, leg, filler=b"xy")), PROTO)


def test_padding_has_no_place_in_the_bind_family() -> None:
    context = ToyContext(2, PKT)
    first = padded(context, context.mechanism.first(), 1)
    check_nak(client_of().send(Bind(1, (offer(1),), auth=first)), 4)
    for carrier, status in [(AlterContext, PROTO), (Auth3, Status.S_FAULT_REMOTE_NO_MEMORY)]:
        client = client_of()
        leg = padded(context, first_leg(client, ToyContext(2, PKT)), 1)
        pdu = AlterContext(1, (offer(1),), auth=leg) if carrier is AlterContext else Auth3(1, leg)
        check_denied(client.send(pdu), status)


def test_a_bind_without_contexts_is_refused_for_a_reason_unless_it_shall_not() -> None:
    check_nak(client_of().send(Bind(1, ())), 4)
    check_nak(client_of(Limits(legacy_bind=True)).send(Bind(1, ())), 0)


def test_padding_within_the_body_can_be_tolerated() -> None:
    context = ToyContext(2, PKT)
    token = context.mechanism.first()
    room = len(Bind(1, (offer(1),), auth=context.leg(token)).encode()) - 24 - 8 - len(token)
    for pad, accepted in [(room, True), (room + 1, False)]:
        client = client_of(Limits(legacy_bind=True))
        seen = client.send(Bind(1, (offer(1),), auth=padded(context, token, pad)))
        assert isinstance(seen[0], BindAck if accepted else BindNak)


# Alter_context


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"auth_level": PRIVACY}, DENIED),
        ({"auth_type": AuthType.KERBEROS}, PKG),
        ({"auth_type": AuthType.NONE}, DENIED),
    ],
)
def test_a_second_leg_that_changes_its_mind(change: dict[str, int], status: Status) -> None:
    client, context = client_of(), ToyContext(2, PKT, SPNEGO)
    leg = replace(context.leg(first_leg(client, context)), **change)  # type: ignore[arg-type]
    check_denied(client.send(AlterContext(1, (offer(1),), auth=leg)), status)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"auth_level": PRIVACY}, PROTO),
        ({"auth_type": AuthType.KERBEROS}, PROTO),
        ({"auth_type": AuthType.NONE}, DENIED),
    ],
)
def test_mistakes_in_the_contexts_win_over_those_that_could_be_healed(
    change: dict[str, int], status: Status
) -> None:
    client, context = client_of(), ToyContext(2, PKT, SPNEGO)
    leg = replace(context.leg(first_leg(client, context)), **change)  # type: ignore[arg-type]
    check_denied(client.send(AlterContext(1, (offer(1, MAPPED.syntax),), auth=leg)), status)


@pytest.mark.parametrize("auth_type", [SPNEGO, NTLM])
def test_an_established_context_takes_no_more_legs(auth_type: AuthType) -> None:
    for carrier, status in [("alter", DENIED), ("auth3", PROTO)]:
        client = client_of()
        client.bind(offer(1))
        context = ToyContext(2, CONNECT, auth_type)
        client.authenticate(context, offer(1))
        leg = context.leg(b"leg 1:alice")
        pdu: Pdu = AlterContext(3, (offer(1),), auth=leg) if carrier == "alter" else Auth3(3, leg)
        check_denied(client.send(pdu), status)


def test_only_so_many_security_contexts() -> None:
    client = client_of(Limits(security_contexts=3))
    client.bind(offer(1))
    for context_id in range(1, 4):
        context = ToyContext(context_id, PKT)
        client.authenticate(context, offer(1))
        started(client.send(context.protect(Request(3, 1, 0))))
        client.finish(3)
    more = ToyContext(4, PKT)
    leg = more.leg(more.mechanism.first())
    check_denied(client.send(AlterContext(3, (offer(1),), auth=leg)), PROTO)


# Auth3


def test_an_auth3_that_is_not_the_last_leg_is_silent_until_the_first_request() -> None:
    for auth_type, token in [(SPNEGO, None), (NTLM, b"useless")]:
        client, context = client_of(), ToyContext(2, CONNECT, auth_type)
        leg = first_leg(client, context)
        assert client.send(Auth3(1, context.leg(token or leg))) == []
        check_denied(client.send(Request(3, 1, 0)), DENIED, flags=WHOLE, context_id=1)


@pytest.mark.parametrize(
    "change", [{"auth_level": PRIVACY}, {"auth_type": AuthType.KERBEROS}, {"context_id": 3}]
)
def test_an_auth3_for_another_context(change: dict[str, int]) -> None:
    client, context = client_of(), ToyContext(2, PKT)
    leg = replace(context.leg(first_leg(client, context)), **change)  # type: ignore[arg-type]
    check_denied(client.send(Auth3(1, leg)), PROTO)


def test_an_auth3_without_a_token() -> None:
    client, context = client_of(), ToyContext(2, PKT)
    first_leg(client, context)
    check_denied(client.send(Auth3(1, None)), Status.S_FAULT_REMOTE_NO_MEMORY)


@pytest.mark.parametrize(("size", "filler"), [(4097, 0), (4096, 1720)])
def test_an_auth3_that_is_too_large(size: int, filler: int) -> None:
    client, context = client_of(), ToyContext(2, PKT)
    first_leg(client, context)
    check_denied(client.send(Auth3(1, context.leg(bytes(size)), filler=bytes(filler))), PROTO)


def test_header_signing_is_not_switched_on_by_auth3() -> None:
    client, context = client_of(), ToyContext(2, PKT)
    token = first_leg(client, context)
    client.send(Auth3(1, context.leg(token), flags=WHOLE | PfcFlags.SUPPORT_HEADER_SIGN))
    signed = context.protect(Request(3, 1, 0), header_signing=True)
    check_denied(client.send(signed), PKG, flags=WHOLE, context_id=1)


# While a mechanism thinks


def waiting() -> tuple[RawClient, ToyContext]:
    client, context = client_of(Limits(held=100)), ToyContext(2, CONNECT, SPNEGO)
    client.steps = False
    seen = client.send(Bind(1, (offer(1),), auth=context.leg(context.mechanism.first())))
    assert isinstance(seen[0], StepSecurity)
    assert seen[0].token == b"leg 1:alice"
    assert client.machine.state is State.STEPPING
    return client, context


def test_a_leg_that_came_early_waits_for_the_one_before_it() -> None:
    client, context = waiting()
    early = AlterContext(2, (offer(1),), auth=context.leg(b"leg 3:alice"))
    assert client.send(early) == []
    ack, step = client.tell(SecurityStepped(Continue(b"leg 2:alice")))
    assert isinstance(ack, BindAck)
    assert isinstance(step, StepSecurity)
    assert step.token == b"leg 3:alice"
    assert client.machine.state is State.STEPPING


def test_what_waited_is_looked_at_in_order() -> None:
    client, _ = waiting()
    assert client.send(Request(2, 1, 0)) == []
    assert client.send(Request(3, 1, 0)) == []
    seen = client.tell(SecurityStepped(Established(b"done")))
    assert isinstance(seen[0], BindAck)
    assert isinstance(seen[1], StartCall)
    assert isinstance(seen[2], Fault)
    assert ended(seen)
    assert client.machine.state is not State.STEPPING


def test_what_waits_is_bounded() -> None:
    client, _ = waiting()
    assert client.send(Request(2, 1, 0, bytes(60))) == []
    assert ended(client.send(Request(3, 1, 0)))
    assert client.machine.state is State.CLOSED


def test_a_mechanism_may_answer_too_late() -> None:
    client, _ = waiting()
    assert client.tell(TransportClosed()) == []
    assert client.tell(SecurityStepped(Established())) == []


def test_a_mechanism_that_declines_refuses_the_bind() -> None:
    client, _ = waiting()
    check_nak(client.tell(SecurityStepped(Declined("wrong password"))), 9)


# What needs no mechanism


def broken(pdu: Pdu, size: int) -> bytes:
    """A PDU cut to a size that its header confirms."""
    wire = bytearray(pdu.encode()[:size])
    wire[8:10] = size.to_bytes(2, "little")
    return bytes(wire)


def test_broken_bodies_are_refused() -> None:
    check_nak(client_of().send(broken(Bind(1, (offer(1),)), 40)), 4)
    for wire in (broken(AlterContext(1, (offer(1),)), 40), broken(Auth3(1, None), 18)):
        client = client_of()
        client.bind(offer(1))
        check_denied(client.send(wire), PROTO)


def test_offers_that_no_answer_fits_are_refused() -> None:
    check_nak(client_of().send(Bind(1, ())), 4)
    client = client_of()
    client.bind(offer(1))
    check_denied(client.send(AlterContext(1, ())), PROTO)


def test_multiplexing_features_and_header_signing_are_agreed_on() -> None:
    client = client_of()
    wanted = WHOLE | PfcFlags.CONC_MPX | PfcFlags.SUPPORT_HEADER_SIGN
    features = offer(2, NO_SYNTAX, feature_syntax(Features(3)))
    ack = client.bind(offer(1), features, flags=wanted)
    assert (ack.flags, ack.results[1]) == (wanted, ContextResult(3, 3))
    [answer] = client.send(AlterContext(1, (offer(1),), flags=wanted))
    assert isinstance(answer, AlterContextResp)
    assert answer.flags == WHOLE | PfcFlags.SUPPORT_HEADER_SIGN


def test_groups_are_joined_or_made() -> None:
    where = endpoint(groups=1)
    group_id = RawClient(where).bind(offer(1)).assoc_group_id
    assert RawClient(where).bind(offer(1), group_id=group_id).assoc_group_id == group_id
    check_nak(RawClient(where).send(Bind(1, (offer(1),), assoc_group_id=group_id + 1)), 0)
    check_nak(RawClient(where).send(Bind(1, (offer(1),))), 2)


def test_a_step_that_nobody_ordered_is_our_own_mistake() -> None:
    handshake = Handshake(
        PresentationContexts(INTERFACES),
        SecurityContexts(None),
        endpoint().associations,
        identity="client",
        secondary_address="135",
        fragment_limit=5840,
    )
    assert handshake.waiting_call_id == 0
    with pytest.raises(LocalProtocolError):
        handshake.stepped(Established())
