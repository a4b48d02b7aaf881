"""Protecting PDUs with an authenticated session."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.session import NtlmSession
from rpch.dcerpc.pdus import NDR20, AuthLevel, AuthType, Request, SecTrailer, decode_pdu
from rpch.dcerpc.security import Segments, protected, verified
from rpch.dcerpc.session_protection import SessionContext, SessionProtection
from rpch.dcerpc.verification import RequestFacts, verification_trailer
from rpch.errors import AuthenticationFailed
from rpch.testing.raw_rpc import MANAGED

STRONG = (
    NtlmFlags.SIGN
    | NtlmFlags.SEAL
    | NtlmFlags.EXTENDED_SESSION_SECURITY
    | NtlmFlags.KEY_128
    | NtlmFlags.KEY_EXCHANGE
)
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
SIGNING = [AuthLevel.PKT, SIGNS]
PARTS = Segments(b"header", b"body", b"trailer!")


def pair(level: AuthLevel, flags: NtlmFlags = STRONG) -> tuple[SessionProtection, SessionProtection]:
    """Client and server of one context."""
    sessions = (NtlmSession(bytes(16), flags, acceptor=acceptor) for acceptor in (False, True))
    client, server = (SessionProtection(session, level) for session in sessions)
    return client, server


class SignsAsAgreed(NtlmSession):
    """A session that covers headers only where that was agreed on, as Kerberos does."""

    @property
    def covers_headers(self) -> bool:
        return False


@pytest.mark.parametrize("level", [*SIGNING, SEALS])
@pytest.mark.parametrize("header_signing", [True, False])
def test_bodies_travel_in_both_directions_and_only_privacy_hides_them(
    level: AuthLevel, header_signing: bool
) -> None:
    client, server = pair(level)
    for sender, receiver in (client, server), (server, client), (client, server):
        body, token = sender.protect(PARTS, header_signing=header_signing)
        assert (body == PARTS.body) == (level != SEALS)
        assert len(body) == len(PARTS.body)
        assert len(token) == sender.token_size
        came = Segments(PARTS.header, body, PARTS.trailer)
        assert receiver.verify(came, token, header_signing=header_signing) == PARTS.body


@pytest.mark.parametrize("level", [*SIGNING, SEALS])
@pytest.mark.parametrize("part", ["header", "body", "trailer", "token"])
def test_one_bit_anywhere_is_noticed_and_ends_all_trust(level: AuthLevel, part: str) -> None:
    client, server = pair(level)
    body, token = client.protect(PARTS, header_signing=False)
    came = {"header": PARTS.header, "body": body, "trailer": PARTS.trailer, "token": token}
    came[part] = bytes((came[part][0] ^ 1,)) + came[part][1:]
    token = came.pop("token")
    with pytest.raises(AuthenticationFailed, match="does not fit"):
        server.verify(Segments(**came), token, header_signing=False)
    body, token = client.protect(PARTS, header_signing=False)
    came = {"header": PARTS.header, "body": body, "trailer": PARTS.trailer}
    with pytest.raises(AuthenticationFailed, match="an earlier signature"):
        server.verify(Segments(**came), token, header_signing=False)
    with pytest.raises(AuthenticationFailed, match="an earlier signature"):
        server.protect(PARTS, header_signing=False)


@pytest.mark.parametrize("level", [*SIGNING, SEALS])
def test_replays_and_swapped_pdus_are_noticed(level: AuthLevel) -> None:
    for order in ((0, 0), (1, 0)):
        client, server = pair(level)
        sent = [client.protect(PARTS, header_signing=True) for _ in range(2)]
        with pytest.raises(AuthenticationFailed):  # noqa: PT012 - the first may or may not be it
            for number in order:
                body, token = sent[number]
                server.verify(Segments(PARTS.header, body, PARTS.trailer), token, header_signing=True)


@pytest.mark.parametrize("level", [SIGNS, SEALS])
def test_where_headers_are_only_covered_by_agreement_they_can_be_changed_without_it(level: AuthLevel) -> None:
    for header_signing in True, False:
        client, server = (
            SessionProtection(SignsAsAgreed(bytes(16), STRONG, acceptor=acceptor), level)
            for acceptor in (False, True)
        )
        body, token = client.protect(PARTS, header_signing=header_signing)
        changed = Segments(b"HEADER", body, b"TRAILER!")
        if header_signing:
            with pytest.raises(AuthenticationFailed):
                server.verify(changed, token, header_signing=True)
        else:
            assert server.verify(changed, token, header_signing=False) == PARTS.body


@pytest.mark.parametrize(
    ("level", "missing", "what"),
    [
        (SIGNS, NtlmFlags.SIGN, "cannot sign"),
        (SIGNS, NtlmFlags.KEY_128, "cannot sign"),
        (AuthLevel.PKT, NtlmFlags.EXTENDED_SESSION_SECURITY, "cannot sign"),
        (SEALS, NtlmFlags.SEAL, "cannot seal"),
        (SEALS, NtlmFlags.KEY_EXCHANGE, "cannot seal"),
    ],
)
def test_a_session_weaker_than_the_level_protects_and_proves_nothing(
    level: AuthLevel, missing: NtlmFlags, what: str
) -> None:
    client, server = pair(level, STRONG & ~missing)
    with pytest.raises(AuthenticationFailed, match=what):
        client.protect(PARTS, header_signing=True)
    with pytest.raises(AuthenticationFailed, match=what):
        server.verify(PARTS, b"\1" + bytes(15), header_signing=True)


class CountedKey(NtlmSession):
    """A session whose signatures anyone can compute: the key is 00 01 … 0f, and nothing is exchanged."""

    def sign(self, message: bytes) -> bytes:
        number = bytes(4)
        checksum = hmac.digest(bytes(range(16)), number + message, hashlib.md5)[:8]
        return b"\1\0\0\0" + checksum + number


def test_a_signed_request_is_the_worked_example() -> None:
    facts = RequestFacts(5, 1, 1, MANAGED.syntax, NDR20, header_signing=True)
    stub = bytes.fromhex("0400000000000000") + verification_trailer(facts, bitmask=True, contexts=True)
    mechanism = SessionProtection(CountedKey(bytes(16), STRONG, acceptor=False), SIGNS)
    trailer = SecTrailer(AuthType.NTLM, SIGNS, 1, b"")
    wire = protected(Request(5, 1, 1, stub, alloc_hint=len(stub)), mechanism, trailer, header_signing=True)
    # HMAC-MD5 over header, body and trailer, computed by an independent program.
    assert wire[-16:].hex() == "01000000a211d7df32cc193500000000"
    assert wire[-24:-16].hex() == "0a050c0001000000"  # NTLM, integrity, 12 bytes of padding, context 1
    assert len(wire) == 128


@pytest.mark.parametrize("level", [SIGNS, SEALS])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
def test_whole_requests_pass(level: AuthLevel, size: int) -> None:
    client, server = pair(level)
    stub, trailer = bytes(range(256))[:size] * 2, SecTrailer(AuthType.NTLM, level, 7, b"")
    wire = protected(Request(1, 0, 0, stub), client, trailer, header_signing=True)
    received = decode_pdu(wire)
    assert isinstance(received, Request)
    assert received.auth is not None
    assert (len(wire) - 24 - 8 - 16) % 16 == 0  # the body alone is padded
    body = verified(wire, received, server, header_signing=True)
    assert body[: len(body) - received.auth.pad_length] == stub


def test_a_context_protects_behind_its_last_leg_and_not_before() -> None:
    context, (_, server) = SessionContext(SEALS), pair(SEALS)
    for use in (
        lambda: context.token_size,
        lambda: context.protect(PARTS, header_signing=True),
        lambda: context.verify(PARTS, bytes(16), header_signing=True),
    ):
        with pytest.raises(AuthenticationFailed, match="not established"):
            use()
    context._establish(NtlmSession(bytes(16), STRONG, acceptor=False))
    body, token = context.protect(PARTS, header_signing=True)
    assert len(token) == context.token_size
    assert server.verify(Segments(PARTS.header, body, PARTS.trailer), token, header_signing=True) == b"body"
    body, token = server.protect(PARTS, header_signing=True)
    assert context.verify(Segments(PARTS.header, body, PARTS.trailer), token, header_signing=True) == b"body"
