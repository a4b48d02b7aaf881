"""Certificates that cannot be read fail as is expected of them."""

from __future__ import annotations

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rpch.auth.certificates import UNREADABLE


def _der() -> bytes:
    chain = trustme.CA().issue_cert("proxy.example", common_name="proxy.example").cert_chain_pems
    return x509.load_pem_x509_certificate(chain[0].bytes()).public_bytes(Encoding.DER)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_damage_at_any_byte_is_either_read_or_expected() -> None:
    good = _der()
    unread = 0
    for at in range(len(good)):
        try:
            parsed = x509.load_der_x509_certificate(good[:at] + bytes((good[at] ^ 0xFF,)) + good[at + 1 :])
            _ = parsed.subject, parsed.issuer, parsed.extensions
        except UNREADABLE:
            unread += 1
    assert unread > len(good) // 4
    with pytest.raises(UNREADABLE):
        x509.load_der_x509_certificate(b"")
