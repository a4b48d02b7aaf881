"""The inbound proxy's states, and what leads from one to another.  MS-RPCH 3.2.3

The decoder, the tests and the diagrams read these tables; nothing else moves the state, but for what
ends the machine: a leg that is lost, a mistake of a peer, a time-out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from rpch.rts.pdus import (
    Ack,
    ConnB3,
    InR1A5,
    InR1B2,
    InR2A5,
    KeepAlive,
    Ping,
    RtsPdu,
)
from rpch.vconn.events import Connected, ConnectFailed, Event, Place, SuccessorArrived


class InState(Enum):
    """The inbound proxy's states, by their names in MS-RPCH 3.2.3."""

    __hash__ = object.__hash__  # an Enum's own is a function in Python, and tables are read for every PDU

    CONNECTING = auto()  # ours: the server leg of CONN/B1 is being opened
    B3W = auto()
    CONNECTING_R1 = auto()  # ours: the same for IN_R1/A1
    WAIT_B2 = auto()
    OPENED = auto()
    OPENED_A5W = auto()
    FLUSHING = auto()  # ours: after IN_R1/A5, until the last queued PDU and IN_R1/B1 have left
    FINISHED = auto()


S = InState

# Which PDU is legal on which leg in which state, and where it leads.
TRANSITIONS: Final[Mapping[InState, Mapping[tuple[Place, type[RtsPdu]], InState]]] = {
    S.CONNECTING: {},
    S.B3W: {(Place.IN_T, ConnB3): S.OPENED},
    S.CONNECTING_R1: {},
    S.WAIT_B2: {(Place.IN_T, InR1B2): S.OPENED},
    S.OPENED: {(Place.IN_H, InR1A5): S.FLUSHING},
    S.OPENED_A5W: {(Place.IN_H, InR2A5): S.OPENED},
    S.FLUSHING: {},
    S.FINISHED: {},
}
# What else moves it.
MOVES: Final[Mapping[InState, Mapping[type[Event], InState]]] = {
    S.CONNECTING: {Connected: S.B3W, ConnectFailed: S.FINISHED},
    S.B3W: {},
    S.CONNECTING_R1: {Connected: S.WAIT_B2, ConnectFailed: S.FINISHED},
    S.WAIT_B2: {},
    S.OPENED: {SuccessorArrived: S.OPENED_A5W},
    S.OPENED_A5W: {},
    S.FLUSHING: {},
    S.FINISHED: {},
}
# What this role does of its own accord: when IN_R1/B1 has left, it is done.
OWN_MOVES: Final[Mapping[InState, InState]] = {S.FLUSHING: S.FINISHED}
# And what leads nowhere else, in any state.
ALWAYS: Final[Mapping[Place, tuple[type[RtsPdu], ...]]] = {
    Place.IN_H: (Ping, KeepAlive),
    Place.IN_T: (Ack,),
}
