"""The fifteen commands: layouts, sizes, and what may be sent."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from rpch.errors import DecodeError
from rpch.rts.commands import (
    COMMANDS,
    PADDING_LIMIT,
    Ance,
    AssociationGroupId,
    ChannelLifetime,
    ClientAddress,
    ClientKeepalive,
    ConnectionTimeout,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    NegativeAnce,
    Padding,
    PingTrafficSentNotify,
    ReceiveWindowSize,
    RtsCommand,
    Version,
    read_command,
)
from rpch.testing.codecs import check_codec
from rpch.wire import Reader

COOKIE = bytes(range(0x10, 0x20))
COOKIE_HEX = "10111213 14151617 18191a1b 1c1d1e1f"


def decode_command(data: bytes) -> RtsCommand:
    """The whole of `data` is one command."""
    reader = Reader(data)
    command = read_command(reader)
    reader.finish()
    return command


# Value, size in all, and bytes: the type first, then a group or more for each field.  MS-RPCH 2.2.3.5
LAYOUTS: list[tuple[RtsCommand, int, str]] = [
    (ReceiveWindowSize(65_536), 8, "00000000 00000100"),
    (FlowControlAck(0x9000, 0x10000, COOKIE), 28, f"01000000 00900000 00000100 {COOKIE_HEX}"),
    (ConnectionTimeout(120_000), 8, "02000000 c0d40100"),
    (Cookie(COOKIE), 20, f"03000000 {COOKIE_HEX}"),
    (ChannelLifetime(1 << 30), 8, "04000000 00000040"),
    (ClientKeepalive(300_000), 8, "05000000 e0930400"),
    (Version(1), 8, "06000000 01000000"),
    (Empty(), 4, "07000000"),
    (Padding(0), 8, "08000000 00000000"),
    (Padding(3), 11, "08000000 03000000 000000"),
    (NegativeAnce(), 4, "09000000"),
    (Ance(), 4, "0a000000"),
    # IPv4 is a little-endian number, as written in the text and by peers; then 12 bytes of nothing.
    (
        ClientAddress(IPv4Address("192.0.2.1")),
        24,
        "0b000000 00000000 010200c0 00000000 00000000 00000000",
    ),
    (
        ClientAddress(IPv6Address("2001:db8::1")),
        36,
        "0b000000 01000000 20010db8 00000000 00000000 00000001 00000000 00000000 00000000",
    ),
    (AssociationGroupId(COOKIE), 20, f"0c000000 {COOKIE_HEX}"),
    (Destination(ForwardDestination.OUT_PROXY), 8, "0d000000 03000000"),
    (PingTrafficSentNotify(1040), 8, "0e000000 10040000"),
]


@pytest.mark.conformance(27, 28)
@pytest.mark.parametrize(("command", "size", "wire"), LAYOUTS, ids=lambda value: type(value).__name__)
def test_a_command_has_its_layout_and_size(command: RtsCommand, size: int, wire: str) -> None:
    data = bytes.fromhex(wire)
    assert len(data) == size
    check_codec(decode_command, command, data)


@pytest.mark.conformance(27)
def test_there_are_fifteen_commands_and_each_has_been_looked_at() -> None:
    assert sorted(COMMANDS) == list(range(15))
    assert {type(command) for command, _, _ in LAYOUTS} == set(COMMANDS.values())


@pytest.mark.parametrize("kind", [0xF, 0x100, 0x01000000, 0xFFFFFFFF])
def test_an_unknown_command_ends_all_reading(kind: int) -> None:
    reader = Reader(bytes(4) * 2 + kind.to_bytes(4, "little") + bytes(64))
    assert read_command(reader) == ReceiveWindowSize(0)
    with pytest.raises(DecodeError, match=f"unknown RTS command 0x{kind:x}, at byte 8"):
        read_command(reader)


@pytest.mark.conformance(28)
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_what_pads_an_address_is_ignored(address: str) -> None:
    command = ClientAddress(IPv6Address(address) if ":" in address else IPv4Address(address))
    padded = command.encode()[:-12] + b"?" * 12
    assert decode_command(padded) == command


def test_an_address_of_unknown_kind_is_an_error() -> None:
    with pytest.raises(DecodeError, match="address type 2, at byte 4"):
        decode_command(bytes.fromhex("0b000000 02000000") + bytes(28))


def test_padding_is_ignored_whatever_it_holds() -> None:
    assert decode_command(bytes.fromhex("08000000 04000000 deadbeef")) == Padding(4)


def test_the_largest_padding_is_accepted_and_one_more_refused_before_it_is_read() -> None:
    largest = Padding(PADDING_LIMIT)
    assert decode_command(largest.encode()) == largest
    with pytest.raises(DecodeError, match="65536 bytes of padding, at byte 4"):
        decode_command(bytes.fromhex("08000000 00000100"))
    with pytest.raises(DecodeError, match="4294967295 bytes of padding"):
        decode_command(bytes.fromhex("08000000 ffffffff"))


def test_a_cookie_has_sixteen_bytes() -> None:
    for wrong in (b"", COOKIE[:-1], COOKIE + b"\0"):
        with pytest.raises(ValueError, match="need 16 bytes"):
            Cookie(wrong).encode()


# Each value is the edge of what may be sent, with the value beyond it.
EDGES: list[tuple[RtsCommand, RtsCommand]] = [
    (ReceiveWindowSize(0x2000), ReceiveWindowSize(0x1FFF)),
    (ReceiveWindowSize(0x40000), ReceiveWindowSize(0x40001)),
    (ConnectionTimeout(120_000), ConnectionTimeout(119_999)),
    (ConnectionTimeout(14_400_000), ConnectionTimeout(14_400_001)),
    (ChannelLifetime(0x20000), ChannelLifetime(0x1FFFF)),
    (ChannelLifetime(0x80000000), ChannelLifetime(0x80000001)),
    (ClientKeepalive(0), ClientKeepalive(1)),
    (ClientKeepalive(60_000), ClientKeepalive(59_999)),
    (Version(1), Version(0)),
    (Version(1), Version(2)),
    (Destination(ForwardDestination.CLIENT), Destination(4)),
    (Destination(ForwardDestination.OUT_PROXY), Destination(0xFFFFFFFF)),
]


@pytest.mark.conformance(32, 33, 34, 35, 36)
@pytest.mark.parametrize(("within", "beyond"), EDGES, ids=repr)
def test_what_may_be_sent_has_limits_and_what_is_received_has_none(
    within: RtsCommand, beyond: RtsCommand
) -> None:
    assert within.sendable
    assert not beyond.sendable
    assert decode_command(beyond.encode()) == beyond


def test_other_values_may_be_anything() -> None:
    free = [FlowControlAck(0xFFFFFFFF, 0, COOKIE), Cookie(COOKIE), Empty(), PingTrafficSentNotify(0xFFFFFFFF)]
    assert all(command.sendable for command in free)
    assert not Padding(PADDING_LIMIT + 1).sendable


@pytest.mark.conformance(33)
def test_a_keepalive_of_zero_asks_for_five_minutes() -> None:
    assert ClientKeepalive(0).interval == 300.0
    assert ClientKeepalive(60_000).interval == 60.0
    assert ClientKeepalive(59_999).interval == 59.999  # accepted all the same
