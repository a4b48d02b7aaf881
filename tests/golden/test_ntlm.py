"""Whole NTLM exchanges, byte for byte."""

from __future__ import annotations

import pytest

import tests.golden.ntlm_exchanges as kept
from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.channel_binding import Channel, ChannelBinding
from rpch.auth.extended_protection import BindingState, ExtendedProtection
from rpch.auth.mechanism import Continue, Done, Established, Failed
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.messages import Authenticate, Challenge
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import NTLM

ZOE, ALICE = Identity("Zoë", "EXAMPLE"), Identity("alice", "EXAMPLE")
ACCOUNTS = MemoryAccounts({ZOE: "Pässw0rd!", ALICE: "secret"})


def acceptor() -> NtlmAcceptor:
    """A listener with TLS and the certificate of the exchanges, at its strictest."""
    binding = ChannelBinding.of_certificate(kept.CERTIFICATE)
    assert binding is not None
    return NtlmAcceptor(
        kept.SETTINGS,
        ACCOUNTS,
        server_challenge=kept.SERVER_CHALLENGE,
        protection=ExtendedProtection(),
        channel=Channel(tls=True, bindings=(binding,)),
    )


async def accept(negotiate: bytes, challenge: bytes, authenticate: bytes) -> Established:
    exchange = acceptor()
    assert await exchange.step(negotiate, kept.NOW) == Continue(challenge)
    outcome = await exchange.step(authenticate, kept.NOW + 1)
    assert isinstance(outcome, Done)
    assert outcome.token is None
    return outcome.established


async def test_exchange_a_is_accepted() -> None:
    established = await accept(kept.A_NEGOTIATE, kept.A_CHALLENGE, kept.A_AUTHENTICATE)
    assert established.identity == ZOE
    assert established.sent_as == r"EXAMPLE\zoë"
    assert established.channel_binding is BindingState.MATCH
    assert established.target_name == "HTTP/mail.example.test"
    assert established.session.session_key == kept.A_EXPORTED_KEY


async def test_exchange_a_goes_on_in_a_sealed_session() -> None:
    session = (await accept(kept.A_NEGOTIATE, kept.A_CHALLENGE, kept.A_AUTHENTICATE)).session
    sealed = bytes.fromhex("7347795f5a39b88047e0284c5c")
    signature = bytes.fromhex("01000000e35b999f3f35fc9800000000")
    assert session.unseal(b"", sealed, b"", signature) == b"hello, sealed"
    session.verify(b"signed only", bytes.fromhex("01000000ca81e59c74d2918a01000000"))
    assert session.seal(b"", b"reply", b"") == (
        bytes.fromhex("7cdfc0af49"),
        bytes.fromhex("01000000a96a4a277e02343300000000"),
    )


async def test_exchange_c_is_accepted_without_a_mic_and_without_trailing_bytes() -> None:
    established = await accept(kept.C_NEGOTIATE, kept.C_CHALLENGE, kept.C_AUTHENTICATE)
    assert established.identity == ALICE
    assert established.channel_binding is BindingState.MATCH
    assert established.session.session_key == kept.C_EXPORTED_KEY


def test_exchange_a_is_encoded_as_it_was_recorded() -> None:
    assert Challenge.decode(kept.A_CHALLENGE).encode() == kept.A_CHALLENGE
    assert Authenticate.decode(kept.A_AUTHENTICATE).encode() == kept.A_AUTHENTICATE


@pytest.mark.parametrize("at", [0, 8, 12, 14, 20, 24, 32, 39])
async def test_a_bit_changed_in_the_negotiate_of_a_is_found(at: int) -> None:
    changed = bytearray(kept.A_NEGOTIATE)
    changed[at] ^= 0x20
    exchange = acceptor()
    first = await exchange.step(bytes(changed), kept.NOW)
    if isinstance(first, Continue):
        first = await exchange.step(kept.A_AUTHENTICATE, kept.NOW)
    assert isinstance(first, Failed)


@pytest.mark.parametrize("at", range(0, len(kept.A_AUTHENTICATE), 7))
async def test_a_bit_changed_in_the_authenticate_of_a_is_found(at: int) -> None:
    changed = bytearray(kept.A_AUTHENTICATE)
    changed[at] ^= 0x01
    exchange = acceptor()
    await exchange.step(kept.A_NEGOTIATE, kept.NOW)
    assert isinstance(await exchange.step(bytes(changed), kept.NOW), Failed)


async def test_exchange_b_ends_in_signed_mechanisms_and_sealed_pdus() -> None:
    def ntlm() -> NtlmAcceptor:
        return NtlmAcceptor(
            kept.SETTINGS, ACCOUNTS, server_challenge=kept.SERVER_CHALLENGE, signs_messages=True
        )

    exchange = SpnegoAcceptor({NTLM: ntlm})
    assert await exchange.step(kept.B_INIT, kept.NOW) == Continue(kept.B_CHALLENGE)
    outcome = await exchange.step(kept.B_AUTHENTICATE, kept.NOW)
    assert isinstance(outcome, Done)
    assert outcome.token == kept.B_COMPLETED
    established = outcome.established
    assert (established.identity, established.target_name) == (ZOE, "host/mail.example.test")
    session = established.session
    assert session.session_key == kept.B_EXPORTED_KEY
    request = kept.B_REQUEST
    assert request == kept.B_REQUEST_HEADER + kept.B_SEALED + kept.B_TRAILER + kept.B_TOKEN
    stub = session.unseal(kept.B_REQUEST_HEADER, kept.B_SEALED, kept.B_TRAILER, kept.B_TOKEN)
    assert stub == kept.B_STUB
    header, trailer = kept.B_RESPONSE[:24], kept.B_RESPONSE[40:48]
    sealed, token = session.seal(header, bytes.fromhex("2a000000") + bytes(12), trailer)
    assert header + sealed + trailer + token == kept.B_RESPONSE
