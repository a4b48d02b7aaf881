"""The three messages of NTLM."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable

import pytest

from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.messages import (
    Authenticate,
    Challenge,
    Negotiate,
    message_type,
    without_mic,
)
from rpch.errors import DecodeError

NEGOTIATE = bytes.fromhex(
    "4e544c4d53535000"  # NTLMSSP
    "01000000 06820800"  # type 1; flags 0x00088206
    "0000 0000 00000000  0000 0000 00000000"  # no domain, no workstation
)

# MS-NLMP 4.2.4.3, the CHALLENGE of the worked example
CHALLENGE = bytes.fromhex(
    "4e544c4d53535000 02000000"  # NTLMSSP, type 2
    "0c00 0c00 38000000"  # target name: 12 bytes at 56
    "33828ae2"  # flags
    "0123456789abcdef 0000000000000000"  # challenge; reserved
    "2400 2400 44000000"  # target info: 36 bytes at 68
    "060070170000000f"  # version
    "530065007200760065007200"  # "Server"
    "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000"
)

AUTHENTICATE = bytes.fromhex(
    "4e544c4d53535000 03000000"  # NTLMSSP, type 3
    "0100 0100 58000000"  # LM response: 1 byte at 88
    "0200 0200 59000000"  # NT response: 2 bytes at 89
    "0600 0600 5b000000"  # domain: 6 bytes at 91
    "0200 0200 61000000"  # user: 2 bytes at 97
    "0400 0400 63000000"  # workstation: 4 bytes at 99
    "0300 0300 67000000"  # session key: 3 bytes at 103
    "05020000"  # flags
    "060100000000000f"  # version
    "000102030405060708090a0b0c0d0e0f"  # MIC
    "aa bbbb 4c0041004200 7500 57005300 cccccc"
)


def test_negotiate_on_the_wire() -> None:
    assert Negotiate.decode(NEGOTIATE) == Negotiate(NtlmFlags(0x00088206))
    assert Negotiate(NtlmFlags(0x00088206)).encode() == NEGOTIATE


@pytest.mark.parametrize("size", [16, 24, 32])
def test_a_negotiate_needs_only_its_flags(size: int) -> None:
    assert Negotiate.decode(NEGOTIATE[:size]).flags == 0x00088206


def test_names_in_a_negotiate_may_point_nowhere() -> None:
    wild = NEGOTIATE[:16] + bytes.fromhex("ffff ffff ffffffff") * 2
    assert Negotiate.decode(wild).flags == 0x00088206


def test_challenge_on_the_wire() -> None:
    challenge = Challenge.decode(CHALLENGE)
    assert challenge == Challenge(
        flags=NtlmFlags(0xE28A8233),
        server_challenge=bytes.fromhex("0123456789abcdef"),
        target_name="Server".encode("utf-16-le"),
        target_info=CHALLENGE[68:],
        version=bytes.fromhex("060070170000000f"),
    )
    assert challenge.encode() == CHALLENGE


def test_authenticate_on_the_wire() -> None:
    message = Authenticate.decode(AUTHENTICATE)
    assert message == Authenticate(
        flags=NtlmFlags.UNICODE | NtlmFlags.REQUEST_TARGET | NtlmFlags.NTLM,
        domain="LAB".encode("utf-16-le"),
        user="u".encode("utf-16-le"),
        workstation="WS".encode("utf-16-le"),
        lm_response=b"\xaa",
        nt_response=b"\xbb\xbb",
        session_key=b"\xcc\xcc\xcc",
        version=bytes.fromhex("060100000000000f"),
        mic=bytes(range(16)),
    )
    assert message.encode() == AUTHENTICATE


@pytest.mark.parametrize(
    ("decode", "wire"),
    [
        (Negotiate.decode, NEGOTIATE[:16]),
        (Challenge.decode, CHALLENGE),
        (Authenticate.decode, AUTHENTICATE),
    ],
)
def test_a_message_cut_short_anywhere_is_refused(decode: Callable[[bytes], object], wire: bytes) -> None:
    for cut in range(len(wire)):
        with pytest.raises(DecodeError):
            decode(wire[:cut])


@pytest.mark.parametrize("decode", [Negotiate.decode, Challenge.decode, Authenticate.decode])
def test_another_message_is_refused(decode: Callable[[bytes], object]) -> None:
    for wire in (b"NTLMSSX\0" + AUTHENTICATE[8:], b"NTLMSSP\0\x09\0\0\0" + AUTHENTICATE[12:]):
        with pytest.raises(DecodeError):
            decode(wire)


def test_messages_are_told_apart() -> None:
    kinds = [
        message_type(wire)
        for wire in (NEGOTIATE, CHALLENGE, AUTHENTICATE, b"", b"NTLMSSP\0\1\0\0", b"x" * 40)
    ]
    assert kinds == [1, 2, 3, None, None, None]


@pytest.mark.parametrize(("tail", "header"), [(0, 64), (8, 72), (24, 88)])
def test_the_header_ends_where_the_payload_begins(tail: int, header: int) -> None:
    message = Authenticate(
        flags=NtlmFlags.OEM,
        domain=b"",
        user=b"alice",
        version=bytes(8) if tail >= 8 else None,
        mic=bytes(16) if tail == 24 else None,
    )
    wire = message.encode()
    assert wire.index(b"alice") == header
    assert Authenticate.decode(wire) == message


def test_a_mic_brings_a_version_with_it() -> None:
    wire = Authenticate(NtlmFlags.OEM, b"", b"alice", mic=bytes(range(16))).encode()
    assert wire[64:88] == bytes(8) + bytes(range(16))
    assert without_mic(wire) == wire[:72] + bytes(16) + wire[88:]


def field_at(wire: bytes, at: int, size: int, offset: int) -> bytes:
    return wire[:at] + struct.pack("<HHI", size, size, offset) + wire[at + 8 :]


def test_a_field_may_end_where_its_message_ends() -> None:
    end = len(AUTHENTICATE)
    assert Authenticate.decode(field_at(AUTHENTICATE, 36, 2, end - 2)).user == b"\xcc\xcc"
    with pytest.raises(DecodeError, match="outside its message"):
        Authenticate.decode(field_at(AUTHENTICATE, 36, 2, end - 1))


@pytest.mark.parametrize("offset", [0, 12, 63, 0xFFFFFFFF])
def test_a_field_must_not_lie_within_the_header_unless_it_is_empty(offset: int) -> None:
    with pytest.raises(DecodeError, match="outside its message"):
        Authenticate.decode(field_at(AUTHENTICATE, 36, 2, offset))
    assert Authenticate.decode(field_at(AUTHENTICATE, 36, 0, offset)).user == b""


def test_messages_and_names_have_limits() -> None:
    assert Negotiate.decode(NEGOTIATE.ljust(4096, b"\0"))
    with pytest.raises(DecodeError, match="NEGOTIATE of 4097 bytes"):
        Negotiate.decode(NEGOTIATE.ljust(4097, b"\0"))
    with pytest.raises(DecodeError, match="AUTHENTICATE of 65537 bytes"):
        Authenticate.decode(AUTHENTICATE.ljust(65537, b"\0"))
    message = Authenticate.decode(AUTHENTICATE)
    assert Authenticate.decode(dataclasses.replace(message, user=b"u" * 1024).encode()).user == b"u" * 1024
    with pytest.raises(DecodeError, match="a field of 1026 bytes"):
        Authenticate.decode(dataclasses.replace(message, user=b"u" * 1026).encode())


def test_proofs_and_keys_are_not_shown() -> None:
    shown = repr(Authenticate.decode(AUTHENTICATE))
    assert "xcc" not in shown
    assert "xbb" not in shown
    assert "mic" not in shown
