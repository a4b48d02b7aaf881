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

    __slots__ = ("_drained", "_timer", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Begin to close, behind what was written."""
        self._transport, self._drained = transport, 0
        self._timer: asyncio.TimerHandle | None = None
        if transport.is_closing():
            return
        loop = asyncio.get_running_loop()
        if transport.can_write_eof():
            transport.write_eof()
            self._timer = loop.call_later(LINGER, transport.abort)
        else:
            self._timer = loop.call_later(LINGER, transport.close)

    def drain(self, size: int) -> None:
        """The peer still sends; it may, within limits."""
        self._drained += size
        if self._drained > LINGER_BYTES:
            self._transport.abort()

    def lost(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
