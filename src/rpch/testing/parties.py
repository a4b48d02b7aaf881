"""The processes of the simulated world: proxy nodes, each with tables of its own, and the one server.

Both ask `vconn.arrivals` where a new leg belongs, as they do in earnest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rpch.dcerpc.framing import Bytes
from rpch.errors import ProxyError
from rpch.testing.lines import Declined, End
from rpch.testing.seats import Ear, ProxySeat, Seat, ServerSeat
from rpch.vconn.arrivals import (
    Begun,
    Joined,
    Placement,
    Refused,
    place_at_server,
    place_inbound,
    place_outbound,
)
from rpch.vconn.events import Leg, Place
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.machine import Machine
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.server import ServerConnection
from rpch.vconn.tables import Owner, VirtualConnections

if TYPE_CHECKING:
    from rpch.testing.world import World


class Node:
    """A proxy process: a table for each role, shared with nobody."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.alive = world, name, True
        self.inbound: VirtualConnections[InboundProxy] = VirtualConnections()
        self.outbound: VirtualConnections[OutboundProxy] = VirtualConnections()
        self.seats: dict[Machine, ProxySeat] = {}

    def expect(self, place: Place, end: End, owner: Owner) -> None:
        """An HTTP request comes in; its head is good, its first PDU will say what it is."""
        Ear(end, None, None, lambda data: self._place(place, end, owner, data))

    def forget(self, machine: Machine) -> None:
        """A machine has ended."""
        self.seats.pop(machine, None)
        if isinstance(machine, InboundProxy):
            self.inbound.remove(machine.virtual_connection, machine)
        if isinstance(machine, OutboundProxy):
            self.outbound.remove(machine.virtual_connection, machine)

    def die(self) -> None:
        """The process is gone, and all that was in it."""
        self.alive = False
        for seat in list(self.seats.values()):
            seat.die()

    def _place(self, place: Place, end: End, owner: Owner, data: Bytes) -> tuple[Seat, Leg] | None:
        leg, settings = Leg(place, self.world.next_number(place)), self.world.plan.proxy
        placed: Placement[InboundProxy] | Placement[OutboundProxy]
        if place is Place.IN_H:
            placed = place_inbound(leg, data, self.inbound, owner, settings)
        else:
            placed = place_outbound(leg, data, self.outbound, owner, settings)
        match placed:
            case Refused(why=why):
                end.send(Declined(ProxyError(503, str(why))))
                end.close()
                return None
            case Begun(machine=machine, actions=actions):
                role = "in" if place is Place.IN_H else "out"
                seat = self.seats[machine] = ProxySeat(self.world, f"{self.name}.{role}", machine, self)
                seat.attach(leg, end)
                seat.act(None, "-", actions)
                return seat, leg
            case Joined(machine=machine, event=event):
                seat = self.seats[machine]
                seat.attach(leg, end)
                seat.feed(event)
                return seat, leg


class ServerProcess:
    """The one process in which all legs of a virtual connection meet."""

    def __init__(self, world: World) -> None:
        self.world, self.listening = world, True
        self.table: VirtualConnections[ServerConnection] = VirtualConnections()
        self.seats: dict[Machine, ServerSeat] = {}

    def expect(self, end: End) -> None:
        """A TCP connection comes in; its first PDU will say what it is."""
        Ear(end, None, None, lambda data: self._place(end, data))

    def forget(self, machine: Machine) -> None:
        """A machine has ended."""
        self.seats.pop(machine, None)
        if isinstance(machine, ServerConnection):
            self.table.remove(machine.virtual_connection, machine)

    def _place(self, end: End, data: Bytes) -> tuple[Seat, Leg] | None:
        world = self.world
        manual = world.plan.server_consumes_slowly
        placed = place_at_server(data, self.table, world.plan.server, now=world.clock.now, manual=manual)
        match placed:
            case Refused():
                end.close()
                return None
            case Begun(machine=machine, leg=leg, actions=actions):
                seat = self.seats[machine] = ServerSeat(world, "server", machine)
                seat.attach(leg, end)
                seat.act(None, "-", actions)
                return seat, leg
            case Joined(machine=machine, leg=leg, event=event):
                seat = self.seats[machine]
                seat.attach(leg, end)
                seat.feed(event)
                return seat, leg
