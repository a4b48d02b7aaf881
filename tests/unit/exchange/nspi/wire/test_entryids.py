"""Entry ids: the bytes that clients keep."""

import pytest

from rpch.errors import DecodeError
from rpch.exchange.nspi.wire.entryids import EphemeralId, PermanentId, decode_entry_id, search_key

# Laid out by hand from MS-OXNSPI 2.2.9.2 and 2.2.9.3.
EPHEMERAL = bytes.fromhex(
    "87000000"  # ephemeral
    "00112233445566778899aabbccddeeff"  # the server's GUID
    "01000000"  # version
    "00000000"  # a mail user
    "34120000"  # its minimal entry id
)
PERMANENT = bytes.fromhex(
    "00000000"  # permanent
    "dca740c8c042101ab4b908002b2fe182"  # the provider
    "01000000"  # version
    "01000000"  # a distribution list
    "2f6f3d782f636e3d7900"  # /o=x/cn=y
)


def test_an_ephemeral_id_on_the_wire() -> None:
    value = EphemeralId(EPHEMERAL[4:20], 0, 0x1234)
    assert value.encode() == EPHEMERAL
    assert decode_entry_id(EPHEMERAL) == value


def test_a_permanent_id_on_the_wire() -> None:
    value = PermanentId(1, "/o=x/cn=y")
    assert value.encode() == PERMANENT
    assert decode_entry_id(PERMANENT) == value


@pytest.mark.parametrize("wire", [EPHEMERAL, PERMANENT])
def test_anything_shorter_or_longer_is_none(wire: bytes) -> None:
    for bad in (*(wire[:cut] for cut in range(len(wire))), wire + b"\0"):
        with pytest.raises(DecodeError):
            decode_entry_id(bad)


@pytest.mark.parametrize("at", [0, 20])
def test_other_types_and_versions_are_none(at: int) -> None:
    for wire in (EPHEMERAL, PERMANENT):
        bad = wire[:at] + b"\x55" + wire[at + 1 :]
        with pytest.raises(DecodeError):
            decode_entry_id(bad)


def test_another_provider_is_none() -> None:
    with pytest.raises(DecodeError):
        decode_entry_id(PERMANENT[:4] + bytes(16) + PERMANENT[20:])


def test_a_search_key_is_an_address_in_capitals() -> None:
    assert search_key("/o=x/cn=y") == b"EX:/O=X/CN=Y\0"
