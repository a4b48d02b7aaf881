r"""What people write for Windows' rpcping means the same here."""

from uuid import UUID

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.principals import Principal
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.pdus import AuthLevel, AuthType, SyntaxId
from rpch.errors import ConfigError
from rpch.probe.rpcping import (
    compose_binding,
    parse_identity,
    parse_level,
    parse_package,
    parse_scheme,
    parse_wanted_interface,
    principal_of,
    uses_tls,
    with_http_proxy,
)

UUID_TEXT = "1544f5e0-613c-11d1-93df-00c04fd7bd09"


def never(name: str) -> str:
    raise AssertionError(f"asked for the password of {name}")


@pytest.mark.parametrize(
    ("parts", "binding"),
    [
        (("ncacn_http", "ex01", "6001", ["RpcProxy=mail"], None), "ncacn_http:ex01[6001,RpcProxy=mail]"),
        ((None, "ex01", None, ["RpcProxy=mail"], None), "ncacn_http:ex01[RpcProxy=mail]"),
        ((None, "ex01", None, [], None), "ncacn_ip_tcp:ex01"),
        (("ncacn_ip_tcp", None, "1024", [], None), "ncacn_ip_tcp:localhost[1024]"),
        (
            ("ncacn_http", "ex01", None, ["RpcProxy=mail", "HttpProxy=squid:3128"], UUID_TEXT),
            f"{UUID_TEXT}@ncacn_http:ex01[RpcProxy=mail,HttpProxy=squid:3128]",
        ),
    ],
)
def test_the_parts_make_one_binding(
    parts: tuple[str | None, str | None, str | None, list[str], str | None], binding: str
) -> None:
    assert compose_binding(*parts) == StringBinding.parse(binding)


@pytest.mark.parametrize(
    ("text", "name", "password"),
    [
        ("alice,LAB,secret", r"LAB\alice", "secret"),
        ("alice,,secret", "alice", "secret"),
        ("alice,LAB,with,commas", r"LAB\alice", "with,commas"),
        ("alice,LAB,", r"LAB\alice", ""),
    ],
)
def test_an_identity_has_three_parts(text: str, name: str, password: str) -> None:
    assert parse_identity(text, "-P", never) == (name, password)


def test_a_star_asks_for_the_password() -> None:
    assert parse_identity("alice,LAB,*", "-P", lambda name: f"of {name}") == (r"LAB\alice", r"of LAB\alice")


@pytest.mark.parametrize("text", ["alice", "alice,LAB", ",LAB,secret", ""])
def test_an_identity_without_its_parts_is_refused_by_its_option(text: str) -> None:
    with pytest.raises(ConfigError, match=r"-A: is not user,domain,password"):
        parse_identity(text, "-A", never)


@pytest.mark.parametrize(
    ("text", "major", "minor"),
    [("", 1, 0), (",1", 1, 0), (",56.1", 56, 1), (",0.81", 0, 81), ("/v3.0", 3, 0)],
)
def test_an_interface_has_a_version(text: str, major: int, minor: int) -> None:
    assert parse_wanted_interface(UUID_TEXT + text) == SyntaxId(UUID(UUID_TEXT), major, minor)


@pytest.mark.parametrize("text", ["x", f"{UUID_TEXT},x", f"{UUID_TEXT},1.x", f"{UUID_TEXT},65536", ",1"])
def test_an_interface_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="-f"):
        parse_wanted_interface(text)


@pytest.mark.parametrize(
    ("text", "tls"),
    [("1", True), ("3", True), ("2", False), ("ssl", True), ("use_ssl,first", True), ("First", False)],
)
def test_flags_say_whether_there_is_tls(text: str, tls: bool) -> None:
    assert uses_tls(text) is tls


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(ConfigError, match="-F"):
        uses_tls("ssl,quick")


@pytest.mark.parametrize(
    ("text", "scheme"),
    [("1", Scheme.BASIC), ("Basic", Scheme.BASIC), ("2", Scheme.NTLM), ("negotiate", Scheme.NEGOTIATE)],
)
def test_a_scheme_has_a_name_or_a_number(text: str, scheme: Scheme) -> None:
    assert parse_scheme(text, "-H") is scheme


def test_several_schemes_leave_the_choice_open() -> None:
    assert parse_scheme("Basic, NTLM", "-H") is None
    with pytest.raises(ConfigError, match="-U: 'digest' is not known"):
        parse_scheme("Basic,Digest", "-U")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10", AuthType.NTLM),
        ("NTLM", AuthType.NTLM),
        ("9", AuthType.NEGOTIATE),
        ("snego", AuthType.NEGOTIATE),
        ("16", AuthType.KERBEROS),
        ("Kerberos", AuthType.KERBEROS),
    ],
)
def test_a_security_package_has_a_name_or_a_number(text: str, found: AuthType) -> None:
    assert parse_package(text) is found
    with pytest.raises(ConfigError, match="-u: '14' is not spoken here"):
        parse_package("14")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("connect", AuthLevel.CONNECT),
        ("call", AuthLevel.PKT),
        ("Pkt", AuthLevel.PKT),
        ("integrity", AuthLevel.PKT_INTEGRITY),
        ("privacy", AuthLevel.PKT_PRIVACY),
    ],
)
def test_a_level_has_a_name(text: str, found: AuthLevel) -> None:
    assert parse_level(text) is found
    with pytest.raises(ConfigError, match="-a: 'none' is no level; write connect, call"):
        parse_level("none")


def test_an_http_proxy_is_insisted_on_or_left_out() -> None:
    binding = StringBinding.parse("ncacn_http:ex01[RpcProxy=mail,HttpProxy=old:1]")
    found = with_http_proxy(binding, "squid:3128")
    assert (str(found.http_proxy), found.use_http_proxy) == ("squid:3128", True)
    for word in ("none", "Default"):
        assert with_http_proxy(binding, word) == StringBinding.parse("ncacn_http:ex01[RpcProxy=mail]")


@pytest.mark.parametrize("text", ["mail.lab.example", "msstd:mail.lab.example"])
def test_a_subject_is_a_principal(text: str) -> None:
    assert principal_of(text) == Principal.parse("msstd:mail.lab.example")


def test_a_principal_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="msstd"):
        principal_of("spn:mail")
