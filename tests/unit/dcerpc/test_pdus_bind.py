from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.pdus import decode_pdu
from rpch.dcerpc.pdus_bind import (
    AlterContext,
    AlterContextResp,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    ContextElement,
    ContextResult,
)
from rpch.dcerpc.pdus_header import NDR20, NDR64, SyntaxId
from rpch.dcerpc.pdus_trailer import AuthLevel, AuthType, SecTrailer
from rpch.errors import DecodeError

MGMT = SyntaxId(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)
TRAILER = SecTrailer(AuthType.NEGOTIATE, AuthLevel.PKT_PRIVACY, 7, b"token!")
SIGNATURE = "20037490 d0fa d311 82d7009027b130ab"


def nak(tail: str) -> bytes:
    body = bytes.fromhex(tail)
    return bytes.fromhex("05000d03 10000000") + bytes((16 + len(body), 0, 0, 0, 1, 0, 0, 0)) + body


@pytest.mark.parametrize("kind", [Bind, AlterContext])
@pytest.mark.parametrize("little", [True, False])
def test_offers_keep_their_trailer_and_undeclared_filler(
    kind: type[Bind | AlterContext], little: bool
) -> None:
    offer = kind(
        9,
        (ContextElement(0xFFFF, MGMT, ()), ContextElement(2, MGMT, (NDR64, NDR20))),
        max_xmit_frag=1,
        max_recv_frag=65535,
        assoc_group_id=0x80000001,
        auth=TRAILER,
        filler=b"fill",
    )
    assert decode_pdu(offer.encode(little_endian=little)) == offer


def test_an_offer_of_nothing_is_well_formed() -> None:
    assert decode_pdu(Bind(1, ()).encode()) == Bind(1, ())


def test_an_offer_of_nothing_may_end_with_its_count() -> None:
    short = bytes.fromhex("05000b03 10000000 1900 0000 01000000 d016 d016 00000000 00")
    assert decode_pdu(short) == Bind(1, ())
    with pytest.raises(DecodeError):
        decode_pdu(short[:-1] + b"\x01")


def test_more_contexts_than_bytes_are_refused() -> None:
    wire = bytearray(Bind(1, (ContextElement(0, MGMT, (NDR20,)),)).encode())
    wire[24] = 2
    with pytest.raises(DecodeError, match="need 4 bytes, have 0"):
        decode_pdu(bytes(wire))


def test_more_syntaxes_than_bytes_are_refused() -> None:
    wire = bytearray(Bind(1, (ContextElement(0, MGMT, (NDR20,)),)).encode())
    wire[30] = 255
    with pytest.raises(DecodeError):
        decode_pdu(bytes(wire))


def test_a_token_announced_but_absent_is_refused() -> None:
    wire = bytearray(Bind(1, ()).encode())
    wire[10] = 8
    with pytest.raises(DecodeError):
        decode_pdu(bytes(wire))


@pytest.mark.parametrize(
    ("address", "head"),
    [
        ("", "0000 0000"),  # nothing, then two bytes of padding
        ("135", "0400 31333500 0000"),  # padding 2
        ("49152", "0600 343931353200"),  # no padding
        ("6001", "0500 3630303100 00"),  # padding 1
    ],
)
def test_the_secondary_address_is_padded_from_the_start_of_the_pdu(address: str, head: str) -> None:
    answer = BindAck(1, (ContextResult(0, 0, NDR20),), secondary_address=address)
    wire = answer.encode()
    assert wire[24 : 24 + len(bytes.fromhex(head))] == bytes.fromhex(head)
    assert len(wire) % 4 == 0
    assert decode_pdu(wire) == answer


def test_padding_of_any_value_is_accepted() -> None:
    wire = bytearray(BindAck(1, (), secondary_address="135").encode())
    wire[30:32] = b"\xbb\xff"
    assert decode_pdu(bytes(wire)) == BindAck(1, (), secondary_address="135")


@pytest.mark.parametrize("kind", [BindAck, AlterContextResp])
@pytest.mark.parametrize("little", [True, False])
def test_answers_keep_their_trailer(kind: type[BindAck | AlterContextResp], little: bool) -> None:
    answer = kind(1, (ContextResult(2, 1), ContextResult(0, 0, NDR20)), auth=TRAILER)
    assert decode_pdu(answer.encode(little_endian=little)) == answer


def test_bytes_behind_the_results_that_are_no_trailer_are_filler() -> None:
    answer = BindAck(1, (), filler=b"1234")
    assert decode_pdu(answer.encode()) == answer


def test_a_bind_nak_is_24_bytes_with_version_5_0_and_zero_padding() -> None:
    assert BindNak(1, 9).encode() == nak("0900 01 0500 000000")
    assert BindNak(1, 9).encode(little_endian=False)[16:] == bytes.fromhex("0009 01 0500 000000")


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("0400", BindNak(1, 4, ())),  # old servers send the reason alone
        ("0400 00", BindNak(1, 4, ())),
        ("0400 02 0500 0501 00", BindNak(1, 4, ((5, 0), (5, 1)))),
        ("0400 01 0500 000000" + SIGNATURE + "616263", BindNak(1, 4, extended_error=b"abc")),
        ("0400 01 0500" + SIGNATURE + "616263", BindNak(1, 4, extended_error=b"abc")),  # not aligned
        ("0400 01 0500 000000" + "00" * 16 + "616263", BindNak(1, 4)),  # another UUID: ignored
        ("0400 01 0500 000000" + SIGNATURE[:-2], BindNak(1, 4)),
    ],
)
def test_bind_naks_of_all_ages_are_understood(tail: str, expected: BindNak) -> None:
    assert decode_pdu(nak(tail)) == expected


def test_a_bind_nak_with_extended_error_information_travels_both_ways() -> None:
    refusal = BindNak(1, 0, extended_error=b"why")
    assert refusal.encode() == nak("0000 01 0500 000000" + SIGNATURE + "776879")
    assert decode_pdu(refusal.encode(little_endian=False)) == refusal


@pytest.mark.parametrize("tail", ["", "04", "0400 01", "0400 02 0500"])
def test_a_bind_nak_that_promises_more_than_it_holds_is_refused(tail: str) -> None:
    with pytest.raises(DecodeError):
        decode_pdu(nak(tail))


def test_auth3_ignores_its_four_bytes_of_padding() -> None:
    last = Auth3(1, TRAILER, pad=b"\xbb\xbb\xbb\xbb", filler=b"fill")
    assert decode_pdu(last.encode()) == last


def test_auth3_without_a_token_is_well_formed_here() -> None:
    assert decode_pdu(Auth3(1, None).encode()) == Auth3(1, None)


def test_auth3_without_its_padding_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode_pdu(Auth3(1, None, pad=b"").encode())


def test_alter_contexts_travel_as_binds_do() -> None:
    offer, answer = (
        AlterContext(2, (ContextElement(0, MGMT, (NDR20,)),)),
        AlterContextResp(2, (ContextResult(0),)),
    )
    assert [decode_pdu(offer.encode()), decode_pdu(answer.encode())] == [offer, answer]


def test_an_empty_token_still_has_its_trailer() -> None:
    answer = BindAck(1, (), auth=SecTrailer(AuthType.NTLM, AuthLevel.PKT, 1, b""))
    wire = answer.encode()
    assert (wire[10:12], wire[-8:]) == (b"\0\0", bytes.fromhex("0a040000 01000000"))
    assert decode_pdu(wire) == answer
