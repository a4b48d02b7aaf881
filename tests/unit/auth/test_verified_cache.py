"""Credentials verified a moment ago."""

from __future__ import annotations

from rpch.auth.accounts import Identity
from rpch.auth.verified_cache import VerifiedCache

ALICE = Identity("alice", "LAB")


def test_what_was_verified_is_known_for_a_minute() -> None:
    cache = VerifiedCache()
    cache.remember(b"alice:secret", ALICE, 100.0)
    assert cache.recall(b"alice:secret", 159.9) == ALICE
    assert cache.recall(b"alice:Secret", 159.9) is None
    assert cache.recall(b"alice:secret", 160.0) is None
    assert len(cache) == 0


def test_the_oldest_leaves_when_there_are_too_many() -> None:
    cache = VerifiedCache(largest=2)
    cache.remember(b"a", ALICE, 0.0)
    cache.remember(b"b", ALICE, 0.0)
    cache.remember(b"a", ALICE, 1.0)
    cache.remember(b"c", ALICE, 2.0)
    assert [cache.recall(token, 3.0) for token in (b"a", b"b", b"c")] == [ALICE, None, ALICE]


def test_everything_can_be_forgotten() -> None:
    cache = VerifiedCache()
    cache.remember(b"a", ALICE, 0.0)
    cache.forget()
    assert cache.recall(b"a", 0.0) is None


def test_no_credentials_are_kept() -> None:
    cache = VerifiedCache()
    cache.remember(b"canary", ALICE, 0.0)
    assert "canary" not in repr(vars(cache))
