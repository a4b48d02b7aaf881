"""Rules that only show on real sockets: when PDUs leave, what follows an echo, whose a group is."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rpch.client.connect import connect
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import NDR20, BindAck, BindNak, decode_pdu
from rpch.dcerpc.pdus_bind import Bind, ContextElement
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.proxy.configuration import ProxyConfiguration
from rpch.rts.pdus import ConnA1
from rpch.server.demo import AddRequest, Demo
from rpch.server.runtime import RpcServer
from rpch.testing.rts_samples import CONNECTION, OUT_CHANNEL, VERSION, WINDOW
from tests.e2e.serving import served

PROOF = base64.b64encode(rb"LAB\alice:pw").decode()


@asynccontextmanager
async def system() -> AsyncIterator[int]:
    """A server with the demo interface behind a plain proxy; the proxy's port."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, "127.0.0.1", 0, [Demo()])
        settings = ProxyConfiguration(
            no_tls=True,
            user=[r"LAB\alice:pw"],
            valid_ports="localhost:6001",
            route=[f"localhost:6001=127.0.0.1:{port}"],
            grace=0,
        )
        async with served(settings) as (_, where):
            yield where
        await server.close()


def head(method: str, length: int) -> bytes:
    return (
        f"{method} /rpc/rpcproxy.dll?localhost:6001 HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {length}\r\nAuthorization: Basic {PROOF}\r\n\r\n"
    ).encode()


@pytest.mark.conformance(18)
async def test_after_an_echo_the_same_connection_carries_a_channel() -> None:
    async with system() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(head("RPC_OUT_DATA", 4) + b"\xf8\xe8\x18\x08")
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 Success")
            assert (await reader.readexactly(20))[2] == 20
        writer.write(head("RPC_OUT_DATA", 76) + ConnA1(VERSION, CONNECTION, OUT_CHANNEL, WINDOW).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b"application/rpc" in answer
        conn_a3 = await reader.readexactly(28)
        assert conn_a3[16:24] == bytes.fromhex("0000010002000000")
        writer.close()


@pytest.mark.conformance(6)
async def test_a_call_is_answered_before_the_next_is_made() -> None:
    """Each PDU of a ping-pong waits for the one before: anything that collected them would stall it."""
    async with system() as port:
        binding = f"ncacn_http:localhost[6001,RpcProxy=127.0.0.1:{port}]"
        async with connect(binding, user=r"LAB\alice", password="pw", tls=False) as client:
            began = asyncio.get_running_loop().time()
            for number in range(200):
                answer = await client.call(Demo.add, AddRequest(number, 1), timeout=10)
                assert answer.total == number + 1
            # Nagle against a delayed acknowledgement would cost 40 ms a call
            assert asyncio.get_running_loop().time() - began < 200 * 0.04


async def bound(sock: socket.socket, group: int) -> BindAck | BindNak:
    """Bind over plain TCP with an association group; what the server says."""
    context = ContextElement(0, interface_of(Demo).syntax, (NDR20,))
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, Bind(1, (context,), assoc_group_id=group).encode())
    answer = decode_pdu(await loop.sock_recv(sock, 4096))
    assert isinstance(answer, BindAck | BindNak)
    return answer


def connected_from(address: str, port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
    sock.setblocking(False)
    return sock


@pytest.mark.conformance(94)
async def test_an_association_group_is_joined_by_its_own_client_only() -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        port = await server.listen(ProtocolSequence.NCACN_IP_TCP, "127.0.0.1", 0, [Demo()])
        with connected_from("127.0.0.1", port) as first, connected_from("127.0.0.1", port) as second:
            ack = await bound(first, 0)
            assert isinstance(ack, BindAck)
            joined = await bound(second, ack.assoc_group_id)
            assert isinstance(joined, BindAck)
            assert joined.assoc_group_id == ack.assoc_group_id
            with connected_from("127.0.0.2", port) as stranger:
                assert isinstance(await bound(stranger, ack.assoc_group_id), BindNak)
        await server.close()
