"""RC4, from the library and our own."""

from __future__ import annotations

import random

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4

import rpch.auth.ntlm.rc4 as module
from rpch.auth.ntlm.rc4 import OwnRc4, rc4


@pytest.mark.parametrize(
    ("key", "keystream"),
    [  # RFC 6229 2, the first sixteen bytes
        ("0102030405", "b2396305f03dc027ccc3524a0a1118a8"),
        ("01020304050607", "293f02d47f37c9b633f2af5285feb46b"),
        ("0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b97"),
    ],
)
def test_published_keystreams(key: str, keystream: str) -> None:
    for stream in (rc4(bytes.fromhex(key)), OwnRc4(bytes.fromhex(key))):
        assert stream.update(bytes(16)).hex() == keystream


def test_both_give_the_same_in_pieces_of_any_size() -> None:
    rng = random.Random(4)
    for size in (5, 7, 16):
        key = rng.randbytes(size)
        library, own = rc4(key), OwnRc4(key)
        assert not isinstance(library, OwnRc4)
        for _ in range(20):
            piece = rng.randbytes(rng.randrange(50))
            assert library.update(piece) == own.update(piece)


def test_our_own_serves_where_the_library_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(key: bytes) -> ARC4:
        raise UnsupportedAlgorithm(f"no RC4 for a key of {len(key)} bytes")

    monkeypatch.setattr(module, "ARC4", missing)
    assert isinstance(rc4(bytes(16)), OwnRc4)
