"""Requests of a client that does not take its answers wait, so that not the answers pile up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from rpch.dcerpc.framing import pdus_in

HELD_LIMIT: Final = 1024 * 1024  # bytes of requests


class Inbox:
    """Hands PDUs on one by one, and keeps them while `full` says that too much waits on the way back."""

    __slots__ = ("_full", "_give_up", "_held", "_receive", "_releasing", "_size")

    def __init__(
        self, receive: Callable[[bytes], None], full: Callable[[], bool], give_up: Callable[[], None]
    ) -> None:
        """`give_up` ends a client that asks on and on."""
        self._receive, self._full, self._give_up = receive, full, give_up
        self._held: deque[bytes] | None = None  # most clients never need one
        self._size, self._releasing = 0, False

    def take(self, run: bytes | memoryview) -> None:
        """Whole PDUs have come."""
        for pdu in pdus_in(run):
            if self._held or self._full():
                self._hold(bytes(pdu))
            else:
                self._receive(bytes(pdu))
        if self._size > HELD_LIMIT:
            self.clear()
            self._give_up()

    def release(self) -> None:
        """There may be room again."""
        if self._releasing or not self._held:
            return  # an answer that is given at once brings us here from below
        self._releasing = True
        try:
            while self._held and not self._full():
                pdu = self._held.popleft()
                self._size -= len(pdu)
                self._receive(pdu)
        finally:
            self._releasing = False

    def clear(self) -> None:
        """Nobody answers any more."""
        self._held, self._size = None, 0

    def _hold(self, pdu: bytes) -> None:
        if self._held is None:
            self._held = deque()
        self._held.append(pdu)
        self._size += len(pdu)
