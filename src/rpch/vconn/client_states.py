"""The client's states, and what leads from one to another.  MS-RPCH 3.2.2

Opening, the virtual IN channel and the virtual OUT channel are three machines with states of their
own; the two channels run only while the connection is open. The decoder, the tests and the diagrams
read these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from rpch.rts.pdus import (
    AckWithDestination,
    ConnA3,
    ConnC2,
    InR1A4,
    InR2A4,
    OutR1A2,
    OutR1A6,
    OutR1A10,
    OutR2A6,
    OutR2B3,
    Ping,
    RtsPdu,
)
from rpch.vconn.events import ChannelAccepted, ChannelReady, Event


class ClientState(Enum):
    """The client's states while opening, by their names in MS-RPCH 3.2.2.5."""

    CHANNELS_WAIT = auto()  # ours: the two HTTP requests are being made
    OUT_CHANNEL_WAIT = auto()
    WAIT_A3W = auto()
    WAIT_C2 = auto()
    OPENED = auto()
    CLOSED = auto()


class ClientInState(Enum):
    """The virtual IN channel's states."""

    OPENED = auto()
    OPENING = auto()  # ours: the successor's HTTP request is being made
    OPENED_A4W = auto()


class ClientOutState(Enum):
    """The virtual OUT channel's states."""

    OPENED = auto()
    OPENING = auto()  # ours: the successor's HTTP request is being made
    OPENED_A6W = auto()
    OPENED_A10W = auto()
    B3W = auto()


C, I, O = ClientState, ClientInState, ClientOutState  # noqa: E741 - as short as the tables below

OPENING_TRANSITIONS: Final[Mapping[ClientState, Mapping[type[RtsPdu], ClientState]]] = {
    C.CHANNELS_WAIT: {},
    C.OUT_CHANNEL_WAIT: {},
    C.WAIT_A3W: {ConnA3: C.WAIT_C2},
    C.WAIT_C2: {ConnC2: C.OPENED},
    C.OPENED: {},
    C.CLOSED: {},
}
IN_TRANSITIONS: Final[Mapping[ClientInState, Mapping[type[RtsPdu], ClientInState]]] = {
    I.OPENED: {},
    I.OPENING: {},
    I.OPENED_A4W: {InR1A4: I.OPENED, InR2A4: I.OPENED},
}
OUT_TRANSITIONS: Final[Mapping[ClientOutState, Mapping[type[RtsPdu], ClientOutState]]] = {
    O.OPENED: {OutR1A2: O.OPENING},
    O.OPENING: {},
    O.OPENED_A6W: {OutR1A6: O.OPENED_A10W, OutR2A6: O.B3W},
    O.OPENED_A10W: {OutR1A10: O.OPENED},
    O.B3W: {OutR2B3: O.OPENED},
}
# What else moves it: HTTP, and a lifetime that is nearly used.
MOVES: Final[Mapping[ClientState, Mapping[type[Event], ClientState]]] = {
    C.CHANNELS_WAIT: {ChannelReady: C.OUT_CHANNEL_WAIT},  # when both are
    C.OUT_CHANNEL_WAIT: {ChannelAccepted: C.WAIT_A3W},
}
IN_MOVES: Final[Mapping[ClientInState, Mapping[type[Event], ClientInState]]] = {
    I.OPENING: {ChannelReady: I.OPENED_A4W},
}
IN_OWN_MOVES: Final[Mapping[ClientInState, ClientInState]] = {I.OPENED: I.OPENING}
OUT_MOVES: Final[Mapping[ClientOutState, Mapping[type[Event], ClientOutState]]] = {
    O.OPENING: {ChannelReady: O.OPENED_A6W},
}
ALWAYS: Final[tuple[type[RtsPdu], ...]] = (Ping, AckWithDestination)
