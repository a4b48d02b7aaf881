"""Callers prove themselves to the RPC server itself, over TCP and through a proxy that knows another name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.aio.tracing import describe_payload
from rpch.auth.accounts import MemoryAccounts
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.throttle import Throttle, ThrottleLimits
from rpch.client.calls import Calls
from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.dcerpc.interface import Call, interface, interface_of, operation
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.remote_management import Nothing, RemoteManagement
from rpch.dcerpc.statuses import Status
from rpch.errors import AuthenticationFailed, BindRejected, RpcFault, RpchError
from rpch.proxy.configuration import ProxyConfiguration
from rpch.server.demo import Count, DelayRequest, Demo, Octets, WhoAmIRequest, WhoAmIResponse
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from rpch.server.security import RpcAuthenticator
from rpch.trace import Tracer
from tests.e2e.farm import LOOPBACK, Node

TCP, HTTP = ProtocolSequence.NCACN_IP_TCP, ProtocolSequence.NCACN_HTTP
AT_THE_PROXY, AT_THE_SERVER, PASSWORD = r"LAB\door", r"LAB\alice", "Passw0rd!"
BOB, BOBS_PASSWORD = r"LAB\bob", "b0b's own"
CONNECT, PKT = AuthLevel.CONNECT, AuthLevel.PKT
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
LEVELS = [CONNECT, PKT, SIGNS, SEALS]
CONTENT = b"canary-of-the-content-41d0"

BOTH = pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
CARRIERS = pytest.mark.parametrize("protseq", [TCP, HTTP])


@interface("5f5d3f0e-6c1e-4b8e-9a41-0f6f6c0f9a11", minimum_level=SEALS)
class Private:
    """Wants privacy."""

    @operation(0)
    def who_am_i(self, call: Call, request: WhoAmIRequest) -> WhoAmIResponse:
        """The same as the demo interface's."""
        return WhoAmIResponse(call.user, call.level)


@interface("5f5d3f0e-6c1e-4b8e-9a41-0f6f6c0f9a12")
class Signed:
    """Has no wishes of its own, and so refuses who only proved a name."""

    @operation(0)
    def who_am_i(self, call: Call, request: WhoAmIRequest) -> WhoAmIResponse:
        """The same as the demo interface's."""
        return WhoAmIResponse(call.user, call.level)


class Lines:
    """A trace in memory."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str, /) -> None:
        self.text += text


@dataclass
class System:
    """A server that authenticates, and a proxy before it that does so by itself."""

    ports: dict[ProtocolSequence, int]
    proxy_port: int
    mapper_port: int
    trace: Lines = field(default_factory=Lines)

    def connect(self, protseq: ProtocolSequence, **options: Any) -> AbstractAsyncContextManager[RpcClient]:
        """Our client, to the demo interface's port."""
        if protseq is TCP:
            return connect(f"ncacn_ip_tcp:{LOOPBACK}[{self.ports[TCP]}]", **options)
        binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{self.proxy_port}]"
        return connect(binding, user=AT_THE_PROXY, password=PASSWORD, tls=False, scheme="Basic", **options)


@asynccontextmanager
async def running(*, throttle: Throttle | None = None) -> AsyncIterator[System]:
    """Everything in this process; the proxy's trace is written in full."""
    registrations, lines = Registrations(), Lines()
    accounts = MemoryAccounts.from_options([f"{AT_THE_SERVER}:{PASSWORD}", f"{BOB}:{BOBS_PASSWORD}"])
    settings = NtlmSettings.standalone("server.lab.test", domain="LAB")
    security = RpcAuthenticator(accounts, ntlm=settings, throttle=throttle)
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, security=security)
        offered = [Demo(), Private(), Signed(), Mapper(registrations)]
        ports = {protseq: await server.listen(protseq, LOOPBACK, 0, offered) for protseq in (TCP, HTTP)}
        registrations.insert(Registration(interface_of(Demo).syntax, HTTP, 6001))
        given: dict[str, Any] = {
            "user": [f"{AT_THE_PROXY}:{PASSWORD}"],
            "valid_ports": "server:6001;server:593",
            "route": [f"server:{known}={LOOPBACK}:{ports[HTTP]}" for known in (6001, 593)],
        }
        proxy = ProxyConfiguration(no_tls=True, **given)
        tracer = Tracer(lines, payload=partial(describe_payload, full=True))
        node = Node(proxy.proxy(tasks, proxy.accounts(), tracer))
        await node.listen()
        try:
            yield System(ports, node.port, ports[TCP], lines)
        finally:
            node.stop_listening()
            node.proxy.end_all(None)
            await server.close()


def proven(level: AuthLevel = SEALS, auth_type: AuthType = AuthType.NEGOTIATE) -> dict[str, Any]:
    """What `connect` is told to be somebody at the server."""
    return {
        "rpc_user": AT_THE_SERVER,
        "rpc_password": PASSWORD,
        "auth_level": level,
        "auth_type": auth_type,
    }


async def who(client: Calls) -> tuple[str | None, int]:
    """Who the server takes us for, and at which level."""
    answer = await client.call(Demo.who_am_i, WhoAmIRequest())
    return answer.user, answer.level


@CARRIERS
@BOTH
@pytest.mark.parametrize("level", LEVELS)
async def test_the_server_knows_who_calls_whoever_the_proxy_let_in(
    protseq: ProtocolSequence, auth_type: AuthType, level: AuthLevel
) -> None:
    async with running() as system, system.connect(protseq, **proven(level, auth_type)) as client:
        assert await who(client) == (AT_THE_SERVER, level)
        large = bytes(range(256)) * 200  # many fragments each way
        assert (await client.call(Demo.echo, Octets(large))).data == large
        answers = await asyncio.gather(*(client.call(Demo.source, Count(n)) for n in range(0, 20_000, 500)))
        assert [len(answer.data) for answer in answers] == list(range(0, 20_000, 500))


@CARRIERS
async def test_without_credentials_the_caller_is_nobody(protseq: ProtocolSequence) -> None:
    async with running() as system, system.connect(protseq) as client:
        assert await who(client) == (None, AuthLevel.NONE)


@CARRIERS
async def test_ntlm_with_a_wrong_password_fails_with_the_first_call(protseq: ProtocolSequence) -> None:
    wrong = proven(auth_type=AuthType.NTLM) | {"rpc_password": "wrong"}
    async with running() as system, system.connect(protseq, **wrong) as client:
        with pytest.raises(RpcFault) as caught:
            await who(client)
        assert caught.value.status == Status.ACCESS_DENIED


@CARRIERS
async def test_negotiate_with_a_wrong_password_fails_before_a_call(protseq: ProtocolSequence) -> None:
    wrong = proven() | {"rpc_password": "wrong"}
    async with running() as system, system.connect(protseq, **wrong) as client:
        with pytest.raises(AuthenticationFailed):
            await client.bind(Demo)
        with pytest.raises(AuthenticationFailed):
            await who(client)


async def test_a_server_without_security_is_refused() -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(TCP, LOOPBACK, 0, [Demo()])
        async with connect(f"ncacn_ip_tcp:{LOOPBACK}[{port}]", **proven()) as client:
            with pytest.raises(BindRejected, match="kind of authentication"):
                await who(client)
        await server.close()


@CARRIERS
@pytest.mark.parametrize("level", [None, *LEVELS])
async def test_an_interface_has_the_last_word_on_the_level(
    protseq: ProtocolSequence, level: AuthLevel | None
) -> None:
    """A bind succeeds whatever the level; it is the request that is refused."""
    options = {} if level is None else proven(level)
    async with running() as system:
        async with system.connect(protseq, **options) as client:
            await client.bind(Private)
            await client.bind(Signed)
            if level is SEALS:
                answer = await client.call(Private.who_am_i, WhoAmIRequest())
                assert (answer.user, answer.level) == (AT_THE_SERVER, SEALS)
            else:
                with pytest.raises(RpcFault) as caught:
                    await client.call(Private.who_am_i, WhoAmIRequest())
                assert caught.value.status == Status.ACCESS_DENIED
        async with system.connect(protseq, **options) as client:
            if level is CONNECT:
                with pytest.raises(RpcFault):
                    await client.call(Signed.who_am_i, WhoAmIRequest())
            else:
                assert (await client.call(Signed.who_am_i, WhoAmIRequest())).level == (level or 1)


async def test_a_refused_call_costs_a_protected_connection_nothing_else() -> None:
    async with running() as system, system.connect(TCP, **proven(SIGNS)) as client:
        assert await who(client) == (AT_THE_SERVER, SIGNS)
        with pytest.raises(RpcFault):
            await client.call(Private.who_am_i, WhoAmIRequest())
        assert await who(client) == (AT_THE_SERVER, SIGNS)


async def test_the_list_of_interfaces_is_for_those_who_proved_a_name() -> None:
    accounts = MemoryAccounts.from_options([f"{AT_THE_SERVER}:{PASSWORD}"])
    security = RpcAuthenticator(accounts, ntlm=NtlmSettings.standalone("server", domain="LAB"))
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, security=security, open_to_strangers=False)
        binding = f"ncacn_ip_tcp:{LOOPBACK}[{await server.listen(TCP, LOOPBACK, 0, [Demo()])}]"
        for options, shown in ({}, 0), (proven(CONNECT), 1):
            async with connect(binding, **options) as client:
                answer = await client.call(RemoteManagement.inq_if_ids, Nothing())
                assert answer.interfaces is not None
                assert len(answer.interfaces.ids) == shown
        await server.close()


async def test_the_mapper_is_asked_as_nobody_and_the_server_called_as_somebody() -> None:
    async with running() as system:
        binding = f"ncacn_http:server[,RpcProxy={LOOPBACK}:{system.proxy_port}]"
        door = {"user": AT_THE_PROXY, "password": PASSWORD, "tls": False, "scheme": "Basic"}
        with capture_logs() as lines:
            async with connect(binding, **door, **proven()) as client:  # type: ignore[arg-type]
                assert await who(client) == (AT_THE_SERVER, SEALS)
        came = [line for line in lines if line.get("layer") == "RPC"]
        assert [line["user"] for line in came] == [AT_THE_SERVER]


async def test_flags_of_a_binding_protect_calls() -> None:
    async with running() as system:
        binding = f"ncacn_ip_tcp:{LOOPBACK}[{system.ports[TCP]},sign,ntlm]"
        async with connect(binding, rpc_user=AT_THE_SERVER, rpc_password=PASSWORD) as client:
            assert await who(client) == (AT_THE_SERVER, SIGNS)


async def test_cancelled_calls_leave_a_sealed_connection_in_step() -> None:
    async with running() as system, system.connect(TCP, **proven()) as client:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await client.call(Demo.delay, DelayRequest(5000), timeout=0.02)
            assert await who(client) == (AT_THE_SERVER, SEALS)


async def test_guessing_passwords_is_slowed_down_by_where_the_client_is() -> None:
    throttle = Throttle(ThrottleLimits(per_account_and_source=2))
    async with running(throttle=throttle) as system:
        outcomes: list[RpchError | None] = []
        for password in "one", "two", PASSWORD:
            async with system.connect(HTTP, **proven() | {"rpc_password": password}) as client:
                try:
                    await who(client)
                except AuthenticationFailed as error:
                    outcomes.append(error)
        assert len(outcomes) == 3  # the right password came too late


@pytest.mark.parametrize(("level", "seen"), [(SEALS, False), (SIGNS, True)])
async def test_a_proxy_cannot_read_what_is_sealed(level: AuthLevel, seen: bool) -> None:
    """Not even its full trace has any of it; what is only signed is there, so the search is a real one."""
    async with running() as system:
        with capture_logs() as lines:
            async with system.connect(HTTP, **proven(level)) as client:
                assert (await client.call(Demo.echo, Octets(CONTENT))).data == CONTENT
        found = CONTENT.hex() in system.trace.text
        assert found == seen
        logged = CONTENT.decode() in str(lines)
        assert not logged
