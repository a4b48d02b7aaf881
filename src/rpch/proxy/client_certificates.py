"""Clients that show a certificate: whether one is asked for, from which devices, and whose it is.

TLS has verified that it comes from an authority that is trusted for clients. Nobody is let in by name alone:
the administrator lists which names in certificates are which accounts.  MS-RPCH 2.2.2
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from rpch.auth.accounts import Identity
from rpch.auth.certificates import UNREADABLE
from rpch.auth.der import decode_as
from rpch.auth.names import UserName
from rpch.errors import ConfigError, DecodeError
from rpch.proxy.policy import Denied
from rpch.proxy.revocations import Revocations

UPN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8: Final = 0x0C
_DIGITS: Final = 64


class CertificateRule(StrEnum):
    """The rules about certificates, by the names that logs, metrics and answers show."""

    CLIENT_CERTIFICATE = "ClientCertificate"
    DEVICE = "Device"


class Demand(StrEnum):
    """Whether clients must show a certificate."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a client showed: who it is for, and which one it is (SHA-256)."""

    names: tuple[str, ...]
    fingerprint: str
    parsed: x509.Certificate | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, certificate: bytes) -> Self:
        """A certificate in DER; user principal names come before common names."""
        fingerprint = hashlib.sha256(certificate).hexdigest()
        try:
            parsed = x509.load_der_x509_certificate(certificate)
            common = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            names = (*_principal_names(parsed), *(str(name.value) for name in common))
        except UNREADABLE:
            return cls((), fingerprint)  # TLS took it, but nobody can be read from it
        return cls(names, fingerprint, parsed)


@dataclass(frozen=True)
class CertificateRules:
    """What is asked of certificates, and whose they are; `users` by names in lower case."""

    demand: Demand = Demand.NONE
    devices: frozenset[str] = frozenset()
    users: Mapping[str, Identity] = field(default_factory=dict)
    revocations: Revocations | None = None

    @classmethod
    def parse(
        cls,
        demand: str,
        devices: list[str],
        users: Mapping[str, str],
        revocations: Revocations | None = None,
    ) -> Self:
        """From settings; `ConfigError` says what is wrong."""
        try:
            wanted = Demand(demand.lower())
        except ValueError:
            problem = f"{demand!r} is none of {', '.join(Demand)}"
            raise ConfigError("client-certificate", problem) from None
        if (devices or users or revocations) and wanted is Demand.NONE:
            problem = "must be optional or required for device, client-crl and certificate-users"
            raise ConfigError("client-certificate", problem)
        known = {name.lower(): _account(name, account) for name, account in users.items()}
        return cls(wanted, frozenset(map(_fingerprint, devices)), known, revocations)

    def shown_on(self, transport: asyncio.BaseTransport) -> ClientCertificate | None:
        """What a client has shown on its connection, if it was asked for anything."""
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is None or self.demand is Demand.NONE:
            return None
        certificate = tls.getpeercert(True)
        return ClientCertificate.of(certificate) if certificate else None

    def judge(self, shown: ClientCertificate | None, now: float) -> Denied | None:
        """Whether a client may go on, with this certificate or with none. `now` is the time of day."""
        revoked = self.revocations.judge(shown.parsed, now) if self.revocations and shown else None
        if revoked is not None:
            return revoked
        if self.demand is Demand.REQUIRED and shown is None:
            return Denied(CertificateRule.CLIENT_CERTIFICATE, 403, "a client certificate is required")
        if self.devices and (shown is None or shown.fingerprint not in self.devices):
            return Denied(CertificateRule.DEVICE, 403, "this device is not listed")
        return None

    def authenticate(self, shown: ClientCertificate | None) -> Identity | Denied:
        """Whose a certificate is, on the path where it takes the place of a password.  MS-RPCH 2.2.2"""
        if shown is None:
            return Denied(
                CertificateRule.CLIENT_CERTIFICATE, 403, "this path takes clients with certificates"
            )
        for name in shown.names:
            if (identity := self.users.get(name.lower())) is not None:
                return identity
        return Denied(CertificateRule.CLIENT_CERTIFICATE, 403, "this certificate is no account's")


def _principal_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found = []
    for other in names.get_values_for_type(x509.OtherName):
        if other.type_id == UPN:
            try:
                found.append(decode_as(other.value, _UTF8).decode("utf-8"))
            except (DecodeError, UnicodeDecodeError):
                continue
    return found


def _fingerprint(text: str) -> str:
    digits = text.replace(":", "").strip().lower()
    if len(digits) != _DIGITS or not set(digits) <= set("0123456789abcdef"):
        raise ConfigError("device", f"{text!r} is no SHA-256 fingerprint; write 64 hexadecimal digits")
    return digits


def _account(name: str, account: str) -> Identity:
    user = UserName.parse(account)
    if not user.user:
        raise ConfigError(f"certificate-users.{name}", f"{account!r} is no user; write 'DOMAIN\\name'")
    return Identity(user.user, user.domain)
