"""One virtual connection through several proxies that share nothing. In one process, over real sockets."""

import asyncio
from itertools import cycle

import pytest

from rpch.client.connect import RpcClient
from rpch.server.demo import AddRequest, Count, Demo, Octets
from tests.e2e.farm import Place, always, farm, in_turn

PATTERN = bytes(range(256))
MEGABYTE = PATTERN * 4096


async def traffic(client: RpcClient, megabytes: int = 1) -> None:
    """So many megabytes each way and small calls beside them, all at once; every byte is looked at."""

    async def inward() -> None:
        for _ in range(megabytes):
            assert (await client.call(Demo.echo, Octets(MEGABYTE))).data == MEGABYTE

    async def outward() -> None:
        for _ in range(megabytes):
            assert (await client.call(Demo.source, Count(len(MEGABYTE)))).data == MEGABYTE

    async def small() -> None:
        for number in range(50):
            assert (await client.call(Demo.add, AddRequest(number, 1))).total == number + 1

    async with asyncio.timeout(20), asyncio.TaskGroup() as together:
        for work in (inward, outward, small):
            together.create_task(work())


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
