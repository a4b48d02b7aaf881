"""Dangerous ways in: who comes without proof, without TLS, through whom, and with which certificates."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rpch.proxy.dangers.danger import Danger
from rpch.proxy.dangers.entry import entry_dangers
from tests.revocation_lists import DAY, START, Issuer
from tests.unit.proxy.safe_settings import PLAIN, safe

NOW = START + 10 * DAY
LOCAL = "127.0.0.1:443"
V1 = {**PLAIN, "v1": True, "allow_anonymous": True}
RELAYED = {"trusted_relay": ["10.0.0.1"], "extended_protection": "allow"}


def found(now: datetime = NOW, /, **changes: Any) -> list[Danger]:
    return list(entry_dangers(safe(**changes), now))


def pairs(**changes: Any) -> set[tuple[str, ...]]:
    return {danger.settings for danger in found(**changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {**PLAIN, "listen": LOCAL},
        {**PLAIN, "listen": LOCAL, "auth": ["Basic"]},
        {**RELAYED},
        {**RELAYED, **PLAIN, "listen": LOCAL},
        {"client_network": ["10.0.0.0/8"]},
        {"extended_protection": "allow"},
        {"extended_protection": "none", "auth": ["Basic"]},
        {"trusted_relay": ["10.0.0.1"], "auth": ["Basic"]},
    ],
)
def test_what_is_usual_is_not_dangerous(changes: dict[str, Any]) -> None:
    assert pairs(**changes) == set()


@pytest.mark.parametrize(
    ("changes", "pair"),
    [
        ({"allow_anonymous": True}, ("allow-anonymous", "listen")),
        ({"allow_anonymous": True, "listen": LOCAL}, ("allow-anonymous",)),
        ({"allow_anonymous": True, "listen": LOCAL, **RELAYED}, ("allow-anonymous", "trusted-relay")),
        ({"allow_anonymous": True, "user": ["a:b"]}, ("allow-anonymous", "user")),
        ({"allow_anonymous": True, "database": "postgresql://h/d"}, ("allow-anonymous", "database")),
        ({"allow_anonymous": True, "keytab": Path("k")}, ("allow-anonymous", "keytab")),
        ({"allow_anonymous": True, "user_targets": {"a": "b:1"}}, ("allow-anonymous", "user-targets")),
        ({"allow_anonymous": True, "group_targets": {"a": "b:1"}}, ("allow-anonymous", "group-targets")),
        ({**V1, "listen": LOCAL}, ("v1",)),
        (V1, ("v1", "listen")),
        (PLAIN, ("no-tls", "listen")),
        ({**PLAIN, **RELAYED}, ("no-tls", "listen", "trusted-relay")),
        ({**PLAIN, "auth": ["NTLM"]}, ("no-tls", "auth")),
        ({**PLAIN, "auth": ["Negotiate"]}, ("auth", "connection-affinity")),
        (
            {"internal_clients_require_ssl": False},
            ("internal-clients-require-ssl", "external-clients-require-ssl"),
        ),
        ({"ssl_offloading": True}, ("ssl-offloading", "tls-cert")),
        ({"ssl_offloading": True}, ("extended-protection", "ssl-offloading")),
        ({"trusted_relay": ["10.0.0.1"]}, ("extended-protection", "trusted-relay")),
        ({**PLAIN, "trusted_relay": ["10.0.0.1"]}, ("extended-protection", "trusted-relay")),
        ({"extended_protection": "none"}, ("extended-protection", "auth")),
        ({**RELAYED, "trusted_relay": ["10.0.0.0/23"]}, ("trusted-relay",)),
        ({**RELAYED, "trusted_relay": ["0.0.0.0/0"]}, ("trusted-relay",)),
        ({**RELAYED, "trusted_relay": ["2001:db8::/32"]}, ("trusted-relay",)),
        ({"client_network": ["::/0"]}, ("client-network",)),
    ],
)
def test_each_danger_is_found(changes: dict[str, Any], pair: tuple[str, ...]) -> None:
    assert pair in pairs(**changes)


def test_relays_that_keep_clients_apart_may_be_told_so() -> None:
    plain = pairs(**PLAIN, auth=["NTLM"], connection_affinity=True)
    assert ("auth", "connection-affinity") not in plain
    assert ("no-tls", "auth") in plain


def test_a_relay_of_everybody_is_called_so() -> None:
    (danger,) = found(**{**RELAYED, "trusted_relay": ["0.0.0.0/0"]})
    assert danger.what.startswith("everybody may claim")


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Any]:
    """A listener's certificate, its clients' authority, and a list of that."""
    issuer = Issuer("clients")
    ca, crl, server = (tmp_path / name for name in ("ca.pem", "list.crl", "server.pem"))
    ca.write_bytes(issuer.pem)
    crl.write_bytes(issuer.revoke(days=30).public_bytes(Encoding.DER))
    server.write_bytes(issuer.issue("proxy", names=["proxy.corp.example", "*.lab.example"]).public_bytes(PEM))
    return {"tls_cert": server, "tls_client_ca": ca, "client_crl": [crl], "client_certificate": "optional"}


PEM = Encoding.PEM


@pytest.mark.parametrize(
    ("days", "settings"),
    [
        (0, set()),
        (26, set()),
        (28, {("client-crl",)}),
        (31, {("client-crl",)}),
        (3644, {("client-crl",), ("tls-cert",)}),
        (3651, {("client-crl",), ("tls-cert",)}),
    ],
)
def test_what_ends_is_said_in_time(
    days: int, settings: set[tuple[str, ...]], certificates: dict[str, Any]
) -> None:
    dangers = found(START + timedelta(days), **certificates)
    assert {danger.settings for danger in dangers} == settings
    assert all(("ended on" if days in (31, 3651) else "end") in danger.what for danger in dangers)


def test_clients_certificates_for_nothing_are_said(certificates: dict[str, Any]) -> None:
    for_nothing = certificates | {"client_certificate": "none", "client_crl": []}
    assert pairs(**for_nothing) == {("tls-client-ca", "client-certificate")}


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("Proxy.corp.example", True),
        ("mail.lab.example", True),
        ("lab.example", False),
        ("a.b.lab.example", False),
        ("mail.corp.example", False),
    ],
)
def test_the_public_name_must_be_in_the_certificate(
    name: str, covered: bool, certificates: dict[str, Any]
) -> None:
    expected = set() if covered else {("public-name", "tls-cert")}
    assert pairs(**certificates, public_name=name) == expected
