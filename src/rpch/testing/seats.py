"""Who sits where in the simulated world: a machine, its legs' lines, and what its place can do.

A seat is to a machine what the asyncio driver is in earnest: it feeds events and carries out actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rpch.dcerpc.framing import BrokenStream, Bytes, PduCutter, Piece
from rpch.errors import ProxyError, TransportError
from rpch.testing.clock import Appointment
from rpch.testing.lines import Accepted, Declined, End, Item
from rpch.vconn.events import (
    AcceptChannel,
    Action,
    ChannelAccepted,
    ChannelReady,
    ChannelRefused,
    Closed,
    CloseLeg,
    Connect,
    Connected,
    ConnectFailed,
    Deliver,
    Event,
    Forward,
    Leg,
    LegClosed,
    NonsenseArrived,
    OpenChannel,
    Opened,
    PassOn,
    RefuseChannel,
    RpcArrived,
    RtsArrived,
    Send,
    SetKeepalive,
    StopReading,
    Tick,
)
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.machine import Machine
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.tables import Owner

if TYPE_CHECKING:
    from rpch.testing.parties import Node
    from rpch.testing.world import World

Places = Callable[[Bytes], "tuple[Seat, Leg] | None"]


class Ear:
    """Hears what comes out of one line, and tells the seat it belongs to.

    A newcomer belongs to nobody until its first PDU has been placed.
    """

    def __init__(self, end: End, seat: Seat | None, leg: Leg | None, place: Places | None = None) -> None:
        self._end, self._seat, self._leg, self._place = end, seat, leg, place
        self._cutter = PduCutter()
        end.receive = self.hear

    def hear(self, item: Item) -> None:
        """Turn what arrived into events."""
        if isinstance(item, bytes):
            self._cut(item)
        elif self._seat is None or self._leg is None:
            return  # gone before it said anything
        elif isinstance(item, Accepted):
            self._seat.feed(ChannelAccepted(self._leg))
        elif isinstance(item, Declined):
            self._seat.feed(ChannelRefused(self._leg, item.why))
        else:
            self._seat.feed(LegClosed(self._leg))

    def _cut(self, data: bytes) -> None:
        try:
            pieces = self._cutter.feed(data)
        except BrokenStream as why:
            self._hear(why.pieces)
            heard = self._end.open or (self._seat is not None and self._seat.world.plan.hears_on)
            if heard and self._seat is not None and self._leg is not None:
                self._seat.feed(NonsenseArrived(self._leg, why))
            return
        self._hear(pieces)

    def _hear(self, pieces: list[Piece]) -> None:
        for rts, piece in pieces:
            if self._seat is None or self._leg is None:
                placed = self._place(piece) if self._place and rts else None
                if placed is None:
                    self._end.close()
                    return
                self._seat, self._leg = placed
            elif rts:
                self._seat.feed(RtsArrived(self._leg, piece))
            else:
                self._seat.feed(RpcArrived(self._leg, piece))
            if not self._end.open and not self._seat.world.plan.hears_on:
                return


class Seat:
    """One machine in its place."""

    def __init__(self, world: World, name: str, machine: Machine) -> None:
        self.world, self.name, self.machine = world, name, machine
        self.ends: dict[Leg, End] = {}
        self.dead = False
        self.ended_at = 0.0
        self._tick: Appointment | None = None
        self._tick_at: float | None = None
        world.seats.append(self)

    def __repr__(self) -> str:
        return self.name

    @property
    def virtual_connection(self) -> bytes:
        return self.machine.virtual_connection

    @property
    def over(self) -> bool:
        """Whether it has ended, or its process has."""
        return self.dead or self.machine.finished

    def start(self) -> None:
        """The first orders."""
        self.act(None, "-", self.machine.start())

    def attach(self, leg: Leg, end: End) -> None:
        """This leg runs on this line."""
        self.ends[leg] = end

    def feed(self, event: Event) -> None:
        """One turn of the machine."""
        if self.dead:
            return
        before = self.machine.condition
        actions = self.machine.handle(event, self.world.clock.now)
        self.act(event, before, actions)

    def act(self, event: Event | None, before: str, actions: list[Action]) -> None:
        """Carry out what was decided."""
        self.world.watch(self, event, before, actions)
        for action in actions:
            self.carry_out(action)
        self._rearm()

    def carry_out(self, action: Action) -> None:
        """Do one thing."""
        match action:
            case Forward(leg=leg, run=data) | PassOn(leg=leg, data=data):
                self.ends[leg].send(bytes(data))
            case Send(leg=leg, pdu=pdu):
                self.ends[leg].send(pdu.encode())
            case CloseLeg(leg=leg):
                if leg in self.ends:
                    self.ends[leg].close()
            case Closed():
                self.ended_at = self.world.clock.now
                self.ended()
            case Opened():
                self.world.opened(self)
            case _:
                raise AssertionError(f"{self} cannot {action}")

    def ended(self) -> None:
        """The machine has ended."""

    def die(self) -> None:
        """The process is gone; the world breaks its lines."""
        self.dead, self.ended_at = True, self.world.clock.now
        if self._tick is not None:
            self.world.clock.call_off(self._tick)

    def _rearm(self) -> None:
        deadline = self.machine.deadline
        if deadline == self._tick_at:
            return
        if self._tick is not None:
            self.world.clock.call_off(self._tick)
        self._tick_at, self._tick = deadline, None
        if deadline is not None:
            self._tick = self.world.clock.at(deadline, self._ticks, patient=True)

    def _ticks(self) -> None:
        self._tick_at = self._tick = None
        self.feed(Tick())


class ClientSeat(Seat):
    """A client: it opens HTTP requests, which land on any node."""

    def carry_out(self, action: Action) -> None:
        match action:
            case OpenChannel(leg=leg, content_length=length):
                self._open(leg, length)
            case Deliver(run=run):
                self.world.delivered(self, run)
            case _:
                super().carry_out(action)

    def _open(self, leg: Leg, length: int) -> None:
        world = self.world
        node = world.choose_node()
        line = world.new_line(self.virtual_connection, f"{self.name} {leg}", f"{node.name} {leg}")
        line.near.budget, line.far.budget = length, 0
        self.attach(leg, line.near)
        Ear(line.near, self, leg)
        owner = Owner(self.name, "server:6001")
        node.expect(leg.place, line.far, owner)

        def ready() -> None:
            if line.near.open and not line.broken:
                self.feed(ChannelReady(leg))

        world.clock.after(line.round_trip() * world.random.choice((1, 1, 2, 3)), ready)


class ProxySeat(Seat):
    """One half of a virtual connection on one node."""

    def __init__(self, world: World, name: str, machine: InboundProxy | OutboundProxy, node: Node) -> None:
        super().__init__(world, name, machine)
        self.node = node
        self.keepalive = 0.0

    def carry_out(self, action: Action) -> None:
        match action:
            case Connect(leg=leg):
                self._connect(leg)
            case AcceptChannel(leg=leg):
                end = self.ends[leg]
                end.budget = self.world.plan.proxy.channel_lifetime
                end.send(Accepted())
            case RefuseChannel(leg=leg, rpc_status=status, why=why):
                self.ends[leg].send(Declined(ProxyError(503, str(why), rpc_status=status)))
                self.ends[leg].close()
            case SetKeepalive(interval=interval):
                self.keepalive = interval
            case StopReading(leg=leg):
                raise AssertionError(f"{leg} was overrun by one of us")
            case _:
                super().carry_out(action)

    def ended(self) -> None:
        self.node.forget(self.machine)

    def _connect(self, leg: Leg) -> None:
        world = self.world
        line = world.new_line(self.virtual_connection, f"{self.name} {leg}", f"server {leg}")
        self.attach(leg, line.near)
        Ear(line.near, self, leg)
        listening = world.server.listening
        if listening:
            world.server.expect(line.far)

        def answered() -> None:
            if not line.near.open or line.broken:
                return
            if listening:
                self.feed(Connected(leg))
            else:
                line.far.open = False
                self.feed(ConnectFailed(leg, TransportError("connection refused")))

        world.clock.after(line.round_trip(), answered)


class ServerSeat(Seat):
    """One virtual connection at the server."""

    def carry_out(self, action: Action) -> None:
        match action:
            case Deliver(run=run):
                self.world.delivered(self, run)
            case _:
                super().carry_out(action)

    def ended(self) -> None:
        self.world.server.forget(self.machine)
