"""Version 1 over real sockets: one request, one connection, nothing in between.  MS-RPCH 3.1"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rpch.client.connect import connect
from rpch.client.rpc import CallLost
from rpch.client.ways import HttpVersion
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import NDR20, Bind, BindAck, ContextElement, decode_pdu
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError, TransportError
from rpch.http.channels import RpcMethod
from rpch.proxy.configuration import ProxyConfiguration
from rpch.rts.commands import ChannelLifetime, ReceiveWindowSize, Version
from rpch.rts.pdus import ConnA2
from rpch.server.demo import AddRequest, DelayRequest, Demo
from rpch.server.runtime import RpcServer
from tests.e2e.farm import LOOPBACK, TARGET, Node, farm
from tests.e2e.raw_connections import BANNER, LIFETIME, Hands, Listening, Wire, cookie, hands

BIND = Bind(1, (ContextElement(0, interface_of(Demo).syntax, (NDR20,)),)).encode()
CONNECT_HEAD = f"RPC_CONNECT /rpc/rpcproxy.dll?{TARGET} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
OPEN: dict[str, Any] = {"v1": True, "allow_anonymous": True}


@pytest.fixture
async def hand() -> AsyncIterator[Hands]:
    async with hands() as opened:
        yield opened


@asynccontextmanager
async def mixed(port: int) -> AsyncIterator[Node]:
    """A proxy of both versions before a server that a test holds in its hands."""
    async with farm(1, **OPEN, route=[f"{TARGET}={LOOPBACK}:{port}"]) as running:
        yield running.nodes[0]


async def connected(hand: Hands, node: Node, server: Listening) -> tuple[Wire, Wire]:
    """Client and server of a relayed connection."""
    client = await hand.dial(node.port)
    client.send(CONNECT_HEAD)
    behind = await server.accept()
    behind.send(BANNER)
    assert await client.head_text() == "HTTP/1.1 200 OK\r\n\r\n"
    return client, behind


@pytest.mark.conformance(88)
async def test_nothing_passes_before_the_banner(hand: Hands) -> None:
    server = await hand.listen()
    async with mixed(server.port) as node:
        client = await hand.dial(node.port)
        client.send(CONNECT_HEAD, BIND)
        behind = await server.accept()
        behind.send(BANNER[:13])
        assert await client.silent()
        assert await behind.silent()
        behind.send(BANNER[13:])
        assert await client.head_text() == "HTTP/1.1 200 OK\r\n\r\n"
        assert await behind.pdu() == BIND


@pytest.mark.conformance(88)
async def test_both_directions_are_relayed_unchanged(hand: Hands) -> None:
    server = await hand.listen()
    async with mixed(server.port) as node:
        client, behind = await connected(hand, node, server)
        for sender, receiver in ((client, behind), (behind, client)):
            sender.send(BIND * 3, BIND[:20])
            for _ in range(3):
                assert await receiver.pdu() == BIND
            sender.send(BIND[20:])
            assert await receiver.pdu() == BIND


@pytest.mark.conformance(88)
@pytest.mark.parametrize("first", ["client", "server"])
async def test_either_close_closes_the_other(hand: Hands, first: str) -> None:
    server = await hand.listen()
    async with mixed(server.port) as node:
        ends = dict(zip(("client", "server"), await connected(hand, node, server), strict=True))
        await ends.pop(first).close()
        (other,) = ends.values()
        assert await other.rest() == b""
        await node.idle()


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", BIND], ids=["nothing", "SSH", "RPC"])
async def test_a_server_without_a_banner_is_unavailable(hand: Hands, said: bytes) -> None:
    server = await hand.listen()
    async with mixed(server.port) as node:
        client = await hand.dial(node.port)
        client.send(CONNECT_HEAD)
        behind = await server.accept()
        behind.send(said)
        await behind.close()
        assert (await client.refusal()).startswith("HTTP/1.0 503 RPC Error: 6ba")


@pytest.mark.conformance(89)
async def test_our_request_says_what_version_1_says(hand: Hands) -> None:
    proxy = await hand.listen()
    binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{proxy.port}]"

    async def ask() -> None:
        with pytest.raises(TransportError):
            async with connect(binding, tls=False, version=HttpVersion.V1):
                pass

    asking = asyncio.create_task(ask())
    wire = await proxy.accept()
    line, *lines = (await wire.head_text()).rstrip().split("\r\n")
    fields = dict(one.lower().split(": ", 1) for one in lines)
    assert line == f"RPC_CONNECT /rpc/rpcproxy.dll?{TARGET} HTTP/1.1"
    assert (fields["user-agent"], fields["pragma"]) == ("rpc", "no-cache")
    assert not fields.keys() & {"content-length", "content-type", "transfer-encoding", "authorization"}
    await wire.close()
    await asking


@pytest.mark.conformance(88)
@pytest.mark.parametrize("status", ["200 OK", "200 Connection established", "299 Whatever"])
async def test_our_client_takes_every_success(hand: Hands, status: str) -> None:
    proxy = await hand.listen()
    binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{proxy.port}]"

    async def ask() -> None:
        async with connect(binding, tls=False, version=HttpVersion.V1) as client:
            with pytest.raises(CallLost):
                await client.call(Demo.add, AddRequest(1, 2))

    asking = asyncio.create_task(ask())
    wire = await proxy.accept()
    await wire.head_text()
    wire.send(f"HTTP/1.1 {status}\r\n\r\n".encode())
    assert decode_pdu(await wire.pdu()).call_id
    await wire.close()
    await asking


@pytest.mark.conformance(46)
async def test_the_first_pdu_tells_the_versions_apart_on_one_port(hand: Hands) -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, v1=True)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, 0, [Demo()])
        old, new = await hand.dial(port), await hand.dial(port)
        for wire in (old, new):
            assert await wire.take(len(BANNER)) == BANNER
        new.send(ConnA2(Version(1), cookie(), cookie(), ChannelLifetime(LIFETIME), ReceiveWindowSize(65_536)))
        old.send(BIND)
        assert isinstance(decode_pdu(await old.pdu()), BindAck)
        assert await new.silent()  # half a virtual connection: it waits for the other half
        new.send(BIND)
        assert await new.rest() == b""
        await server.close()


@pytest.mark.conformance(46)
async def test_a_server_takes_no_version_1_unless_told_to(hand: Hands) -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, 0, [Demo()])
        wire = await hand.dial(port)
        wire.send(BIND)
        assert await wire.rest() == BANNER
        await server.close()


@pytest.mark.conformance(1)
async def test_the_method_decides_the_role_on_one_listener(hand: Hands) -> None:
    server = await hand.listen()
    async with mixed(server.port) as node:
        opened = [await hand.channel(node.port, method, length) for method, length in METHODS]
        echo, inward, outward = opened
        assert (await echo.head_text()).startswith("HTTP/1.1 200 Success\r\n")
        await connected(hand, node, server)
        assert [type(machine).__name__ for machine in node.proxy.drivers] == ["MixedProxy"]
        connection = hand.unopened(inward, outward)
        inward.send(connection.b1())
        outward.send(connection.a1())
        for _ in range(2):
            await server.accept()
        kinds = sorted(type(machine).__name__ for machine in node.proxy.drivers)
        assert kinds == ["InboundProxy", "MixedProxy", "OutboundProxy"]


METHODS = [(RpcMethod.IN, 4), (RpcMethod.IN, LIFETIME), (RpcMethod.OUT, 76)]


@pytest.mark.parametrize(
    "expectation",
    [
        {"user": ["LAB\\alice:pw"]},
        {"no_tls": False, "allow_anonymous": True},
        {"no_tls": False},
    ],
    ids=["authentication", "TLS", "both"],
)
def test_version_1_is_never_on_a_listener_that_expects_tls_or_authentication(
    expectation: dict[str, object],
) -> None:
    settings = ProxyConfiguration(**{"no_tls": True, "valid_ports": TARGET, "v1": True, **expectation})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="v1"):
        settings.policy()


@pytest.mark.conformance(90)
@pytest.mark.parametrize(
    "protected", [{"user": "alice", "password": "pw"}, {"tls": True}], ids=["user", "TLS"]
)
async def test_a_client_with_something_to_protect_does_not_fall_back(
    hand: Hands, protected: dict[str, object]
) -> None:
    proxy = await hand.listen()
    binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{proxy.port}]"
    given = {"tls": False, "version": HttpVersion.AUTO, "timeout": 2, **protected}

    async def ask() -> None:
        with pytest.raises(TransportError):
            async with connect(binding, **given):  # type: ignore[arg-type]
                pass

    asking = asyncio.create_task(ask())
    methods = []
    while not asking.done():
        accepting = asyncio.create_task(proxy.accept())
        await asyncio.wait({asking, accepting}, return_when=asyncio.FIRST_COMPLETED)
        if not accepting.done():
            accepting.cancel()
            break
        wire = accepting.result()
        methods.append(await wire.first_word())
        await wire.close()
    await asking
    assert b"RPC_CONNECT" not in methods


async def test_calls_end_with_the_connection_and_say_that_they_may_have_run() -> None:
    async with farm(1, **OPEN, served_v1=True) as running:
        binding = f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{running.nodes[0].port}]"
        async with connect(binding, tls=False, version=HttpVersion.V1) as client:
            call = asyncio.create_task(client.call(Demo.delay, DelayRequest(60_000)))
            assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
            running.nodes[0].kill()
            with pytest.raises(CallLost) as lost:
                await call
            assert not lost.value.did_not_execute
