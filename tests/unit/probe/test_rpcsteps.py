"""The mapper, the port, an interface, a call: over HTTP and over TCP, and what may go wrong with each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from rpch.client.connections import NoAnswer
from rpch.client.security import RpcCredentials
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.endpoint_mapper import (
    ANY_OBJECT,
    Entry,
    LookupRequest,
    LookupResponse,
    MapperStatus,
    TowerOctets,
)
from rpch.dcerpc.interface import Call, interface_of
from rpch.dcerpc.pdus import AuthLevel, AuthType, SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.remote_management import (
    InquireInterfacesResponse,
    IsServerListeningResponse,
    Nothing,
    RemoteManagement,
)
from rpch.dcerpc.security import Declined
from rpch.dcerpc.statuses import Status
from rpch.errors import BindRejected, RpcFault, TransportError
from rpch.ndr import ContextHandle
from rpch.probe.findings import CallerRefused, NotListening, NotRegistered
from rpch.probe.rpcsteps import RpcSteps
from rpch.probe.target import ping_target
from rpch.server.demo import Demo
from rpch.server.management import Management
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from tests.e2e.ping_laboratory import ALICE, CALLER, LOOPBACK, PASSWORD, Laboratory, laboratory, mute, serving
from tests.unit.auth.gss_library import KrbLibrary, caches, library

__all__ = ["caches", "library"]
DEMO = interface_of(Demo).syntax
TCP = ProtocolSequence.NCACN_IP_TCP


@pytest.fixture
async def lab() -> AsyncIterator[Laboratory]:
    async with laboratory() as running:
        yield running


@asynccontextmanager
async def steps_to(binding: str, **how: Any) -> AsyncIterator[RpcSteps]:
    target = ping_target(StringBinding.parse(binding), credentials=ALICE, **({"timeout": 2.0} | how))
    async with asyncio.TaskGroup() as tasks:
        steps = RpcSteps(target, tasks.create_task)
        try:
            yield steps
        finally:
            await steps.close()


@asynccontextmanager
async def tcp_server(*implementations: object) -> AsyncIterator[str]:
    """A binding that leads to these interfaces."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(TCP, LOOPBACK, 0, list(implementations))
        try:
            yield f"ncacn_ip_tcp:{LOOPBACK}[{port}]"
        finally:
            await server.close()


async def test_the_mapper_lists_what_it_knows(lab: Laboratory) -> None:
    async with steps_to(f"ncacn_http:localhost[RpcProxy=localhost:{lab.plain}]") as steps:
        assert await steps.mapper() == "it lists 1 interface, ncacn_http on 6001"
        assert steps.anything_open
        assert await steps.bind() == "remote management accepted"
        assert (await steps.call()).startswith("the server listens; it offers ")


async def test_the_mapper_finds_an_interface_and_the_steps_go_there(lab: Laboratory) -> None:
    binding = f"ncacn_http:localhost[RpcProxy=localhost:{lab.plain}]"
    async with steps_to(binding, interface=DEMO, calls=2) as steps:
        assert steps.wanted_port == 593
        assert await steps.mapper() == f"{DEMO} is on port 6001"
        assert steps.wanted_port == 6001
        assert await steps.port() == "open to localhost:6001"
        assert await steps.bind() == f"{DEMO} accepted"
        assert (await steps.call()).startswith("the server listens; 2 calls took ")


async def test_an_interface_that_is_not_registered_is_not_found(lab: Laboratory) -> None:
    unknown = SyntaxId(UUID(int=1), 1)
    binding = f"ncacn_http:localhost[RpcProxy=localhost:{lab.plain}]"
    async with steps_to(binding, interface=unknown) as steps:
        with pytest.raises(NotRegistered, match=r"00000001/v1\.0 over ncacn_http"):
            await steps.mapper()


async def test_a_long_list_comes_in_pages_and_is_shown_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpch.probe.rpcsteps.PAGE", 3)
    registrations = Registrations()
    for number in range(1, 11):
        registrations.insert(Registration(SyntaxId(UUID(int=number), 1), TCP, 1000 + number, "many"))
    registrations.insert(Registration(DEMO, ProtocolSequence.NCACN_HTTP, 6001, "over HTTP"))
    async with tcp_server(Mapper(registrations)) as binding:
        port = int(StringBinding.parse(binding).endpoint or 0)
        monkeypatch.setattr("rpch.probe.target.PingTarget.mapper_port", port)
        async with steps_to(binding) as steps:
            said = await steps.mapper()
    ports = ", ".join(str(1000 + number) for number in range(1, 9))
    assert said == f"it lists 11 interfaces, ncacn_ip_tcp on {ports} and 2 more"


@pytest.mark.parametrize("tower", [None, TowerOctets(b"broken")])
async def test_a_registration_that_leads_nowhere_is_counted_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tower: TowerOctets | None
) -> None:
    class Odd(Mapper):
        def ept_lookup(self, call: Call, request: LookupRequest) -> LookupResponse:
            again = ContextHandle(uuid=UUID(int=1))  # and it never comes to an end
            entries = (Entry(ANY_OBJECT, tower, "odd"),)
            return LookupResponse(again, entries, MapperStatus.OK, max_entries=request.max_entries)

    async with tcp_server(Odd(Registrations())) as binding:
        port = int(StringBinding.parse(binding).endpoint or 0)
        monkeypatch.setattr("rpch.probe.target.PingTarget.mapper_port", port)
        async with steps_to(binding) as steps:
            assert await steps.mapper() == "it lists 16 interfaces"


async def test_a_mapper_may_know_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tcp_server(Mapper(Registrations())) as binding:
        port = int(StringBinding.parse(binding).endpoint or 0)
        monkeypatch.setattr("rpch.probe.target.PingTarget.mapper_port", port)
        async with steps_to(binding) as steps:
            assert await steps.mapper() == "it lists 0 interfaces"


async def test_an_interface_that_is_not_there_is_not_bound() -> None:
    async with tcp_server(Demo()) as binding, steps_to(binding, interface=SyntaxId(DEMO.uuid, 9)) as steps:
        with pytest.raises(BindRejected) as rejected:
            await steps.bind()
    assert rejected.value.code == Status.RPC_S_UNKNOWN_IF


async def test_objects_are_for_the_server_only() -> None:
    one = UUID(int=5)
    async with tcp_server(Demo()) as binding, steps_to(f"{one}@{binding}") as steps:
        assert (await steps.call()).startswith("the server listens")


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
async def test_a_caller_proves_himself_to_the_server_but_not_to_its_mapper(
    lab: Laboratory, auth_type: AuthType
) -> None:
    bob = RpcCredentials(CALLER, PASSWORD, AuthLevel.PKT_INTEGRITY, auth_type)
    binding = f"ncacn_http:localhost[RpcProxy=localhost:{lab.plain}]"
    async with steps_to(binding, caller=bob) as steps:
        assert await steps.mapper() == "it lists 1 interface, ncacn_http on 6001"
        told = rf"remote management accepted, as LAB\bob by {auth_type.name}, PKT_INTEGRITY"
        assert await steps.bind() == told
        assert (await steps.call()).startswith("the server listens")


class Weak:
    """A mechanism that both sides give up."""

    auth_type, level, user = AuthType.NTLM, AuthLevel.PKT_PRIVACY, CALLER

    def __init__(self, answer: Declined) -> None:
        self._answer = answer

    async def begin(self, binding: StringBinding) -> Authentication:
        good = await RpcCredentials(CALLER, PASSWORD, auth_type=AuthType.NTLM).begin(binding)
        return replace(good, mechanism=self)  # type: ignore[arg-type]  # as much of one as is used

    def step(self, token: bytes) -> Declined:
        return self._answer


@pytest.mark.parametrize("step", ["bind", "call"])
async def test_a_server_that_cannot_prove_itself_is_not_believed(lab: Laboratory, step: str) -> None:
    caller: Any = Weak(Declined("too weak"))
    async with steps_to(f"ncacn_ip_tcp:{LOOPBACK}[{lab.demo_tcp}]", caller=caller) as steps:
        with pytest.raises(CallerRefused, match="too weak"):
            await getattr(steps, step)()


async def test_a_caller_without_a_ticket_is_told_so(lab: Laboratory, caches: KrbLibrary) -> None:
    caller = RpcCredentials("", "", auth_type=AuthType.KERBEROS)
    async with steps_to(f"ncacn_ip_tcp:{LOOPBACK}[{lab.demo_tcp}]", caller=caller) as steps:
        with pytest.raises(CallerRefused, match="there is no ticket; get one with kinit"):
            await steps.bind()


class Asleep(Management):
    """Says no."""

    def is_server_listening(self, call: Call, request: Nothing) -> IsServerListeningResponse:
        return IsServerListeningResponse(0, listening=False)


class Silent(Management):
    """Keeps its interfaces to itself."""

    def inq_if_ids(self, call: Call, request: Nothing) -> InquireInterfacesResponse:
        raise RpcFault(Status.ACCESS_DENIED)


class Empty(Management):
    """Has none to tell of."""

    def inq_if_ids(self, call: Call, request: Nothing) -> InquireInterfacesResponse:
        return InquireInterfacesResponse(None, 0)


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts another management interface in every endpoint."""
    return lambda kind: monkeypatch.setattr("rpch.server.runtime.Management", kind)


async def test_a_server_may_say_that_it_does_not_listen(manage: Any) -> None:
    manage(Asleep)
    async with tcp_server(Demo()) as binding, steps_to(binding) as steps:
        with pytest.raises(NotListening, match="False"):
            await steps.call()


@pytest.mark.parametrize(
    ("kind", "words"),
    [(Silent, "its interfaces it does not tell (ACCESS_DENIED"), (Empty, "names no interface")],
)
async def test_a_server_need_not_tell_what_it_offers(
    manage: Any, kind: type[RemoteManagement], words: str
) -> None:
    manage(kind)
    async with tcp_server(Demo()) as binding, steps_to(binding) as steps:
        assert words in await steps.call()


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async with serving(mute) as port, steps_to(f"ncacn_ip_tcp:{LOOPBACK}[{port}]", timeout=0.05) as steps:
        with pytest.raises(NoAnswer, match="no answer to the bind"):
            await steps.bind()


async def test_a_call_that_is_not_answered_is_not_waited_for(manage: Any) -> None:
    class Slow(Management):
        async def inq_if_ids(self, call: Call, request: Nothing) -> InquireInterfacesResponse:  # type: ignore[override]
            await asyncio.sleep(60)
            return InquireInterfacesResponse(None, 0)

    manage(Slow)
    async with tcp_server(Demo()) as binding, steps_to(binding, timeout=0.2) as steps:
        with pytest.raises(NoAnswer, match="no answer to inq_if_ids"):
            await steps.call()


async def test_a_port_where_nobody_listens_is_not_open() -> None:
    async with steps_to(f"ncacn_ip_tcp:{LOOPBACK}[1]") as steps:
        assert not steps.anything_open
        with pytest.raises(TransportError):
            await steps.port()
