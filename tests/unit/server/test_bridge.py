"""A bridge carries RPC PDUs between a virtual connection and a plain TCP server, and holds neither up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from rpch.dcerpc.pdus import Request
from rpch.rts.commands import Cookie, FlowControlAck
from rpch.rts.pdus import Ack
from rpch.server import bridge as module
from rpch.server.bridge import Bridge
from rpch.testing.rts_samples import SAMPLES
from tests.raw_peer import RawListener, RawPeer, raw_listener, raw_peer, until

BY_NAME = {sample.NAME: sample.encode() for sample in SAMPLES}
A2, B2 = BY_NAME["CONN/A2"], BY_NAME["CONN/B2"]
OUT_COOKIE = Cookie(bytes(range(0x20, 0x30)))
WINDOW = 65_536
CALL = Request(7, 0, 3, b"stub of a call").encode()
BULK = Request(8, 0, 3, bytes(5000)).encode()


def empty(bridge: Bridge) -> bool:
    """Whether every connection was given back."""
    legs = bridge.legs
    return not (legs.arrivals or legs.connections or len(legs.table))


@asynccontextmanager
async def a_bridge(port: int) -> AsyncIterator[tuple[Bridge, int]]:
    """A bridge to that port."""
    async with asyncio.TaskGroup() as tasks:
        bridge = Bridge(tasks, "127.0.0.1", port)
        try:
            yield bridge, await bridge.listen("127.0.0.1", 0)
        finally:
            await bridge.close()
            await until(lambda: empty(bridge))


@asynccontextmanager
async def crossing(port: int) -> AsyncIterator[tuple[RawPeer, RawPeer]]:
    """A proxy's two legs: out and in."""
    async with raw_peer(port) as out, raw_peer(port) as into:
        for peer, first in ((out, A2), (into, B2)):
            assert await peer.take(14) == b"ncacn_http/1.0"
            peer.send(first)
        await out.pdu()  # C1
        await into.pdu()  # B3
        yield out, into


async def test_pdus_pass_unchanged_both_ways() -> None:
    async with (
        raw_listener() as back_end,
        a_bridge(back_end.port) as (_, port),
        crossing(port) as (out, into),
    ):
        into.send(CALL, BULK, CALL)
        there = await back_end.peer()
        assert await there.take(len(CALL + BULK + CALL)) == CALL + BULK + CALL
        big_endian = Request(9, 0, 3, b"unknown to us").encode(little_endian=False)
        there.send(big_endian, CALL)
        assert await out.take(len(big_endian + CALL)) == big_endian + CALL


async def test_what_comes_before_the_back_end_is_reached_is_not_lost() -> None:
    async with (
        raw_listener() as back_end,
        a_bridge(back_end.port) as (_, port),
        raw_peer(port) as out,
        raw_peer(port) as into,
    ):
        out.send(A2)
        await until(lambda: len(out.reader._buffer) >= 14)  # type: ignore[attr-defined]
        into.send(B2, CALL)  # glued to the first PDU
        there = await back_end.peer()
        assert await there.take(len(CALL)) == CALL


async def test_each_virtual_connection_has_a_back_end_of_its_own() -> None:
    async with raw_listener() as back_end, a_bridge(back_end.port) as (bridge, port):
        other = {A2: A2.replace(A2[32:48], bytes(16)), B2: B2.replace(B2[32:48], bytes(16))}
        async with crossing(port), raw_peer(port) as out, raw_peer(port) as into:
            out.send(other[A2])
            into.send(other[B2])
            await back_end.peer(1)
            assert len(back_end.peers) == len(bridge.legs.connections) == 2


async def test_a_back_end_that_is_not_there_ends_the_connection_and_is_told() -> None:
    async with raw_listener() as back_end:
        port_of_nobody = back_end.port
    async with a_bridge(port_of_nobody) as (bridge, port):
        with capture_logs() as lines:
            async with crossing(port) as (out, into):
                assert await out.rest() == await into.rest() == b""
        await until(lambda: empty(bridge))
    events = {line["event"]: line for line in lines}
    assert events["back end unreachable"]["port"] == port_of_nobody
    assert "cannot be reached" in events["connection ended"]["why"]


@pytest.mark.parametrize("abruptly", [False, True], ids=["closed", "reset"])
async def test_a_back_end_that_vanishes_ends_the_connection_and_is_told(abruptly: bool) -> None:
    async with raw_listener() as back_end, a_bridge(back_end.port) as (bridge, port):
        with capture_logs() as lines:
            async with crossing(port) as (out, into):
                into.send(CALL)
                there = await back_end.peer()
                await there.take(len(CALL))
                if abruptly:
                    there.reset()
                else:
                    there.writer.close()
                assert await out.rest() == await into.rest() == b""
        await until(lambda: empty(bridge))
    (why,) = [line["why"] for line in lines if line["event"] == "connection ended"]
    assert "the back end closed the connection" in why


@pytest.mark.parametrize("nonsense", [b"SSH-2.0-OpenSSH_9.2\r\n", BY_NAME["Ping"]], ids=["ssh", "rts"])
async def test_a_back_end_that_speaks_something_else_is_told_apart(nonsense: bytes) -> None:
    async with raw_listener(greeting=nonsense) as back_end, a_bridge(back_end.port) as (_, port):
        with capture_logs() as lines:
            async with crossing(port) as (out, _):
                assert await out.rest() == b""
    (why,) = [line["why"] for line in lines if line["event"] == "connection ended"]
    assert "not RPC" in why or "RTS" in why


async def test_what_a_back_end_said_before_it_went_wrong_arrives() -> None:
    async with (
        raw_listener(greeting=CALL + BULK + b"SSH-2.0") as back_end,
        a_bridge(back_end.port) as (_, port),
        crossing(port) as (out, _),
    ):
        assert await out.take(len(CALL + BULK)) == CALL + BULK
        assert await out.rest() == b""


async def test_a_client_that_goes_takes_its_back_end_along() -> None:
    async with (
        raw_listener() as back_end,
        a_bridge(back_end.port) as (_, port),
        crossing(port) as (out, into),
    ):
        there = await back_end.peer()
        into.reset()
        assert await there.rest() == b""
        assert await out.rest() == b""


async def drained(back_end: RawListener) -> int:
    """How much a back end has sent by the time nobody takes more."""
    there = await back_end.peer()
    sent = 0
    while there.writer.transport.get_write_buffer_size() < 1_000_000 and sent < 20_000_000:
        there.send(*[BULK] * 20)
        sent += 20 * len(BULK)
        await asyncio.sleep(0)
    return sent


async def test_a_client_that_does_not_acknowledge_makes_us_stop_reading_from_the_back_end() -> None:
    async with (
        raw_listener() as back_end,
        a_bridge(back_end.port) as (bridge, port),
        crossing(port) as (out, _),
    ):
        assert await drained(back_end) < 20_000_000
        await asyncio.sleep(0.02)
        (connection,) = bridge.legs.connections.values()
        assert module.PAUSE_ABOVE <= connection.waiting < 4 * module.PAUSE_ABOVE
        got = await out.take(WINDOW // len(BULK) * len(BULK))
        assert await out.silent()
        out.send(Ack(FlowControlAck(len(got), WINDOW, OUT_COOKIE.value)))
        await out.take(len(BULK))  # and on it goes


@pytest.mark.slow
async def test_a_back_end_that_does_not_read_is_not_acknowledged() -> None:
    async with (
        raw_listener() as back_end,
        a_bridge(back_end.port) as (_, port),
        crossing(port) as (_, into),
    ):
        there = await back_end.peer()
        there.reader._transport.pause_reading()  # type: ignore[attr-defined]
        acknowledged = sent = 0
        while sent - acknowledged + len(BULK) <= WINDOW and sent < 60_000_000:
            into.send(BULK)
            sent += len(BULK)
            if sent - acknowledged > WINDOW // 2:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        acknowledged = received_by(await into.pdu())
        assert sent < 60_000_000  # the window has closed
        there.reader._transport.resume_reading()  # type: ignore[attr-defined]
        reading = asyncio.create_task(there.take(sent))
        while acknowledged < sent - WINDOW // 2:
            acknowledged = received_by(await into.pdu())
        await reading


def received_by(ack: bytes) -> int:
    """BytesReceived of an acknowledgement."""
    return int.from_bytes(ack[24:28], "little")
