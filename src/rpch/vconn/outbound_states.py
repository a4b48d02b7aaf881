"""The outbound proxy's states, and what leads from one to another.  MS-RPCH 3.2.4

The decoder, the tests and the diagrams read these tables; nothing else moves the state, but for what
ends the machine: a leg that is lost, a mistake of a peer, a time-out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from rpch.rts.pdus import (
    AckWithDestination,
    ConnC1,
    OutR1A9,
    OutR1A11,
    OutR2B1,
    OutR2B2,
    OutR2C1,
    RtsPdu,
)
from rpch.vconn.events import Connected, ConnectFailed, Event, Place, SuccessorArrived


class OutState(Enum):
    """The outbound proxy's states, by their names in MS-RPCH 3.2.4."""

    __hash__ = object.__hash__  # an Enum's own is a function in Python, and tables are read for every PDU

    CONNECTING = auto()  # ours: the server leg of CONN/A1 is being opened
    C1W = auto()
    CONNECTING_R1 = auto()  # ours: the same for OUT_R1/A3
    A11W = auto()
    OPENED = auto()
    B1_OR_C1W = auto()
    B1W = auto()
    R2C1W = auto()
    FLUSHING = auto()  # ours: after OUT_R1/A9, until the last queued PDU and OUT_R1/A10 have left
    FINISHED = auto()


S = OutState

# Which PDU is legal on which leg in which state, and where it leads. `SUCCESSOR` is the successor's OUT-H.
SUCCESSOR = "successor OUT-H"
TRANSITIONS: Final[Mapping[OutState, Mapping[tuple[Place | str, type[RtsPdu]], OutState]]] = {
    S.CONNECTING: {},
    S.C1W: {(Place.OUT_T, ConnC1): S.OPENED},
    S.CONNECTING_R1: {},
    S.A11W: {(Place.OUT_H, OutR1A11): S.OPENED},
    S.OPENED: {(Place.OUT_T, OutR1A9): S.FLUSHING},
    S.B1_OR_C1W: {
        (Place.OUT_T, OutR2B1): S.R2C1W,
        (Place.OUT_T, OutR2B2): S.OPENED,
        (SUCCESSOR, OutR2C1): S.B1W,
    },
    S.B1W: {(Place.OUT_T, OutR2B1): S.OPENED, (Place.OUT_T, OutR2B2): S.OPENED},
    S.R2C1W: {(SUCCESSOR, OutR2C1): S.OPENED},
    S.FLUSHING: {},
    S.FINISHED: {},
}
# What else moves it.
MOVES: Final[Mapping[OutState, Mapping[type[Event], OutState]]] = {
    S.CONNECTING: {Connected: S.C1W, ConnectFailed: S.FINISHED},
    S.C1W: {},
    S.CONNECTING_R1: {Connected: S.A11W, ConnectFailed: S.FINISHED},
    S.A11W: {},
    S.OPENED: {SuccessorArrived: S.B1_OR_C1W},
    S.B1_OR_C1W: {},
    S.B1W: {},
    S.R2C1W: {},
    S.FLUSHING: {},
    S.FINISHED: {},
}
# What this role does of its own accord: when OUT_R1/A10 has left, it is done.
OWN_MOVES: Final[Mapping[OutState, OutState]] = {S.FLUSHING: S.FINISHED}
# And what leads nowhere else, in any state.
ALWAYS: Final[Mapping[Place, tuple[type[RtsPdu], ...]]] = {Place.OUT_T: (AckWithDestination,)}
