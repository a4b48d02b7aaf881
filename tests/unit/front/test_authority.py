"""A laboratory's certificates are made once, kept, and good for the names it is reached by."""

import datetime as dt
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from rpch.aio.tls import client_context, server_context
from rpch.front import authority
from rpch.front.authority import certificates_in

NAMES = ["localhost", "127.0.0.1", "::1"]


def issued(file: Path) -> x509.Certificate:
    """The first certificate of a file."""
    return x509.load_pem_x509_certificate(file.read_bytes())


def handshake(ca: Path, certificate: Path, key: Path, name: str) -> None:
    """A client that trusts the authority reaches a server of that name."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client_context(ca).wrap_bio(down, up, server_hostname=name)
    far = server_context(certificate, key).wrap_bio(up, down, server_side=True)
    for end in (near, far, near, far):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_a_client_that_trusts_the_authority_accepts_every_name(tmp_path: Path) -> None:
    files = certificates_in(tmp_path / "new", NAMES)
    for name in NAMES:
        handshake(files.ca, files.certificate, files.key, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(files.ca, files.certificate, files.key, "elsewhere.example")


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    files = certificates_in(tmp_path, NAMES)
    for key in (files.key, tmp_path / "ca.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_second_start_finds_what_the_first_one_made(tmp_path: Path) -> None:
    files = certificates_in(tmp_path, NAMES)
    before = [file.read_bytes() for file in (files.ca, files.certificate, files.key)]
    assert certificates_in(tmp_path, NAMES[:2]) == files
    assert [file.read_bytes() for file in (files.ca, files.certificate, files.key)] == before


def test_a_new_name_gets_a_new_certificate_of_the_same_authority(tmp_path: Path) -> None:
    files = certificates_in(tmp_path, NAMES)
    ca = files.ca.read_bytes()
    certificates_in(tmp_path, [*NAMES, "lab.example"])
    assert files.ca.read_bytes() == ca
    handshake(files.ca, files.certificate, files.key, "lab.example")


def test_a_certificate_is_renewed_before_it_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = certificates_in(tmp_path, NAMES)
    before = issued(files.certificate).serial_number
    monkeypatch.setattr(authority, "RENEW_BEFORE", dt.timedelta(days=authority.SERVER_DAYS + 1))
    certificates_in(tmp_path, NAMES)
    assert issued(files.certificate).serial_number != before


def test_a_lost_authority_is_made_anew_with_everything_under_it(tmp_path: Path) -> None:
    files = certificates_in(tmp_path, NAMES)
    (tmp_path / "ca.key").unlink()
    certificates_in(tmp_path, NAMES)
    handshake(files.ca, files.certificate, files.key, "localhost")


def test_clients_accept_how_long_the_certificates_live(tmp_path: Path) -> None:
    files = certificates_in(tmp_path, NAMES)
    certificate = issued(files.certificate)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime <= dt.timedelta(days=398)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
