"""What is written is a capture that others read: blocks, IP, TCP, checksums."""

import struct
from io import BytesIO
from ipaddress import IPv6Address

import pytest

from rpch.decode.capture import read_packets
from rpch.decode.packets import Endpoint, TcpFlags, read_segment
from rpch.decode.pcapng import CLIENT, LARGEST_SEGMENT, RAW_IP, SERVER, PcapngWriter, TcpStream, checksum
from rpch.decode.reassembly import Reassembler

SIX = Endpoint(IPv6Address("2001:db8::1"), 40_000), Endpoint(IPv6Address("2001:db8::2"), 593)


def test_a_file_begins_with_a_section_and_an_interface() -> None:
    sink = BytesIO()
    PcapngWriter(sink)
    assert sink.getvalue() == bytes.fromhex(
        "0a0d0d0a 1c000000"  # section header block, 28 bytes
        "4d3c2b1a 0100 0000"  # byte-order magic, version 1.0
        "ffffffffffffffff 1c000000"  # section length unknown; 28 bytes again
        "01000000 14000000"  # interface description block, 20 bytes
        "6500 0000 00000000 14000000"  # raw IP, no limit
    )


def test_a_packet_is_one_padded_block() -> None:
    sink = BytesIO()
    writer = PcapngWriter(sink)
    start = len(sink.getvalue())
    writer.packet(1.5, b"abcde")
    assert sink.getvalue()[start:] == bytes.fromhex(
        "06000000 28000000"  # enhanced packet block, 40 bytes
        "00000000"  # interface 0
        "00000000 60e31600"  # 1,500,000 microseconds
        "05000000 05000000"  # captured and original length
        "6162636465 000000 28000000"
    )


@pytest.mark.parametrize("ends", [(CLIENT, SERVER), SIX], ids=["IPv4", "IPv6"])
def test_a_stream_is_a_connection_with_handshake_data_and_end(ends: tuple[Endpoint, Endpoint]) -> None:
    sink = BytesIO()
    stream = TcpStream(PcapngWriter(sink), *ends, 1.0)
    stream.send(b"question", 2.0, from_client=True)
    stream.send(b"answer", 3.0, from_client=False)
    stream.send(b"", 3.5, from_client=False)
    stream.close(4.0)
    packets = list(read_packets(BytesIO(sink.getvalue())))
    segments = [read_segment(packet.link, packet.data) for packet in packets]
    assert {packet.link for packet in packets} == {RAW_IP}
    assert [packet.time for packet in packets] == [1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0]
    known = [segment for segment in segments if segment]
    assert len(known) == len(packets)
    assert [(s.source == ends[0], s.sequence, s.data) for s in known] == [
        (True, 1000, b""),
        (False, 2000, b""),
        (True, 1001, b""),
        (True, 1001, b"question"),
        (False, 2001, b"answer"),
        (True, 1009, b""),
        (False, 2007, b""),
    ]
    assert known[0].flags == TcpFlags.SYN
    assert known[1].flags == TcpFlags.SYN | TcpFlags.ACK
    assert known[-1].flags == TcpFlags.FIN | TcpFlags.ACK


@pytest.mark.parametrize("size", [LARGEST_SEGMENT - 1, LARGEST_SEGMENT, 3 * LARGEST_SEGMENT + 1])
def test_much_data_is_cut_into_segments(size: int) -> None:
    sink = BytesIO()
    stream = TcpStream(PcapngWriter(sink), CLIENT, SERVER)
    stream.send(bytes(size), from_client=True)
    assembled, reassembler = 0, Reassembler()
    for packet in read_packets(BytesIO(sink.getvalue())):
        assert len(packet.data) < 0xFFFF
        segment = read_segment(packet.link, packet.data)
        assert segment is not None
        assembled += sum(len(arrival.data) for arrival in reassembler.feed(segment))
    assert assembled == size


def test_checksums_are_right() -> None:
    # The example of RFC 1071, section 3: the sum is ddf2, and the checksum its complement.
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == bytes.fromhex("220d")
    assert checksum(b"\x01") == bytes.fromhex("feff")
    sink = BytesIO()
    TcpStream(PcapngWriter(sink), CLIENT, SERVER).send(b"odd", from_client=True)
    *_, packet = read_packets(BytesIO(sink.getvalue()))
    ip, tcp = packet.data[:20], packet.data[20:]
    assert checksum(ip) == b"\0\0"
    pseudo = ip[12:20] + struct.pack("!BBH", 0, 6, len(tcp))
    assert checksum(pseudo + tcp) == b"\0\0"
