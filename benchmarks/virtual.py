"""One direction's half of a virtual connection, at the client or the server: windows and nothing else.

It keeps the rules of the protocol in as few steps as can be, so that neither end of the benchmark is what
is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rpch.dcerpc.framing import Bytes, longest_prefix
from rpch.rts.commands import FlowControlAck

MODULUS: Final = 1 << 32

Write = Callable[[Bytes], None]


class Receiving:
    """The end where RPC PDUs arrive: acknowledges when less than half its window is left."""

    def __init__(self, cookie: bytes, window: int, acknowledge: Callable[[FlowControlAck], None]) -> None:
        self._cookie, self._window, self._acknowledge = cookie, window, acknowledge
        self._received, self._left = 0, window

    def took(self, size: int) -> None:
        """RPC PDUs came and were used."""
        self._received += size
        self._left -= size
        if self._left < self._window // 2:
            self._left = self._window
            self._acknowledge(FlowControlAck(self._received % MODULUS, self._window, self._cookie))


class Sending:
    """The end where RPC PDUs leave, as the other end's window allows."""

    def __init__(self, write: Write, window: int) -> None:
        self.write = write
        self._sent, self._available = 0, window
        self._waiting = memoryview(b"")

    def resize(self, window: int) -> None:
        """The other end has said what it can take."""
        self._available = window

    def submit(self, run: Bytes) -> None:
        """Send RPC PDUs. A call is made when the one before has ended, so nothing else waits."""
        size = len(run)
        if size > self._available:
            self._waiting = memoryview(run)
            self._pump()
            return
        self._available -= size
        self._sent += size
        self.write(run)

    def acknowledged(self, ack: FlowControlAck) -> None:
        """The other end has taken some."""
        self._available = ack.available_window - (self._sent - ack.bytes_received) % MODULUS
        if self._waiting:
            self._pump()

    def _pump(self) -> None:
        size = longest_prefix(self._waiting, self._available)
        run, self._waiting = self._waiting[:size], self._waiting[size:]
        self._available -= size
        self._sent += size
        if size:
            self.write(bytes(run))
