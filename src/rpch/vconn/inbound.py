"""The inbound proxy: client to server, IN-H to IN-T.  MS-RPCH 3.2.3

One machine is what this node knows of one virtual IN channel. It begins with CONN/B1 (a new virtual
connection) or IN_R1/A1 (a successor whose predecessor is on another node), with a connect to the
server, during which IN-T is plugged: nothing the client sends leaves before the server's CONN/B3 or
IN_R1/B2. Where the predecessor is on this node, the successor comes as an event to its machine
(IN_R2): what it sends is held until IN_R2/A5 has arrived on the predecessor, since the two travel on
different TCP connections.

Observed: Samba's client asks in HTTP/1.0, heeds no window, and stops reading at any RTS PDU that comes during
a call. So one that asks like that and has acknowledged nothing itself is not told of its window until it
can be waiting for it. If it sends more than it was offered instead, it is never told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from rpch.dcerpc.framing import Bytes
from rpch.errors import RpchError, TransportError, UnexpectedMessage
from rpch.rts.commands import (
    ClientAddress,
    ConnectionTimeout,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    Ack,
    AckWithDestination,
    ConnB1,
    ConnB2,
    ConnB3,
    InR1A1,
    InR1A2,
    InR1A5,
    InR1A6,
    InR1B1,
    InR1B2,
    InR2A2,
    InR2A5,
    KeepAlive,
    Ping,
    RtsMessage,
    RtsPdu,
)
from rpch.vconn.bound_cookies import bound_cookie
from rpch.vconn.events import (
    Action,
    CloseLeg,
    Connect,
    Connected,
    ConnectFailed,
    Event,
    Leg,
    LegClosed,
    Opened,
    Place,
    ReadOn,
    RefuseChannel,
    RpcArrived,
    RtsArrived,
    Send,
    SetKeepalive,
    StopReading,
    SuccessorArrived,
)
from rpch.vconn.flow import EAGER_BELOW, Inlet, Outlet, SendWindow, WindowViolated
from rpch.vconn.inbound_states import ALWAYS, MOVES, TRANSITIONS, S
from rpch.vconn.machine import Machine, Timer
from rpch.vconn.settings import KIB, ProxySettings

SERVER_UNAVAILABLE = 0x6BA
ONE_READ = 256 * KIB  # may come before a client can be stopped
KEEPALIVE_DEFAULT = 300.0  # ClientKeepalive 0  (2.2.3.5.6)
TO_CLIENT: Final = Destination(ForwardDestination.CLIENT)
FLUSHING: Final = S.FLUSHING  # at hand for the hot path: Python 3.11 is slow to find an Enum's members


class InboundProxy(Machine):
    """Decides for one virtual IN channel on this node."""

    ROLE = ForwardDestination.IN_PROXY
    NEXT_HOP: ClassVar[Mapping[int, Place]] = {
        ForwardDestination.CLIENT: Place.IN_T,
        ForwardDestination.SERVER: Place.IN_T,
        ForwardDestination.OUT_PROXY: Place.IN_T,
    }

    def __init__(self, leg: Leg, first: ConnB1 | InR1A1, settings: ProxySettings) -> None:
        super().__init__()
        self._settings = settings
        self._maybe_deaf = self._mute = settings.maybe_deaf
        self._first = first
        self.virtual_connection = first.virtual_connection.value
        cookie = first.in_channel if isinstance(first, ConnB1) else first.successor
        self.state = S.CONNECTING if isinstance(first, ConnB1) else S.CONNECTING_R1
        self.in_h = leg
        self.in_t = Leg(Place.IN_T)
        self._inlet = self._new_inlet(cookie.value)
        self._outlet = Outlet(self.in_t, SendWindow(0, cookie.value, strict=settings.strict), plugged=True)
        self._interval = first.keepalive.milliseconds if isinstance(first, ConnB1) else 0
        self._successor: Leg | None = None
        self._successor_inlet: Inlet | None = None
        self._held: list[tuple[bool, Bytes]] = []  # what the successor sent: (is RTS, bytes)
        self._stopped = False  # whether the client is made to wait

    @property
    def condition(self) -> str:
        return self.state.name

    def start(self) -> list[Action]:
        """The first order: connect to the server.  MS-RPCH 3.2.3.5.3, 3.2.3.5.5.2"""
        return [Connect(self.in_t)]

    def legs(self) -> list[Leg]:
        return [self.in_h, *([self._successor] if self._successor else []), self.in_t]

    def inlets(self) -> list[Inlet]:
        return [self._inlet, *([self._successor_inlet] if self._successor_inlet else [])]

    def outlets(self) -> list[Outlet]:
        return [self._outlet]

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        moves = [kind for place, kind in TRANSITIONS[self.state] if place is leg.place]
        return [*ALWAYS.get(leg.place, ()), *moves]

    def outlet(self, place: Place) -> Outlet | Leg | None:
        return self._outlet if place is Place.IN_T else None

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        leg, run = event.leg, event.run
        if leg is self.in_h and self.state is not FLUSHING:
            actions = self._outlet.relay(run, self._inlet)
            if self._maybe_deaf:
                self._listen_for_a_pause()
            return self._regulated(actions) if self._outlet.queue else actions
        if leg is self._successor:
            self._hold(False, run)
            return []
        raise self.unexpected(event)  # from the server, or behind IN_R1/A5

    def held(self, leg: Leg, message: RtsMessage, data: bytes) -> bool:
        if leg is not self._successor:
            return False
        if message.is_a(InR2A5):
            raise UnexpectedMessage("IN_R2/A5 on the successor", state=self.condition)  # (3.2.3.5.8)
        self._hold(True, data)
        return True

    def turn(self, event: Event) -> list[Action]:
        match event:
            case Connected() if Connected in MOVES[self.state]:
                return self._connected()
            case ConnectFailed(why=why) if ConnectFailed in MOVES[self.state]:
                return self._refuse(why)
            case SuccessorArrived(leg=leg, pdu=InR1A1() as pdu):
                return self._successor_arrived(leg, pdu)
            case SuccessorArrived(leg=leg):
                return [CloseLeg(leg), *self.abort(self.unexpected(event))]
            case LegClosed(leg=leg):
                return self._leg_closed(leg)
            case _:
                raise self.unexpected(event)

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        if isinstance(pdu, Ack):  # first, for it comes often; it never leads anywhere
            return self._acknowledged(pdu.ack)
        self.state = TRANSITIONS[self.state].get((leg.place, type(pdu)), self.state)
        match pdu:
            case Ping():
                return []
            case KeepAlive(keepalive=keepalive):
                return self._keepalive(keepalive.milliseconds)
            case ConnB3(window=window) | InR1B2(window=window):
                return self._opened(window.size)
            case InR1A5(successor=successor):
                return self._flush(successor)
            case InR2A5(successor=successor):
                return self._switch(successor)
            case _:
                raise self.unexpected(pdu)

    def _connected(self) -> list[Action]:
        window = ReceiveWindowSize(self._settings.receive_window)
        timeout = ConnectionTimeout(int(self._settings.connection_timeout * 1000))
        self.state = MOVES[self.state][Connected]
        first, vc = self._first, bound_cookie(self._first.virtual_connection, self._settings.bound_to)
        del self._first  # it has been told; channels live for days
        match first:
            case ConnB1(in_channel=cookie, group=group):
                self.set_timer(Timer.SETUP, self.now + self._settings.setup_timeout)
                client = ClientAddress(self._settings.client)
                hello: RtsPdu = ConnB2(Version(1), vc, cookie, window, timeout, group, client)
            case InR1A1(predecessor=predecessor, successor=cookie):
                hello = InR1A2(Version(1), vc, predecessor, cookie, window, timeout)
        return [*self._keepalive(self._interval), Send(self.in_t, hello)]

    def _opened(self, window: int) -> list[Action]:
        self.stop_timer(Timer.SETUP)
        name = self._outlet.window.cookies[0]
        self._outlet.window = SendWindow(window, name, strict=self._settings.strict)
        return self._regulated([Opened(), *self._outlet.unplug(self.passed_on)])

    def _acknowledged(self, ack: FlowControlAck) -> list[Action]:
        if ack.channel not in self._outlet.window.cookies:
            return []  # of a channel that is gone (3.2.1.5.1.2)
        self._outlet.window.acknowledge(ack)
        return self.let_go(self._outlet)

    def let_go(self, outlet: Outlet) -> list[Action]:
        return self._regulated(outlet.pump())

    def _listen_for_a_pause(self) -> None:
        """What a client does that was not told of its window: it goes on, or it waits."""
        if self._inlet.advertised < 0:
            self._maybe_deaf = False
            self.stop_timer(Timer.ACK)
        elif self._inlet.advertised < EAGER_BELOW:
            self.set_timer(Timer.ACK, self.now + self._settings.silence_timeout)

    def _speak_up(self) -> list[Action]:
        """The client knows of windows."""
        self._maybe_deaf = self._mute = self._inlet.mute = False
        self.stop_timer(Timer.ACK)
        return self._inlet.acknowledge() if self._inlet.advertised < self._inlet.due_below else []

    def pass_on(self, leg: Leg, message: RtsMessage, data: bytes) -> list[Action]:
        passed = super().pass_on(leg, message, data)
        if self._mute and leg is self.in_h and message.is_a(AckWithDestination):
            return [*passed, *self._speak_up()]
        return passed

    def _regulated(self, actions: list[Action]) -> list[Action]:
        """A client that does not wait for its window waits for TCP.

        Observed: neither FreeRDP nor impacket knows flow control for what it sends.
        """
        if self.finished or self._inlet.overrun is self._stopped:
            return actions
        self._stopped = not self._stopped
        return [*actions, StopReading(self.in_h) if self._stopped else ReadOn(self.in_h)]

    def _keepalive(self, milliseconds: int) -> list[Action]:
        self._interval = milliseconds
        if Connected in MOVES[self.state]:
            return []  # there is nothing yet to keep alive
        return [SetKeepalive(self.in_t, max(milliseconds / 1000, 1.0) if milliseconds else KEEPALIVE_DEFAULT)]

    def _flush(self, successor: Cookie) -> list[Action]:
        """The successor is on another node. A6 goes at once, B1 behind the last PDU.  MS-RPCH 3.2.3.5.6"""
        return [Send(self.in_t, InR1A6(successor)), *self._outlet.mark(self._flushed)]

    def _flushed(self) -> list[Action]:
        last = Send(self.in_t, InR1B1(Empty()))
        return [last, *self.abort(None)]

    def _successor_arrived(self, leg: Leg, pdu: InR1A1) -> list[Action]:
        """A successor on this node.  MS-RPCH 3.2.3.5.5.1"""
        state = MOVES[self.state].get(SuccessorArrived)
        if state is None or pdu.predecessor.value != self._inlet.cookie:
            return [CloseLeg(leg), *self.abort(self.unexpected(pdu))]
        self.state = state
        self.set_timer(Timer.IN, self.now + self._settings.setup_timeout)
        self._successor = leg
        self._successor_inlet = self._new_inlet(pdu.successor.value)
        self._outlet.window.rename(pdu.successor.value)
        return [Send(self.in_t, InR2A2(pdu.successor))]

    def _switch(self, successor: Cookie) -> list[Action]:
        """The predecessor has sent its last PDU.  MS-RPCH 3.2.3.5.8"""
        leg, inlet = self._successor, self._successor_inlet
        if leg is None or inlet is None:
            raise self.unexpected(InR2A5(successor))
        self.stop_timer(Timer.IN)
        held, self._held = self._held, []
        self._successor = self._successor_inlet = None
        if successor.value != inlet.cookie:
            return [CloseLeg(leg)]  # only the successor goes; the predecessor carries on
        predecessor, self.in_h, self._inlet, self._stopped = self.in_h, leg, inlet, False
        actions: list[Action] = [CloseLeg(predecessor)]
        for is_rts, data in held:
            if self.finished:
                break
            if is_rts:
                actions += self.handle(RtsArrived(leg, data), self.now)
            else:
                actions += self._outlet.submit(data, self._inlet)
        return actions

    def _hold(self, is_rts: bool, data: Bytes) -> None:
        inlet = self._successor_inlet
        if inlet is None:
            raise WindowViolated("nothing waits for this channel")
        if is_rts:
            if sum(len(data) for rts, data in self._held if rts) > self.RTS_LIMIT:
                raise WindowViolated("too many RTS PDUs before IN_R2/A5")
        else:
            inlet.arrived(len(data))
        self._held.append((is_rts, bytes(data)))

    def _leg_closed(self, leg: Leg) -> list[Action]:
        if leg not in self.legs():
            return []
        if self.state is S.FLUSHING and leg is self.in_h:
            return []  # it has sent its last PDU; what is queued must still leave
        return self.abort(None)

    def timed_out(self, timer: Timer) -> list[Action]:
        if timer is Timer.ACK:
            return self._speak_up()
        missing = "the server did not answer" if timer is Timer.SETUP else "IN_R2/A5 did not come"
        return self.abort(TransportError(f"{missing} in {self._settings.setup_timeout:g} s"))

    def abort(self, why: RpchError | None) -> list[Action]:
        self.state = S.FINISHED
        return super().abort(why)

    def _refuse(self, why: RpchError) -> list[Action]:
        """No answer was begun on IN-H, so the client can be told.  MS-RPCH 3.2.3.5.11"""
        _, *others = self.abort(why)
        return [RefuseChannel(self.in_h, SERVER_UNAVAILABLE, why), *others]

    def _acknowledge(self, ack: FlowControlAck) -> list[Action]:
        return [Send(self.in_t, AckWithDestination(TO_CLIENT, ack))]

    def _new_inlet(self, cookie: bytes) -> Inlet:
        window, strict = self._settings.receive_window, self._settings.strict
        inlet = Inlet(window, cookie, self._acknowledge, strict=strict, burst=ONE_READ)
        inlet.mute = self._mute
        return inlet
