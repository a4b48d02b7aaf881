"""The proxy that follows from what an administrator has set.

The names are declared in `rpch.proxy.settings`; here is what follows from them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rpch.aio.tls import server_context
from rpch.auth.accounts import AccountSource, Identity
from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.extended_protection import ExtendedProtection, ProtectionMode
from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.keytab import Keytab
from rpch.auth.names import UserName
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.auth.schemes import CONNECTION_BOUND, Scheme, parse_schemes
from rpch.auth.throttle import Throttle
from rpch.errors import ConfigError
from rpch.http.answers import Framing
from rpch.proxy.accounts import (
    Places,
    StoredAccounts,
    throttle_for,
)
from rpch.proxy.certificates import certificate_names, channel_binding
from rpch.proxy.client_certificates import CertificateRules, Demand
from rpch.proxy.policy import LOOPBACK, PRIVATE_NETWORKS, Policy, folded, parse_networks
from rpch.proxy.revocations import Revocations
from rpch.proxy.routes import RouteTable
from rpch.proxy.service import ProxyOptions, RpcProxy
from rpch.proxy.settings import DeclaredSettings
from rpch.proxy.valid_ports import ValidPorts
from rpch.trace import Tracer
from rpch.vconn.settings import ProxySettings
from rpch.vconn.silence import SilentClients

REQUIRED: Final = "require"
PROTECTION_FLAGS: Final = frozenset({"proxy", "proxycohosting", "allowdotlessspn", "noservicenamecheck"})


class ProxyConfiguration(DeclaredSettings, frozen=True, kw_only=True, rename="kebab"):
    """One listener of the RPC proxy, as it follows from its settings."""

    def tls(self) -> ssl.SSLContext | None:
        """How the listener speaks TLS; None for plain HTTP, which must be asked for."""
        if self.no_tls and self.tls_cert:
            raise ConfigError("no-tls", "contradicts tls-cert; give one of them")
        if self.no_tls:
            return None
        if self.tls_cert is None:
            raise ConfigError("tls-cert", "is missing; give tls-cert and tls-key, or no-tls behind a relay")
        return server_context(self.tls_cert, self.tls_key, self.tls_client_ca)

    def policy(self) -> Policy:
        """The rules; `ConfigError` names the setting that is wrong."""
        if self.v1 and not (self.no_tls and self.allow_anonymous):
            raise ConfigError("v1", "knows neither TLS nor authentication; it needs a listener with neither")
        relays = [*self.trusted_relay, *(LOOPBACK if self.no_tls else ())]
        return Policy(
            valid_ports=ValidPorts.parse(self.valid_ports, wildcards=self.wildcards, setting="valid-ports"),
            routes=RouteTable.parse(self.route, setting="route"),
            enabled=self.enabled,
            client_networks=parse_networks(self.client_network, setting="client-network"),
            user_targets=self._targets(),
            allow_anonymous=self.allow_anonymous,
            v1=self.v1,
            trusted_relays=parse_networks(relays, setting="trusted-relay"),
            plain_from_relays=self.no_tls if self.ssl_offloading is None else self.ssl_offloading,
            plain_inside=not self.internal_clients_require_ssl,
            plain_outside=not self.external_clients_require_ssl,
            internal_networks=parse_networks(
                self.internal_network or PRIVATE_NETWORKS, setting="internal-network"
            ),
            target_networks=parse_networks(self.target_network, setting="target-network"),
        )

    def _targets(self) -> dict[Identity, ValidPorts]:
        """What single users may reach: their own targets, and those of their groups."""
        found: dict[Identity, ValidPorts] = {}
        for name, targets in self.user_targets.items():
            self._add_targets(found, name, targets, setting=f"user-targets.{name}")
        for group, targets in self.group_targets.items():
            setting = f"group-targets.{group}"
            if group not in self.groups:
                raise ConfigError(setting, "there is no such group; list its members under groups")
            for name in self.groups[group]:
                self._add_targets(found, name, targets, setting=setting)
        return found

    def _add_targets(
        self, found: dict[Identity, ValidPorts], name: str, targets: str, *, setting: str
    ) -> None:
        user = UserName.parse(name)
        if not user.user:
            raise ConfigError(setting, f"{name!r} is no user; write 'DOMAIN\\name'")
        who = folded(Identity(user.user, user.domain))
        ports = ValidPorts.parse(targets, wildcards=self.wildcards, setting=setting)
        found[who] = found[who] | ports if who in found else ports

    def certificates(self) -> CertificateRules:
        """What is asked of clients' certificates, which only TLS of our own can show."""
        asked = self.client_certificate.lower() != Demand.NONE
        if (asked or self.client_crl) and (self.tls_client_ca is None or self.no_tls):
            problem = "name the authorities of clients with tls-client-ca, on a listener with TLS"
            raise ConfigError("client-certificate" if asked else "client-crl", problem)
        if self.certificate_users and self.winbind is not None:
            problem = "winbind cannot say whether an account is disabled; take accounts from [ldap] instead"
            raise ConfigError("certificate-users", problem)
        lists = None
        if self.tls_client_ca is not None and self.client_crl:
            lists = Revocations.read(self.client_crl, self.tls_client_ca)
        return CertificateRules.parse(self.client_certificate, self.device, self.certificate_users, lists)

    def options(self) -> ProxyOptions:
        """What its machines announce and how long they wait."""
        if self.autodiscover and not self.database:
            problem = "tells what a database of people says; name it with database"
            raise ConfigError("autodiscover", problem)
        if self.proxy_protocol and not self.no_tls:
            raise ConfigError("proxy-protocol", "is for relays that end TLS; it needs no-tls")
        settings = ProxySettings(
            receive_window=self.receive_window,
            channel_lifetime=self.channel_lifetime,
            connection_timeout=self.connection_timeout,
            setup_timeout=self.setup_timeout,
            strict=self.strict,
            silent_clients=self._silent_clients(),
            silence_timeout=self.silence_timeout,
        )
        return ProxyOptions(
            settings=settings,
            connect_timeout=self.connect_timeout,
            first_pdu_timeout=self.first_pdu_timeout,
            framing=Framing.CHUNKED if self.chunked else Framing.LENGTH,
            limits=self.limits,
            certificates=self.certificates(),
            heads=self.heads.limits(),
            head_timeout=self.heads.timeout,
            short_body=self.heads.body,
            proxy_protocol=self.proxy_protocol,
            bind_cookies=self.bind_cookies,
        )

    def _silent_clients(self) -> SilentClients:
        try:
            return SilentClients(self.silent_clients.lower())
        except ValueError:
            problem = f"{self.silent_clients!r} is none of {', '.join(SilentClients)}"
            raise ConfigError("silent-clients", problem) from None

    def check(self) -> None:
        """Look at everything once, so that what is wrong is said before anybody listens."""
        self.policy(), self.options(), self.bindings()
        accounts = self.accounts()
        try:
            self.authenticator(accounts)
        finally:
            if isinstance(accounts, StoredAccounts):
                accounts.close()

    @property
    def places(self) -> Places:
        """The settings that say where accounts are."""
        return Places(
            user=self.user,
            database=self.database,
            key_file=self.key_file,
            ldap=self.ldap,
            winbind=self.winbind,
        )

    def accounts(self) -> AccountSource:
        """The accounts, opened."""
        return self.places.open()

    def warnings(self) -> list[str]:
        """What a person should know before this serves."""
        found = list(self.policy().warnings)
        if self.no_tls:
            found.append("no-tls: credentials are taken from loopback and trusted relays only")
        if not self.places.given and self.keytab is None and not self.allow_anonymous:
            found.append(
                "there is no account, so nobody can authenticate; name a database, or add user lines"
            )
        return found

    def authenticator(self, accounts: AccountSource, throttle: Throttle | None = None) -> HttpAuthenticator:
        """Who may authenticate here, and how. A throttle that is given goes on counting."""
        schemes = self._schemes()
        kerberos = self.kerberos()
        name = self.public_name or socket.getfqdn()
        ntlm = NtlmSettings.standalone(name, domain=self.places.domain(accounts))
        hosts = [name, *(certificate_names(self.tls_cert) if self.tls_cert else ())]
        return HttpAuthenticator(
            accounts,
            schemes=schemes,
            without_tls=schemes if self.no_tls else (),
            connection_affinity=self.connection_affinity,
            ntlm=replace(ntlm, mic=self._mic()) if self.places.knows_ntlm else None,
            kerberos=kerberos,
            protection=self._extended_protection(hosts),
            throttle=throttle or throttle_for(accounts, self.throttle),
        )

    def _extended_protection(self, hosts: Sequence[str]) -> ExtendedProtection:
        """What is asked of clients who can say for whom their credentials are meant."""
        flags = self._protection_flags()
        return ExtendedProtection(
            self._protection(),
            hosts=hosts,
            service_names=self.service_name,
            proxy="proxy" in flags,
            proxy_cohosting="proxycohosting" in flags,
            allow_dotless_names="allowdotlessspn" in flags,
            no_service_name_check="noservicenamecheck" in flags,
        )

    def _protection_flags(self) -> frozenset[str]:
        """The flags, folded. Without a word about them names need no dot: inside a company they have none."""
        if self.extended_protection_flags is None:
            return frozenset({"allowdotlessspn"})
        flags = frozenset(flag.strip().lower() for flag in self.extended_protection_flags)
        if unknown := flags - PROTECTION_FLAGS:
            problem = f"{min(unknown)!r} is no flag; known are {', '.join(sorted(PROTECTION_FLAGS))}"
            raise ConfigError("extended-protection-flags", problem)
        return flags

    def _schemes(self) -> Sequence[Scheme]:
        """What is offered. NTLM in the clear must be asked for by name."""
        knows_ntlm = self.places.knows_ntlm
        proven = {Scheme.BASIC} if self.keytab is None else {Scheme.BASIC, Scheme.NEGOTIATE}
        known_here = [scheme for scheme in Scheme if knows_ntlm or scheme in proven]
        usual = [Scheme.BASIC] if self.no_tls else known_here
        try:
            schemes = parse_schemes(usual if self.auth is None else self.auth)
        except KeyError as error:
            known = ", ".join(Scheme)
            raise ConfigError("auth", f"{error.args[0]!r} is no scheme; known are {known}") from None
        if set(schemes) - set(known_here):
            problem = "an LDAP server proves passwords alone; offer Basic, and Negotiate only with a keytab"
            raise ConfigError("auth", problem)
        return schemes

    def kerberos(self) -> KerberosSettings | None:
        """Whose tickets are taken; None without a keytab."""
        if self.keytab is None:
            if self.kerberos_principal or self.kerberos_realms:
                setting = "kerberos-principal" if self.kerberos_principal else "kerberos-realms"
                raise ConfigError(setting, "says nothing without the keys of a service; give keytab too")
            return None
        keytab = Keytab(self.keytab, self.kerberos_principal)
        settings = KerberosSettings(keytab, self.kerberos_realms)
        keytab.check()
        return settings

    def bindings(self) -> tuple[ChannelBinding, ...]:
        """What clients must have seen of our TLS; `ConfigError` where the certificate offers nothing."""
        if self.tls_cert is None:
            return ()
        binding = channel_binding(self.tls_cert)
        if binding is not None:
            return (binding,)
        if self._protection() is ProtectionMode.REQUIRE:
            problem = "this kind of certificate has no channel binding; use RSA or ECDSA, or allow"
            raise ConfigError("extended-protection", problem)
        return ()

    def _mic(self) -> MicPolicy:
        """Who must prove that nobody changed the exchange: all, or, as with bindings, those who can.

        A client says within its proof that it sends a MIC, so nobody on the way can take it off.
        """
        required = self._wanted_protection() is ProtectionMode.REQUIRE
        return MicPolicy.BY_PROTECTION if required else MicPolicy.IF_FLAGGED

    def _wanted_protection(self) -> ProtectionMode:
        try:
            return ProtectionMode((self.extended_protection or REQUIRED).capitalize())
        except ValueError:
            problem = f"{self.extended_protection!r} is none of none, allow and require"
            raise ConfigError("extended-protection", problem) from None

    def _protection(self) -> ProtectionMode:
        mode = self._wanted_protection()
        fronted = bool(self._protection_flags() & {"proxy", "proxycohosting"})
        if mode is not ProtectionMode.REQUIRE or not self.no_tls or fronted:
            return mode
        if self.extended_protection is not None and CONNECTION_BOUND & set(self._schemes()):
            problem = "require cannot hold where a relay ends TLS: clients see its certificate, and not ours"
            cure = "let it pass TLS through, or set this to allow, or extended-protection-flags to Proxy"
            raise ConfigError("extended-protection", f"{problem}; {cure}")
        return ProtectionMode.ALLOW  # without TLS of our own there is nothing to bind to

    def proxy(
        self,
        tasks: asyncio.TaskGroup,
        accounts: AccountSource,
        tracer: Tracer | None = None,
        *,
        throttle: Throttle | None = None,
    ) -> RpcProxy:
        """The proxy, ready to take connections. A throttle that is given counts for others too."""
        return RpcProxy(
            self.authenticator(accounts, throttle),
            self.policy(),
            tasks,
            bindings=self.bindings(),
            options=self.options(),
            tracer=tracer,
        )
