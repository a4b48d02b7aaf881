"""What the system's GSS-API is asked to sign and seal, with a library made for the test."""

from __future__ import annotations

import pytest

from rpch.auth.gss_session import GssSession
from rpch.auth.security import SignatureMismatch
from rpch.errors import LocalProtocolError
from tests.unit.auth.gss_library import GSSError, GssLibrary, library

__all__ = ["library"]
CONFIDENTIALITY, INTEGRITY = 0x10, 0x20
HEAD, BODY, TAIL = b"head", b"body", b"tail"


def session(
    library: GssLibrary, flags: int = INTEGRITY | CONFIDENTIALITY, *, seals: bool = True
) -> GssSession:
    return GssSession(library.raw, "context", flags, seals=seals)


@pytest.mark.parametrize(
    ("flags", "signs", "seals"),
    [
        (0, False, False),
        (INTEGRITY, True, False),
        (CONFIDENTIALITY, False, False),
        (INTEGRITY | CONFIDENTIALITY, True, True),
    ],
)
def test_a_session_can_what_was_negotiated(library: GssLibrary, flags: int, signs: bool, seals: bool) -> None:
    made = session(library, flags)
    assert (made.can_sign, made.can_seal, made.protects_mechanisms) == (signs, seals, signs)
    assert not made.covers_headers
    assert made.session_key == b"key of \x05"
    assert repr(made) == f"GssSession(flags={flags:#x})"


@pytest.mark.parametrize(("seals", "size"), [(True, 76), (False, 28)])
def test_signatures_are_as_long_as_their_use_needs(library: GssLibrary, seals: bool, size: int) -> None:
    made = session(library, seals=seals)
    assert (made.signature_size, made.signature_size) == (size, size)


def test_messages_and_lists_of_mechanisms_are_signed(library: GssLibrary) -> None:
    made = session(library)
    assert made.sign(BODY) == made.sign_mechanisms(BODY) == b"mic of body"
    made.verify(BODY, b"mic of body")
    made.verify_mechanisms(BODY, b"mic of body")


def test_a_wrong_signature_ends_the_session(library: GssLibrary) -> None:
    made = session(library)
    with pytest.raises(SignatureMismatch, match="does not fit"):
        made.verify(BODY, b"mic of another")
    with pytest.raises(LocalProtocolError, match="ended with a signature"):
        made.verify(BODY, b"mic of body")


@pytest.mark.parametrize(("head", "tail"), [(HEAD, TAIL), (b"", b""), (HEAD, b""), (b"", TAIL)])
def test_the_body_is_sealed_and_what_is_around_it_signed(
    library: GssLibrary, head: bytes, tail: bytes
) -> None:
    made = session(library)
    assert made.seal(head, BODY, tail) == (b"ydob", b"header")
    around = [("sign", head)] if head else [], [("sign", tail)] if tail else []
    assert library.asked[-1] == [("header", None), *around[0], ("data", BODY), *around[1]]
    assert made.unseal(head, b"ydob", tail, b"header") == BODY
    assert library.asked[-1] == [("header", b"header"), *around[0], ("data", b"ydob"), *around[1]]


def test_what_does_not_unseal_ends_the_session(library: GssLibrary) -> None:
    made, library.wrong = session(library), GSSError("wrong")
    with pytest.raises(SignatureMismatch, match="wrong"):
        made.unseal(HEAD, BODY, TAIL, b"header")
    with pytest.raises(LocalProtocolError, match="ended with a signature"):
        made.seal(HEAD, BODY, TAIL)


def test_what_is_not_sealed_is_neither_sent_nor_taken_as_sealed(library: GssLibrary) -> None:
    made, library.encrypts = session(library), False
    with pytest.raises(LocalProtocolError, match="cannot seal"):
        made.seal(HEAD, BODY, TAIL)
    with pytest.raises(SignatureMismatch, match="not sealed"):
        made.unseal(HEAD, BODY, TAIL, b"header")
