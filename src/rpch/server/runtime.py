"""An RPC server: interfaces offered on endpoints, over plain TCP and over RPC/HTTP.

ncacn_ip_tcp   a TCP connection carries RPC PDUs, and that is all
ncacn_http     a TCP connection begins with the banner; then its first PDU says which half of which
               virtual connection it is, and the halves are joined by cookie.  MS-RPCH 2.1.1.2, 3.2.5
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, cast
from uuid import UUID

import structlog

from rpch.aio.lingering import Lingering
from rpch.aio.tasks import spawn
from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.endpoint import Endpoint, Limits
from rpch.dcerpc.framing import BrokenStream, PduCutter
from rpch.dcerpc.interface import Interface, interface_of
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.dcerpc.security import SecurityProvider
from rpch.errors import RemoteProtocolError
from rpch.server.conversation import Conversation, Counters
from rpch.server.http_legs import HttpLegs, ServedConnection
from rpch.server.inbox import Inbox
from rpch.server.management import Management
from rpch.trace import Tracer
from rpch.vconn.settings import Settings

log = structlog.get_logger("rpch.server")

BACKLOG_LIMIT: Final = 16 * 1024 * 1024  # bytes of answers that wait, above which requests do
TAKES_NOTHING: Final = "a client that calls but takes no answers"


class Security(Protocol):
    """How the connections of a server authenticate; `rpch.server.security` has one."""

    def provider(self, peer: str) -> SecurityProvider:
        """The mechanisms that one connection may use; `peer` is the address of its client."""


class RpcServer:
    """The endpoints of one process. `tasks` owns whatever it starts."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        *,
        settings: Settings | None = None,
        limits: Limits | None = None,
        security: Security | None = None,
        tracer: Tracer | None = None,
        open_to_strangers: bool = True,
        v1: bool = False,
    ) -> None:
        """`security` lets callers prove who they are; without it a bind with a token is refused.
        `open_to_strangers` shows the list of interfaces to callers who proved nothing; `v1` serves
        RPC over HTTP version 1 too, which has neither TLS nor authentication."""
        self.open_to_strangers, self.v1 = open_to_strangers, v1
        self.settings, self.limits = settings or Settings(), limits or Limits()
        self.security, self.tracer = security, tracer
        self._tasks = tasks
        self._listeners: list[asyncio.Server] = []
        self._offers: list[_Offer] = []
        self.connections: set[TcpConnection] = set()

    async def listen(
        self,
        protseq: ProtocolSequence,
        host: str,
        port: int,
        implementations: Sequence[object],
        *,
        minimum_level: AuthLevel = AuthLevel.NONE,
    ) -> int:
        """Offer these objects on one endpoint; port 0 lets the system choose. Returns the port.

        Calls below `minimum_level` are refused even where an interface asks for less.
        """
        offer = _Offer(self, protseq, implementations, minimum_level)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(offer.connection, host, port, backlog=1024)
        self._listeners.append(listener)
        self._offers.append(offer)
        chosen = int(listener.sockets[0].getsockname()[1])
        offer.open(chosen)
        log.info("listening", protseq=str(protseq), host=host, port=chosen)
        return chosen

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run an operation that waits."""
        return spawn(self._tasks, work)

    async def close(self) -> None:
        """Take no more connections and end those that are here."""
        for listener in self._listeners:
            listener.close()
        for offer in self._offers:
            offer.legs.close()
        for connection in list(self.connections):
            connection.close()
        for listener in self._listeners:
            await listener.wait_closed()


class _Offer:
    """What one endpoint offers, and how its connections are made."""

    def __init__(
        self,
        server: RpcServer,
        protseq: ProtocolSequence,
        implementations: Sequence[object],
        minimum_level: AuthLevel,
    ) -> None:
        self.server, self.protseq = server, protseq
        self.counters = Counters()
        management = Management(
            lambda: tuple(self.implementations),
            counters=self.counters.now,
            open_to_strangers=server.open_to_strangers,
        )
        asked_for = {_at_least(minimum_level, interface_of(one)): one for one in implementations}
        self.implementations: Mapping[Interface, object] = {**asked_for, interface_of(management): management}
        self.legs = HttpLegs(
            lambda connection: _Served(self, connection),
            settings=server.settings,
            tracer=server.tracer,
            v1=server.v1,
        )
        self.endpoint: Endpoint

    def open(self, port: int) -> None:
        associations = AssociationTable(
            new_group_id=lambda: secrets.randbelow(0xFFFF_FFFF) + 1,
            new_handle=lambda: UUID(bytes=secrets.token_bytes(16)),
        )
        self.endpoint = Endpoint(
            tuple(self.implementations), associations, str(port), limits=self.server.limits
        )

    def connection(self) -> asyncio.Protocol:
        if self.protseq is ProtocolSequence.NCACN_HTTP:
            return self.legs.connection()
        return TcpConnection(self)

    def conversation(
        self,
        *,
        identity: str,
        source: str,
        peer: str,
        send: Callable[[bytes], None],
        close: Callable[[], None],
    ) -> Conversation:
        security = self.server.security
        provider = security.provider(source) if security is not None else None
        return Conversation(
            replace(self.endpoint, security=provider),
            self.implementations,
            identity=identity,
            peer=peer,
            send=send,
            close=close,
            spawn=self.server.spawn,
            counters=self.counters,
            tracer=self.server.tracer,
        )


class TcpConnection(asyncio.Protocol):
    """A connection of `ncacn_ip_tcp`: RPC PDUs both ways."""

    def __init__(self, offer: _Offer) -> None:
        self._offer = offer
        self._cutter = PduCutter(any_version=True)
        self._lingering: Lingering | None = None
        self._transport: asyncio.Transport
        self._conversation: Conversation
        self._inbox: Inbox

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._offer.server.connections.add(self)
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]  # it may be gone already
        self._conversation = self._offer.conversation(
            identity=str(host),
            source=str(host),
            peer=f"{host}:{port}",
            send=self._transport.write,
            close=self.close,
        )
        self._inbox = Inbox(self._conversation.receive, self._is_full, self.close)

    def _is_full(self) -> bool:
        return self._lingering is None and self._transport.get_write_buffer_size() > BACKLOG_LIMIT

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.drain(len(data))
            return
        try:
            for _, piece in self._cutter.pieces(data):
                self._inbox.take(piece)
        except BrokenStream as why:
            log.info("not RPC", why=str(why))
            self.close()

    def pause_writing(self) -> None:
        self._transport.pause_reading()  # who does not read its answers is not listened to

    def resume_writing(self) -> None:
        self._transport.resume_reading()
        self._inbox.release()

    def connection_lost(self, exc: Exception | None) -> None:
        self._offer.server.connections.discard(self)
        if self._lingering is not None:
            self._lingering.lost()
        self._inbox.clear()
        self._conversation.transport_closed()

    def close(self) -> None:
        if self._lingering is None:
            self._transport.resume_reading()
            self._lingering = Lingering(self._transport)


class _Served:
    """The joint of an RPC server: what arrives is a conversation's."""

    def __init__(self, offer: _Offer, connection: ServedConnection) -> None:
        self._offer, self._connection = offer, connection
        self._conversation: Conversation | None = None
        self._inbox: Inbox | None = None

    def opened(self) -> None:
        self._conversation = self._offer.conversation(
            identity=self._connection.identity,
            source=self._connection.client,
            peer=self._connection.client,
            send=self._connection.submit,
            close=self._connection.close,
        )
        self._inbox = Inbox(self._conversation.receive, self._is_full, self._give_up)

    def deliver(self, run: bytes | memoryview) -> None:
        if self._inbox is not None:
            self._inbox.take(run)

    def turned(self) -> None:
        if self._inbox is not None:
            self._inbox.release()

    def _is_full(self) -> bool:
        return self._connection.waiting > BACKLOG_LIMIT

    def _give_up(self) -> None:
        self._connection.close(RemoteProtocolError(TAKES_NOTHING))

    def closed(self) -> None:
        if self._conversation is not None and self._inbox is not None:
            self._inbox.clear()
            self._conversation.transport_closed()


def _at_least(level: AuthLevel, interface: Interface) -> Interface:
    """The interface, for callers at this level or above."""
    if interface.minimum_level >= level:
        return interface
    return replace(interface, minimum_level=level)
