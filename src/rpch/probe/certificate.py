"""What a server's certificate says, for people who must find out why it is not accepted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from rpch.auth.certificates import UNREADABLE
from rpch.errors import DecodeError

# All that the library raises over certificates that it cannot read.


@dataclass(frozen=True)
class Certificate:
    """The facts of one certificate that a person looks at."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a certificate in DER; `DecodeError` where it is none.  RFC 5280 4"""
        try:
            found = x509.load_der_x509_certificate(data)
            return cls(
                _common_name(found.subject),
                _common_name(found.issuer),
                _names(found),
                found.not_valid_before_utc,
                found.not_valid_after_utc,
            )
        except UNREADABLE as error:
            raise DecodeError(f"no certificate: {error}", at=0) from error

    @property
    def listed(self) -> str:
        """The names it is for, in one line. Clients look at these only, never at the subject.  RFC 9525 2"""
        return ", ".join(self.names) or "no name at all"

    def days_left(self, now: dt.datetime) -> int:
        """How many whole days it is still valid; negative when it has ended."""
        return (self.not_after - now).days

    def describe(self, now: dt.datetime) -> str:
        """One line: for whom, by whom, until when."""
        return (
            f"for {self.listed}; subject {self.subject or 'empty'}; issued by {self.issuer or 'nobody'};"
            f" valid until {self.not_after:%Y-%m-%d} ({self.days_left(now)} days)"
        )


def _common_name(name: x509.Name) -> str:
    """The common name, or the whole name where there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and addresses it is for.  RFC 5280 4.2.1.6"""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*names, *(str(address) for address in addresses))
