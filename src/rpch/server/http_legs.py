"""The server's end of RPC over HTTP: TCP connections come, say which leg they are, and are joined.

A connection begins with the banner; its first PDU names a virtual connection by its cookie. What the
virtual connection is for is decided by a joint: an RPC server's conversation, or a bridge.
MS-RPCH 2.1.1.2.1, 3.2.5
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from rpch.aio.driver import Driver
from rpch.aio.leg import BANNER, LegConnection
from rpch.errors import RpchError
from rpch.trace import Tracer
from rpch.vconn.arrivals import Begun, Joined, Refused, place_at_server
from rpch.vconn.events import (
    Action,
    Closed,
    CloseRequested,
    Congested,
    Consumed,
    Deliver,
    Event,
    Leg,
    LegClosed,
    NonsenseArrived,
    Opened,
    Place,
    Relieved,
    RpcArrived,
    RtsArrived,
    Submit,
)
from rpch.vconn.server import ServerConnection
from rpch.vconn.settings import Settings
from rpch.vconn.tables import VirtualConnections

log = structlog.get_logger("rpch.server")

FIRST_PDU_TIMEOUT: Final = 15.0
NO_LIMIT: Final = 1 << 62  # version 1 knows no windows: how much may wait is for the joint to say


class Joint(Protocol):
    """What a virtual connection is for."""

    def opened(self) -> None:
        """Both halves are here; RPC PDUs pass."""

    def deliver(self, run: bytes | memoryview) -> None:
        """RPC PDUs came from the client."""

    def turned(self) -> None:
        """Something happened: acknowledgements may have made room."""

    def closed(self) -> None:
        """The virtual connection has ended."""


class ServedConnection(Protocol):
    """A connection of `ncacn_http`, of either version, as its joint uses it."""

    @property
    def identity(self) -> str:
        """Whatever tells one client process from another.  MS-RPCH 2.2.3.5.13"""

    @property
    def client(self) -> str:
        """Where the client is, for people."""

    @property
    def waiting(self) -> int:
        """Bytes for the client that wait."""

    def submit(self, run: bytes | memoryview) -> None:
        """Send whole RPC PDUs to the client."""

    def consumed(self, size: int) -> None:
        """The joint is done with this much of what was delivered to it."""

    def close(self, why: RpchError | None = None) -> None:
        """End it, behind what was sent."""


class VirtualConnection:
    """One virtual connection at the server, as its joint uses it."""

    def __init__(self, legs: HttpLegs, machine: ServerConnection) -> None:
        self.machine = machine
        self._legs = legs
        self.driver = Driver(machine, self._carry_out, legs.tracer)
        self._joint = legs.joint(self)
        self.driver.after_turn = self._joint.turned

    @property
    def identity(self) -> str:
        return self.machine.association_group.hex()

    @property
    def client(self) -> str:
        return self.machine.client_address

    @property
    def waiting(self) -> int:
        return self.machine.waiting

    def submit(self, run: bytes | memoryview) -> None:
        self.driver.feed(Submit(run))

    def consumed(self, size: int) -> None:
        self.driver.feed(Consumed(size))

    def close(self, why: RpchError | None = None) -> None:
        self.driver.feed(CloseRequested(why))

    def _carry_out(self, action: Action) -> None:
        match action:
            case Deliver(run=run):
                self._joint.deliver(run)
            case Opened():
                self._joint.opened()
            case Closed(why=why):
                self._legs.forget(self.machine)
                if why is not None:
                    log.warning("connection ended", client=self.machine.client_address, why=str(why))
                self._joint.closed()


class DirectConnection:
    """One connection of version 1 at the server: the TCP connection itself.  MS-RPCH 3.1.3"""

    def __init__(self, legs: HttpLegs, leg: HttpLegArrival) -> None:
        self._leg = leg
        self.identity = self.client = leg.peer.rpartition(":")[0]
        self._joint = legs.joint(self)
        self._over = False

    @property
    def waiting(self) -> int:
        return self._leg.transport.get_write_buffer_size() if self._leg.transport else 0

    def begin(self, first: RpcArrived) -> None:
        """Version 2 would have begun with an RTS PDU; this is RPC already."""
        self._leg.feed, self._leg.unread_limit = self.feed, NO_LIMIT
        self._joint.opened()
        self._joint.deliver(first.run)

    def feed(self, event: Event) -> None:
        """What comes on the TCP connection."""
        match event:
            case RpcArrived(run=run):
                self._joint.deliver(run)
            case LegClosed():
                self._ended()
            case Congested():
                pass  # the joint asks how much waits
            case Relieved():
                self._joint.turned()
            case _:
                log.info("refused", peer=self._leg.peer, rule="V1", detail=type(event).__name__)
                self.close()

    def submit(self, run: bytes | memoryview) -> None:
        self._leg.write(run)
        self._joint.turned()

    def consumed(self, size: int) -> None:
        """There is no window to open."""

    def close(self, why: RpchError | None = None) -> None:
        self._leg.close()
        self._ended()

    def _ended(self) -> None:
        if not self._over:
            self._over = True
            self._joint.closed()


class HttpLegs:
    """One endpoint of `ncacn_http`. Cookies join halves within it only: what came to one port is for it."""

    def __init__(
        self,
        joint: Callable[[ServedConnection], Joint],
        *,
        settings: Settings,
        tracer: Tracer | None = None,
        manual: bool = False,
        v1: bool = False,
    ) -> None:
        """With `manual` a joint says itself what it has consumed; `v1` takes clients of version 1 too."""
        self.joint, self.settings, self.tracer = joint, settings, tracer
        self.manual, self.v1 = manual, v1
        self.table: VirtualConnections[ServerConnection] = VirtualConnections()
        self.connections: dict[ServerConnection, VirtualConnection] = {}
        self.arrivals: set[HttpLegArrival] = set()

    def connection(self) -> HttpLegArrival:
        """What a listener makes of a new TCP connection."""
        return HttpLegArrival(self)

    def forget(self, machine: ServerConnection) -> None:
        """A virtual connection has ended."""
        self.table.remove(machine.virtual_connection, machine)
        self.connections.pop(machine, None)

    def close(self) -> None:
        """End everything."""
        for connection in list(self.connections.values()):
            connection.close()
        for arrival in list(self.arrivals):
            arrival.close()


class HttpLegArrival(LegConnection):
    """A connection of `ncacn_http`: banner, first PDU, and then a leg of a virtual connection."""

    __slots__ = ("_legs", "_waiting")

    def __init__(self, legs: HttpLegs) -> None:
        super().__init__(Leg(Place.IN_T), self._first)
        self._legs = legs
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._legs.arrivals.add(self)
        self.on_lost = self._gone
        self.write(BANNER)
        self._waiting = asyncio.get_running_loop().call_later(FIRST_PDU_TIMEOUT, self._late)

    def _late(self) -> None:
        log.info("refused", peer=self.peer, rule="FirstPduTimeout", detail="no PDU came")
        self.close()

    def _gone(self) -> None:
        self._waited()
        self._legs.arrivals.discard(self)

    def _waited(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _first(self, event: Event) -> None:
        self._waited()
        if isinstance(event, RpcArrived) and self._legs.v1:
            DirectConnection(self._legs, self).begin(event)
            return
        if not isinstance(event, RtsArrived):
            if not isinstance(event, LegClosed):
                why = event.why if isinstance(event, NonsenseArrived) else type(event).__name__
                log.info("refused", peer=self.peer, rule="FirstPdu", detail=str(why))
            self.close()
            return
        legs, now = self._legs, asyncio.get_running_loop().time()
        placement = place_at_server(event.data, legs.table, legs.settings, now=now, manual=legs.manual)
        match placement:
            case Begun(machine=machine, leg=leg, actions=actions):
                self.leg = leg
                connection = legs.connections[machine] = VirtualConnection(legs, machine)
                connection.driver.attach(self)
                connection.driver.start(actions)
            case Joined(machine=machine, leg=leg, event=joined):
                self.leg = leg
                driver = legs.connections[machine].driver
                driver.attach(self)
                driver.feed(joined)
            case Refused(why=why):
                log.info("refused", peer=self.peer, rule="FirstPdu", detail=str(why))
                self.close()
