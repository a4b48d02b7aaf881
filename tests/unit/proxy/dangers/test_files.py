"""Files with secrets must be private, and files that are believed must not be everybody's to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rpch.proxy.accounts import LdapSettings
from rpch.proxy.dangers.files import secret_dangers
from tests.unit.proxy.safe_settings import safe


def made(folder: Path, *names: str, mode: int) -> list[Path]:
    """Files of this mode."""
    files = [folder / name for name in names]
    for file in files:
        file.touch()
        file.chmod(mode)
    return files


def found(file: Path | None, **changes: Any) -> dict[str, str]:
    """The cure for each setting."""
    return {danger.settings[0]: danger.cure for danger in secret_dangers(safe(**changes), file)}


NAMES = ("config", "accounts.sqlite3", "rpch.key", "server.key", "keytab", "ldap", "server.pem", "ca", "crl")


def everything(folder: Path, mode: int) -> tuple[Path, dict[str, Any]]:
    """Settings with every file there is, all of one mode."""
    config, database, key, tls_key, keytab, password, cert, ca, crl = made(folder, *NAMES, mode=mode)
    ldap = LdapSettings(url="ldaps://h", base="dc=x", bind_password_file=password, ca_file=ca)
    return config, {
        "user": [r"LAB\alice:pw"],
        "database": f"sqlite:///{database}",
        "key_file": key,
        "tls_key": tls_key,
        "keytab": keytab,
        "ldap": ldap,
        "tls_cert": cert,
        "tls_client_ca": ca,
        "client_crl": [crl],
    }


SECRETS = {"user", "database", "key-file", "tls-key", "keytab", "ldap.bind-password-file"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_what_others_can_read_is_found(mode: int, tmp_path: Path) -> None:
    config, settings = everything(tmp_path, mode)
    cures = found(config, **settings)
    assert set(cures) == SECRETS
    assert cures["tls-key"] == f"chmod 600 {tmp_path / 'server.key'}"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_can_change_is_found(mode: int, tmp_path: Path) -> None:
    config, settings = everything(tmp_path, mode)
    cures = found(config, **settings)
    assert set(cures) == {*SECRETS, "tls-cert", "tls-client-ca", "client-crl"}
    assert cures["client-crl"] == f"chmod go-w {tmp_path / 'crl'}"


def test_private_files_are_none(tmp_path: Path) -> None:
    config, settings = everything(tmp_path, 0o600)
    assert found(config, **settings) == {}


def test_a_file_without_secrets_may_be_read_but_not_changed(tmp_path: Path) -> None:
    (file,) = made(tmp_path, "config", mode=0o644)
    assert found(file) == {}
    file.chmod(0o664)
    assert found(file) == {"config": f"chmod go-w {file}"}


def test_the_key_beside_a_database_counts_without_being_named(tmp_path: Path) -> None:
    database, _ = made(tmp_path, "accounts.sqlite3", "rpch.key", mode=0o644)
    database.chmod(0o600)
    assert set(found(None, database=str(database))) == {"key-file"}


def test_a_password_in_a_url_makes_the_file_a_secret(tmp_path: Path) -> None:
    (file,) = made(tmp_path, "config", mode=0o644)
    assert found(file, database="postgresql://rpch@db/rpch") == {}
    assert set(found(file, database="postgresql://rpch:pw@db/rpch")) == {"database"}


def test_a_key_in_the_certificates_file_makes_that_a_secret(tmp_path: Path) -> None:
    (both,) = made(tmp_path, "both.pem", mode=0o644)
    assert found(None, tls_cert=both) == {"tls-cert": f"chmod 600 {both}"}
    assert found(None, tls_cert=both, tls_key=tmp_path / "other") == {}
