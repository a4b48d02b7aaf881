"""Wakes whoever feeds a machine when the machine's deadline has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """One timer at most. `deadline` is what it waits for; it is set only when that changes."""

    __slots__ = ("_loop", "_timer", "_wake", "deadline")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.deadline: float | None = None

    def set(self, deadline: float | None) -> None:
        """Wake then, and no longer when it was to be; None: never."""
        self.deadline = deadline
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = self.deadline = None
        self._wake()
