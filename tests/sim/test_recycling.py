"""Recycling at the shortest lifetimes, in both directions at once, in a thousand worlds."""

from __future__ import annotations

from collections import Counter

import pytest

from rpch.testing.plans import Plan
from rpch.testing.world import World
from rpch.vconn.settings import LIFETIME_MINIMUM, ClientSettings, ProxySettings, Settings

BLOCK = 50  # runs in one test
PDUS = 250  # in each direction: about four times what a channel carries
SEQUENCES = ("IN_R1/A2", "IN_R2/A2", "OUT_R1/A4", "OUT_R2/A4")


@pytest.mark.slow
@pytest.mark.conformance(47, 50, 57, 60, 61, 62, 63, 64, 69, 72, 74, 95)
@pytest.mark.parametrize("block", range(20))
def test_nothing_is_lost_doubled_or_reordered(block: int) -> None:
    said: Counter[str] = Counter()
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        world = World(Plan.drawn(seed, pdus=PDUS))
        world.run()
        world.end(world.close_by_client)
        said += world.said
    assert all(said[name] > BLOCK for name in SEQUENCES)


@pytest.mark.slow
@pytest.mark.conformance(74)
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_connection_lives_through_any_number_of_channels(nodes: int) -> None:
    plan = Plan.drawn(nodes, pdus=2000)
    world = World(Plan(seed=nodes, nodes=nodes, pdus=2000, client=plan.client, proxy=plan.proxy))
    world.run()
    assert world.said["IN_R1/A1"] >= 20
    assert world.said["OUT_R1/A1"] >= 20


@pytest.mark.slow
@pytest.mark.conformance(49, 58, 59, 72)
@pytest.mark.parametrize(("pdus", "answers"), [(1, 6000), (6000, 1)], ids=["down", "up"])
def test_acknowledgements_alone_use_up_a_channel_too(pdus: int, answers: int) -> None:
    """One end only listens. What it acknowledges uses its channel, which is recycled in its time."""
    world = World(
        Plan(
            seed=1,
            pdus=pdus,
            answers=answers,
            client=ClientSettings(receive_window=8192, channel_lifetime=LIFETIME_MINIMUM, strict=True),
            proxy=ProxySettings(receive_window=8192, channel_lifetime=LIFETIME_MINIMUM, strict=True),
            server=Settings(receive_window=8192, channel_lifetime=LIFETIME_MINIMUM, strict=True),
        )
    )
    world.run()
    assert world.said["IN_R1/A1"]
    assert world.said["OUT_R1/A1"]


@pytest.mark.conformance(60, 62)
def test_on_one_node_every_successor_joins_its_predecessor() -> None:
    plan = Plan.drawn(1)
    world = World(Plan(seed=1, nodes=1, pdus=300, client=plan.client, proxy=plan.proxy))
    world.run()
    assert not world.said["IN_R1/A2"]
    assert not world.said["OUT_R1/A4"]
    assert world.said["IN_R2/A2"]
    assert world.said["OUT_R2/A4"]


@pytest.mark.conformance(75, 77)
def test_a_night_without_calls_passes_with_pings_alone() -> None:
    world = World(Plan(seed=1, pdus=3))
    world.run()
    world.clock.run(world.clock.now + 12 * 3600.0)
    assert world.said["Ping"] == pytest.approx(2 * 12 * 60, abs=2)
    assert world.said["Ping Traffic Sent Notify"] == 12 * 60 // 52
    assert not any(talk.client.over for talk in world.talks)
