"""MD4 by its published values."""

from __future__ import annotations

import pytest
from Cryptodome.Hash import MD4

from rpch.auth.ntlm.md4 import md4


@pytest.mark.parametrize(
    ("message", "digest"),
    [  # RFC 1320 A.5
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_published_digests(message: bytes, digest: str) -> None:
    assert md4(message).hex() == digest


@pytest.mark.parametrize("size", [*range(50, 70), 119, 120, 128, 1000])
def test_padding_at_every_edge_equals_another_implementation(size: int) -> None:
    message = bytes(range(250)) * 5
    assert md4(message[:size]) == MD4.new(message[:size]).digest()  # noqa: S303 -- the peer
