"""Basic credentials that were verified a moment ago, so that every channel need not verify them anew.

A client opens two channels at a time and more when it recycles; a password hash that is meant to be slow
would cost more than all the rest. Only a keyed digest of the header is kept, and successes alone.
"""

from __future__ import annotations

import hmac
import os
from typing import Final

from rpch.auth.accounts import Identity

LIFETIME: Final = 60.0
LARGEST: Final = 4096


class VerifiedCache:
    """Remembers for a minute whose credentials a header held."""

    def __init__(self, *, lifetime: float = LIFETIME, largest: int = LARGEST) -> None:
        self._key = os.urandom(32)
        self._lifetime, self._largest = lifetime, largest
        self._entries: dict[bytes, tuple[Identity, float]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, token: bytes, now: float) -> Identity | None:
        """Whose credentials these are, if they were verified within the last minute."""
        key = self._digest(token)
        entry = self._entries.get(key)
        if entry is None:
            return None
        identity, until = entry
        if now >= until:
            del self._entries[key]
            return None
        return identity

    def remember(self, token: bytes, identity: Identity, now: float) -> None:
        """Credentials were verified; the oldest entry leaves when there are too many."""
        key = self._digest(token)
        self._entries.pop(key, None)
        if len(self._entries) >= self._largest:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (identity, now + self._lifetime)

    def forget(self) -> None:
        """Everything must be verified anew: accounts have changed."""
        self._entries.clear()

    def _digest(self, token: bytes) -> bytes:
        return hmac.digest(self._key, token, "sha256")
