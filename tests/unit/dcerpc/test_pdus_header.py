from __future__ import annotations

from uuid import UUID

import pytest

from rpch.dcerpc.pdus_header import (
    NDR20,
    NDR64,
    Header,
    PduType,
    PfcFlags,
    SyntaxId,
    encode_pdu,
    part,
)
from rpch.dcerpc.pdus_trailer import AuthLevel, AuthType, SecTrailer
from rpch.errors import DecodeError, LocalProtocolError
from rpch.wire import Reader

CANCEL = bytes.fromhex("05001203 10000000 1000 0000 03000000")


def header(wire: str) -> Header:
    return Header.decode(bytes.fromhex(wire))


def test_a_header_tells_its_fields_in_both_byte_orders() -> None:
    little = header("05000003 10000000 1800 0400 07000000")
    big = header("05000003 00000000 0018 0004 00000007")
    for one in (little, big):
        assert (one.kind, one.call_id, one.frag_length, one.auth_length) == (PduType.REQUEST, 7, 24, 4)
        assert one.first
        assert one.last
    assert little.little_endian
    assert not big.little_endian


def test_fragments_in_the_middle_are_neither_first_nor_last() -> None:
    middle = header("05000000 10000000 1800 0000 07000000")
    assert not middle.first
    assert not middle.last


def test_fewer_than_sixteen_bytes_are_no_header() -> None:
    for cut in range(16):
        with pytest.raises(DecodeError):
            Header.decode(CANCEL[:cut])


@pytest.mark.parametrize(
    ("wire", "complaint"),
    [
        ("05011203 10000000 1000 0000 03000000", "version 5.1"),
        ("04001203 10000000 1000 0000 03000000", "version 4.0"),
        ("05001203 11000000 1000 0000 03000000", "representation 11000000"),
        ("05001203 10010000 1000 0000 03000000", "representation 10010000"),
        ("05001203 10000001 1000 0000 03000000", "representation 10000001"),
        ("05001203 20000000 1000 0000 03000000", "representation 20000000"),
        ("05001203 10000000 1100 0000 03000000", "frag_length is 17"),
        ("05001203 10000000 0f00 0000 03000000", "frag_length is 15"),
    ],
)
def test_headers_that_may_not_stand_are_refused(wire: str, complaint: str) -> None:
    with pytest.raises(DecodeError, match=complaint):
        header(wire).verify(16)


def test_a_header_alone_is_verified_against_the_size_it_stands_before() -> None:
    header(CANCEL.hex()).verify(16)


def test_syntax_versions_keep_the_major_in_the_low_half_in_both_byte_orders() -> None:
    syntax = SyntaxId(UUID("12345778-1234-abcd-ef00-0123456789ab"), 2, 5)
    little = bytes.fromhex("78573412 3412 cdab ef000123456789ab 02000500")
    big = bytes.fromhex("12345778 1234 abcd ef000123456789ab 00050002")
    assert syntax.encode() == little
    assert syntax.encode(little_endian=False) == big
    assert SyntaxId.read(Reader(little), little_endian=True) == syntax
    assert SyntaxId.read(Reader(big), little_endian=False) == syntax
    assert str(syntax) == "12345778-1234-abcd-ef00-0123456789ab/v2.5"


def test_ndr_versions_are_two_and_one() -> None:
    assert NDR20.encode().hex() == "045d888aeb1cc9119fe808002b10486002000000"
    assert NDR64.encode().hex() == "33057171babe37498319b5dbef9ccc3601000000"


def test_a_pdu_that_does_not_fit_is_our_own_mistake() -> None:
    whole = encode_pdu(PduType.REQUEST, PfcFlags.NONE, 1, bytes(65535 - 16))
    assert len(whole) == 65535
    with pytest.raises(LocalProtocolError, match="65536 bytes"):
        encode_pdu(PduType.REQUEST, PfcFlags.NONE, 1, bytes(65536 - 16))


def test_the_trailer_is_parted_from_the_body() -> None:
    auth = SecTrailer(AuthType.NTLM, AuthLevel.PKT, 0, b"TOKN")
    wire = encode_pdu(PduType.CANCEL, PfcFlags.NONE, 1, b"body", auth)
    reader, trailer = part(wire, Header.decode(wire))
    assert reader.take(reader.remaining) == b"body"
    assert trailer == auth


@pytest.mark.parametrize("auth_length", [2, 8, 65535])
def test_a_token_longer_than_the_pdu_is_refused(auth_length: int) -> None:
    wire = bytes.fromhex("05001203 10000000 1900") + auth_length.to_bytes(2, "little") + bytes(13)
    with pytest.raises(DecodeError, match="no room for a token"):
        part(wire, Header.decode(wire))


def test_a_token_may_fill_the_pdu_exactly() -> None:
    wire = bytes.fromhex("05001203 10000000 1900 0100 01000000") + bytes(8) + b"t"
    trailer = part(wire, Header.decode(wire))[1]
    assert trailer is not None
    assert trailer.token == b"t"
