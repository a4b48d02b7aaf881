"""Towers: every one comes back, and any bytes are a tower or an error."""

from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.towers import Tower, read_floors
from rpch.errors import DecodeError

WORDS = st.integers(0, 0xFFFF)
SYNTAXES = st.builds(SyntaxId, st.uuids(), WORDS, WORDS)
TOWERS = st.builds(
    Tower,
    interface=SYNTAXES,
    protseq=st.sampled_from(ProtocolSequence),
    port=WORDS,
    address=st.builds(IPv4Address, st.integers(0, 0xFFFFFFFF)),
    transfer_syntax=SYNTAXES,
)


@given(TOWERS)
@settings(max_examples=60, deadline=None)
def test_every_tower_comes_back(tower: Tower) -> None:
    assert Tower.decode(tower.encode()) == tower
    assert b"".join(floor.encode() for floor in read_floors(tower.encode())) == tower.encode()[2:]


@given(TOWERS, st.lists(st.tuples(st.integers(0, 74), st.integers(0, 255)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_changed_towers_are_other_towers_or_errors(tower: Tower, changes: list[tuple[int, int]]) -> None:
    octets = bytearray(tower.encode())
    for at, byte in changes:
        octets[at] = byte
    try:
        found = Tower.decode(bytes(octets))
    except DecodeError:
        return
    assert Tower.decode(found.encode()) == found


@given(st.binary(max_size=120))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_floors_or_an_error(octets: bytes) -> None:
    try:
        floors = read_floors(octets)
    except DecodeError:
        return
    assert 3 <= len(floors) <= 6
