"""Keeps what must not be readable in the database: sealed with a key that is kept elsewhere.

The key file holds one key a line, 64 hexadecimal digits. The first seals; all of them open, so that a key
can be replaced: put the new one first, and let passwords be set anew. A farm's machines share one key file.

Sealed values say which key they need and belong to one owner: copied to another account they do not open.
Keys for different purposes are derived, so that none serves two.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rpch.errors import ConfigError

DEFAULT_FILE: Final = "rpch.key"
KEY_SIZE: Final = 32
NAME_SIZE: Final = 4
NONCE_SIZE: Final = 12
_OTHERS: Final = 0o077
_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")


class CannotOpen(Exception):
    """A sealed value that no key of this vault opens, or that belongs to another owner."""


class Vault:
    """Seals and opens small secrets."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """The first key seals, all of them open."""
        if not keys or any(len(key) != KEY_SIZE for key in keys):
            raise ValueError("a vault needs keys of 32 bytes")
        self._sealing = {_name_of(key): AESGCM(_derived(key, b"seal")) for key in keys}
        self._newest = _name_of(keys[0])
        self._counting = _derived(keys[0], b"count")
        self._checks = [_derived(key, b"check")[:16] for key in keys]

    def __repr__(self) -> str:
        return f"<Vault of {len(self._sealing)} keys>"

    def seal(self, secret: bytes, owner: bytes) -> bytes:
        """The secret, readable with the newest key and for this owner alone."""
        nonce = os.urandom(NONCE_SIZE)
        return self._newest + nonce + self._sealing[self._newest].encrypt(nonce, secret, owner)

    def open(self, sealed: bytes, owner: bytes) -> bytes:
        """What was sealed for this owner; `CannotOpen` when it was not, or by another key."""
        key = self._sealing.get(sealed[:NAME_SIZE])
        nonce, text = sealed[NAME_SIZE : NAME_SIZE + NONCE_SIZE], sealed[NAME_SIZE + NONCE_SIZE :]
        if key is None or len(nonce) != NONCE_SIZE:
            raise CannotOpen("sealed with another key")
        try:
            return key.decrypt(nonce, text, owner)
        except InvalidTag:
            raise CannotOpen("sealed for another owner, or changed") from None

    def digest(self, *parts: str) -> str:
        """A name for these words that tells nothing about them; the same on every machine with this key."""
        message = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._counting, message, "sha256")[:16].hex()

    @property
    def check(self) -> bytes:
        """What a database notes of the key it was made with."""
        return self._checks[0]

    def fits(self, check: bytes) -> bool:
        """Whether a database was made with one of these keys."""
        return any(hmac.compare_digest(check, known) for known in self._checks)


def open_vault(file: Path, *, create: bool = False, setting: str = "key-file") -> Vault:
    """The keys of a file that only its owner may read; a new one if asked to."""
    if create:
        _create(file, setting=setting)
    try:
        mode, text = file.stat().st_mode, file.read_text("ascii")
    except FileNotFoundError:
        problem = f"there is no {file}; copy the one that belongs to this database"
        raise ConfigError(setting, problem) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(setting, f"{file} cannot be read: {error}") from error
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigError(setting, f"{file} can be read by others than its owner; chmod 600 {file}")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or not all(_KEY.fullmatch(line) for line in lines):
        raise ConfigError(setting, f"{file} must hold keys of 64 hexadecimal digits, one a line")
    return Vault([bytes.fromhex(line) for line in lines])


def _create(file: Path, *, setting: str) -> None:
    """Make the file with a key in it, unless it is there: whole or not at all, whoever else tries."""
    if file.exists():
        return
    made = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            target.write(secrets.token_hex(KEY_SIZE) + "\n")
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(made, file)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    except OSError as error:
        raise ConfigError(setting, f"{file} cannot be made: {error.strerror}") from error


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"rpch directory " + purpose, "sha256")


def _name_of(key: bytes) -> bytes:
    return hashlib.sha256(_derived(key, b"name")).digest()[:NAME_SIZE]
