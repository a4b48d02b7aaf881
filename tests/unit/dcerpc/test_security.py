"""How fragments are parted for a mechanism and put together again."""

from dataclasses import replace
from uuid import UUID

import pytest

from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, Response, SecTrailer, decode_pdu, unpadded
from rpch.dcerpc.security import Established, Segments, Step, protected, segments, verified
from rpch.errors import AuthenticationFailed, LocalProtocolError
from rpch.testing.mechanisms import ToyMechanism

OBJECT = UUID("308fb580-1eb2-11ca-923b-08002b1075a7")
LEVELS = [AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY]
PDUS: list[Request | Response] = [
    Request(1, 0, 4, b""),
    Request(1, 0, 4, b"x" * 16),
    Request(1, 0, 4, b"x" * 17, object_uuid=OBJECT),
    Response(1, 0, b"x" * 28),
]


def trailer(level: AuthLevel) -> SecTrailer:
    return SecTrailer(AuthType.NTLM, level, 7, b"")


def seal(pdu: Request | Response, level: AuthLevel, *, header_signing: bool = True) -> bytes:
    mechanism = ToyMechanism(level, 3, client=True)
    if isinstance(pdu, Request):
        return protected(pdu, mechanism, trailer(level), header_signing=header_signing)
    return protected(pdu, mechanism, trailer(level), header_signing=header_signing)


def reopen(data: bytes, level: AuthLevel, *, header_signing: bool = True) -> bytes:
    pdu = decode_pdu(data)
    assert isinstance(pdu, Request | Response)
    mechanism = ToyMechanism(level, 3, client=False)
    return unpadded(verified(data, pdu, mechanism, header_signing=header_signing), pdu.auth)


@pytest.mark.parametrize("pdu", PDUS, ids=repr)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("header_signing", [True, False])
def test_what_is_protected_opens_again(
    pdu: Request | Response, level: AuthLevel, header_signing: bool
) -> None:
    data = seal(pdu, level, header_signing=header_signing)
    assert reopen(data, level, header_signing=header_signing) == pdu.stub
    received = decode_pdu(data)
    assert isinstance(received, Request | Response)
    assert received.auth is not None
    assert received.auth.pad_length == -len(pdu.stub) % 16
    assert replace(received.auth, token=b"", pad_length=0) == trailer(level)
    at = len(data) - len(received.auth.token) - SecTrailer.SIZE
    assert at % 16 == 8  # the padding counts from the body, behind 24 or 40 bytes of header


def test_only_privacy_hides_the_body() -> None:
    assert b"x" * 16 in seal(PDUS[1], AuthLevel.PKT_INTEGRITY)
    assert b"x" * 16 not in seal(PDUS[1], AuthLevel.PKT_PRIVACY)


def test_every_bit_is_covered_when_headers_are_signed() -> None:
    data = seal(Request(1, 0, 4, b"x" * 20), AuthLevel.PKT_INTEGRITY)
    for at in range(12, len(data)):  # the first twelve bytes decide how the rest is read
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        with pytest.raises(AuthenticationFailed):
            reopen(changed, AuthLevel.PKT_INTEGRITY)


def test_a_bare_fragment_proves_nothing() -> None:
    with pytest.raises(AuthenticationFailed, match="not protected"):
        reopen(Response(1, 0, b"stub").encode(), AuthLevel.PKT)


class Careless:
    """A mechanism that returns what it likes."""

    user = None
    token_size = 8

    def __init__(self, body: bytes | None, token: bytes) -> None:
        self._body, self._token = body, token

    def step(self, token: bytes) -> Step:
        return Established()

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        return segments.body if self._body is None else self._body, self._token

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        return segments.body


@pytest.mark.parametrize(("body", "token"), [(None, bytes(9)), (b"longer than it was", bytes(8))])
def test_a_mechanism_that_returns_more_than_it_announced_is_our_mistake(
    body: bytes | None, token: bytes
) -> None:
    with pytest.raises(LocalProtocolError, match="more than it announced"):
        protected(Request(1, 0, 4), Careless(body, token), trailer(AuthLevel.PKT), header_signing=True)


def test_a_short_token_is_filled_with_zeros() -> None:
    careless = Careless(None, b"abc")
    data = protected(Request(1, 0, 4), careless, trailer(AuthLevel.PKT), header_signing=True)
    assert data.endswith(b"abc" + bytes(5))


def test_segments_part_a_pdu_at_its_body_and_its_token() -> None:
    assert segments(b"hhhhbbTTTTTTTTtt", 2, 2) == Segments(b"hhhh", b"bb", b"TTTTTTTT")
