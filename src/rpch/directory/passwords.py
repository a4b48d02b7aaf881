"""Hashes passwords as Argon2id, slowly on purpose, and never keeps the event loop waiting for it. RFC 9106

A hash carries its parameters, so that they can be raised: the next right password is hashed anew. Two
bounds keep guessing from exhausting this machine: 19 MiB a verification, and one verification at a time for
each core.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from rpch.auth.names import has_controls
from rpch.errors import ConfigError

LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class HashingCost:
    """What one hash costs: passes, memory in KiB, and lanes."""

    passes: int = 2
    memory: int = 19_456
    lanes: int = 1


class Passwords:
    """Makes and verifies hashes of one cost."""

    def __init__(self, cost: HashingCost | None = None) -> None:
        cost = cost or HashingCost()
        self._hasher = PasswordHasher(cost.passes, cost.memory, cost.lanes, type=Type.ID)
        self._nobodys = self._hasher.hash(os.urandom(16).hex())
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="passwords")

    def hash(self, password: str) -> str:
        """The hash to keep."""
        return self._hasher.hash(_encoded(password))

    def verify(self, kept: str | None, password: str) -> bool:
        """Whether the password is the one hashed; the same work is done when there is no hash."""
        try:
            matches = self._hasher.verify(self._nobodys if kept is None else kept, _encoded(password))
        except (VerificationError, InvalidHashError):
            return False
        return matches and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made at another cost."""
        return self._hasher.check_needs_rehash(kept)

    async def verified(self, kept: str | None, password: str) -> bool:
        """`verify`, in a thread of its own kind: guessing must not keep others from the database."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.verify, kept, password)

    async def hashed(self, password: str) -> str:
        """`hash`, in such a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.hash, password)

    def close(self) -> None:
        """Let its threads end."""
        self._threads.shutdown(wait=False)


def check_new_password(password: str, *, setting: str = "password") -> None:
    """`ConfigError` when nobody could sign in with it, or it would be work to verify."""
    if not password:
        raise ConfigError(setting, "is empty")
    if has_controls(password):
        raise ConfigError(setting, "holds control characters, which cannot be sent")
    if len(password) > LONGEST:
        raise ConfigError(setting, f"is longer than {LONGEST} characters")


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
