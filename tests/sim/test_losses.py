"""Something goes wrong after every single turn of a run: everything ends, everywhere, and soon."""

from __future__ import annotations

import pytest

from rpch.testing.plans import Plan
from rpch.testing.world import World

KINDS = ("line", "node", "client", "server")


def run_and_lose(plan: Plan, turn: int, kind: str) -> None:
    """One run in which one thing goes wrong after this turn."""
    world = World(plan)
    how = {
        "line": lambda: world.lose_a_line(turn),
        "node": lambda: world.kill_a_node(turn),
        "client": world.close_by_client,
        "server": world.close_by_server,
    }[kind]
    world.disturb_at(turn, how)
    world.run()
    world.end(world.close_by_client)


@pytest.mark.slow
@pytest.mark.conformance(82, 95)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nodes", [1, 2, 4])
def test_a_loss_after_any_turn_ends_all_of_it(nodes: int, kind: str) -> None:
    drawn = Plan.drawn(nodes)
    plan = Plan(seed=nodes, nodes=nodes, pdus=70, client=drawn.client, proxy=drawn.proxy)
    whole = World(plan)
    whole.run()
    assert whole.said["IN_R1/A1"]
    assert whole.said["OUT_R1/A1"]
    for turn in range(1, whole.turns + 1):
        run_and_lose(plan, turn, kind)
