"""The simulated world: that it notices what is wrong. What is right is in tests/sim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rpch.rts.commands import FlowControlAck
from rpch.rts.pdus import InR1A6, Ping
from rpch.testing.plans import Plan
from rpch.testing.world import World, WorldBroken
from rpch.vconn import client, server
from rpch.vconn.client import ClientConnection
from rpch.vconn.events import Action, Deliver, Leg, PassOn, RpcArrived, Send
from rpch.vconn.flow import Inlet, SendWindow
from rpch.vconn.inbound import InboundProxy
from rpch.vconn.machine import Machine
from rpch.vconn.outbound import OutboundProxy
from rpch.vconn.server import ServerConnection

SEEDS = range(60)


def first_failure(seeds: range = SEEDS) -> str:
    """What the first world says in which something went wrong."""
    for seed in seeds:
        world = World(Plan.drawn(seed))
        try:
            world.run()
            world.end(world.close_by_client)
        except WorldBroken as failure:
            return str(failure)
    raise AssertionError("nobody noticed")


def forget_the_old_name(window: SendWindow, cookie: bytes) -> None:
    window.cookies = (cookie,)


def deliver_what_overtook(machine: ClientConnection, event: RpcArrived) -> list[Action]:
    return [Deliver(event.run)]


def flush_nothing(machine: InboundProxy, successor: Any) -> list[Action]:
    return [Send(machine.in_t, InR1A6(successor)), *machine._flushed()]


def route_to_the_newest(machine: ServerConnection, ack: FlowControlAck, data: bytes) -> list[Action]:
    return [PassOn(machine.outlets()[0].leg, data)]


def acknowledge_nothing(inlet: Inlet, size: int) -> list[Action]:
    inlet.queued -= size
    return []


def ignore_windows(window: SendWindow, ack: FlowControlAck) -> None:
    window.available = 1 << 20


def leave_the_rest_open(machine: Machine, why: Any) -> list[Action]:
    machine.finished = True
    return []


def ping_the_wrong_way(machine: OutboundProxy, pdu: Any) -> list[Action]:
    return [Send(machine.out_t, Ping())]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "name", "wrong"),
    [
        (SendWindow, "rename", forget_the_old_name),
        (SendWindow, "acknowledge", ignore_windows),
        (Inlet, "consumed", acknowledge_nothing),
        (ClientConnection, "_hold", lambda machine, is_rts, data: None),
        (InboundProxy, "_flush", flush_nothing),
        (ServerConnection, "_route", route_to_the_newest),
        (OutboundProxy, "_say", ping_the_wrong_way),
        (Machine, "abort", leave_the_rest_open),
        (client, "RESERVE", 0),
        (server, "RESERVE", 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_done_wrong_is_noticed(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, wrong: Callable[..., object] | int
) -> None:
    """Each of these rules is there because without it a run fails; so the world must see it fail."""
    monkeypatch.setattr(owner, name, wrong)
    first_failure()


def test_a_failure_tells_its_trace_and_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inlet, "consumed", acknowledge_nothing)
    told = first_failure()
    assert told.startswith("stalled: ")
    assert "OPENED/OPENED" in told
    assert "Plan(seed=" in told


def test_a_run_can_be_repeated() -> None:
    worlds = [World(Plan.drawn(5, pdus=60)) for _ in range(2)]
    for world in worlds:
        world.run()
    first, second = worlds
    assert first.turns == second.turns
    assert first.clock.now == second.clock.now
    assert first.told(10_000) == second.told(10_000)


def test_a_disturbance_that_ends_nothing_is_noticed() -> None:
    world = World(Plan.drawn(5, pdus=20))
    world.run()
    with pytest.raises(WorldBroken, match="still there"):
        world.end(lambda: None)


def test_what_takes_too_long_to_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpch.testing.world.SOON", 0.0)
    world = World(Plan.drawn(5, pdus=5))
    world.run()
    with pytest.raises(WorldBroken, match="to end"):
        world.end(world.close_by_client)


def test_what_is_left_in_a_table_is_noticed() -> None:
    world = World(Plan.drawn(5, pdus=5))
    world.run()
    for node in world.nodes:
        node.forget = lambda machine: None  # type: ignore[method-assign]
    with pytest.raises(WorldBroken, match="entries for 0 machines"):
        world.end(world.close_by_client)


def test_a_machine_that_ends_by_itself_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leg, "successor", lambda leg: None)
    with pytest.raises(WorldBroken):
        World(Plan.drawn(5)).run()


def test_the_last_node_is_not_killed() -> None:
    world = World(replace(Plan.drawn(5, pdus=5), nodes=1))
    world.run()
    world.kill_a_node(0)
    assert world.nodes[0].alive


def test_a_node_is_killed_with_all_its_connections() -> None:
    world = World(replace(Plan.drawn(5, pdus=5), nodes=3))
    world.run()
    used = [number for number, node in enumerate(world.nodes) if node.seats]
    world.end(lambda: world.kill_a_node(used[0]))
    assert not world.nodes[used[0]].alive


def test_without_an_open_line_none_is_lost() -> None:
    world = World(Plan.drawn(5, pdus=5))
    world.lose_a_line(0)
    assert world.lines == []
