"""A channel begins with its first PDU, and its server is reached by what the rules allow and nothing else."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.dcerpc.pdus import Request
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.proxy.service import RpcProxy
from rpch.testing.rts_samples import SAMPLES
from tests.memory_transport import MemoryTransport

BY_NAME = {sample.NAME: sample.encode() for sample in SAMPLES}
A1, A2, A3, B1, B2 = (BY_NAME[f"CONN/{name}"] for name in ("A1", "A2", "A3", "B1", "B2"))
CONN_B3, IN_A1, OUT_A3 = BY_NAME["CONN/B3"], BY_NAME["IN_R1/A1"], BY_NAME["OUT_R1/A3"]
CALL = Request(7, 0, 3, b"stub of a call").encode()
AUTHORIZATION = base64.b64encode(rb"LAB\alice:pw").decode("ascii")


class BackEnd:
    """A listener that records what its connections say."""

    def __init__(self) -> None:
        self.port = 0
        self.streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.streams.append((reader, writer))

    async def say(self, data: bytes) -> None:
        """On the newest connection; returns when it has been heard."""
        _, writer = self.streams[-1]
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.005)


@asynccontextmanager
async def a_back_end() -> AsyncIterator[BackEnd]:
    """Somebody to connect to."""
    back_end = BackEnd()
    server = await asyncio.start_server(back_end.accept, "127.0.0.1", 0)
    back_end.port = server.sockets[0].getsockname()[1]
    try:
        yield back_end
    finally:
        server.close()
        for _, writer in back_end.streams:
            writer.close()
        await asyncio.gather(
            *(writer.wait_closed() for _, writer in back_end.streams), return_exceptions=True
        )


@asynccontextmanager
async def a_proxy(port: int = 9, **more: Any) -> AsyncIterator[RpcProxy]:
    """A proxy that leads `ex01:6001` to a port of this machine."""
    given: dict[str, Any] = {
        "no_tls": True,
        "user": [r"LAB\alice:pw", r"LAB\bob:pw"],
        "valid_ports": "ex01:6001;127.0.0.1:1-65535",
        "route": [f"ex01:6001=127.0.0.1:{port}"],
        **more,
    }
    settings = ProxyConfiguration(**given)
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        yield proxy
        proxy.end_all(None)


async def channel(
    proxy: RpcProxy, method: str, body: bytes = b"", *, target: str = "ex01:6001", fields: str = ""
) -> MemoryTransport:
    """A client has opened a channel and sent the beginning of its body."""
    length = 131_072 if method == "RPC_IN_DATA" else max(76, len(body))
    connection, transport = ProxyConnection(proxy), MemoryTransport(peer=("127.0.0.1", 50_000))
    transport.protocol = connection
    connection.connection_made(transport)
    head = (
        f"{method} /rpc/rpcproxy.dll?{target} HTTP/1.1\r\nHost: p\r\nContent-Length: {length}\r\n"
        f"Authorization: Basic {AUTHORIZATION}\r\n{fields}\r\n"
    )
    connection.data_received(head.encode() + body)
    await settled(proxy)
    return transport


async def settled(proxy: RpcProxy, turns: int = 30) -> None:
    """Everything that can happen at once has happened."""
    for _ in range(turns):
        await asyncio.sleep(0.0005)


def lose(*transports: MemoryTransport) -> None:
    """The clients have gone."""
    for transport in transports:
        protocol = transport.get_protocol()
        assert isinstance(protocol, asyncio.Protocol)
        protocol.connection_lost(None)


def said(transport: MemoryTransport) -> str:
    """The status line that a client reads."""
    return transport.take().partition(b"\r\n")[0].decode("ascii").partition(",")[0]


@pytest.mark.conformance(38, 11, 12)
async def test_an_out_channel_connects_says_a2_and_answers_200_and_a3() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        transport = await channel(proxy, "RPC_OUT_DATA", A1)
        head, _, body = transport.take().partition(b"\r\n\r\n")
        assert head.startswith(
            b"HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824"
        )
        assert body == A3
        assert len(proxy.outbound) == len(proxy.drivers) == 1
        reader, _ = back_end.streams[0]
        assert len(await reader.readexactly(84)) == len(A2)
        lose(transport)
        assert not proxy.drivers
        assert len(proxy.outbound) == 0
        assert await reader.read() == b""  # the server's connection went with it


@pytest.mark.conformance(8)
async def test_a_connection_timeout_that_the_client_asks_for_is_the_one_of_a3() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        asked = "Pragma: MinConnTimeout=300\r\n"
        transport = await channel(proxy, "RPC_OUT_DATA", A1, fields=asked)
        assert transport.take()[-4:] == (300_000).to_bytes(4, "little")
        lose(transport)


@pytest.mark.conformance(37, 13)
async def test_an_in_channel_connects_says_b2_and_answers_nothing() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        transport = await channel(proxy, "RPC_IN_DATA", B1)
        reader, _ = back_end.streams[0]
        b2 = await reader.readexactly(128)
        assert b2[:20] == B2[:20]
        assert b2[-20:-12] == b"\0\0\0\0\x01\0\0\x7f"  # the client is at 127.0.0.1
        assert transport.take() == b""
        lose(transport)


async def test_nobody_is_connected_before_the_first_pdu_is_whole() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        transport = await channel(proxy, "RPC_IN_DATA", B1[:-1])
        assert not back_end.streams
        assert len(proxy.openings) == 1
        protocol = transport.get_protocol()
        assert isinstance(protocol, asyncio.Protocol)
        protocol.data_received(B1[-1:])
        await settled(proxy)
        assert len(back_end.streams) == 1
        assert not proxy.openings
        lose(transport)


@pytest.mark.parametrize("method", ["RPC_IN_DATA", "RPC_OUT_DATA"])
@pytest.mark.parametrize(
    "body",
    [CALL, CALL + A1 + B1, BY_NAME["Ping"], BY_NAME["CONN/C2"], b"GET / HTTP/1.1\r\n\r\n", bytes(32)],
    ids=["rpc", "rpc-before-rts", "ping", "c2", "http", "zeros"],
)
async def test_a_channel_that_begins_with_anything_else_is_refused(method: str, body: bytes) -> None:
    async with a_proxy() as proxy:
        with capture_logs() as lines:
            transport = await channel(proxy, method, body)
        assert said(transport) == "HTTP/1.0 503 RPC Error: 6c0"
        assert [line["rule"] for line in lines if "rule" in line] == ["FirstPdu"]
        assert not proxy.drivers
        assert len(proxy.inbound) + len(proxy.outbound) == 0
        lose(transport)
        assert proxy.ledger.channels == 0


async def test_a_first_pdu_on_the_wrong_channel_is_refused() -> None:
    async with a_proxy() as proxy:
        for method, body in (("RPC_IN_DATA", A1), ("RPC_OUT_DATA", B1)):
            transport = await channel(proxy, method, body)
            assert said(transport) == "HTTP/1.0 503 RPC Error: 6c0"
            lose(transport)


@pytest.mark.conformance(83)
async def test_a_target_where_nobody_listens_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with a_proxy(port) as proxy:
        for method, body in (("RPC_IN_DATA", B1), ("RPC_OUT_DATA", A1)):
            with capture_logs() as lines:
                transport = await channel(proxy, method, body)
            answer = transport.take()
            assert answer.startswith(b"HTTP/1.0 503 RPC Error: 6ba, EEInfo: ")
            assert b"X-Rpch-Rule: TargetUnreachable" in answer
            assert "RPC EEInfo:" in answer.decode("ascii")
            assert str(port) in next(line["why"] for line in lines if line["event"] == "target unreachable")
            assert not proxy.drivers
            lose(transport)


async def test_a_name_that_cannot_be_resolved_is_unavailable() -> None:
    long = "a" * 70
    async with a_proxy(valid_ports="a*:6001", wildcards=True) as proxy:
        with capture_logs() as lines:
            transport = await channel(proxy, "RPC_IN_DATA", B1, target=f"{long}:6001")
        assert said(transport) == "HTTP/1.0 503 RPC Error: 6ba"
        (line,) = [line for line in lines if line["event"] == "target unreachable"]
        assert "cannot be resolved" in line["why"]
        lose(transport)


async def test_a_listed_name_that_leads_to_this_machine_is_refused_by_the_address_rule() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        async with a_proxy(valid_ports=f"127.0.0.*:{port}", wildcards=True) as proxy:
            with capture_logs() as lines:
                transport = await channel(proxy, "RPC_IN_DATA", B1, target=f"127.0.0.1:{port}")
            answer = transport.take()
            assert answer.startswith(b"HTTP/1.0 503 RPC Error: 6ba")
            assert b"X-Rpch-Rule: TargetAddress" in answer
            assert "where no target may be" in str(lines)
            lose(transport)
        with pytest.raises(BlockingIOError):
            listener.accept()  # nobody has knocked


async def test_a_target_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as waiting:
        waiting.connect(full.getsockname())  # the backlog is full: the next connection hangs
        port = full.getsockname()[1]
        async with a_proxy(port, connect_timeout=0.05) as proxy:
            transport = await channel(proxy, "RPC_OUT_DATA", A1)
            others = [
                await channel(proxy, "RPC_OUT_DATA", A1.replace(A1[32:48], bytes([n]) * 16)) for n in (1, 2)
            ]
            await asyncio.sleep(0.1)
            answers = [said(one) for one in (transport, *others)]
            assert "HTTP/1.0 503 RPC Error: 6ba" in answers
            lose(transport, *others)


async def test_a_client_that_goes_while_we_connect_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as waiting:
        waiting.connect(full.getsockname())
        port = full.getsockname()[1]
        async with asyncio.timeout(5), a_proxy(port, connect_timeout=60.0) as proxy:
            transports = [
                await channel(proxy, "RPC_OUT_DATA", A1.replace(A1[32:48], bytes([n]) * 16)) for n in range(3)
            ]
            lose(*transports)
            assert not proxy.drivers  # and the proxy's tasks end, or this would wait for a minute


async def test_somebody_elses_virtual_connection_cannot_be_joined() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        transport = await channel(proxy, "RPC_IN_DATA", B1)
        with capture_logs() as lines:
            thief = await channel(proxy, "RPC_IN_DATA", BY_NAME["IN_R1/A1"], target="127.0.0.1:593")
        assert said(thief) == "HTTP/1.0 503 RPC Error: 5"
        assert "another user or target" in str(lines)
        assert len(proxy.inbound) == 1
        lose(transport, thief)


async def test_a_server_that_greets_as_something_else_ends_the_channel_and_is_quoted() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        transport = await channel(proxy, "RPC_IN_DATA", B1)
        with capture_logs() as lines:
            back_end.streams[0][1].write(b"SSH-2.0-OpenSSH_9.2\r\n")
            await settled(proxy)
        assert not proxy.drivers
        assert "no ncacn_http server" in next(line["why"] for line in lines if line["event"] == "closed")
        assert transport.is_ended()
        lose(transport)


@pytest.mark.parametrize("method", ["RPC_IN_DATA", "RPC_OUT_DATA"])
async def test_a_server_that_closes_is_the_reason_and_a_client_that_goes_is_none(method: str) -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        body = B1 if method == "RPC_IN_DATA" else A1
        for ended_by_server in (True, False):
            transport = await channel(proxy, method, body)
            with capture_logs() as lines:
                if ended_by_server:
                    back_end.streams[-1][1].close()
                    await settled(proxy)
                else:
                    lose(transport)
            assert not proxy.drivers
            (line,) = [line for line in lines if line["event"] == "closed"]
            assert line.get("why") == ("the server closed the connection" if ended_by_server else None)
            assert line["log_level"] == ("warning" if ended_by_server else "info")
            if ended_by_server:
                lose(transport)


async def test_a_draining_proxy_begins_nothing_anew() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        proxy.draining = True
        for method, first in (("RPC_IN_DATA", B1), ("RPC_OUT_DATA", A1)):
            transport = await channel(proxy, method, first)
            assert said(transport) == "HTTP/1.0 503 RPC Error: 6bb"
            lose(transport)
        assert not back_end.streams
        assert not proxy.openings


async def test_a_draining_proxy_takes_successors_from_here_and_from_elsewhere() -> None:
    async with a_back_end() as back_end, a_proxy(back_end.port) as proxy:
        first = await channel(proxy, "RPC_IN_DATA", B1)
        proxy.draining = True
        await back_end.say(CONN_B3)
        here = await channel(proxy, "RPC_IN_DATA", IN_A1)
        elsewhere = await channel(proxy, "RPC_OUT_DATA", OUT_A3)
        assert here.take() == elsewhere.take() == b""
        assert len(back_end.streams) == 2  # that from elsewhere has a connection of its own
        assert len(proxy.drivers) == 2
        lose(first, here, elsewhere)


async def test_a_draining_proxy_answers_nonsense_as_ever() -> None:
    async with a_proxy() as proxy:
        proxy.draining = True
        transport = await channel(proxy, "RPC_IN_DATA", A1[:2] + b"\x14\x03" + A1[4:10] + b"\1" + A1[11:])
        assert said(transport) == "HTTP/1.0 503 RPC Error: 6c0"
        lose(transport)
