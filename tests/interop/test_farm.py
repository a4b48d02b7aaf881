"""Farms behind HAProxy and nginx: every channel and every successor on whichever proxy the relay takes."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from pathlib import Path

import pytest
import trustme

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.client.rpc import CallLost
from rpch.errors import TransportError
from rpch.server.demo import AddRequest, DelayRequest, Demo
from rpch.vconn.settings import ClientSettings
from tests.e2e.farm import traffic
from tests.interop.farm import SHORTEST, Node, nodes
from tests.interop.laboratory import Laboratory
from tests.interop.relays import ALICE, Authority
from tests.interop.reverse_proxies import haproxy, nginx

Relay = Callable[[Path, trustme.LeafCert, Sequence[int]], AbstractContextManager[int]]
BOTH = pytest.mark.parametrize("relay", [haproxy, nginx])


def calling(
    port: int, authority: Authority, *, lifetime: int = SHORTEST
) -> AbstractAsyncContextManager[RpcClient]:
    """Our client through whatever takes TLS on this port."""
    return connect(
        f"ncacn_http:server[6001,RpcProxy=localhost:{port}]",
        user=f"{ALICE.domain}\\{ALICE.user}",
        password=ALICE.password,
        tls=ssl.create_default_context(cafile=authority.ca),
        settings=ClientSettings(channel_lifetime=lifetime),
    )


def all_ports(farm: list[Node]) -> list[int]:
    """Where a relay finds them."""
    return [node.port for node in farm]


@pytest.mark.conformance(61, 63, 64, 74, 95)
@pytest.mark.parametrize("count", [2, 3])
@BOTH
async def test_successors_land_on_every_node(
    relay: Relay, count: int, tmp_path: Path, authority: Authority, lab: Laboratory
) -> None:
    with (
        nodes(tmp_path, lab.place("demo"), count) as farm,
        relay(tmp_path, authority.leaf, all_ports(farm)) as port,
    ):
        async with calling(port, authority) as client:
            await traffic(client, 4)
        for node in farm:
            for channel in ("IN", "OUT"):
                assert len(node.events("opened", channel)) > 3, f"{channel} on {node.port}"
        assert len({name for node in farm for name in node.events("opened")}) == 1


@pytest.mark.conformance(82, 95)
@BOTH
async def test_a_killed_node_breaks_only_what_passes_it_and_at_once(
    relay: Relay, tmp_path: Path, authority: Authority, lab: Laboratory
) -> None:
    with (
        nodes(tmp_path, lab.place("demo"), 3, lifetime=1 << 30) as farm,
        relay(tmp_path, authority.leaf, all_ports(farm)) as port,
    ):
        async with AsyncExitStack() as clients:
            passing: dict[str, asyncio.Task[object]] = {}
            for _ in range(6):
                client = await clients.enter_async_context(calling(port, authority, lifetime=1 << 30))
                assert (await client.call(Demo.add, AddRequest(1, 2))).total == 3
                names = {name for node in farm for name in node.events("opened")}
                (name,) = names - set(passing)
                passing[name] = asyncio.create_task(_call_until_lost(client))
            doomed = set(farm[2].events("opened"))
            assert doomed
            farm[2].kill()
            async with asyncio.timeout(2):
                for name in doomed:
                    with pytest.raises(CallLost):
                        await passing[name]
            for name in passing.keys() - doomed:
                assert not passing[name].done()
                passing[name].cancel()
            for _ in range(3):
                fresh = await clients.enter_async_context(calling(port, authority))
                await traffic(fresh)


async def _call_until_lost(client: RpcClient) -> None:
    while True:
        assert (await client.call(Demo.delay, DelayRequest(100))).milliseconds == 100


@pytest.mark.conformance(95)
@BOTH
async def test_no_call_is_lost_while_every_node_is_drained_and_restarted_in_turn(
    relay: Relay, tmp_path: Path, authority: Authority, lab: Laboratory
) -> None:
    with (
        nodes(tmp_path, lab.place("demo"), 2) as farm,
        relay(tmp_path, authority.leaf, all_ports(farm)) as port,
    ):
        over = asyncio.Event()

        async def one_connection() -> None:
            async with calling(port, authority) as client:
                while not over.is_set():
                    await traffic(client)

        async def ever_new_connections() -> int:
            made = 0
            while not over.is_set():
                async with AsyncExitStack() as opened:
                    try:
                        client = await opened.enter_async_context(calling(port, authority))
                    except TransportError:
                        continue  # nothing was called yet: that is no call lost
                    await traffic(client)
                    made += 1
            return made

        async with asyncio.timeout(45), asyncio.TaskGroup() as together:
            together.create_task(one_connection())
            making = together.create_task(ever_new_connections())
            for node in farm:
                node.begin_to_drain()
                assert await asyncio.to_thread(node.drained) < 10
                await asyncio.to_thread(node.start)
            over.set()
        assert making.result() > 1
        assert not any(node.count("ending what has not moved") for node in farm)
