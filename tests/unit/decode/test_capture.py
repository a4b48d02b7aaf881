"""Captures are read in every form that tools write, and their faults are named with an offset."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.decode.capture import LARGEST_BLOCK, Packet, is_capture, read_packets
from rpch.errors import DecodeError
from rpch.testing.captures import opening_capture


def packets_in(data: bytes) -> list[Packet]:
    """All packets of a file."""
    return list(read_packets(BytesIO(data)))


def pcap(order: str = "<", magic: int = 0xA1B2C3D4, fraction: int = 500_000, link: int = 1) -> bytes:
    """A pcap file with two packets."""
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262_144, link)
    first = struct.pack(f"{order}IIII", 7, fraction, 3, 3) + b"abc"
    return head + first + struct.pack(f"{order}IIII", 8, 0, 2, 90) + b"de"


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def section(order: str = "<") -> bytes:
    """A section header."""
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(options: bytes = b"", link: int = 101, snap: int = 0, order: str = "<") -> bytes:
    """An interface description."""
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + options, order)


def enhanced(
    data: bytes, ticks: int = 0, number: int = 0, size: int | None = None, order: str = "<"
) -> bytes:
    """An enhanced packet block."""
    kept = len(data) if size is None else size
    return block(
        6, struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, kept, kept) + data, order
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 500_000), (0xA1B23C4D, 500_000_000)])
def test_pcap_is_read_in_both_orders_and_resolutions(order: str, magic: int, fraction: int) -> None:
    assert packets_in(pcap(order, magic, fraction)) == [
        Packet(7.5, 1, b"abc", 40),
        Packet(8.0, 1, b"de", 59),
    ]


def test_what_a_link_type_says_about_checksums_is_ignored() -> None:
    assert packets_in(pcap(link=0xF0000001))[0].link == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_is_read_in_both_orders(order: str) -> None:
    file = section(order) + interface(order=order) + enhanced(b"abcde", 1_500_000, order=order)
    assert packets_in(file) == [Packet(1.5, 101, b"abcde", 48)]


def test_other_blocks_are_passed_over() -> None:
    file = (
        section()
        + block(5, bytes(8))
        + interface()
        + block(0x80000001, b"")
        + enhanced(b"ab")
        + block(4, b"")
    )
    assert [packet.data for packet in packets_in(file)] == [b"ab"]


def test_simple_and_old_packet_blocks_are_read() -> None:
    simple = block(3, struct.pack("<I", 10) + b"abcd")
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 2_000_000, 3, 3) + b"xyz")
    file = section() + interface(snap=4) + simple + old
    assert [(packet.time, packet.data) for packet in packets_in(file)] == [(0.0, b"abcd"), (2.0, b"xyz")]


@pytest.mark.parametrize(
    ("options", "ticks", "time"),
    [
        (struct.pack("<HHB3x", 9, 1, 9), 1_500_000_000, 1.5),  # nanoseconds
        (struct.pack("<HHB3x", 9, 1, 0x81), 3, 1.5),  # halves
        (struct.pack("<HHq", 14, 8, 100), 1_500_000, 101.5),  # 100 seconds to add
        (struct.pack("<HH4s", 2, 4, b"eth0") + struct.pack("<HHB3x", 9, 1, 3), 1500, 1.5),
        (struct.pack("<HH", 0, 0), 1_500_000, 1.5),
        (struct.pack("<HHH2x", 9, 2, 3), 1_500_000, 1.5),  # of no size it should have
    ],
)
def test_times_follow_the_interface(options: bytes, ticks: int, time: float) -> None:
    (packet,) = packets_in(section() + interface(options) + enhanced(b"", ticks))
    assert packet.time == time


def test_each_section_counts_its_interfaces_anew() -> None:
    file = section() + interface(link=1) + enhanced(b"a") + section(">") + interface(link=113, order=">")
    file += enhanced(b"b", order=">")
    assert [(packet.link, packet.data) for packet in packets_in(file)] == [(1, b"a"), (113, b"b")]


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "the capture file ends here, at byte 0"),
        (b"GIF89a..", "no capture file: it starts with 47 49 46 38, at byte 0"),
        (pcap()[:20], "the capture file is cut off: need 20 bytes, have 16, at byte 4"),
        (pcap()[:30], "the capture file is cut off: need 16 bytes, have 6, at byte 24"),
        (pcap()[:41], "the capture file is cut off: need 3 bytes, have 1, at byte 40"),
        (pcap()[:32] + b"\xff\xff\xff\xff" + pcap()[36:], "a block of 4294967295 bytes, at byte 40"),
        (section()[:8] + b"\0\0\0\0" + section()[12:], "byte-order magic 00 00 00 00, at byte 8"),
        (section()[:4] + b"\x08\0\0\0" + section()[8:], "a section header of 8 bytes, at byte 4"),
        (section()[:4] + b"\x1d\0\0\0" + section()[8:], "a section header of 29 bytes, at byte 4"),
        (section() + b"\x06\0\0\0\x08\0\0\0", "a block of 8 bytes, at byte 32"),
        (section() + b"\x06\0\0\0\x0e\0\0\0" + bytes(20), "a block of 14 bytes, at byte 32"),
        (section() + interface()[:-4] + b"\x18\0\0\0", "a block's two lengths differ, at byte 32"),
        (section() + interface()[:-1], "the capture file is cut off: need 4 bytes, have 3, at byte 44"),
        (section() + enhanced(b""), "a packet of interface 0, which was not described, at byte 28"),
        (
            section() + interface() + enhanced(b"ab", size=9),
            "a packet of 9 bytes in a block with 4, at byte 48",
        ),
        (section() + interface() + block(6, b"abcd"), "a block of 4 bytes, too few, at byte 48"),
        (section() + block(1, b"abcd"), "a block of 4 bytes, too few, at byte 28"),
    ],
)
def test_a_broken_file_says_where(file: bytes, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        packets_in(file)
    assert str(caught.value) == problem


def test_an_enormous_block_is_refused_before_it_is_read() -> None:
    size = LARGEST_BLOCK + 16
    with pytest.raises(DecodeError, match=f"a block of {size - 12} bytes"):
        packets_in(section() + struct.pack("<II", 6, size))


def test_what_came_before_a_break_is_given() -> None:
    reader = read_packets(BytesIO(pcap()[:-1]))
    assert next(reader).data == b"abc"
    with pytest.raises(DecodeError, match="cut off"):
        next(reader)


def test_captures_are_known_by_their_first_bytes() -> None:
    assert is_capture(pcap())
    assert is_capture(pcap(">", 0xA1B23C4D))
    assert is_capture(section())
    assert not is_capture(b"\x05\0\x14\x03")
    assert not is_capture(b"")


@given(st.binary(max_size=60), st.integers(0, 100), st.sampled_from([pcap(), opening_capture()[:300]]))
def test_any_bytes_are_read_or_refused(data: bytes, kept: int, file: bytes) -> None:
    try:
        packets_in(file[:kept] + data + file[kept + len(data) :])
    except DecodeError:
        return
