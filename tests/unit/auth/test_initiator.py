"""The side that proves who it is, against our own accepting side."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest
import spnego

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.channel_binding import PLAIN, Channel, ChannelBinding
from rpch.auth.extended_protection import ExtendedProtection, ProtectionMode
from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.auth.initiator import HttpInitiator, Offer, Package, TokenInitiator, choose_scheme
from rpch.auth.ntlm import messages
from rpch.auth.ntlm.av_pairs import AvId, AvPairs
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.outcomes import Authenticated, AuthOutcome, Challenge
from rpch.auth.realms import Realms
from rpch.auth.schemes import Scheme
from rpch.errors import AuthenticationFailed, ConfigError, LocalProtocolError
from tests.unit.auth.gss_library import KrbLibrary, caches, library, without_extra

__all__ = ["caches", "library", "without_extra"]
LAB = Realms("LAB.TEST")

ALICE = Identity("alice", "LAB")
BINDING = ChannelBinding.of_hash(bytes(32))
TLS = Channel(tls=True, bindings=(BINDING,))
HOST = "mail.lab.test"
BOUND = [Scheme.NEGOTIATE, Scheme.NTLM]


def listener(mode: ProtectionMode = ProtectionMode.REQUIRE) -> HttpAuthenticator:
    return HttpAuthenticator(
        MemoryAccounts({ALICE: "secret"}),
        schemes=tuple(Scheme),
        ntlm=NtlmSettings.standalone(HOST, domain="LAB"),
        protection=ExtendedProtection(mode=mode, hosts=(HOST,)),
    )


def offers_of(outcome: AuthOutcome) -> list[Offer]:
    values = [value for name, value in outcome.headers if name == "WWW-Authenticate"]
    return [(name, token or None) for name, _, token in (value.partition(" ") for value in values)]


def initiator(
    scheme: Scheme, password: str = "secret", binding: ChannelBinding | None = BINDING
) -> HttpInitiator:
    return HttpInitiator(scheme, r"LAB\alice", password, host=HOST, binding=binding)


async def authenticate(
    client: HttpInitiator, channel: Channel = TLS, mode: ProtectionMode = ProtectionMode.REQUIRE
) -> AuthOutcome:
    session = listener(mode).session(channel=channel)
    outcome = await session.step(client.begin(), secure=True)
    for _ in range(3):
        if not isinstance(outcome, Challenge) or outcome.failure is not None:
            break
        outcome = await session.step(client.answer(offers_of(outcome)), secure=True)
    return outcome


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_every_scheme_lets_us_in(scheme: Scheme) -> None:
    client = initiator(scheme)
    outcome = await authenticate(client)
    assert isinstance(outcome, Authenticated)
    assert outcome.identity == ALICE
    client.finish(offers_of(outcome))
    assert client.connection_bound is (scheme is not Scheme.BASIC)


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_a_wrong_password_ends_in_a_plain_answer(scheme: Scheme) -> None:
    client = initiator(scheme, "canary")
    outcome = await authenticate(client)
    assert isinstance(outcome, Challenge)
    with pytest.raises(AuthenticationFailed, match=f"refused the credentials, by {scheme}") as caught:
        client.answer(offers_of(outcome))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("scheme", BOUND)
async def test_without_the_right_binding_we_are_not_let_in(scheme: Scheme) -> None:
    for binding in (None, ChannelBinding.of_hash(b"\1" * 32)):
        outcome = await authenticate(initiator(scheme, binding=binding))
        assert isinstance(outcome, Challenge)
        assert outcome.failure is not None


@pytest.mark.parametrize("scheme", BOUND)
async def test_our_target_name_is_the_host_we_want(scheme: Scheme) -> None:
    outcome = await authenticate(initiator(scheme, binding=None), PLAIN, ProtectionMode.ALLOW)
    assert isinstance(outcome, Authenticated)
    elsewhere = HttpInitiator(scheme, r"LAB\alice", "secret", host="other.lab.test")
    refused = await authenticate(elsewhere, PLAIN, ProtectionMode.ALLOW)
    assert isinstance(refused, Challenge)
    assert refused.failure is not None
    assert refused.failure.rule == "TargetName"


def test_a_time_beyond_all_calendars_ends_the_exchange() -> None:
    target_info = AvPairs(((int(AvId.TIMESTAMP), b"\xff" * 8),)).encode()
    flags = NtlmFlags.UNICODE | NtlmFlags.TARGET_INFO
    challenge = messages.Challenge(flags, bytes(8), b"", target_info).encode()
    client = initiator(Scheme.NTLM)
    client.begin()
    with pytest.raises(AuthenticationFailed):
        client.answer([("NTLM", base64.b64encode(challenge).decode())])


def test_basic_goes_with_every_request() -> None:
    client = initiator(Scheme.BASIC)
    assert client.begin() == client.begin() == "Basic TEFCXGFsaWNlOnNlY3JldA=="
    client.finish()


def test_an_exchange_begins_once() -> None:
    client = initiator(Scheme.NTLM)
    client.begin()
    with pytest.raises(LocalProtocolError, match="begins once"):
        client.begin()


@pytest.mark.parametrize("scheme", BOUND)
@pytest.mark.parametrize("token", ["TlRMTVNTUAACAAAA", "YIA=", "AAAA", "oQcwBaADCgEC"])
def test_tokens_that_make_no_sense_end_the_exchange(scheme: Scheme, token: str) -> None:
    client = initiator(scheme)
    client.begin()
    with pytest.raises(AuthenticationFailed):
        client.answer([(scheme, token)])


@pytest.mark.parametrize("token", ["!", "AAE\u00e9"])
def test_what_is_no_base64_ends_the_exchange(token: str) -> None:
    client = initiator(Scheme.NTLM)
    client.begin()
    with pytest.raises(AuthenticationFailed, match="no base64"):
        client.answer([("NTLM", token)])


def test_the_offers_of_other_schemes_are_passed_over() -> None:
    client = initiator(Scheme.NTLM)
    client.begin()
    with pytest.raises(AuthenticationFailed, match="refused the credentials"):
        client.answer([("Negotiate", "AAAA"), ("Basic", None), ("ntlm", None)])


async def test_more_legs_than_there_are_end_the_exchange() -> None:
    client = initiator(Scheme.NTLM)
    session = listener().session(channel=TLS)
    outcome = await session.step(client.begin(), secure=True)
    client.answer(offers_of(outcome))
    with pytest.raises(AuthenticationFailed):
        client.answer(offers_of(outcome))


def test_a_library_that_has_no_more_to_say_ends_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    client = initiator(Scheme.NTLM)
    client.begin()
    monkeypatch.setattr(TokenInitiator, "step", lambda _self, _token: None)
    with pytest.raises(AuthenticationFailed, match="wants more of NTLM than there is"):
        client.answer([("NTLM", "TlRM")])


@pytest.mark.parametrize(
    ("offered", "secure", "expected"),
    [
        (["Negotiate", "NTLM", "Basic"], True, Scheme.NEGOTIATE),
        (["basic", "ntlm"], True, Scheme.NTLM),
        (["Digest", "Basic"], True, Scheme.BASIC),
        (["NTLM", "Basic"], False, Scheme.NTLM),
    ],
)
def test_the_strongest_scheme_is_chosen(offered: list[str], secure: bool, expected: Scheme) -> None:
    assert choose_scheme(offered, secure=secure) is expected


def test_only_what_we_allow_is_chosen() -> None:
    assert choose_scheme(["NTLM", "Basic"], secure=True, allowed=(Scheme.BASIC,)) is Scheme.BASIC
    assert choose_scheme(["Basic"], secure=False, without_tls=(Scheme.BASIC,)) is Scheme.BASIC
    with pytest.raises(AuthenticationFailed, match="offers Basic; we allow Negotiate, NTLM, Basic on a"):
        choose_scheme(["Basic"], secure=False)
    with pytest.raises(AuthenticationFailed, match="the server offers nothing; we allow NTLM"):
        choose_scheme([], secure=True, allowed=(Scheme.NTLM,))


def refusing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(spnego, "client", refuse)


def test_what_cannot_be_used_here_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, spnego.exceptions.FeatureMissingError(spnego.NegotiateOptions.use_gssapi))
    with pytest.raises(AuthenticationFailed, match="NTLM cannot be used here"):
        TokenInitiator(Package.NTLM, "alice", "secret", host=HOST).step()


def test_a_kdc_s_refusal_is_told(caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, caches.Krb5Error("Preauthentication failed"))
    with pytest.raises(
        AuthenticationFailed, match=r"no ticket for this user and password \(Preauthentication failed\)"
    ):
        TokenInitiator(Package.KERBEROS, "alice", "secret", host=HOST, realms=LAB).step()


class Asked:
    """Stands for the library's context, and keeps what it was made with."""

    complete = False

    def __init__(self, credentials: list[spnego.Credential], **options: Any) -> None:
        self.credentials, self.options = credentials, options

    def step(self, token: bytes | None) -> bytes:
        return b"first"


def made(
    monkeypatch: pytest.MonkeyPatch, package: Package, user: str, password: str, realms: Realms = LAB
) -> Asked:
    """What the library is asked for."""
    found = list[Asked]()

    def client(credentials: list[spnego.Credential], **options: Any) -> Asked:
        found.append(Asked(credentials, **options))
        return found[0]

    monkeypatch.setattr(spnego, "client", client)
    tokens = TokenInitiator(package, user, password, host=HOST, service="host", realms=realms)
    assert found == []  # nothing blocks before the first step
    assert tokens.step() == tokens.step() == b"first"
    (asked,) = found
    return asked


NTLM_HASH = spnego.NTLMHash("alice", nt_hash="878d8014606cda29677a44efa1353fc7")  # of "secret"


def test_negotiate_offers_kerberos_to_users_of_a_realm(
    caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made(monkeypatch, Package.NEGOTIATE, "alice", "secret")
    assert asked.credentials == [NTLM_HASH, spnego.Password("alice@LAB.TEST", "secret")]
    assert (asked.options["hostname"], asked.options["service"]) == (HOST, "host")


def test_negotiate_is_ntlm_alone_where_no_realm_is_set_up(
    caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made(monkeypatch, Package.NEGOTIATE, "alice", "secret", Realms())
    assert asked.credentials == [NTLM_HASH]
    assert caches.asked == []


def test_kerberos_is_alone(caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = made(monkeypatch, Package.KERBEROS, "alice", "secret")
    assert asked.credentials == [spnego.Password("alice@LAB.TEST", "secret")]
    assert asked.options["protocol"] == "kerberos"


def test_negotiate_with_nobody_at_all_is_refused(caches: KrbLibrary) -> None:
    with pytest.raises(AuthenticationFailed, match="neither a user nor a ticket; sign in with kinit"):
        TokenInitiator(Package.NEGOTIATE, "", "", host=HOST, realms=LAB).step()


@pytest.mark.usefixtures("without_extra")
def test_kerberos_without_its_extra_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"install rpch\[kerberos\]"):
        TokenInitiator(Package.KERBEROS, "alice", "secret", host=HOST).step()


def test_what_may_wait_for_others_is_known() -> None:
    blocking = {one for one in Package if TokenInitiator(one, "alice", "secret", host=HOST).may_block}
    assert blocking == {Package.NEGOTIATE, Package.KERBEROS}
    assert [initiator(scheme).may_block for scheme in Scheme] == [True, False, False]


def test_there_is_no_context_before_the_exchange_is_complete() -> None:
    tokens = TokenInitiator(Package.NTLM, "alice", "secret", host=HOST)
    assert repr(tokens) == "TokenInitiator(NTLM)"
    with pytest.raises(LocalProtocolError, match="not complete"):
        _ = tokens.context
    tokens.step()
    with pytest.raises(LocalProtocolError, match="not complete"):
        _ = tokens.context


def test_passwords_are_not_shown_and_tokens_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client = HttpInitiator(Scheme.NTLM, "alice", "canary", host=HOST)
        client.begin()
    assert "canary" not in repr(client)
    assert repr(client) == "HttpInitiator(NTLM)"
    assert caplog.records == []
