"""Which certificates their authorities have taken back: revocation lists in files.  RFC 5280 5, 6.3

Lists are an administrator's decision that certificates be held against them. So where there is no valid list
for a certificate, or none that is current, it is refused: a list that was forgotten must not open a door.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from rpch.errors import ConfigError
from rpch.proxy.policy import Denied

SETTING: Final = "client-crl"
LONGEST_CHAIN: Final = 10
_PEM: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_UNDERSTOOD: Final = (
    x509.AuthorityKeyIdentifier.oid,
    x509.CRLNumber.oid,
    x509.IssuingDistributionPoint.oid,
)

Scope = tuple[str, bytes]  # an authority by its name, and which of its certificates a list is about


class RevocationRule(StrEnum):
    """The rules about revocation, by the names that logs, metrics and answers show."""

    REVOKED = "CertificateRevoked"
    UNKNOWN = "RevocationUnknown"


class Revocations:
    """The lists of the authorities that are trusted for clients."""

    def __init__(
        self, authorities: Sequence[x509.Certificate], lists: Iterable[x509.CertificateRevocationList]
    ) -> None:
        self._authorities = tuple(authorities)
        newest: dict[Scope, x509.CertificateRevocationList] = {}
        for one in lists:
            scope = _scope(one)
            if scope not in newest or _issued(one) >= _issued(newest[scope]):
                newest[scope] = one
        self._lists: Mapping[Scope, x509.CertificateRevocationList] = newest

    @classmethod
    def read(cls, files: Sequence[Path], authorities: Path) -> Self:
        """Lists in PEM or DER; `ConfigError` for one that no authority in `authorities` has signed."""
        known = _read_authorities(authorities) if files else []
        lists = [one for file in files for one in _read_lists(file)]
        for file in files:
            for one in _read_lists(file):
                _check(one, file, known, authorities)
        return cls(known, lists)

    @property
    def ends(self) -> dict[str, datetime]:
        """Until when each list is current, by its authority."""
        return {one.issuer.rfc4514_string(): _ends(one) for one in self._lists.values()}

    def judge(self, shown: x509.Certificate | None, now: float) -> Denied | None:
        """Whether a certificate, or an authority above it, was taken back. `now` is the time of day."""
        moment, current = datetime.fromtimestamp(now, UTC), shown
        for _ in range(LONGEST_CHAIN):
            if current is None:
                return _unknown("the certificate cannot be read")
            authority = self._issuer_of(current)
            if authority is None:
                return _unknown(f"{_name(current)} is of an authority that is not in tls-client-ca")
            if authority == current:
                return None  # a root is trusted because it is listed
            if denied := self._judge_one(current, moment):
                return denied
            current = authority
        return _unknown("too many authorities one above the other")

    def _judge_one(self, certificate: x509.Certificate, moment: datetime) -> Denied | None:
        issuer = certificate.issuer.rfc4514_string()
        lists = [one for (name, _), one in self._lists.items() if name == issuer]
        if not lists:
            return _unknown(f"there is no revocation list of {issuer}")
        for one in lists:
            if _ends(one) < moment:
                return _unknown(f"the revocation list of {issuer} ended on {_ends(one).date()}")
            if one.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                detail = f"{_name(certificate)}, serial number {certificate.serial_number:x}, was revoked"
                return Denied(RevocationRule.REVOKED, 403, detail)
        return None

    def _issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        for authority in self._authorities:
            if authority.subject == certificate.issuer and _is_issued_by(certificate, authority):
                return authority
        return None


def _unknown(detail: str) -> Denied:
    return Denied(RevocationRule.UNKNOWN, 403, detail)


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _scope(one: x509.CertificateRevocationList) -> Scope:
    try:
        point = one.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value.public_bytes()
    except x509.ExtensionNotFound:
        point = b""
    return one.issuer.rfc4514_string(), point


def _issued(one: x509.CertificateRevocationList) -> datetime:
    return one.last_update_utc


def _ends(one: x509.CertificateRevocationList) -> datetime:
    return one.next_update_utc or datetime.max.replace(tzinfo=UTC)


def _read_authorities(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError("tls-client-ca", f"{file} cannot be read: {error}") from error


def _read_lists(file: Path) -> list[x509.CertificateRevocationList]:
    try:
        data = file.read_bytes()
        if blocks := _PEM.findall(data):
            return [x509.load_pem_x509_crl(block) for block in blocks]
        return [x509.load_der_x509_crl(data)]
    except (OSError, ValueError) as error:
        raise ConfigError(SETTING, f"{file} cannot be read: {error}") from error


def _check(
    one: x509.CertificateRevocationList, file: Path, known: Sequence[x509.Certificate], authorities: Path
) -> None:
    """Refuse lists that are nobody's, and those that say less than they seem to.  RFC 5280 5.2"""
    issuer = one.issuer.rfc4514_string()
    if not any(authority.subject == one.issuer and _has_signed(authority, one) for authority in known):
        raise ConfigError(SETTING, f"{file} is not signed by any authority in {authorities}: {issuer}")
    for extension in one.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            problem = f"{file} is no complete list ({extension.oid.dotted_string}); give the whole list"
            raise ConfigError(SETTING, problem)
        point = extension.value
        if isinstance(point, x509.IssuingDistributionPoint) and (
            point.indirect_crl or point.only_some_reasons or point.only_contains_attribute_certs
        ):
            raise ConfigError(
                SETTING, f"{file} is about some certificates or reasons alone; give the whole list"
            )


def _has_signed(authority: x509.Certificate, one: x509.CertificateRevocationList) -> bool:
    try:
        return one.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # it refuses others
    except (TypeError, ValueError):
        return False
