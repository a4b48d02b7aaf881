"""A session that pyspnego opened, against our own accepting side."""

from __future__ import annotations

import pytest
import spnego

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.initiated_session import InitiatedSession
from rpch.auth.initiator import TokenInitiator
from rpch.auth.mechanism import Continue, Done
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.schemes import Scheme
from rpch.auth.security import SessionSecurity, SignatureMismatch
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import NTLM
from rpch.errors import LocalProtocolError

ACCOUNTS = MemoryAccounts({Identity("alice", "LAB"): "secret"})
SETTINGS = NtlmSettings.standalone("mail.lab.test", domain="LAB")
WHOLE = spnego.ContextReq.integrity | spnego.ContextReq.confidentiality


def ntlm() -> NtlmAcceptor:
    return NtlmAcceptor(SETTINGS, ACCOUNTS, server_challenge=b"12345678", signs_messages=True)


def initiator(scheme: Scheme, requirements: spnego.ContextReq) -> TokenInitiator:
    return TokenInitiator(
        scheme, r"LAB\alice", "secret", host="mail.lab.test", service="host", requirements=requirements
    )


async def opened(
    scheme: Scheme, requirements: spnego.ContextReq = WHOLE
) -> tuple[SessionSecurity, SessionSecurity]:
    """Both sides of one session: ours that initiated, and ours that accepted."""
    client = initiator(scheme, requirements)
    server = ntlm() if scheme is Scheme.NTLM else SpnegoAcceptor({NTLM: ntlm})
    token = client.step()
    for _ in range(4):
        outcome = await server.step(token or b"", 0.0)
        assert isinstance(outcome, Continue | Done), outcome
        token = client.step(outcome.token) if outcome.token else None
        if isinstance(outcome, Done):
            break
    assert isinstance(outcome, Done)
    return InitiatedSession(client.context), outcome.established.session


BOTH = pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])


@BOTH
async def test_both_sides_share_a_key_and_can_seal(scheme: Scheme) -> None:
    ours, theirs = await opened(scheme)
    assert ours.session_key == theirs.session_key
    assert (ours.can_sign, ours.can_seal, ours.signature_size) == (True, True, 16)
    assert ours.covers_headers
    assert theirs.covers_headers
    assert "key" not in repr(ours)


@BOTH
async def test_messages_are_signed_both_ways(scheme: Scheme) -> None:
    ours, theirs = await opened(scheme)
    for number in range(3):
        message = b"message %d" % number
        theirs.verify(message, ours.sign(message))
        ours.verify(message, theirs.sign(message))


@BOTH
@pytest.mark.parametrize(("head", "tail"), [(b"head", b"tail"), (b"", b""), (b"head", b""), (b"", b"tail")])
async def test_messages_are_sealed_both_ways(scheme: Scheme, head: bytes, tail: bytes) -> None:
    ours, theirs = await opened(scheme)
    for sender, receiver in ((ours, theirs), (theirs, ours), (ours, theirs)):
        sealed, signature = sender.seal(head, b"body", tail)
        assert sealed != b"body"
        assert receiver.unseal(head, sealed, tail, signature) == b"body"


async def test_a_change_is_found() -> None:
    ours, theirs = await opened(Scheme.NTLM)
    with pytest.raises(SignatureMismatch):
        ours.verify(b"another", theirs.sign(b"message"))
    ours, theirs = await opened(Scheme.NTLM)
    sealed, signature = theirs.seal(b"head", b"body", b"tail")
    with pytest.raises(SignatureMismatch):
        ours.unseal(b"HEAD", sealed, b"tail", signature)


async def test_what_was_agreed_on_is_known() -> None:
    signing, _ = await opened(Scheme.NTLM, spnego.ContextReq.integrity)
    assert (signing.can_sign, signing.can_seal, signing.protects_mechanisms) == (True, False, True)
    nothing, _ = await opened(Scheme.NTLM, spnego.ContextReq.none)
    assert (nothing.can_sign, nothing.can_seal, nothing.protects_mechanisms) == (False, False, False)


async def test_the_mechanisms_were_signed_before() -> None:
    ours, _ = await opened(Scheme.NEGOTIATE)
    with pytest.raises(LocalProtocolError):
        ours.sign_mechanisms(b"")
    with pytest.raises(LocalProtocolError):
        ours.verify_mechanisms(b"", b"")


def test_there_is_no_session_before_the_exchange_is_complete() -> None:
    with pytest.raises(LocalProtocolError, match="not complete"):
        InitiatedSession(initiator(Scheme.NTLM, WHOLE).context)
