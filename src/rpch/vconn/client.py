"""The client's end of a virtual connection: IN-H out, OUT-H in.  MS-RPCH 3.2.2

Three small machines, coupled here because they share the channels: opening, the virtual IN channel
and the virtual OUT channel. The client starts recycling of IN when the lifetime it announced is
nearly used, and follows the server's wish to recycle OUT. Both may run at the same time.

Where the successor of an OUT channel is on the same proxy (OUT_R2), its head and data travel on
another TCP connection than the predecessor's last PDUs and may overtake them. So what comes on the
successor is held until OUT_R2/B3 has come on the predecessor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from rpch.errors import RpchError, TransportError, UnexpectedMessage
from rpch.rts.commands import (
    Ance,
    AssociationGroupId,
    ChannelLifetime,
    ClientKeepalive,
    Cookie,
    Destination,
    Empty,
    FlowControlAck,
    ForwardDestination,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    ACK_WITH_DESTINATION_SIZE,
    PING_SIZE,
    AckWithDestination,
    ConnA1,
    ConnA3,
    ConnB1,
    ConnC2,
    InR1A1,
    InR1A4,
    InR1A5,
    InR2A4,
    OutR1A2,
    OutR1A3,
    OutR1A6,
    OutR1A7,
    OutR1A10,
    OutR1A11,
    OutR2A6,
    OutR2A7,
    OutR2B3,
    OutR2C1,
    Ping,
    RtsMessage,
    RtsPdu,
)
from rpch.vconn.client_states import (
    ALWAYS,
    IN_MOVES,
    IN_OWN_MOVES,
    IN_TRANSITIONS,
    MOVES,
    OPENING_TRANSITIONS,
    OUT_MOVES,
    OUT_TRANSITIONS,
    C,
    I,
    O,
)
from rpch.vconn.events import (
    Action,
    ChannelAccepted,
    ChannelReady,
    ChannelRefused,
    CloseLeg,
    CloseRequested,
    Deliver,
    Event,
    Leg,
    LegClosed,
    OpenChannel,
    Opened,
    Place,
    RecycleRequested,
    RpcArrived,
    RtsArrived,
    Send,
    Submit,
)
from rpch.vconn.flow import Inlet, Lifetime, Outlet, SendWindow, WindowViolated
from rpch.vconn.machine import Machine, Timer, state_names
from rpch.vconn.settings import KIB, LIFETIME_MAXIMUM, ClientSettings, seconds

RECYCLE_BELOW = 4 * KIB  # of lifetime left  (3.2.2.4.2 <32>)
RESERVE = 2 * KIB  # of IN-H, for RTS PDUs only
LAST_WORDS = 152  # of that, for IN_Rx/A5 and two of OUT_Rx/A7, which cannot wait for a successor
FIRST_OUT_LENGTH = 76  # CONN/A1, exactly  (2.1.2.1.2)
SUCCESSOR_OUT_LENGTH = 120  # OUT_R1/A3, and later OUT_R1/A11 or OUT_R2/C1


class ClientConnection(Machine):
    """Decides for one virtual connection at the client."""

    ROLE = ForwardDestination.CLIENT
    NEXT_HOP: ClassVar[Mapping[int, Place]] = {}

    def __init__(self, settings: ClientSettings, cookies: Iterator[bytes], *, now: float) -> None:
        """`cookies` yields 16 unpredictable bytes for every name that is needed."""
        super().__init__()
        self._settings, self._cookies = settings, cookies
        self.virtual_connection = next(cookies)
        self.state, self.in_state, self.out_state = C.CHANNELS_WAIT, I.OPENED, O.OPENED
        self.in_h, self.out_h = Leg(Place.IN_H), Leg(Place.OUT_H)
        self._ready: set[Leg] = set()
        self._inlet = self._new_inlet(next(cookies))
        self._outlet = self._new_outlet(self.in_h, next(cookies), 0)
        self._peer_window = 0
        self._next_in: Outlet | None = None
        self._next_out: Leg | None = None
        self._next_inlet: Inlet | None = None
        self._held: list[tuple[bool, bytes]] = []  # what the successor sent: (is RTS, bytes)
        self._held_size = 0
        self._owed: dict[bytes, FlowControlAck] = {}  # by channel, for a successor to carry
        self._old_in: list[Leg] = []  # predecessors that their proxies have not closed yet
        self._next_head_seen = False
        self._head_due: Leg | None = None  # its 200 head must come before its PDUs
        self._timeout = settings.connection_timeout
        self._sent_at = now
        self.set_timer(Timer.SETUP, now + settings.setup_timeout)

    @property
    def condition(self) -> str:
        if self.state is not C.OPENED:
            return self.state.name
        return state_names(self.in_state, self.out_state)

    def start(self) -> list[Action]:
        """The first orders: the two HTTP requests.  MS-RPCH 3.2.2.4.1.2"""
        lifetime = self._settings.channel_lifetime
        return [OpenChannel(self.in_h, lifetime), OpenChannel(self.out_h, FIRST_OUT_LENGTH)]

    def legs(self) -> list[Leg]:
        extra = [self._next_in.leg] if self._next_in else []
        return [self.in_h, self.out_h, *extra, *([self._next_out] if self._next_out else [])]

    def inlets(self) -> list[Inlet]:
        return [self._inlet, *([self._next_inlet] if self._next_inlet else [])]

    def outlets(self) -> list[Outlet]:
        return [self._outlet, *([self._next_in] if self._next_in else [])]

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        if leg is not self.out_h:
            return ()
        if self.state is not C.OPENED:
            return [*OPENING_TRANSITIONS[self.state], *ALWAYS]
        return [*IN_TRANSITIONS[self.in_state], *OUT_TRANSITIONS[self.out_state], *ALWAYS]

    def outlet(self, place: Place) -> Outlet | Leg | None:
        return self._outlet if place is Place.IN_H else None

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        leg, run = event.leg, event.run
        if leg is self.out_h and self.state is C.OPENED and self._head_due is None:
            inlet, size = self._inlet, len(run)
            inlet.arrived(size)
            actions = inlet.consumed(size)
            actions.append(Deliver(run))
            return actions
        if leg is self._next_out and self.out_state is O.B3W:
            self._hold(False, bytes(run))
            return []
        if leg not in self.legs():
            return []  # bytes behind A10 or B3; some proxies send such  (3.2.2.5.8 <46>)
        raise self.unexpected(event)

    def held(self, leg: Leg, message: RtsMessage, data: bytes) -> bool:
        if leg is self._next_out and self.out_state is O.B3W:
            self._hold(True, data)
            return True
        return leg not in self.legs()

    def turn(self, event: Event) -> list[Action]:
        match event:
            case Submit(run=run):
                return self._submit(run)
            case ChannelReady(leg=leg):
                return self._channel_ready(leg)
            case ChannelAccepted(leg=leg):
                return self._channel_accepted(leg)
            case ChannelRefused(leg=leg, why=why):
                return self.abort(why) if leg in self.legs() else []
            case LegClosed(leg=leg):
                return self._leg_closed(leg)
            case CloseRequested(why=why):
                return self.abort(why)
            case RecycleRequested():
                opened = self.state is C.OPENED and self.in_state is I.OPENED
                return self._recycle_in() if opened else []
            case _:
                raise self.unexpected(event)

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        self.state = OPENING_TRANSITIONS[self.state].get(type(pdu), self.state)
        self.in_state = IN_TRANSITIONS[self.in_state].get(type(pdu), self.in_state)
        self.out_state = OUT_TRANSITIONS[self.out_state].get(type(pdu), self.out_state)
        match pdu:
            case Ping():
                return []
            case AckWithDestination(ack=ack):
                return self._acknowledged(ack)
            case ConnA3(timeout=timeout):
                self._retime(timeout.milliseconds)
                return []
            case ConnC2(window=window, timeout=timeout):
                return self._opened(window.size, timeout.milliseconds)
            case InR1A4(window=window, timeout=timeout):
                self._retime(timeout.milliseconds)
                return self._in_switched(window.size)
            case InR2A4():
                return self._in_switched(self._peer_window)
            case OutR1A2():
                self._next_out = self.out_h.successor()
                self.set_timer(Timer.OUT, self.now + self._settings.setup_timeout)
                return [OpenChannel(self._next_out, SUCCESSOR_OUT_LENGTH)]
            case OutR1A6():
                return self._say(OutR1A7(Destination(ForwardDestination.SERVER), self._next_out_cookie()))
            case OutR2A6():
                return self._out_renaming()
            case OutR1A10() | OutR2B3():
                return self._out_switched(pdu)
            case _:
                raise self.unexpected(pdu)

    def abort(self, why: RpchError | None) -> list[Action]:
        self.state = C.CLOSED
        return [*(CloseLeg(leg) for leg in self._old_in), *super().abort(why)]

    # Opening

    def _channel_ready(self, leg: Leg) -> list[Action]:
        if leg is self._next_out and self.out_state in OUT_MOVES:
            return self._out_announced(leg)
        if self._next_in is not None and leg is self._next_in.leg and self.in_state in IN_MOVES:
            return self._in_announced()
        self._ready.add(leg)
        if self.state is not C.CHANNELS_WAIT or not {self.in_h, self.out_h} <= self._ready:
            return []
        self.state = MOVES[self.state][ChannelReady]
        settings, vc, one = self._settings, Cookie(self.virtual_connection), Version(1)
        window = ReceiveWindowSize(settings.receive_window)
        lifetime = ChannelLifetime(settings.channel_lifetime)
        keepalive = ClientKeepalive(int(settings.keepalive * 1000))
        group = AssociationGroupId(settings.association_group)
        in_channel = Cookie(self._outlet.window.cookies[-1])
        a1 = ConnA1(one, vc, Cookie(self._inlet.cookie), window)
        return [
            Send(self.out_h, a1),
            *self._say(ConnB1(one, vc, in_channel, lifetime, keepalive, group)),
        ]

    def _channel_accepted(self, leg: Leg) -> list[Action]:
        if leg is self.out_h and ChannelAccepted in MOVES.get(self.state, ()):
            self.state = MOVES[self.state][ChannelAccepted]
            return []
        if leg is self._head_due:
            self._head_due = None
            return []
        if leg is self._next_out and self.out_state is O.B3W:
            self._next_head_seen = True
            return []
        raise UnexpectedMessage(f"a response on {leg}", state=self.condition)

    def _opened(self, window: int, milliseconds: int) -> list[Action]:
        self.stop_timer(Timer.SETUP)
        self._retime(milliseconds)
        self._peer_window = window
        name = self._outlet.window.cookies[-1]
        self._outlet.window = SendWindow(window, name, strict=self._settings.strict)
        self._outlet.plugged = False
        return [*self._outlet.pump(), *self._recycle_if_due(), Opened()]

    def _retime(self, milliseconds: int) -> None:
        """The proxy's time-out sets our pings: half of it, so that no gap reaches it.  MS-RPCH 3.2.2.2.1"""
        self._timeout = seconds(milliseconds)
        self.set_timer(Timer.PING, self._sent_at + self._timeout / 2)

    # The RPC layer

    def _submit(self, run: bytes | memoryview) -> list[Action]:
        actions = self._outlet.submit(run, None)
        if actions:
            self._sent_at = self.now
        return [*actions, *self._recycle_if_due()]

    def _acknowledged(self, ack: FlowControlAck) -> list[Action]:
        if ack.channel not in self._outlet.window.cookies:
            return []  # of a channel that is gone (3.2.1.5.1.2)
        self._outlet.window.acknowledge(ack)
        return self.let_go(self._outlet)

    def let_go(self, outlet: Outlet) -> list[Action]:
        self._sent_at = self.now if outlet.queue else self._sent_at
        return [*outlet.pump(), *self._recycle_if_due()]

    # The virtual IN channel  MS-RPCH 3.2.2.4.2, 3.2.2.5.5

    def _recycle_if_due(self) -> list[Action]:
        """Start a successor no later than the last 4 KiB, or when the next PDU would not fit."""
        outlet = self._outlet
        if self.state is not C.OPENED or self.in_state is not I.OPENED or outlet.lifetime is None:
            return []
        if outlet.lifetime.left >= max(RECYCLE_BELOW, outlet.next_size() + RESERVE):
            return []
        return self._recycle_in()

    def _recycle_in(self) -> list[Action]:
        self.in_state = IN_OWN_MOVES[self.in_state]
        self.set_timer(Timer.IN, self.now + self._settings.setup_timeout)
        # A channel that a window could fill would be used up before the server has even switched to it.
        lifetime = min(max(self._settings.channel_lifetime, 2 * self._peer_window), LIFETIME_MAXIMUM)
        successor = self._new_outlet(self.in_h.successor(), next(self._cookies), 0)
        successor.lifetime = Lifetime(lifetime)
        self._next_in = successor
        return [OpenChannel(successor.leg, lifetime)]

    def _in_announced(self) -> list[Action]:
        successor = self._next_in
        if successor is None or successor.lifetime is None:
            return []
        self.in_state = IN_MOVES[self.in_state][ChannelReady]
        predecessor = Cookie(self._outlet.window.cookies[-1])
        vc, name = Cookie(self.virtual_connection), Cookie(successor.window.cookies[-1])
        a1 = InR1A1(Version(1), vc, predecessor, name)
        successor.lifetime.used += len(a1.encode())
        return [Send(successor.leg, a1)]

    def _in_switched(self, window: int) -> list[Action]:
        """A5 is the last PDU on the predecessor; what waits for a window moves to the successor."""
        successor, predecessor = self._next_in, self._outlet
        if successor is None:
            raise UnexpectedMessage("IN_R1/A4", state=self.condition)
        self.stop_timer(Timer.IN)
        self._peer_window = window
        name = successor.window.cookies[-1]
        actions = self._say(InR1A5(Cookie(name)))
        self._old_in.append(predecessor.leg)
        successor.window = SendWindow(window, name, strict=self._settings.strict)
        successor.take_over(predecessor)
        successor.plugged = False
        self._outlet, self._next_in, self.in_h = successor, None, successor.leg
        owed, self._owed = self._owed, {}
        for ack in owed.values():
            actions += self._acknowledge(ack)
        return [*actions, *successor.pump(), *self._recycle_if_due()]

    # The virtual OUT channel  MS-RPCH 3.2.2.5.6 to 3.2.2.5.10

    def _out_announced(self, leg: Leg) -> list[Action]:
        self.out_state = OUT_MOVES[self.out_state][ChannelReady]
        self._next_inlet = self._new_inlet(next(self._cookies))
        window = ReceiveWindowSize(self._settings.receive_window)
        vc, predecessor = Cookie(self.virtual_connection), Cookie(self._inlet.cookie)
        return [Send(leg, OutR1A3(Version(1), vc, predecessor, self._next_out_cookie(), window))]

    def _next_out_cookie(self) -> Cookie:
        if self._next_inlet is None:
            raise UnexpectedMessage("a successor", state=self.condition)
        return Cookie(self._next_inlet.cookie)

    def _out_renaming(self) -> list[Action]:
        if self._next_out is None:
            raise UnexpectedMessage("OUT_R2/A6", state=self.condition)
        self._next_head_seen = False
        a7 = OutR2A7(Destination(ForwardDestination.SERVER), self._next_out_cookie(), Version(1))
        return [*self._say(a7), Send(self._next_out, OutR2C1(Empty()))]

    def _out_switched(self, pdu: RtsPdu) -> list[Action]:
        """The predecessor has sent its last PDU; whatever it still sends is nothing."""
        successor, inlet, predecessor = self._next_out, self._next_inlet, self.out_h
        if successor is None or inlet is None:
            raise self.unexpected(pdu)
        self.stop_timer(Timer.OUT)
        self.out_h, self._inlet, self._next_out, self._next_inlet = successor, inlet, None, None
        actions: list[Action] = []
        if isinstance(pdu, OutR1A10):
            actions.append(Send(successor, OutR1A11(Ance())))
            self._head_due = successor
        else:
            self._head_due = None if self._next_head_seen else successor
        actions.append(CloseLeg(predecessor))
        held, self._held, self._held_size = self._held, [], 0
        for is_rts, data in held:
            event: Event = RtsArrived(successor, data) if is_rts else RpcArrived(successor, data)
            actions += self.handle(event, self.now)
        if self.finished:
            return actions
        return sorted(actions, key=lambda action: isinstance(action, Deliver))

    def _hold(self, is_rts: bool, data: bytes) -> None:
        self._held.append((is_rts, data))
        self._held_size += len(data)
        if self._held_size > 2 * self._settings.receive_window + self.RTS_LIMIT:
            raise WindowViolated("too much on a successor before OUT_R2/B3")

    # In between

    def _say(self, pdu: RtsPdu) -> list[Action]:
        """An RTS PDU of our own on the default IN channel."""
        self._sent_at = self.now
        outlet = self._outlet
        size = len(pdu.encode())
        if outlet.lifetime is not None:
            if size > outlet.lifetime.left:
                raise UnexpectedMessage(f"{pdu.NAME} beyond the channel's lifetime", state=self.condition)
            outlet.lifetime.used += size
        return [Send(outlet.leg, pdu)]

    def timed_out(self, timer: Timer) -> list[Action]:
        if timer is Timer.PING:
            return self._ping_if_idle()
        what = "the connection was not opened" if timer is Timer.SETUP else f"{timer.name} was not recycled"
        return self.abort(TransportError(f"{what} in {self._settings.setup_timeout:g} s"))

    def _ping_if_idle(self) -> list[Action]:
        """Ping an idle IN-H.  MS-RPCH 3.2.2.6.1"""
        half = self._timeout / 2
        if self.now < self._sent_at + half:
            self.set_timer(Timer.PING, self._sent_at + half)
            return []
        self.set_timer(Timer.PING, self.now + half)
        if self._full(PING_SIZE):
            return []
        return [*self._say(Ping()), *self._recycle_if_due()]

    def _full(self, size: int) -> bool:
        """Whether IN-H has no room for this many bytes besides what must still be said on it."""
        lifetime = self._outlet.lifetime
        return lifetime is not None and lifetime.left < size + LAST_WORDS

    def _acknowledge(self, ack: FlowControlAck) -> list[Action]:
        """Where IN-H is full, the newest acknowledgement waits for its successor."""
        if self._full(ACK_WITH_DESTINATION_SIZE):
            self._owed[ack.channel] = ack
            return []
        said = self._say(AckWithDestination(Destination(ForwardDestination.OUT_PROXY), ack))
        return [*said, *self._recycle_if_due()]

    def _leg_closed(self, leg: Leg) -> list[Action]:
        if leg in self._old_in:
            self._old_in.remove(leg)  # as it should
            return [CloseLeg(leg)]
        if leg not in self.legs():
            return []
        return self.abort(TransportError(f"{leg.place.value} was closed by the other side"))

    def _new_inlet(self, cookie: bytes) -> Inlet:
        return Inlet(self._settings.receive_window, cookie, self._acknowledge, strict=self._settings.strict)

    def _new_outlet(self, leg: Leg, cookie: bytes, window: int) -> Outlet:
        sending = SendWindow(window, cookie, strict=self._settings.strict)
        outlet = Outlet(leg, sending, plugged=True, reserve=RESERVE)
        outlet.lifetime = Lifetime(self._settings.channel_lifetime)
        return outlet
