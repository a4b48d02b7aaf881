"""Several users on one connection: our client's machine against our server's, with real mechanisms."""

from __future__ import annotations

import pytest

from rpch.client.security import RpcCredentials
from rpch.dcerpc import client_events as to_client
from rpch.dcerpc.client_contexts import CannotOpen
from rpch.dcerpc.client_opening import State as ClientState
from rpch.dcerpc.pdus import (
    AlterContext,
    AlterContextResp,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    ContextResult,
    PfcFlags,
    Request,
    Response,
    decode_pdu,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, DecodeError
from rpch.testing.raw_rpc import MANAGED, MAPPED
from tests.sim.secured_pair import (
    BINDING,
    CONNECT,
    NTLM,
    PKT,
    SEALS,
    SIGNED,
    SIGNS,
    SPNEGO,
    STUB,
    Pair,
    opened,
)

ALICE, BOB = r"LAB\alice", r"LAB\bob"
LEVELS = pytest.mark.parametrize("level", [CONNECT, PKT, SIGNS, SEALS])
PACKAGES = pytest.mark.parametrize("auth_type", [NTLM, SPNEGO])


def bob(level: AuthLevel = SIGNS, auth_type: AuthType = SPNEGO, password: str = "secret2") -> RpcCredentials:
    return RpcCredentials(BOB, password, level, auth_type)


async def joined(pair: Pair, who: RpcCredentials | None = None) -> int:
    """One more user's context, as far as it comes."""
    context_id = pair.client.new_context_id()
    await pair.tell(to_client.OpenContext(await (who or bob()).begin(BINDING, context_id)))
    return context_id


def refusals(pair: Pair) -> list[to_client.ContextRefused]:
    return [action for action in pair.said if isinstance(action, to_client.ContextRefused)]


@LEVELS
@PACKAGES
@pytest.mark.parametrize("own", [CONNECT, PKT, SEALS])
async def test_each_call_is_its_own_user_s(auth_type: AuthType, level: AuthLevel, own: AuthLevel) -> None:
    pair = await opened(NTLM, own)
    assert await pair.call() == STUB
    context = await joined(pair, bob(level, auth_type))
    assert to_client.ContextReady(context) in pair.said
    large = STUB * 200
    for stub in STUB, large, b"":
        assert await pair.call(stub, security=context) == stub
        assert await pair.call(stub) == stub
    assert pair.users == [(ALICE, own), *[(BOB, level), (ALICE, own)] * 3]


@SIGNED
async def test_beside_nobody_somebody_calls_too(level: AuthLevel) -> None:
    """Header signing is agreed on with the first token, since the bind had none."""
    pair = await opened(None)
    context = await joined(pair, bob(level))
    again = await joined(pair, bob(level, NTLM))
    for _ in range(2):
        assert await pair.call() == STUB
        assert await pair.call(security=context) == STUB
        assert await pair.call(security=again) == STUB
    assert pair.users == [(None, AuthLevel.NONE), (BOB, level), (BOB, level)] * 2
    offers = [pdu for pdu in map(decode_pdu, pair.sent) if isinstance(pdu, AlterContext)]
    assert [PfcFlags.SUPPORT_HEADER_SIGN in pdu.flags for pdu in offers] == [True, False, False]


async def test_beside_nobody_nobody_else_calls_bare() -> None:
    """The server would take nobody's calls for his: MS-RPCE 3.3.1.5.4."""
    pair = await opened(None)
    before = len(pair.sent)
    await joined(pair, bob(CONNECT))
    [refused] = refusals(pair)
    assert isinstance(refused.why, CannotOpen)
    assert "CONNECT" in str(refused.why)
    assert len(pair.sent) == before
    assert await pair.call() == STUB


async def test_at_level_connect_every_request_says_whose_it_is_as_soon_as_there_are_two() -> None:
    pair = await opened(NTLM, CONNECT)
    await pair.call()
    first = decode_pdu(pair.sent[-1])
    context = await joined(pair, bob(CONNECT))
    named = []
    for security in (None, context):
        await pair.call(security=security)
        request = decode_pdu(pair.sent[-1])
        assert isinstance(request, Request)
        assert request.auth is not None
        named.append((request.auth.context_id, request.auth.auth_level))
    assert isinstance(first, Request)
    assert first.auth is None
    assert named == [(1, CONNECT), (context, CONNECT)]


async def test_interfaces_are_shared_by_all_contexts() -> None:
    pair = await opened(SPNEGO, SEALS)
    context = await joined(pair)
    assert await pair.call(interface=MAPPED, opnum=2, security=context) == STUB
    assert await pair.call(interface=MAPPED, opnum=2) == STUB
    altered = [pdu for pdu in map(decode_pdu, pair.sent) if isinstance(pdu, AlterContext)]
    assert sum(pdu.contexts[0].abstract_syntax == MAPPED.syntax for pdu in altered) == 1


async def test_many_contexts_each_with_its_own_numbers() -> None:
    pair = await opened(NTLM, SIGNS)
    contexts = [await joined(pair, bob(level, NTLM)) for level in (PKT, SIGNS, SEALS) * 10]
    for context in contexts + contexts[::-1]:
        assert await pair.call(security=context) == STUB
    assert await pair.call() == STUB


async def test_a_wrong_password_is_told_and_the_server_ends_the_connection() -> None:
    pair = await opened(SPNEGO, SIGNS)
    context = await joined(pair, bob(password="wrong"))
    [refused] = refusals(pair)
    assert refused.context_id == context
    assert isinstance(refused.why, AuthenticationFailed)
    assert "the credentials" in str(refused.why)
    assert pair.client.state is ClientState.OPEN  # it is the server who ends it
    assert pair.ended is not None
    await pair.tell(to_client.TransportClosed())
    closed = pair.said[-1]
    assert isinstance(closed, to_client.Closed)
    assert "when it refused a security context" in str(closed.why)


async def test_by_ntlm_alone_a_wrong_password_shows_with_the_first_call() -> None:
    pair = await opened(SPNEGO, SIGNS)
    context = await joined(pair, bob(SIGNS, NTLM, "wrong"))
    assert to_client.ContextReady(context) in pair.said
    assert await pair.call() == STUB
    assert await pair.call(security=context) == Status.ACCESS_DENIED
    assert pair.ended is not None


async def test_a_server_that_breaks_off_its_part_costs_that_context_only() -> None:
    """Our side gives up: nothing more is sent for it, and everybody else goes on."""
    pair = await opened(NTLM, SEALS)

    def without_token(pdu: bytes) -> list[bytes]:
        answer = decode_pdu(pdu)
        if not isinstance(answer, AlterContextResp):
            return [pdu]
        object.__setattr__(answer, "auth", None)
        return [answer.encode()]

    pair.to_client = without_token
    context = await joined(pair)
    assert [one.context_id for one in refusals(pair)] == [context]
    pair.to_client = lambda pdu: [pdu]
    assert await pair.call() == STUB
    other = await joined(pair)
    assert await pair.call(security=other) == STUB
    assert pair.client.state is ClientState.OPEN


async def test_calls_go_on_while_a_context_is_on_its_way() -> None:
    pair = await opened(NTLM, SEALS)
    held: list[bytes] = []
    pair.to_client = lambda pdu: [pdu] if pdu[2] != 15 else held.append(pdu) or []  # type: ignore[func-returns-value]
    context = await joined(pair)
    waiting = pair.client.new_call_id()
    await pair.tell(to_client.Invoke(waiting, MANAGED.syntax, 0, STUB, security=context))
    for _ in range(3):
        assert await pair.call() == STUB
    pair.to_client = lambda pdu: [pdu]
    await pair.tell(to_client.PduReceived(held[0]))
    done = [action for action in pair.said if isinstance(action, to_client.CallCompleted)]
    assert done[-1] == to_client.CallCompleted(waiting, STUB, True)
    assert pair.users == [(ALICE, SEALS)] * 3 + [(BOB, SIGNS)]


@pytest.mark.parametrize("level", [PKT, SIGNS, SEALS])
async def test_an_answer_by_another_user_s_context_is_not_believed(level: AuthLevel) -> None:
    """Whoever could answer for Bob cannot answer for Alice, though both contexts are of one connection."""
    pair = await opened(NTLM, level)
    context = await joined(pair, bob(level, NTLM))
    held: list[bytes] = []
    pair.to_client = lambda pdu: held.append(pdu) or []  # type: ignore[func-returns-value]
    assert await pair.call(security=context) is None
    alices = pair.client.new_call_id()
    await pair.tell(to_client.Invoke(alices, MANAGED.syntax, 0, STUB))
    bobs = held[0]
    await pair.tell(to_client.PduReceived(bobs[:12] + alices.to_bytes(4, "little") + bobs[16:]))
    closed = pair.said[-1]
    assert isinstance(closed, to_client.Closed)
    assert isinstance(closed.why, DecodeError)
    assert "another security context" in str(closed.why)


@pytest.mark.parametrize("further", [False, True])
async def test_answers_to_abandoned_calls_keep_the_numbers_of_their_own_context_in_step(
    further: bool,
) -> None:
    pair = await opened(NTLM, SEALS)
    context = await joined(pair, bob(SEALS, NTLM))
    security = context if further else None
    late: list[bytes] = []
    pair.to_client = lambda pdu: late.append(pdu) or []  # type: ignore[func-returns-value]
    call_id = pair.client.new_call_id()
    await pair.tell(to_client.Invoke(call_id, MANAGED.syntax, 0, STUB, security=security))
    await pair.tell(to_client.AbandonCall(call_id))
    pair.to_client = lambda pdu: [*late, pdu] if pdu is not late[0] else [pdu]
    assert await pair.call(security=security) == STUB
    pair.to_client = lambda pdu: [pdu]
    assert await pair.call() == STUB
    assert await pair.call(security=context) == STUB


async def test_a_late_answer_by_a_context_nobody_opened_ends_the_connection() -> None:
    pair = await opened(NTLM, SEALS)
    context = await joined(pair, bob(SEALS, NTLM))

    def renamed(pdu: bytes) -> list[bytes]:
        answer = decode_pdu(pdu)
        if not isinstance(answer, Response) or answer.auth is None:
            return [pdu]
        at = len(pdu) - len(answer.auth.token) - 4
        return [pdu[:12] + (999).to_bytes(4, "little") + pdu[16:at] + b"\x63\0\0\0" + pdu[at + 4 :]]

    pair.to_client = renamed
    await pair.call(security=context)
    assert pair.client.state is ClientState.CLOSED


@pytest.mark.parametrize("level", [SIGNS, SEALS])
async def test_without_a_word_on_header_signing_all_contexts_agree_all_the_same(level: AuthLevel) -> None:
    """Somebody removes the agreement from every answer: the verification trailers find that out."""
    pair = Pair(None, level)

    def without(pdu: bytes) -> list[bytes]:
        known = isinstance(decode_pdu(pdu), BindAck | AlterContextResp | Bind | AlterContext)
        kept = pdu[3] & ~PfcFlags.SUPPORT_HEADER_SIGN
        return [pdu[:3] + bytes((kept,)) + pdu[4:]] if known else [pdu]

    pair.to_server = pair.to_client = without
    await pair.open()
    context = await joined(pair, bob(level, NTLM))
    await pair.call(security=context)
    assert pair.users == []
    assert pair.fault == Status.ACCESS_DENIED
    assert "header signing" in str(pair.ended)


async def test_a_server_that_knows_one_context_a_connection_is_asked_for_no_other() -> None:
    pair = Pair(NTLM, SIGNS)

    def without_features(pdu: bytes) -> list[bytes]:
        ack = decode_pdu(pdu)
        if isinstance(ack, BindAck):
            object.__setattr__(ack, "results", (ack.results[0], ContextResult(2, 2)))
            return [ack.encode()]
        return [pdu]

    pair.to_client = without_features
    await pair.open()
    before = len(pair.sent)
    context = await joined(pair)
    [refused] = refusals(pair)
    assert isinstance(refused.why, CannotOpen)
    assert "one security context a connection" in str(refused.why)
    assert (len(pair.sent), refused.context_id) == (before, context)
    assert await pair.call() == STUB
