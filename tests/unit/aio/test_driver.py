"""A driver carries out orders in their order, and owes its machine a tick at each deadline."""

import asyncio
import io
import json
from collections.abc import Iterable

from rpch.aio.driver import Driver
from rpch.aio.leg import LegConnection
from rpch.dcerpc.pdus import Request
from rpch.rts.commands import ForwardDestination
from rpch.rts.pdus import Ping, RtsPdu
from rpch.trace import Tracer
from rpch.vconn.events import (
    Action,
    Closed,
    CloseLeg,
    Event,
    Forward,
    Leg,
    LegClosed,
    Opened,
    PassOn,
    Place,
    ReadOn,
    RpcArrived,
    Send,
    SetKeepalive,
    StopReading,
    Tick,
)
from rpch.vconn.flow import Inlet, Outlet
from rpch.vconn.machine import Machine, Timer
from tests.memory_transport import MemoryTransport
from tests.raw_peer import until

CALL = Request(7, 0, 3, b"stub of a call").encode()
PING = Ping().encode()


class Scripted(Machine):
    """Answers every event with the orders it was given."""

    ROLE = ForwardDestination.IN_PROXY

    def __init__(self, *orders: Action, deadline: float | None = None) -> None:
        super().__init__()
        self.virtual_connection = bytes(16)
        self.orders, self.heard = list(orders), list[Event]()
        self.next_deadline = deadline

    @property
    def condition(self) -> str:
        return f"HEARD_{len(self.heard)}"

    def handle(self, event: Event, now: float) -> list[Action]:
        self.heard.append(event)
        self.now, self.deadline = now, self.next_deadline
        return self.orders

    def legs(self) -> list[Leg]:
        return []

    def inlets(self) -> list[Inlet]:
        return []

    def outlets(self) -> list[Outlet]:
        return []

    def rpc_arrived(self, event: RpcArrived) -> list[Action]:
        return []

    def turn(self, event: Event) -> list[Action]:
        return []

    def legal(self, leg: Leg) -> Iterable[type[RtsPdu]]:
        return []

    def rts_recognised(self, leg: Leg, pdu: RtsPdu) -> list[Action]:
        return []

    def outlet(self, place: Place) -> Outlet | Leg | None:
        return None

    def timed_out(self, timer: Timer) -> list[Action]:
        return []


def connection_of(leg: Leg) -> tuple[LegConnection, MemoryTransport]:
    """A leg's connection on a transport in memory."""
    connection, transport = LegConnection(leg, lambda event: None), MemoryTransport()
    connection.connection_made(transport)
    return connection, transport


async def test_an_event_of_a_connection_reaches_the_machine_and_its_orders_the_connections() -> None:
    here, there = Leg(Place.IN_H), Leg(Place.IN_T)
    machine = Scripted(Forward(there, CALL), Send(there, Ping()), PassOn(there, b"\x05passed on"))
    driver = Driver(machine, lambda action: None)
    (near, _), (far, far_transport) = connection_of(here), connection_of(there)
    driver.attach(near)
    driver.attach(far)
    near.data_received(CALL)
    assert machine.heard == [RpcArrived(here, CALL)]
    assert far_transport.take() == CALL + PING + b"\x05passed on"  # in this order


async def test_orders_for_a_leg_that_is_not_there_are_dropped() -> None:
    gone = Leg(Place.OUT_H)
    orders = (
        Forward(gone, CALL),
        Send(gone, Ping()),
        PassOn(gone, CALL),
        CloseLeg(gone),
        SetKeepalive(gone, 60),
    )
    Driver(Scripted(*orders), lambda action: None).feed(Tick())


async def test_what_only_a_role_orders_goes_to_its_own_hands() -> None:
    seen: list[Action] = []
    driver = Driver(Scripted(Opened(), Closed(None)), seen.append)
    driver.feed(Tick())
    assert seen == [Opened(), Closed(None)]


async def test_a_leg_is_read_and_not_read_as_ordered() -> None:
    leg = Leg(Place.IN_H)
    machine = Scripted(StopReading(leg))
    driver = Driver(machine, lambda action: None)
    connection, transport = connection_of(leg)
    driver.attach(connection)
    driver.feed(Tick())
    assert not transport.is_reading()
    machine.orders = [ReadOn(leg), StopReading(Leg(Place.OUT_H))]
    driver.feed(Tick())
    assert transport.is_reading()


async def test_a_connection_that_is_gone_is_forgotten_even_without_an_order() -> None:
    leg = Leg(Place.IN_H)
    driver = Driver(Scripted(), lambda action: None)
    connection, _ = connection_of(leg)
    driver.attach(connection)
    connection.connection_lost(None)
    assert driver.legs == {}
    other, _ = connection_of(leg)
    driver.attach(connection)
    driver.attach(other)
    connection.connection_lost(None)  # no longer the one that is meant
    assert driver.legs == {leg: other}


async def test_a_closed_leg_is_forgotten_and_its_connection_ends_behind_what_was_written() -> None:
    leg = Leg(Place.OUT_H)
    driver = Driver(Scripted(Send(leg, Ping()), CloseLeg(leg), Send(leg, Ping())), lambda action: None)
    connection, transport = connection_of(leg)
    driver.attach(connection)
    driver.feed(Tick())
    assert transport.take() == PING
    assert transport.is_ended()
    assert not driver.legs
    connection.connection_lost(None)


async def test_the_deadline_brings_one_tick_and_a_new_deadline_another() -> None:
    loop = asyncio.get_running_loop()
    machine = Scripted(deadline=loop.time() + 0.01)
    driver = Driver(machine, lambda action: None)
    driver.feed(LegClosed(Leg(Place.IN_H)))
    await asyncio.sleep(0)
    machine.next_deadline = None
    await asyncio.sleep(0.05)
    assert machine.heard[1:] == [Tick()]


async def test_a_deadline_that_is_taken_back_brings_no_tick() -> None:
    machine = Scripted(deadline=asyncio.get_running_loop().time() + 0.01)
    driver = Driver(machine, lambda action: None)
    driver.feed(LegClosed(Leg(Place.IN_H)))
    machine.next_deadline = None
    driver.feed(LegClosed(Leg(Place.IN_H)))
    await asyncio.sleep(0.05)
    assert Tick() not in machine.heard


async def test_the_first_orders_are_carried_out_and_the_deadline_is_watched() -> None:
    leg = Leg(Place.IN_T)
    machine = Scripted()
    machine.deadline = asyncio.get_running_loop().time() + 0.01
    driver = Driver(machine, lambda action: None)
    connection, transport = connection_of(leg)
    driver.attach(connection)
    driver.start([Send(leg, Ping())])
    assert transport.take() == PING
    await until(lambda: machine.heard)
    assert machine.heard == [Tick()]


async def test_orders_from_outside_take_their_deadline_with_them() -> None:
    machine = Scripted(deadline=asyncio.get_running_loop().time() + 0.01)
    driver = Driver(machine, lambda action: None)
    driver.feed(LegClosed(Leg(Place.IN_H)))
    driver.start(machine.abort(None))
    await asyncio.sleep(0.05)
    assert Tick() not in machine.heard


async def test_after_each_turn_whoever_asked_is_told() -> None:
    turns: list[int] = []
    machine = Scripted()
    driver = Driver(machine, lambda action: None)
    driver.after_turn = lambda: turns.append(len(machine.heard))
    driver.feed(Tick())
    driver.feed(Tick())
    assert turns == [1, 2]


async def test_every_turn_is_traced_with_the_state_before_and_after() -> None:
    sink = io.StringIO()
    machine = Scripted(Opened())
    Driver(machine, lambda action: None, Tracer(sink)).feed(Tick())
    (line,) = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert "HEARD_0" in line.values()
    assert "HEARD_1" in line.values()
    assert "Opened" in json.dumps(line)
