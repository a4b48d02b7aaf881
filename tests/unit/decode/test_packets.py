"""TCP segments are found on every common link, and nothing else is taken for one."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.decode.packets import KNOWN_LINKS, Endpoint, Segment, TcpFlags, read_segment

TCP = struct.pack("!HHIIBBHHH", 50_000, 593, 1000, 2000, 5 << 4, 0x18, 0xFFFF, 0, 0) + b"data"
V4_ENDS = IPv4Address("192.0.2.1").packed + IPv4Address("192.0.2.2").packed
V6_ENDS = IPv6Address("2001:db8::1").packed + IPv6Address("2001:db8::2").packed
EXPECTED_V4 = Segment(
    Endpoint(IPv4Address("192.0.2.1"), 50_000),
    Endpoint(IPv4Address("192.0.2.2"), 593),
    1000,
    TcpFlags.ACK,
    b"data",
)
EXPECTED_V6 = Segment(
    Endpoint(IPv6Address("2001:db8::1"), 50_000),
    Endpoint(IPv6Address("2001:db8::2"), 593),
    1000,
    TcpFlags.ACK,
    b"data",
)


def ipv4(payload: bytes = TCP, *, total: int | None = None, fragment: int = 0, protocol: int = 6) -> bytes:
    """An IPv4 packet."""
    size = 20 + len(payload) if total is None else total
    return struct.pack("!BBHHHBBH", 0x45, 0, size, 0, fragment, 64, protocol, 0) + V4_ENDS + payload


def ipv6(payload: bytes = TCP, *, following: int = 6, size: int | None = None) -> bytes:
    """An IPv6 packet."""
    length = len(payload) if size is None else size
    return struct.pack("!IHBB", 0x60000000, length, following, 64) + V6_ENDS + payload


ETHERNET = bytes(12)
VLAN = bytes.fromhex("8100 0005")


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (101, ipv4()),
        (228, ipv4()),
        (1, ETHERNET + b"\x08\0" + ipv4()),
        (1, ETHERNET + VLAN + b"\x08\0" + ipv4()),
        (1, ETHERNET + bytes.fromhex("88a80005") + VLAN + b"\x08\0" + ipv4()),
        (1, ETHERNET + b"\x08\0" + ipv4() + bytes(6)),  # filled up to the smallest frame
        (113, bytes(14) + b"\x08\0" + ipv4()),
        (276, b"\x08\0" + bytes(18) + ipv4()),
        (0, bytes.fromhex("02000000") + ipv4()),
        (108, bytes.fromhex("00000002") + ipv4()),
        (101, ipv4(total=0)),  # cut into segments by the card
        (101, ipv4(fragment=0x4000)),  # do not fragment
    ],
)
def test_a_segment_is_found_on_every_link(link: int, frame: bytes) -> None:
    assert read_segment(link, frame) == EXPECTED_V4
    assert link in KNOWN_LINKS


@pytest.mark.parametrize(
    "packet",
    [
        ipv6(),
        ipv6(size=0),
        ipv6(bytes((6, 0)) + bytes(6) + TCP, following=0),  # hop-by-hop options
        ipv6(bytes((43, 1)) + bytes(14) + bytes((6, 0)) + bytes(6) + TCP, following=60),
        ipv6(bytes((6, 2)) + bytes(14) + TCP, following=51),  # authentication header
    ],
)
def test_ipv6_is_read_past_its_extensions(packet: bytes) -> None:
    assert read_segment(101, packet) == EXPECTED_V6
    assert read_segment(1, ETHERNET + b"\x86\xdd" + packet) == EXPECTED_V6


def test_options_of_ip_and_tcp_are_passed_over() -> None:
    tcp = TCP[:12] + b"\x60" + TCP[13:20] + b"\x01\x01\x01\x01" + TCP[20:]
    packet = b"\x46" + ipv4(bytes(4) + tcp)[1:]
    assert read_segment(101, packet) == EXPECTED_V4


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (101, b""),
        (101, b"\x45"),
        (101, ipv4(protocol=17)),
        (101, ipv4(fragment=0x2000)),
        (101, ipv4(fragment=0x0001)),
        (101, b"\x44" + ipv4()[1:]),
        (101, ipv4(TCP[:19])),
        (101, ipv4(TCP[:12] + b"\x40" + TCP[13:])),
        (101, b"\x15" + ipv4()[1:]),
        (101, ipv6()[:39]),
        (101, ipv6(following=44)),
        (101, ipv6(b"\0" * 8, following=0)),
        (1, ETHERNET + b"\x08\x06" + ipv4()),
        (1, ETHERNET),
        (1, b""),
        (1, ETHERNET + VLAN),
        (147, ipv4()),
    ],
)
def test_anything_else_gives_nothing(link: int, frame: bytes) -> None:
    assert read_segment(link, frame) is None


def test_a_connection_with_itself_gives_nothing() -> None:
    looped = struct.pack("!HH", 593, 593) + TCP[4:]
    packet = ipv4(looped)
    assert read_segment(101, packet[:16] + packet[12:16] + packet[20:]) is None


def test_ends_print_themselves() -> None:
    assert str(EXPECTED_V4.source) == "192.0.2.1:50000"
    assert str(EXPECTED_V6.target) == "[2001:db8::2]:593"


@given(st.sampled_from(sorted(KNOWN_LINKS)), st.binary(max_size=120))
def test_any_frame_can_be_read(link: int, frame: bytes) -> None:
    read_segment(link, frame)


@given(st.sampled_from([ipv4(), ipv6()]), st.integers(0, 80), st.integers(0, 255))
def test_any_byte_may_be_wrong(packet: bytes, at: int, value: int) -> None:
    changed = bytearray(packet)
    changed[at % len(packet)] = value
    read_segment(101, bytes(changed))
