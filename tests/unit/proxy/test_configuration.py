"""What an administrator sets becomes a proxy, or a sentence that says what is wrong."""

import asyncio
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from rpch.auth.accounts import Identity
from rpch.auth.extended_protection import ExtendedProtection, NameState, ProtectionMode
from rpch.auth.ntlm.settings import MicPolicy
from rpch.auth.schemes import Scheme
from rpch.directory.opening import Directory
from rpch.errors import ConfigError
from rpch.http.answers import Framing
from rpch.http.heads import HeadLimits
from rpch.proxy.accounts import LdapSettings, StoredAccounts
from rpch.proxy.configuration import ProxyConfiguration
from rpch.vconn.settings import LIFETIME_MINIMUM
from rpch.vconn.silence import SilentClients
from tests.unit.auth.gss_library import GssLibrary


def configured(**given: Any) -> ProxyConfiguration:
    """Settings by their Python names."""
    return ProxyConfiguration(**given)


def test_everything_has_a_default_that_is_safe() -> None:
    settings = configured()
    policy = settings.policy()
    assert policy.require_tls
    assert not policy.allow_anonymous
    assert not policy.v1
    assert not policy.valid_ports
    assert not policy.plain_from_relays
    with pytest.raises(ConfigError, match="tls-cert"):
        settings.tls()


def test_plain_http_must_be_asked_for_and_contradicts_a_certificate() -> None:
    assert configured(no_tls=True).tls() is None
    with pytest.raises(ConfigError, match="no-tls: contradicts tls-cert"):
        configured(no_tls=True, tls_cert=Path("server.pem")).tls()


def test_a_certificate_makes_a_listener_with_tls(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("localhost")
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    settings = configured(tls_cert=certificate, tls_key=key)
    assert settings.tls() is not None
    assert len(settings.bindings()) == 1


def test_plain_http_trusts_loopback_and_the_relays_that_are_named() -> None:
    policy = configured(no_tls=True, trusted_relay=["10.0.0.0/8"]).policy()
    assert policy.arrival("127.0.0.1", tls=False).secure
    assert policy.arrival("10.1.2.3", tls=False).secure
    assert not policy.arrival("192.0.2.1", tls=False).secure


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"valid_ports": "ex01"}, "valid-ports"),
        ({"route": ["ex01"]}, "route"),
        ({"trusted_relay": ["everywhere"]}, "trusted-relay"),
        ({"target_network": ["10.0.0.1/8"]}, "target-network"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(given: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(**given).policy()
    assert setting in str(caught.value)


def test_sizes_and_times_go_to_the_machines() -> None:
    options = configured(channel_lifetime=LIFETIME_MINIMUM, chunked=True, connect_timeout=3.0).options()
    assert options.settings.channel_lifetime == LIFETIME_MINIMUM
    assert options.framing is Framing.CHUNKED
    assert options.connect_timeout == 3.0
    with pytest.raises(ConfigError, match="channel_lifetime"):
        configured(channel_lifetime=5).options()
    with pytest.raises(ConfigError, match="connection_timeout"):
        configured(connection_timeout=1.0).options()


def test_a_person_is_warned_of_what_is_dangerous_or_useless() -> None:
    warnings = " ".join(configured(no_tls=True, allow_anonymous=True).warnings())
    assert "no-tls" in warnings
    assert "allow_anonymous" in warnings
    assert "there is no account" in " ".join(configured().warnings())
    assert configured(user=[r"LAB\alice:pw"], valid_ports="ex01:6001").warnings() == []


async def test_accounts_come_from_the_user_lines() -> None:
    accounts = configured(user=[r"LAB\alice:pw"]).accounts()
    identity = await accounts.verify_password(r"lab\ALICE", "pw")
    assert str(identity) == r"LAB\alice"
    with pytest.raises(ConfigError, match="user"):
        configured(user=["alice"]).accounts()


def test_an_ldap_server_is_offered_for_basic_alone() -> None:
    ldap = LdapSettings(url="ldaps://ldap.lab.test", base="dc=lab")
    assert configured(ldap=ldap)._schemes() == (Scheme.BASIC,)
    assert Scheme.NTLM in configured(user=[r"LAB\alice:pw"])._schemes()
    with pytest.raises(ConfigError, match="proves passwords alone"):
        configured(ldap=ldap, auth=["NTLM", "Basic"])._schemes()


@pytest.mark.slow
async def test_accounts_in_a_database_are_looked_at_and_closed_before_anybody_listens(tmp_path: Path) -> None:
    settings = configured(no_tls=True, database=str(tmp_path / "a.sqlite3"), valid_ports="localhost:593")
    before = threading.active_count()
    settings.check()
    assert threading.active_count() == before
    with closing(Directory.open(str(tmp_path / "a.sqlite3"))) as directory:
        directory.store.add(Identity("alice", "LAB"), "pw")
    accounts = settings.accounts()
    authenticator = settings.authenticator(accounts)
    assert authenticator.ntlm is not None
    assert authenticator.ntlm.netbios_domain == "LAB"
    guarded = authenticator.accounts_for("192.0.2.1")
    assert await guarded.verify_password("alice", "pw") == Identity("alice", "LAB")
    assert "no account" not in " ".join(settings.warnings())
    assert isinstance(accounts, StoredAccounts)
    accounts.close()


async def test_the_proxy_that_follows_has_these_rules_and_no_channels() -> None:
    settings = configured(no_tls=True, user=[r"LAB\alice:pw"], valid_ports="localhost:593")
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        assert repr(proxy.policy.valid_ports) == repr(settings.policy().valid_ports)
        assert proxy.options == settings.options()
        assert not proxy.drivers


def test_a_file_uses_the_names_of_the_command_line_and_no_others() -> None:
    read = msgspec.convert({"valid-ports": "a:1", "no-tls": True}, ProxyConfiguration)
    assert read == configured(valid_ports="a:1", no_tls=True)
    with pytest.raises(msgspec.ValidationError, match="valid_ports"):
        msgspec.convert({"valid_ports": "a:1"}, ProxyConfiguration)


@pytest.mark.parametrize(
    ("protection", "mic"),
    [
        ("require", MicPolicy.BY_PROTECTION),
        ("allow", MicPolicy.IF_FLAGGED),
        ("none", MicPolicy.IF_FLAGGED),
    ],
)
def test_a_mic_is_asked_of_those_of_whom_a_binding_is_asked(protection: str, mic: MicPolicy) -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"], extended_protection=protection)
    authenticator = settings.authenticator(settings.accounts())
    assert authenticator.ntlm is not None
    assert authenticator.ntlm.mic is mic


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_bindings_that_cannot_be_had_behind_a_relay_are_refused_and_never_quietly_left_out(
    scheme: str,
) -> None:
    behind: dict[str, Any] = {
        "no_tls": True,
        "auth": [scheme],
        "trusted_relay": ["10.0.0.1"],
        "user": [r"LAB\alice:pw"],
    }
    required = ProxyConfiguration(**behind, extended_protection="require")
    with pytest.raises(ConfigError, match="extended-protection: require cannot hold where a relay ends TLS"):
        required.check()
    for other in (
        {"extended_protection": "allow"},
        {"extended_protection": "require", "extended_protection_flags": ["Proxy"]},
        {"extended_protection": "require", "auth": ["Basic"]},
        {},
    ):
        ProxyConfiguration(**{**behind, **other}).check()


def test_clients_may_have_meant_a_service_name_that_is_listed() -> None:
    settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"], service_name=["cifs/mail"])
    protection = settings.authenticator(settings.accounts()).protection
    assert protection.name_state("cifs/mail") is NameState.MATCH
    assert protection.name_state("cifs/other") is NameState.OTHER


def test_a_keytab_lets_tickets_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library = GssLibrary()
    monkeypatch.setitem(sys.modules, "gssapi", library)
    keytab = tmp_path / "services.keytab"
    keytab.write_bytes(b"\x05\x02")
    realms = {"LAB.EXAMPLE": "LAB"}
    settings = configured(no_tls=True, keytab=keytab, kerberos_realms=realms, kerberos_principal="HTTP/mail")
    authenticator = settings.authenticator(settings.accounts())
    assert authenticator.kerberos is not None
    assert authenticator.kerberos.identity_of("alice@LAB.EXAMPLE") == Identity("alice", "LAB")
    assert "no account" not in " ".join(settings.warnings())
    library.no_credentials = True
    with pytest.raises(ConfigError, match=r"keytab: .* has no key for HTTP/mail"):
        settings.check()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"keytab": Path("services.keytab")}, "kerberos-realms: is missing"),
        ({"kerberos_realms": {"LAB.EXAMPLE": "LAB"}}, "kerberos-realms: says nothing without"),
        ({"kerberos_principal": "HTTP/mail"}, "kerberos-principal: says nothing without"),
    ],
)
def test_kerberos_needs_a_keytab_and_realms(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        configured(no_tls=True, **given).check()


def test_limits_of_heads_are_settings() -> None:
    settings = msgspec.convert({"no-tls": True, "heads": {"size": 2000, "fields": 50}}, ProxyConfiguration)
    assert settings.options().heads == HeadLimits(size=2000, fields=50)


def test_offloading_may_be_said_apart_from_the_listener() -> None:
    assert ProxyConfiguration(no_tls=True).policy().plain_from_relays
    assert not ProxyConfiguration(no_tls=True, ssl_offloading=False).policy().plain_from_relays
    assert ProxyConfiguration(ssl_offloading=True).policy().plain_from_relays


def test_flags_say_how_names_are_checked_and_a_front_keeps_require() -> None:
    def protection(**given: Any) -> ExtendedProtection:
        settings = ProxyConfiguration(no_tls=True, user=[r"LAB\alice:pw"], **given)
        return settings.authenticator(settings.accounts()).protection

    assert protection().mode is ProtectionMode.ALLOW
    assert protection().allow_dotless_names
    assert not protection(extended_protection_flags=[]).allow_dotless_names
    fronted = protection(extended_protection_flags=["Proxy", "ProxyCoHosting", "NoServiceNameCheck"])
    assert fronted.mode is ProtectionMode.REQUIRE
    assert (fronted.proxy, fronted.proxy_cohosting, fronted.no_service_name_check) == (True, True, True)
    with pytest.raises(ConfigError, match="'everything' is no flag"):
        protection(extended_protection_flags=["Everything"])


def test_autodiscover_needs_people() -> None:
    with pytest.raises(ConfigError, match="name it with database"):
        ProxyConfiguration(no_tls=True, autodiscover=True).options()
    ProxyConfiguration(no_tls=True, autodiscover=True, database="x.sqlite3").options()


def test_silent_clients_are_judged_by_a_word_that_is_known() -> None:
    options = ProxyConfiguration(silent_clients="Release", silence_timeout=0.5).options()
    assert (options.settings.silent_clients, options.settings.silence_timeout) == (SilentClients.RELEASE, 0.5)
    with pytest.raises(ConfigError, match="none of wait, deduce, release") as refused:
        ProxyConfiguration(silent_clients="no").options()
    assert refused.value.setting == "silent-clients"
