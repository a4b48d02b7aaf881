"""What a listener's certificate says: the names it is for, and what binds clients to it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rpch.auth.channel_binding import ChannelBinding
from rpch.errors import ConfigError


def channel_binding(file: Path) -> ChannelBinding | None:
    """`tls-server-end-point` of the first certificate in a PEM file; None where it has none.  RFC 5929 4"""
    return ChannelBinding.of_certificate(_first(file).public_bytes(Encoding.DER))


def certificate_names(file: Path) -> list[str]:
    """The names and addresses that clients may know this server by.  RFC 6125 6.4"""
    try:
        names = _first(file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


def certificate_end(file: Path) -> datetime:
    """Until when clients take this certificate."""
    return _first(file).not_valid_after_utc


def _first(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError("tls-cert", f"{file} cannot be read: {error}") from error
