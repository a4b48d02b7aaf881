"""What a listener's certificate says is read from its file; a file that cannot be read is a wrong setting."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from rpch.errors import ConfigError
from rpch.proxy.certificates import certificate_names, channel_binding


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for two names and an address."""
    issued = trustme.CA().issue_cert("proxy.example", "localhost", "192.0.2.7")
    file = tmp_path_factory.mktemp("certificates") / "proxy.pem"
    for part in issued.cert_chain_pems:
        part.write_to_path(file, append=True)
    return file


def test_names_and_addresses_are_those_of_the_certificate(certificate: Path) -> None:
    assert certificate_names(certificate) == ["proxy.example", "localhost", "192.0.2.7"]


def test_the_binding_is_that_of_the_first_certificate(certificate: Path, tmp_path: Path) -> None:
    binding = channel_binding(certificate)
    assert binding is not None
    assert binding.application_data.startswith(b"tls-server-end-point:")
    first = certificate.read_text().partition("-----END CERTIFICATE-----")
    alone = tmp_path / "alone.pem"
    alone.write_text(first[0] + first[1] + "\n")
    assert channel_binding(alone) == binding


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nnonsense\n"])
def test_a_file_that_cannot_be_read_is_a_wrong_setting(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "proxy.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"tls-cert.*cannot be read"):
        certificate_names(file)
