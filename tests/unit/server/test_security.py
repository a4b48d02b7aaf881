"""How a server learns who calls: NTLM and Negotiate, at every level, against crafted and foreign clients."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import spnego
from structlog.testing import capture_logs

from rpch.auth.accounts import AccountSource, Identity, MemoryAccounts, NtlmProof
from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.initiated_session import session_of
from rpch.auth.initiator import Package, TokenInitiator
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.keytab import TicketExchange, TicketRefused
from rpch.auth.ntlm.messages import Authenticate, Challenge, Negotiate
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.auth.spnego_tokens import KERBEROS, NTLM, NegTokenInit
from rpch.auth.throttle import Throttle, ThrottleLimits
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, SecurityContext, Segments, Step
from rpch.dcerpc.session_protection import SessionProtection
from rpch.errors import AuthenticationFailed, ConfigError, TransportError
from rpch.server import security
from rpch.server.security import NTLM_TOKEN_LIMIT, RpcAuthenticator
from tests.unit.auth.ntlm.crafted_client import ASKED, CraftedClient

ALICE = Identity("alice", "LAB")
ACCOUNTS = MemoryAccounts({ALICE: "secret"})
SETTINGS = NtlmSettings.standalone("server.lab.test", domain="LAB")
PARTS = Segments(b"header", b"body", b"trailer!")
CONNECT, PKT = AuthLevel.CONNECT, AuthLevel.PKT
SIGNS, SEALS = AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY
PACKAGES = {AuthType.NTLM: Package.NTLM, AuthType.NEGOTIATE: Package.NEGOTIATE}
SIGNED = spnego.ContextReq.integrity
SEALED = SIGNED | spnego.ContextReq.confidentiality


def authenticator(
    *,
    mic: MicPolicy = MicPolicy.BY_PROTECTION,
    throttle: Throttle | None = None,
    anonymous: bool = True,
    accounts: AccountSource = ACCOUNTS,
) -> RpcAuthenticator:
    settings = NtlmSettings.standalone("server.lab.test", domain="LAB")
    if mic is not MicPolicy.BY_PROTECTION:
        settings = NtlmSettings("SERVER", "LAB", "server.lab.test", "lab.test", mic=mic)
    return RpcAuthenticator(
        accounts,
        ntlm=settings,
        throttle=throttle,
        anonymous=anonymous,
        wall_clock=lambda: 1000.0,
        random=lambda size: bytes(range(size)),
    )


def start(auth_type: AuthType, level: AuthLevel, server: RpcAuthenticator | None = None) -> SecurityContext:
    context = (server or authenticator()).provider("192.0.2.1").start(auth_type, level)
    assert context is not None
    return context


async def take(context: SecurityContext, token: bytes) -> Step:
    step = context.step(token)
    return step if isinstance(step, Continue | Established | Declined) else await step


async def open_with(
    auth_type: AuthType,
    level: AuthLevel,
    *,
    password: str = "secret",
    requirements: spnego.ContextReq = SEALED,
    server: RpcAuthenticator | None = None,
) -> tuple[SecurityContext, Step, TokenInitiator]:
    """A context opened by pyspnego's client: how its last leg was answered."""
    context = start(auth_type, level, server)
    client = TokenInitiator(
        PACKAGES[auth_type],
        r"LAB\alice",
        password,
        host="server.lab.test",
        service="host",
        requirements=requirements,
    )
    step = await take(context, client.step() or b"")
    while isinstance(step, Continue):
        step = await take(context, client.step(step.token) or b"")
    if isinstance(step, Established) and step.token:
        assert client.step(step.token) is None
    return context, step, client


async def open_crafted(client: CraftedClient, level: AuthLevel, server: RpcAuthenticator) -> Step:
    """A context opened by a client that sends what a test wants."""
    context = start(AuthType.NTLM, level, server)
    first = await take(context, client.negotiate())
    assert isinstance(first, Continue)
    return await take(context, client.authenticate(first.token))


@pytest.mark.parametrize("auth_type", list(PACKAGES))
@pytest.mark.parametrize("level", [CONNECT, PKT, SIGNS, SEALS])
async def test_callers_prove_who_they_are_at_every_level(auth_type: AuthType, level: AuthLevel) -> None:
    context, step, client = await open_with(auth_type, level)
    assert isinstance(step, Established)
    assert bool(step.token) == (auth_type is AuthType.NEGOTIATE)
    assert context.user == r"LAB\alice"
    if level is CONNECT:
        return
    theirs = SessionProtection(session_of(client.context, seals=True), level)
    for sender, receiver in (theirs, context), (context, theirs):
        body, token = sender.protect(PARTS, header_signing=True)
        assert len(token) == context.token_size
        came = Segments(PARTS.header, body, PARTS.trailer)
        assert receiver.verify(came, token, header_signing=True) == PARTS.body


class ByPrincipalName(MemoryAccounts):
    """Accounts of a domain in which a principal name was proven."""

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        proof = await super().verify_ntlm(claim)
        return proof and NtlmProof(replace(proof.identity, upn="alice@lab.test"), proof.session_base_key)


async def test_a_caller_is_called_by_the_principal_name_that_was_proven() -> None:
    """It need not be the name of the account, and leads to the entry of whoever has it."""
    accounts = ByPrincipalName({Identity("alice", "LAB"): "secret"})
    context, _, _ = await open_with(AuthType.NTLM, SIGNS, server=authenticator(accounts=accounts))
    assert context.user == "alice@lab.test"


@pytest.mark.parametrize("auth_type", list(PACKAGES))
async def test_wrong_passwords_are_declined(auth_type: AuthType) -> None:
    context, step, _ = await open_with(auth_type, SIGNS, password="wrong")
    assert isinstance(step, Declined)
    assert not step.too_weak
    assert context.user is None


@pytest.mark.parametrize("auth_type", list(PACKAGES))
async def test_privacy_needs_a_session_that_can_seal(auth_type: AuthType) -> None:
    context, step, _ = await open_with(auth_type, SEALS, requirements=SIGNED)
    assert isinstance(step, Declined)
    assert step.too_weak
    assert context.user is None


@pytest.mark.parametrize("level", [PKT, SIGNS])
async def test_integrity_without_signing_opens_and_then_verifies_nothing(level: AuthLevel) -> None:
    context, step, _ = await open_with(AuthType.NTLM, level, requirements=spnego.ContextReq.none)
    assert isinstance(step, Established)
    with pytest.raises(AuthenticationFailed, match="cannot sign"):
        context.verify(PARTS, b"\1" + bytes(15), header_signing=True)


def test_other_mechanisms_are_not_offered() -> None:
    provider = authenticator().provider("192.0.2.1")
    for auth_type in AuthType.KERBEROS, AuthType.NETLOGON, AuthType.NONE, AuthType(77):
        assert provider.start(auth_type, SIGNS) is None


async def test_nobody_may_open_a_context_and_has_no_user() -> None:
    context = start(AuthType.NTLM, SIGNS)
    first = await take(context, Negotiate(ASKED).encode())
    assert isinstance(first, Continue)
    nobody = Authenticate(Challenge.decode(first.token).flags, b"", b"", session_key=bytes(16))
    assert await take(context, nobody.encode()) == Established()
    assert context.user is None


async def test_nobody_may_be_shut_out() -> None:
    context = start(AuthType.NTLM, SIGNS, authenticator(anonymous=False))
    first = await take(context, Negotiate(ASKED).encode())
    assert isinstance(first, Continue)
    nobody = Authenticate(Challenge.decode(first.token).flags, b"", b"", session_key=bytes(16))
    assert isinstance(await take(context, nobody.encode()), Declined)


@pytest.mark.parametrize(
    ("mic", "level", "taken"),
    [
        (MicPolicy.BY_PROTECTION, SIGNS, True),
        (MicPolicy.BY_PROTECTION, CONNECT, True),
        (MicPolicy.IF_FLAGGED, CONNECT, True),
        (MicPolicy.REQUIRE, CONNECT, False),
        (MicPolicy.REQUIRE, SIGNS, False),
    ],
)
async def test_a_mic_is_asked_for_where_it_would_protect(
    mic: MicPolicy, level: AuthLevel, taken: bool
) -> None:
    step = await open_crafted(CraftedClient(mic=False), level, authenticator(mic=mic))
    assert isinstance(step, Established) == taken


async def test_tokens_of_ntlm_are_bounded() -> None:
    for size, taken in (NTLM_TOKEN_LIMIT, True), (NTLM_TOKEN_LIMIT + 1, False):
        token = Negotiate(ASKED).encode()
        step = await take(start(AuthType.NTLM, SIGNS), token + bytes(size - len(token)))
        assert isinstance(step, Continue) == taken


@pytest.mark.parametrize("auth_type", list(PACKAGES))
@pytest.mark.parametrize("token", [b"", b"NTLMSSP\0", bytes(100), b"\xa1\x07"])
async def test_tokens_that_are_none_are_declined(auth_type: AuthType, token: bytes) -> None:
    assert isinstance(await take(start(auth_type, SIGNS), token), Declined)


def test_nothing_is_protected_before_the_last_leg() -> None:
    context = start(AuthType.NTLM, SIGNS)
    with pytest.raises(AuthenticationFailed, match="not established"):
        context.protect(PARTS, header_signing=True)
    with pytest.raises(AuthenticationFailed, match="not established"):
        context.verify(PARTS, b"", header_signing=True)
    with pytest.raises(AuthenticationFailed, match="not established"):
        _ = context.token_size


async def test_guessing_is_slowed_down_by_where_it_comes_from() -> None:
    limits = ThrottleLimits(per_account_and_source=2)
    server = authenticator(throttle=Throttle(limits))
    for password in "one", "two", "secret":
        _, step, _ = await open_with(AuthType.NTLM, SIGNS, password=password, server=server)
        assert isinstance(step, Declined)
    assert "Throttle" in cast(Declined, step).why
    elsewhere = server.provider("198.51.100.1").start(AuthType.NTLM, SIGNS)
    assert elsewhere is not None
    client = CraftedClient()
    first = await take(elsewhere, client.negotiate())
    assert isinstance(first, Continue)
    assert await take(elsewhere, client.authenticate(first.token)) == Established()


class Away:
    """Accounts that cannot be asked."""

    async def verify_password(self, name: str, password: str) -> None:
        raise TransportError("the directory does not answer")

    async def verify_ntlm(self, claim: object) -> None:
        raise TransportError("the directory does not answer")


async def test_accounts_that_cannot_be_asked_let_nobody_in() -> None:
    step = await open_crafted(CraftedClient(), SIGNS, authenticator(accounts=Away()))
    assert isinstance(step, Declined)
    assert "does not answer" in step.why


async def test_the_log_tells_who_came_and_never_a_token() -> None:
    with capture_logs() as lines:
        await open_with(AuthType.NEGOTIATE, SEALS)
        await open_with(AuthType.NTLM, SIGNS, password="wrong")
        await open_with(AuthType.NTLM, SEALS, requirements=SIGNED)
    came, refused, weak = lines
    assert (came["event"], came["user"], came["protection"]) == ("authenticated", r"LAB\alice", "PKT_PRIVACY")
    assert (refused["event"], refused["rule"]) == ("authentication failed", "WrongCredentials")
    assert (weak["event"], weak["rule"]) == ("authentication failed", "Privacy")
    assert {(line["layer"], line["client"]) for line in lines} == {("RPC", "192.0.2.1")}
    assert "NTLMSSP" not in str(lines)


def test_without_md5_there_is_no_ntlm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "why_unavailable", lambda: "no MD5 here")
    with pytest.raises(ConfigError, match="no MD5 here"):
        authenticator()


class NoTicket:
    """Refuses every ticket, and says how the session was to be used."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def begin(self, binding: ChannelBinding | None, *, seals: bool, remember: bool) -> TicketExchange:
        self.asked.append(seals)
        raise TicketRefused("not this one")


@pytest.mark.parametrize(("level", "seals"), [(CONNECT, False), (SIGNS, False), (SEALS, True)])
async def test_kerberos_is_taken_bare_and_within_negotiate_where_it_is_on(
    level: AuthLevel, seals: bool
) -> None:
    assert authenticator().provider("192.0.2.1").start(AuthType.KERBEROS, level) is None
    tickets = NoTicket()
    realms = KerberosSettings(tickets, {"LAB.EXAMPLE": "LAB"})
    server = RpcAuthenticator(ACCOUNTS, ntlm=SETTINGS, kerberos=realms)
    first = NegTokenInit((KERBEROS, NTLM), b"AP-REQ").encode()
    for auth_type, token in (AuthType.KERBEROS, b"AP-REQ"), (AuthType.NEGOTIATE, first):
        step = await take(start(auth_type, level, server), token)
        assert step == Declined("Kerberos: not this one")
    assert tickets.asked == [seals, seals]
