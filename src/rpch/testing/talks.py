"""What is said over a simulated virtual connection, and whether it arrives as it was said."""

from __future__ import annotations

import struct
from random import Random

from rpch.dcerpc.framing import Bytes, pdu_size

_HEADER = struct.Struct("<BBBBIHHI")
REQUEST, RESPONSE = 0, 2


def rpc_pdu(kind: int, number: int, size: int) -> bytes:
    """An RPC PDU that can be told from every other: its number is its call id and its filling."""
    head = _HEADER.pack(5, 0, kind, 3, 0x10, size, 0, number)
    body = struct.pack("<I", number) * (-(-(size - len(head)) // 4))
    return head + body[: size - len(head)]


class Stream:
    """RPC PDUs in one direction."""

    def __init__(self, name: str, kind: int, sizes: list[int]) -> None:
        self.name = name
        self.said = [rpc_pdu(kind, number, size) for number, size in enumerate(sizes)]
        self.sent = self.heard = 0

    @property
    def complete(self) -> bool:
        return self.heard == len(self.said)

    def take(self, count: int) -> bytes:
        """The next few PDUs, in one run."""
        run = b"".join(self.said[self.sent : self.sent + count])
        self.sent = min(self.sent + count, len(self.said))
        return run

    def hear(self, run: Bytes) -> None:
        """`AssertionError` unless exactly these PDUs come next."""
        at = 0
        while at < len(run):
            size = pdu_size(run, at)
            if self.heard >= self.sent:
                raise AssertionError(f"{self.name}: a PDU that was never sent")
            if bytes(run[at : at + size]) != self.said[self.heard]:
                raise AssertionError(f"{self.name}: PDU {self.heard} was due, something else came")
            self.heard += 1
            at += size


def sizes(random: Random, count: int, largest: int) -> list[int]:
    """Mixed sizes: mostly large fragments, some small calls."""
    limits = ((16, 300) if random.random() < 0.3 else (300, largest) for _ in range(count))
    return [random.randint(low, high) for low, high in limits]
