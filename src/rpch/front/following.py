"""Following a configuration file: at SIGHUP, and when the file changes."""

from __future__ import annotations

import asyncio
import signal
from typing import Final, Protocol

LOOK_EVERY: Final = 2.0  # seconds


class Follower(Protocol):
    """Whoever can read its settings again."""

    def changed(self) -> bool:
        """Whether there is something new since this was last asked."""

    def reload(self) -> None:
        """Go by what is written there now."""


async def follow(reloader: Follower, *, every: float = LOOK_EVERY) -> None:
    """Reload when told to, or when the files have changed; for ever."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, told.set)
    try:
        while True:
            try:
                await asyncio.wait_for(told.wait(), every)
            except TimeoutError:
                if not reloader.changed():
                    continue
            told.clear()
            reloader.changed()
            reloader.reload()
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
