"""Which RTS PDU a party may write on which leg: the sending side of the specification's list of PDUs.

The machines' own tables say what they accept. This one was written from MS-RPCH 2.2.4 alone, so that
a mistake in theirs is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rpch.rts import pdus
from rpch.rts.commands import ForwardDestination
from rpch.rts.pdus import RtsPdu, read_message
from rpch.vconn.events import Action, Forward, PassOn, Place, Send

CLIENT, IN_PROXY = ForwardDestination.CLIENT, ForwardDestination.IN_PROXY
SERVER, OUT_PROXY = ForwardDestination.SERVER, ForwardDestination.OUT_PROXY

SAYABLE: Final[Mapping[tuple[ForwardDestination, Place], tuple[type[RtsPdu], ...]]] = {
    (CLIENT, Place.IN_H): (
        pdus.ConnB1,
        pdus.InR1A1,
        pdus.InR1A5,
        pdus.InR2A5,
        pdus.OutR1A7,
        pdus.OutR2A7,
        pdus.KeepAlive,
        pdus.Ping,
        pdus.AckWithDestination,
    ),
    (CLIENT, Place.OUT_H): (pdus.ConnA1, pdus.OutR1A3, pdus.OutR1A11, pdus.OutR2C1),
    (IN_PROXY, Place.IN_T): (
        pdus.ConnB2,
        pdus.InR1A2,
        pdus.InR1A6,
        pdus.InR1B1,
        pdus.InR2A2,
        pdus.OutR1A8,
        pdus.OutR2A7,  # A8 with A7's version in it: forwarding changes nothing
        pdus.AckWithDestination,
    ),
    (SERVER, Place.IN_T): (pdus.ConnB3, pdus.InR1B2, pdus.Ack),
    (SERVER, Place.OUT_T): (
        pdus.ConnC1,
        pdus.InR1A3,
        pdus.InR2A3,
        pdus.OutR1A1,
        pdus.OutR1A5,
        pdus.OutR1A9,
        pdus.OutR2A5,
        pdus.OutR2B1,
        pdus.OutR2B2,
        pdus.AckWithDestination,
    ),
    (OUT_PROXY, Place.OUT_T): (
        pdus.ConnA2,
        pdus.OutR1A4,
        pdus.OutR2A4,
        pdus.PingTrafficSent,
        pdus.Ack,
    ),
    (OUT_PROXY, Place.OUT_H): (
        pdus.ConnA3,
        pdus.ConnC2,
        pdus.InR1A4,
        pdus.InR2A4,
        pdus.OutR1A2,
        pdus.OutR1A6,
        pdus.OutR1A10,
        pdus.OutR2A6,
        pdus.OutR2B3,
        pdus.Ping,
        pdus.AckWithDestination,
    ),
}
# RPC PDUs flow one way only.
FLOWS: Final = {(CLIENT, Place.IN_H), (IN_PROXY, Place.IN_T), (SERVER, Place.OUT_T), (OUT_PROXY, Place.OUT_H)}


def check_said(role: ForwardDestination, action: Action) -> None:
    """`AssertionError` when this party may not write that there."""
    match action:
        case Forward(leg=leg):
            if (role, leg.place) not in FLOWS:
                raise AssertionError(f"{role.name} wrote RPC PDUs on {leg}")
        case Send(leg=leg, pdu=pdu):
            if type(pdu) not in SAYABLE.get((role, leg.place), ()):
                raise AssertionError(f"{role.name} wrote {pdu.NAME} on {leg}")
            if not pdu.sendable:
                raise AssertionError(f"{role.name} wrote {pdu}, whose values are out of range")
        case PassOn(leg=leg, data=data):
            message = read_message(data)
            if not any(message.is_a(kind) for kind in SAYABLE.get((role, leg.place), ())):
                raise AssertionError(f"{role.name} passed on {message} on {leg}")
            if message.destination is None or message.destination == role:
                raise AssertionError(f"{role.name} passed on what was not for somebody else: {message}")
