"""The golden PDUs: made by an independent program and re-packed byte-identically by a second engine."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.pdus import (
    NDR20,
    AlterContext,
    AlterContextResp,
    Auth3,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    BindNak,
    Cancel,
    ContextElement,
    ContextResult,
    Fault,
    Header,
    Orphaned,
    Pdu,
    PduType,
    PfcFlags,
    Request,
    Response,
    SecTrailer,
    Shutdown,
    SyntaxId,
    decode_pdu,
)
from rpch.errors import DecodeError, UnrecognisedPdu

MGMT = SyntaxId(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)
MAPPER = SyntaxId(UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3)
FEATURES = SyntaxId(UUID("6cb71c2c-9812-4540-0300-000000000000"), 1)
OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")
DNE = PfcFlags.DID_NOT_EXECUTE
WHOLE = PfcFlags.FIRST_FRAG | PfcFlags.LAST_FRAG

GOLDEN: list[tuple[str, Pdu, str, bool]] = [
    (
        "bind with bind-time features",
        Bind(
            call_id=1,
            contexts=(ContextElement(0, MGMT, (NDR20,)), ContextElement(1, MGMT, (FEATURES,))),
            flags=WHOLE | PfcFlags.SUPPORT_HEADER_SIGN | PfcFlags.CONC_MPX,
        ),
        (
            "05000b17 10000000 7400 0000 01000000"  # header: bind, FIRST|LAST|SIGN|MPX, 116 bytes, call 1
            "d016 d016 00000000 02 000000"  # 5840, 5840, new group, two contexts
            "0000 01 00 80bda8af8a7dc911bef408002b102989 01000000"  # context 0: mgmt 1.0
            "045d888aeb1cc9119fe808002b104860 02000000"  # NDR 2.0
            "0100 01 00 80bda8af8a7dc911bef408002b102989 01000000"  # context 1: mgmt 1.0
            "2c1cb76c12984045 0300000000000000 01000000"
        ),  # features 0x03, version 1.0
        True,
    ),
    (
        "bind_ack to it",
        BindAck(
            call_id=1,
            results=(ContextResult(0, 0, NDR20), ContextResult(3, 3)),
            assoc_group_id=0x53F0,
            secondary_address="135",
            flags=WHOLE | PfcFlags.SUPPORT_HEADER_SIGN | PfcFlags.CONC_MPX,
        ),
        (
            "05000c17 10000000 5400 0000 01000000"  # header: bind_ack, 84 bytes
            "d016 d016 f0530000"  # 5840, 5840, group 0x53f0
            "0400 31333500 0000"  # "135" with its NUL, padded to 4 from the PDU's start
            "02 000000"  # two results
            "0000 0000 045d888aeb1cc9119fe808002b104860 02000000"  # accepted, NDR 2.0
            "0300 0300 00000000000000000000000000000000 00000000"
        ),  # negotiate_ack, features 0x03
        True,
    ),
    (
        "alter_context",
        AlterContext(2, (ContextElement(1, MAPPER, (NDR20,)),), assoc_group_id=0x53F0),
        (
            "05000e03 10000000 4800 0000 02000000 d016 d016 f0530000 01 000000"
            "0100 01 00 0883afe11f5dc91191a408002b14a0fa 03000000"  # context 1: endpoint mapper 3.0
            "045d888aeb1cc9119fe808002b104860 02000000"
        ),
        True,
    ),
    (
        "alter_context_resp",
        AlterContextResp(2, (ContextResult(0, 0, NDR20),), assoc_group_id=0x53F0),
        (
            "05000f03 10000000 3800 0000 02000000 d016 d016 f0530000"
            "0000 0000"  # no address at all, then padding
            "01 000000 0000 0000 045d888aeb1cc9119fe808002b104860 02000000"
        ),
        True,
    ),
    (
        "alter_context_resp that ends a mechanism with an empty token",
        AlterContextResp(
            2,
            (ContextResult(0, 0, NDR20),),
            assoc_group_id=0x53F0,
            auth=SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 1, b""),
        ),
        (
            "05000f03 10000000 4000 0000 02000000 d016 d016 f0530000 0000 0000"  # auth_length is 0
            "01 000000 0000 0000 045d888aeb1cc9119fe808002b104860 02000000"
            "0a 05 00 00 01000000"
        ),  # yet the eight bytes of the trailer are there
        True,
    ),
    (
        "bind_nak 4",
        BindNak(1, 4),
        "05000d03 10000000 1800 0000 01000000 0400 01 0500 000000",  # one version: 5.0; padding
        True,
    ),
    (
        "auth3",
        Auth3(1, SecTrailer(AuthType.NTLM, AuthLevel.PKT_INTEGRITY, 1, b"NTLM")),
        "05001003 10000000 2000 0400 01000000 00000000 0a050000 01000000 4e544c4d",
        True,
    ),
    (
        "request without stub",
        Request(1, 0, 0),
        "05000003 10000000 1800 0000 01000000 00000000 0000 0000",
        True,
    ),
    (
        "request with an object",
        Request(3, 0, 2, object_uuid=OBJECT),
        "05000083 10000000 2800 0000 03000000 00000000 0000 0200 80b58f30b21eca11923b08002b1075a7",
        True,
    ),
    (
        "response",
        Response(3, 0, bytes.fromhex("00000000 01000000"), alloc_hint=8),
        "05000203 10000000 2000 0000 03000000 08000000 0000 00 00 00000000 01000000",
        True,
    ),
    (
        "fault op_rng_error",
        Fault(2, 0x1C010002, 1, WHOLE | DNE),
        "05000323 10000000 2000 0000 02000000 20000000 0100 00 00 0200011c 00000000",
        True,
    ),
    (
        "fault proto_error",
        Fault(1, 0x1C01000B, 0, WHOLE | DNE),
        "05000323 10000000 2000 0000 01000000 20000000 0000 00 00 0b00011c 00000000",
        True,
    ),
    (
        "fault proto_error, big-endian",
        Fault(1, 0x1C01000B, 0, WHOLE | DNE),
        "05000323 00000000 0020 0000 00000001 00000020 0000 00 00 1c01000b 00000000",
        False,
    ),
    (
        "request, big-endian",
        Request(7, 1, 4, bytes.fromhex("0000000a 00000064"), alloc_hint=8),
        "05000003 00000000 0020 0000 00000007 00000008 0001 0004 0000000a 00000064",
        False,
    ),
    (
        "bind, big-endian",
        Bind(1, (ContextElement(0, MGMT, (NDR20,)),)),
        (
            "05000b03 00000000 0048 0000 00000001 16d0 16d0 00000000 01 000000"
            "0000 01 00 afa8bd807d8a11c9bef408002b102989 00000001"
            "8a885d041ceb11c99fe808002b104860 00000002"
        ),
        False,
    ),
    ("cancel", Cancel(3), "05001203 10000000 1000 0000 03000000", True),
    ("orphaned", Orphaned(3), "05001303 10000000 1000 0000 03000000", True),
    ("shutdown", Shutdown(), "05001103 10000000 1000 0000 00000000", True),
]


@pytest.mark.parametrize(("pdu", "wire", "little"), [case[1:] for case in GOLDEN], ids=[c[0] for c in GOLDEN])
def test_golden_pdus_travel_both_ways(pdu: Pdu, wire: str, little: bool) -> None:
    data = bytes.fromhex(wire)
    assert pdu.encode(little_endian=little).hex() == data.hex()
    assert decode_pdu(data) == pdu


@pytest.mark.parametrize(("pdu", "little"), [(c[1], c[3]) for c in GOLDEN], ids=[c[0] for c in GOLDEN])
def test_golden_pdus_travel_in_the_other_byte_order_too(pdu: Pdu, little: bool) -> None:
    data = pdu.encode(little_endian=not little)
    assert Header.decode(data).little_endian is not little
    assert decode_pdu(data) == pdu


@pytest.mark.parametrize("wire", [case[2] for case in GOLDEN], ids=[c[0] for c in GOLDEN])
def test_pdus_cut_short_or_with_a_byte_too_many_are_refused(wire: str) -> None:
    data = bytes.fromhex(wire)
    for cut in range(len(data)):
        with pytest.raises(DecodeError):
            decode_pdu(data[:cut])
    with pytest.raises(DecodeError):
        decode_pdu(data + b"\0")


@pytest.mark.parametrize("kind", [1, 4, 10, 20, 21, 255])
def test_types_that_are_not_ours_are_unrecognised(kind: int) -> None:
    with pytest.raises(UnrecognisedPdu, match=f"type {kind}"):
        decode_pdu(bytes.fromhex(f"0500 {kind:02x} 03 10000000 1000 0000 01000000"))


def test_unknown_types_print_their_number() -> None:
    assert PduType(21).name == "UNKNOWN_21"
    assert PduType(11) is PduType.BIND
