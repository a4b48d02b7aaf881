"""One way to a server: its binding, the proxies on it, its connections, and what its endpoint mapper said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from rpch.client.access import ProxyAccess
from rpch.client.carriers import HttpCarrier, TcpCarrier
from rpch.client.connections import NoAnswer
from rpch.client.detection import Detected, find_way
from rpch.client.fallback import FallbackCarrier, MixedCarrier
from rpch.client.rpc import CallLost, RpcConnection
from rpch.client.security import RpcCredentials
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.endpoint_mapper import EndpointMapper, ask_for, port_in
from rpch.dcerpc.interface import Interface
from rpch.dcerpc.pdus import SyntaxId
from rpch.errors import BindRejected, RpcFault, TransportError
from rpch.http.targets import RpcTarget
from rpch.trace import Tracer
from rpch.vconn.settings import ClientSettings

_Carrier = TcpCarrier | HttpCarrier | FallbackCarrier
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class HttpVersion(Enum):
    """Which version of RPC over HTTP a client speaks.  MS-RPCH 3"""

    V2 = "2"
    V1 = "1"  # plain HTTP and no authentication: for old servers behind old proxies
    AUTO = "auto"  # 2, and 1 where that fails and 1 could work


@dataclass(frozen=True, slots=True)
class WayOptions:
    """What is the same on every way. `timeout`, in seconds, is for each connection.

    `credentials` are for the RPC server; its endpoint mapper is asked without, as everybody does.
    """

    settings: ClientSettings
    timeout: float = 30.0
    version: HttpVersion = HttpVersion.V2
    tracer: Tracer | None = None
    credentials: RpcCredentials | None = None


class Way:
    """Opens connections to one server in one way. `access` is None for plain TCP."""

    def __init__(
        self, binding: StringBinding, access: ProxyAccess | None, options: WayOptions, spawn: Spawn
    ) -> None:
        self.binding, self._access, self._options, self._spawn = binding, access, options, spawn
        self._detected: Detected | None = None
        self._fell_back: TransportError | None = None
        self._connections: dict[tuple[int, RpcCredentials | None], RpcConnection] = {}
        self._carriers: list[_Carrier] = []
        self._ports: dict[SyntaxId, int] = {}

    def __str__(self) -> str:
        """For people: `ncacn_http through proxy.example:443`."""
        access = self.access
        if access is None:
            return str(self.binding.transport)
        before = f" and the HTTP proxy {access.http_proxy}" if access.http_proxy is not None else ""
        return f"{self.binding.transport} through {access}{before}"

    @property
    def access(self) -> ProxyAccess | None:
        """The way to the RPC proxy, as far as it is known."""
        return self._detected.access if self._detected is not None else self._access

    @property
    def open(self) -> bool:
        """Whether a connection of this way stands."""
        return any(not connection.closed for connection in self._connections.values())

    @property
    def notes(self) -> list[str]:
        """Why it is this way and no other: about the HTTP proxy, and the version of RPC over HTTP."""
        detected = [self._detected.reason] if self._detected is not None and self._detected.reason else []
        fell_back = [f"version 1, since version 2 failed: {self._fell_back}"] if self._fell_back else []
        return detected + fell_back

    async def reach(self) -> None:
        """Make sure that the server answers: on its port, or else its endpoint mapper."""
        if self.binding.port is not None:
            await self._connected(self.binding.port, self._options.credentials)
            return
        mapper = await self._connected(self.binding.transport.mapper_port)
        seconds = self._options.timeout
        try:
            async with asyncio.timeout(seconds):
                await mapper.bind(EndpointMapper)
        except TimeoutError:
            host = self.binding.host
            reason = f"the endpoint mapper of {host} did not answer in {seconds:g} seconds"
            raise NoAnswer(reason, seconds=seconds) from None

    def standing(self, interface: Interface) -> RpcConnection | None:
        """The connection to the port where an interface is, if there is one already."""
        port = self.binding.port or self._ports.get(interface.syntax)
        connection = self._connections.get((port, self._options.credentials)) if port is not None else None
        return connection if connection is not None and not connection.closed else None

    async def connection_for(self, interface: Interface) -> RpcConnection:
        """The connection to the port where an interface is, opened if need be."""
        credentials = self._options.credentials
        if self.binding.port is not None:
            return await self._connected(self.binding.port, credentials)
        known = self._ports.get(interface.syntax)
        if known is None:
            return await self._connected(await self._ask(interface), credentials)
        try:
            return await self._connected(known, credentials)
        except TransportError:
            del self._ports[interface.syntax]
            port = await self._ask(interface)  # a server that was started again is elsewhere
            if port == known:
                raise
            return await self._connected(port, credentials)

    async def context_for(
        self, connection: RpcConnection, interface: Interface, caller: RpcCredentials | None
    ) -> int | None:
        """By which security context of a connection somebody calls; None is that of the connection itself."""
        if caller is None or caller == self._options.credentials:
            return None
        return await connection.context_for(interface, caller, partial(caller.begin, self.binding))

    def close(self) -> None:
        """End every connection."""
        for connection in self._connections.values():
            connection.close()

    async def closed(self) -> None:
        """Wait until nothing is left of what was closed."""
        carriers, self._carriers = self._carriers, []
        for carrier in carriers:
            await carrier.closed()

    async def _ask(self, interface: Interface) -> int:
        """Ask the endpoint mapper.  MS-RPCE 3.1.2.5.3"""
        protseq, host = self.binding.transport, self.binding.host
        mapper = await self._connected(protseq.mapper_port)
        question = ask_for(interface.syntax, protseq)
        try:
            answer = await mapper.call(EndpointMapper.ept_map, question, timeout=self._options.timeout)
        except (CallLost, RpcFault, BindRejected) as error:
            # Of the caller's own call nothing was sent, whatever became of this one.
            raise TransportError(f"the endpoint mapper of {host} did not answer: {error}") from error
        except TimeoutError:
            seconds = self._options.timeout
            reason = f"the endpoint mapper of {host} did not answer in {seconds:g} seconds"
            raise NoAnswer(reason, seconds=seconds) from None
        port = port_in(answer, protseq)
        if port is None:
            raise TransportError(
                f"{host} has no {interface.name} for {protseq} (its endpoint mapper says so)"
            )
        self._ports[interface.syntax] = port
        return port

    async def _connected(self, port: int, credentials: RpcCredentials | None = None) -> RpcConnection:
        connection = self._connections.get((port, credentials))
        if connection is None or connection.closed:
            authentication = await credentials.begin(self.binding) if credentials is not None else None
            carrier = await self._carrier(port)
            self._carriers = [one for one in self._carriers if not one.gone] + [carrier]
            connection = RpcConnection(
                carrier, self._spawn, authentication=authentication, tracer=self._options.tracer
            )
            try:
                await carrier.open(connection)
            except TransportError:
                if not self.open:
                    self._detected = None  # another network, perhaps: the next attempt looks again
                raise
            if isinstance(carrier, FallbackCarrier):
                self._fell_back = carrier.second_failed
            self._connections[port, credentials] = connection
        return connection

    async def _carrier(self, port: int) -> _Carrier:
        options = self._options
        if self._access is None:
            return TcpCarrier(self.binding.host, port, timeout=options.timeout)
        target = RpcTarget(self.binding.host, port)
        if self._detected is None:
            self._detected = await find_way(self._access, target)
        access = self._detected.access
        second = HttpCarrier(access, target, self._spawn, settings=options.settings, tracer=options.tracer)
        if options.version is HttpVersion.V2:
            return second
        first = MixedCarrier(access, target)
        if options.version is HttpVersion.V1:
            return first
        protected = access.tls is not None or access.credentials is not None
        return FallbackCarrier(second, None if protected else first)
