"""Proxies and servers that go away in mid-call: what is lost, what is known of it, and what is done again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.client.policy import ConnectionPolicy, Order
from rpch.client.retry import Retry
from rpch.client.rpc import CallLost
from rpch.dcerpc.interface import Call
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import TransportError
from rpch.proxy.configuration import ProxyConfiguration
from rpch.server.demo import AddRequest, DelayRequest, DelayResponse, Demo
from rpch.server.runtime import RpcServer
from tests.e2e.farm import LOOPBACK, PASSWORD, USER, Node, farm, in_turn
from tests.raw_peer import until

SOON = 5.0
AGAIN = Retry(attempts=10, first_delay=0.01, longest_delay=0.05)
HTTP, TCP = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP


class Waiting(Demo):
    """The demo interface, whose delays end when they are told to, and are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.running, self.go_on = asyncio.Event(), asyncio.Event()

    async def delay(self, call: Call, request: DelayRequest) -> DelayResponse:
        self.begun += 1
        self.running.set()
        await self.go_on.wait()
        return DelayResponse(request.milliseconds)


class Reborn(Node):
    """A node on the port of the one before it."""

    async def listen_on(self, port: int) -> int:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, LOOPBACK, port)
        return int(self._listener.sockets[0].getsockname()[1])


class Site:
    """One server, and one proxy before it that dies and is started again on the same port."""

    def __init__(self, demo: Waiting, http: int, tcp: int, tasks: asyncio.TaskGroup) -> None:
        self.demo, self.tcp, self._tasks = demo, tcp, tasks
        self._settings = ProxyConfiguration(
            no_tls=True,
            user=[f"{USER}:{PASSWORD}"],
            valid_ports="server:6001",
            route=[f"server:6001={LOOPBACK}:{http}"],
        )
        self.node: Reborn
        self.port = 0

    async def start(self) -> None:
        """A new proxy, which knows nothing of the one before."""
        self.node = Reborn(self._settings.proxy(self._tasks, self._settings.accounts()))
        self.port = await self.node.listen_on(self.port)

    def binding(self) -> str:
        return f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{self.port}]"

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[RpcClient]:
        known: dict[str, Any] = {"user": USER, "password": PASSWORD, "tls": False, "timeout": SOON}
        async with asyncio.timeout(3 * SOON), connect(self.binding(), **known, **options) as client:
            yield client


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    demo = Waiting()
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        http, tcp = [await server.listen(protseq, LOOPBACK, 0, [demo]) for protseq in (HTTP, TCP)]
        running = Site(demo, http, tcp, tasks)
        await running.start()
        yield running
        demo.go_on.set()
        running.node.kill()
        await server.close()


async def total(client: RpcClient) -> int:
    return (await client.call(Demo.add, AddRequest(2, 3))).total


def begin(client: RpcClient, **options: Any) -> asyncio.Task[DelayResponse]:
    return asyncio.create_task(client.call(Demo.delay, DelayRequest(7), **options))


async def killed_in_mid_call(running: Site) -> None:
    await running.demo.running.wait()
    running.node.kill()


async def test_a_call_in_flight_is_lost_and_the_next_call_opens_a_new_connection() -> None:
    async with site() as running, running.client() as client:
        call = begin(client)
        await killed_in_mid_call(running)
        with pytest.raises(CallLost) as lost:
            await call
        assert not lost.value.did_not_execute
        await running.start()
        assert await total(client) == 5
        assert running.demo.begun == 1


async def test_a_call_that_may_have_run_is_not_repeated_unasked() -> None:
    async with site() as running, running.client(retry=AGAIN) as client:
        call = begin(client)
        await killed_in_mid_call(running)
        await running.start()
        with pytest.raises(CallLost):
            await call
        assert running.demo.begun == 1


async def test_an_idempotent_call_is_repeated_until_the_proxy_is_back() -> None:
    async with site() as running, running.client(retry=AGAIN) as client:
        call = begin(client, idempotent=True)
        await killed_in_mid_call(running)
        await asyncio.sleep(0.03)  # the client finds nobody, and tries again
        running.demo.go_on.set()
        await running.start()
        assert (await call).milliseconds == 7
        assert running.demo.begun == 2


async def test_a_call_that_was_never_sent_is_repeated_for_everybody() -> None:
    async with site() as running, running.client(retry=AGAIN) as client:
        assert await total(client) == 5
        running.node.kill()
        await until(lambda: not client._way.open)
        calls = [asyncio.create_task(total(client)) for _ in range(5)]
        await asyncio.sleep(0.03)
        await running.start()
        assert [await call for call in calls] == [5] * 5


async def test_nobody_tries_for_ever() -> None:
    async with site() as running, running.client(retry=Retry(attempts=3, first_delay=0.001)) as client:
        assert await total(client) == 5
        running.node.kill()
        await until(lambda: not client._way.open)
        with pytest.raises(TransportError, match="cannot be reached"):
            await total(client)


async def test_calls_survive_a_node_of_a_farm_that_is_killed() -> None:
    async with (
        farm(2, in_turn(2)) as running,
        connect(
            f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{running.balancer.port}]",
            user=USER,
            password=PASSWORD,
            tls=False,
            retry=AGAIN,
        ) as client,
    ):
        assert await total(client) == 5
        running.balancer.place = lambda method: 0
        running.nodes[1].kill()
        calls = [client.call(Demo.add, AddRequest(n, 1), idempotent=True) for n in range(20)]
        assert [answer.total for answer in await asyncio.gather(*calls)] == list(range(1, 21))


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes no connection and refuses none, as behind a firewall that drops packets."""
    sockets = [socket.socket() for _ in range(5)]
    sockets[0].bind((LOOPBACK, 0))
    sockets[0].listen(0)
    for one in sockets[1:]:
        one.setblocking(False)
        one.connect_ex(sockets[0].getsockname())
    try:
        yield sockets[0].getsockname()[1]
    finally:
        for one in sockets:
            one.close()


async def test_http_answers_while_tcp_is_filtered_without_waiting_for_its_time_out() -> None:
    policy = ConnectionPolicy(fast=Order.TCP_FIRST, tcp_head_start=0.05)
    async with site() as running:
        with black_hole() as filtered:
            alternative = f"ncacn_ip_tcp:{LOOPBACK}[{filtered}]"
            began = asyncio.get_running_loop().time()
            async with running.client(alternative=alternative, policy=policy) as client:
                assert asyncio.get_running_loop().time() - began < 1
                assert await total(client) == 5
                assert client.path.protseq is HTTP
                assert "ncacn_ip_tcp: it had not answered" in str(client.path)


async def test_a_client_that_loses_http_goes_on_over_tcp_and_says_so() -> None:
    policy = ConnectionPolicy(fast=Order.HTTP_FIRST)
    async with site() as running:
        alternative = f"ncacn_ip_tcp:{LOOPBACK}[{running.tcp}]"
        async with running.client(alternative=alternative, policy=policy) as client:
            assert await total(client) == 5
            assert client.path.protseq is HTTP
            running.node.kill()
            await until(lambda: not client._way.open)
            assert await total(client) == 5
            assert client.path.protseq is TCP
            assert "cannot be reached" in client.path.not_taken[0].reason
