"""Protection of fragments, with a package whose working can be read from the bytes."""

import zlib
from dataclasses import dataclass
from uuid import UUID

import pytest

from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, Response, SecTrailer, decode_pdu
from rpch.dcerpc.security import ProtectionFailed, SecurityContext, belongs, protect, unprotect
from rpch.errors import DecodeError, LocalProtocolError


@dataclass
class Checksum:
    """A package whose token is a CRC of what it covers, and whose seal flips every bit."""

    auth_level: AuthLevel = AuthLevel.PKT_PRIVACY
    auth_type: AuthType = AuthType.NTLM
    context_id: int = 7
    token_size: int = 4
    made: int = 4

    def _token(self, head: bytes, body: bytes, tail: bytes, sign_header: bool) -> bytes:
        return zlib.crc32(head + body + tail if sign_header else body).to_bytes(self.made, "big")

    def _flip(self, body: bytes) -> bytes:
        sealed = self.auth_level is AuthLevel.PKT_PRIVACY
        return bytes(byte ^ 0xFF for byte in body) if sealed else body

    def protect(self, head: bytes, body: bytes, tail: bytes, *, sign_header: bool) -> tuple[bytes, bytes]:
        return self._flip(body), self._token(head, body, tail, sign_header)

    def unprotect(self, head: bytes, body: bytes, tail: bytes, token: bytes, *, sign_header: bool) -> bytes:
        clear = self._flip(body)
        if self._token(head, clear, tail, sign_header) != token:
            raise ProtectionFailed("the checksum differs")
        return clear


OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")
PDUS: list[Request | Response] = [
    Request(1, 0, 4, b""),
    Request(1, 0, 4, b"x" * 16),
    Request(1, 0, 4, b"x" * 17, object_uuid=OBJECT),
    Response(1, 0, b"y" * 28),
]
LEVELS = [AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY]


def reopen(data: bytes, context: SecurityContext | None, *, sign_header: bool = True) -> bytes:
    pdu = decode_pdu(data)
    assert isinstance(pdu, Request | Response)
    return unprotect(data, pdu, context, sign_header=sign_header)


@pytest.mark.parametrize("pdu", PDUS, ids=repr)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sign_header", [True, False])
def test_what_is_protected_opens_again(pdu: Request | Response, level: AuthLevel, sign_header: bool) -> None:
    context = Checksum(level)
    data = protect(pdu, context, sign_header=sign_header)
    assert reopen(data, context, sign_header=sign_header) == pdu.stub
    assert (len(data) - context.token_size) % 16 == 0  # the trailer ends where 8 modulo 16 plus 8 does
    received = decode_pdu(data)
    assert isinstance(received, Request | Response)
    assert received.auth is not None
    assert belongs(received.auth, context)
    assert received.auth.pad_length == -len(pdu.stub) % 16


def test_only_privacy_hides_the_body() -> None:
    assert b"x" * 16 in protect(PDUS[1], Checksum(AuthLevel.PKT_INTEGRITY), sign_header=True)
    assert b"x" * 16 not in protect(PDUS[1], Checksum(AuthLevel.PKT_PRIVACY), sign_header=True)


def test_every_bit_is_covered_when_headers_are_signed() -> None:
    context = Checksum(AuthLevel.PKT_INTEGRITY)
    data = protect(Request(1, 0, 4, b"x" * 20), context, sign_header=True)
    for at in range(12, len(data)):  # the first twelve bytes decide how the rest is read
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        with pytest.raises((ProtectionFailed, DecodeError)):
            reopen(changed, context)


@pytest.mark.parametrize("context", [None, Checksum(AuthLevel.CONNECT)])
def test_below_packet_level_requests_travel_bare(context: SecurityContext | None) -> None:
    data = protect(PDUS[1], context, sign_header=True)
    assert data == PDUS[1].encode()
    assert reopen(data, context) == PDUS[1].stub


def test_a_trailer_at_level_connect_is_cut_off_unverified() -> None:
    trailer = SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 7, b"\1" + bytes(15), pad_length=4)
    data = Response(1, 0, b"stub" + bytes(4), auth=trailer).encode()
    assert reopen(data, Checksum(AuthLevel.CONNECT)) == b"stub"


def test_a_missing_trailer_is_refused() -> None:
    with pytest.raises(DecodeError, match="without the protection of level PKT_PRIVACY"):
        reopen(Response(1, 0, b"stub").encode(), Checksum())


def test_a_trailer_without_security_is_refused() -> None:
    with pytest.raises(DecodeError, match="without security"):
        reopen(protect(PDUS[3], Checksum(), sign_header=True), None)


def test_a_trailer_off_its_alignment_is_refused() -> None:
    trailer = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 7, bytes(4))
    with pytest.raises(DecodeError, match="not aligned"):
        reopen(Response(1, 0, b"ab", auth=trailer).encode(), Checksum())


def test_padding_longer_than_the_body_is_refused() -> None:
    trailer = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 7, bytes(4), pad_length=9)
    with pytest.raises(DecodeError, match="padding"):
        reopen(Response(1, 0, bytes(8), auth=trailer).encode(), Checksum())


def test_another_context_level_or_type_does_not_belong() -> None:
    mine = SecTrailer(AuthType.NTLM, AuthLevel.PKT_PRIVACY, 7, b"")
    assert belongs(mine, Checksum())
    assert not belongs(mine, Checksum(context_id=8))
    assert not belongs(mine, Checksum(AuthLevel.PKT))
    assert not belongs(mine, Checksum(auth_type=AuthType.KERBEROS))


def test_a_package_that_breaks_its_promise_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="than promised"):
        protect(PDUS[1], Checksum(made=5), sign_header=False)


def test_a_failed_check_says_why() -> None:
    assert str(ProtectionFailed("the checksum differs")) == "protection check failed: the checksum differs"
