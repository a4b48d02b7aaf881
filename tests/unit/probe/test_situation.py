"""An explanation names things as a person would."""

import ssl

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.credentials import Credentials
from rpch.client.security import RpcCredentials
from rpch.dcerpc.binding import StringBinding
from rpch.probe.situation import Situation
from rpch.probe.target import ping_target

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.parametrize(
    ("binding", "situation"),
    [
        (
            "ncacn_http:server[6001,RpcProxy=proxy:8443]",
            Situation("proxy", "proxy:8443", "server:593", "proxy:8443", tls=True, user="alice"),
        ),
        (
            "ncacn_http:server[RpcProxy=[::1\\]:8443]".replace("[::1", "\\[::1"),
            Situation("::1", "[::1]:8443", "server:593", "[::1]:8443", tls=True, user="alice"),
        ),
        (
            "ncacn_http:server[RpcProxy=proxy,HttpProxy=squid:3128,HttpConnectionOption=UseHttpProxy]",
            Situation("squid", "squid:3128", "server:593", "proxy:443", tls=True, user="alice"),
        ),
        ("ncacn_ip_tcp:server[1024]", Situation("server", "server:1024", "server:593")),
    ],
)
def test_who_is_where(binding: str, situation: Situation) -> None:
    target = ping_target(StringBinding.parse(binding), credentials=Credentials("alice", "secret"), tls=TLS)
    assert Situation.of(target, 593) == situation


def test_the_scheme_is_the_one_that_was_named_or_found_out() -> None:
    binding = StringBinding.parse("ncacn_http:server[RpcProxy=proxy]")
    named = ping_target(binding, credentials=Credentials("alice", "secret", Scheme.BASIC))
    assert Situation.of(named, 593).scheme is Scheme.BASIC
    found = ping_target(binding, credentials=Credentials("alice", "secret"))
    assert found.access is not None
    assert Situation.of(found, 593).scheme is None
    found.access.learned.scheme = Scheme.NTLM
    assert Situation.of(found, 593).scheme is Scheme.NTLM


def test_the_server_may_know_somebody_else() -> None:
    bob = RpcCredentials("bob", "secret")
    over_tcp = ping_target(StringBinding.parse("ncacn_ip_tcp:server[1024]"), caller=bob)
    assert Situation.of(over_tcp, 1024).caller == "bob"
    over_http = ping_target(StringBinding.parse("ncacn_http:server[RpcProxy=proxy]"), caller=bob)
    assert (Situation.of(over_http, 1024).user, Situation.of(over_http, 1024).caller) == (None, "bob")


def test_nobody_need_be_named_and_channels_may_have_passed() -> None:
    target = ping_target(StringBinding.parse("ncacn_http:server[RpcProxy=proxy]"))
    found = Situation.of(target, 6001, channels_pass=True)
    assert found == Situation("proxy", "proxy:80", "server:6001", "proxy:80", channels_pass=True)
