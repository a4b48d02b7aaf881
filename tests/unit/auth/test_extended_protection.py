"""Extended protection, by its whole table."""

from __future__ import annotations

import pytest

from rpch.auth.channel_binding import PLAIN, Channel, ChannelBinding
from rpch.auth.extended_protection import BindingState, ExtendedProtection, NameState, ProtectionMode
from rpch.auth.outcomes import AuthRule

OURS, FRONT, OTHER = (ChannelBinding.of_hash(bytes([n]) * 32) for n in (1, 2, 3))
TLS = Channel(tls=True, bindings=(OURS,))
HOSTS = ("Mail.Example.test", "localhost", "[::1]")
GOOD, BAD = "HTTP/mail.example.test", "HTTP/other.example.test"
ABSENT, ZERO = None, bytes(16)
MATCH, MISMATCH = OURS.digest, OTHER.digest
BINDING, NO_BINDING, NAME = AuthRule.CHANNEL_BINDING, AuthRule.NO_CHANNEL_BINDING, AuthRule.TARGET_NAME

# mode, switches, channel, what is sent about the certificate: the rule that refuses when no name, our name,
# or another's is sent with it.
TABLE = [
    ("None", "", TLS, MISMATCH, None, None, None),
    ("None", "", PLAIN, MISMATCH, None, None, None),
    ("Allow", "", TLS, ABSENT, None, None, NAME),
    ("Allow", "", TLS, ZERO, None, None, NAME),
    ("Allow", "", TLS, MATCH, None, None, None),
    ("Allow", "", TLS, MISMATCH, BINDING, BINDING, BINDING),
    ("Allow", "strict", TLS, ABSENT, None, None, NAME),
    ("Allow", "strict", TLS, ZERO, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Allow", "strict", TLS, MATCH, None, None, None),
    ("Allow", "strict", TLS, MISMATCH, BINDING, BINDING, BINDING),
    ("Require", "", TLS, ABSENT, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Require", "", TLS, ZERO, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Require", "", TLS, MATCH, None, None, None),
    ("Require", "", TLS, MISMATCH, BINDING, BINDING, BINDING),
    ("Require", "proxy_cohosting", TLS, ABSENT, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Allow", "", PLAIN, ABSENT, None, None, NAME),
    ("Allow", "", PLAIN, ZERO, None, None, NAME),
    ("Allow", "strict", PLAIN, ZERO, None, None, NAME),
    ("Allow", "", PLAIN, MISMATCH, BINDING, BINDING, BINDING),
    ("Require", "", PLAIN, ABSENT, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Require", "", PLAIN, MISMATCH, BINDING, BINDING, BINDING),
    ("Require", "proxy_cohosting", PLAIN, ABSENT, NAME, None, NAME),
    ("Require", "proxy_cohosting", PLAIN, ZERO, NAME, None, NAME),
    ("Require", "proxy_cohosting", PLAIN, MISMATCH, BINDING, BINDING, BINDING),
    ("Allow", "proxy", PLAIN, ABSENT, None, None, NAME),
    ("Allow", "proxy", PLAIN, MISMATCH, NAME, None, NAME),
    ("Require", "proxy", PLAIN, ABSENT, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Require", "proxy", PLAIN, ZERO, NO_BINDING, NO_BINDING, NO_BINDING),
    ("Require", "proxy", PLAIN, MISMATCH, NAME, None, NAME),
    ("Require", "proxy", TLS, MATCH, None, None, None),
    ("Require", "proxy", TLS, MISMATCH, NAME, None, NAME),
    ("Allow", "proxy proxy_cohosting", PLAIN, ABSENT, None, None, NAME),
    ("Require", "proxy proxy_cohosting", PLAIN, ABSENT, NAME, None, NAME),
    ("Require", "proxy proxy_cohosting", PLAIN, MISMATCH, NAME, None, NAME),
    ("Require", "proxy no_service_name_check", PLAIN, MISMATCH, None, None, None),
    ("Allow", "no_service_name_check", TLS, ABSENT, None, None, None),
]


@pytest.mark.parametrize(("mode", "switches", "channel", "sent", "unnamed", "ours", "others"), TABLE)
def test_the_whole_table(
    mode: str,
    switches: str,
    channel: Channel,
    sent: bytes | None,
    unnamed: str | None,
    ours: str | None,
    others: str | None,
) -> None:
    set_ = switches.split()
    protection = ExtendedProtection(
        mode=ProtectionMode(mode),
        hosts=HOSTS,
        strict="strict" in set_,
        proxy="proxy" in set_,
        proxy_cohosting="proxy_cohosting" in set_,
        no_service_name_check="no_service_name_check" in set_,
    )
    for target_name, expected in (("", unnamed), (GOOD, ours), (BAD, others)):
        _, failure = protection.judge(channel, sent, target_name)
        assert (failure.rule if failure else None) == expected, target_name


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (ABSENT, BindingState.ABSENT),
        (ZERO, BindingState.ZERO),
        (OURS.digest, BindingState.MATCH),
        (FRONT.digest, BindingState.MATCH),
        (OTHER.digest, BindingState.MISMATCH),
        (OURS.digest[:-1], BindingState.MISMATCH),
        (b"", BindingState.MISMATCH),
    ],
)
def test_known_fronts_count_as_ours(sent: bytes | None, state: BindingState) -> None:
    assert ExtendedProtection(fronts=(FRONT,)).judge(TLS, sent, "")[0] is state


def test_nothing_is_looked_at_when_switched_off() -> None:
    off = ExtendedProtection(mode=ProtectionMode.NONE)
    assert off.judge(TLS, OURS.digest, GOOD) == (BindingState.NOT_CHECKED, None)


def test_require_is_the_default() -> None:
    assert ExtendedProtection().mode is ProtectionMode.REQUIRE


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("", NameState.ABSENT),
        ("HTTP/mail.example.test", NameState.MATCH),
        ("http/MAIL.EXAMPLE.TEST", NameState.MATCH),
        ("HTTP/mail.example.test.", NameState.MATCH),
        ("HTTP/mail.example.test:443", NameState.MATCH),
        ("HTTP/mail.example.test:8443", NameState.OTHER),
        ("HTTP/mail.example.test:", NameState.MATCH),
        ("HTTP/mail.example.test/REALM", NameState.MATCH),
        ("HTTP/other.example.test", NameState.OTHER),
        ("HTTP/mail.example.test.evil.test", NameState.OTHER),
        ("host/mail.example.test", NameState.OTHER),
        ("cifs/mail.example.test", NameState.OTHER),
        ("mail.example.test", NameState.OTHER),
        ("HTTP/localhost", NameState.OTHER),
        ("HTTP/[::1]:443", NameState.MATCH),
        ("HTTP/", NameState.OTHER),
        ("www/legacy", NameState.MATCH),
    ],
)
def test_names_under_which_we_are_known(name: str, state: NameState) -> None:
    assert ExtendedProtection(hosts=HOSTS, service_names=("WWW/legacy",)).name_state(name) is state


def test_a_name_without_a_dot_needs_a_switch() -> None:
    dotless = ExtendedProtection(hosts=HOSTS, allow_dotless_names=True)
    assert dotless.name_state("HTTP/localhost") is NameState.MATCH


def test_a_failure_says_what_was_wanted() -> None:
    _, failure = ExtendedProtection(mode=ProtectionMode.ALLOW, hosts=HOSTS).judge(PLAIN, None, BAD)
    assert str(failure).startswith(f"TargetName: meant for '{BAD}': relayed or misdirected; ")
    assert "service-name" in str(failure)


@pytest.mark.parametrize(("channel", "sent"), [(TLS, ABSENT), (TLS, ZERO), (PLAIN, ABSENT)])
def test_a_name_that_may_be_missing_is_ours_by_its_host(channel: Channel, sent: bytes | None) -> None:
    allow = ExtendedProtection(mode=ProtectionMode.ALLOW, hosts=HOSTS)
    assert allow.judge(channel, sent, "cifs/mail.example.test")[1] is None
    for name in ("cifs/other.example.test", "cifs/", "cifs", "mail.example.test", "cifs/localhost"):
        _, failure = allow.judge(channel, sent, name)
        assert failure is not None
        assert failure.rule == AuthRule.TARGET_NAME


def test_a_name_that_must_be_there_is_wholly_ours() -> None:
    behind_front = ExtendedProtection(hosts=HOSTS, proxy_cohosting=True)
    assert behind_front.judge(PLAIN, ABSENT, GOOD)[1] is None
    _, failure = behind_front.judge(PLAIN, ABSENT, "cifs/mail.example.test")
    assert failure is not None
    assert failure.rule == AuthRule.TARGET_NAME


@pytest.mark.parametrize(
    "protection",
    [
        ExtendedProtection(),
        ExtendedProtection(proxy=True),
        ExtendedProtection(ProtectionMode.ALLOW, strict=True),
    ],
)
def test_who_sends_no_binding_is_refused_with_the_cure(protection: ExtendedProtection) -> None:
    _, failure = protection.judge(TLS, ZERO, GOOD)
    assert failure is not None
    assert "extended-protection" in failure.detail
