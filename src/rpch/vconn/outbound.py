"""The outbound proxy: server to client, OUT-T to OUT-H.  MS-RPCH 3.2.4

One machine is what this node knows of one virtual OUT channel. It begins with CONN/A1 (a new virtual
connection) or OUT_R1/A3 (a successor whose predecessor is on another node). OUT-H is plugged until
its 200 head may be written: at once for CONN, after OUT_R1/A11 for a successor.

Where the predecessor is on this node, the successor comes as an event to its machine (OUT_R2). Two
things must happen before the successor takes over, in either order: the server's OUT_R2/B1, behind
which everything queued for the predecessor still leaves there, then B3; and the client's OUT_R2/C1 on
the successor, before which its head may not be written.

A client that never acknowledges is let off its window when it has shown that it reads (`silence.py`): from
then on TCP alone says how much it may be sent. If it acknowledges after all, its window counts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from rpch.errors import RpchError, TransportError, UnexpectedMessage
from rpch.rts.commands import (
    Ance,
    ChannelLifetime,
    ConnectionTimeout,
    FlowControlAck,
    ForwardDestination,
    PingTrafficSentNotify,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    PING_SIZE,
    Ack,
    AckWithDestination,
    ConnA1,
    ConnA2,
    ConnA3,
    ConnC1,
    ConnC2,
    OutR1A3,
    OutR1A4,
    OutR1A9,
    OutR1A10,
    OutR1A11,
    OutR2A4,
    OutR2B1,
    OutR2B2,
    OutR2B3,
    OutR2C1,
    Ping,
    PingTrafficSent,
    RtsMessage,
    RtsPdu,
)
from rpch.vconn.bound_cookies import bound_cookie
from rpch.vconn.events import (
    AcceptChannel,
    Action,
    CloseLeg,
    Connect,
    Connected,
    ConnectFailed,
    Event,
    Leg,
    LegClosed,
    Opened,
    PassOn,
    Place,
    RefuseChannel,
    RpcArrived,
    Send,
    SuccessorArrived,
    WindowWaived,
)
from rpch.vconn.flow import Inlet, Lifetime, Outlet, SendWindow
from rpch.vconn.inbound import SERVER_UNAVAILABLE
from rpch.vconn.machine import Machine, Timer
from rpch.vconn.outbound_states import ALWAYS, MOVES, SUCCESSOR, TRANSITIONS, S
from rpch.vconn.settings import ProxySettings
from rpch.vconn.silence import Silence, SilentClients

NOTIFY_ABOVE = 1031  # bytes of pings, before the server is told  (3.2.4.6 <50>)
LAST_WORDS = 128  # of OUT-H, for what ends a recycling: pings must not use it
FLUSHING: Final = S.FLUSHING  # at hand for the hot path: Python 3.11 is slow to find an Enum's members


class OutboundProxy(Machine):
    """Decides for one virtual OUT channel on this node."""

    ROLE = ForwardDestination.OUT_PROXY
    NEXT_HOP: ClassVar[Mapping[int, Place]] = {
        ForwardDestination.CLIENT: Place.OUT_H,
        ForwardDestination.IN_PROXY: Place.OUT_T,
        ForwardDestination.SERVER: Place.OUT_T,
    }

    def __init__(
        self, leg: Leg, first: ConnA1 | OutR1A3, settings: ProxySettings, *, timeout: float | None = None
    ) -> None:
        super().__init__()
        self._settings, self._first = settings, first
        self._timeout = timeout or settings.connection_timeout  # MinConnTimeout, if the client gave one
        self.virtual_connection = first.virtual_connection.value
        cookie = first.out_channel if isinstance(first, ConnA1) else first.successor
        self.state = S.CONNECTING if isinstance(first, ConnA1) else S.CONNECTING_R1
        self.out_h, self.out_t = leg, Leg(Place.OUT_T)
        self._silence: Silence | None = None  # until the client has acknowledged something
        self._waived = False
        self._outlet = self._new_outlet(leg, cookie.value, first.window.size)
        self._inlet = Inlet(settings.receive_window, cookie.value, self._acknowledge, strict=settings.strict)
        self._successor: Leg | None = None
        self._waiting: OutR1A3 | None = None
        self._head_due = False  # OUT_R2/C1 has come, B3 has not yet left
        self._answered = False
        self._sent_at = 0.0
        self._pings = 0

    @property
    def condition(self) -> str:
        return self.state.name

    def start(self) -> list[Action]:
        """The first order: connect to the server.  MS-RPCH 3.2.4.5.3, 3.2.4.5.6.2"""
        return [Connect(self.out_t)]

    def legs(self) -> list[Leg]:
        return [self.out_h, *([self._successor] if self._successor else []), self.out_t]

    def inlets(self) -> list[Inlet]:
        return [self._inlet]

    def outlets(self) -> list[Outlet]:
        return [self._outlet]

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        place = self._place(leg)
        moves = [kind for where, kind in TRANSITIONS[self.state] if where == place]
        return [*ALWAYS.get(leg.place, ()), *moves]

    def outlet(self, place: Place) -> Outlet | Leg | None:
        return self._outlet if place is Place.OUT_H else self.out_t

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        if event.leg is not self.out_t or self.state is FLUSHING:
            raise self.unexpected(event)  # a client must not send RPC PDUs here (3.2.4.5.2)
        outlet = self._outlet
        self._sent_at = self.now
        if self._silence is not None:
            self._silence.answering(event.run, waiting=outlet.queue is not None)
        actions = outlet.relay(event.run, self._inlet)
        if not outlet.queue:
            return actions
        self._await_acknowledgement()
        return self._within_lifetime(actions)

    def turn(self, event: Event) -> list[Action]:
        match event:
            case Connected() if Connected in MOVES[self.state]:
                return self._connected()
            case ConnectFailed(why=why) if ConnectFailed in MOVES[self.state]:
                return self._refuse(SERVER_UNAVAILABLE, why)
            case SuccessorArrived(leg=leg, pdu=OutR1A3() as pdu):
                return self._successor_arrived(leg, pdu)
            case SuccessorArrived(leg=leg):
                return [CloseLeg(leg), *self.abort(self.unexpected(event))]
            case LegClosed(leg=leg):
                return self._leg_closed(leg)
            case _:
                raise self.unexpected(event)

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        if isinstance(pdu, AckWithDestination):  # first, for it comes often; it never leads anywhere
            return self._acknowledged(pdu.ack)
        self.state = TRANSITIONS[self.state].get((self._place(leg), type(pdu)), self.state)
        if self.state is S.OPENED:
            self.stop_timer(Timer.OUT)
        match pdu:
            case ConnC1(version=version, window=window, timeout=timeout):
                self.stop_timer(Timer.SETUP)
                return [Opened(), *self._say(ConnC2(version, window, timeout))]
            case OutR1A9():
                return self._outlet.mark(self._flushed)
            case OutR1A11():
                return [*self._answer(self.out_h), Opened(), *self._unplug()]
            case OutR2B1():
                self._outlet.parting = True
                return self._outlet.mark(self._switch)
            case OutR2B2():
                return self._drop_successor()
            case OutR2C1():
                return self._head_allowed()
            case _:
                raise self.unexpected(pdu)

    def abort(self, why: RpchError | None) -> list[Action]:
        self.state = S.FINISHED
        return super().abort(why)

    # Opening

    def _connected(self) -> list[Action]:
        lifetime = ChannelLifetime(self._settings.channel_lifetime)
        window = ReceiveWindowSize(self._settings.receive_window)
        timeout = ConnectionTimeout(int(self._timeout * 1000))
        self.state = MOVES[self.state][Connected]
        first, vc = self._first, bound_cookie(self._first.virtual_connection, self._settings.bound_to)
        del self._first  # it has been told; channels live for days
        match first:
            case ConnA1(out_channel=cookie):
                self.set_timer(Timer.SETUP, self.now + self._settings.setup_timeout)
                hello: RtsPdu = ConnA2(Version(1), vc, cookie, lifetime, window)
                accepted = [*self._answer(self.out_h), *self._unplug(), *self._say(ConnA3(timeout))]
                return [Send(self.out_t, hello), *accepted]
            case OutR1A3(predecessor=predecessor, successor=cookie):
                hello = OutR1A4(Version(1), vc, predecessor, cookie, lifetime, window, timeout)
                return [Send(self.out_t, hello)]

    def _answer(self, leg: Leg) -> list[Action]:
        """Write the 200 head. From here on this leg is pinged."""
        self._answered = True
        self._sent_at = self.now
        self.set_timer(Timer.PING, self.now + self._timeout / 2)
        return [AcceptChannel(leg)]

    def _unplug(self) -> list[Action]:
        return self._outlet.unplug(self.passed_on)

    def _refuse(self, status: int, why: RpchError) -> list[Action]:
        """Nothing was answered on OUT-H yet, so the client can be told.  MS-RPCH 3.2.4.5.14"""
        _, *others = self.abort(why)
        return [RefuseChannel(self.out_h, status, why), *others]

    # Recycling

    def _flushed(self) -> list[Action]:
        """The predecessor's last words.  MS-RPCH 3.2.4.5.8"""
        self._outlet.queue = None
        return [*self._say(OutR1A10(Ance())), *self.abort(None)]

    def _successor_arrived(self, leg: Leg, pdu: OutR1A3) -> list[Action]:
        """A successor on this node.  MS-RPCH 3.2.4.5.6.1"""
        state = MOVES[self.state].get(SuccessorArrived)
        if state is None or self._successor or pdu.predecessor.value != self._inlet.cookie:
            return [CloseLeg(leg), *self.abort(self.unexpected(pdu))]
        self.state = state
        self.set_timer(Timer.OUT, self.now + self._settings.setup_timeout)
        self._successor, self._waiting = leg, pdu
        return [Send(self.out_t, OutR2A4(pdu.successor))]

    def _switch(self) -> list[Action]:
        """Everything for the predecessor has left; the successor takes over.  MS-RPCH 3.2.4.5.10"""
        successor, waiting = self._successor, self._waiting
        if successor is None or waiting is None:
            return []
        actions = [*self._say(OutR2B3(Ance())), CloseLeg(self.out_h)]
        predecessor = self._outlet
        self._outlet = self._new_outlet(successor, waiting.successor.value, waiting.window.size)
        self._outlet.take_over(predecessor)
        self._inlet.cookie = waiting.successor.value
        self.out_h, self._successor, self._waiting = successor, None, None
        self._answered = False
        if self._head_due:
            self._head_due = False
            actions += self._head_allowed()
        return actions

    def _head_allowed(self) -> list[Action]:
        if self._successor is not None:
            self._head_due = True  # B3 comes first
            return []
        return [*self._answer(self.out_h), *self._unplug()]

    def _drop_successor(self) -> list[Action]:
        """The server refused it; the predecessor stays.  MS-RPCH 3.2.4.5.12"""
        leg, self._successor, self._waiting, self._head_due = self._successor, None, None, False
        return [CloseLeg(leg)] if leg else []

    # In between

    def _place(self, leg: Leg) -> Place | str:
        is_successor = leg is self._successor or (leg is self.out_h and self.state is S.R2C1W)
        return SUCCESSOR if is_successor else leg.place

    def _acknowledge(self, ack: FlowControlAck) -> list[Action]:
        return [Send(self.out_t, Ack(ack))]

    def _acknowledged(self, ack: FlowControlAck) -> list[Action]:
        if ack.channel not in self._outlet.window.cookies:
            return []  # of a channel that is gone (3.2.1.5.1.2)
        self._outlet.window.acknowledge(ack)
        self._silence, self._waived = None, False
        self.stop_timer(Timer.ACK)
        return self.let_go(self._outlet)

    def let_go(self, outlet: Outlet) -> list[Action]:
        if not outlet.queue:
            return []
        actions = outlet.pump()
        self._await_acknowledgement()
        return self._within_lifetime(actions)

    def _await_acknowledgement(self) -> None:
        """A client that has never acknowledged has nothing left of its window: give it a moment to do so."""
        silence = self._silence
        if silence is None or Timer.ACK in self._timers or not self._outlet.short_of_window:
            return
        if silence.reads or self._settings.silent_clients is SilentClients.RELEASE:
            self.set_timer(Timer.ACK, self.now + self._settings.silence_timeout)

    def _let_off(self) -> list[Action]:
        """The moment is over, and the client has taken from TCP all that it was sent."""
        outlet = self._outlet
        if self._silence is None or not outlet.short_of_window:
            return []
        self._silence, self._waived = None, True
        outlet.window.waive()
        return [WindowWaived(outlet.leg), *self.let_go(outlet)]

    def _within_lifetime(self, actions: list[Action]) -> list[Action]:
        """What waits now may wait for a window, but not for ever: a server must not send that much."""
        lifetime = self._outlet.lifetime
        if lifetime is not None and self._outlet.next_size() > lifetime.left:
            raise UnexpectedMessage("an RPC PDU beyond the channel's lifetime", state=self.condition)
        return actions

    def pass_on(self, leg: Leg, message: RtsMessage, data: bytes) -> list[Action]:
        """Only the server has something forwarded here; a client does that on IN-H."""
        if leg is not self.out_t:
            raise UnexpectedMessage(f"destination {message.destination} from {leg}", state=self.condition)
        return super().pass_on(leg, message, data)

    def passed_on(self, leg: Leg, data: bytes) -> list[Action]:
        if leg is self.out_h:
            self._count(len(data))
        return [PassOn(leg, data)]

    def _say(self, pdu: RtsPdu) -> list[Action]:
        """An RTS PDU of our own on OUT-H."""
        self._count(len(pdu.encode()))
        return [Send(self.out_h, pdu)]

    def _count(self, size: int) -> None:
        self._sent_at = self.now
        if (lifetime := self._outlet.lifetime) is not None:
            if size > lifetime.left:
                raise UnexpectedMessage("an RTS PDU beyond the channel's lifetime", state=self.condition)
            lifetime.used += size

    def timed_out(self, timer: Timer) -> list[Action]:
        if timer is Timer.PING:
            return self._ping_if_idle()
        if timer is Timer.ACK:
            return self._let_off()
        missing = "the other half" if timer is Timer.SETUP else "the successor's turn"
        return self.abort(TransportError(f"{missing} did not come in {self._settings.setup_timeout:g} s"))

    def _ping_if_idle(self) -> list[Action]:
        """Ping an idle OUT-H; let the server know how much of the lifetime pings use.  MS-RPCH 3.2.4.6"""
        half = self._timeout / 2
        lifetime = self._outlet.lifetime
        full = lifetime is not None and lifetime.left < PING_SIZE + LAST_WORDS
        unwanted = full or not self._answered or self.state is S.FLUSHING
        idle_since = self.now if unwanted else self._sent_at
        if self.now < idle_since + half:
            self.set_timer(Timer.PING, idle_since + half)
            return []
        self.set_timer(Timer.PING, self.now + half)
        actions = self._say(Ping())
        self._pings += PING_SIZE
        if self._pings > NOTIFY_ABOVE:
            actions.append(Send(self.out_t, PingTrafficSent(PingTrafficSentNotify(self._pings))))
            self._pings = 0
        return actions

    def _leg_closed(self, leg: Leg) -> list[Action]:
        return self.abort(None) if leg in self.legs() else []

    def _new_outlet(self, leg: Leg, cookie: bytes, window: int) -> Outlet:
        settings = self._settings
        outlet = Outlet(leg, SendWindow(window, cookie, strict=settings.strict), plugged=True)
        if self._waived:
            outlet.window.waive()
        elif not settings.strict and settings.silent_clients is not SilentClients.WAIT:
            self._silence = Silence(window)
        outlet.lifetime = Lifetime(self._settings.channel_lifetime)
        return outlet
