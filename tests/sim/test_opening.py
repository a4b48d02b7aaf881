"""Opening a virtual connection, some data, and its end, in the simulated world."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rpch.errors import ProxyError
from rpch.testing.lines import Line
from rpch.testing.plans import Plan
from rpch.testing.seats import ServerSeat
from rpch.testing.world import World
from rpch.vconn.events import SuccessorArrived
from rpch.vconn.server import ServerConnection


def first_half(world: World) -> str:
    """Which half of the connection reached the server first."""
    for _, seat, event, before, _, _ in world.trace:
        if isinstance(seat, ServerSeat) and isinstance(event, SuccessorArrived):
            return before
    raise AssertionError("the two halves never met")


@pytest.mark.conformance(39)
def test_the_two_halves_meet_in_either_order() -> None:
    orders = set()
    for seed in range(40):
        world = World(Plan(seed=seed, pdus=3))
        world.run()
        orders.add(first_half(world))
    assert orders == {"A2W", "B2W"}


@pytest.mark.conformance(37, 38, 39, 95)
@pytest.mark.parametrize("nodes", range(1, 6))
def test_in_and_out_may_land_anywhere(nodes: int) -> None:
    for seed in range(20):
        world = World(Plan(seed=seed, nodes=nodes, pdus=20))
        world.run()
        world.end(world.close_by_client)


@pytest.mark.parametrize("how", ["close_by_client", "close_by_server"])
def test_either_end_may_hang_up(how: str) -> None:
    for seed in range(20):
        world = World(Plan(seed=seed, pdus=20))
        world.run()
        close: Callable[[], None] = getattr(world, how)
        world.end(close)


@pytest.mark.conformance(82)
@pytest.mark.parametrize("pick", range(4), ids=["first", "second", "third", "fourth"])
def test_the_loss_of_any_leg_ends_all_four(pick: int) -> None:
    for seed in range(20):
        world = World(Plan(seed=seed, pdus=20))
        world.run()

        def lose(world: World = world) -> None:
            world.lose_a_line(pick)

        world.end(lose)
        assert all(line.closed for line in world.lines)


@pytest.mark.conformance(95)
def test_a_killed_node_ends_what_passes_it_and_nothing_else() -> None:
    survived = 0
    for seed in range(30):
        world = World(Plan(seed=seed, nodes=4, clients=3, pdus=30))
        world.run()
        victim = seed % 4
        passing = {seat.virtual_connection for seat in world.nodes[victim].seats.values()}
        world.disturbed_at = world.clock.now
        world.kill_a_node(victim)
        world.clock.settle(limit=100_000)
        for talk in world.talks:
            assert talk.client.machine.finished == (talk.name in passing)
            survived += talk.name not in passing
    assert survived


@pytest.mark.conformance(83, 85)
def test_a_server_that_does_not_listen_is_told_to_the_client() -> None:
    for seed in range(10):
        world = World(Plan(seed=seed, pdus=3))
        world.server.listening = False
        world.disturbed_at = 0.0
        world.run()
        why = world.talks[0].client.machine.why
        assert isinstance(why, ProxyError)
        assert why.rpc_status == 0x6BA


@pytest.mark.conformance(44)
def test_half_a_connection_is_given_up_when_its_time_is_over() -> None:
    world = World(Plan(seed=1, nodes=1, pdus=3))
    break_in_h(world)
    world.talks[0].client.start()
    world.clock.run(world.plan.server.setup_timeout - 1.0)
    (machine,) = world.server.seats
    assert isinstance(machine, ServerConnection)
    assert machine.condition in ("A2W", "B2W")
    world.clock.run(world.plan.server.setup_timeout + 10.0)
    assert len(world.server.table) == 0
    assert all(seat.over for seat in world.seats)


def break_in_h(world: World) -> None:
    """Let what the client says on its IN channel never arrive, without anybody noticing."""
    world.disturbed_at = 0.0
    new_line = world.new_line

    def deaf(connection: bytes, near: str, far: str) -> Line:
        line = new_line(connection, near, far)
        if "IN-H" in near:
            line.near.send = lambda item: None  # type: ignore[method-assign]
        return line

    world.new_line = deaf  # type: ignore[method-assign]
