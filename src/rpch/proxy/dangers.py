"""What is dangerous in a configuration: single settings, and pairs that only together are.

Each finding says what can happen and what to write instead. `rpch policy check` fails on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

from rpch.errors import ConfigError
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.policy import LOOPBACK
from rpch.proxy.target_syntax import split_port

OTHERS_MAY_READ: Final = 0o077
WIDE_NETWORK: Final = 65_536  # addresses; a relay is a machine or a rack, not a country


@dataclass(frozen=True, slots=True)
class Danger:
    """One finding. `settings` are the ones that cause it together."""

    settings: tuple[str, ...]
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{' + '.join(self.settings)}: {self.what}; {self.cure}"


def dangers(configuration: ProxyConfiguration, file: Path | None = None) -> list[Danger]:
    """Everything that an administrator should not leave as it is."""
    return [*_ways_in(configuration), *_ways_out(configuration), *_secrets(configuration, file)]


def _ways_in(c: ProxyConfiguration) -> Iterator[Danger]:
    remote = not _is_loopback(c.listen)
    offers_ntlm = c.auth is None or any(name.lower() in ("ntlm", "negotiate") for name in c.auth)
    if c.allow_anonymous and remote:
        yield Danger(
            ("allow-anonymous", "listen"),
            "everybody who reaches the port reaches every target",
            "listen on loopback, or turn allow-anonymous off",
        )
    if c.no_tls and remote and not c.trusted_relay:
        yield Danger(
            ("no-tls", "listen"),
            "no client that is not on this machine will be served",
            "name the relay that ends TLS with trusted-relay, or give tls-cert and tls-key",
        )
    if c.trusted_relay and c.extended_protection.lower() == "require" and (c.no_tls or offers_ntlm):
        yield Danger(
            ("extended-protection", "trusted-relay"),
            "a relay that ends TLS shows clients its own certificate, so channel binding cannot hold",
            "let it pass TLS through or use the same certificate, or set extended-protection to allow",
        )
    if not c.no_tls and offers_ntlm and c.extended_protection.lower() == "none":
        yield Danger(
            ("extended-protection", "auth"),
            "NTLM that was meant for another server can be relayed to this one",
            "set extended-protection to require, or auth to Basic",
        )
    if c.no_tls and c.auth is not None and offers_ntlm:
        yield Danger(
            ("no-tls", "auth"),
            "NTLM without TLS can be relayed by whoever is on the way",
            "give the listener TLS, or leave NTLM and Negotiate out of auth",
        )
    if c.no_tls and c.auth is not None and offers_ntlm and not c.connection_affinity:
        yield Danger(
            ("auth", "connection-affinity"),
            "a relay that shares its connections would give one client's identity to another, so none of "
            "Negotiate and NTLM is offered",
            "set connection-affinity if the relay keeps each client on a connection of its own, or use Basic",
        )
    if not (c.internal_clients_require_ssl and c.external_clients_require_ssl):
        yield Danger(
            ("internal-clients-require-ssl", "external-clients-require-ssl"),
            "passwords and mail of those who come without TLS can be read on the way",
            "leave both as they are, true",
        )
    if c.ssl_offloading and not c.no_tls:
        yield Danger(
            ("ssl-offloading", "tls-cert"),
            "a listener with TLS gets nothing in plain HTTP, so this says nothing",
            "leave it out, or let relays end TLS before a listener with no-tls",
        )
    for relay in c.trusted_relay:
        if _size(relay) > WIDE_NETWORK:
            yield Danger(
                ("trusted-relay",),
                f"{relay} is a whole network that may claim any client address",
                "list the relays' own addresses",
            )


def _ways_out(c: ProxyConfiguration) -> Iterator[Danger]:
    for warning in c.policy().valid_ports.warnings:
        yield Danger(("valid-ports",), warning, "list exactly the servers and ports that are meant")
    if c.wildcards and "*" in c.valid_ports:
        yield Danger(
            ("wildcards", "valid-ports"),
            "a machine with an unexpected name may fit a wildcard",
            "list the names",
        )
    for network in c.target_network:
        if _overlaps_loopback(network):
            yield Danger(
                ("target-network",),
                f"{network} includes this machine, so its local services can be reached",
                "list the networks of the servers, and localhost in valid-ports where it is meant",
            )
    if not c.valid_ports:
        yield Danger(("valid-ports",), "is empty: every target is refused", "list servers as host:port")
    if c.v1:
        yield Danger(("v1",), "version 1 has neither TLS nor authentication", "turn it off")


def _secrets(c: ProxyConfiguration, file: Path | None) -> Iterator[Danger]:
    secret = {
        "user": file if c.user else None,
        "database": _database_file(c) or (file if c.database else None),
        "tls-key": c.tls_key,
        "ldap": c.ldap.bind_password_file if c.ldap else None,
    }
    for setting, one in secret.items():
        if one is not None and _others_read(one):
            yield Danger((setting,), f"{one} can be read by others than its owner", f"chmod 600 {one}")


def _database_file(c: ProxyConfiguration) -> Path | None:
    """The file that SQLite keeps accounts in; None for a server, whose URL may hold a password."""
    if c.database is None or c.database.startswith("postgresql"):
        return None
    return Path(c.database.removeprefix("sqlite:///"))


def _others_read(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & OTHERS_MAY_READ)
    except OSError:
        return False


def _is_loopback(listen: str) -> bool:
    host = split_port(listen, syntax="host:port")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _size(network: str) -> int:
    try:
        return ip_network(network.strip(), strict=False).num_addresses
    except ValueError as error:
        raise ConfigError("trusted-relay", str(error)) from error


def _overlaps_loopback(network: str) -> bool:
    wanted = ip_network(network.strip(), strict=False)
    return any(
        wanted.version == local.version and wanted.overlaps(local) for local in map(ip_network, LOOPBACK)
    )
