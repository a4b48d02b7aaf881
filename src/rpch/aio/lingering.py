"""Closing so that the peer can read our last words.

A socket that is closed over unread bytes resets its connection, and what was still on its way is lost.
So this end only says that it has finished, reads on for a moment, and then goes.  MS-RPCH 2.1.2.1.3
"""

from __future__ import annotations

import asyncio
from typing import Final

LINGER: Final = 2.0  # seconds
LINGER_BYTES: Final = 256 * 1024


class Lingering:
    """The end of one transport. Whoever owns it passes on what still arrives, to `drain`."""

    __slots__ = ("_drained", "_timer", "_transport", "_unsent")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Begin to close, behind what was written."""
        self._transport, self._drained = transport, 0
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = transport.get_write_buffer_size()
        if transport.is_closing():
            return
        if transport.can_write_eof():
            transport.write_eof()
        self._wait()

    def drain(self, size: int) -> None:
        """The peer still sends; it may, within limits."""
        self._drained += size
        if self._drained > LINGER_BYTES:
            self._transport.abort()

    def lost(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._late)

    def _late(self) -> None:
        """The moment is over; a slow peer that still takes what was written gets another one."""
        transport, before = self._transport, self._unsent
        self._unsent = transport.get_write_buffer_size()
        if 0 < self._unsent < before:
            self._wait()
        elif transport.can_write_eof():
            transport.abort()
        else:
            transport.close()
