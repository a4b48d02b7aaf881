"""One connection of PDUs: what arrives becomes events, however it is cut, and a closed leg is silent."""

import asyncio
import socket

import pytest

from rpch.aio.leg import BANNER, CONGESTED_ABOVE, RELIEVED_BELOW, UNREAD_LIMIT, LegConnection
from rpch.dcerpc.pdus import Request
from rpch.errors import DecodeError
from rpch.testing.rts_samples import SAMPLES
from rpch.vconn.events import (
    BannerArrived,
    Congested,
    Event,
    Leg,
    LegClosed,
    NonsenseArrived,
    Place,
    Relieved,
    RpcArrived,
    RtsArrived,
)
from tests.memory_transport import MemoryTransport

BY_NAME = {sample.NAME: sample.encode() for sample in SAMPLES}
A1, A3, PING = BY_NAME["CONN/A1"], BY_NAME["CONN/A3"], BY_NAME["Ping"]
CALL = Request(7, 0, 3, b"stub of a call").encode()
BIG_ENDIAN_CALL = Request(8, 0, 3, b"stub of a call").encode(little_endian=False)
STREAM = A1 + CALL + BIG_ENDIAN_CALL + PING + CALL
WHOLE = [("rts", A1), ("rpc", CALL + BIG_ENDIAN_CALL), ("rts", PING), ("rpc", CALL)]


class Ear:
    """Hears the events of a leg."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def heard(self) -> list[tuple[str, bytes]]:
        """What arrived, with neighbouring runs put together."""
        found: list[tuple[str, bytes]] = []
        for event in self.events:
            match event:
                case RtsArrived(data=data):
                    found.append(("rts", bytes(data)))
                case RpcArrived(run=run) if found and found[-1][0] == "rpc":
                    found[-1] = ("rpc", found[-1][1] + bytes(run))
                case RpcArrived(run=run):
                    found.append(("rpc", bytes(run)))
                case _:
                    found.append((type(event).__name__, b""))
        return found


def leg_with(ear: Ear, *, body: int | None = None, excess_ignored: bool = False) -> LegConnection:
    """A leg on a transport in memory."""
    leg = LegConnection(Leg(Place.IN_H), ear, body=body, excess_ignored=excess_ignored)
    leg.connection_made(MemoryTransport())
    return leg


def transport_of(leg: LegConnection) -> MemoryTransport:
    """What a leg writes to."""
    assert isinstance(leg.transport, MemoryTransport)
    return leg.transport


def lose(leg: LegConnection) -> None:
    """The connection ends, so that no timer stays behind."""
    leg.connection_lost(None)


# What arrives


def test_runs_of_rpc_and_single_rts_pdus_arrive_in_order() -> None:
    ear = Ear()
    leg_with(ear).data_received(STREAM)
    assert ear.heard() == WHOLE
    assert len(ear.events) == 4  # an unbroken run is one event


def test_a_stream_may_be_split_at_every_point() -> None:
    for cut in range(1, len(STREAM)):
        ear = Ear()
        leg = leg_with(ear)
        leg.data_received(STREAM[:cut])
        leg.data_received(STREAM[cut:])
        assert ear.heard() == WHOLE, cut


def test_a_stream_may_come_byte_by_byte() -> None:
    ear = Ear()
    leg = leg_with(ear)
    for at in range(len(STREAM)):
        leg.data_received(STREAM[at : at + 1])
    assert ear.heard() == WHOLE


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 16, b"\x05\0\x14\x03\x10" + bytes(11)]
)
def test_what_is_no_stream_of_pdus_is_nonsense(garbage: bytes) -> None:
    ear = Ear()
    leg_with(ear).data_received(garbage)
    (event,) = ear.events
    assert isinstance(event, NonsenseArrived)
    assert isinstance(event.why, DecodeError)


def test_what_came_before_nonsense_in_the_same_read_is_heard_first() -> None:
    ear = Ear()
    leg_with(ear).data_received(STREAM + b"SSH-2.0")
    assert ear.heard() == [*WHOLE, ("NonsenseArrived", b"")]


async def test_a_leg_that_ends_with_what_came_first_hears_no_nonsense() -> None:
    ear = Ear()
    leg = leg_with(ear)

    def closing(event: Event) -> None:
        ear(event)
        leg.close()

    leg.feed = closing
    leg.data_received(A1 + b"SSH-2.0")
    assert ear.heard() == [("rts", A1)]
    lose(leg)


def test_the_end_of_the_peer_and_of_the_connection_are_the_legs_end() -> None:
    ear, gone = Ear(), []
    leg = leg_with(ear)
    leg.on_lost = lambda: gone.append(True)
    leg.connection_lost(None)
    assert ear.heard() == [("LegClosed", b"")]
    assert gone == [True]
    other = Ear()
    leg_with(other).eof_received()
    assert other.heard() == [("LegClosed", b"")]


# The body of an HTTP request


def test_a_body_ends_with_its_content_length() -> None:
    ear = Ear()
    leg = leg_with(ear, body=len(A1 + CALL))
    leg.data_received(A1)
    leg.data_received(CALL)
    assert ear.heard() == [("rts", A1), ("rpc", CALL)]
    leg.data_received(b"\x05")
    assert isinstance(ear.events[-1], NonsenseArrived)


@pytest.mark.conformance(5)
def test_bytes_beyond_a_short_out_body_are_ignored() -> None:
    ear = Ear()
    leg = leg_with(ear, body=len(A1), excess_ignored=True)
    leg.data_received(A1 + b"\0")  # observed: ruler writes 77 bytes for its 76
    leg.data_received(b"more")
    assert ear.heard() == [("rts", A1)]


# The banner of a server


def banner_leg(ear: Ear, *, announce: bool = False) -> LegConnection:
    """A leg to a server that may show its banner first."""
    leg = LegConnection(Leg(Place.IN_T), ear, banner=True, announce=announce)
    leg.connection_made(MemoryTransport())
    return leg


@pytest.mark.conformance(45)
def test_a_banner_is_passed_over_wherever_it_is_split_and_may_be_absent() -> None:
    for stream in (BANNER + A3, A3):
        for cut in range(1, len(stream)):
            ear = Ear()
            leg = banner_leg(ear)
            leg.data_received(stream[:cut])
            leg.data_received(stream[cut:])
            assert ear.heard() == [("rts", A3)], cut


def test_a_banner_comes_only_once() -> None:
    ear = Ear()
    banner_leg(ear).data_received(BANNER + A3 + BANNER)
    assert isinstance(ear.events[-1], NonsenseArrived)


def test_version_1_wants_to_know_of_the_banner() -> None:
    ear = Ear()
    leg = banner_leg(ear, announce=True)
    leg.data_received(BANNER[:5])
    assert not ear.events
    leg.data_received(BANNER[5:] + CALL)
    assert ear.heard() == [("BannerArrived", b""), ("rpc", CALL)]
    assert ear.events[0] == BannerArrived(leg.leg)


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"nope", b"ncacn_http/2.0", b"220 mail ESMTP"]
)
def test_a_target_with_another_greeting_is_no_rpc_server(greeting: bytes) -> None:
    for cut in range(1, len(greeting)):
        ear = Ear()
        leg = banner_leg(ear)
        leg.data_received(greeting[:cut])
        leg.data_received(greeting[cut:])
        assert isinstance(ear.events[0], NonsenseArrived)


def test_the_error_quotes_what_the_target_said() -> None:
    ear = Ear()
    banner_leg(ear).data_received(b"SSH-2.0-OpenSSH_9.2\r\n")
    (event,) = ear.events
    assert isinstance(event, NonsenseArrived)
    assert "no ncacn_http server: it began with b'SSH-2.0-OpenSSH_" in str(event.why)


# Writing and closing


async def test_what_is_written_goes_out_unchanged_until_the_leg_closes() -> None:
    leg = leg_with(Ear())
    leg.write(A3)
    leg.write(memoryview(CALL))
    leg.close()
    leg.write(PING)
    assert transport_of(leg).take() == A3 + CALL
    assert transport_of(leg).is_ended()
    lose(leg)


def test_a_peer_that_reads_nothing_is_given_up_when_much_waits_for_it() -> None:
    ear = Ear()
    leg = leg_with(ear)
    transport = transport_of(leg)
    transport.unsent = UNREAD_LIMIT + 1
    leg.write(CALL)
    assert not ear.events  # the transport has not complained
    leg.pause_writing()
    transport.unsent = UNREAD_LIMIT
    leg.write(CALL)
    assert ear.events == [Congested(leg.leg)]
    transport.unsent = UNREAD_LIMIT + 1
    leg.write(CALL)
    _, event = ear.events
    assert isinstance(event, NonsenseArrived)
    assert "does not read" in str(event.why)
    leg.resume_writing()
    leg.write(CALL)
    assert ear.events[2:] == [Relieved(leg.leg)]


def test_chunks_hold_one_pdu_each_and_heads_stay_heads() -> None:
    leg = LegConnection(Leg(Place.OUT_H), Ear(), chunked=True)
    leg.connection_made(MemoryTransport())
    leg.write(b"HTTP/1.1 200 Success\r\n\r\n")
    leg.write(A3 + CALL)
    head, a3, call = b"HTTP/1.1 200 Success\r\n\r\n", b"1c\r\n" + A3 + b"\r\n", b"%x\r\n" % len(CALL)
    assert transport_of(leg).take() == head + a3 + call + CALL + b"\r\n"


async def test_nothing_that_arrives_after_closing_is_an_event() -> None:
    ear = Ear()
    leg = leg_with(ear)
    leg.close()
    leg.data_received(STREAM)
    leg.eof_received()
    leg.connection_lost(None)
    assert not ear.events


async def test_a_leg_that_is_closed_by_its_first_pdu_passes_on_no_second() -> None:
    leg = LegConnection(Leg(Place.IN_H), lambda event: None)
    events: list[Event] = []

    def refuse(event: Event) -> None:
        events.append(event)
        leg.refuse(b"HTTP/1.0 503 RPC Error: 6c0\r\n\r\n")

    leg.feed = refuse
    leg.connection_made(MemoryTransport())
    leg.data_received(CALL + A1)  # what comes first is out of place, and the rest comes with it
    assert len(events) == 1
    assert transport_of(leg).take().startswith(b"HTTP/1.0 503")
    lose(leg)


async def test_a_leg_that_got_too_much_passes_on_nothing_once_it_is_closed() -> None:
    leg = LegConnection(Leg(Place.IN_H), lambda event: None, body=len(A1))
    events: list[Event] = []

    def close(event: Event) -> None:
        events.append(event)
        leg.close()

    leg.feed = close
    leg.connection_made(MemoryTransport())
    leg.data_received(A1 + CALL)
    assert [type(event) for event in events] == [NonsenseArrived]
    lose(leg)


async def test_a_refusal_is_the_last_word_and_waits_to_be_read() -> None:
    leg = leg_with(Ear())
    leg.refuse(b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")
    leg.refuse(b"again")
    leg.close()
    transport = transport_of(leg)
    assert transport.take() == b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n"
    assert transport.is_ended()
    assert not transport.is_closing()
    leg.data_received(bytes(300 * 1024))  # the client writes on, but not for ever
    assert transport.is_aborted()
    lose(leg)


async def test_tls_is_closed_at_once_behind_what_was_written() -> None:
    leg = LegConnection(Leg(Place.OUT_H), Ear())
    leg.connection_made(MemoryTransport(tls=True))
    leg.close()
    assert transport_of(leg).is_closing()
    assert not transport_of(leg).is_aborted()


def test_a_connection_that_comes_to_a_closed_leg_is_closed() -> None:
    ear = Ear()
    leg = LegConnection(Leg(Place.IN_H), ear)
    leg.close()  # its machine has ended while the connection was being made
    transport = MemoryTransport()
    leg.adopt(transport, A1)
    assert transport.is_closing()
    assert not ear.events


def test_an_adopted_connection_is_read_from_its_first_bytes_on() -> None:
    ear = Ear()
    leg, transport = LegConnection(Leg(Place.IN_H), ear), MemoryTransport()
    transport.pause_reading()
    leg.adopt(transport, A1)
    assert transport.protocol is leg
    assert transport.is_reading()
    assert ear.heard() == [("rts", A1)]


# TCP


async def test_what_piles_up_unsent_is_told_once_it_is_more_than_a_window_and_when_it_has_left() -> None:
    ear = Ear()
    leg = leg_with(ear)
    assert transport_of(leg).limits == (CONGESTED_ABOVE, RELIEVED_BELOW)
    leg.pause_writing()
    leg.resume_writing()
    assert ear.events == [Congested(leg.leg), Relieved(leg.leg)]
    leg.close()
    leg.pause_writing()
    leg.resume_writing()
    assert len(ear.events) == 2  # its machine has no more to do with it
    adopted = MemoryTransport()
    LegConnection(Leg(Place.IN_H), ear).adopt(adopted, b"")
    assert adopted.limits == (CONGESTED_ABOVE, RELIEVED_BELOW)


async def test_tcp_probes_a_silent_peer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        leg = LegConnection(Leg(Place.IN_T), Ear())
        await asyncio.get_running_loop().create_connection(lambda: leg, *listener.getsockname())
        leg.keep_alive(61.5)
        assert leg.transport is not None
        sock = leg.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 61
        assert leg.peer == f"127.0.0.1:{listener.getsockname()[1]}"
        leg.transport.abort()
        await asyncio.sleep(0)
    LegConnection(Leg(Place.IN_T), Ear()).keep_alive(60.0)  # nothing to probe yet
    assert LegConnection(Leg(Place.IN_T), Ear()).peer == ""


def test_the_end_is_told_once() -> None:
    ear = Ear()
    leg = leg_with(ear)
    leg.connection_lost(ConnectionResetError())
    leg.data_received(A1)
    assert ear.events == [LegClosed(leg.leg)]


async def test_a_leg_that_is_not_read_lets_its_peer_wait_until_it_is_read_on_or_closed() -> None:
    leg, transport = LegConnection(Leg(Place.IN_H), Ear()), MemoryTransport()
    leg.read_on(False)  # there is nothing to read yet
    leg.connection_made(transport)
    leg.read_on(False)
    assert not transport.is_reading()
    leg.read_on(True)
    assert transport.is_reading()
    leg.read_on(False)
    leg.close()
    assert transport.is_reading()  # or the end would not be seen
    leg.read_on(False)
    assert transport.is_reading()


async def test_a_refused_leg_is_read_even_if_it_was_not_before() -> None:
    leg, transport = LegConnection(Leg(Place.IN_H), Ear()), MemoryTransport()
    leg.connection_made(transport)
    leg.read_on(False)
    leg.refuse(b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")
    assert transport.is_reading()
