"""What the machines of the four roles have in common: forwarding, timers and endings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import pytest

from rpch.errors import DecodeError, TransportError, UnexpectedMessage, UnrecognisedPdu
from rpch.rts.commands import Destination, FlowControlAck, ForwardDestination
from rpch.rts.pdus import AckWithDestination, Ping, RtsPdu
from rpch.testing.situations import CALL, client, inbound, outbound, server
from rpch.vconn.client import ClientConnection
from rpch.vconn.events import (
    Action,
    Closed,
    CloseLeg,
    CloseRequested,
    Congested,
    Event,
    Forward,
    Leg,
    LegClosed,
    PassOn,
    Place,
    Relieved,
    RpcArrived,
    RtsArrived,
    Submit,
    Tick,
)
from rpch.vconn.flow import Inlet, Outlet, SendWindow
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.inbound_states import InState
from rpch.vconn.machine import Machine, Timer, state_names
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.outbound_states import OutState
from rpch.vconn.server import ServerConnection
from rpch.vconn.server_states import InChannelState, OutChannelState

CLIENT, IN_PROXY = ForwardDestination.CLIENT, ForwardDestination.IN_PROXY
SERVER, OUT_PROXY = ForwardDestination.SERVER, ForwardDestination.OUT_PROXY
ACK = FlowControlAck(0, 65_536, bytes(16))


class Plain(Machine):
    """A machine with a leg towards each side, that knows pings and nothing else."""

    ROLE = IN_PROXY
    NEXT_HOP: ClassVar[Mapping[int, Place]] = {SERVER: Place.IN_T, CLIENT: Place.IN_T}

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = Leg(Place.IN_H), Leg(Place.IN_T)
        self.way: Outlet | Leg | None = self.far
        self.pinged: list[Leg] = []
        self.ran_down: list[Timer] = []

    @property
    def condition(self) -> str:
        return "PLAIN"

    def legs(self) -> list[Leg]:
        return [self.near, self.far]

    def inlets(self) -> list[Inlet]:
        return []

    def outlets(self) -> list[Outlet]:
        return []

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        raise self.unexpected(event)

    def turn(self, event: Event) -> list[Action]:
        return self.abort(None)

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        return (Ping,)

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        self.pinged.append(leg)
        return []

    def outlet(self, place: Place) -> Outlet | Leg | None:
        return self.way

    def timed_out(self, timer: Timer) -> list[Action]:
        self.ran_down.append(timer)
        return self.abort(TransportError("too late")) if timer is Timer.SETUP else []


def for_somebody(party: int) -> bytes:
    """An RTS PDU with a destination."""
    return AckWithDestination(Destination(party), ACK).encode()


# Forwarding  MS-RPCH 3.2.1.5.2

# By sender: which way each destination lies. What is not here is never forwarded.
SAID = {
    (InboundProxy, CLIENT): Place.IN_T,
    (InboundProxy, SERVER): Place.IN_T,
    (InboundProxy, OUT_PROXY): Place.IN_T,
    (ServerConnection, CLIENT): Place.OUT_T,
    (ServerConnection, IN_PROXY): Place.IN_T,
    (ServerConnection, OUT_PROXY): Place.OUT_T,
    (OutboundProxy, CLIENT): Place.OUT_H,
    (OutboundProxy, IN_PROXY): Place.OUT_T,
    (OutboundProxy, SERVER): Place.OUT_T,
}


@pytest.mark.conformance(56)
@pytest.mark.parametrize("role", [ClientConnection, InboundProxy, ServerConnection, OutboundProxy])
@pytest.mark.parametrize("party", ForwardDestination)
def test_every_destination_lies_in_one_direction(role: type[Machine], party: ForwardDestination) -> None:
    """A client is the end of every way; for the others the table of 3.2.1.5.2 says where to."""
    assert role.NEXT_HOP.get(party) == SAID.get((role, party))


@pytest.mark.conformance(56)
def test_what_is_for_somebody_else_is_passed_on_byte_for_byte() -> None:
    machine = Plain()
    data = for_somebody(SERVER)
    assert machine.handle(RtsArrived(machine.near, memoryview(data)), 0.0) == [PassOn(machine.far, data)]


@pytest.mark.conformance(56)
@pytest.mark.parametrize("party", [OUT_PROXY, 4, 0xFFFFFFFF])
def test_an_unknown_direction_ends_the_connection(party: int) -> None:
    machine = Plain()
    machine.handle(RtsArrived(machine.near, for_somebody(party)), 0.0)
    assert machine.finished
    assert isinstance(machine.why, UnexpectedMessage)


@pytest.mark.conformance(56)
def test_nothing_is_sent_back_where_it_came_from() -> None:
    machine = Plain()
    machine.handle(RtsArrived(machine.far, for_somebody(CLIENT)), 0.0)
    assert machine.finished


def test_what_leads_nowhere_yet_ends_the_connection() -> None:
    machine = Plain()
    machine.way = None
    machine.handle(RtsArrived(machine.near, for_somebody(SERVER)), 0.0)
    assert machine.finished


@pytest.mark.conformance(42, 56)
@pytest.mark.parametrize("why", ["plugged", "parting"])
def test_a_plugged_leg_holds_what_is_passed_on_in_its_order(why: str) -> None:
    machine = Plain()
    machine.way = way = Outlet(machine.far, SendWindow(0, bytes(16), strict=True))
    setattr(way, why, True)
    first, second = for_somebody(SERVER), for_somebody(CLIENT)
    assert machine.handle(RtsArrived(machine.near, first), 0.0) == []
    assert machine.handle(RtsArrived(machine.near, second), 0.0) == []
    assert way.unplug(machine.passed_on) == [PassOn(machine.far, first), PassOn(machine.far, second)]


@pytest.mark.conformance(49)
def test_what_is_passed_on_does_not_wait_for_a_window() -> None:
    machine = Plain()
    machine.way = Outlet(machine.far, SendWindow(0, bytes(16), strict=True))
    data = for_somebody(SERVER)
    for _ in range(100):
        assert machine.handle(RtsArrived(machine.near, data), 0.0) == [PassOn(machine.far, data)]


def test_what_a_plugged_leg_holds_is_bounded() -> None:
    machine = Plain()
    machine.way = Outlet(machine.far, SendWindow(0, bytes(16), strict=True), plugged=True)
    event = RtsArrived(machine.near, for_somebody(SERVER))
    for _ in range(2 * Machine.RTS_LIMIT // len(event.data)):
        machine.handle(event, 0.0)
    assert machine.finished


# Congestion

SENDERS = {
    "client": (client, Place.IN_H),
    "inbound": (lambda: inbound(InState.OPENED), Place.IN_T),
    "server": (server, Place.OUT_T),
    "outbound": (lambda: outbound(OutState.OPENED), Place.OUT_H),
}


def speak(machine: Machine) -> list[Action]:
    """One RPC PDU is there to be sent."""
    if isinstance(machine, InboundProxy | OutboundProxy):
        leg = machine.in_h if isinstance(machine, InboundProxy) else machine.out_t
        return machine.handle(RpcArrived(leg, CALL), 1.0)
    return machine.handle(Submit(CALL), 1.0)


@pytest.mark.parametrize(("make", "place"), SENDERS.values(), ids=SENDERS)
def test_rpc_pdus_wait_while_tcp_takes_no_more(make: Callable[[], Machine], place: Place) -> None:
    machine = make()
    (leg,) = [leg for leg in machine.legs() if leg.place is place]
    assert machine.handle(Congested(leg), 1.0) == []
    assert speak(machine) == []
    assert machine.handle(Relieved(leg), 2.0) == [Forward(leg, CALL)]
    assert speak(machine) == [Forward(leg, CALL)]


@pytest.mark.parametrize(("make", "place"), SENDERS.values(), ids=SENDERS)
def test_congestion_of_other_legs_concerns_nobody(make: Callable[[], Machine], place: Place) -> None:
    machine = make()
    for leg in machine.legs():
        if leg.place is not place:
            assert machine.handle(Congested(leg), 1.0) == []
            assert speak(machine)
            assert machine.handle(Relieved(leg), 2.0) == []


# What arrives


def test_a_pdu_for_this_role_is_recognised() -> None:
    machine = Plain()
    assert machine.handle(RtsArrived(machine.near, Ping().encode()), 0.0) == []
    assert machine.pinged == [machine.near]


@pytest.mark.conformance(81)
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (for_somebody(IN_PROXY), UnrecognisedPdu),
        (Ping().encode()[:-1], DecodeError),
        (Ping().encode().replace(b"\x01\x00\x00\x00", b"\x01\x00\x01\x00"), DecodeError),
        (b"\0" * 20, DecodeError),
    ],
    ids=["known, but not here", "cut short", "a count without commands", "nonsense"],
)
def test_whatever_else_arrives_ends_the_connection(data: bytes, why: type[Exception]) -> None:
    machine = Plain()
    actions = machine.handle(RtsArrived(machine.near, data), 0.0)
    assert actions[:2] == [CloseLeg(machine.near), CloseLeg(machine.far)]
    assert isinstance(actions[2], Closed)
    assert isinstance(actions[2].why, why)
    assert machine.why is actions[2].why


def test_what_comes_on_a_leg_that_was_closed_concerns_nobody() -> None:
    machine = Plain()
    assert machine.handle(RtsArrived(Leg(Place.IN_H), b"nonsense"), 0.0) == []
    assert not machine.finished


def test_after_its_end_a_machine_does_nothing() -> None:
    machine = Plain()
    machine.handle(CloseRequested(), 0.0)
    for event in (RpcArrived(machine.near, b""), LegClosed(machine.far), CloseRequested(), Tick()):
        assert machine.handle(event, 1.0) == []
    assert machine.deadline is None


# Timers


def test_the_deadline_is_the_earliest_timer() -> None:
    machine = Plain()
    machine.set_timer(Timer.IN, 30.0)
    machine.set_timer(Timer.PING, 10.0)
    assert machine.deadline == 10.0
    machine.set_timer(Timer.PING, 40.0)
    assert machine.deadline == 30.0
    machine.stop_timer(Timer.IN)
    machine.stop_timer(Timer.IN)
    assert machine.deadline == 40.0
    machine.stop_timer(Timer.PING)
    assert machine.deadline is None


def test_a_tick_runs_down_every_timer_whose_time_has_come() -> None:
    machine = Plain()
    machine.set_timer(Timer.IN, 30.0)
    machine.set_timer(Timer.PING, 10.0)
    machine.set_timer(Timer.OUT, 31.0)
    assert machine.handle(Tick(), 9.0) == []
    assert machine.ran_down == []
    machine.handle(Tick(), 30.0)
    assert set(machine.ran_down) == {Timer.IN, Timer.PING}
    assert machine.deadline == 31.0


def test_no_timer_outlives_the_machine() -> None:
    machine = Plain()
    machine.set_timer(Timer.SETUP, 10.0)
    machine.set_timer(Timer.PING, 10.0)
    machine.handle(Tick(), 10.0)
    assert machine.finished
    assert machine.ran_down == [Timer.SETUP]
    assert machine.deadline is None


def test_states_are_named_for_people() -> None:
    assert state_names(InChannelState.A6W, OutChannelState.OPENED_A4W) == "A6W/OPENED_A4W"


def test_a_machine_that_starts_with_nothing_orders_nothing() -> None:
    assert Plain().start() == []
