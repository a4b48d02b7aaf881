"""Towers: the golden bytes of both protocols, and everything that is no tower."""

from ipaddress import IPv4Address
from uuid import UUID

import pytest

from rpch.dcerpc.pdus import NDR20, SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.towers import LARGEST_TOWER, Floor, Tower, read_floors
from rpch.errors import DecodeError

EMSMDB = SyntaxId(UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)

HEAD = (
    "0500"  # five floors
    "1300 0d 00dbf1a4 47ca 6710 b31f00dd010662da 0000  0200 5100"  # interface v0.81
    "1300 0d 045d888a eb1c c911 9fe808002b104860 0200  0200 0000"  # NDR 2.0
    "0100 0b 0200 0000"  # connection-oriented RPC
)

# Samba's NDR engine writes the same bytes; the TCP form is impacket's too.
GOLDEN = {
    "HTTP, any port and address": (
        Tower(EMSMDB, ProtocolSequence.NCACN_HTTP),
        HEAD + "0100 1f 0200 0000  0100 09 0400 00000000",
    ),
    "HTTP port 6001": (
        Tower(EMSMDB, ProtocolSequence.NCACN_HTTP, 6001, IPv4Address("192.0.2.10")),
        HEAD + "0100 1f 0200 1771  0100 09 0400 c000020a",
    ),
    "TCP port 135": (
        Tower(EMSMDB, ProtocolSequence.NCACN_IP_TCP, 135),
        HEAD + "0100 07 0200 0087  0100 09 0400 00000000",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_towers_on_the_wire(name: str) -> None:
    tower, text = GOLDEN[name]
    wire = bytes.fromhex(text)
    assert len(wire) == 75
    assert tower.encode() == wire
    assert Tower.decode(wire) == tower
    for cut in range(len(wire)):
        with pytest.raises(DecodeError):
            Tower.decode(wire[:cut])
    with pytest.raises(DecodeError):
        Tower.decode(wire + b"\0")


def floors(*changed: tuple[int, Floor]) -> bytes:
    """The TCP tower with some floors replaced."""
    kept = list(read_floors(GOLDEN["TCP port 135"][0].encode()))
    for index, floor in changed:
        kept[index] = floor
    return len(kept).to_bytes(2, "little") + b"".join(floor.encode() for floor in kept)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (floors((2, Floor(0x0A, b"", bytes(2)))), "0a/07/09"),  # connectionless
        (floors((3, Floor(0x08, b"", bytes(2)))), "0b/08/09"),  # UDP
        (floors((3, Floor(0x0F, b"", b"\\pipe\\x\0"))), "0b/0f/09"),  # a pipe
        (floors((4, Floor(0x11, b"", b"HOST\0"))), "0b/07/11"),  # a NetBIOS name
        (floors((3, Floor(0x07, b"", bytes(3)))), "wrong length"),
        (floors((4, Floor(0x09, b"", bytes(16)))), "wrong length"),
        (floors((0, Floor(0x0C, bytes(18), bytes(2)))), "no syntax"),
        (floors((0, Floor(0x0D, bytes(17), bytes(2)))), "need 2 bytes"),
        (floors((0, Floor(0x0D, bytes(19), bytes(2)))), "left over"),
        (floors((1, Floor(0x0D, bytes(18), bytes(1)))), "need 2 bytes"),
        (floors((1, Floor(0x0D, bytes(18), bytes(3)))), "left over"),
        (floors()[:2] + b"\xff\xff" + floors()[4:], "need"),
    ],
)
def test_other_protocols_and_broken_floors_are_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        Tower.decode(octets)


def test_towers_of_three_to_six_floors_are_cut_whatever_they_speak() -> None:
    floor = Floor(0x10, b"", b"\\pipe\0")
    for count in range(9):
        octets = count.to_bytes(2, "little") + floor.encode() * count
        if 3 <= count <= 6:
            assert read_floors(octets) == (floor,) * count
        else:
            with pytest.raises(DecodeError, match=f"{count} floors"):
                read_floors(octets)


def test_a_tower_of_six_floors_leads_nowhere_we_know() -> None:
    with pytest.raises(DecodeError, match="6 floors"):
        Tower.decode(b"\6\0" + Floor(0x0D, bytes(18), bytes(2)).encode() * 6)


def test_a_floor_names_its_protocol() -> None:
    with pytest.raises(DecodeError, match="without a protocol"):
        read_floors(b"\3\0" + bytes(12))


def test_towers_are_bounded() -> None:
    with pytest.raises(DecodeError, match="2001 bytes"):
        read_floors(bytes(LARGEST_TOWER + 1))


def test_the_transfer_syntax_is_ndr_unless_said_otherwise() -> None:
    assert Tower(EMSMDB, ProtocolSequence.NCACN_HTTP).transfer_syntax == NDR20
