"""Tokens are named and never shown."""

import pytest

from rpch.decode.notes import Notes
from rpch.decode.security import note_trailer, token_name
from rpch.errors import DecodeError

TRAILER = bytes.fromhex("0a 05 04 00 01000000")


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (b"", "empty"),
        (b"NTLMSSP\0\x01\0\0\0rest", "NTLM NEGOTIATE_MESSAGE, 16 bytes, not shown"),
        (b"NTLMSSP\0\x02\0\0\0", "NTLM CHALLENGE_MESSAGE, 12 bytes, not shown"),
        (b"\x60\x48wrapNTLMSSP\0\x03\0\0\0x", "NTLM AUTHENTICATE_MESSAGE, 19 bytes, not shown"),
        (b"NTLMSSP\0\x09\0\0\0", "NTLM message 9, 12 bytes, not shown"),
        (b"NTLMSSP\0\x01", "token, 9 bytes, not shown"),
        (b"\x60\x82ticket", "SPNEGO or Kerberos token, 8 bytes, not shown"),
        (b"\x01\0\0\0signature", "token, 13 bytes, not shown"),
    ],
)
def test_a_token_is_named_by_its_kind_and_size(token: bytes, name: str) -> None:
    assert token_name(token) == name


def test_a_trailer_is_noted_without_the_bytes_of_its_token() -> None:
    notes = Notes(TRAILER + b"secret")
    note_trailer(notes, 6)
    assert [(part.name, part.value) for part in notes.parts] == [
        ("auth_type", "10 NTLM"),
        ("auth_level", "5 PKT_INTEGRITY"),
        ("auth_pad_length", "4"),
        ("auth_reserved", "0"),
        ("auth_context_id", "1"),
        ("auth_value", "token, 6 bytes, not shown"),
    ]
    assert notes.parts[-1].shown == b""
    assert notes.remaining == 0


def test_a_token_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(DecodeError, match="no room for a token of 7 bytes, at byte 0"):
        note_trailer(Notes(TRAILER + b"secret"), 7)


def test_values_without_a_name_show_their_numbers() -> None:
    notes = Notes(b"\x63\x63" + bytes(6))
    note_trailer(notes, 0)
    assert [part.value for part in notes.parts[:2]] == ["99 UNKNOWN_99", "99 UNKNOWN_99"]
