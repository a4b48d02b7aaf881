"""HTTP authentication by connection."""

from __future__ import annotations

import asyncio

import pytest
import spnego
from spnego.channel_bindings import GssChannelBindings

import rpch.auth.http_authenticator as module
from rpch.auth.accounts import Identity, MemoryAccounts, NtlmProof, Standing
from rpch.auth.basic import BasicCredentials
from rpch.auth.channel_binding import Channel, ChannelBinding
from rpch.auth.http_authenticator import HttpAuthenticator, HttpAuthSession
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.keytab import TicketExchange, TicketRefused
from rpch.auth.ntlm.av_pairs import AvId
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.outcomes import Authenticated, AuthRule, Challenge, Refused
from rpch.auth.schemes import Scheme, read_authorization, with_token
from rpch.auth.spnego_tokens import KERBEROS, NTLM, NegState, NegTokenInit, NegTokenResp
from rpch.auth.throttle import Throttle, ThrottleLimits
from rpch.errors import AccessDenied, ConfigError, LocalProtocolError, TransportError
from tests.unit.auth.ntlm.crafted_client import CraftedClient

ALICE = Identity("alice", "LAB")
RIGHT = BasicCredentials("alice", "secret").encode()
WRONG = BasicCredentials("alice", "canary").encode()
LISTED = ["Negotiate", "NTLM", "Basic"]
ASK_BASIC = (("WWW-Authenticate", 'Basic realm="rpch", charset="UTF-8"'),)


class CountingAccounts(MemoryAccounts):
    """Accounts that count how often they were asked."""

    asked = 0

    async def verify_password(self, name: str, password: str) -> Identity | None:
        self.asked += 1
        return await super().verify_password(name, password)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def authenticator(
    *,
    schemes: tuple[Scheme, ...] = (Scheme.BASIC,),
    without_tls: tuple[Scheme, ...] = (),
    connection_affinity: bool = False,
    accounts: MemoryAccounts | None = None,
    throttle: Throttle | None = None,
) -> HttpAuthenticator:
    return HttpAuthenticator(
        accounts or CountingAccounts({ALICE: "secret"}),
        schemes=schemes,
        without_tls=without_tls,
        connection_affinity=connection_affinity,
        ntlm=NtlmSettings.standalone("mail.lab.test", domain="LAB"),
        throttle=throttle,
        clock=Clock(),
        wall_clock=Clock(),
    )


async def test_a_request_without_credentials_is_asked_for_them() -> None:
    session = authenticator().session()
    assert await session.step(None, secure=True) == Challenge(ASK_BASIC)


async def test_right_credentials_say_who_asks() -> None:
    session = authenticator().session()
    assert await session.step(RIGHT, secure=True) == Authenticated(ALICE)


async def test_basic_must_be_repeated_by_each_request() -> None:
    session = authenticator().session()
    await session.step(RIGHT, secure=True)
    assert session.recall(None, secure=True) is None
    assert await session.step(None, secure=True) == Challenge(ASK_BASIC)


async def test_verified_credentials_are_recalled_at_once_on_every_connection() -> None:
    listener = authenticator()
    assert listener.session().recall(RIGHT, secure=True) is None
    await listener.session().step(RIGHT, secure=True)
    assert listener.session().recall(RIGHT, secure=True) == Authenticated(ALICE)
    assert await listener.session().step(RIGHT, secure=True) == Authenticated(ALICE)
    assert isinstance(listener.accounts, CountingAccounts)
    assert listener.accounts.asked == 1


async def test_verified_credentials_are_verified_anew_after_a_minute() -> None:
    listener = authenticator()
    await listener.session().step(RIGHT, secure=True)
    assert isinstance(listener.clock, Clock)
    listener.clock.now = 60.0
    assert listener.session().recall(RIGHT, secure=True) is None


async def test_verified_credentials_do_not_help_without_tls() -> None:
    listener = authenticator()
    await listener.session().step(RIGHT, secure=True)
    assert listener.session().recall(RIGHT, secure=False) is None


@pytest.mark.parametrize(
    "authorization", [WRONG, "Basic !", "Basic", "Basic YWxpY2U=", "Digest x", "NTLM TlRMTQ=="]
)
async def test_every_failure_looks_alike_outside_and_the_third_closes(authorization: str) -> None:
    session = authenticator().session()
    for _ in range(2):
        outcome = await session.step(authorization, secure=True)
        assert isinstance(outcome, Challenge)
        assert outcome.headers == ASK_BASIC
        assert outcome.failure is not None
        assert "canary" not in str(outcome)
    last = await session.step(authorization, secure=True)
    assert isinstance(last, Refused)
    assert (last.status, last.headers) == (401, ASK_BASIC)
    assert "canary" not in str(last)


async def test_a_success_forgives_failures() -> None:
    session = authenticator().session()
    for authorization in (WRONG, WRONG, RIGHT, WRONG, WRONG):
        outcome = await session.step(authorization, secure=True)
        assert not isinstance(outcome, Refused)


async def test_credentials_in_clear_are_refused_unread() -> None:
    listener = authenticator(schemes=(Scheme.BASIC, Scheme.NTLM), without_tls=(Scheme.NTLM,))
    outcome = await listener.session().step(RIGHT, secure=False)
    assert outcome == Refused("CleartextCredentials", "Basic is refused without TLS", status=403)
    assert isinstance(listener.accounts, CountingAccounts)
    assert listener.accounts.asked == 0


async def test_without_tls_only_what_is_allowed_there_is_offered() -> None:
    listener = authenticator(schemes=tuple(Scheme), without_tls=(Scheme.NTLM,))
    assert await offered(listener.session(), secure=False) == ["NTLM"]
    outcome = await authenticator().session().step(None, secure=False)
    assert isinstance(outcome, Refused)
    assert (outcome.rule, outcome.status) == ("NothingOffered", 403)


async def test_basic_in_clear_works_where_the_listener_says_so() -> None:
    session = authenticator(without_tls=(Scheme.BASIC,)).session()
    assert await session.step(RIGHT, secure=False) == Authenticated(ALICE)


async def offered(session: HttpAuthSession, *, secure: bool = True) -> list[str]:
    outcome = await session.step(None, secure=secure)
    assert isinstance(outcome, Challenge)
    return [value.split(" ")[0] for name, value in outcome.headers if name == "WWW-Authenticate"]


async def test_schemes_are_offered_one_a_line_and_strongest_first() -> None:
    listener = authenticator(schemes=(Scheme.BASIC, Scheme.NTLM, Scheme.NEGOTIATE))
    assert await offered(listener.session()) == LISTED


async def test_through_a_relay_that_mixes_clients_only_basic_is_offered() -> None:
    listener = authenticator(schemes=tuple(Scheme))
    assert await offered(listener.session(relayed=True)) == ["Basic"]
    outcome = await listener.session(relayed=True).step("NTLM TlRM", secure=True)
    assert isinstance(outcome, Challenge)
    assert outcome.failure is not None
    assert outcome.failure.rule == AuthRule.SCHEME_NOT_OFFERED
    pinning = authenticator(schemes=tuple(Scheme), connection_affinity=True)
    assert await offered(pinning.session(relayed=True)) == LISTED


async def test_what_is_in_between_is_told_to_pin_connections() -> None:
    outcome = await authenticator(schemes=(Scheme.NTLM,)).session().step(None, secure=True)
    assert isinstance(outcome, Challenge)
    assert dict(outcome.headers) == {
        "WWW-Authenticate": "NTLM",
        "Proxy-Support": "Session-Based-Authentication",
    }


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "zoë", "a\nb"])
def test_a_realm_that_cannot_be_quoted_is_refused(realm: str) -> None:
    with pytest.raises(ConfigError, match="cannot be quoted"):
        HttpAuthenticator(MemoryAccounts({}), realm=realm)


BINDING = ChannelBinding.of_hash(bytes(32))
TLS = Channel(tls=True, bindings=(BINDING,))
BOUND = {AvId.CHANNEL_BINDINGS: BINDING.digest}
STAYS = ("Persistent-Auth", "true")


class Browser:
    """A client of HTTP with one connection, and NTLM of its own."""

    def __init__(self, session: HttpAuthSession, scheme: Scheme, client: CraftedClient | None = None) -> None:
        self.session, self.scheme = session, scheme
        self.client = client or CraftedClient(pairs=BOUND)

    async def send(self, token: bytes) -> Authenticated | Challenge | Refused:
        return await self.session.step(with_token(self.scheme, token), secure=True)

    async def begin(self, *, wrapped: bool = False) -> bytes:
        """The first leg: a 401 with one line, which holds the token."""
        token = self.client.negotiate()
        outcome = await self.send(NegTokenInit((NTLM,), token).encode() if wrapped else token)
        assert isinstance(outcome, Challenge), outcome
        assert outcome.failure is None
        ((name, value),) = outcome.headers
        scheme, answer = read_authorization(value)
        assert (name, scheme) == ("WWW-Authenticate", self.scheme)
        if wrapped:
            answer = NegTokenResp.decode(answer or b"").token
        return answer or b""

    async def finish(self, challenge: bytes, *, wrapped: bool = False) -> Authenticated | Challenge | Refused:
        token = self.client.authenticate(challenge)
        return await self.send(NegTokenResp(token=token).encode() if wrapped else token)

    async def authenticate(self) -> Authenticated | Challenge | Refused:
        return await self.finish(await self.begin())


def bound_session(listener: HttpAuthenticator | None = None) -> HttpAuthSession:
    return (listener or authenticator(schemes=tuple(Scheme))).session(channel=TLS)


def failed(outcome: Authenticated | Challenge | Refused) -> str:
    assert isinstance(outcome, Challenge), outcome
    assert [value.split(" ")[0] for _, value in outcome.headers] == [*LISTED, "Session-Based-Authentication"]
    assert outcome.failure is not None
    return outcome.failure.rule


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
async def test_two_legs_prove_the_connection(scheme: Scheme) -> None:
    session = bound_session()
    assert await Browser(session, scheme).authenticate() == Authenticated(ALICE, (STAYS,))
    assert session.recall(None, secure=True) == Authenticated(ALICE)
    assert await session.step(None, secure=True) == Authenticated(ALICE)
    assert session.established is not None
    assert session.established.mechanism == "NTLM"


async def test_spnego_ends_in_a_token_that_goes_with_any_answer() -> None:
    browser = Browser(bound_session(), Scheme.NEGOTIATE)
    outcome = await browser.finish(await browser.begin(wrapped=True), wrapped=True)
    completed = with_token(Scheme.NEGOTIATE, NegTokenResp(NegState.ACCEPT_COMPLETED).encode())
    assert outcome == Authenticated(ALICE, (("WWW-Authenticate", completed), STAYS))


async def test_another_connection_is_not_proven() -> None:
    listener = authenticator(schemes=tuple(Scheme))
    await Browser(bound_session(listener), Scheme.NTLM).authenticate()
    other = bound_session(listener)
    assert other.recall(None, secure=True) is None
    assert isinstance(await other.step(None, secure=True), Challenge)


async def test_an_exchange_does_not_go_on_elsewhere() -> None:
    browser = Browser(bound_session(), Scheme.NTLM)
    challenge = await browser.begin()
    browser.session = bound_session()
    outcome = await browser.finish(challenge)
    assert failed(outcome) == AuthRule.OUT_OF_SEQUENCE


async def test_an_exchange_ends_with_any_other_request() -> None:
    browser = Browser(bound_session(), Scheme.NTLM)
    challenge = await browser.begin()
    assert await offered(browser.session) == LISTED
    assert failed(await browser.finish(challenge)) == AuthRule.OUT_OF_SEQUENCE


async def test_an_exchange_goes_on_under_its_own_scheme() -> None:
    browser = Browser(bound_session(), Scheme.NTLM)
    challenge = await browser.begin()
    browser.scheme = Scheme.NEGOTIATE
    assert failed(await browser.finish(challenge)) == AuthRule.OUT_OF_SEQUENCE


async def test_a_first_token_begins_again() -> None:
    browser = Browser(bound_session(), Scheme.NTLM)
    stale = await browser.begin()
    fresh = await browser.begin()
    assert stale[24:32] != fresh[24:32]
    assert isinstance(await browser.finish(fresh), Authenticated)


@pytest.mark.parametrize(
    "authorization", ["NTLM TlRMTVNTUAABAAAAAgAAAA==", "NTLM x", "Basic YTpi", "Digest x", RIGHT]
)
async def test_new_credentials_end_the_old_identity_whatever_they_come_to(authorization: str) -> None:
    session = bound_session()
    await Browser(session, Scheme.NTLM).authenticate()
    await session.step(authorization, secure=True)
    assert session.identity is None
    assert session.established is None
    assert session.recall(None, secure=True) is None


async def test_recalled_basic_credentials_end_the_old_identity_too() -> None:
    listener = authenticator(schemes=tuple(Scheme))
    session = bound_session(listener)
    await Browser(session, Scheme.NTLM).authenticate()
    await listener.session().step(RIGHT, secure=True)
    assert session.recall(RIGHT, secure=True) == Authenticated(ALICE)
    assert session.recall(None, secure=True) is None


@pytest.mark.parametrize(
    ("scheme", "token"),
    [
        (Scheme.NTLM, NegTokenInit((NTLM,)).encode()),
        (Scheme.NTLM, b"NTLMSSP\0\2\0\0\0"),
        (Scheme.NEGOTIATE, b"NTLMSSP\0"),
        (Scheme.NEGOTIATE, b"\x6e\x01\x00"),
        (Scheme.NEGOTIATE, b"\x60\x01\x00"),
        (Scheme.NTLM, b"NTLMSSP\0\1\0\0\0"),
    ],
)
async def test_tokens_that_are_none_of_the_schemes_are_refused(scheme: Scheme, token: bytes) -> None:
    assert failed(await Browser(bound_session(), scheme).send(token)) == AuthRule.BAD_TOKEN


@pytest.mark.parametrize(
    ("client", "rule"),
    [
        (CraftedClient(password="canary", pairs=BOUND), AuthRule.WRONG_CREDENTIALS),
        (CraftedClient(), AuthRule.NO_CHANNEL_BINDING),
        (CraftedClient(pairs={AvId.CHANNEL_BINDINGS: b"\1" * 16}), AuthRule.CHANNEL_BINDING),
    ],
)
@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
async def test_refused_exchanges_look_alike_outside(scheme: Scheme, client: CraftedClient, rule: str) -> None:
    session = bound_session()
    outcome = await Browser(session, scheme, client).authenticate()
    assert failed(outcome) == rule
    assert "canary" not in str(outcome)
    assert session.recall(None, secure=True) is None


async def test_the_third_failure_closes() -> None:
    browser = Browser(bound_session(), Scheme.NTLM, CraftedClient(password="wrong", pairs=BOUND))
    assert failed(await browser.authenticate())
    assert failed(await browser.authenticate())
    assert isinstance(await browser.authenticate(), Refused)


async def test_a_challenge_that_is_too_old_is_refused() -> None:
    listener = authenticator(schemes=tuple(Scheme))
    browser = Browser(bound_session(listener), Scheme.NTLM)
    challenge = await browser.begin()
    assert isinstance(listener.wall_clock, Clock)
    listener.wall_clock.now = 120.0
    assert failed(await browser.finish(challenge)) == AuthRule.CHALLENGE_EXPIRED


class BrokenAccounts(MemoryAccounts):
    """Accounts that cannot answer."""

    def __init__(self, error: Exception) -> None:
        super().__init__({})
        self.error = error

    async def verify_password(self, name: str, password: str) -> Identity | None:
        raise self.error

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        raise self.error


async def test_accounts_that_are_away_are_no_reason_to_ask_again() -> None:
    accounts = BrokenAccounts(TransportError("the directory is away"))
    listener = authenticator(schemes=tuple(Scheme), accounts=accounts)
    expected = Refused(AuthRule.UNAVAILABLE, "the directory is away", status=503)
    assert await bound_session(listener).step(RIGHT, secure=True) == expected
    assert await Browser(bound_session(listener), Scheme.NTLM).authenticate() == expected


async def test_a_rule_of_the_accounts_is_named() -> None:
    accounts = BrokenAccounts(AccessDenied("Disabled", "left in May"))
    listener = authenticator(schemes=tuple(Scheme), accounts=accounts)
    assert failed(await bound_session(listener).step(RIGHT, secure=True)) == "Disabled"
    assert failed(await Browser(bound_session(listener), Scheme.NTLM).authenticate()) == "Disabled"


@pytest.mark.parametrize("peer", ["192.0.2.1", "192.0.2.200"])
async def test_guessing_is_slowed_down_by_source(peer: str) -> None:
    throttle = Throttle(ThrottleLimits(per_account_and_source=2))
    listener = authenticator(schemes=tuple(Scheme), throttle=throttle)
    for password in ("one", "two"):
        guess = BasicCredentials("alice", password).encode()
        outcome = await listener.session(peer="192.0.2.1", channel=TLS).step(guess, secure=True)
        assert failed(outcome) == AuthRule.WRONG_CREDENTIALS
    near = listener.session(peer=peer, channel=TLS)
    assert failed(await near.step(RIGHT, secure=True)) == AuthRule.THROTTLE
    assert failed(await Browser(near, Scheme.NTLM).authenticate()) == AuthRule.THROTTLE
    far = listener.session(peer="198.51.100.1", channel=TLS)
    assert await far.step(RIGHT, secure=True) == Authenticated(ALICE)


async def test_guessing_through_a_relay_is_counted_by_its_client() -> None:
    throttle = Throttle(ThrottleLimits(per_account_and_source=1))
    session = authenticator(throttle=throttle).session(peer="10.0.0.1", relayed=True)
    await session.step(WRONG, secure=True, client="192.0.2.1")
    near = await session.step(RIGHT, secure=True, client="192.0.2.1")
    assert isinstance(near, Challenge)
    assert await session.step(RIGHT, secure=True, client="198.51.100.1") == Authenticated(ALICE)


async def test_what_one_client_of_a_relay_has_proven_is_nobody_elses() -> None:
    session = bound_session()
    await session.step(None, secure=True, client="192.0.2.1")
    await Browser(session, Scheme.NTLM).authenticate()
    assert session.recall(None, secure=True, client="192.0.2.1") == Authenticated(ALICE)
    assert session.recall(None, secure=True, client="192.0.2.2") is None
    assert isinstance(await session.step(None, secure=True, client="192.0.2.2"), Challenge)
    assert session.recall(None, secure=True, client="192.0.2.1") is None


async def test_an_exchange_is_gone_on_with_by_whoever_began_it() -> None:
    browser = Browser(bound_session(), Scheme.NTLM)
    challenge = await browser.begin()
    last = with_token(Scheme.NTLM, browser.client.authenticate(challenge))
    outcome = await browser.session.step(last, secure=True, client="192.0.2.2")
    assert failed(outcome) == AuthRule.OUT_OF_SEQUENCE


class SlowAccounts(MemoryAccounts):
    """Accounts that answer when they are told to."""

    def __init__(self) -> None:
        super().__init__({ALICE: "secret"})
        self.answer = asyncio.Event()

    async def verify_password(self, name: str, password: str) -> Identity | None:
        await self.answer.wait()
        return await super().verify_password(name, password)


async def test_a_connection_authenticates_one_request_at_a_time() -> None:
    accounts = SlowAccounts()
    session = authenticator(accounts=accounts).session()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(session.step(RIGHT, secure=True))
        await asyncio.sleep(0)
        with pytest.raises(LocalProtocolError, match="one request at a time"):
            await session.step(RIGHT, secure=True)
        accounts.answer.set()
    assert first.result() == Authenticated(ALICE)


def test_ntlm_needs_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="need NTLM's settings"):
        HttpAuthenticator(MemoryAccounts({}), schemes=(Scheme.NTLM,))
    monkeypatch.setattr(module, "why_unavailable", lambda: "no MD5 here")
    with pytest.raises(ConfigError, match="no MD5 here"):
        authenticator(schemes=(Scheme.NEGOTIATE,))


def test_there_is_no_exchange_without_ntlm() -> None:
    with pytest.raises(LocalProtocolError, match="NTLM is not set up"):
        HttpAuthenticator(MemoryAccounts({})).mechanism(Scheme.NTLM, MemoryAccounts({}), TLS)


async def test_where_nothing_may_be_used_nothing_is_asked_for() -> None:
    session = authenticator(schemes=(Scheme.NTLM,)).session(relayed=True)
    outcome = await session.step("NTLM TlRM", secure=True)
    assert isinstance(outcome, Refused)
    assert (outcome.rule, outcome.status) == (AuthRule.NOTHING_OFFERED, 403)


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
async def test_a_client_of_pyspnego(protocol: str) -> None:
    client = spnego.client(
        r"LAB\alice",
        "secret",
        hostname="mail.lab.test",
        service="HTTP",
        protocol=protocol,
        channel_bindings=GssChannelBindings(application_data=BINDING.application_data),
    )
    scheme = Scheme.NTLM if protocol == "ntlm" else Scheme.NEGOTIATE
    session, token = bound_session(), client.step()
    for _ in range(3):
        outcome = await session.step(with_token(scheme, token or b""), secure=True)
        answers = [value for name, value in outcome.headers if name == "WWW-Authenticate"]
        token = client.step(read_authorization(answers[0])[1]) if answers else None
        if isinstance(outcome, Authenticated):
            break
    assert isinstance(outcome, Authenticated)
    assert (outcome.identity, client.complete, token) == (ALICE, True, None)


class NoTicket:
    """Refuses every ticket."""

    def begin(self, binding: ChannelBinding | None, *, seals: bool, remember: bool) -> TicketExchange:
        raise TicketRefused("not this one")


async def test_kerberos_alone_is_enough_for_negotiate() -> None:
    realms = KerberosSettings(NoTicket(), {"LAB.EXAMPLE": "LAB"})
    listener = HttpAuthenticator(MemoryAccounts({}), schemes=(Scheme.NEGOTIATE,), kerberos=realms)
    for mechanism, rule in (KERBEROS, AuthRule.KERBEROS), (NTLM, AuthRule.SPNEGO_MECHANISM):
        token = NegTokenInit((mechanism,), b"a first token").encode()
        outcome = await listener.session().step(with_token(Scheme.NEGOTIATE, token), secure=True)
        assert isinstance(outcome, Challenge)
        assert outcome.failure is not None
        assert outcome.failure.rule == rule
    with pytest.raises(ConfigError, match="NTLM and Negotiate need"):
        HttpAuthenticator(MemoryAccounts({}), schemes=(Scheme.NTLM,), kerberos=realms)


class Register(MemoryAccounts):
    """Accounts of which it is known what became of them."""

    said: Standing | Exception = Standing.GOOD

    async def standing(self, identity: Identity) -> Standing:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.mark.parametrize(
    ("said", "rule", "status"),
    [
        (Standing.DISABLED, "AccountDisabled", 403),
        (Standing.LOCKED, "AccountLocked", 403),
        (Standing.UNKNOWN, "NoSuchAccount", 403),
        (TransportError("the database is away"), "AccountsUnavailable", 503),
    ],
)
@pytest.mark.parametrize("throttle", [None, Throttle()], ids=["", "throttled"])
async def test_a_certificate_does_not_help_an_account_that_may_not_be_used(
    said: Standing | Exception, rule: str, status: int, throttle: Throttle | None
) -> None:
    accounts = Register({ALICE: "secret"})
    listener = authenticator(accounts=accounts, throttle=throttle)
    assert await listener.vouched(ALICE, client="192.0.2.1") == Authenticated(ALICE)
    accounts.said = said
    outcome = await listener.vouched(ALICE, client="192.0.2.1")
    assert isinstance(outcome, Refused)
    assert (outcome.rule, outcome.status) == (rule, status)


async def test_a_certificate_does_not_help_where_too_many_passwords_were_guessed() -> None:
    listener = authenticator(throttle=Throttle(ThrottleLimits(per_account_and_source=1)))
    await listener.session(peer="192.0.2.1").step(WRONG, secure=True)
    outcome = await listener.vouched(ALICE, client="192.0.2.1")
    assert isinstance(outcome, Refused)
    assert (outcome.rule, outcome.status) == ("Throttle", 403)


async def test_accounts_that_cannot_say_who_is_disabled_let_nobody_in_by_certificate() -> None:
    class Silent:
        async def verify_password(self, name: str, password: str) -> Identity | None:
            raise AssertionError

        async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
            raise AssertionError

    outcome = await HttpAuthenticator(Silent()).vouched(ALICE, client="192.0.2.1")
    assert isinstance(outcome, Refused)
    assert (outcome.rule, outcome.status) == ("AccountsUnavailable", 503)
