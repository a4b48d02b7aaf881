"""What is dangerous in the settings that say who comes in, and how."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from rpch.errors import ConfigError
from rpch.proxy.certificates import certificate_end, certificate_names
from rpch.proxy.configuration import REQUIRED, ProxyConfiguration
from rpch.proxy.dangers.danger import Danger, is_remote, network, offers_ntlm
from rpch.proxy.revocations import Revocations

# A relay is a machine or a rack of them, not a network of strangers.
_MOST_RELAYS: Final = {4: 256, 6: 1 << 64}
_SOON: Final = {"tls-cert": timedelta(days=7), "client-crl": timedelta(days=3)}


def entry_dangers(settings: ProxyConfiguration, now: datetime) -> Iterator[Danger]:
    """Everything about listener, schemes, relays and certificates."""
    yield from _anonymous(settings)
    yield from _plain(settings)
    yield from _bindings(settings)
    yield from _relays(settings)
    yield from _own_certificate(settings, now)
    yield from _clients_certificates(settings, now)


def _anonymous(c: ProxyConfiguration) -> Iterator[Danger]:
    if c.v1:
        yield Danger(("v1",), "version 1 has neither TLS nor authentication", "turn it off")
    if c.v1 and is_remote(c):
        yield Danger(
            ("v1", "listen"),
            "version 1 is open to every machine that reaches the port",
            "give version 1 a listener of its own, on loopback, or turn it off",
        )
    if not c.allow_anonymous:
        return
    if is_remote(c):
        yield Danger(
            ("allow-anonymous", "listen"),
            "everybody who reaches the port reaches every target",
            "listen on loopback, or turn allow-anonymous off",
        )
    elif c.trusted_relay:
        yield Danger(
            ("allow-anonymous", "trusted-relay"),
            "everybody whom the relay serves reaches every target",
            "turn allow-anonymous off",
        )
    else:
        yield Danger(
            ("allow-anonymous",),
            "every program on this machine reaches every target, whoever runs it",
            "turn it off outside a laboratory",
        )
    if c.user_targets or c.group_targets:
        yield Danger(
            ("allow-anonymous", "user-targets" if c.user_targets else "group-targets"),
            "who says nothing about itself is held to no user's targets",
            "turn allow-anonymous off",
        )
    if c.places.given or c.keytab is not None:
        yield Danger(
            ("allow-anonymous", c.places.given[0] if c.places.given else "keytab"),
            "nobody needs the accounts that are there",
            "turn allow-anonymous off, or leave the accounts out",
        )


def _plain(c: ProxyConfiguration) -> Iterator[Danger]:
    if c.no_tls and is_remote(c):
        if not c.trusted_relay:
            yield Danger(
                ("no-tls", "listen"),
                "no client that is not on this machine will be served",
                "name the relay that ends TLS with trusted-relay, or give tls-cert and tls-key",
            )
        elif not c.allow_anonymous:
            yield Danger(
                ("no-tls", "listen", "trusted-relay"),
                "passwords and mail can be read between the relay and this listener",
                "listen on loopback beside the relay, or give this listener TLS and let the relay use it",
            )
    if c.no_tls and c.auth is not None and offers_ntlm(c):
        yield Danger(
            ("no-tls", "auth"),
            "NTLM without TLS can be relayed by whoever is on the way",
            "give the listener TLS, or leave NTLM and Negotiate out of auth",
        )
        if not c.connection_affinity:
            yield Danger(
                ("auth", "connection-affinity"),
                "a relay that shares its connections would give one client's identity to another, so none of "
                "Negotiate and NTLM is offered",
                "set connection-affinity if the relay keeps each client on a connection of its own, "
                "or use Basic",
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


def _bindings(c: ProxyConfiguration) -> Iterator[Danger]:
    mode = (c.extended_protection or REQUIRED).lower()
    if mode == "require" and (c.trusted_relay or c.ssl_offloading) and (c.no_tls or offers_ntlm(c)):
        other = "trusted-relay" if c.trusted_relay else "ssl-offloading"
        yield Danger(
            ("extended-protection", other),
            "a relay that ends TLS shows clients its own certificate, so channel binding cannot hold",
            "let it pass TLS through or use the same certificate, or set extended-protection to allow",
        )
    if mode == "none" and not c.no_tls and offers_ntlm(c):
        yield Danger(
            ("extended-protection", "auth"),
            "NTLM that was meant for another server can be relayed to this one",
            "set extended-protection to require, or auth to Basic",
        )


def _relays(c: ProxyConfiguration) -> Iterator[Danger]:
    for relay in c.trusted_relay:
        wide = network(relay, setting="trusted-relay")
        if wide.num_addresses > _MOST_RELAYS[wide.version]:
            whose = "everybody" if wide.prefixlen == 0 else f"{relay} is a whole network that"
            yield Danger(
                ("trusted-relay",),
                f"{whose} may claim any client address, and that TLS was there",
                "list the relays' own addresses",
            )
    for clients in c.client_network:
        if network(clients, setting="client-network").prefixlen == 0:
            yield Danger(
                ("client-network",), f"{clients} is everywhere", "list the clients' networks, or leave it out"
            )


def _own_certificate(c: ProxyConfiguration, now: datetime) -> Iterator[Danger]:
    if c.tls_cert is None or c.no_tls:
        return
    try:
        names, ends = certificate_names(c.tls_cert), certificate_end(c.tls_cert)
    except ConfigError:
        return  # whoever serves with it will say so
    yield from _ending("tls-cert", str(c.tls_cert), ends, now, "renew it")
    if c.public_name and names and not _covers(names, c.public_name):
        yield Danger(
            ("public-name", "tls-cert"),
            f"the certificate is for {', '.join(names)}, so careful clients will not come to {c.public_name}",
            "get a certificate with that name",
        )


def _clients_certificates(c: ProxyConfiguration, now: datetime) -> Iterator[Danger]:
    if c.tls_client_ca is None:
        return
    if c.client_certificate.lower() == "none":
        yield Danger(
            ("tls-client-ca", "client-certificate"),
            "clients' certificates are taken, but nothing is made of them",
            "set client-certificate to optional or required, or leave tls-client-ca out",
        )
    for issuer, ends in Revocations.read(c.client_crl, c.tls_client_ca).ends.items():
        cure = "fetch a new one, for after that every certificate of this authority is refused"
        yield from _ending("client-crl", f"the list of {issuer}", ends, now, cure)


def _ending(setting: str, which: str, ends: datetime, now: datetime, cure: str) -> Iterator[Danger]:
    if ends < now + _SOON[setting]:
        verb = "ended" if ends < now else "ends"
        yield Danger((setting,), f"{which} {verb} on {ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC", cure)


def _covers(names: list[str], name: str) -> bool:
    """Whether one of a certificate's names is this one; a wildcard stands for one label.  RFC 6125 6.4.3"""
    wanted = name.lower()
    parent = wanted.partition(".")[2]
    return any(each.lower() in (wanted, f"*.{parent}") for each in names)
