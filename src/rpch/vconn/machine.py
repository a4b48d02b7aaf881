"""What the machines of the four roles have in common.

A machine turns events into actions. It owns the legs of one virtual connection on its node. Each
role's module has tables that say which RTS PDU is legal on which leg in which state; the decoder
reads them, and so do the tests and the diagrams.

Four rules hold for every role:
- An RTS PDU whose first command is a Destination that is not this role is passed on, unchanged, to
  the next hop in its direction, whatever it is. (3.2.1.5.2)
- Whatever else is not in the tables ends the virtual connection. (3.2.x.5)
- Ending is idempotent: in the final state nothing does anything.
- What hands something to the RPC layer comes last in a turn. It may answer at once, while the turn's
  actions are being carried out; what was decided before must not leave after that answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import ClassVar

from rpch.errors import RemoteProtocolError, RpchError, UnexpectedMessage
from rpch.rts.commands import ForwardDestination
from rpch.rts.pdus import RtsMessage, RtsPdu, read_message, recognise
from rpch.vconn.events import (
    Action,
    Closed,
    CloseLeg,
    Congested,
    Event,
    Leg,
    NonsenseArrived,
    PassOn,
    Place,
    Relieved,
    RpcArrived,
    RtsArrived,
    Tick,
)
from rpch.vconn.flow import Inlet, Outlet


class Timer(Enum):
    """What a machine may be waiting for."""

    SETUP = auto()  # the virtual connection to open
    PING = auto()  # a channel to have been silent for too long
    IN = auto()  # the virtual IN channel to be recycled
    OUT = auto()  # the virtual OUT channel to be recycled
    ACK = auto()  # a client to acknowledge for the first time


class Machine(ABC):
    """Decides for one role. Feed it events and carry out its actions."""

    ROLE: ClassVar[ForwardDestination]
    NEXT_HOP: ClassVar[Mapping[int, Place]]  # where an RTS PDU for somebody else goes
    RTS_LIMIT: ClassVar[int] = 66_000  # Padding may be 0xFFFF bytes long

    virtual_connection: bytes  # its cookie

    def __init__(self) -> None:
        self.deadline: float | None = None  # when the driver owes us a Tick
        self._timers: dict[Timer, float] = {}
        self.finished = False
        self.why: RpchError | None = None
        self.now = 0.0

    @property
    @abstractmethod
    def condition(self) -> str:
        """The state, or states, by the specification's names; for the trace."""

    def start(self) -> list[Action]:
        """The first orders, before anything has happened."""
        return []

    @abstractmethod
    def legs(self) -> list[Leg]:
        """Every leg that is open on this node."""

    @abstractmethod
    def inlets(self) -> list[Inlet]:
        """The receiving ends, for whoever wants to look at their windows."""

    @abstractmethod
    def outlets(self) -> list[Outlet]:
        """The sending ends, for whoever wants to look at their windows, lifetimes and queues."""

    def handle(self, event: Event, now: float) -> list[Action]:
        """What to do about it. A peer's mistake leaves as an action, never as an exception."""
        if self.finished:
            return []
        self.now = now
        try:
            if type(event) is RpcArrived:
                return self.rpc_arrived(event)
            if type(event) is RtsArrived:
                return self._rts_arrived(event)
            return self._rarer(event)
        except RemoteProtocolError as why:
            return self.abort(why)

    def _rarer(self, event: Event) -> list[Action]:
        """What is not for every PDU; most of it is a matter of the role."""
        match event:
            case Congested(leg=leg) | Relieved(leg=leg):
                return self.congestion(leg, congested=isinstance(event, Congested))
            case NonsenseArrived(leg=leg, why=why):
                return self.abort(why) if leg in self.legs() else []
            case Tick():
                return self._ticked()
            case _:
                return self.turn(event)

    @abstractmethod
    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        """A run of RPC PDUs; the hot path."""

    @abstractmethod
    def turn(self, event: Event) -> list[Action]:
        """Everything else that this role has to do with; what it has not raises `unexpected`."""

    @abstractmethod
    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        """The RTS PDUs worth recognising on this leg now.  MS-RPCH 2.2.4.1"""

    @abstractmethod
    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        """An RTS PDU that is legal on this leg now."""

    @abstractmethod
    def outlet(self, place: Place) -> Outlet | Leg | None:
        """What leads towards a place: an outlet that may be plugged, a bare leg, or nothing yet."""

    def congestion(self, leg: Leg, *, congested: bool) -> list[Action]:
        """TCP takes no more on a leg, or takes on: RPC PDUs wait meanwhile, whatever the window says.

        So what a leg may hold is bounded, however large a window its peer announces.
        """
        for outlet in self.outlets():
            if outlet.leg is leg:
                outlet.congested = congested
                return [] if congested else self.let_go(outlet)
        return []

    def let_go(self, outlet: Outlet) -> list[Action]:
        """What may leave now that there is room for it, and what follows from that."""
        return outlet.pump()

    def held(self, leg: Leg, message: RtsMessage, data: bytes) -> bool:
        """Whether this leg's PDUs must wait for now, and this one does too."""
        return False

    @abstractmethod
    def timed_out(self, timer: Timer) -> list[Action]:
        """One of the timers that were set has run down."""

    def set_timer(self, timer: Timer, at: float) -> None:
        """Let a timer run down then."""
        self._timers[timer] = at
        self.deadline = min(self._timers.values())

    def stop_timer(self, timer: Timer) -> None:
        """Let it not run down."""
        if self._timers.pop(timer, None) is not None:
            self.deadline = min(self._timers.values(), default=None)
        if not self._timers:
            self._timers = {}  # one that was ever full stays as large as it was

    def _ticked(self) -> list[Action]:
        """The deadline has come for some of the timers."""
        actions: list[Action] = []
        for timer in [timer for timer, at in self._timers.items() if at <= self.now]:
            self.stop_timer(timer)
            if not self.finished:
                actions += self.timed_out(timer)
        return actions

    def _rts_arrived(self, event: RtsArrived) -> list[Action]:
        leg, data = event.leg, bytes(event.data)
        if leg not in self.legs():
            return []  # closed by us; what still comes from there concerns nobody
        message = read_message(data)
        if self.held(leg, message, data):
            return []
        destination = message.destination
        if destination is not None and destination != self.ROLE:
            return self.pass_on(leg, message, data)
        return self.rts_recognised(leg, recognise(message, self.legal(leg)))

    def pass_on(self, leg: Leg, message: RtsMessage, data: bytes) -> list[Action]:
        """Forward what is meant for somebody else.  MS-RPCH 3.2.1.5.2"""
        place = self.NEXT_HOP.get(message.destination if message.destination is not None else -1)
        if place is None or place is leg.place:
            raise UnexpectedMessage(f"destination {message.destination} from {leg}", state=self.condition)
        return self.write_rts(place, data)

    def write_rts(self, place: Place, data: bytes) -> list[Action]:
        """Pass RTS bytes on towards a place: at once, or when its plug is pulled.

        RTS PDUs never wait for a window; a plugged leg holds everything, and so does one that has
        its last word queued.
        """
        outlet = self.outlet(place)
        if outlet is None:
            raise UnexpectedMessage(f"nothing leads to {place.value} yet", state=self.condition)
        if isinstance(outlet, Leg):
            return self.passed_on(outlet, data)
        if outlet.plugged or outlet.parting:
            if sum(map(len, outlet.held)) > self.RTS_LIMIT:
                raise UnexpectedMessage("too much for a plugged channel", state=self.condition)
            outlet.held += (data,)
            return []
        return self.passed_on(outlet.leg, data)

    def passed_on(self, leg: Leg, data: bytes) -> list[Action]:
        """Write RTS bytes; roles that count a lifetime count them here."""
        return [PassOn(leg, data)]

    def unexpected(self, what: object) -> UnexpectedMessage:
        name = what.NAME if isinstance(what, RtsPdu) else type(what).__name__
        return UnexpectedMessage(name, state=self.condition)

    def abort(self, why: RpchError | None) -> list[Action]:
        """End it here: close every leg on this node. The other parties see that, and follow."""
        legs = self.legs()
        self.finished, self.deadline, self.why = True, None, why
        self._timers.clear()
        return [*(CloseLeg(leg) for leg in legs), Closed(why)]


def state_names(*states: Enum) -> str:
    """States for people: `OPENED/OPENED_A4W`."""
    return "/".join(state.name for state in states)
