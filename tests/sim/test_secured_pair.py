"""Both machines back to back with real mechanisms, and somebody between them who changes what passes."""

from __future__ import annotations

import pytest

from rpch.dcerpc import client_events as to_client
from rpch.dcerpc.client_opening import State as ClientState
from rpch.dcerpc.pdus import (
    WHOLE,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    PduType,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    decode_pdu,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, DecodeError
from rpch.testing.raw_rpc import MANAGED, MAPPED
from tests.sim.secured_pair import (
    BOTH,
    CONNECT,
    NTLM,
    PKT,
    SEALS,
    SIGNED,
    SIGNS,
    SPNEGO,
    STUB,
    Change,
    Pair,
    opened,
)

HEADER, TRAILER, TOKEN = 24, 8, 16


def kind_of(pdu: bytes) -> PduType:
    return PduType(pdu[2])


def flipping(at: int, kind: type[Request | Response]) -> Change:
    """One bit of each request or response is not what it was."""

    def change(pdu: bytes) -> list[bytes]:
        if kind_of(pdu) is not {Request: PduType.REQUEST, Response: PduType.RESPONSE}[kind]:
            return [pdu]
        where = at % len(pdu)
        return [pdu[:where] + bytes((pdu[where] ^ 1,)) + pdu[where + 1 :]]

    return change


@BOTH
@pytest.mark.parametrize("level", [CONNECT, PKT, SIGNS, SEALS])
@pytest.mark.parametrize("size", [0, 4, 16, 20, 5800, 40_000])
async def test_calls_pass_at_every_level(auth_type: AuthType, level: AuthLevel, size: int) -> None:
    pair = await opened(auth_type, level)
    stub = (bytes(range(256)) * (size // 256 + 1))[:size]
    for _ in range(2):
        assert await pair.call(stub) == stub
    assert pair.users == [(r"LAB\alice", level)] * 2


@SIGNED
async def test_a_second_interface_is_protected_by_the_same_context(level: AuthLevel) -> None:
    pair = await opened(SPNEGO, level)
    assert await pair.call() == STUB
    assert await pair.call(interface=MAPPED, opnum=2) == STUB
    assert await pair.call() == STUB


@SIGNED
async def test_only_bodies_are_hidden_and_only_by_privacy(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    await pair.call()
    for wire in (pair.sent[-1], pair.answered[-1]):
        pdu = decode_pdu(wire)
        assert isinstance(pdu, Request | Response)
        assert pdu.auth is not None
        assert (STUB in wire) == (level is not SEALS)
        trailer = (pdu.auth.auth_type, pdu.auth.auth_level, pdu.auth.context_id, len(pdu.auth.token))
        assert trailer == (NTLM, level, 1, TOKEN)
        assert (len(wire) - HEADER - TRAILER - TOKEN) % 16 == 0


# Places in a signed request of 60 bytes of stub, its verification trailer and padding
PLACES = {"call": 12, "hint": 16, "opnum": 22, "stub": 24, "verification": 100, "padding": -25, "token": -1}


@SIGNED
@pytest.mark.parametrize("place", PLACES)
async def test_one_bit_of_a_request_is_noticed_and_nothing_runs(level: AuthLevel, place: str) -> None:
    pair = await opened(NTLM, level)
    pair.to_server = flipping(PLACES[place], Request)
    await pair.call()
    assert pair.users == []
    assert pair.fault == Status.RPC_S_SEC_PKG_ERROR
    assert pair.ended is not None


@pytest.mark.parametrize(("at", "status"), [(-24, 5), (-23, 5), (-22, 0x721), (-21, 0x721), (-20, 5)])
async def test_one_bit_of_a_trailer_is_noticed(at: int, status: int) -> None:
    """Type, level and context id name another context; padding and the reserved byte are signed."""
    pair = await opened()
    pair.to_server = flipping(at, Request)
    await pair.call()
    assert pair.users == []
    assert pair.fault == status
    assert pair.ended is not None


@SIGNED
@pytest.mark.parametrize("at", [16, 22, 24, 30, -25, -24, -23, -22, -21, -20, -16, -1])
async def test_one_bit_of_an_answer_is_noticed_and_nothing_is_believed(level: AuthLevel, at: int) -> None:
    pair = await opened(NTLM, level)
    pair.to_client = flipping(at, Response)
    assert isinstance(await pair.call(), AuthenticationFailed | DecodeError)
    assert pair.client.state is ClientState.CLOSED


async def test_without_header_signing_ntlm_covers_headers_all_the_same() -> None:
    """Somebody removes the offer from the bind and the agreement from its answer."""
    pair = Pair(NTLM, SIGNS)

    def without(pdu: bytes) -> list[bytes]:
        kept = pdu[3] & ~PfcFlags.SUPPORT_HEADER_SIGN
        return [pdu[:3] + bytes((kept,)) + pdu[4:]] if isinstance(decode_pdu(pdu), Bind | BindAck) else [pdu]

    pair.to_server = pair.to_client = without
    await pair.open()
    await pair.call()
    assert pair.users == []
    assert pair.fault == Status.ACCESS_DENIED  # the verification trailer tells that there was an offer
    assert "header signing" in str(pair.ended)


@SIGNED
async def test_a_replayed_request_is_noticed(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    pair.to_server = lambda pdu: [pdu, pdu]
    await pair.call()
    assert len(pair.users) == 1
    assert pair.fault == Status.RPC_S_SEC_PKG_ERROR


@SIGNED
async def test_a_request_that_was_held_back_is_noticed(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    pair.to_server = lambda pdu: []
    assert await pair.call() is None
    pair.to_server = lambda pdu: [pdu]
    await pair.call()
    assert pair.users == []
    assert pair.fault == Status.RPC_S_SEC_PKG_ERROR


@SIGNED
async def test_fragments_that_were_swapped_are_noticed(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    held: list[bytes] = []

    def swap(pdu: bytes) -> list[bytes]:
        if pdu[3] & WHOLE == 0 and not held:
            held.append(pdu)
            return []
        return [pdu, *held] if pdu[3] & WHOLE == 0 else [pdu]

    pair.to_server = swap
    await pair.call(bytes(30_000))
    assert pair.users == []
    assert pair.fault == Status.RPC_S_SEC_PKG_ERROR


@SIGNED
async def test_a_replayed_answer_ends_the_connection_though_nobody_waits_for_it(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    pair.to_client = lambda pdu: [pdu, pdu]
    assert await pair.call() == STUB
    assert pair.client.state is ClientState.CLOSED


@SIGNED
async def test_an_answer_without_protection_is_refused(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    pair.to_client = lambda pdu: [Response(pdu[12], 0, STUB).encode()] if pdu[2] == 2 else [pdu]
    assert isinstance(await pair.call(), DecodeError)


@SIGNED
async def test_faults_are_not_protected_and_use_up_no_number(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    for _ in range(2):
        assert await pair.call(opnum=77) == Status.OP_RNG_ERROR
        assert pair.fault == Status.OP_RNG_ERROR
        assert await pair.call() == STUB


@BOTH
@pytest.mark.parametrize("changed", ["auth_type", "auth_level", "context_id", "dropped"])
async def test_a_bind_ack_for_another_context_is_refused(auth_type: AuthType, changed: str) -> None:
    pair = Pair(auth_type, SEALS)

    def answer_for_another(pdu: bytes) -> list[bytes]:
        ack = decode_pdu(pdu)
        if not isinstance(ack, BindAck) or ack.auth is None:
            return [pdu]
        others = {"auth_type": AuthType.KERBEROS, "auth_level": CONNECT, "context_id": 9}
        facts = {"auth_type": auth_type, "auth_level": SEALS, "context_id": 1} | {
            name: value for name, value in others.items() if name == changed
        }
        trailer = SecTrailer(token=ack.auth.token, **facts)  # type: ignore[arg-type]
        auth = None if changed == "dropped" else trailer
        object.__setattr__(ack, "auth", auth)
        return [ack.encode()]

    pair.to_client = answer_for_another
    await pair.open()
    assert pair.client.state is ClientState.CLOSED
    ended = pair.said[-1]
    assert isinstance(ended, to_client.Closed)
    assert isinstance(ended.why, AuthenticationFailed)


@SIGNED
async def test_answers_to_abandoned_calls_keep_the_numbers_in_step(level: AuthLevel) -> None:
    pair = await opened(NTLM, level)
    late: list[bytes] = []
    pair.to_client = lambda pdu: late.append(pdu) or []  # type: ignore[func-returns-value]
    call_id = pair.client.new_call_id()
    await pair.tell(to_client.Invoke(call_id, MANAGED.syntax, 0, STUB))
    await pair.tell(to_client.AbandonCall(call_id))
    pair.to_client = lambda pdu: [*late, pdu] if pdu is not late[0] else [pdu]
    assert await pair.call() == STUB


def request_with(auth_length: int, *, body: bytes) -> bytes:
    """A request whose header says that its last bytes are a token of this length."""
    head = bytes.fromhex("05000003 10000000") + (HEADER + len(body)).to_bytes(2, "little")
    return head + auth_length.to_bytes(2, "little") + bytes.fromhex("0b000000 00000000 00000000") + body


TRAILER_BYTES = bytes.fromhex("0a050000 01000000")


@pytest.mark.parametrize(
    ("pdu", "status", "executed"),
    [
        (
            request_with(0, body=TRAILER_BYTES + bytes(16)),
            Status.PROTO_ERROR,
            None,
        ),  # a trailer, not declared
        (
            request_with(16, body=TRAILER_BYTES + bytes(16)),
            Status.RPC_S_SEC_PKG_ERROR,
            None,
        ),  # fills it exactly
        (request_with(17, body=TRAILER_BYTES + bytes(16)), Status.PROTO_ERROR, False),  # begins in the header
        (request_with(24, body=TRAILER_BYTES + bytes(16)), Status.PROTO_ERROR, False),
        (request_with(15, body=TRAILER_BYTES + bytes(16)), Status.PROTO_ERROR, None),  # begins at byte 25
        (request_with(0xFFFF, body=TRAILER_BYTES + bytes(16)), Status.PROTO_ERROR, False),
        (request_with(16, body=bytes.fromhex("0a050100 01000000") + bytes(16)), Status.PROTO_ERROR, None),
    ],
    ids=["undeclared", "exact", "one more", "all of it", "one less", "too much", "padding of nothing"],
)
async def test_lengths_of_tokens_at_their_bounds(pdu: bytes, status: Status, executed: bool | None) -> None:
    pair = await opened()
    await pair.server_hears(pdu)
    assert pair.users == []
    assert pair.fault == status
    assert pair.ended is not None
    assert bool(pair.answered[-1][3] & PfcFlags.DID_NOT_EXECUTE) == (executed is False)
