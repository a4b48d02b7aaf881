"""Both machines back to back with real mechanisms, and somebody between them who changes what passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from inspect import isawaitable
from itertools import count
from uuid import UUID

import pytest

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.client.security import RpcCredentials
from rpch.dcerpc import client_events as to_client
from rpch.dcerpc import server_side as to_server
from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_opening import State as ClientState
from rpch.dcerpc.client_side import ClientConnection
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import (
    WHOLE,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    Fault,
    PduType,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    decode_pdu,
)
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, DecodeError, RpchError
from rpch.server.security import RpcAuthenticator
from rpch.testing.raw_rpc import MANAGED, MAPPED, Managed, Mapped

BINDING = StringBinding.parse("ncacn_ip_tcp:server.lab.test[135]")
ACCOUNTS = MemoryAccounts.from_options([r"LAB\alice:secret"])
SETTINGS = NtlmSettings.standalone("server.lab.test", domain="LAB")
CONNECT, PKT = AuthLevel.CONNECT, AuthLevel.PKT
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
NTLM, SPNEGO = AuthType.NTLM, AuthType.NEGOTIATE
STUB = bytes(range(1, 61))  # a verification trailer would have it padded to a multiple of 4
HEADER, TRAILER, TOKEN = 24, 8, 16

Change = Callable[[bytes], list[bytes]]  # what becomes of one PDU: itself, something else, nothing, copies

assert (interface_of(Managed), interface_of(Mapped)) == (MANAGED, MAPPED)


class Pair:
    """A client that authenticates, its server, and what happens to PDUs on the way."""

    def __init__(self, auth_type: AuthType, level: AuthLevel) -> None:
        numbers = count(0x53F0)
        table = AssociationTable(
            new_group_id=lambda: next(numbers), new_handle=lambda: UUID(int=next(numbers))
        )
        provider = RpcAuthenticator(ACCOUNTS, ntlm=SETTINGS).provider("memory")
        endpoint = to_server.Endpoint((MANAGED, MAPPED), table, "135", provider)
        self.credentials = RpcCredentials(r"LAB\alice", "secret", level, auth_type)
        self.client, self.server = ClientConnection(), to_server.ServerConnection(endpoint, identity="memory")
        self.to_server: Change = lambda pdu: [pdu]
        self.to_client: Change = lambda pdu: [pdu]
        self.said: list[to_client.Action] = []
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []
        self.users: list[tuple[str | None, AuthLevel]] = []
        self.ended: RpchError | None = None
        self._way: deque[tuple[bool, bytes]] = deque()

    async def open(self) -> Pair:
        """Bind to the managed interface and take all legs."""
        await self.tell(to_client.Open(MANAGED.syntax, auth=await self.credentials.begin(BINDING)))
        return self

    async def call(self, stub: bytes = STUB, interface: object = MANAGED, opnum: int = 0) -> object:
        """What one call comes to: its stub, a fault's status, or the error that the connection ended with."""
        call_id = self.client.new_call_id()
        syntax = interface_of(Mapped).syntax if interface is MAPPED else MANAGED.syntax
        before = len(self.said)
        await self.tell(to_client.Invoke(call_id, syntax, opnum, stub))
        for action in self.said[before:]:
            match action:
                case to_client.CallCompleted(call_id=answered, stub=answer) if answered == call_id:
                    return answer
                case to_client.CallFaulted(call_id=answered, status=status) if answered == call_id:
                    return status
                case to_client.CallFailed(call_id=answered, why=why) if answered == call_id:
                    return why
        return None

    async def tell(self, event: to_client.Event) -> None:
        """Tell the client, and let everything happen that follows."""
        await self._client(event)
        while self._way:
            for_server, pdu = self._way.popleft()
            for one in (self.to_server if for_server else self.to_client)(pdu):
                if for_server:
                    await self._server(to_server.PduReceived(one))
                else:
                    await self._client(to_client.PduReceived(one))

    async def _client(self, event: to_client.Event) -> None:
        for action in self.client.handle(event, 0.0):
            self.said.append(action)
            if isinstance(action, to_client.SendPdu):
                self.sent.append(action.data)
                self._way.append((True, action.data))
            elif isinstance(action, to_client.StepSecurity):
                step = action.mechanism.step(action.token)
                await self._client(to_client.SecurityStepped(await step if isawaitable(step) else step))

    async def _server(self, event: to_server.Event) -> None:
        for action in self.server.handle(event, 0.0):
            match action:
                case to_server.SendPdu(data=data):
                    self.answered.append(data)
                    self._way.append((False, data))
                case to_server.StepSecurity(mechanism=mechanism, token=token):
                    step = mechanism.step(token)
                    await self._server(to_server.SecurityStepped(await step if isawaitable(step) else step))
                case to_server.StartCall():
                    self.users.append((action.user, action.level))
                    await self._server(to_server.CallReturned(action.call_id, action.stub))
                case to_server.Disconnect(why=why):
                    self.ended = why

    @property
    def fault(self) -> int:
        """The status of the server's last answer."""
        answer = decode_pdu(self.answered[-1])
        assert isinstance(answer, Fault)
        return answer.status


async def opened(auth_type: AuthType = NTLM, level: AuthLevel = SIGNS) -> Pair:
    return await Pair(auth_type, level).open()


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


BOTH = pytest.mark.parametrize("auth_type", [NTLM, SPNEGO])
SIGNED = pytest.mark.parametrize("level", [PKT, SIGNS, SEALS])


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
    await pair._server(to_server.PduReceived(pdu))
    assert pair.users == []
    assert pair.fault == status
    assert pair.ended is not None
    assert bool(pair.answered[-1][3] & PfcFlags.DID_NOT_EXECUTE) == (executed is False)
