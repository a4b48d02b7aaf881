"""Every field that is read is noted, with its place."""

from uuid import UUID

import pytest

from rpch.dcerpc.pdus import NDR20
from rpch.decode.messages import Part
from rpch.decode.notes import Notes, shown_bytes
from rpch.errors import DecodeError


def test_fields_are_noted_in_order_with_offset_and_value() -> None:
    notes = Notes(bytes.fromhex("05 3412 000102"))
    assert notes.number("version", 1) == 5
    assert notes.number("size", 2, hex) == 0x1234
    with notes.inside():
        assert notes.octets("rest", 3) == b"\0\x01\x02"
    assert notes.parts == [
        Part(0, 1, b"\x05", "version", "5"),
        Part(1, 2, b"\x34\x12", "size", "0x1234"),
        Part(3, 3, b"\0\x01\x02", "rest", "00 01 02", depth=1),
    ]
    assert (notes.at, notes.remaining) == (6, 0)


def test_numbers_follow_the_byte_order_of_the_message() -> None:
    notes = Notes(bytes.fromhex("1234 12345678"), little_endian=False)
    assert (notes.number("a", 2), notes.number("b", 4)) == (0x1234, 0x12345678)


@pytest.mark.parametrize("little_endian", [True, False])
def test_uuids_and_syntaxes_follow_it_too(little_endian: bool) -> None:
    wire = NDR20.encode(little_endian=little_endian)
    notes = Notes(wire + wire, little_endian=little_endian)
    assert notes.syntax("transfer_syntax", lambda syntax: "NDR") == NDR20
    assert notes.uuid("uuid") == UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
    assert [part.value for part in notes.parts] == ["NDR", "8a885d04-1ceb-11c9-9fe8-08002b104860"]


def test_what_was_noted_stays_when_bytes_run_out() -> None:
    notes = Notes(b"\x01\x02\x03")
    notes.number("first", 1)
    with pytest.raises(DecodeError, match="need 4 bytes, have 2, at byte 1"):
        notes.number("second", 4)
    assert [part.name for part in notes.parts] == ["first"]


def test_what_may_not_be_shown_is_not_kept() -> None:
    notes = Notes(b"secretsecret")
    notes.octets("cookie", 6, lambda raw: "short", reveal=2)
    notes.octets("token", 6, lambda raw: "hidden", reveal=0)
    assert notes.parts == [Part(0, 6, b"se", "cookie", "short"), Part(6, 6, b"", "token", "hidden")]


def test_many_bytes_are_shown_by_the_first_of_them() -> None:
    assert shown_bytes(b"") == "none"
    assert shown_bytes(b"\x01\x02") == "01 02"
    assert shown_bytes(bytes(25)) == "00 " * 23 + "00… (25 bytes)"
