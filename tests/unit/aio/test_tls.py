"""TLS is offered and expected as the protocol needs it."""

import ssl
from pathlib import Path

import pytest
import trustme

from rpch.aio.tls import client_context, server_context
from rpch.errors import ConfigError


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A certificate, its key, and the authority."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificate, key, ca = folder / "server.pem", folder / "server.key", folder / "ca.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    return certificate, key, ca


def handshake(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a handshake in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=name)
    far = server.wrap_bio(up, down, server_side=True)
    for _ in range(3):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return near, far


def test_both_ends_agree_on_http_1_1_and_send_no_tickets(files: tuple[Path, Path, Path]) -> None:
    certificate, key, ca = files
    server = server_context(certificate, key)
    near, far = handshake(client_context(ca), server, "localhost")
    assert near.selected_alpn_protocol() == far.selected_alpn_protocol() == "http/1.1"
    assert server.num_tickets == 0
    assert server.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_client_checks_the_name(files: tuple[Path, Path, Path]) -> None:
    certificate, key, ca = files
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client_context(ca), server_context(certificate, key), "elsewhere.example")


def test_a_client_checks_the_authority(files: tuple[Path, Path, Path]) -> None:
    certificate, key, _ = files
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client_context(), server_context(certificate, key), "localhost")


def test_a_client_checks_although_the_default_was_replaced_by_one_that_does_not(
    files: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Observed: importing impacket's examples does that to the whole process."""
    monkeypatch.setattr(ssl, "create_default_context", ssl._create_unverified_context)
    certificate, key, ca = files
    for client in (client_context(), client_context(ca)):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(client, server_context(certificate, key), "elsewhere.example")


def test_keys_are_logged_where_the_environment_asks_for_it(
    files: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    certificate, key, ca = files
    handshake(client_context(ca), server_context(certificate, key), "localhost")
    assert "CLIENT_" in log.read_text()


def test_the_key_may_be_in_the_certificates_file(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    certificate, key, _ = files
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    server_context(both, None)


def test_files_that_cannot_be_used_are_named(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    certificate, _, ca = files
    with pytest.raises(ConfigError, match="tls-cert"):
        server_context(tmp_path / "none.pem", None)
    with pytest.raises(ConfigError, match=str(certificate)):
        server_context(certificate, ca)
    with pytest.raises(ConfigError, match="tls-ca"):
        client_context(tmp_path / "none.pem")
