"""The server's states, and what leads from one to another.  MS-RPCH 3.2.5

The connection, its virtual IN channel and its virtual OUT channel are three machines with states of
their own; the two channels run only while the connection is open. The decoder, the tests and the
diagrams read these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from rpch.rts.pdus import (
    Ack,
    ConnA2,
    ConnB2,
    InR1A2,
    InR1A6,
    InR1B1,
    InR2A2,
    OutR1A4,
    OutR1A8,
    OutR2A4,
    OutR2A7,
    OutR2A8,
    PingTrafficSent,
    RtsPdu,
)
from rpch.vconn.events import Place


class ConnectionState(Enum):
    """The connection's states, by their names in MS-RPCH 3.2.5."""

    A2W = auto()
    B2W = auto()
    OPENED = auto()
    FINISHED = auto()


class InChannelState(Enum):
    """The virtual IN channel's states."""

    OPENED = auto()
    A6W = auto()
    OPENED_B1W = auto()


class OutChannelState(Enum):
    """The virtual OUT channel's states."""

    OPENED = auto()
    OPENED_A4W = auto()
    OPENED_A8W = auto()
    OPENED_R2A8W = auto()


C, I, O = ConnectionState, InChannelState, OutChannelState  # noqa: E741 - as short as the tables below

# What a new leg may bring: to which state of the connection, of the IN channel, of the OUT channel.
ARRIVALS: Final[Mapping[type[RtsPdu], tuple[Enum, Enum]]] = {
    ConnA2: (C.A2W, C.OPENED),
    ConnB2: (C.B2W, C.OPENED),
    InR1A2: (I.OPENED, I.A6W),
    OutR1A4: (O.OPENED_A4W, O.OPENED_A8W),
}
# What the legs that are there may bring.
IN_TRANSITIONS: Final[Mapping[InChannelState, Mapping[type[RtsPdu], InChannelState]]] = {
    I.OPENED: {InR2A2: I.OPENED},
    I.A6W: {InR1A6: I.OPENED_B1W},
    I.OPENED_B1W: {InR1B1: I.OPENED},
}
OUT_TRANSITIONS: Final[Mapping[OutChannelState, Mapping[tuple[Place, type[RtsPdu]], OutChannelState]]] = {
    O.OPENED: {},
    O.OPENED_A4W: {(Place.OUT_T, OutR2A4): O.OPENED_R2A8W},
    O.OPENED_A8W: {(Place.IN_T, OutR1A8): O.OPENED},
    O.OPENED_R2A8W: {(Place.IN_T, OutR2A7): O.OPENED, (Place.IN_T, OutR2A8): O.OPENED},
}
# What the server starts of its own accord, when a channel's lifetime is nearly used.
OWN_MOVES: Final[Mapping[OutChannelState, OutChannelState]] = {O.OPENED: O.OPENED_A4W}
ALWAYS: Final[Mapping[Place, tuple[type[RtsPdu], ...]]] = {
    Place.IN_T: (),
    Place.OUT_T: (Ack, PingTrafficSent),
}
