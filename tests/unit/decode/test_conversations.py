"""A capture is followed connection by connection, in its own order."""

from dataclasses import replace
from io import BytesIO
from ipaddress import IPv4Address

import pytest

from rpch.decode.capture import Packet, read_packets
from rpch.decode.conversations import Conversations, Seen
from rpch.decode.messages import Kind
from rpch.decode.packets import Endpoint, TcpFlags, read_segment
from rpch.decode.pcapng import CLIENT, SERVER, PcapngWriter, TcpStream
from rpch.decode.streams import BANNER
from rpch.errors import DecodeError
from rpch.testing.captures import (
    BIND,
    BIND_ACK,
    IN_CLIENT,
    NAMES,
    OUT_ACCEPTED,
    OUT_CLIENT,
    PROXY,
    RTS,
    channel_head,
    opening_capture,
)

PACKETS = list(read_packets(BytesIO(opening_capture())))


def followed(packets: list[Packet], *, whole_cookies: bool = False) -> list[Seen]:
    """Everything seen in these packets."""
    return list(Conversations(whole_cookies=whole_cookies).decode(packets))


def captured(
    *sends: tuple[bool, bytes], client: Endpoint = CLIENT, server: Endpoint = SERVER
) -> list[Packet]:
    """The packets of one connection, with its handshake."""
    sink = BytesIO()
    stream = TcpStream(PcapngWriter(sink), client, server, 1.0)
    for number, (from_client, data) in enumerate(sends):
        stream.send(data, 2.0 + number, from_client=from_client)
    return list(read_packets(BytesIO(sink.getvalue())))


def without_opening(packets: list[Packet]) -> list[Packet]:
    """The same, as if the capture had begun later."""
    segments = [(packet, read_segment(packet.link, packet.data)) for packet in packets]
    return [packet for packet, segment in segments if segment and TcpFlags.SYN not in segment.flags]


def test_messages_come_in_the_order_of_the_capture_with_their_places() -> None:
    seen = followed(PACKETS)
    assert [one.message.name for one in seen] == list(NAMES)
    assert [one.message.problem for one in seen] == [None] * len(seen)
    assert [one.place for one in seen] == ["OUT-H"] * 2 + ["IN-H"] * 2 + ["OUT-H"] * 3 + [
        "IN-H",
        "OUT-H",
        "IN-H",
        "OUT-H",
        "OUT-H",
    ]
    assert {one.connection for one in seen} == {"10111213…"}
    assert [one.time for one in seen] == sorted(one.time or 0.0 for one in seen)


def test_a_message_knows_its_ends() -> None:
    seen = {one.message.name: one for one in followed(PACKETS)}
    assert (seen["CONN/B1"].source, seen["CONN/B1"].target) == (IN_CLIENT, PROXY)
    assert (seen["CONN/A3"].source, seen["CONN/A3"].target) == (PROXY, OUT_CLIENT)
    assert (seen["CONN/B1"].from_client, seen["CONN/A3"].from_client) == (True, False)
    assert seen["CONN/B1"].number != seen["CONN/A1"].number


def test_calls_are_named_across_the_channels() -> None:
    seen = {one.message.name: one.message for one in followed(PACKETS)}
    assert seen["response"].about == "call 2, EMSMDB EcDoConnectEx"


def test_a_shuffled_and_doubled_capture_shows_the_same() -> None:
    middle = PACKETS[6:-4]
    shuffled = PACKETS[:6] + middle[1::2] + middle[::2] + middle + PACKETS[-4:]
    shown = [(one.message.name, one.message.problem) for one in followed(shuffled)]
    assert sorted(name for name, _ in shown) == sorted(NAMES)
    assert {problem for _, problem in shown} == {None}


@pytest.mark.parametrize(
    ("sends", "first_is_client"),
    [
        ([(True, channel_head("RPC_OUT_DATA", 76)), (False, OUT_ACCEPTED)], True),
        ([(False, OUT_ACCEPTED), (True, channel_head("RPC_OUT_DATA", 76))], False),
        ([(False, BANNER), (True, RTS["CONN/A2"])], False),
        ([(True, BIND), (False, BIND_ACK)], True),
        ([(False, BIND_ACK), (True, BIND)], False),
    ],
)
def test_a_capture_that_begins_late_guesses_the_client(
    sends: list[tuple[bool, bytes]], first_is_client: bool
) -> None:
    first, second = followed(without_opening(captured(*sends)))[:2]
    assert (first.from_client, second.from_client) == (first_is_client, not first_is_client)


def test_missing_packets_are_reported() -> None:
    packets = captured((True, BIND), (True, b"x" * 10), (True, BIND))
    seen = followed([*packets[:4], packets[5]])
    assert [one.message.kind for one in seen] == [Kind.RPC, Kind.NOTE, Kind.RPC]
    assert seen[1].message.problem == "10 bytes are missing in the capture"


def test_what_the_end_of_the_capture_cut_off_is_reported() -> None:
    (seen,) = followed(captured((True, BIND[:30])))
    assert seen.message.problem == "frag_length says 72 bytes, the stream ends after 30"


def test_legs_between_proxy_and_server_are_followed() -> None:
    packets = captured((False, BANNER), (True, RTS["CONN/A2"]), (False, RTS["CONN/C1"]))
    assert [(one.message.name, one.place) for one in followed(packets)] == [
        (BANNER.decode(), None),
        ("CONN/A2", "OUT-T"),
        ("CONN/C1", "OUT-T"),
    ]


def test_cookies_are_whole_when_asked_for() -> None:
    short, whole = (followed(PACKETS, whole_cookies=flag)[1].message for flag in (False, True))
    assert "10111213…" in [part.value for part in short.parts]
    assert bytes(range(0x10, 0x20)).hex() in [part.value for part in whole.parts]


def test_a_file_that_breaks_shows_what_came_before() -> None:
    capture = opening_capture()
    reader = Conversations().decode(read_packets(BytesIO(capture[:-200])))
    assert [next(reader).message.name for _ in range(4)] == list(NAMES[:4])
    with pytest.raises(DecodeError, match="cut off"):
        list(reader)


def test_a_capture_without_tcp_says_so() -> None:
    with pytest.raises(DecodeError, match="no TCP in this capture"):
        followed([Packet(0.0, 1, bytes(60), 0)])
    with pytest.raises(DecodeError, match="no TCP in this capture"):
        followed([])
    with pytest.raises(DecodeError, match=r"no link type known here, only \[105, 195\]"):
        followed([Packet(0.0, 105, b"", 0), replace(PACKETS[0], link=195)])


def test_a_connection_without_data_shows_nothing() -> None:
    packets = captured(client=Endpoint(IPv4Address("192.0.2.77"), 1))
    assert followed(packets) == []
