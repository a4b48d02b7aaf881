"""MD4, for NT hashes alone: the libraries at hand no longer carry it.  RFC 1320"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

_MASK: Final = 0xFFFFFFFF
_START: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_BLOCK: Final = struct.Struct("<16I")

_Mix = Callable[[int, int, int], int]

# Per round: the mixing function, its constant, the order of the words, and the rotations.  RFC 1320 3.4
_ROUNDS: Final[Sequence[tuple[_Mix, int, Sequence[int], Sequence[int]]]] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, range(16), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)


def md4(message: bytes) -> bytes:
    """The 16-byte digest of a message.  RFC 1320 3"""
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + struct.pack("<Q", len(message) * 8)
    state = _START
    for words in _BLOCK.iter_unpack(padded):
        state = _absorb(state, words)
    return struct.pack("<4I", *state)


def _absorb(state: tuple[int, int, int, int], words: Sequence[int]) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for mix, constant, order, rotations in _ROUNDS:
        for step, index in enumerate(order):
            total = (a + mix(b, c, d) + words[index] + constant) & _MASK
            turn = rotations[step % 4]
            a, b, c, d = d, ((total << turn) | (total >> (32 - turn))) & _MASK, b, c
    return (
        (state[0] + a) & _MASK,
        (state[1] + b) & _MASK,
        (state[2] + c) & _MASK,
        (state[3] + d) & _MASK,
    )
