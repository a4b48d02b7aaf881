"""The list of attributes that both ends exchange within NTLM.  MS-NLMP 2.2.2.1"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, Self

from rpch.errors import DecodeError
from rpch.wire import Reader

MOST_PAIRS: Final = 64
LARGEST_LIST: Final = 8 * 1024
_HEAD: Final = struct.Struct("<HH")


class AvId(IntEnum):
    """What an attribute says.  MS-NLMP 2.2.2.1"""

    EOL = 0
    NETBIOS_COMPUTER = 1
    NETBIOS_DOMAIN = 2
    DNS_COMPUTER = 3
    DNS_DOMAIN = 4
    DNS_TREE = 5
    FLAGS = 6
    TIMESTAMP = 7
    SINGLE_HOST = 8
    TARGET_NAME = 9
    CHANNEL_BINDINGS = 10


class AvFlags(IntFlag):
    """The bits of the attribute FLAGS.  MS-NLMP 2.2.2.1"""

    NONE = 0
    CONSTRAINED = 1
    MIC = 2
    UNTRUSTED_TARGET = 4


@dataclass(frozen=True, slots=True)
class AvPairs:
    """Attributes in their order; ids that have no name are kept.  MS-NLMP 2.2.2.1"""

    pairs: tuple[tuple[int, bytes], ...]

    def get(self, name: AvId) -> bytes | None:
        """The value of an attribute, None when it is absent."""
        return next((value for found, value in self.pairs if found == name), None)

    @property
    def flags(self) -> AvFlags:
        """The attribute FLAGS; none when it is absent or misshapen."""
        raw = self.get(AvId.FLAGS)
        return AvFlags(int.from_bytes(raw, "little")) if raw is not None and len(raw) == 4 else AvFlags.NONE

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self.pairs)

    def encode(self) -> bytes:
        """The list with its end.  MS-NLMP 2.2.2.1"""
        items = (*self.pairs, (AvId.EOL, b""))
        return b"".join(_HEAD.pack(name, len(value)) + value for name, value in items)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The list up to its end; what follows the end is the caller's.  MS-NLMP 2.2.2.1"""
        start = reader.at
        pairs: list[tuple[int, bytes]] = []
        seen: set[int] = set()
        while True:
            at = reader.at
            name, size = reader.unpack(_HEAD)
            if name == AvId.EOL:
                if size:
                    raise DecodeError("the end of the attributes has a value", at=at)
                return cls(tuple(pairs))
            if name in seen:
                raise DecodeError(f"attribute {name} occurs twice", at=at)
            if len(pairs) == MOST_PAIRS or at - start + size > LARGEST_LIST:
                raise DecodeError("too many or too long attributes", at=at)
            seen.add(name)
            pairs.append((name, reader.take(size)))
