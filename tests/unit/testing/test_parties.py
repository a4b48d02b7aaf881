"""The processes of the simulated world."""

from __future__ import annotations

from rpch.rts.pdus import ConnB2, InR1A1
from rpch.testing.lines import Declined, Item
from rpch.testing.plans import Plan
from rpch.testing.rts_samples import CONNECTION, IN_CHANNEL, NEW_IN_CHANNEL, VERSION
from rpch.testing.situations import CONN_B1, IN_A2
from rpch.testing.world import World
from rpch.vconn.events import Place
from rpch.vconn.tables import Owner

ALICE, BOB = Owner("alice", "server:6001"), Owner("bob", "server:6001")


def arrive(world: World, owner: Owner, data: bytes, place: Place = Place.IN_H) -> list[Item]:
    """Somebody makes a request to the first node; what it hears of it."""
    heard: list[Item] = []
    line = world.new_line(CONNECTION.value, "somebody", "node1")
    line.near.receive = heard.append
    world.nodes[0].expect(place, line.far, owner)
    line.far.receive(data)
    world.clock.run(world.clock.now + 1.0)
    return heard


def test_a_node_keeps_a_table_for_each_role() -> None:
    world = World(Plan(seed=1))
    arrive(world, ALICE, CONN_B1.encode())
    node = world.nodes[0]
    assert (len(node.inbound), len(node.outbound), len(node.seats)) == (1, 0, 1)
    assert len(world.nodes[1].inbound) == 0


def test_somebody_elses_successor_is_declined() -> None:
    world = World(Plan(seed=1))
    arrive(world, ALICE, CONN_B1.encode())
    a1 = InR1A1(VERSION, CONNECTION, IN_CHANNEL, NEW_IN_CHANNEL)
    (answer, *_) = arrive(world, BOB, a1.encode())
    assert isinstance(answer, Declined)


def test_a_server_closes_what_belongs_to_nothing() -> None:
    world = World(Plan(seed=1))
    line = world.new_line(CONNECTION.value, "somebody", "server")
    world.server.expect(line.far)
    line.far.receive(IN_A2.encode())
    assert not line.far.open
    assert len(world.server.table) == 0


def test_what_has_ended_is_forgotten() -> None:
    world = World(Plan(seed=1, pdus=3))
    world.run()
    world.end(world.close_by_server)
    assert len(world.server.table) == 0
    assert world.server.seats == {}
    assert all(not node.seats for node in world.nodes)


def test_a_node_that_dies_takes_its_machines_along() -> None:
    world = World(Plan(seed=1))
    arrive(world, ALICE, CONN_B1.encode())
    (seat,) = world.nodes[0].seats.values()
    world.nodes[0].die()
    assert seat.over
    assert not seat.machine.finished
    assert ConnB2.NAME not in world.said or world.said[ConnB2.NAME] == 1
