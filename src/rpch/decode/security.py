"""Shows security trailers and tokens, but nothing that would help to guess a password.  MS-RPCE 2.2.2.11"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rpch.dcerpc.pdus import AuthLevel, AuthType, SecTrailer
from rpch.decode.notes import Notes
from rpch.errors import DecodeError

_NTLM: Final = b"NTLMSSP\0"
_NTLM_MESSAGES: Final[Mapping[int, str]] = {
    1: "NEGOTIATE_MESSAGE",
    2: "CHALLENGE_MESSAGE",
    3: "AUTHENTICATE_MESSAGE",
}


def token_name(token: bytes) -> str:
    """What kind of token it is, and its size."""
    if not token:
        return "empty"
    found = token.find(_NTLM, 0, 512)  # in SPNEGO it comes after a few wrappers
    if found >= 0 and len(token) >= found + 12:
        number = int.from_bytes(token[found + 8 : found + 12], "little")
        what = f"NTLM {_NTLM_MESSAGES.get(number, f'message {number}')}"
    elif token[0] in (0x60, 0xA1, 0xA0):
        what = "SPNEGO or Kerberos token"
    else:
        what = "token"
    return f"{what}, {len(token)} bytes, not shown"


def note_trailer(notes: Notes, token_size: int) -> None:
    """The security trailer and its token, which end a PDU."""
    if notes.remaining < SecTrailer.SIZE + token_size:
        raise DecodeError(f"no room for a token of {token_size} bytes", at=notes.at)
    notes.number("auth_type", 1, lambda value: f"{value} {AuthType(value).name}")
    with notes.inside():
        notes.number("auth_level", 1, lambda value: f"{value} {AuthLevel(value).name}")
        notes.number("auth_pad_length", 1)
        notes.number("auth_reserved", 1)
        notes.number("auth_context_id", 4)
        notes.octets("auth_value", token_size, token_name, reveal=0)
