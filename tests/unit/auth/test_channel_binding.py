"""Channel bindings to certificates."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

import tests.golden.ntlm_exchanges as kept
from rpch.auth.channel_binding import PLAIN, ChannelBinding
from rpch.errors import ConfigError

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.test")])
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Hash = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


def certificate(key: Key, algorithm: Hash | None, pss: padding.PSS | None = None) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=1))
    )
    made = builder.sign(key, algorithm, rsa_padding=pss) if pss else builder.sign(key, algorithm)
    return made.public_bytes(serialization.Encoding.DER)


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


@pytest.mark.parametrize(
    ("der", "name"),
    [
        (certificate(RSA_KEY, hashes.SHA256()), "sha256"),
        (certificate(RSA_KEY, hashes.SHA384()), "sha384"),
        (certificate(RSA_KEY, hashes.SHA512()), "sha512"),
        (certificate(RSA_KEY, hashes.SHA256(), PSS), "sha256"),
        (certificate(EC_KEY, hashes.SHA224()), "sha224"),
        (certificate(EC_KEY, hashes.SHA384()), "sha384"),
    ],
)
def test_the_hash_is_that_of_the_certificates_signature(der: bytes, name: str) -> None:
    expected = b"tls-server-end-point:" + hashlib.new(name, der).digest()
    assert ChannelBinding.of_certificate(der) == ChannelBinding(expected)


# The same certificate with another signature algorithm named in it; nobody verifies the signature here.
SHA256_RSA, SHA1_RSA = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")


def test_sha_1_counts_as_sha_256() -> None:
    der = certificate(RSA_KEY, hashes.SHA256()).replace(SHA256_RSA, SHA1_RSA)
    expected = b"tls-server-end-point:" + hashlib.sha256(der).digest()
    assert ChannelBinding.of_certificate(der) == ChannelBinding(expected)


def test_an_unknown_signature_has_no_binding() -> None:
    unknown = bytes.fromhex("06092a864886f70d01017f")
    der = certificate(RSA_KEY, hashes.SHA256()).replace(SHA256_RSA, unknown)
    assert ChannelBinding.of_certificate(der) is None


def test_a_signature_without_a_hash_has_no_binding() -> None:
    assert ChannelBinding.of_certificate(certificate(ed25519.Ed25519PrivateKey.generate(), None)) is None


def test_what_is_no_certificate_is_explained() -> None:
    with pytest.raises(ConfigError, match="cannot be read as DER"):
        ChannelBinding.of_certificate(b"-----BEGIN CERTIFICATE-----")


def test_the_forms_of_a_kept_certificate() -> None:
    binding = ChannelBinding.of_certificate(kept.CERTIFICATE)
    assert binding == ChannelBinding.of_hash(kept.CERTIFICATE_HASH)
    assert binding is not None
    assert binding.gss_struct == kept.GSS_BINDINGS
    assert binding.digest == kept.BINDING_DIGEST


def test_a_plain_connection_has_none() -> None:
    assert not PLAIN.tls
    assert PLAIN.bindings == ()
