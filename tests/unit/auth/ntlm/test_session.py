"""Signing and sealing, against the values printed in MS-NLMP 4.2.4.4 and values computed independently."""

from __future__ import annotations

import pytest

from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.session import NtlmSession, seal_key, sign_key
from rpch.auth.security import SignatureMismatch
from rpch.errors import LocalProtocolError

STRONG = (
    NtlmFlags.SIGN
    | NtlmFlags.SEAL
    | NtlmFlags.EXTENDED_SESSION_SECURITY
    | NtlmFlags.KEY_128
    | NtlmFlags.KEY_EXCHANGE
)
PLAINTEXT = "Plaintext".encode("utf-16-le")
PRINTED_KEY = b"\x55" * 16  # MS-NLMP 4.2.1
KEPT_KEY = bytes(range(0x10, 0x20))


def pair(key: bytes = KEPT_KEY, flags: NtlmFlags = STRONG) -> tuple[NtlmSession, NtlmSession]:
    return NtlmSession(key, flags, acceptor=False), NtlmSession(key, flags, acceptor=True)


def test_keys_of_the_worked_example() -> None:
    assert sign_key(PRINTED_KEY, "client-to-server").hex() == "4788dc861b4782f35d43fd98fe1a2d39"
    assert sign_key(PRINTED_KEY, "server-to-client").hex() == "d04d6f10741041d1d246d64188d7a8ad"
    assert seal_key(PRINTED_KEY, "client-to-server", STRONG).hex() == "59f600973cc4960a25480a7c196e4c58"
    assert seal_key(PRINTED_KEY, "server-to-client", STRONG).hex() == "9355f3a957c1583d25c4c2f11e40390e"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (NtlmFlags.KEY_128 | NtlmFlags.KEY_56, "af22a2127a4b090cccdfa26c427969c7"),
        (NtlmFlags.KEY_56, "a8ea9ecc877041de16a27843cd9c0163"),
        (NtlmFlags.NONE, "94887f6989f0eb03163fd94601c58012"),
    ],
)
def test_weaker_sealing_keys_follow_what_was_negotiated(flags: NtlmFlags, expected: str) -> None:
    assert seal_key(KEPT_KEY, "client-to-server", flags).hex() == expected


def test_sealed_messages_of_the_worked_example() -> None:
    client, server = pair(PRINTED_KEY)
    first = client.seal(b"", PLAINTEXT, b"")
    second = client.seal(b"", PLAINTEXT, b"")
    assert [part.hex() for part in (*first, *second)] == [
        "54e50165bf1936dc996020c1811b0f06fb5f",
        "010000007fb38ec5c55d497600000000",
        "64c308e09ea236e7f4232553c94a01e700fa",
        "01000000255405955d31d8c401000000",
    ]
    back = server.seal(b"", PLAINTEXT, b"")
    assert [part.hex() for part in back] == [
        "160871b730ba74e946c453d7465b54278dd0",
        "01000000b298b847ce7c580700000000",
    ]
    assert server.unseal(b"", first[0], b"", first[1]) == PLAINTEXT
    assert server.unseal(b"", second[0], b"", second[1]) == PLAINTEXT
    assert client.unseal(b"", back[0], b"", back[1]) == PLAINTEXT


def test_a_signature_takes_keystream_only_when_a_key_was_exchanged() -> None:
    exchanged, _ = pair()
    plain, _ = pair(flags=STRONG & ~NtlmFlags.KEY_EXCHANGE)
    assert exchanged.sign(b"signed only").hex() == "01000000b051127fe6c8d7f900000000"
    assert plain.sign(b"signed only").hex() == "01000000ab73074cd3dd4f0a00000000"
    fresh, _ = pair(flags=STRONG & ~NtlmFlags.KEY_EXCHANGE)
    fresh.sign(b"another")
    assert fresh.seal(b"", b"x", b"")[0] == plain.seal(b"", b"x", b"")[0]


def test_signed_and_sealed_messages_may_alternate() -> None:
    client, server = pair()
    for number in range(5):
        server.verify(b"signed", client.sign(b"signed"))
        sealed, signature = client.seal(b"head", b"body %d" % number, b"tail")
        assert b"body" not in sealed
        assert server.unseal(b"head", sealed, b"tail", signature) == b"body %d" % number


@pytest.mark.parametrize("changed", ["head", "body", "tail", "version", "checksum", "number"])
def test_a_change_anywhere_ends_the_session(changed: str) -> None:
    client, server = pair()
    sealed, signature = client.seal(b"head", b"body", b"tail")
    parts = {"head": b"head", "body": sealed, "tail": b"tail"}
    at = {"version": 0, "checksum": 5, "number": 12}
    if changed in parts:
        parts[changed] = bytes([parts[changed][0] ^ 1]) + parts[changed][1:]
    else:
        found = bytearray(signature)
        found[at[changed]] ^= 1
        signature = bytes(found)
    with pytest.raises(SignatureMismatch):
        server.unseal(parts["head"], parts["body"], parts["tail"], signature)
    with pytest.raises(LocalProtocolError, match="this session ended"):
        server.sign(b"anything")


@pytest.mark.parametrize("signature", [b"", bytes(15), bytes(17), b"\x01\0\0\0" + bytes(12)])
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    _, server = pair()
    with pytest.raises(SignatureMismatch):
        server.verify(b"message", signature)


def test_messages_repeated_skipped_or_sent_back_are_refused() -> None:
    client, server = pair()
    first, second = client.sign(b"a"), client.sign(b"a")
    server.verify(b"a", first)
    with pytest.raises(SignatureMismatch):
        server.verify(b"a", first)
    _, skipping = pair()
    with pytest.raises(SignatureMismatch):
        skipping.verify(b"a", second)
    reflecting, _ = pair()
    with pytest.raises(SignatureMismatch):
        reflecting.verify(b"a", first)


def test_after_the_mic_of_spnego_the_keystream_begins_again_and_the_numbers_go_on() -> None:
    client, server = pair()
    server.verify_mechanisms(b"mechanisms", client.sign_mechanisms(b"mechanisms"))
    sealed, signature = client.seal(b"", PLAINTEXT, b"")
    fresh, _ = pair()
    assert sealed == fresh.seal(b"", PLAINTEXT, b"")[0]
    assert signature[12:] == bytes.fromhex("01000000")
    assert server.unseal(b"", sealed, b"", signature) == PLAINTEXT
    # The other direction carried no MIC and is where it was.
    assert server.sign(b"back")[12:] == bytes(4)


def test_without_sign_the_mic_of_spnego_is_a_dummy() -> None:
    client, server = pair(flags=NtlmFlags.KEY_128)
    dummy = bytes.fromhex("01000000") + bytes(12)
    assert client.sign_mechanisms(b"mechanisms") == dummy
    server.verify_mechanisms(b"mechanisms", dummy)
    with pytest.raises(SignatureMismatch):
        server.verify_mechanisms(b"mechanisms", bytes(16))


def test_a_session_that_signs_the_old_way_protects_no_mechanisms() -> None:
    session = NtlmSession(bytes(16), NtlmFlags.SIGN, acceptor=True)
    assert not session.protects_mechanisms
    with pytest.raises(SignatureMismatch):
        session.verify_mechanisms(b"mechanisms", bytes(16))


def test_headers_are_covered_whatever_was_agreed() -> None:
    assert pair()[0].covers_headers


def test_what_was_not_negotiated_cannot_be_used() -> None:
    signing, _ = pair(flags=STRONG & ~NtlmFlags.SEAL)
    with pytest.raises(LocalProtocolError, match="SEAL was not negotiated"):
        signing.seal(b"", b"x", b"")
    nothing, _ = pair(flags=NtlmFlags.NONE)
    with pytest.raises(LocalProtocolError, match="SIGN was not negotiated"):
        nothing.sign(b"x")
    old, _ = pair(flags=NtlmFlags.SIGN)
    with pytest.raises(LocalProtocolError, match="extended session security"):
        old.sign(b"x")


@pytest.mark.parametrize(
    ("missing", "signs", "seals"),
    [
        (NtlmFlags.NONE, True, True),
        (NtlmFlags.SEAL, True, False),
        (NtlmFlags.SIGN, False, False),
        (NtlmFlags.KEY_128, False, False),
        (NtlmFlags.KEY_EXCHANGE, False, False),
        (NtlmFlags.EXTENDED_SESSION_SECURITY, False, False),
    ],
)
def test_only_full_strength_counts_as_protection(missing: NtlmFlags, signs: bool, seals: bool) -> None:
    session, _ = pair(flags=STRONG & ~missing)
    assert (session.can_sign, session.can_seal) == (signs, seals)


def test_keys_are_not_shown() -> None:
    session = NtlmSession(b"canary-canary-16", NtlmFlags.SIGN, acceptor=True)
    assert "canary" not in repr(session)
