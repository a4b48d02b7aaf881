"""The server's end of a virtual connection: IN-T in, OUT-T out.  MS-RPCH 3.2.5

Three small machines, coupled here because they share the legs: the connection (which half has
arrived), the virtual IN channel and the virtual OUT channel. The two channels recycle independently
and may do so at the same time. They meet in two places only: what the server tells the client goes
out on OUT-T (IN_R1/A3, IN_R2/A3), and what the client tells the server about OUT comes in on IN-T
(OUT_R1/A8, OUT_R2/A8, acknowledgements).

The server starts recycling of the OUT channel, when the lifetime it was given is nearly used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import ClassVar

from rpch.errors import RpchError, TransportError, UnexpectedMessage
from rpch.rts.commands import (
    Ance,
    ConnectionTimeout,
    Cookie,
    Destination,
    FlowControlAck,
    ForwardDestination,
    NegativeAnce,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    Ack,
    AckWithDestination,
    ConnA2,
    ConnB2,
    ConnB3,
    ConnC1,
    InR1A2,
    InR1A3,
    InR1A6,
    InR1B1,
    InR1B2,
    InR2A2,
    InR2A3,
    OutR1A1,
    OutR1A4,
    OutR1A5,
    OutR1A8,
    OutR1A9,
    OutR2A4,
    OutR2A5,
    OutR2A7,
    OutR2A8,
    OutR2B1,
    OutR2B2,
    PingTrafficSent,
    RtsMessage,
    RtsPdu,
)
from rpch.vconn.events import (
    Action,
    CloseLeg,
    CloseRequested,
    Consumed,
    Deliver,
    Event,
    Leg,
    LegClosed,
    Opened,
    PassOn,
    Place,
    RpcArrived,
    Send,
    Submit,
    SuccessorArrived,
)
from rpch.vconn.flow import Inlet, Lifetime, Outlet, SendWindow
from rpch.vconn.machine import Machine, Timer, state_names
from rpch.vconn.server_states import (
    ALWAYS,
    ARRIVALS,
    IN_TRANSITIONS,
    OUT_TRANSITIONS,
    OWN_MOVES,
    C,
    ConnectionState,
    I,
    O,
)
from rpch.vconn.settings import KIB, Settings, usable_lifetime

RECYCLE_BELOW = 8 * KIB  # of lifetime left  (3.2.5.4.1 <51>)
RESERVE = 4 * KIB  # of OUT-H, for RTS PDUs only
PING_BUDGET, PING_PERIOD = 8 * KIB, 240.0  # what pings may use in how long  (2.2.3.5.15 <17>)


class ServerConnection(Machine):
    """Decides for one virtual connection at the server."""

    ROLE = ForwardDestination.SERVER
    NEXT_HOP: ClassVar[Mapping[int, Place]] = {
        ForwardDestination.CLIENT: Place.OUT_T,
        ForwardDestination.OUT_PROXY: Place.OUT_T,
        ForwardDestination.IN_PROXY: Place.IN_T,
    }

    def __init__(
        self, leg: Leg, first: ConnA2 | ConnB2, settings: Settings, *, now: float, manual: bool = False
    ):
        """With `manual` the RPC layer says what it has consumed; otherwise delivery consumes."""
        super().__init__()
        self._settings, self._manual = settings, manual
        self.virtual_connection = first.virtual_connection.value
        self.association_group = bytes(16)
        self.client_address = ""
        self.in_state, self.out_state = I.OPENED, O.OPENED
        self.in_t: Leg | None = None
        self.out_t: Leg | None = None
        self._inlet: Inlet | None = None
        self._outlet: Outlet | None = None
        self._next_in: tuple[Leg, Inlet] | None = None
        self._next_out: Outlet | None = None
        self._next_cookie = b""
        self._old_out: tuple[Leg, tuple[bytes, ...]] | None = None  # flushes until its proxy closes it
        self._unconsumed: deque[tuple[Inlet, int]] = deque()
        self._pinged: list[tuple[float, int]] = []
        self._hello: ConnB2 | None = None
        self.state: ConnectionState = C.B2W if isinstance(first, ConnA2) else C.A2W
        self.set_timer(Timer.SETUP, now + settings.setup_timeout)
        self._meet(leg, first)

    @property
    def condition(self) -> str:
        if self.state is not C.OPENED:
            return self.state.name
        return state_names(self.in_state, self.out_state)

    @property
    def waiting(self) -> int:
        """Bytes of answers that wait for a window or a successor."""
        return self._outlet.waiting if self._outlet is not None else 0

    def legs(self) -> list[Leg]:
        extra = [self._next_in[0]] if self._next_in else []
        extra += [self._next_out.leg] if self._next_out else []
        extra += [self._old_out[0]] if self._old_out else []
        return [leg for leg in (self.in_t, self.out_t, *extra) if leg is not None]

    def inlets(self) -> list[Inlet]:
        next_one = self._next_in[1] if self._next_in else None
        return [inlet for inlet in (self._inlet, next_one) if inlet is not None]

    def outlets(self) -> list[Outlet]:
        return [outlet for outlet in (self._outlet, self._next_out) if outlet is not None]

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        always = ALWAYS.get(leg.place, ())
        if self.state is not C.OPENED:
            return always
        moves: list[type[RtsPdu]] = list(IN_TRANSITIONS[self.in_state]) if leg is self.in_t else []
        if leg is self.out_t or leg.place is Place.IN_T:
            moves += [kind for place, kind in OUT_TRANSITIONS[self.out_state] if place is leg.place]
        return [*moves, *always]

    def outlet(self, place: Place) -> Outlet | Leg | None:
        return self._outlet if place is Place.OUT_T else self.in_t

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        inlet, run = self._inlet, event.run
        if event.leg is not self.in_t or inlet is None or self.state is not C.OPENED:
            raise self.unexpected(event)
        size = len(run)
        inlet.arrived(size)
        if self._manual:
            self._unconsumed.append((inlet, size))
            return [Deliver(run)]
        actions = inlet.consumed(size)
        actions.append(Deliver(run))
        return actions

    def turn(self, event: Event) -> list[Action]:
        match event:
            case Submit(run=run):
                return self._submit(run)
            case Consumed(size=size):
                return self._consumed(size)
            case SuccessorArrived(leg=leg, pdu=pdu):
                return self._leg_arrived(leg, pdu)
            case LegClosed(leg=leg):
                return self._leg_closed(leg)
            case CloseRequested(why=why):
                return self.abort(why)
            case _:
                raise self.unexpected(event)

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        if leg is self.in_t:
            self.in_state = IN_TRANSITIONS[self.in_state].get(type(pdu), self.in_state)
        self.out_state = OUT_TRANSITIONS[self.out_state].get((leg.place, type(pdu)), self.out_state)
        match pdu:
            case Ack(ack=ack):
                return self._acknowledged(ack)
            case PingTrafficSent(sent=sent):
                return self._ping_traffic(sent.size)
            case InR2A2(successor=successor):
                return self._in_renamed(successor)
            case InR1A6(successor=successor):
                return self._in_announced(successor)
            case InR1B1():
                return self._in_switched()
            case OutR2A4(successor=successor):
                return self._out_renaming(successor)
            case OutR1A8(successor=successor) if self._next_out is not None:
                return self._out_switched(successor)
            case OutR2A7(successor=successor) | OutR2A8(successor=successor):
                return self._out_renamed(successor)
            case _:
                raise self.unexpected(pdu)

    def abort(self, why: RpchError | None) -> list[Action]:
        self.state = C.FINISHED
        return super().abort(why)

    # Opening  MS-RPCH 3.2.5.5.3, 3.2.5.5.4

    def _leg_arrived(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        needed, _ = ARRIVALS.get(type(pdu), (None, None))
        match pdu:
            case ConnA2() | ConnB2() if needed is self.state:
                self._meet(leg, pdu)
                return self._open()
            case InR1A2() if needed is self.in_state and self.state is C.OPENED:
                return self._in_successor(leg, pdu)
            case OutR1A4() if needed is self.out_state and self.state is C.OPENED:
                return self._out_successor(leg, pdu)
            case _:
                return [CloseLeg(leg), *self.abort(self.unexpected(pdu))]

    def _meet(self, leg: Leg, pdu: ConnA2 | ConnB2) -> None:
        match pdu:
            case ConnA2(out_channel=cookie, lifetime=lifetime, window=window):
                self.out_t = leg
                self._outlet = self._new_outlet(leg, cookie.value, window.size, lifetime.size)
            case ConnB2(in_channel=cookie, group=group, client=client):
                self.in_t, self._hello = leg, pdu
                self._inlet = self._new_inlet(leg, cookie.value)
                self.association_group, self.client_address = group.value, str(client.address)

    def _open(self) -> list[Action]:
        hello, in_t = self._hello, self.in_t
        if hello is None or in_t is None:
            raise UnexpectedMessage("half a connection", state=self.condition)
        self.state, self._hello = C.OPENED, None
        self.stop_timer(Timer.SETUP)
        own = ReceiveWindowSize(self._settings.receive_window)
        opened = self._say(ConnC1(Version(1), hello.window, hello.timeout))
        return [*opened, Send(in_t, ConnB3(own, Version(1))), Opened()]

    # The RPC layer

    def _submit(self, run: bytes | memoryview) -> list[Action]:
        if self._outlet is None or self.state is not C.OPENED:
            return []  # an answer to a call whose connection is not there
        actions = self._outlet.submit(run, None)
        return [*actions, *self._recycle_if_due()]

    def _consumed(self, size: int) -> list[Action]:
        actions: list[Action] = []
        while size > 0 and self._unconsumed:
            inlet, waiting = self._unconsumed.popleft()
            done = min(size, waiting)
            if done < waiting:
                self._unconsumed.appendleft((inlet, waiting - done))
            size -= done
            actions += inlet.consumed(done)
        return actions

    def _acknowledged(self, ack: FlowControlAck) -> list[Action]:
        for outlet in (self._outlet, self._next_out):
            if outlet is not None and ack.channel in outlet.window.cookies:
                outlet.window.acknowledge(ack)
                return self.let_go(outlet)
        return []  # of a channel that is gone (3.2.1.5.1.2)

    def let_go(self, outlet: Outlet) -> list[Action]:
        return [*outlet.pump(), *self._recycle_if_due()]

    # The virtual IN channel  MS-RPCH 3.2.5.5.5 to 3.2.5.5.8

    def _in_successor(self, leg: Leg, pdu: InR1A2) -> list[Action]:
        if self._inlet is None or pdu.predecessor.value != self._inlet.cookie:
            return [CloseLeg(leg), *self.abort(self.unexpected(pdu))]
        self.in_state = I.A6W
        self._next_in = (leg, self._new_inlet(leg, pdu.successor.value))
        self.set_timer(Timer.IN, self.now + self._settings.setup_timeout)
        client = Destination(ForwardDestination.CLIENT)
        return self._say(InR1A3(client, Version(1), pdu.window, pdu.timeout))

    def _in_announced(self, successor: Cookie) -> list[Action]:
        if self._next_in is None or successor.value != self._next_in[1].cookie:
            raise self.unexpected(InR1A6(successor))
        self.stop_timer(Timer.IN)
        return []

    def _in_switched(self) -> list[Action]:
        predecessor = self.in_t
        if self._next_in is None or predecessor is None:
            raise UnexpectedMessage("IN_R1/B1", state=self.condition)
        (self.in_t, self._inlet), self._next_in = self._next_in, None
        own = ReceiveWindowSize(self._settings.receive_window)
        return [Send(self.in_t, InR1B2(own)), CloseLeg(predecessor)]

    def _in_renamed(self, successor: Cookie) -> list[Action]:
        if self._inlet is None:
            raise self.unexpected(InR2A2(successor))
        self._inlet.cookie = successor.value
        return self._say(InR2A3(Destination(ForwardDestination.CLIENT)))

    # The virtual OUT channel  MS-RPCH 3.2.5.5.9 to 3.2.5.5.12

    def _recycle_if_due(self) -> list[Action]:
        """Start a successor no later than the last 8 KiB, or when the next PDU would not fit."""
        outlet = self._outlet
        if outlet is None or outlet.lifetime is None or self.out_state is not O.OPENED:
            return []
        if outlet.lifetime.left >= max(RECYCLE_BELOW, outlet.next_size() + RESERVE):
            return []
        self.out_state = OWN_MOVES[self.out_state]
        self.set_timer(Timer.OUT, self.now + self._settings.setup_timeout)
        return self._say(OutR1A1(Destination(ForwardDestination.CLIENT)))

    def _out_successor(self, leg: Leg, pdu: OutR1A4) -> list[Action]:
        outlet = self._outlet
        if outlet is None or pdu.predecessor.value not in outlet.window.cookies[-1:]:
            return [CloseLeg(leg), *self.abort(self.unexpected(pdu))]
        self.out_state = O.OPENED_A8W
        self._next_out = self._new_outlet(leg, pdu.successor.value, pdu.window.size, pdu.lifetime.size)
        client = Destination(ForwardDestination.CLIENT)
        return self._say(OutR1A5(client, Version(1), ConnectionTimeout(pdu.timeout.milliseconds)))

    def _out_switched(self, successor: Cookie) -> list[Action]:
        """The client has the successor. What waits for a window moves over with the default."""
        outlet, successor_outlet = self._outlet, self._next_out
        if (
            outlet is None
            or successor_outlet is None
            or successor.value not in successor_outlet.window.cookies
        ):
            raise self.unexpected(OutR1A8(Destination(self.ROLE), successor))
        self.stop_timer(Timer.OUT)
        actions = self._say(OutR1A9(Ance()))
        successor_outlet.take_over(outlet)
        self._outlet, self._next_out = successor_outlet, None
        forgotten: list[Action] = [CloseLeg(self._old_out[0])] if self._old_out else []
        self._old_out = (outlet.leg, outlet.window.cookies)
        self.out_t = successor_outlet.leg
        return [*actions, *forgotten, *successor_outlet.pump(), *self._recycle_if_due()]

    def _out_renaming(self, successor: Cookie) -> list[Action]:
        self._next_cookie = successor.value
        return self._say(OutR2A5(Destination(ForwardDestination.CLIENT), Ance()))

    def _out_renamed(self, successor: Cookie) -> list[Action]:
        outlet = self._outlet
        if outlet is None or outlet.lifetime is None:
            raise self.unexpected(OutR2A8(Destination(self.ROLE), successor))
        if successor.value != self._next_cookie:
            refused = self._say(OutR2B2(NegativeAnce()))
            return [
                *refused,
                *self.abort(UnexpectedMessage("OUT_R2/A8 of another channel", state=self.condition)),
            ]
        self.stop_timer(Timer.OUT)
        actions = self._say(OutR2B1(Ance()))
        outlet.window.rename(successor.value)
        outlet.lifetime = Lifetime(outlet.lifetime.limit)
        return [*actions, *outlet.pump(), *self._recycle_if_due()]

    # In between

    def timed_out(self, timer: Timer) -> list[Action]:
        """What was to come did not come in time.  MS-RPCH 3.2.5.6.1

        A client that ignores the wish to recycle OUT may do so until something waits for a successor:
        some cannot recycle, and may never need what is left of the lifetime.
        """
        waits = self._outlet is not None and self._outlet.queue
        if timer is Timer.OUT and self.out_state is O.OPENED_A4W and not waits:
            self.set_timer(Timer.OUT, self.now + self._settings.setup_timeout)
            return []
        missing = "the other channel" if timer is Timer.SETUP else "the answer to a recycling"
        waited = f"{self._settings.setup_timeout:g} s in state {self.condition}"
        return self.abort(TransportError(f"{missing} did not come in {waited}"))

    def _leg_closed(self, leg: Leg) -> list[Action]:
        if self._old_out is not None and leg is self._old_out[0]:
            self._old_out = None  # a predecessor, as it should  (3.2.5.5.13)
            return [CloseLeg(leg)]
        return self.abort(None) if leg in self.legs() else []

    def pass_on(self, leg: Leg, message: RtsMessage, data: bytes) -> list[Action]:
        """Acknowledgements for an outbound proxy go to the one that has the channel, not to the newest."""
        if message.is_a(AckWithDestination) and message.destination == ForwardDestination.OUT_PROXY:
            ack = message.commands[1]
            if not isinstance(ack, FlowControlAck) or leg.place is Place.OUT_T:
                raise UnexpectedMessage("an acknowledgement that came back", state=self.condition)
            return self._route(ack, data)
        return [*super().pass_on(leg, message, data), *self._recycle_if_due()]

    def _route(self, ack: FlowControlAck, data: bytes) -> list[Action]:
        if self._next_out is not None and ack.channel in self._next_out.window.cookies:
            return [PassOn(self._next_out.leg, data)]
        if self._outlet is None:
            return []
        if self._old_out is not None and ack.channel in self._old_out[1]:
            return [PassOn(self._old_out[0], data)]
        return [PassOn(self._outlet.leg, data)]

    def passed_on(self, leg: Leg, data: bytes) -> list[Action]:
        if self._outlet is not None and leg is self._outlet.leg and self._outlet.lifetime is not None:
            self._outlet.lifetime.used += len(data)
        return [PassOn(leg, data)]

    def _say(self, pdu: RtsPdu) -> list[Action]:
        """An RTS PDU of our own on OUT-T; what goes on to OUT-H uses its lifetime."""
        if self._outlet is None:
            raise self.unexpected(pdu)
        if self._outlet.lifetime is not None:
            self._outlet.lifetime.used += len(pdu.encode())
        return [Send(self._outlet.leg, pdu)]

    def _ping_traffic(self, size: int) -> list[Action]:
        """Pings use lifetime too; a proxy that claims absurd amounts is not believed."""
        self._pinged = [(at, amount) for at, amount in self._pinged if at > self.now - PING_PERIOD]
        self._pinged.append((self.now, size))
        if sum(amount for _, amount in self._pinged) > PING_BUDGET:
            raise UnexpectedMessage(f"{size} bytes of ping traffic", state=self.condition)
        if self._outlet is not None and self._outlet.lifetime is not None:
            self._outlet.lifetime.used += size
        return self._recycle_if_due()

    def _new_inlet(self, leg: Leg, cookie: bytes) -> Inlet:
        def acknowledge(ack: FlowControlAck) -> list[Action]:
            return [Send(leg, Ack(ack))] if leg in self.legs() else []

        return Inlet(self._settings.receive_window, cookie, acknowledge, strict=self._settings.strict)

    def _new_outlet(self, leg: Leg, cookie: bytes, window: int, lifetime: int) -> Outlet:
        sending = SendWindow(window, cookie, strict=self._settings.strict)
        outlet = Outlet(leg, sending, reserve=RESERVE)
        outlet.lifetime = Lifetime(usable_lifetime(lifetime))
        return outlet
