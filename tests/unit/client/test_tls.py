"""TLS as the caller of a client wants it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from rpch.client.tls import context_for
from rpch.errors import ConfigError
from tests.unit.client.scripted import certificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    leaf = certificate("localhost", "127.0.0.1")
    chain, key = tmp_path / "client.crt", tmp_path / "client.key"
    chain.write_bytes(leaf.cert_chain_pems[0].bytes())
    key.write_bytes(leaf.private_key_pem.bytes())
    return chain, key


def test_true_checks_chains_and_names() -> None:
    context = context_for(True)
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_false_is_no_tls_and_a_context_is_taken_as_it_is() -> None:
    own = ssl.create_default_context()
    assert context_for(False) is None
    assert context_for(own) is own
    assert context_for(own, True) is own


def test_a_certificate_of_ours_comes_from_two_files_or_one(files: tuple[Path, Path], tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(file.read_bytes() for file in files))
    own = ssl.create_default_context()
    assert context_for(own, files) is own
    assert context_for(True, both) is not None
    assert context_for(True, str(both)) is not None


@pytest.mark.parametrize(
    ("tls", "wanted", "problem"),
    [
        (False, "client.pem", "there is none"),
        (False, True, "there is none"),
        (True, True, "name its file"),
        (True, "nowhere.pem", "nowhere.pem with nowhere.pem cannot be used"),
    ],
)
def test_a_certificate_that_cannot_be_shown_is_a_wrong_setting(
    tls: bool, wanted: str | bool, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        context_for(tls, wanted)
