"""The client's and the server's machine, back to back in memory, with real interfaces between them."""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar, cast
from uuid import UUID

import pytest

from rpch.dcerpc import client_events as to_client
from rpch.dcerpc import server_side as to_server
from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.client_side import ClientConnection
from rpch.dcerpc.endpoint_mapper import EndpointMapper, MapperStatus, ask_for, port_in
from rpch.dcerpc.interface import Handles, Message, Operation, interface_of
from rpch.dcerpc.pdus import AuthLevel, AuthType, SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.remote_management import InquireStatisticsRequest, Nothing, RemoteManagement
from rpch.dcerpc.statuses import Status
from rpch.errors import BindRejected, DecodeError, RpcFault
from rpch.ndr import NIL_HANDLE
from rpch.server.demo import (
    AddRequest,
    AddResponse,
    Count,
    CounterHandle,
    CountRequest,
    CountResponse,
    Demo,
    Octets,
    OpenCounterRequest,
)
from rpch.server.management import Management
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.testing.mechanisms import LEGS, ToyMechanism, ToyProvider
from rpch.testing.netlogon import ChallengeRequest, Netlogon

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)

DEMO = interface_of(Demo).syntax
HTTP = ProtocolSequence.NCACN_HTTP
UNKNOWN = SyntaxId(UUID(int=77), 1)


@dataclass
class Running:
    """A call in the server."""

    association: Handles
    object_uuid: UUID | None
    user: str | None
    cancelled: bool = False
    peer: str = "memory"
    level: AuthLevel = AuthLevel.NONE


@dataclass
class Pair:
    """Both machines, the way between them, and the operations behind the server.

    With `hold` the server starts calls and leaves them running.
    """

    auth: tuple[AuthType, AuthLevel] | None = None
    hold: bool = False
    said: list[to_client.Action] = field(default_factory=list)
    held: list[to_server.StartCall] = field(default_factory=list)
    disconnected: bool = False

    def __post_init__(self) -> None:
        registrations = Registrations()
        registrations.insert(Registration(DEMO, HTTP, 6001, "demo"))
        offered = [Demo(), Netlogon(), Mapper(registrations)]
        offered.append(Management(lambda: self.interfaces, open_to_strangers=True))
        self.implementations = {interface_of(one): one for one in offered}
        self.interfaces = tuple(self.implementations)
        numbers = iter(range(1, 1 << 16))
        associations = AssociationTable(
            new_group_id=lambda: next(numbers), new_handle=lambda: UUID(int=next(numbers))
        )
        endpoint = to_server.Endpoint(self.interfaces, associations, "6001", ToyProvider())
        self.client = ClientConnection()
        self.server = to_server.ServerConnection(endpoint, identity="memory")
        self.way: deque[tuple[str, bytes]] = deque()

    def open(self, interface: SyntaxId = DEMO) -> None:
        auth = None
        if self.auth is not None:
            auth_type, level = self.auth
            mechanism = ToyMechanism(level, LEGS[auth_type], client=True)
            auth = to_client.Authentication(mechanism, auth_type, level, 5, mechanism.first())
        self.tell(to_client.Open(interface, auth=auth))

    def tell(self, event: to_client.Event) -> list[to_client.Action]:
        """Tell the client, and let everything happen; what the client said."""
        before = len(self.said)
        self._client(event)
        while self.way:
            goal, data = self.way.popleft()
            if goal == "server":
                self._server(to_server.PduReceived(data))
            else:
                self._client(to_client.PduReceived(data))
        return self.said[before:]

    def call(self, operation: Operation[Req, Resp], request: Req) -> Resp:
        """What a client's call comes down to."""
        stub = self.stub(operation.interface.syntax, operation.opnum, request.encode())
        return operation.response.decode(stub)

    def stub(self, interface: SyntaxId, opnum: int, stub: bytes) -> bytes:
        call_id = self.client.new_call_id()
        for action in self.tell(to_client.Invoke(call_id, interface, opnum, stub)):
            match action:
                case to_client.CallCompleted(call_id=answered, stub=answer) if answered == call_id:
                    return answer
                case to_client.CallFaulted(call_id=answered) if answered == call_id:
                    raise RpcFault(action.status, did_not_execute=action.did_not_execute)
                case to_client.CallFailed(call_id=answered, why=why) if answered == call_id:
                    raise why
        raise AssertionError("the call has no answer")

    def finish(self, start: to_server.StartCall) -> None:
        """Run one call of the server."""
        operation = start.interface.operations[start.opnum]
        call = Running(start.association, start.object_uuid, start.user)
        try:
            request = operation.request.decode(start.stub, little_endian=start.little_endian)
            answer = operation.invoke(self.implementations[start.interface], call, request)
        except DecodeError:
            self._server(to_server.CallFailed(start.call_id, Status.RPC_X_BAD_STUB_DATA))
        except RpcFault as fault:
            self._server(to_server.CallFailed(start.call_id, fault.status))
        else:
            self._server(to_server.CallReturned(start.call_id, cast("Message", answer).encode()))

    def _client(self, event: to_client.Event) -> None:
        for action in self.client.handle(event, 0.0):
            self.said.append(action)
            match action:
                case to_client.SendPdu(data=data):
                    self.way.append(("server", data))
                case to_client.StepSecurity(mechanism=mechanism, token=token):
                    step = cast("ToyMechanism", mechanism).step(token)
                    self._client(to_client.SecurityStepped(step))

    def _server(self, event: to_server.Event) -> None:
        for action in self.server.handle(event, 0.0):
            match action:
                case to_server.SendPdu(data=data):
                    self.way.append(("client", data))
                case to_server.StartCall() if self.hold:
                    self.held.append(action)
                case to_server.StartCall():
                    self.finish(action)
                case to_server.StepSecurity(mechanism=mechanism, token=token):
                    step = cast("ToyMechanism", mechanism).step(token)
                    self._server(to_server.SecurityStepped(step))
                case to_server.Disconnect():
                    self.disconnected = True


def opened(auth: tuple[AuthType, AuthLevel] | None = None, interface: SyntaxId = DEMO) -> Pair:
    pair = Pair(auth)
    pair.open(interface)
    assert to_client.InterfaceReady(interface) in pair.said
    return pair


PROTECTED = [
    (auth_type, level)
    for auth_type in LEGS
    for level in (AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY)
]


@pytest.mark.parametrize("auth", [None, *PROTECTED], ids=str)
@pytest.mark.parametrize("size", [0, 1, 5808, 5809, 100_000])
def test_bytes_come_back_whatever_protects_them(auth: tuple[AuthType, AuthLevel] | None, size: int) -> None:
    pair = opened(auth)
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    for _ in range(2):
        assert pair.call(Demo.echo, Octets(data)).data == data


@pytest.mark.parametrize("auth", [None, *PROTECTED], ids=str)
def test_several_interfaces_share_a_connection(auth: tuple[AuthType, AuthLevel] | None) -> None:
    pair = opened(auth)
    assert pair.call(RemoteManagement.is_server_listening, Nothing()).listening
    assert pair.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
    answer = pair.call(EndpointMapper.ept_map, ask_for(DEMO, HTTP))
    assert (answer.status, port_in(answer, HTTP)) == (MapperStatus.OK, 6001)
    assert pair.call(RemoteManagement.inq_stats, InquireStatisticsRequest(4)).count == 4
    listed = pair.call(RemoteManagement.inq_if_ids, Nothing()).interfaces
    assert listed is not None
    assert len(listed.ids) == 3


@pytest.mark.parametrize("auth_type", LEGS)
def test_a_mere_name_is_enough_where_an_interface_says_so(auth_type: AuthType) -> None:
    pair = opened((auth_type, AuthLevel.CONNECT), interface_of(RemoteManagement).syntax)
    assert pair.call(RemoteManagement.is_server_listening, Nothing()).listening
    assert pair.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
    with pytest.raises(RpcFault) as caught:
        pair.call(Netlogon.request_challenge, ChallengeRequest(None, "here", bytes(8)))
    assert caught.value.status == Status.ACCESS_DENIED


def test_state_lives_in_context_handles() -> None:
    pair = opened()
    handle = pair.call(Demo.open_counter, OpenCounterRequest(40)).handle
    assert pair.call(Demo.count, CountRequest(handle, 2)) == CountResponse(42)
    assert pair.call(Demo.close_counter, CounterHandle(handle)) == CounterHandle(NIL_HANDLE)
    with pytest.raises(RpcFault) as caught:
        pair.call(Demo.count, CountRequest(handle, 2))
    assert caught.value.status == Status.S_FAULT_CONTEXT_MISMATCH


@pytest.mark.parametrize(
    ("opnum", "stub", "status", "did_not_execute"),
    [(0, b"\1", Status.RPC_X_BAD_STUB_DATA, False), (99, b"", Status.OP_RNG_ERROR, True)],
)
def test_faults_leave_the_connection(opnum: int, stub: bytes, status: int, did_not_execute: bool) -> None:
    pair = opened()
    with pytest.raises(RpcFault) as caught:
        pair.stub(DEMO, opnum, stub)
    assert (caught.value.status, caught.value.did_not_execute) == (status, did_not_execute)
    assert pair.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


def test_an_unknown_interface_is_refused_and_the_rest_goes_on() -> None:
    pair = opened()
    with pytest.raises(BindRejected) as caught:
        pair.stub(UNKNOWN, 0, b"")
    assert caught.value.code == Status.RPC_S_UNKNOWN_IF
    assert pair.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)


def test_requests_reach_4_mib_and_not_a_byte_more() -> None:
    pair = opened()
    limit = 4 * 1024 * 1024
    assert pair.call(Demo.sink, Octets(bytes(limit - 8))) == Count(limit - 8)
    with pytest.raises(RpcFault) as caught:
        pair.call(Demo.sink, Octets(bytes(limit - 7)))
    assert caught.value.status == Status.ACCESS_DENIED
    assert pair.disconnected


def test_long_answers_arrive_whole() -> None:
    made = opened().call(Demo.source, Count(1_000_000)).data
    assert made == bytes(range(256)) * 3906 + bytes(range(64))


def test_calls_run_side_by_side_and_one_is_abandoned() -> None:
    pair = opened()
    pair.hold = True
    calls = [pair.client.new_call_id() for _ in range(3)]
    for call_id in calls:
        pair.tell(to_client.Invoke(call_id, DEMO, 1, AddRequest(call_id, 0).encode()))
    pair.tell(to_client.AbandonCall(calls[1]))
    for start in reversed(pair.held):
        pair.finish(start)
    said = pair.tell(to_client.Tick())
    assert [action.call_id for action in said if isinstance(action, to_client.CallCompleted)] == [
        calls[2],
        calls[0],
    ]
    pair.hold = False
    assert pair.call(Demo.add, AddRequest(2, 3)) == AddResponse(5)
