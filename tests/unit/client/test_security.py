"""How a client proves itself to an RPC server, against our own acceptor and against servers that cheat."""

from __future__ import annotations

from inspect import isawaitable
from threading import get_ident
from typing import Any

import pytest
import spnego

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.av_pairs import AvId
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.messages import Authenticate, Challenge
from rpch.auth.ntlm.response import Ntlmv2Response
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.spnego import SpnegoAcceptor
from rpch.auth.spnego_tokens import NTLM, NegState, NegTokenResp
from rpch.client.security import CONTEXT_ID, InitiatedContext, RpcCredentials, credentials_for
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, SecurityContext, Segments, Step
from rpch.errors import AuthenticationFailed, ConfigError
from rpch.server.security import AcceptedContext
from tests.unit.auth.gss_library import GssContext, KrbLibrary, caches, library, without_extra

__all__ = ["caches", "library", "without_extra"]

BINDING = StringBinding.parse("ncacn_ip_tcp:server.lab.test[135]")
ACCOUNTS = MemoryAccounts({Identity("alice", "LAB"): "secret"})
SETTINGS = NtlmSettings.standalone("server.lab.test", domain="LAB")
PARTS = Segments(b"header", b"body", b"trailer!")
CONNECT, PKT = AuthLevel.CONNECT, AuthLevel.PKT
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
BOTH = pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])


def acceptor(auth_type: AuthType, level: AuthLevel) -> AcceptedContext:
    """The server's side."""

    def ntlm() -> NtlmAcceptor:
        return NtlmAcceptor(SETTINGS, ACCOUNTS, server_challenge=b"12345678", signs_messages=True)

    mechanism = ntlm() if auth_type is AuthType.NTLM else SpnegoAcceptor({NTLM: ntlm})
    return AcceptedContext(mechanism, level, peer="test", clock=lambda: 1000.0)


async def begun(
    auth_type: AuthType, level: AuthLevel, user: str = r"LAB\alice"
) -> tuple[InitiatedContext, bytes]:
    """Our side, with its first token."""
    credentials = RpcCredentials(user, "secret", level, auth_type)
    authentication = await credentials.begin(BINDING)
    facts = (authentication.auth_type, authentication.auth_level, authentication.context_id)
    assert facts == (auth_type, level, CONTEXT_ID)
    assert isinstance(authentication.mechanism, InitiatedContext)
    return authentication.mechanism, authentication.token


async def opened(auth_type: AuthType, level: AuthLevel) -> tuple[InitiatedContext, AcceptedContext]:
    """Both sides of a context whose legs were all taken."""
    ours, token = await begun(auth_type, level)
    theirs = acceptor(auth_type, level)
    legs = 1
    while True:
        answer = await theirs.step(token)
        assert isinstance(answer, Continue | Established)
        if isinstance(answer, Established) and not answer.token:
            break
        step = await ours.step(answer.token)
        assert isinstance(step, Continue | Established), step
        token, legs = step.token, legs + 2
        if not token:
            break
    assert legs == {AuthType.NTLM: 3, AuthType.NEGOTIATE: 5}[auth_type]
    return ours, theirs


@BOTH
@pytest.mark.parametrize("level", [CONNECT, PKT, SIGNS, SEALS])
async def test_both_mechanisms_open_at_every_level(auth_type: AuthType, level: AuthLevel) -> None:
    ours, theirs = await opened(auth_type, level)
    assert ours.user is None
    assert theirs.user == r"LAB\alice"
    if level is CONNECT:
        return
    assert ours.token_size == 16
    sides: list[tuple[SecurityContext, SecurityContext]] = [(ours, theirs), (theirs, ours)]
    for sender, receiver in sides:
        body, token = sender.protect(PARTS, header_signing=False)
        came = Segments(PARTS.header, body, PARTS.trailer)
        assert receiver.verify(came, token, header_signing=False) == PARTS.body


async def test_the_last_token_of_ntlm_needs_no_answer() -> None:
    ours, token = await begun(AuthType.NTLM, SIGNS)
    challenge = await acceptor(AuthType.NTLM, SIGNS).step(token)
    assert isinstance(challenge, Continue)
    assert isinstance(await ours.step(challenge.token), Established)
    assert await ours.step(b"") == Established()
    assert isinstance(await ours.step(b"more"), Declined)


@BOTH
async def test_a_server_that_does_not_authenticate_is_refused(auth_type: AuthType) -> None:
    ours, _ = await begun(auth_type, SIGNS)
    step = await ours.step(b"")
    assert isinstance(step, Declined)
    assert "without its part" in step.why


@BOTH
@pytest.mark.parametrize("token", [b"nonsense", bytes(100), b"NTLMSSP\0\2\0\0\0", b"\xa1\x07\x30\x05"])
async def test_nonsense_from_a_server_is_declined(auth_type: AuthType, token: bytes) -> None:
    ours, _ = await begun(auth_type, SIGNS)
    assert isinstance(await ours.step(token), Declined)


async def challenge_without(flag: NtlmFlags, level: AuthLevel) -> Step:
    """What we say to a server, or to somebody before it, that takes a flag out of the CHALLENGE."""
    ours, token = await begun(AuthType.NTLM, level)
    answer = await acceptor(AuthType.NTLM, level).step(token)
    assert isinstance(answer, Continue)
    challenge = Challenge.decode(answer.token)
    object.__setattr__(challenge, "flags", challenge.flags & ~flag)
    return await ours.step(challenge.encode())


@pytest.mark.parametrize(
    ("flag", "level"), [(NtlmFlags.SIGN, SIGNS), (NtlmFlags.SEAL, SEALS), (NtlmFlags.SIGN, SEALS)]
)
async def test_a_server_that_grants_less_than_the_level_needs_is_refused(
    flag: NtlmFlags, level: AuthLevel
) -> None:
    taken = NtlmFlags.SIGN | NtlmFlags.SEAL if flag is NtlmFlags.SIGN else flag
    assert isinstance(await challenge_without(taken, level), Declined)


async def test_a_reject_in_negotiate_is_declined() -> None:
    ours, _ = await begun(AuthType.NEGOTIATE, SIGNS)
    assert isinstance(await ours.step(NegTokenResp(NegState.REJECT).encode()), Declined)


async def test_an_end_that_comes_too_early_is_declined() -> None:
    ours, _ = await begun(AuthType.NEGOTIATE, SIGNS)
    early = NegTokenResp(NegState.ACCEPT_COMPLETED, NTLM).encode()
    assert isinstance(await ours.step(early), Declined)


async def test_nothing_is_protected_before_the_last_leg() -> None:
    ours, _ = await begun(AuthType.NTLM, SIGNS)
    for use in (
        lambda: ours.protect(PARTS, header_signing=True),
        lambda: ours.verify(PARTS, b"", header_signing=True),
        lambda: ours.token_size,
    ):
        with pytest.raises(AuthenticationFailed, match="not established"):
            use()


@pytest.mark.parametrize(
    ("binding", "target"),
    [
        ("ncacn_ip_tcp:server.lab.test[135]", "host/server.lab.test"),
        ("ncacn_ip_tcp:192.0.2.1[135,target_hostname=real.lab.test]", "host/real.lab.test"),
        ("ncacn_ip_tcp:192.0.2.1[135,target_principal=exchangeMDB/ex.lab.test]", "exchangeMDB/ex.lab.test"),
        ("ncacn_http:inside[6001,RpcProxy=outside:443]", "host/inside"),
    ],
)
async def test_the_proof_names_the_server_that_is_meant(binding: str, target: str) -> None:
    credentials = RpcCredentials(r"LAB\alice", "secret", SIGNS, AuthType.NTLM)
    authentication = await credentials.begin(StringBinding.parse(binding))
    answer = await acceptor(AuthType.NTLM, SIGNS).step(authentication.token)
    assert isinstance(answer, Continue)
    assert isinstance(authentication.mechanism, InitiatedContext)
    step = await authentication.mechanism.step(answer.token)
    assert isinstance(step, Established)
    response = Ntlmv2Response.decode(Authenticate.decode(step.token).nt_response)
    named = response.av_pairs.get(AvId.TARGET_NAME)
    assert named is not None
    assert named.decode("utf-16-le") == target


@pytest.mark.parametrize(
    ("flags", "level", "auth_type"),
    [
        ("", SEALS, AuthType.NEGOTIATE),
        (",seal", SEALS, AuthType.NEGOTIATE),
        (",sign,ntlm", SIGNS, AuthType.NTLM),
        (",packet,spnego", PKT, AuthType.NEGOTIATE),
        (",connect", CONNECT, AuthType.NEGOTIATE),
    ],
)
def test_a_binding_may_say_how_calls_are_protected(flags: str, level: AuthLevel, auth_type: AuthType) -> None:
    binding = StringBinding.parse(f"ncacn_ip_tcp:server[135{flags}]")
    found = credentials_for(binding, "alice", "secret")
    assert found == RpcCredentials("alice", "secret", level, auth_type)
    asked = credentials_for(binding, "alice", "secret", level=PKT, auth_type=AuthType.NTLM)
    assert asked == RpcCredentials("alice", "secret", PKT, AuthType.NTLM)


def test_without_a_user_nothing_is_protected_and_nothing_may_ask_for_it() -> None:
    assert credentials_for(BINDING, None, "") is None
    with pytest.raises(ConfigError, match="asks for protection"):
        credentials_for(StringBinding.parse("ncacn_ip_tcp:server[135,seal]"), None, "")


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ConfigError, match="several"):
        credentials_for(StringBinding.parse("ncacn_ip_tcp:server[135,sign,seal]"), "alice", "secret")
    with pytest.raises(ConfigError, match="NONE is not used with connections"):
        RpcCredentials("alice", "secret", AuthLevel.NONE)
    with pytest.raises(ConfigError, match="NETLOGON is not known here"):
        RpcCredentials("alice", "secret", auth_type=AuthType.NETLOGON)


def test_level_call_is_packet_on_a_connection() -> None:
    assert RpcCredentials("alice", "secret", AuthLevel.CALL).level is PKT


def test_kerberos_takes_whoever_has_signed_in_where_nobody_is_named() -> None:
    anybody = RpcCredentials("", "", SEALS, AuthType.KERBEROS)
    assert credentials_for(BINDING, None, "", auth_type=AuthType.KERBEROS) == anybody
    assert credentials_for(StringBinding.parse("ncacn_ip_tcp:server[135,krb5]"), None, "") == anybody
    assert credentials_for(BINDING, None, "", auth_type=AuthType.NTLM) is None


@pytest.mark.usefixtures("without_extra")
async def test_kerberos_without_its_extra_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"install rpch\[kerberos\]"):
        await RpcCredentials("alice", "secret", auth_type=AuthType.KERBEROS).begin(BINDING)


async def test_kerberos_without_a_ticket_says_where_to_get_one(caches: KrbLibrary) -> None:
    with pytest.raises(AuthenticationFailed, match=r"no ticket for alice@LAB\.TEST; get one with kinit"):
        await RpcCredentials("alice@LAB.TEST", "", auth_type=AuthType.KERBEROS).begin(BINDING)


class Exchange:
    """Kerberos' exchange as the library has it, with a server that answers once. Notes who waits for it."""

    negotiated_protocol = "kerberos"
    waiting = list[int]()

    def __init__(self, *_: object, **options: Any) -> None:
        self.waiting.append(get_ident())
        self.complete, self._context = False, GssContext(0x30)
        assert options["context_req"] & spnego.ContextReq.dce_style

    def step(self, token: bytes | None) -> bytes:
        """The ticket, and the third leg of DCE."""
        self.waiting.append(get_ident())
        self.complete = token is not None
        return b"third" if token else b"ticket"


@pytest.fixture
def exchange(caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch) -> type[Exchange]:
    """Kerberos where there is none."""
    monkeypatch.setattr(spnego, "client", Exchange)
    monkeypatch.setattr(Exchange, "waiting", [])
    return Exchange


@pytest.mark.parametrize("auth_type", [AuthType.KERBEROS, AuthType.NEGOTIATE])
async def test_nobody_waits_for_a_kdc_on_the_event_loop(
    exchange: type[Exchange], auth_type: AuthType
) -> None:
    credentials = RpcCredentials("alice@LAB.TEST", "secret", auth_type=auth_type)
    context = (await credentials.begin(BINDING)).mechanism
    step = context.step(b"proof")
    assert isawaitable(step)
    await step
    assert len(exchange.waiting) == 3
    assert get_ident() not in exchange.waiting


@pytest.mark.parametrize(("level", "size"), [(PKT, 28), (SIGNS, 28), (SEALS, 76)])
async def test_the_third_leg_of_kerberos_is_answered(
    exchange: type[Exchange], level: AuthLevel, size: int
) -> None:
    ours, token = await begun(AuthType.KERBEROS, level, user="alice@LAB.TEST")
    assert token == b"ticket"
    assert await ours.step(b"proof") == Continue(b"third")
    assert await ours.step(b"") == Established()
    assert ours.token_size == size


@pytest.mark.parametrize(("flags", "level", "lacks"), [(0, SIGNS, "signing"), (0x20, SEALS, "sealing")])
async def test_a_ticket_s_session_must_do_what_the_level_needs(
    exchange: type[Exchange], monkeypatch: pytest.MonkeyPatch, flags: int, level: AuthLevel, lacks: str
) -> None:
    monkeypatch.setattr(GssContext, "__init__", lambda self, _: setattr(self, "actual_flags", flags))
    ours, _ = await begun(AuthType.KERBEROS, level, user="alice@LAB.TEST")
    assert await ours.step(b"proof") == Declined(f"the server does not agree to {lacks}", too_weak=True)


def test_the_password_is_not_shown() -> None:
    assert "canary" not in repr(RpcCredentials("alice", "canary"))
