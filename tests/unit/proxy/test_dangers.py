"""Dangerous settings and pairs of settings are found, and each finding says the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers import dangers

SAFE = {"listen": "0.0.0.0:443", "tls_cert": Path("cert.pem"), "valid_ports": "ex01.corp.example:6001-6004"}


def found(**settings: object) -> set[tuple[str, ...]]:
    return {danger.settings for danger in dangers(ProxyConfiguration(**{**SAFE, **settings}))}  # type: ignore[arg-type]


def test_a_safe_configuration_has_none() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("settings", "pair"),
    [
        ({"allow_anonymous": True}, ("allow-anonymous", "listen")),
        ({"no_tls": True, "tls_cert": None}, ("no-tls", "listen")),
        ({"trusted_relay": ["10.0.0.1"]}, ("extended-protection", "trusted-relay")),
        ({"extended_protection": "none"}, ("extended-protection", "auth")),
        ({"no_tls": True, "tls_cert": None, "auth": ["NTLM"]}, ("no-tls", "auth")),
        ({"no_tls": True, "tls_cert": None, "auth": ["Negotiate"]}, ("auth", "connection-affinity")),
        ({"trusted_relay": ["10.0.0.0/8"], "extended_protection": "allow"}, ("trusted-relay",)),
        ({"wildcards": True, "valid_ports": "data*:593"}, ("wildcards", "valid-ports")),
        ({"valid_ports": "ex01:1-65535"}, ("valid-ports",)),
        ({"valid_ports": ""}, ("valid-ports",)),
        ({"ssl_offloading": True}, ("ssl-offloading", "tls-cert")),
        (
            {"internal_clients_require_ssl": False},
            ("internal-clients-require-ssl", "external-clients-require-ssl"),
        ),
        ({"target_network": ["127.0.0.0/8"]}, ("target-network",)),
        ({"target_network": ["0.0.0.0/0"]}, ("target-network",)),
        (
            {"v1": True, "no_tls": True, "tls_cert": None, "allow_anonymous": True, "listen": "127.0.0.1:80"},
            ("v1",),
        ),
    ],
)
def test_each_danger_is_found(settings: dict[str, object], pair: tuple[str, ...]) -> None:
    assert pair in found(**settings)


def test_ntlm_behind_a_relay_that_is_allowed_to_end_tls_is_no_pair() -> None:
    pairs = found(trusted_relay=["10.0.0.1"], extended_protection="allow")
    assert ("extended-protection", "trusted-relay") not in pairs


def test_who_says_that_relays_share_no_connections_may_offer_ntlm() -> None:
    pairs = found(no_tls=True, tls_cert=None, auth=["NTLM"], connection_affinity=True)
    assert ("auth", "connection-affinity") not in pairs


def test_files_with_secrets_must_be_private(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text("")
    file.chmod(0o644)
    settings = ProxyConfiguration(**{**SAFE, "user": [r"LAB\alice:pw"]})  # type: ignore[arg-type]
    assert ("user",) in {danger.settings for danger in dangers(settings, file)}
    file.chmod(0o600)
    assert ("user",) not in {danger.settings for danger in dangers(settings, file)}


def test_a_database_must_be_private(tmp_path: Path) -> None:
    file, config = tmp_path / "a.sqlite3", tmp_path / "proxy.toml"
    for each in (file, config):
        each.touch()
        each.chmod(0o644)
    for url, told in ((f"sqlite:///{file}", file), (str(file), file), ("postgresql://db/rpch", config)):
        settings = ProxyConfiguration(**{**SAFE, "user": [], "database": url})  # type: ignore[arg-type]
        (danger,) = [danger for danger in dangers(settings, config) if danger.settings == ("database",)]
        assert danger.cure == f"chmod 600 {told}"


def test_a_danger_prints_what_and_cure() -> None:
    danger = next(iter(dangers(ProxyConfiguration(**{**SAFE, "valid_ports": ""}))))  # type: ignore[arg-type]
    assert str(danger) == "valid-ports: is empty: every target is refused; list servers as host:port"
