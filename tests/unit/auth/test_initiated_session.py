"""A session that pyspnego opened, against our own accepting side."""

from __future__ import annotations

from typing import Any

import pytest
import spnego

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.gss_session import GssSession
from rpch.auth.initiated_session import session_of
from rpch.auth.initiator import Package, TokenInitiator
from rpch.auth.mechanism import Continue, Done
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.security import SessionSecurity, SignatureMismatch
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import NTLM
from rpch.errors import LocalProtocolError
from tests.unit.auth.gss_library import GssContext, GssLibrary, library

__all__ = ["library"]

ACCOUNTS = MemoryAccounts({Identity("alice", "LAB"): "secret"})
SETTINGS = NtlmSettings.standalone("mail.lab.test", domain="LAB")
WHOLE = spnego.ContextReq.integrity | spnego.ContextReq.confidentiality


def ntlm() -> NtlmAcceptor:
    return NtlmAcceptor(SETTINGS, ACCOUNTS, server_challenge=b"12345678", signs_messages=True)


def initiator(package: Package, requirements: spnego.ContextReq) -> TokenInitiator:
    return TokenInitiator(
        package, r"LAB\alice", "secret", host="mail.lab.test", service="host", requirements=requirements
    )


async def opened(
    package: Package, requirements: spnego.ContextReq = WHOLE
) -> tuple[SessionSecurity, SessionSecurity]:
    """Both sides of one session: ours that initiated, and ours that accepted."""
    client = initiator(package, requirements)
    server = ntlm() if package is Package.NTLM else SpnegoAcceptor({NTLM: ntlm})
    token = client.step()
    for _ in range(4):
        outcome = await server.step(token or b"", 0.0)
        assert isinstance(outcome, Continue | Done), outcome
        token = client.step(outcome.token) if outcome.token else None
        if isinstance(outcome, Done):
            break
    assert isinstance(outcome, Done)
    return session_of(client.context, seals=True), outcome.established.session


BOTH = pytest.mark.parametrize("package", [Package.NTLM, Package.NEGOTIATE])


@BOTH
async def test_both_sides_share_a_key_and_can_seal(package: Package) -> None:
    ours, theirs = await opened(package)
    assert ours.session_key == theirs.session_key
    assert (ours.can_sign, ours.can_seal, ours.signature_size) == (True, True, 16)
    assert ours.covers_headers
    assert theirs.covers_headers
    assert "key" not in repr(ours)


@BOTH
async def test_messages_are_signed_both_ways(package: Package) -> None:
    ours, theirs = await opened(package)
    for number in range(3):
        message = b"message %d" % number
        theirs.verify(message, ours.sign(message))
        ours.verify(message, theirs.sign(message))


@BOTH
@pytest.mark.parametrize(("head", "tail"), [(b"head", b"tail"), (b"", b""), (b"head", b""), (b"", b"tail")])
async def test_messages_are_sealed_both_ways(package: Package, head: bytes, tail: bytes) -> None:
    ours, theirs = await opened(package)
    for sender, receiver in ((ours, theirs), (theirs, ours), (ours, theirs)):
        sealed, signature = sender.seal(head, b"body", tail)
        assert sealed != b"body"
        assert receiver.unseal(head, sealed, tail, signature) == b"body"


async def test_a_change_is_found() -> None:
    ours, theirs = await opened(Package.NTLM)
    with pytest.raises(SignatureMismatch):
        ours.verify(b"another", theirs.sign(b"message"))
    ours, theirs = await opened(Package.NTLM)
    sealed, signature = theirs.seal(b"head", b"body", b"tail")
    with pytest.raises(SignatureMismatch):
        ours.unseal(b"HEAD", sealed, b"tail", signature)


async def test_what_was_agreed_on_is_known() -> None:
    signing, _ = await opened(Package.NTLM, spnego.ContextReq.integrity)
    assert (signing.can_sign, signing.can_seal, signing.protects_mechanisms) == (True, False, True)
    nothing, _ = await opened(Package.NTLM, spnego.ContextReq.none)
    assert (nothing.can_sign, nothing.can_seal, nothing.protects_mechanisms) == (False, False, False)


async def test_the_mechanisms_were_signed_before() -> None:
    ours, _ = await opened(Package.NEGOTIATE)
    with pytest.raises(LocalProtocolError):
        ours.sign_mechanisms(b"")
    with pytest.raises(LocalProtocolError):
        ours.verify_mechanisms(b"", b"")


class Inner:
    """Where pyspnego keeps one context inside another."""

    negotiated_protocol = "kerberos"

    def __init__(self, inner: object) -> None:
        self._context = inner


@pytest.mark.parametrize(("seals", "size"), [(True, 76), (False, 28)])
def test_a_session_of_kerberos_is_the_system_s(library: GssLibrary, seals: bool, size: int) -> None:
    context: Any = Inner(Inner(GssContext(0x20 | (0x10 if seals else 0))))
    session = session_of(context, seals=seals)
    assert isinstance(session, GssSession)
    assert (session.can_sign, session.can_seal, session.signature_size) == (True, seals, size)
    assert not session.covers_headers
