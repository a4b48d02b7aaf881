"""RC4, which seals NTLM sessions: from the library where it has it, else our own.  RFC 6229"""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher


class Rc4(Protocol):
    """A keystream that goes on from call to call, and is the same both ways."""

    def update(self, data: bytes) -> bytes:
        """The next bytes, encrypted or decrypted."""


class OwnRc4:
    """RC4 in Python, some megabytes a second: for builds of the library that lack it."""

    def __init__(self, key: bytes) -> None:
        box, j = list(range(256)), 0
        for i in range(256):
            j = (j + box[i] + key[i % len(key)]) & 0xFF
            box[i], box[j] = box[j], box[i]
        self._box, self._i, self._j = box, 0, 0

    def update(self, data: bytes) -> bytes:
        """The next bytes, encrypted or decrypted."""
        box, i, j = self._box, self._i, self._j
        out = bytearray(len(data))
        for at, byte in enumerate(data):
            i = (i + 1) & 0xFF
            a = box[i]
            j = (j + a) & 0xFF
            b = box[j]
            box[i], box[j] = b, a
            out[at] = byte ^ box[(a + b) & 0xFF]
        self._i, self._j = i, j
        return bytes(out)


def rc4(key: bytes) -> Rc4:
    """A keystream from its beginning. It cannot be copied: make another one to begin again."""
    try:
        return Cipher(ARC4(key), mode=None).encryptor()
    except UnsupportedAlgorithm:
        return OwnRc4(key)
