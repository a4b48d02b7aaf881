"""`msstd:` and `fullsic:`: the name that a proxy's certificate must carry.

Outlook's "only connect to proxy servers that have this principal name in their certificate". It comes on
top of the usual check of chain and host name, and never instead of it.

    msstd:mail.corp.example              the certificate's e-mail address, or else its common name
    fullsic:\\<\\CN=Root\\CN=mail.corp>    every subject from the authority down to the certificate

The comparison ignores case. `msstd:*.corp.example` asks for a certificate whose common name is exactly that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from rpch.auth.certificates import UNREADABLE
from rpch.errors import AccessDenied, ConfigError

RULE: Final = "Principal"
MSSTD: Final = "msstd:"
FULLSIC: Final = "fullsic:"

_BACKSLASHES: Final = re.compile(r"\\+")
_FULL: Final = re.compile(r"\\*<(.+)>")
_AROUND_SIGNS: Final = re.compile(r"\s*([,;+=])\s*")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a proxy must be: by the name of its certificate, or by those of the whole chain."""

    text: str
    name: str
    whole_chain: bool

    @classmethod
    def parse(cls, text: str) -> Principal:
        """Read `msstd:name` or `fullsic:\\<\\name\\name>`; `ConfigError` for anything else."""
        lowered = text.lower()
        if lowered.startswith(MSSTD) and (name := text[len(MSSTD) :].strip()):
            return cls(text, _plain(name), whole_chain=False)
        if lowered.startswith(FULLSIC) and (full := _FULL.fullmatch(text[len(FULLSIC) :].strip())):
            return cls(text, _plain(full[1]), whole_chain=True)
        raise ConfigError("principal", rf"{text!r} is neither msstd:name nor fullsic:\<\authority\name>")

    def check(self, chain: Sequence[bytes]) -> None:
        """`AccessDenied` unless this is the chain of who it must be, the server's own certificate first."""
        if not chain:
            raise AccessDenied(RULE, f"{self.text} is wanted, and there is no certificate")
        try:
            found = self._found([x509.load_der_x509_certificate(data) for data in chain])
        except UNREADABLE as error:
            raise AccessDenied(RULE, f"{self.text} is wanted, and the certificate cannot be read") from error
        shown = rf"{FULLSIC}\<{found}>" if self.whole_chain else f"{MSSTD}{found}"
        if not found or _plain(found) != self.name:
            raise AccessDenied(RULE, f"{self.text} is wanted, and the certificate is {shown}")

    def _found(self, certificates: Sequence[x509.Certificate]) -> str:
        """What is to be compared of them."""
        if self.whole_chain:
            return "".join(rf"\{one.subject.rfc4514_string()}" for one in reversed(certificates))
        return principal_name(certificates[0])


def principal_name(certificate: x509.Certificate) -> str:
    """The name that `msstd:` compares: an e-mail address with an @, or else the common name."""
    emails = [*_alternative_emails(certificate), *_attributes(certificate, NameOID.EMAIL_ADDRESS)]
    with_at = [email for email in emails if "@" in email]
    return next(iter([*with_at, *_attributes(certificate, NameOID.COMMON_NAME)]), "")


def _attributes(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(one.value) for one in certificate.subject.get_attributes_for_oid(kind)]


def _alternative_emails(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.RFC822Name)


def _plain(name: str) -> str:
    """A name without what two writers may do differently: case, doubled backslashes, spaces around signs."""
    return _AROUND_SIGNS.sub(r"\1", _BACKSLASHES.sub(r"\\", name.strip())).casefold()
