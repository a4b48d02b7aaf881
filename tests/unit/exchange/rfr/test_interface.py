"""The referral's operations on the wire."""

import pytest

from rpch.dcerpc.interface import interface_of
from rpch.exchange.rfr.interface import (
    GetFqdnRequest,
    GetFqdnResponse,
    GetNewDsaRequest,
    GetNewDsaResponse,
    Referral,
)
from rpch.ndr import StubError


def test_the_operations_have_their_numbers() -> None:
    found = interface_of(Referral)
    assert str(found.syntax.uuid) == "1544f5e0-613c-11d1-93df-00c04fd7bd09"
    assert [operation.name for operation in found.operations.values()] == [
        "get_new_dsa",
        "get_fqdn_from_server_dn",
    ]


def test_a_referral_as_impacket_asks_for_it() -> None:
    # impacket 0.13, oxabref.hRfrGetNewDSA: no flags, an empty DN, a null pointer, a pointer to one to "".
    wire = bytes.fromhex(
        "0000000001000000 00000000 01000000 00 0000000000000011110000 22220000 01000000 00000000 01000000 00"
    )
    assert GetNewDsaRequest.decode(wire) == GetNewDsaRequest(0, "", None, "")


def test_a_referral_on_the_wire() -> None:
    answer = GetNewDsaResponse(None, "ab", 0)
    wire = bytes.fromhex(
        "00000000"  # nothing unused
        "00000200 04000200 03000000 00000000 03000000 616200 00"
        "00000000"  # success
    )
    assert answer.encode() == wire
    assert GetNewDsaResponse.decode(wire) == answer
    for cut in range(len(wire)):
        with pytest.raises(StubError):
            GetNewDsaResponse.decode(wire[:cut])


def test_the_name_of_a_server_on_the_wire() -> None:
    dn = "/o=x/cn=ab"
    wire = bytes.fromhex("00000000 0b000000 0b000000 00000000 0b000000") + dn.encode() + b"\0"
    assert GetFqdnRequest(0, 11, dn).encode() == wire
    assert GetFqdnRequest.decode(wire) == GetFqdnRequest(0, 11, dn)
    answer = bytes.fromhex("00000200 02000000 00000000 02000000 6100 0000 00000000")
    assert GetFqdnResponse.decode(answer) == GetFqdnResponse("a", 0)
    assert GetFqdnResponse("a", 0).encode() == answer


@pytest.mark.parametrize("size", [0, 9, 1025, 0xFFFF_FFFF])
def test_dns_that_are_too_short_or_too_long_are_refused(size: int) -> None:
    number = size.to_bytes(4, "little")
    with pytest.raises(StubError):
        GetFqdnRequest.decode(bytes(4) + number + number + bytes(4) + number + b"x" * 1100 + b"\0")
