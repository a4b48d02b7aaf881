"""TCP connections come to a server, say which leg they are, and are joined by cookie, or sent away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from rpch.dcerpc.pdus import Request
from rpch.rts.commands import ConnectionTimeout, ReceiveWindowSize, Version
from rpch.rts.pdus import ConnB3, ConnC1
from rpch.server import http_legs as module
from rpch.server.http_legs import HttpLegs, ServedConnection
from rpch.testing.rts_samples import SAMPLES
from rpch.vconn.settings import Settings
from tests.raw_peer import RawPeer, raw_peer, until

BY_NAME = {sample.NAME: sample.encode() for sample in SAMPLES}
A2, B2 = BY_NAME["CONN/A2"], BY_NAME["CONN/B2"]
CALL = Request(7, 0, 3, b"stub of a call").encode()


class Recorder:
    """A joint that writes down what happens to it."""

    def __init__(self, connection: ServedConnection) -> None:
        self.connection = connection
        self.happened: list[str] = []
        self.received = b""

    def opened(self) -> None:
        self.happened.append("opened")

    def deliver(self, run: bytes | memoryview) -> None:
        self.received += bytes(run)

    def turned(self) -> None:
        pass

    def closed(self) -> None:
        self.happened.append("closed")


class Listening:
    """An endpoint of ncacn_http and the joints it made."""

    def __init__(self, *, v1: bool = False, setup_timeout: float = 60.0) -> None:
        self.joints: list[Recorder] = []
        self.legs = HttpLegs(self._joint, settings=Settings(setup_timeout=setup_timeout), v1=v1)
        self.port = 0

    def _joint(self, connection: ServedConnection) -> Recorder:
        self.joints.append(Recorder(connection))
        return self.joints[-1]

    def empty(self) -> bool:
        """Whether everything was given back."""
        return not (self.legs.arrivals or self.legs.connections or len(self.legs.table))


@asynccontextmanager
async def listening(*, v1: bool = False, setup_timeout: float = 60.0) -> AsyncIterator[Listening]:
    """Somebody who takes legs; at the end nothing of them is left."""
    here = Listening(v1=v1, setup_timeout=setup_timeout)
    server = await asyncio.get_running_loop().create_server(here.legs.connection, "127.0.0.1", 0)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        here.legs.close()
        await until(here.empty)


@asynccontextmanager
async def leg(here: Listening, *first: bytes) -> AsyncIterator[RawPeer]:
    """A proxy's connection that begins like this."""
    async with raw_peer(here.port) as peer:
        assert await peer.take(14) == b"ncacn_http/1.0"
        peer.send(*first)
        yield peer


@pytest.mark.conformance(39, 30)
@pytest.mark.parametrize("out_first", [True, False], ids=["A2 first", "B2 first"])
async def test_both_legs_in_either_order_open_a_virtual_connection(out_first: bool) -> None:
    async with listening() as here:
        order = (A2, B2) if out_first else (B2, A2)
        async with leg(here, order[0]) as one:
            await until(lambda: len(here.legs.connections) == 1)
            assert await one.silent()
            async with leg(here, order[1]) as other:
                out, into = (one, other) if out_first else (other, one)
                window, timeout = ReceiveWindowSize(65_536), ConnectionTimeout(120_000)
                assert await out.pdu() == ConnC1(Version(1), window, timeout).encode()
                assert await into.pdu() == ConnB3(window, Version(1)).encode()
                assert [joint.happened for joint in here.joints] == [["opened"]]
                into.send(CALL, CALL)
                await until(lambda: here.joints[0].received == CALL * 2)
                here.joints[0].connection.submit(CALL)
                assert await out.pdu() == CALL
                assert here.joints[0].connection.identity == bytes(range(0x40, 0x50)).hex()
                assert here.joints[0].connection.client == "192.0.2.1"
        await until(here.empty)
        assert here.joints[0].happened == ["opened", "closed"]


async def test_a_first_pdu_may_be_torn_and_may_bring_more_along() -> None:
    async with listening() as here, leg(here) as into, leg(here, A2):
        for byte in B2[:-1]:
            into.send(bytes([byte]))
        into.send(B2[-1:] + CALL)  # before B3: not as it should be, but of this leg
        await until(lambda: bool(here.joints))
        await asyncio.sleep(0.02)
        assert here.joints[0].received in (CALL, b"")


@pytest.mark.conformance(82)
@pytest.mark.parametrize("lost", [0, 1], ids=["OUT", "IN"])
@pytest.mark.parametrize("abruptly", [False, True], ids=["closed", "reset"])
async def test_one_lost_leg_takes_the_other_with_it(lost: int, abruptly: bool) -> None:
    async with listening() as here, leg(here, A2) as out, leg(here, B2) as into:
        await out.pdu()
        await into.pdu()
        legs = (out, into)
        if abruptly:
            legs[lost].reset()
        else:
            legs[lost].finish()
        assert await legs[1 - lost].rest() == b""
        assert here.joints[0].happened == ["opened", "closed"]
        assert not here.legs.connections
        assert not len(here.legs.table)


@pytest.mark.parametrize(
    "first",
    [
        CALL,
        BY_NAME["CONN/A1"],
        BY_NAME["Ping"],
        BY_NAME["IN_R1/A2"],
        b"GET / HTTP/1.1\r\n\r\n",
        A2[:16] + bytes(68),
    ],
    ids=["rpc", "a1", "ping", "in_r1_a2", "http", "broken"],
)
async def test_a_connection_that_begins_with_anything_else_is_sent_away(first: bytes) -> None:
    async with listening() as here:
        with capture_logs() as lines:
            async with leg(here, first, A2, B2) as peer:
                assert await peer.rest() == b""
        assert [(line["event"], line["rule"]) for line in lines] == [("refused", "FirstPdu")]
        assert not here.joints


@pytest.mark.conformance(40)
@pytest.mark.parametrize("again", [A2, B2], ids=["A2", "B2"])
async def test_a_second_leg_of_the_same_kind_ends_the_virtual_connection(again: bytes) -> None:
    async with listening() as here, leg(here, again) as first:
        await until(lambda: len(here.legs.connections) == 1)
        with capture_logs() as lines:
            async with leg(here, again) as second:
                assert await first.rest() == b""
                assert await second.rest() == b""
        assert not here.legs.connections
        assert "connection ended" in [line["event"] for line in lines]


@pytest.mark.conformance(44)
async def test_a_leg_whose_other_half_does_not_come_is_not_waited_for() -> None:
    async with listening(setup_timeout=0.05) as here:
        with capture_logs() as lines:
            async with leg(here, B2) as into:
                assert await into.rest() == b""
        (line,) = [line for line in lines if line["event"] == "connection ended"]
        assert "the other channel did not come" in line["why"]
        assert not len(here.legs.table)


async def test_a_connection_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PDU_TIMEOUT", 0.03)
    async with listening() as here:
        with capture_logs() as lines:
            async with leg(here, A2[:-1]) as peer:
                assert await peer.rest() == b""
        assert [line["rule"] for line in lines] == ["FirstPduTimeout"]


async def test_the_joint_may_end_the_connection_and_what_it_said_before_arrives() -> None:
    async with listening() as here, leg(here, A2) as out, leg(here, B2) as into:
        await into.pdu()
        connection = here.joints[0].connection
        connection.submit(CALL)
        connection.close()
        connection.close()
        connection.submit(CALL)
        assert (await out.rest()).endswith(CALL)
        assert await into.rest() == b""
        assert here.joints[0].happened == ["opened", "closed"]


@pytest.mark.conformance(46)
async def test_an_rpc_pdu_begins_a_connection_of_version_1_where_that_is_wanted() -> None:
    async with listening(v1=True) as here:
        async with leg(here, CALL) as peer:
            await until(lambda: bool(here.joints and here.joints[0].received))
            assert here.joints[0].received == CALL
            here.joints[0].connection.submit(CALL)
            assert await peer.pdu() == CALL
            peer.send(BY_NAME["Ping"])  # an RTS PDU has no place here
            assert await peer.rest() == b""
        assert here.joints[0].happened == ["opened", "closed"]


async def test_a_stop_ends_everything() -> None:
    async with listening() as here, leg(here, A2) as out, leg(here, B2) as into, leg(here) as idle:
        await out.pdu()
        await into.pdu()
        here.legs.close()
        for peer in (out, into, idle):
            assert await peer.rest() == b""
        assert here.joints[0].happened == ["opened", "closed"]
