from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.pdus import decode_pdu
from rpch.dcerpc.pdus_call import Cancel, Fault, Orphaned, Request, Response, unpadded
from rpch.dcerpc.pdus_header import WHOLE, PfcFlags
from rpch.dcerpc.pdus_trailer import AuthLevel, AuthType, SecTrailer
from rpch.errors import DecodeError

OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")


def trailer(pad: int = 0, token: bytes = bytes(16)) -> SecTrailer:
    return SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 1, token, pad)


# From the signature example for NTLM: call 5, context 1, opnum 1, stub and verification trailer
# (68 bytes), 12 bytes of padding, trailer, 16 bytes of token.
SIGNED = bytes.fromhex(
    "05000003 10000000 8000 1000 05000000"
    "44000000 0100 0100"
    "04000000 00000000 8ae31371 02f43671 01000400 01000000 02402800"
    "80bda8af8a7dc911bef408002b102989 01000000 045d888aeb1cc9119fe808002b104860 02000000"
    "000000000000000000000000"
    "0a 05 0c 00 01000000"
    "01000000 a211d7df32cc1935 00000000"
)


def test_a_signed_request_travels_both_ways() -> None:
    request = decode_pdu(SIGNED)
    assert isinstance(request, Request)
    assert request.encode() == SIGNED
    assert (request.call_id, request.context_id, request.opnum, request.alloc_hint) == (5, 1, 1, 68)
    assert request.auth == trailer(12, bytes.fromhex("01000000 a211d7df32cc1935 00000000"))
    assert unpadded(request.stub, request.auth) == SIGNED[24:92]


def test_padding_is_cut_only_when_it_is_there() -> None:
    assert unpadded(b"stub", None) == b"stub"
    assert unpadded(b"stub", trailer()) == b"stub"
    assert unpadded(b"stub\0\0", trailer(2)) == b"stub"
    assert unpadded(b"\0\0", trailer(2)) == b""


def test_more_padding_than_body_is_refused() -> None:
    with pytest.raises(DecodeError, match="3 bytes of padding in 2"):
        unpadded(b"ab", trailer(3))


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize(
    "pdu",
    [
        Request(0xFFFFFFFF, 0xFFFF, 0xFFFF, b"abc", 0xFFFFFFFF, OBJECT, PfcFlags.NONE, trailer(3)),
        Response(0, 0xFF, b"abc", 3, 255, PfcFlags.LAST_FRAG, trailer(3)),
        Fault(1, 0xFFFFFFFF, 0xFFFF, WHOLE, 1, b"more about it"),
        Cancel(7, auth=trailer()),
        Orphaned(7, auth=trailer()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_calls_travel_both_ways_with_everything_set(
    pdu: Request | Response | Fault | Cancel | Orphaned, little: bool
) -> None:
    assert decode_pdu(pdu.encode(little_endian=little)) == pdu


def test_an_object_flag_without_an_object_is_refused() -> None:
    wire = bytearray(Request(1, 0, 0, bytes(15)).encode())
    wire[3] |= PfcFlags.OBJECT_UUID
    with pytest.raises(DecodeError):
        decode_pdu(bytes(wire))


def test_a_token_that_reaches_into_the_fixed_part_is_refused() -> None:
    wire = bytearray(Request(1, 0, 0, auth=trailer(token=b"x")).encode())
    wire[10] = 2
    with pytest.raises(DecodeError):
        decode_pdu(bytes(wire))


def test_a_fault_says_whether_the_call_ran() -> None:
    assert not Fault(1, 5).did_not_execute
    assert Fault(1, 5, flags=WHOLE | PfcFlags.DID_NOT_EXECUTE).did_not_execute


def test_a_fault_without_the_reserved_word_is_understood() -> None:
    wire = bytes.fromhex("05000303 10000000 1c00 0000 01000000 00000000 0000 00 00 05000000")
    assert decode_pdu(wire) == Fault(1, 5)


def test_bytes_behind_a_fault_count_only_with_the_flag() -> None:
    wire = bytes.fromhex(
        "05000303 10000000 2400 0000 01000000 24000000 0000 00 00 05000000 00000000 61626364"
    )
    assert decode_pdu(wire) == Fault(1, 5)
    flagged = wire[:23] + b"\x01" + wire[24:]
    assert decode_pdu(flagged) == Fault(1, 5, extended_error=b"abcd")


def test_a_bare_pdu_has_nothing_behind_its_header() -> None:
    with pytest.raises(DecodeError, match="4 bytes left over"):
        decode_pdu(bytes.fromhex("05001203 10000000 1400 0000 03000000 00000000"))
