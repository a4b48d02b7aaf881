"""A server offers interfaces on ports, and takes its connections back when it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.aio.leg import BANNER
from rpch.dcerpc.endpoint import Limits
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    Bind,
    BindAck,
    BindNak,
    ContextElement,
    ContextOutcome,
    Fault,
    PfcFlags,
    Request,
    Response,
)
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.remote_management import Nothing, RemoteManagement
from rpch.server.demo import AddRequest, AddResponse, Count, DelayRequest, Demo, Octets
from rpch.server.runtime import RpcServer, TcpConnection
from tests.memory_transport import MemoryTransport
from tests.raw_peer import RawPeer, raw_peer, until

TCP, HTTP = ProtocolSequence.NCACN_IP_TCP, ProtocolSequence.NCACN_HTTP
DEMO, MANAGEMENT = interface_of(Demo).syntax, interface_of(RemoteManagement).syntax


@asynccontextmanager
async def a_server(**limits: Any) -> AsyncIterator[tuple[RpcServer, int]]:
    """The demo on a TCP port."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, limits=Limits(**limits))
        try:
            yield server, await server.listen(TCP, "127.0.0.1", 0, [Demo()])
        finally:
            await server.close()


def bind_to(*syntaxes: object, group: int = 0) -> Bind:
    """A bind that offers these as contexts 0, 1 and so on."""
    offers = [ContextElement(n, one, (NDR20,)) for n, one in enumerate(syntaxes or (DEMO,))]  # type: ignore[arg-type]  # one each
    return Bind(1, tuple(offers), assoc_group_id=group, flags=WHOLE | PfcFlags.CONC_MPX)


async def bound(peer: RawPeer, *syntaxes: object, group: int = 0) -> BindAck:
    """The answer to a bind that succeeds."""
    peer.send(bind_to(*syntaxes, group=group))
    answer = await peer.rpc()
    assert isinstance(answer, BindAck)
    assert answer.results[0].result == ContextOutcome.ACCEPTANCE
    return answer


async def test_a_call_over_tcp_is_answered() -> None:
    async with a_server() as (server, port), raw_peer(port) as peer:
        ack = await bound(peer)
        assert ack.secondary_address == str(port)
        peer.send(Request(2, 0, 1, AddRequest(2, 3).encode()))
        answer = await peer.rpc()
        assert isinstance(answer, Response)
        assert AddResponse.decode(answer.stub) == AddResponse(5)
        assert len(server.connections) == 1


async def test_pdus_may_come_byte_by_byte_and_several_at_once() -> None:
    async with a_server() as (_, port), raw_peer(port) as peer:
        for byte in bind_to().encode():
            peer.send(bytes([byte]))
        assert isinstance(await peer.rpc(), BindAck)
        peer.send(*(Request(n, 0, 1, AddRequest(n, 1).encode()) for n in range(20)))
        answers = [await peer.rpc() for _ in range(20)]
        assert [answer.call_id for answer in answers if isinstance(answer, Response)] == list(range(20))


async def test_a_big_endian_client_is_understood() -> None:
    async with a_server() as (_, port), raw_peer(port) as peer:
        peer.send(bind_to().encode(little_endian=False))
        assert isinstance(await peer.rpc(), BindAck)
        stub = AddRequest(2, 3).encode(little_endian=False)
        peer.send(Request(2, 0, 1, stub).encode(little_endian=False))
        answer = await peer.rpc()
        assert isinstance(answer, Response)
        assert AddResponse.decode(answer.stub) == AddResponse(5)


async def test_every_endpoint_has_management_beside_what_it_offers() -> None:
    async with a_server() as (_, port), raw_peer(port) as peer:
        await bound(peer, MANAGEMENT)
        peer.send(Request(2, 0, 2, Nothing().encode()))  # is_server_listening
        assert isinstance(await peer.rpc(), Response)


async def test_connections_of_one_client_share_their_association_group() -> None:
    async with a_server() as (_, port), raw_peer(port) as first, raw_peer(port) as second:
        group = (await bound(first)).assoc_group_id
        assert (await bound(second, group=group)).assoc_group_id == group
        async with raw_peer(port) as stranger:
            stranger.send(bind_to(group=group + 1))
            assert isinstance(await stranger.rpc(), BindNak)


async def test_what_is_not_rpc_is_answered_or_cut_off_and_told() -> None:
    async with a_server(bind_timeout=0.05) as (server, port):
        with capture_logs() as lines:
            for nonsense in (
                b"GET / HTTP/1.1\r\nHost: p\r\n\r\n",
                bytes(16),
                b"\x05\0\x0b\x03\x10" + bytes(11),
            ):
                async with raw_peer(port) as peer:
                    peer.send(nonsense)
                    await peer.rest()  # and the end
        await until(lambda: not server.connections)
        assert {line["event"] for line in lines} <= {"not RPC", "connection ended"}
        assert len(lines) == 3


async def test_calls_are_answered_that_came_together_with_what_is_not_rpc() -> None:
    call, broken = Request(2, 0, 1, AddRequest(2, 3).encode()), b"\x05\0\0\x03\x10" + bytes(11)
    async with a_server() as (_, port), raw_peer(port) as peer:
        peer.send(bind_to(), call, broken)
        assert isinstance(await peer.rpc(), BindAck)
        assert isinstance(await peer.rpc(), Response)
        assert await peer.rest() == b""


async def test_a_fault_that_ends_the_connection_can_still_be_read() -> None:
    async with a_server() as (_, port), raw_peer(port) as peer:
        await bound(peer)
        calls = (Request(n, 0, 1, AddRequest(n, 1).encode()) for n in range(2000))
        peer.send(bind_to(), *calls)  # a second bind is none, and more is on its way
        assert isinstance(await peer.rpc(), BindNak | Fault)
        assert await peer.rest() == b""


async def test_a_client_that_vanishes_takes_its_calls_with_it() -> None:
    async with a_server() as (server, port), raw_peer(port) as peer:
        await bound(peer)
        peer.send(Request(2, 0, 4, DelayRequest(60_000).encode()))
        await asyncio.sleep(0.02)
        peer.reset()
        await until(lambda: not server.connections)  # and the server ends without waiting a minute


async def test_who_does_not_read_its_answers_is_not_listened_to() -> None:
    async with a_server() as (_, port), raw_peer(port) as peer:
        await bound(peer)
        stub = Count(500_000).encode()
        for call_id in range(12):
            peer.send(Request(call_id, 0, 3, stub))
        await asyncio.sleep(0.1)
        answered = set[int]()
        async with asyncio.timeout(20):
            while len(answered) < 12:
                pdu = await peer.rpc()
                assert isinstance(pdu, Response)
                if pdu.flags & PfcFlags.LAST_FRAG:
                    answered.add(pdu.call_id)


@pytest.mark.conformance(45)
async def test_ncacn_http_greets_first() -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(HTTP, "127.0.0.1", 0, [Demo()])
        async with raw_peer(port) as peer:
            assert await peer.take(14) == BANNER == b"ncacn_http/1.0"
            await server.close()
            assert await peer.rest() == b""


async def test_the_end_of_the_server_ends_connections_and_running_calls() -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(TCP, "127.0.0.1", 0, [Demo()])
        async with raw_peer(port) as peer:
            await bound(peer)
            peer.send(Request(2, 0, 4, DelayRequest(60_000).encode()))
            await asyncio.sleep(0.02)
            closing = asyncio.create_task(server.close())
            await peer.rest()
        await closing
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_two_endpoints_of_one_server_know_nothing_of_each_other() -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        ports = [await server.listen(TCP, "127.0.0.1", 0, [Demo()]) for _ in range(2)]
        async with raw_peer(ports[0]) as first, raw_peer(ports[1]) as second:
            group = (await bound(first)).assoc_group_id
            second.send(bind_to(group=group))
            assert isinstance(await second.rpc(), BindNak)
        await server.close()


async def test_a_client_that_was_gone_before_it_was_accepted_is_no_mistake_of_ours() -> None:
    async with a_server() as (server, _):
        offer = server._offers[0]
        connection, transport = TcpConnection(offer), MemoryTransport(peer=None)
        connection.connection_made(transport)
        connection.connection_lost(ConnectionResetError())
        assert not server.connections


async def test_bytes_in_bulk_pass_both_ways() -> None:
    async with a_server() as (_, port), raw_peer(port) as peer:
        await bound(peer)
        stub = Octets(bytes(200_000)).encode()
        pieces = [stub[at : at + 4000] for at in range(0, len(stub), 4000)]
        for number, piece in enumerate(pieces):
            flags = PfcFlags(0)
            if number == 0:
                flags |= PfcFlags.FIRST_FRAG
            if number == len(pieces) - 1:
                flags |= PfcFlags.LAST_FRAG
            peer.send(Request(2, 0, 2, piece, alloc_hint=len(stub), flags=flags))
        answer = await peer.rpc()
        assert isinstance(answer, Response)
        assert Count.decode(answer.stub) == Count(200_000)
