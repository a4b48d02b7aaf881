"""Whatever bytes a peer sends as tokens and signatures: an answer, and never an error of another kind."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from rpch.auth.accounts import MemoryAccounts
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.messages import Authenticate, Negotiate
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.spnego_tokens import NTLM, NegState, NegTokenInit, NegTokenResp
from rpch.client.security import RpcCredentials
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, Segments
from rpch.errors import AuthenticationFailed
from rpch.server.security import AcceptedContext, RpcAuthenticator

SERVER = RpcAuthenticator(
    MemoryAccounts.from_options([r"LAB\alice:secret"]), ntlm=NtlmSettings.standalone("server", domain="LAB")
)
BINDING = StringBinding.parse("ncacn_ip_tcp:server[135]")
TYPES = st.sampled_from([AuthType.NTLM, AuthType.NEGOTIATE])
LEVELS = st.sampled_from([AuthLevel.CONNECT, AuthLevel.PKT, AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY])
FLAGS = st.builds(NtlmFlags, st.integers(0, 0xFFFFFFFF))

# Messages of NTLM that are well formed and may mean anything, bare or wrapped
MESSAGES = st.one_of(
    st.binary(max_size=80),
    st.builds(Negotiate, FLAGS).map(Negotiate.encode),
    st.builds(
        Authenticate,
        FLAGS,
        st.binary(max_size=8),
        st.binary(max_size=8),
        lm_response=st.sampled_from([b"", b"\0", bytes(24)]),
        nt_response=st.sampled_from([b"", bytes(24), bytes(60)]),
        session_key=st.sampled_from([b"", bytes(16)]),
    ).map(Authenticate.encode),
)
TOKENS = st.one_of(
    MESSAGES,
    st.builds(
        lambda token, mic: NegTokenInit((NTLM,), token, mic).encode(), MESSAGES, st.none() | st.binary()
    ),
    st.builds(
        lambda state, token, mic: NegTokenResp(state, None, token, mic).encode(),
        st.sampled_from(NegState),
        st.none() | MESSAGES,
        st.none() | st.binary(max_size=20),
    ),
)
PARTS = st.builds(Segments, st.binary(max_size=40), st.binary(max_size=80), st.binary(min_size=8, max_size=8))


def context(auth_type: AuthType, level: AuthLevel) -> AcceptedContext:
    started = SERVER.provider("test").start(auth_type, level)
    assert started is not None
    return started


async def say(server: AcceptedContext, tokens: list[bytes]) -> None:
    """Tokens until one of them ends it; what was opened then verifies nothing by chance."""
    for token in tokens:
        step = await server.step(token)
        assert isinstance(step, Continue | Declined | Established)
        assert server.user is None  # nobody guesses a password
        if not isinstance(step, Continue):
            return


@given(TYPES, LEVELS, st.lists(TOKENS, max_size=4))
def test_any_tokens_are_answered(auth_type: AuthType, level: AuthLevel, tokens: list[bytes]) -> None:
    asyncio.run(say(context(auth_type, level), tokens))


async def answered(auth_type: AuthType, level: AuthLevel, tokens: list[bytes]) -> None:
    """The same from a server that says anything."""
    authentication = await RpcCredentials("alice", "secret", level, auth_type).begin(BINDING)
    for token in tokens:
        answer = authentication.mechanism.step(token)
        step = answer if isinstance(answer, Continue | Declined | Established) else await answer
        if isinstance(step, Declined):
            return


@settings(max_examples=30)
@given(TYPES, LEVELS, st.lists(TOKENS, max_size=3))
def test_any_answers_are_taken_or_declined(
    auth_type: AuthType, level: AuthLevel, tokens: list[bytes]
) -> None:
    asyncio.run(answered(auth_type, level, tokens))


async def opened(level: AuthLevel) -> AcceptedContext:
    server = context(AuthType.NTLM, level)
    credentials = RpcCredentials(r"LAB\alice", "secret", level, AuthType.NTLM)
    ours = await credentials.begin(BINDING)
    challenge = await server.step(ours.token)
    assert isinstance(challenge, Continue)
    last = ours.mechanism.step(challenge.token)
    step = last if isinstance(last, Continue | Declined | Established) else await last
    assert isinstance(step, Established)
    assert await server.step(step.token) == Established()
    return server


@settings(max_examples=30)
@given(LEVELS, PARTS, st.binary(max_size=32), st.booleans())
def test_no_signature_fits_by_chance(
    level: AuthLevel, parts: Segments, token: bytes, header_signing: bool
) -> None:
    server = asyncio.run(opened(level))
    try:
        server.verify(parts, token, header_signing=header_signing)
    except AuthenticationFailed:
        return
    raise AssertionError("a signature nobody made was taken")
