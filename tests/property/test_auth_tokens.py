"""Tokens of authentication: whatever a stranger sends, it is read or refused, and never opens anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.golden.ntlm_exchanges as kept
from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.basic import BasicCredentials
from rpch.auth.mechanism import Continue, Failed
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.av_pairs import AvPairs
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.messages import Authenticate, Challenge, Negotiate
from rpch.auth.ntlm.rc4 import OwnRc4, rc4
from rpch.auth.ntlm.response import Ntlmv2Response
from rpch.auth.schemes import read_authorization
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import NTLM, NegState, NegTokenInit, NegTokenResp, framed_mechanism
from rpch.errors import DecodeError
from rpch.wire import Reader

RECORDED = [
    kept.A_NEGOTIATE, kept.A_CHALLENGE, kept.A_AUTHENTICATE, kept.B_INIT, kept.B_CHALLENGE,
    kept.B_AUTHENTICATE, kept.B_COMPLETED, kept.C_AUTHENTICATE,
]  # fmt: skip
ACCOUNTS = MemoryAccounts({Identity("Zoë", "EXAMPLE"): "Pässw0rd!", Identity("alice", "EXAMPLE"): "secret"})


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A recorded token with some bytes changed, or cut, or drawn out."""
    token = bytearray(draw(st.sampled_from(RECORDED)))
    for _ in range(draw(st.integers(1, 4))):
        token[draw(st.integers(0, len(token) - 1))] = draw(st.integers(0, 255))
    return bytes(token[: draw(st.integers(0, len(token)))]) + draw(st.binary(max_size=8))


tokens = damaged() | st.binary(max_size=120)


@pytest.mark.parametrize(
    "decode",
    [
        Negotiate.decode,
        Challenge.decode,
        Authenticate.decode,
        Ntlmv2Response.decode,
        NegTokenInit.decode,
        NegTokenResp.decode,
        framed_mechanism,
        BasicCredentials.decode,
        lambda data: AvPairs.read(Reader(data)),
    ],
)
@given(token=tokens)
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(decode: Callable[[bytes], object], token: bytes) -> None:
    with suppress(DecodeError):
        decode(token)


def ntlm() -> NtlmAcceptor:
    # Not the challenge of the recorded tokens: even whole ones are worth nothing here.
    return NtlmAcceptor(kept.SETTINGS, ACCOUNTS, server_challenge=bytes(8))


@given(tokens, tokens)
@settings(max_examples=80, deadline=None)
def test_damaged_tokens_open_nothing(first: bytes, second: bytes) -> None:
    async def attempt() -> None:
        for acceptor in (ntlm(), SpnegoAcceptor({NTLM: ntlm})):
            for token in (first, second, kept.A_AUTHENTICATE[:-1]):
                outcome = await acceptor.step(token, kept.NOW)
                assert isinstance(outcome, Continue | Failed)

    asyncio.run(attempt())


names = st.text(st.characters(codec="utf-16-le", exclude_characters="\0"), max_size=12).map(
    lambda text: text.encode("utf-16-le")
)


@given(
    st.builds(
        Authenticate,
        flags=st.integers(0, 0xFFFFFFFF).map(NtlmFlags),
        domain=names,
        user=names.filter(bool),
        workstation=names,
        lm_response=st.binary(max_size=24),
        nt_response=st.binary(max_size=64),
        session_key=st.binary(max_size=17),
        version=st.binary(min_size=8, max_size=8),
        mic=st.none() | st.binary(min_size=16, max_size=16),
    )
)
@settings(max_examples=60, deadline=None)
def test_an_authenticate_is_read_back_as_it_was_written(message: Authenticate) -> None:
    assert Authenticate.decode(message.encode()) == message


oids = st.binary(min_size=1, max_size=12)
optional = st.none() | st.binary(max_size=200)


@given(st.builds(NegTokenInit, st.lists(oids, max_size=16).map(tuple), optional, optional))
@settings(max_examples=60, deadline=None)
def test_a_first_token_is_read_back_as_it_was_written(token: NegTokenInit) -> None:
    assert NegTokenInit.decode(token.encode()) == token


@given(st.builds(NegTokenResp, st.none() | st.sampled_from(NegState), st.none() | oids, optional, optional))
@settings(max_examples=60, deadline=None)
def test_a_later_token_is_read_back_as_it_was_written(token: NegTokenResp) -> None:
    assert NegTokenResp.decode(token.encode()) == token


@given(st.text(max_size=40) | st.text(st.sampled_from("BasicNTLM =+/AZaz09"), max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_header_is_read(value: str) -> None:
    scheme, token = read_authorization(value)
    assert token is None or scheme is not None


@given(
    st.binary(min_size=5, max_size=16).filter(lambda key: len(key) in (5, 7, 10, 16)), st.lists(st.binary())
)
@settings(max_examples=40, deadline=None)
def test_both_kinds_of_rc4_are_one(key: bytes, pieces: list[bytes]) -> None:
    library, own = rc4(key), OwnRc4(key)
    assert [library.update(piece) for piece in pieces] == [own.update(piece) for piece in pieces]
