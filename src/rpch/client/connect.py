"""`connect`: from a string binding to calls.

    async with connect("ncacn_http:server[6004,RpcProxy=proxy.example:443]", user=…, password=…) as client:
        answer = await client.call(Demo.add, AddRequest(2, 3))

Without an endpoint the endpoint mapper of the same host is asked for each interface that is called.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from rpch.aio.tls import client_context
from rpch.aio.tracing import tracer_from_environment
from rpch.client.access import PLAIN_PORT, TLS_PORT, Credentials, ProxyAccess
from rpch.client.carriers import Carrier, FallbackCarrier, HttpCarrier, MixedCarrier, TcpCarrier
from rpch.client.rpc import RpcConnection
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.endpointmapper import EndpointMapper, ask_for, port_in
from rpch.dcerpc.interface import Interface, Message, Operation, interface_of
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError, TransportError
from rpch.http.targets import RpcTarget
from rpch.trace import Tracer
from rpch.vconn.settings import ClientSettings

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)


class HttpVersion(Enum):
    """Which version of RPC over HTTP a client speaks.  MS-RPCH 3"""

    V2 = "2"
    V1 = "1"  # plain HTTP and no authentication: for old servers behind old proxies
    AUTO = "auto"  # 2, and 1 where that fails and 1 could work


class RpcClient:
    """Calls to one server. Made by `connect`."""

    def __init__(
        self,
        binding: StringBinding,
        access: ProxyAccess | None,
        tasks: asyncio.TaskGroup,
        *,
        timeout: float,
        settings: ClientSettings,
        version: HttpVersion,
        tracer: Tracer | None,
    ) -> None:
        self.binding, self._version = binding, version
        self._access, self._tasks, self._timeout = access, tasks, timeout
        self._settings, self._tracer = settings, tracer
        self._connections: dict[int, RpcConnection] = {}
        self._ports: dict[SyntaxId, int] = {}
        self._opening = asyncio.Lock()

    async def call(
        self,
        operation: Operation[Req, Resp],
        request: Req,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the call is abandoned at the server, not only here
        object_uuid: UUID | None = None,
    ) -> Resp:
        """Call an operation and wait for its response; see `RpcConnection.call`."""
        connection = await self.connection_for(operation.interface)
        return await connection.call(
            operation, request, timeout=timeout, object_uuid=object_uuid or self.binding.object_uuid
        )

    async def bind(self, interface: type[object]) -> None:
        """Make sure that the server offers an interface; `BindRejected` when it does not."""
        found = interface_of(interface)
        connection = await self.connection_for(found)
        await connection.bind(found)

    async def connection_for(self, interface: Interface) -> RpcConnection:
        """The connection to the port where an interface is, opened if need be."""
        async with self._opening:
            port = self.binding.port or self._ports.get(interface.syntax) or await self._ask(interface)
            return await self._connected(port)

    async def _ask(self, interface: Interface) -> int:
        """Ask the endpoint mapper.  MS-RPCE 3.1.2.5.3"""
        protseq = self.binding.transport
        mapper = await self._connected(protseq.mapper_port)
        question = ask_for(interface.syntax, protseq)
        answer = await mapper.call(EndpointMapper.ept_map, question, timeout=self._timeout)
        port = port_in(answer, protseq)
        if port is None:
            raise TransportError(
                f"{self.binding.host} has no {interface.name} for {protseq} (its endpoint mapper says so)"
            )
        self._ports[interface.syntax] = port
        return port

    async def _connected(self, port: int) -> RpcConnection:
        connection = self._connections.get(port)
        if connection is None or connection.closed:
            carrier = self._carrier(port)
            connection = RpcConnection(carrier, self._spawn, tracer=self._tracer)
            await carrier.open(connection)
            self._connections[port] = connection
        return connection

    def _carrier(self, port: int) -> Carrier:
        if self._access is None:
            return TcpCarrier(self.binding.host, port, timeout=self._timeout)
        access, target = self._access, RpcTarget(self.binding.host, port)
        second = HttpCarrier(access, target, self._spawn, settings=self._settings, tracer=self._tracer)
        if self._version is HttpVersion.V2:
            return second
        first = MixedCarrier(access, target)
        if self._version is HttpVersion.V1:
            return first
        protected = access.tls is not None or access.credentials is not None
        return FallbackCarrier(second, None if protected else first)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def close(self) -> None:
        """End every connection."""
        for connection in self._connections.values():
            connection.close()


def access_for(
    binding: StringBinding,
    *,
    user: str | None = None,
    password: str = "",
    tls: bool | ssl.SSLContext = True,
    timeout: float = 30.0,
) -> ProxyAccess | None:
    """The RPC proxy that a binding names, and the way to it; None for plain TCP.  MS-RPCH 1.9"""
    if binding.transport is ProtocolSequence.NCACN_IP_TCP:
        return None
    context = client_context() if tls is True else (tls or None)
    port = TLS_PORT if context else PLAIN_PORT
    host = binding.host
    if binding.rpc_proxy is not None:
        host, port = binding.rpc_proxy.host, binding.rpc_proxy.port or port
    http_proxy = None
    if binding.http_proxy is not None and binding.use_http_proxy:
        http_proxy = (binding.http_proxy.host, binding.http_proxy.port or PLAIN_PORT)
    credentials = Credentials(user, password) if user is not None else None
    return ProxyAccess(host, port, context, credentials, http_proxy, timeout)


@asynccontextmanager
async def connect(
    binding: str | StringBinding,
    *,
    user: str | None = None,
    password: str = "",
    tls: bool | ssl.SSLContext = True,
    timeout: float = 30.0,  # noqa: ASYNC109 - it bounds each step of opening, also later ones
    settings: ClientSettings | None = None,
    version: HttpVersion = HttpVersion.V2,
) -> AsyncIterator[RpcClient]:
    """Reach an RPC server, over `ncacn_http` or `ncacn_ip_tcp`.

    `user` and `password` are for the RPC proxy. `tls` is for the way to it: True checks its certificate
    against the system's authorities, a context says how, False goes without. `timeout`, in seconds, is
    for each connection. `version` is that of RPC over HTTP. Raises `ConfigError` for a binding that
    cannot be used, `TransportError` when the server cannot be reached, `AuthenticationFailed` when the
    proxy refuses the credentials.
    """
    parsed = StringBinding.parse(binding) if isinstance(binding, str) else binding
    if not parsed.host:
        raise ConfigError("string binding", "it names no server; write ncacn_http:server[…]")
    access = access_for(parsed, user=user, password=password, tls=tls, timeout=timeout)
    tasks = asyncio.TaskGroup()
    async with _first_error(tasks):
        client = RpcClient(
            parsed,
            access,
            tasks,
            timeout=timeout,
            settings=settings or ClientSettings(association_group=secrets.token_bytes(16)),
            version=version,
            tracer=tracer_from_environment(),
        )
        try:
            if parsed.port is not None:
                await client._connected(parsed.port)  # noqa: SLF001 - the same thing, from the outside
            yield client
        finally:
            client.close()


@asynccontextmanager
async def _first_error(tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
    """Run a task group, and let the body's own error come out as itself."""
    problem: BaseException | None = None
    async with tasks:
        try:
            yield
        except Exception as error:  # kept for a moment: the group would wrap it
            problem = error
    if problem is not None:
        raise problem
