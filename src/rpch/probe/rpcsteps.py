"""The upper steps: the endpoint mapper, the port, an interface, a call."""

from __future__ import annotations

import asyncio
import secrets
import statistics
from collections.abc import Callable, Coroutine, Iterable
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, TypeVar

from rpch.client.carriers import HttpCarrier, TcpCarrier
from rpch.client.connections import NoAnswer
from rpch.client.rpc import RpcConnection
from rpch.client.security import RpcCredentials
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.endpoint_mapper import (
    EndpointMapper,
    Entry,
    InquiryType,
    LookupRequest,
    MapperStatus,
    VersionOption,
    ask_for,
    port_in,
)
from rpch.dcerpc.interface import Interface, Message, Operation, interface_of
from rpch.dcerpc.pdus import SyntaxId
from rpch.dcerpc.remote_management import Nothing, RemoteManagement
from rpch.dcerpc.statuses import Status
from rpch.dcerpc.towers import Tower
from rpch.errors import AuthenticationFailed, DecodeError, RpcFault
from rpch.ndr import NIL_HANDLE, ContextHandle
from rpch.probe.findings import CallerRefused, NotListening, NotRegistered
from rpch.probe.ladder import NotTried
from rpch.probe.target import PingTarget
from rpch.trace import Tracer
from rpch.vconn.settings import ClientSettings

PAGE: Final = 500
MOST_PAGES: Final = 16
SHOWN: Final = 8  # of a list that may be long

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class RpcSteps:
    """The RPC server, each of its ports over one connection that the steps share."""

    def __init__(self, target: PingTarget, spawn: Spawn, tracer: Tracer | None = None) -> None:
        self._target, self._spawn, self._tracer = target, spawn, tracer
        self._connections: dict[tuple[int, RpcCredentials | None], RpcConnection] = {}
        self._carriers: dict[RpcConnection, TcpCarrier | HttpCarrier] = {}
        self._port = target.port
        # Servers join connections of one client by it.  MS-RPCH 2.2.3.5.13
        self._settings = ClientSettings(association_group=secrets.token_bytes(16))

    async def mapper(self) -> str:
        """Whether the endpoint mapper answers, and what it knows."""
        connection = await self._connection(self._target.mapper_port, None)
        await self._bind(connection, interface_of(EndpointMapper))
        if self._port is None and self._target.interface is not None:
            return await self._find(connection, self._target.interface)
        entries = await self._entries(connection)
        ports = sorted({port for entry in entries if (port := self._port_of(entry))})
        listed = f", {self._target.protseq} on {_listed(map(str, ports))}" if ports else ""
        return f"it lists {len(entries)} interface{'' if len(entries) == 1 else 's'}{listed}"

    async def port(self) -> str:
        """Whether a connection to the port opens."""
        await self._connection(self.wanted_port, self._target.caller)
        return f"open to {self._target.rpc_target(self.wanted_port)}"

    async def bind(self) -> str:
        """Whether the server offers the interface."""
        wanted = self._target.interface
        interface = _unknown(wanted) if wanted else interface_of(RemoteManagement)
        caller = self._target.caller
        await self._bind(await self._connection(self.wanted_port, caller), interface)
        told = f", as {caller.who} by {caller.auth_type.name}, {caller.level.name}" if caller else ""
        return f"{wanted or 'remote management'} accepted{told}"

    async def call(self) -> str:
        """Whether calls are answered."""
        times = [await self.one_call() for _ in range(self._target.calls)]
        offered = await self._offered(await self._connection(self.wanted_port, self._target.caller))
        return f"the server listens{_spread(times)}{offered}"

    async def one_call(self) -> float:
        """Ask the server whether it listens; the milliseconds it took."""
        connection = await self._connection(self.wanted_port, self._target.caller)
        begun = perf_counter()
        answer = await self._call(connection, RemoteManagement.is_server_listening, Nothing())
        if answer.status or not answer.listening:
            raise NotListening(f"is_server_listening: {answer.listening}, status {Status(answer.status)}")
        return 1000 * (perf_counter() - begun)

    @property
    def carrier(self) -> HttpCarrier:
        """What carries the calls to the wanted port, which the step before has opened."""
        carrier = self._carriers[self._connections[self.wanted_port, self._target.caller]]
        if not isinstance(carrier, HttpCarrier):
            raise NotTried("only RPC over HTTP has channels")
        return carrier

    async def close(self) -> None:
        """End every connection, and wait until nothing is left of them."""
        for connection in self._connections.values():
            connection.close()
        for carrier in self._carriers.values():
            await carrier.closed()

    @property
    def wanted_port(self) -> int:
        """The port to reach, as far as it is known by now."""
        return self._port or self._target.first_port

    @property
    def anything_open(self) -> bool:
        """Whether a connection to any port has opened."""
        return bool(self._connections)

    async def _find(self, connection: RpcConnection, interface: SyntaxId) -> str:
        """Ask the mapper for one interface; later steps go where it says.  MS-RPCE 3.1.2.5.3"""
        protseq = self._target.protseq
        answer = await self._call(connection, EndpointMapper.ept_map, ask_for(interface, protseq))
        self._port = port_in(answer, protseq)
        if self._port is None:
            raise NotRegistered(f"{interface} over {protseq}: {MapperStatus(answer.status)}")
        return f"{interface} is on port {self._port}"

    async def _entries(self, connection: RpcConnection) -> list[Entry]:
        """Everything the mapper lists, page by page.  MS-RPCE 2.2.1.2.2"""
        found: list[Entry] = []
        handle = NIL_HANDLE
        for _ in range(MOST_PAGES):
            page = await self._call(connection, EndpointMapper.ept_lookup, _list_all(handle))
            found += page.entries
            handle = page.entry_handle
            if page.status or handle.is_nil:
                break
        return found

    async def _offered(self, connection: RpcConnection) -> str:
        """The interfaces of the endpoint; a server that keeps them to itself is no failure."""
        try:
            answer = await self._call(connection, RemoteManagement.inq_if_ids, Nothing())
        except RpcFault as fault:
            return f"; its interfaces it does not tell ({Status(fault.status)})"
        ids = answer.interfaces.ids if answer.interfaces else ()
        shown = [str(SyntaxId(one.uuid, one.major, one.minor)) for one in ids if one is not None]
        return f"; it offers {_listed(shown)}" if shown else "; it names no interface"

    def _port_of(self, entry: Entry) -> int | None:
        """The port of a registration, if it is for the way we came."""
        try:
            tower = Tower.decode(entry.tower.octets if entry.tower else b"")
        except DecodeError:
            return None
        return tower.port if tower.protseq is self._target.protseq else None

    async def _connection(self, port: int, caller: RpcCredentials | None) -> RpcConnection:
        connection = self._connections.get((port, caller))
        if connection is None or connection.closed:
            proof = await self._proof(caller) if caller else None
            carrier = self._carrier(port)
            connection = RpcConnection(carrier, self._spawn, authentication=proof, tracer=self._tracer)
            self._carriers[connection] = carrier
            await carrier.open(connection)
            self._connections[port, caller] = connection
        return connection

    async def _proof(self, caller: RpcCredentials) -> Authentication:
        """Where it begins; without a ticket, or where no KDC gives one, it ends there too."""
        try:
            return await caller.begin(self._target.binding)
        except AuthenticationFailed as error:
            raise CallerRefused(error.reason) from error

    def _carrier(self, port: int) -> TcpCarrier | HttpCarrier:
        target = self._target
        if target.access is None:
            return TcpCarrier(target.binding.host, port, timeout=target.timeout)
        return HttpCarrier(
            target.access,
            target.rpc_target(port),
            self._spawn,
            settings=self._settings,
            tracer=self._tracer,
        )

    async def _bind(self, connection: RpcConnection, interface: Interface) -> None:
        seconds = self._target.timeout
        try:
            async with asyncio.timeout(seconds):
                await connection.bind(interface)
        except AuthenticationFailed as error:
            raise CallerRefused(error.reason) from error
        except TimeoutError:
            raise NoAnswer(f"no answer to the bind in {seconds:g} seconds", seconds=seconds) from None

    async def _call(self, connection: RpcConnection, operation: Operation[Req, Resp], request: Req) -> Resp:
        seconds = self._target.timeout
        # The object is for the server that was named, not for its mapper.
        managed = operation.interface is interface_of(RemoteManagement)
        chosen = self._target.binding.object_uuid if managed else None
        try:
            return await connection.call(operation, request, timeout=seconds, object_uuid=chosen)
        except AuthenticationFailed as error:
            raise CallerRefused(error.reason) from error
        except TimeoutError:
            words = f"no answer to {operation.name} in {seconds:g} seconds"
            raise NoAnswer(words, seconds=seconds) from None


def _unknown(syntax: SyntaxId) -> Interface:
    """An interface of which only the name is known: enough to bind."""
    return Interface(str(syntax), syntax, MappingProxyType({}))


def _list_all(handle: ContextHandle) -> LookupRequest:
    return LookupRequest(InquiryType.ALL, None, None, VersionOption.ALL, handle, PAGE)


def _listed(items: Iterable[str]) -> str:
    """The first few of a list, and how many more there are."""
    shown = list(items)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more


def _spread(times: list[float]) -> str:
    """How long several calls took, in milliseconds; one call is timed by its step."""
    if len(times) < 2:
        return ""
    low, middle, high = min(times), statistics.median(times), max(times)
    return f"; {len(times)} calls took {low:.1f} to {high:.1f} ms, median {middle:.1f}"
