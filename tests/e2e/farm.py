"""A farm in one process: several proxies that share nothing, a balancer before them, a server behind.

Every proxy has tables and a port of its own, so a successor that the balancer sends elsewhere finds there
what it would find on another machine. The balancer decides per connection, when it has seen the method.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from rpch.auth.accounts import MemoryAccounts
from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.proxy.service import RpcProxy
from rpch.rts.pdus import InR1A2, OutR1A4
from rpch.server.demo import AddRequest, Count, Demo, Octets
from rpch.server.runtime import RpcServer
from rpch.trace import Tracer, Turn
from rpch.vconn.events import Send, SuccessorArrived
from rpch.vconn.settings import ClientSettings, Settings
from tests.raw_peer import until

LOOPBACK = "127.0.0.1"
TARGET, OTHER_TARGET = "server:6001", "server:6002"
SHORTEST = 131_072
MEGABYTE = bytes(range(256)) * 4096
USER, OTHER_USER, PASSWORD = r"LAB\alice", r"LAB\bob", "Passw0rd!"

Place = Callable[[str], int]  # a method, and the node its connection goes to


class Recyclings(Tracer):
    """Counts the four ways to recycle, as the proxies see them: `IN_R1`, `IN_R2`, `OUT_R1`, `OUT_R2`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._awaited, self._reached = 0, asyncio.Event()

    async def more(self, count: int) -> None:
        """Returns when so many more have begun."""
        self._awaited, self._reached = self.seen.total() + count, asyncio.Event()
        async with asyncio.timeout(10):
            await self._reached.wait()

    def write(self, turn: Turn) -> None:
        kind = turn.role.partition("_")[0]
        if isinstance(turn.event, SuccessorArrived) and turn.role != "SERVER":
            self.seen[f"{kind}_R2"] += 1
        for action in turn.actions:
            if isinstance(action, Send) and isinstance(action.pdu, InR1A2 | OutR1A4):
                self.seen[f"{kind}_R1"] += 1
        if self.seen.total() >= self._awaited:
            self._reached.set()


class Node:
    """One proxy with a port of its own, which can be killed."""

    def __init__(self, proxy: RpcProxy) -> None:
        self.proxy = proxy
        self.port = 0
        self._listener: asyncio.Server
        self._transports: set[asyncio.Transport] = set()

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, LOOPBACK, 0)
        self.port = int(self._listener.sockets[0].getsockname()[1])

    def _connection(self) -> ProxyConnection:
        return _Kept(self.proxy, self._transports)

    def stop_listening(self) -> None:
        """What a drain begins with."""
        self._listener.close()

    async def idle(self) -> None:
        """Returns when no virtual connection passes here any more."""
        await until(lambda: not self.proxy.drivers)

    async def has_opening(self) -> None:
        """Returns when a channel is here whose first PDU is not."""
        await until(lambda: self.proxy.openings)

    async def drain(self, grace: float) -> None:
        """What a process does at SIGTERM."""
        self.stop_listening()
        await self.proxy.drain(grace)

    def kill(self) -> None:
        """What the others see of a process that is killed: every connection is reset."""
        self._listener.close()
        for driver in self.proxy.drivers.values():
            for leg in driver.legs.values():
                if leg.transport is not None:
                    leg.transport.abort()
        for transport in self._transports:
            transport.abort()


class _Kept(ProxyConnection):
    """A connection to a node that is known to it."""

    def __init__(self, proxy: RpcProxy, transports: set[asyncio.Transport]) -> None:
        super().__init__(proxy)
        self._known = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._known.add(cast(asyncio.Transport, transport))
        self.on_lost = lambda: self._known.discard(cast(asyncio.Transport, transport))
        super().connection_made(transport)


class Hop:
    """What a relay on the way makes of the answers: nothing."""

    over = False  # whether it closes the connection behind what it has said

    def answer(self, method: str, data: bytes) -> bytes:
        """What the client reads of it."""
        return data

    def farewell(self, method: str) -> bytes:
        """What the client reads when the node has closed."""
        return b""


class Balancer:
    """A TCP port whose connections go where `place` says; each passes a hop that `relay` makes."""

    def __init__(self, place: Place, nodes: list[Node]) -> None:
        self.place, self.nodes = place, nodes
        self.relay: Callable[[], Hop] = Hop
        self.port = 0
        self._listener: asyncio.Server

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Front(self), LOOPBACK, 0)
        self.port = int(self._listener.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._listener.close()


class _Front(asyncio.Protocol):
    """The client's side of one connection through the balancer."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._early = b""
        self._dialing: asyncio.Task[None] | None = None
        self._back: asyncio.Transport | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._back is not None:
            self._back.write(data)
            return
        self._early += data
        if self._dialing is None and b" " in self._early:
            method = self._early.partition(b" ")[0].decode()
            node = self._balancer.nodes[self._balancer.place(method)]
            self._dialing = asyncio.get_running_loop().create_task(self._dial(node, method))

    async def _dial(self, node: Node, method: str) -> None:
        loop, hop = asyncio.get_running_loop(), self._balancer.relay()
        try:
            back, _ = await loop.create_connection(
                lambda: _Back(self.transport, method, hop), LOOPBACK, node.port
            )
        except OSError:
            self.transport.abort()
            return
        back.write(self._early)
        self._back = back

    def connection_lost(self, exc: Exception | None) -> None:
        if self._back is not None:
            self._back.close()


class _Back(asyncio.Protocol):
    """The node's side."""

    def __init__(self, front: asyncio.Transport, method: str, hop: Hop) -> None:
        self._front, self._method, self._hop = front, method, hop

    def data_received(self, data: bytes) -> None:
        self._front.write(self._hop.answer(self._method, data))
        if self._hop.over:
            self._front.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._front.is_closing():
            self._front.write(self._hop.farewell(self._method))
            self._front.close()


class Farm:
    """What a test holds in its hands."""

    def __init__(self, balancer: Balancer, nodes: list[Node], recyclings: Recyclings) -> None:
        self.balancer, self.nodes, self.recyclings = balancer, nodes, recyclings

    def client(self, *, lifetime: int = SHORTEST, timeout: float = 10.0) -> Client:
        """A connection of our own client through the balancer; `lifetime` is that of its IN channels."""
        return connect(
            f"ncacn_http:server[6001,RpcProxy={LOOPBACK}:{self.balancer.port}]",
            user=USER,
            password=PASSWORD,
            tls=False,
            timeout=timeout,
            settings=ClientSettings(channel_lifetime=lifetime),
        )


Client = AbstractAsyncContextManager[RpcClient]


def in_turn(count: int) -> Place:
    """Round robin, whatever the method."""
    turn = itertools.cycle(range(count))
    return lambda method: next(turn)


def always(**node_of: Iterator[int] | int) -> Place:
    """By method: a fixed node, or one after the other of an iterator. `IN=0, OUT=cycle([0, 1])`."""

    def place(method: str) -> int:
        chosen = node_of["IN" if method == "RPC_IN_DATA" else "OUT"]
        return chosen if isinstance(chosen, int) else next(chosen)

    return place


@asynccontextmanager
async def farm(
    count: int,
    place: Place | None = None,
    *,
    lifetime: int = SHORTEST,
    served: Settings | None = None,
    served_v1: bool = False,
    **changes: Any,
) -> AsyncIterator[Farm]:
    """So many proxies for one server with the demo interface.

    `lifetime` is that of OUT channels, `served` what the server announces, `served_v1` whether it takes
    version 1 too; `changes` are settings of the proxies by their names.
    """
    recyclings = Recyclings()
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, settings=served, v1=served_v1)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, 0, [Demo()])
        given: dict[str, Any] = {
            "user": [f"{user}:{PASSWORD}" for user in (USER, OTHER_USER)],
            "valid_ports": f"{TARGET};{OTHER_TARGET}",
            "route": [f"{TARGET}={LOOPBACK}:{port}", f"{OTHER_TARGET}={LOOPBACK}:1"],
            "channel_lifetime": lifetime,
        }
        settings = ProxyConfiguration(no_tls=True, **given | changes)
        accounts = MemoryAccounts.from_options(settings.user, setting="user")
        nodes = [Node(settings.proxy(tasks, accounts, recyclings)) for _ in range(count)]
        balancer = Balancer(place or in_turn(count), nodes)
        for node in nodes:
            await node.listen()
        await balancer.listen()
        try:
            yield Farm(balancer, nodes, recyclings)
        finally:
            balancer.close()
            for node in nodes:
                node.stop_listening()
                node.proxy.end_all(None)
            await server.close()


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
