"""One direction's half of a virtual connection, at the client or the server: windows and nothing else.

The windows are the package's own, so that both ends of the benchmark keep the same rules as everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rpch.dcerpc.framing import Bytes
from rpch.rts.commands import FlowControlAck
from rpch.vconn.events import Action, Forward, Leg, Place
from rpch.vconn.flow import Inlet, Outlet, SendWindow

WINDOW: Final = 65_536  # what both ends announce, as Windows does

Write = Callable[[Bytes], None]
NO_LEG: Final = Leg(Place.IN_T)  # these flows have one leg each, which needs no name


class Half:
    """The channel of one direction: what may be sent on it, or what came and is to be acknowledged."""

    def __init__(
        self, cookie: bytes, write: Write, peer_window: int, acknowledge: Callable[[FlowControlAck], None]
    ) -> None:
        self.write = write
        self._cookie = cookie
        self._outlet = Outlet(NO_LEG, SendWindow(peer_window, cookie, strict=True))

        def told(ack: FlowControlAck) -> list[Action]:
            acknowledge(ack)
            return []

        self._inlet = Inlet(WINDOW, cookie, told, strict=True)

    def resize(self, peer_window: int) -> None:
        """The peer has said what it can take."""
        self._outlet.window = SendWindow(peer_window, self._cookie, strict=True)

    def submit(self, run: Bytes) -> None:
        """Send RPC PDUs as the window allows."""
        self._send(self._outlet.submit(run, None))

    def acknowledged(self, ack: FlowControlAck) -> None:
        """The receiver has taken some."""
        self._outlet.window.acknowledge(ack)
        self._send(self._outlet.pump())

    def arrived(self, size: int) -> None:
        """RPC PDUs came in."""
        self._inlet.arrived(size)

    def consumed(self, size: int) -> None:
        """They are done with; the sender is told when it is due."""
        self._inlet.consumed(size)

    def _send(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Forward):
                self.write(action.run)
