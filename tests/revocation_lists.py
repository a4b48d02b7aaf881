"""An authority that takes certificates back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NOW = (START + 10 * DAY).timestamp()


def name_of(common_name: str) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass
class Issuer:
    """An authority, itself of another one or of its own."""

    name: str
    parent: Issuer | None = None
    start: dt.datetime = START
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.certificate = (self.parent or self).issue(self.name, authority=True, key=self.key)

    def issue(
        self,
        name: str,
        *,
        authority: bool = False,
        key: ec.EllipticCurvePrivateKey | None = None,
        names: Sequence[str] = (),
    ) -> x509.Certificate:
        """A certificate for this name."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder().subject_name(name_of(name)).issuer_name(name_of(self.name))
        builder = builder.public_key(own.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(self.start).not_valid_after(self.start + 3650 * DAY)
        if names:
            hosts = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
            builder = builder.add_extension(hosts, critical=False)
        constraints = x509.BasicConstraints(ca=authority, path_length=None)
        return builder.add_extension(constraints, critical=True).sign(self.key, hashes.SHA256())

    def revoke(
        self,
        *certificates: x509.Certificate,
        start: dt.datetime | None = None,
        days: int | None = 30,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> x509.CertificateRevocationList:
        """The list of these certificates."""
        begins = start or self.start
        builder = x509.CertificateRevocationListBuilder().issuer_name(name_of(self.name)).last_update(begins)
        builder = builder.next_update(begins + (days or 1) * DAY)
        for certificate in certificates:
            revoked = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(revoked.revocation_date(begins).build())
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its certificate, as a file holds it."""
        return self.certificate.public_bytes(Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key, as a file holds it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
