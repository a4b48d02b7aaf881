"""Which files with secrets others can read, and which files that we believe others can change."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers.danger import Danger

OTHERS_MAY_READ: Final = stat.S_IRWXG | stat.S_IRWXO
OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
KEY_BESIDE: Final = "rpch.key"


def secret_dangers(settings: ProxyConfiguration, file: Path | None) -> Iterator[Danger]:
    """What is wrong with the modes of files; `file` is that of the settings themselves."""
    seen = set()
    for setting, one in _secrets(settings, file):
        if one not in seen and _mode(one) & OTHERS_MAY_READ:
            seen.add(one)
            yield Danger((setting,), f"{one} can be read by others than its owner", f"chmod 600 {one}")
    for setting, one in _believed(settings, file):
        if one not in seen and _mode(one) & OTHERS_MAY_WRITE:
            seen.add(one)
            yield Danger((setting,), f"{one} can be changed by others than its owner", f"chmod go-w {one}")


def _secrets(c: ProxyConfiguration, file: Path | None) -> Iterator[tuple[str, Path]]:
    database = _database_file(c)
    key = c.key_file or (database.with_name(KEY_BESIDE) if database else None)
    found = {
        "user": file if c.user else None,
        "database": database or (file if c.database and urlsplit(c.database).password else None),
        "key-file": key,
        "tls-key": c.tls_key,
        "tls-cert": c.tls_cert if c.tls_key is None else None,  # then the key is in there
        "keytab": c.keytab,
        "ldap.bind-password-file": c.ldap.bind_password_file if c.ldap else None,
    }
    yield from ((setting, one) for setting, one in found.items() if one is not None)


def _believed(c: ProxyConfiguration, file: Path | None) -> Iterator[tuple[str, Path]]:
    found = {
        "config": file,
        "tls-cert": c.tls_cert,
        "tls-client-ca": c.tls_client_ca,
        "ldap.ca-file": c.ldap.ca_file if c.ldap else None,
    }
    yield from ((setting, one) for setting, one in found.items() if one is not None)
    yield from (("client-crl", one) for one in c.client_crl)


def _database_file(c: ProxyConfiguration) -> Path | None:
    """The file that SQLite keeps accounts in; None for a server."""
    if c.database is None or c.database.startswith("postgresql"):
        return None
    return Path(c.database.removeprefix("sqlite:///"))


def _mode(file: Path) -> int:
    try:
        return file.stat().st_mode
    except OSError:
        return 0
