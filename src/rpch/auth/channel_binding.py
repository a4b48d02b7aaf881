"""What binds an authentication to the TLS connection it happens in: the server's certificate.  RFC 5929 4

A relay that passes credentials on has another certificate, and the client's proof says which one it saw.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from rpch.auth.certificates import UNREADABLE
from rpch.errors import ConfigError

_PREFIX: Final = b"tls-server-end-point:"
_GSS_HEAD: Final = struct.Struct("<IIIII")


@dataclass(frozen=True, slots=True)
class ChannelBinding:
    """The application data of a channel binding, and the forms in which it travels.  RFC 5056 2.1"""

    application_data: bytes = field(repr=False)

    @property
    def gss_struct(self) -> bytes:
        """gss_channel_bindings_struct without addresses.  RFC 4121 4.1.1.2"""
        return _GSS_HEAD.pack(0, 0, 0, 0, len(self.application_data)) + self.application_data

    @property
    def digest(self) -> bytes:
        """What a client puts into NTLM and Kerberos.  MS-NLMP 2.2.2.1, RFC 4121 4.1.1.2"""
        return hashlib.md5(self.gss_struct, usedforsecurity=False).digest()

    @classmethod
    def of_hash(cls, certificate_hash: bytes) -> Self:
        """The binding to a certificate of which only the hash is known.  RFC 5929 4.1"""
        return cls(_PREFIX + certificate_hash)

    @classmethod
    def of_certificate(cls, certificate: bytes) -> Self | None:
        """tls-server-end-point of a certificate in DER; None where RFC 5929 4.1 defines none.

        The hash is that of the certificate's own signature, and never weaker than SHA-256.
        """
        try:
            algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
        except UnsupportedAlgorithm:
            return None
        except UNREADABLE as error:
            raise ConfigError("certificate", f"it cannot be read as DER ({error})") from error
        if algorithm is None:
            return None  # Ed25519 and Ed448 sign without a hash of their own
        if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
            algorithm = hashes.SHA256()
        digest = hashes.Hash(algorithm)
        digest.update(certificate)
        return cls.of_hash(digest.finalize())


@dataclass(frozen=True, slots=True)
class Channel:
    """What an authentication may be bound to: whether there is TLS, and whose certificates count."""

    tls: bool
    bindings: tuple[ChannelBinding, ...] = ()


PLAIN: Final = Channel(tls=False)
