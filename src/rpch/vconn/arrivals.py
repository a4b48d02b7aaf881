"""Where a new leg belongs, judged by the first PDU it brings.  MS-RPCH 3.2.3.5, 3.2.4.5, 3.2.5.5

The same question arises at both proxies and at the server. The answer is a value: a machine that is
new here, a machine that was here already, or a refusal. At a proxy the answer also decides between
the two ways to recycle: a successor whose virtual connection is in this role's table joins it (R2),
any other is the beginning of a machine (R1).

Whoever carries out an answer enters nothing: a machine that begins is in the table already, and has
to be removed from it when it says `Closed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from rpch.dcerpc.framing import Bytes
from rpch.errors import AccessDenied, RemoteProtocolError, RpchError, UnexpectedMessage
from rpch.rts.commands import Cookie
from rpch.rts.pdus import ConnA1, ConnA2, ConnB1, ConnB2, InR1A1, InR1A2, OutR1A3, OutR1A4, RtsPdu, decode
from rpch.vconn.events import Action, Leg, Place, SuccessorArrived
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.machine import Machine
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.server import ServerConnection
from rpch.vconn.settings import ProxySettings, Settings
from rpch.vconn.tables import Owner, VirtualConnections

ACCESS_DENIED = 5
PROTOCOL_ERROR = 0x6C0
TAKEN: Final = "a virtual connection of that name is open"
UNKNOWN: Final = "no virtual connection of that name is open"
SERVERS_OWN: Final = Owner("", "")  # a server knows no HTTP identities: the cookie alone joins its legs

M = TypeVar("M", bound=Machine)


@dataclass(frozen=True, slots=True)
class Begun(Generic[M]):
    """A machine was made for this leg, and is in the table. These are its first orders."""

    machine: M
    leg: Leg
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Joined(Generic[M]):
    """The leg belongs to a machine that is here: let it handle this event."""

    machine: M
    leg: Leg
    event: SuccessorArrived


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing here wants this leg. A proxy answers 503 with the RPC status; a server just closes."""

    rpc_status: int
    why: RpchError


Placement = Begun[M] | Joined[M] | Refused


def place_inbound(
    leg: Leg, data: Bytes, table: VirtualConnections[InboundProxy], owner: Owner, settings: ProxySettings
) -> Placement[InboundProxy]:
    """A new IN channel with its first PDU.  MS-RPCH 3.2.3.5.3, 3.2.3.5.5"""
    try:
        pdu = decode(bytes(data), legal=(ConnB1, InR1A1))
        here = _find(table, pdu, owner)
        if here is not None and isinstance(pdu, InR1A1):
            return Joined(here, leg, SuccessorArrived(leg, pdu))
        if here is not None or not isinstance(pdu, ConnB1 | InR1A1):
            raise UnexpectedMessage(pdu.NAME, state=TAKEN)
    except (RemoteProtocolError, AccessDenied) as why:
        return _refused(why)
    machine = InboundProxy(leg, pdu, settings)
    table.add(machine.virtual_connection, machine, owner)
    return Begun(machine, leg, machine.start())


def place_outbound(
    leg: Leg,
    data: Bytes,
    table: VirtualConnections[OutboundProxy],
    owner: Owner,
    settings: ProxySettings,
    *,
    timeout: float | None = None,
) -> Placement[OutboundProxy]:
    """A new OUT channel with its first PDU; `timeout` is its MinConnTimeout.  MS-RPCH 3.2.4.5.3, 3.2.4.5.6"""
    try:
        pdu = decode(bytes(data), legal=(ConnA1, OutR1A3))
        here = _find(table, pdu, owner)
        if here is not None and isinstance(pdu, OutR1A3):
            return Joined(here, leg, SuccessorArrived(leg, pdu))
        if here is not None or not isinstance(pdu, ConnA1 | OutR1A3):
            raise UnexpectedMessage(pdu.NAME, state=TAKEN)
    except (RemoteProtocolError, AccessDenied) as why:
        return _refused(why)
    machine = OutboundProxy(leg, pdu, settings, timeout=timeout)
    table.add(machine.virtual_connection, machine, owner)
    return Begun(machine, leg, machine.start())


def place_at_server(
    data: Bytes,
    table: VirtualConnections[ServerConnection],
    settings: Settings,
    *,
    now: float,
    manual: bool = False,
) -> Placement[ServerConnection]:
    """A new TCP connection with its first PDU, which tells IN-T from OUT-T.  MS-RPCH 3.2.5.5"""
    try:
        pdu = decode(bytes(data), legal=(ConnA2, ConnB2, InR1A2, OutR1A4))
        here = _find(table, pdu, SERVERS_OWN)
        leg = _server_leg(pdu, here)
        if here is not None:
            return Joined(here, leg, SuccessorArrived(leg, pdu))
        if not isinstance(pdu, ConnA2 | ConnB2):
            raise UnexpectedMessage(pdu.NAME, state=UNKNOWN)
    except (RemoteProtocolError, AccessDenied) as why:
        return _refused(why)
    machine = ServerConnection(leg, pdu, settings, now=now, manual=manual)
    table.add(machine.virtual_connection, machine, SERVERS_OWN)
    return Begun(machine, leg, [])


def _find(table: VirtualConnections[M], pdu: RtsPdu, owner: Owner) -> M | None:
    """The living machine of the virtual connection that a first PDU names."""
    name = vars(pdu)["virtual_connection"]
    if not isinstance(name, Cookie):
        raise UnexpectedMessage(pdu.NAME, state="a first PDU")
    machine = table.find(name.value, owner)
    if machine is not None and machine.finished:
        table.remove(name.value, machine)
        return None
    return machine


def _server_leg(pdu: RtsPdu, here: ServerConnection | None) -> Leg:
    place = Place.IN_T if isinstance(pdu, ConnB2 | InR1A2) else Place.OUT_T
    before = None if here is None else here.in_t if place is Place.IN_T else here.out_t
    return Leg(place) if before is None else before.successor()


def _refused(why: RemoteProtocolError | AccessDenied) -> Refused:
    return Refused(ACCESS_DENIED if isinstance(why, AccessDenied) else PROTOCOL_ERROR, why)
