"""Clients that never acknowledge, and how an outbound proxy can tell.

Observed: Samba's client reads everything and acknowledges nothing. Held to the letter it would get as much
as its window holds, and then wait for the rest until it gives up.

An honest client that has stopped reading has acknowledged nothing either, if it stopped early enough. What
tells the two apart is that one goes on calling: who calls again has read the answer to the call before, and
who has read more than half a window has something to acknowledge. Of a client that makes several calls at
once a new answer says nothing, so it is never judged by it.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Final

from rpch.dcerpc.framing import Bytes, pdus_in

_LITTLE, _BIG = struct.Struct("<I"), struct.Struct(">I")
CALL_ID_AT: Final = 12  # in an RPC PDU's header  (C706 12.6.3.1)
FLAGS_AT: Final = 3
LAST_FRAGMENT: Final = 0x02
DREP_AT: Final = 4
LITTLE_ENDIAN: Final = 0x10


class SilentClients(StrEnum):
    """What becomes of a client that has acknowledged nothing, when its window is used up."""

    WAIT = "wait"  # its window is its window: the letter of MS-RPCH 3.2.1.4
    DEDUCE = "deduce"  # it is let off if it shows that it reads all the same
    RELEASE = "release"  # it is let off


class Silence:
    """What a client that has acknowledged nothing has shown meanwhile."""

    __slots__ = ("_answered", "_call", "_due", "_ended", "_overlapping", "_seen")

    def __init__(self, window: int) -> None:
        self._due = window // 2
        self._seen = self._answered = 0
        self._call: int | None = None
        self._ended = True
        self._overlapping = False

    def answering(self, run: Bytes, *, waiting: bool) -> None:
        """RPC PDUs came from the server; `waiting` says that earlier ones are still here."""
        for position, pdu in enumerate(pdus_in(run)):
            order = _LITTLE if pdu[DREP_AT] & LITTLE_ENDIAN else _BIG
            (call,) = order.unpack_from(pdu, CALL_ID_AT)
            if call != self._call:
                in_turn = self._ended and not waiting and position == 0
                self._overlapping |= self._call is not None and not in_turn
                self._call, self._answered = call, self._seen
            self._ended = bool(pdu[FLAGS_AT] & LAST_FRAGMENT)
            self._seen += len(pdu)

    @property
    def reads(self) -> bool:
        """Whether it must have read more than half of its window, though it does not say so."""
        return self._answered > self._due and not self._overlapping
