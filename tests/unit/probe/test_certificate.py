"""What is read from a certificate, and what of it is shown."""

import datetime as dt

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rpch.errors import DecodeError
from rpch.probe.certificate import Certificate

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)


def issued(*names: str) -> bytes:
    certificate = trustme.CA().issue_cert(*names, common_name=names[0], not_before=BEGIN, not_after=END)
    pem = certificate.cert_chain_pems[0].bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def bare(*attributes: x509.NameAttribute[str]) -> bytes:
    """A certificate that signs itself and names nobody in an extension."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name(attributes)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, BEGIN, END)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_the_facts_of_a_certificate_are_read() -> None:
    found = Certificate.decode(issued("mail.lab.example", "127.0.0.1"))
    assert found.subject == "mail.lab.example"
    assert found.names == ("mail.lab.example", "127.0.0.1")
    assert "trustme" in found.issuer
    assert (found.not_before, found.not_after) == (BEGIN, END)
    assert found.listed == "mail.lab.example, 127.0.0.1"


@pytest.mark.parametrize(
    ("now", "days"),
    [(BEGIN, 90), (END - dt.timedelta(hours=1), 0), (END + dt.timedelta(hours=1), -1)],
)
def test_days_are_counted_to_the_end(now: dt.datetime, days: int) -> None:
    found = Certificate.decode(issued("mail.lab.example"))
    assert found.days_left(now) == days
    assert f"valid until 2026-04-01 ({days} days)" in found.describe(now)


def test_a_certificate_may_name_nobody() -> None:
    found = Certificate.decode(bare(x509.NameAttribute(NameOID.COMMON_NAME, "old.lab.example")))
    assert (found.names, found.listed) == ((), "no name at all")
    assert found.describe(BEGIN).startswith("for no name at all; subject old.lab.example; issued by old.lab")


def test_without_a_common_name_the_whole_name_is_shown() -> None:
    found = Certificate.decode(bare(x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Laboratory")))
    assert found.subject == "O=Laboratory"
    empty = Certificate.decode(bare())
    assert "subject empty; issued by nobody" in empty.describe(BEGIN)


def test_bytes_that_are_no_certificate_are_a_decode_error() -> None:
    good = issued("mail.lab.example")
    for cut in range(0, len(good), 7):
        with pytest.raises(DecodeError):
            Certificate.decode(good[:cut])
