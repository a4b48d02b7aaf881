"""What a client's security context adds to requests and demands of answers."""

import zlib
from dataclasses import replace
from uuid import UUID

import pytest

from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.pdus import NDR20, AuthLevel, AuthType, Request, Response, SecTrailer, SyntaxId, decode_pdu
from rpch.dcerpc.security import Established, Segments, Step, protected
from rpch.dcerpc.verification import RequestFacts, verification_trailer
from rpch.errors import AuthenticationFailed, DecodeError

MGMT = SyntaxId(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)
FACTS = RequestFacts(5, 1, 1, MGMT, NDR20)


class Checksum:
    """A mechanism whose token is a CRC of all it may sign, and whose seal flips every bit."""

    user = None
    token_size = 4

    def step(self, token: bytes) -> Step:
        return Established()

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        return bytes(byte ^ 0xFF for byte in segments.body), self._token(segments, header_signing)

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        clear = replace(segments, body=bytes(byte ^ 0xFF for byte in segments.body))
        if self._token(clear, header_signing) != token:
            raise AuthenticationFailed("the checksum differs")
        return clear.body

    def _token(self, segments: Segments, header_signing: bool) -> bytes:
        covered = segments.body
        if header_signing:
            covered = segments.header + covered + segments.trailer
        return zlib.crc32(covered).to_bytes(4, "big")


def protection(level: AuthLevel = AuthLevel.PKT_PRIVACY, *, header_signing: bool = True) -> Protection:
    return Protection(Checksum(), SecTrailer(AuthType.NTLM, level, 7, b""), header_signing)


NTLM = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 7, b"")


def answer(stub: bytes, trailer: SecTrailer = NTLM) -> bytes:
    return protected(Response(5, 1, stub), Checksum(), trailer, header_signing=True)


def opened(client: Protection, data: bytes) -> bytes:
    pdu = decode_pdu(data)
    assert isinstance(pdu, Response)
    return client.open(data, pdu)


@pytest.mark.parametrize("stub", [b"", b"abc", bytes(16), bytes(28)])
def test_protected_answers_open(stub: bytes) -> None:
    assert opened(protection(), answer(stub)) == stub


def test_changed_answers_do_not() -> None:
    wire = bytearray(answer(b"abc"))
    wire[30] ^= 1
    with pytest.raises(AuthenticationFailed):
        opened(protection(), bytes(wire))


def test_requests_are_protected_from_packet_level_on() -> None:
    request = Request(5, 1, 4, b"secret", object_uuid=MGMT.uuid)
    wire = protection().protect(request)
    assert b"secret" not in wire
    pdu = decode_pdu(wire)
    assert isinstance(pdu, Request)
    assert pdu.auth is not None
    assert (pdu.auth.context_id, pdu.auth.pad_length) == (7, 10)
    assert protection(AuthLevel.CONNECT).protect(request) == request.encode()


def test_the_size_of_tokens_matters_from_packet_level_on() -> None:
    assert protection(AuthLevel.PKT).token_size == 4
    assert protection(AuthLevel.CONNECT).token_size is None


@pytest.mark.parametrize("level", [AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY])
def test_bare_answers_are_refused_at_packet_level(level: AuthLevel) -> None:
    with pytest.raises(DecodeError, match="without protection"):
        opened(protection(level), Response(5, 1, b"abc").encode())


def test_at_level_connect_answers_are_bare_or_have_a_trailer_nobody_verifies() -> None:
    client = protection(AuthLevel.CONNECT)
    assert opened(client, Response(5, 1, b"abc").encode()) == b"abc"
    dummy = SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 7, b"\1" + bytes(15), pad_length=5)
    assert opened(client, Response(5, 1, b"abc" + bytes(5), auth=dummy).encode()) == b"abc"


def test_answers_under_another_context_type_or_level_are_refused() -> None:
    for wire in (
        answer(b"abc", replace(NTLM, context_id=8)),
        answer(b"abc", replace(NTLM, auth_type=AuthType.KERBEROS)),
        answer(b"abc", replace(NTLM, auth_level=AuthLevel.PKT)),
    ):
        with pytest.raises(DecodeError, match="another security context"):
            opened(protection(), wire)


def test_misplaced_trailers_and_impossible_padding_are_refused() -> None:
    trailer = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 7, bytes(4))
    with pytest.raises(DecodeError, match="not aligned"):
        opened(protection(), Response(5, 1, b"ab", auth=trailer).encode())
    with pytest.raises(DecodeError, match="padding"):
        opened(protection(), Response(5, 1, bytes(4), auth=replace(trailer, pad_length=5)).encode())


def test_the_verification_trailer_repeats_what_was_not_confirmed_yet() -> None:
    client = protection()
    everything = verification_trailer(FACTS, bitmask=True, contexts=True)
    assert client.stub(b"ab", FACTS) == b"ab\0\0" + everything
    assert client.stub(b"", FACTS) == everything
    client.answered(1)
    assert client.stub(b"ab", FACTS) == b"ab"
    other = replace(FACTS, context_id=2)
    assert client.stub(b"abcd", other) == b"abcd" + verification_trailer(other, contexts=True)


def test_without_header_signing_every_request_repeats_its_header() -> None:
    client = protection(header_signing=False)
    client.answered(1)
    assert client.stub(b"", FACTS) == verification_trailer(FACTS, header=True)


def test_below_packet_level_there_is_nothing_to_verify() -> None:
    assert protection(AuthLevel.CONNECT).stub(b"ab", FACTS) == b"ab"


def test_beside_others_a_context_that_does_not_sign_is_named_by_its_requests() -> None:
    alone, beside = protection(AuthLevel.CONNECT), protection(AuthLevel.CONNECT)
    beside.named = True
    assert (alone.token_size, beside.token_size) == (None, 16)
    request = Request(5, 1, 4, b"stub")
    assert alone.protect(request) == request.encode()
    pdu = decode_pdu(beside.protect(request))
    assert isinstance(pdu, Request)
    assert pdu.auth is not None
    assert (pdu.auth.auth_level, pdu.auth.context_id, pdu.stub[:4]) == (AuthLevel.CONNECT, 7, b"stub")
    assert opened(beside, Response(5, 1, b"bare").encode()) == b"bare"


def test_beside_others_a_context_that_signs_is_as_before() -> None:
    signs = protection(AuthLevel.PKT_INTEGRITY)
    signs.named = True
    assert signs.token_size == Checksum.token_size
