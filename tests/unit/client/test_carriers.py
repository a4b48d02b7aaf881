"""What carries an RPC connection: TCP, or a virtual connection through a real proxy."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rpch.client import carriers
from rpch.client.access import ProxyAccess
from rpch.client.carriers import HttpCarrier, NotOpened, TcpCarrier
from rpch.client.connections import NoAnswer
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import NDR20, Bind, BindAck, ContextElement, Orphaned, decode_pdu
from rpch.errors import DecodeError, ProxyError, RpchError, TransportError
from rpch.http.targets import RpcTarget
from rpch.server.demo import Demo
from rpch.vconn.settings import ClientSettings
from tests.raw_peer import until
from tests.unit.client.scripted import ALICE, LOOPBACK, SOON, Exchange, peer
from tests.unit.client.served import Served, served

BIND = Bind(1, (ContextElement(0, interface_of(Demo).syntax, (NDR20,)),)).encode()
PDU = Orphaned(7).encode()


class Above:
    """The RPC layer above, which can be waited for."""

    def __init__(self) -> None:
        self.pdus: asyncio.Queue[bytes] = asyncio.Queue()
        self.end: asyncio.Future[RpchError | None] = asyncio.get_running_loop().create_future()

    def receive(self, pdu: bytes) -> None:
        self.pdus.put_nowait(pdu)

    def transport_closed(self, why: RpchError | None) -> None:
        if not self.end.done():
            self.end.set_result(why)


async def soon(what: Any) -> Any:
    async with asyncio.timeout(SOON):
        return await what


@asynccontextmanager
async def virtual(access: ProxyAccess, port: int = 6001) -> AsyncIterator[HttpCarrier]:
    """A carrier through this proxy; all that it began has ended when the block has."""
    async with asyncio.TaskGroup() as tasks:
        carrier = HttpCarrier(access, RpcTarget("server", port), tasks.create_task, settings=ClientSettings())
        yield carrier
        await carrier.closed()


def through(running: Served, **changes: Any) -> ProxyAccess:
    return ProxyAccess(LOOPBACK, running.proxy_port, **{"credentials": ALICE, **changes})


# TCP


async def test_tcp_carries_whole_pdus_both_ways() -> None:
    async def serve(exchange: Exchange) -> None:
        data = await exchange.body(2 * len(PDU))
        exchange.say(data[:5])
        await asyncio.sleep(0)
        exchange.say(data[5:])
        await exchange.ended()

    async with peer(serve) as port:
        carrier, above = TcpCarrier(LOOPBACK, port, timeout=SOON), Above()
        was_gone = carrier.gone
        await carrier.open(above)
        assert (was_gone, carrier.gone) == (True, False)
        carrier.send(PDU + PDU)
        assert [await soon(above.pdus.get()) for _ in range(2)] == [PDU, PDU]
        carrier.close()
        await carrier.closed()
        assert (carrier.gone, await above.end) == (True, None)


async def test_nonsense_over_tcp_ends_the_connection_with_its_reason() -> None:
    async def serve(exchange: Exchange) -> None:
        exchange.say("HTTP/1.1 400 Bad Request\r\n\r\n")
        await exchange.ended()

    async with peer(serve) as port:
        above = Above()
        await TcpCarrier(LOOPBACK, port, timeout=SOON).open(above)
        assert isinstance(await soon(above.end), DecodeError)


async def test_answers_that_came_together_with_nonsense_are_handed_on_first() -> None:
    async def serve(exchange: Exchange) -> None:
        exchange.say(PDU + PDU + b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await exchange.ended()

    async with peer(serve) as port:
        above = Above()
        await TcpCarrier(LOOPBACK, port, timeout=SOON).open(above)
        assert isinstance(await soon(above.end), DecodeError)
        assert [above.pdus.get_nowait() for _ in range(2)] == [PDU, PDU]


async def test_a_reset_is_told_as_the_loss_of_the_connection() -> None:
    async def serve(exchange: Exchange) -> None:
        await exchange.body(1)
        linger = struct.pack("ii", 1, 0)  # closing with nothing to wait for is a reset
        sock = exchange.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        exchange.writer.transport.abort()

    async with peer(serve) as port:
        carrier, above = TcpCarrier(LOOPBACK, port, timeout=SOON), Above()
        await carrier.open(above)
        carrier.send(PDU)
        assert "the connection was lost: " in str(await soon(above.end))


async def test_a_server_that_is_not_there_or_says_nothing_cannot_be_reached() -> None:
    async with peer(Exchange.ended) as port:
        pass
    with pytest.raises(TransportError, match=f"{LOOPBACK}:{port} cannot be reached"):
        await TcpCarrier(LOOPBACK, port, timeout=SOON).open(Above())
    with pytest.raises(TransportError, match="cannot be reached"):
        await TcpCarrier("x" * 64 + ".example", 135, timeout=SOON).open(Above())
    with full_port() as silent, pytest.raises(NoAnswer, match=r"did not answer in 0\.05"):
        await TcpCarrier(LOOPBACK, silent, timeout=0.05).open(Above())


class full_port:  # noqa: N801 - it is used as a function
    """A port that takes no connection and refuses none, as behind a firewall that drops packets."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> int:
        listener = socket.socket()
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        self._sockets.append(listener)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((LOOPBACK, port))
            self._sockets.append(one)
        return port

    def __exit__(self, *anything: object) -> None:
        for one in self._sockets:
            one.close()


# Virtual connections


async def test_a_virtual_connection_carries_whole_pdus_both_ways() -> None:
    async with served() as running, virtual(through(running)) as carrier:
        above = Above()
        was_gone = carrier.gone
        await carrier.open(above)
        assert (was_gone, carrier.gone) == (True, False)
        carrier.send(BIND)
        assert isinstance(decode_pdu(await soon(above.pdus.get())), BindAck)
        carrier.close()
        await carrier.closed()
        assert carrier.gone is True


@pytest.mark.conformance(85)
async def test_a_target_that_is_not_there_is_told_with_its_code() -> None:
    async with served() as running, virtual(through(running), 6009) as carrier:
        with pytest.raises(ProxyError) as refused:
            await carrier.open(Above())
        assert refused.value.rpc_status == 0x6BA


async def test_the_end_of_a_virtual_connection_is_told_with_its_reason() -> None:
    async with served() as running, virtual(through(running)) as carrier:
        above = Above()
        await carrier.open(above)
        running.proxy.end_all(None)
        assert isinstance(await soon(above.end), TransportError)


async def test_a_proxy_that_says_nothing_is_given_up_with_the_state_that_was_reached() -> None:
    async with peer(Exchange.ended) as port, virtual(ProxyAccess(LOOPBACK, port, timeout=0.05)) as carrier:
        with pytest.raises(NotOpened) as late:
            await carrier.open(Above())
    assert (late.value.seconds, late.value.state) == (0.05, "OUT_CHANNEL_WAIT")


async def test_whoever_gives_up_takes_the_dialling_along() -> None:
    with full_port() as silent:
        async with asyncio.timeout(1), virtual(ProxyAccess(LOOPBACK, silent, timeout=60.0)) as carrier:
            opening = asyncio.create_task(carrier.open(Above()))
            await until(lambda: carrier._dialling)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening


async def test_one_channel_that_is_refused_ends_the_dialling_of_the_other() -> None:
    refused = asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        head = await exchange.head()
        if head.method == "RPC_OUT_DATA":
            exchange.say("HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")
            refused.set()
        else:
            await exchange.ended()

    async with asyncio.timeout(1), peer(serve) as port:
        async with virtual(ProxyAccess(LOOPBACK, port, timeout=60.0)) as carrier:
            with pytest.raises(ProxyError):
                await carrier.open(Above())
        assert refused.is_set()


async def test_a_peer_that_keeps_its_end_open_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "CLOSE_WITHIN", 0.02)

    async def deaf(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    async with peer(deaf) as port, virtual(ProxyAccess(LOOPBACK, port, timeout=0.05)) as carrier:
        with pytest.raises(NotOpened):
            await carrier.open(Above())
        was_gone = carrier.gone
        await carrier.closed()
        assert (was_gone, carrier.gone) == (False, True)
