"""A client's certificate is asked for as the settings say, and is an account's only if it is listed."""

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from rpch.auth.accounts import Identity
from rpch.auth.der import encode
from rpch.errors import ConfigError
from rpch.proxy.client_certificates import UPN, CertificateRules, ClientCertificate, Demand
from rpch.proxy.policy import Denied
from tests.memory_transport import MemoryTransport

ALICE = Identity("alice", "LAB")
NOW = 1e9


def issued(common_name: str, *others: x509.GeneralName) -> bytes:
    """A certificate in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(1))
    if others:
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def principal(name: bytes) -> x509.OtherName:
    """A user principal name."""
    return x509.OtherName(UPN, encode(0x0C, name))


def test_principal_names_come_before_the_common_name() -> None:
    der = issued("Alice A.", x509.DNSName("pc"), principal(b"alice@lab.example"))
    shown = ClientCertificate.of(der)
    assert shown.names == ("alice@lab.example", "Alice A.")
    assert shown.fingerprint == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("value", [b"\x0c\x01\xff", b"\x04\x01a"])
def test_a_principal_name_that_is_none_is_nobodys(value: bytes) -> None:
    assert ClientCertificate.of(issued("pc", x509.OtherName(UPN, value))).names == ("pc",)


def test_what_cannot_be_read_has_no_names() -> None:
    assert ClientCertificate.of(b"nonsense").names == ()


def test_a_certificate_may_be_required() -> None:
    rules = CertificateRules.parse("required", [], {})
    denied = rules.judge(None, NOW)
    assert denied is not None
    assert (denied.rule, denied.status) == ("ClientCertificate", 403)
    assert rules.judge(ClientCertificate((), "00"), NOW) is None
    assert CertificateRules.parse("optional", [], {}).judge(None, NOW) is None


def test_a_certificate_is_looked_at_where_one_is_asked_for() -> None:
    asking, silent = (CertificateRules.parse(demand, [], {}) for demand in ("optional", "none"))
    shown = asking.shown_on(MemoryTransport(tls=True, certificate=b"nonsense"))
    assert shown == ClientCertificate.of(b"nonsense")
    assert asking.shown_on(MemoryTransport(tls=True)) is None
    assert asking.shown_on(MemoryTransport()) is None
    assert silent.shown_on(MemoryTransport(tls=True, certificate=b"nonsense")) is None


def test_only_listed_devices_may_come_where_some_are_listed() -> None:
    known = ClientCertificate((), "ab" * 32)
    rules = CertificateRules.parse("optional", [":".join(["AB"] * 32)], {})
    assert rules.judge(known, NOW) is None
    for other in (None, ClientCertificate((), "cd" * 32)):
        denied = rules.judge(other, NOW)
        assert denied is not None
        assert denied.rule == "Device"


def test_only_listed_names_are_accounts() -> None:
    rules = CertificateRules.parse("optional", [], {"Alice@Lab.Example": r"LAB\alice"})
    assert rules.demand is Demand.OPTIONAL
    assert rules.authenticate(ClientCertificate(("pc", "alice@LAB.example"), "")) == ALICE
    for shown in (None, ClientCertificate(("bob@lab.example",), "")):
        denied = rules.authenticate(shown)
        assert isinstance(denied, Denied)
        assert denied.rule == "ClientCertificate"


@pytest.mark.parametrize(
    ("demand", "devices", "users", "setting"),
    [
        ("perhaps", [], {}, "client-certificate"),
        ("none", ["ab" * 32], {}, "client-certificate"),
        ("optional", ["abc"], {}, "device"),
        ("optional", [], {"pc": "LAB\\"}, "certificate-users.pc"),
    ],
)
def test_a_mistake_names_its_setting(
    demand: str, devices: list[str], users: dict[str, str], setting: str
) -> None:
    with pytest.raises(ConfigError, match=setting):
        CertificateRules.parse(demand, devices, users)
