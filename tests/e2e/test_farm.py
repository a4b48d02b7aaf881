"""One virtual connection through several proxies that share nothing. In one process, over real sockets."""

import asyncio
import gc
from collections import Counter
from contextlib import AsyncExitStack
from itertools import cycle

import pytest

from rpch.client.rpc import CallLost
from rpch.errors import TransportError
from rpch.server.demo import AddRequest, DelayRequest, Demo
from tests.e2e.farm import Place, always, farm, in_turn, traffic


@pytest.mark.slow
@pytest.mark.conformance(60, 61, 62, 63, 64, 74, 95)
@pytest.mark.parametrize(
    ("place", "seen"),
    [
        (always(IN=0, OUT=0), {"IN_R2", "OUT_R2"}),
        (always(IN=0, OUT=1), {"IN_R2", "OUT_R2"}),
        (always(IN=cycle([0, 1, 2]), OUT=cycle([1, 2, 0])), {"IN_R1", "OUT_R1"}),
        (always(IN=cycle([0, 1]), OUT=2), {"IN_R1", "OUT_R2"}),
        (always(IN=2, OUT=cycle([0, 1])), {"IN_R2", "OUT_R1"}),
        (always(IN=cycle([0, 0, 1, 1]), OUT=cycle([1, 0, 0])), {"IN_R1", "IN_R2", "OUT_R1", "OUT_R2"}),
        (in_turn(3), {"IN_R1", "OUT_R1"}),
    ],
    ids=["one node", "one node each", "ever another", "IN moves", "OUT moves", "every way", "in turn"],
)
async def test_successors_may_land_on_any_node(place: Place, seen: set[str]) -> None:
    async with farm(3, place) as running:
        async with running.client() as client:
            await traffic(client, 2)
        counts = running.recyclings.seen
        assert seen <= set(counts)
        assert counts["IN_R1"] + counts["IN_R2"] >= 14
        assert counts["OUT_R1"] + counts["OUT_R2"] >= 28


async def test_nothing_is_recycled_before_it_is_due() -> None:
    async with farm(2, lifetime=1 << 30) as running:
        async with running.client(lifetime=1 << 30) as client:
            await traffic(client)
        assert not running.recyclings.seen


async def test_the_nodes_forget_what_has_ended() -> None:
    async with farm(2) as running:
        async with running.client() as client:
            await traffic(client)
        for node in running.nodes:
            await node.idle()
            assert not len(node.proxy.inbound) + len(node.proxy.outbound)


@pytest.mark.conformance(82, 95)
@pytest.mark.parametrize("killed", [0, 1], ids=["IN", "OUT"])
async def test_a_killed_node_breaks_at_once_what_passes_it_and_nothing_else(killed: int) -> None:
    placed = iter([0, 1, 2, 2, 2, 2])  # IN and OUT of one connection, then of two others
    async with farm(3, lambda method: next(placed)) as running, AsyncExitStack() as clients:
        broken = await clients.enter_async_context(running.client())
        whole = await clients.enter_async_context(running.client())
        waiting = asyncio.create_task(broken.call(Demo.delay, DelayRequest(60_000)))
        spared = asyncio.create_task(whole.call(Demo.delay, DelayRequest(50)))
        assert (await broken.call(Demo.add, AddRequest(1, 2))).total == 3
        running.nodes[killed].kill()
        async with asyncio.timeout(1):
            with pytest.raises(CallLost) as lost:
                await waiting
            await running.nodes[1 - killed].idle()
        assert not lost.value.did_not_execute
        assert (await spared).milliseconds == 50
        fresh = await clients.enter_async_context(running.client())
        assert (await fresh.call(Demo.add, AddRequest(40, 2))).total == 42


@pytest.mark.conformance(95)
async def test_a_node_that_is_killed_while_successors_come_breaks_the_connection_cleanly() -> None:
    async with farm(2) as running:
        async with running.client() as client:
            working = asyncio.create_task(traffic(client, 20))
            await running.recyclings.more(20)
            running.balancer.place = lambda method: 0
            running.nodes[1].kill()
            async with asyncio.timeout(2):
                with pytest.raises(BaseExceptionGroup) as group:
                    await working
        assert group.group_contains(TransportError)
        assert not group.group_contains(AssertionError)
        await running.nodes[0].idle()
        async with running.client() as client:
            await traffic(client)


async def test_recycling_leaves_nothing_behind() -> None:
    async with farm(2) as running, running.client() as client:
        await traffic(client, 2)
        before = things_of_channels()
        await traffic(client, 4)
        assert running.recyclings.seen.total() > 80
        assert all(count <= 6 for count in (things_of_channels() - before).values())


def things_of_channels() -> Counter[str]:
    """How many objects there are that belong to one channel or one leg."""
    gc.collect()
    kinds = Counter(type(thing).__name__ for thing in gc.get_objects())
    return Counter(
        {name: kinds[name] for name in ("Leg", "ClientLeg", "LegConnection", "Inlet", "Outlet", "socket")}
    )
