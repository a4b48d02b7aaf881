"""Which clients, proxies and servers find a common version: Microsoft's table, row by row.

Win32 "System Requirements and Interoperability for RPC over HTTP", the second table.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import cast

import pytest

from rpch.auth.accounts import MemoryAccounts
from rpch.client.connect import connect
from rpch.client.ways import HttpVersion
from rpch.dcerpc.framing import HEADER_SIZE, RTS
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import TransportError
from rpch.http.channels import ChannelKind, ChannelRequest
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.policy import Denied, Policy
from rpch.server.demo import AddRequest, Count, Demo
from rpch.server.runtime import RpcServer
from rpch.vconn.mixed import MixedProxy
from tests.e2e.farm import LOOPBACK, TARGET, Node

V1, V2, BOTH = "v1 only", "v2 only", "both v1 and v2"

# Client, proxy, server, and the version that is used, or None where nothing works.
TABLE = [
    (V1, V1, V1, 1),
    (V1, V1, BOTH, 1),
    (V1, BOTH, V1, 1),
    (V1, BOTH, BOTH, 1),
    (V1, V2, V1, None),
    (V1, V2, BOTH, None),
    (BOTH, V1, V1, 1),
    (BOTH, V1, BOTH, 1),
    (BOTH, BOTH, V1, 1),
    (BOTH, BOTH, BOTH, 2),
    (BOTH, V2, V1, None),
    (BOTH, V2, BOTH, 2),
]


class OldPolicy(Policy):
    """The rules of a proxy from before version 2: it knows only one of the methods."""

    def before_authentication(
        self, request: ChannelRequest, *, secure: bool, client: str | None = None
    ) -> Denied | None:
        if request.kind is not ChannelKind.CONNECT:
            return Denied("Method", 501, "not known here")
        return super().before_authentication(request, secure=secure, client=client)


class OldServer(asyncio.Protocol):
    """A server from before version 2: whoever begins with an RTS PDU is not understood.

    What is behind it speaks both; it is shown only what begins with RPC.
    """

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._early = b""
        self._dialing: asyncio.Task[None] | None = None
        self._back: asyncio.Transport | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._dialing = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        self._back, _ = await loop.create_connection(lambda: _Back(self.transport), LOOPBACK, self._behind)
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        self._early += data
        if self._back is not None and len(self._early) >= HEADER_SIZE:
            if self._early[2] == RTS:
                self.transport.abort()
                return
            self._back.write(self._early)
            self._early = bytes(HEADER_SIZE)[:0]
            self.data_received = self._back.write  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._back is not None:
            self._back.close()


class _Back(asyncio.Protocol):
    def __init__(self, front: asyncio.Transport) -> None:
        self._front = front

    def data_received(self, data: bytes) -> None:
        self._front.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.close()


@asynccontextmanager
async def system(proxy_speaks: str, server_speaks: str) -> AsyncIterator[Node]:
    """A proxy and a server behind it that speak these versions."""
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks, v1=True)
        port = await server.listen(ProtocolSequence.NCACN_HTTP, LOOPBACK, 0, [Demo()])
        old = await asyncio.get_running_loop().create_server(lambda: OldServer(port), LOOPBACK, 0)
        old_port = int(old.sockets[0].getsockname()[1])
        settings = ProxyConfiguration(
            no_tls=True,
            allow_anonymous=True,
            v1=proxy_speaks != V2,
            valid_ports=TARGET,
            route=[f"{TARGET}={LOOPBACK}:{old_port if server_speaks == V1 else port}"],
        )
        node = Node(settings.proxy(tasks, MemoryAccounts.from_options([], setting="user")))
        if proxy_speaks == V1:
            known = node.proxy.policy
            node.proxy.policy = OldPolicy(**{one.name: getattr(known, one.name) for one in fields(known)})
        await node.listen()
        try:
            yield node
        finally:
            node.stop_listening()
            node.proxy.end_all(None)
            old.close()
            await server.close()


@pytest.mark.conformance(46, 90)
@pytest.mark.parametrize(("client", "proxy", "server", "version"), TABLE)
async def test_the_common_version_is_used_and_none_where_there_is_none(
    client: str, proxy: str, server: str, version: int | None
) -> None:
    wanted = HttpVersion.V1 if client == V1 else HttpVersion.AUTO
    binding = "ncacn_http:server[6001,RpcProxy=127.0.0.1:{}]"
    async with system(proxy, server) as node:
        trying = connect(binding.format(node.port), tls=False, version=wanted, timeout=5)
        if version is None:
            with pytest.raises(TransportError):
                async with trying:
                    pass
            return
        async with trying as found:
            assert (await found.call(Demo.add, AddRequest(40, 2))).total == 42
            assert len((await found.call(Demo.source, Count(300_000))).data) == 300_000
            kinds = {type(machine) is MixedProxy for machine in node.proxy.drivers}
            assert kinds == {version == 1}


def test_the_table_has_every_row() -> None:
    assert len({row[:3] for row in TABLE}) == 2 * 3 * 2
