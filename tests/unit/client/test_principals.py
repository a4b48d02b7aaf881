"""Which certificate is whose, by msstd and fullsic names."""

import datetime as dt
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from rpch.client.principals import Principal, principal_name
from rpch.errors import AccessDenied, ConfigError

KEY = ec.generate_private_key(ec.SECP256R1())
FROM = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@cache
def certificate(
    common: str = "", email: str = "", alternative: str = "", organisation: str = ""
) -> x509.Certificate:
    """A certificate with no more in it than these."""
    kinds = [
        (NameOID.ORGANIZATION_NAME, organisation),
        (NameOID.COMMON_NAME, common),
        (NameOID.EMAIL_ADDRESS, email),
    ]
    name = x509.Name([x509.NameAttribute(kind, text) for kind, text in kinds if text])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(FROM)
        .not_valid_after(FROM + dt.timedelta(days=1))
    )
    if alternative:
        names = x509.SubjectAlternativeName([x509.RFC822Name(alternative)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(KEY, hashes.SHA256())


def der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)


@pytest.mark.conformance(93)
@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("msstd:mail.corp.example", certificate("mail.corp.example")),
        ("MSSTD:Mail.Corp.Example", certificate("mail.corp.example")),
        ("msstd:*.corp.example", certificate("*.corp.example")),
        ("msstd:owner@corp.example", certificate("mail", "owner@corp.example")),
        ("msstd:owner@corp.example", certificate("mail", alternative="owner@corp.example")),
        ("msstd:mail", certificate("mail", "no address")),
        (r"msstd:CORP\\mail", certificate("CORP\\mail")),
        (r"msstd:CORP\mail", certificate("CORP\\mail")),
    ],
)
def test_the_name_of_a_certificate_matches(text: str, one: x509.Certificate) -> None:
    Principal.parse(text).check([der(one)])


@pytest.mark.conformance(93)
@pytest.mark.parametrize(
    ("text", "one", "shown"),
    [
        ("msstd:mail.corp.example", certificate("other.example"), "msstd:other.example"),
        ("msstd:mail.corp.example", certificate("*.corp.example"), r"msstd:\*.corp.example"),
        ("msstd:mail", certificate("mail", "owner@corp.example"), "msstd:owner@corp.example"),
        ("msstd:mail", certificate(organisation="Corp"), "the certificate is msstd:$"),
    ],
)
def test_another_name_is_denied_by_its_rule(text: str, one: x509.Certificate, shown: str) -> None:
    with pytest.raises(AccessDenied, match=shown) as denied:
        Principal.parse(text).check([der(one)])
    assert denied.value.rule == "Principal"


@pytest.mark.conformance(93)
@pytest.mark.parametrize(
    "text",
    [
        r"fullsic:\<\CN=Root\CN=mail,O=Corp>",
        r"fullsic:\\<\\cn=root\\cn=mail, o=corp>",
        r"FULLSIC:<\CN=Root\CN=mail ,O=Corp>",
    ],
)
def test_a_fullsic_name_is_the_whole_chain_from_the_authority_down(text: str) -> None:
    chain = [der(certificate("mail", organisation="Corp")), der(certificate("Root"))]
    Principal.parse(text).check(chain)
    with pytest.raises(AccessDenied, match=r"fullsic:\\<\\CN=mail,O=Corp\\CN=Root>"):
        Principal.parse(text).check(chain[::-1])
    with pytest.raises(AccessDenied):
        Principal.parse(text).check(chain[:1])


@pytest.mark.conformance(93)
@pytest.mark.parametrize("text", ["mail", "msstd:", "msstd: ", "fullsic:mail", r"fullsic:\<>", "sip:x", ""])
def test_what_is_no_principal_name_is_a_wrong_setting(text: str) -> None:
    with pytest.raises(ConfigError, match="principal"):
        Principal.parse(text)


def test_no_certificate_and_one_that_cannot_be_read_are_denied() -> None:
    wanted = Principal.parse("msstd:mail")
    with pytest.raises(AccessDenied, match="there is no certificate"):
        wanted.check([])
    with pytest.raises(AccessDenied, match="cannot be read"):
        wanted.check([b"nonsense"])


def test_a_certificate_without_names_has_no_principal_name() -> None:
    assert not principal_name(certificate(organisation="Corp"))
