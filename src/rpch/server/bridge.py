"""The bridge: RPC over HTTP in front of a server that speaks only `ncacn_ip_tcp`.

Each virtual connection gets one TCP connection to the back end, and RPC PDUs pass unchanged, security
and all. It is a server's role: to a proxy the bridge looks like any `ncacn_http` server.

Back-pressure passes both ways. A back end that does not read is not acknowledged, so the client's
window closes; a client that does not acknowledge makes us stop reading from the back end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

import structlog

from rpch.aio.tasks import spawn
from rpch.dcerpc.framing import BrokenStream, PduCutter
from rpch.errors import RpchError, TransportError
from rpch.server.http_legs import HttpLegs, ServedConnection
from rpch.trace import Tracer
from rpch.vconn.settings import Settings

log = structlog.get_logger("rpch.bridge")

CONNECT_TIMEOUT: Final = 10.0
PAUSE_ABOVE: Final = 256 * 1024  # bytes for the client that wait; below a quarter of it we read on


class Bridge:
    """Listens as `ncacn_http` and connects to one back end."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        host: str,
        port: int,
        *,
        settings: Settings | None = None,
        tracer: Tracer | None = None,
        v1: bool = False,
    ) -> None:
        self._tasks, self.host, self.port = tasks, host, port
        self.legs = HttpLegs(
            lambda connection: _Crossing(self, connection),
            settings=settings or Settings(),
            tracer=tracer,
            manual=True,
            v1=v1,
        )
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Take connections of proxies; port 0 lets the system choose. Returns the port."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self.legs.connection, host, port, backlog=1024)
        return int(self._listener.sockets[0].getsockname()[1])

    async def serve(self, sock: socket.socket) -> None:
        """Take connections of proxies on a socket that listens."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self.legs.connection, sock=sock, backlog=1024)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        spawn(self._tasks, work)

    async def close(self) -> None:
        """Take no more connections and end those that are here."""
        if self._listener is not None:
            self._listener.close()
        self.legs.close()
        if self._listener is not None:
            await self._listener.wait_closed()


class _Crossing:
    """The joint of a bridge: one virtual connection and its back end."""

    def __init__(self, bridge: Bridge, connection: ServedConnection) -> None:
        self._bridge, self._connection = bridge, connection
        self._back_end: _BackEnd | None = None
        self._early: list[bytes] = []  # at most a window of it: nothing is acknowledged meanwhile
        self._ended = False

    def opened(self) -> None:
        self._bridge.spawn(self._connect())

    def deliver(self, run: bytes | memoryview) -> None:
        if self._back_end is None:
            self._early.append(bytes(run))
        else:
            self._back_end.send(run)

    def turned(self) -> None:
        if self._back_end is not None:
            self._back_end.regulate(self._connection.waiting)

    def closed(self) -> None:
        self._ended = True
        if self._back_end is not None:
            self._back_end.close()

    def consumed(self, size: int) -> None:
        self._connection.consumed(size)

    def lost(self, why: RpchError | None) -> None:
        """The back end is gone."""
        if not self._ended:
            self._connection.close(why)

    async def _connect(self) -> None:
        loop, bridge = asyncio.get_running_loop(), self._bridge
        back_end = _BackEnd(self._connection.submit, self.consumed, self.lost)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.create_connection(lambda: back_end, bridge.host, bridge.port)
        except (OSError, TimeoutError) as error:
            problem = TransportError(f"the back end {bridge.host}:{bridge.port} cannot be reached: {error}")
            log.warning("back end unreachable", host=bridge.host, port=bridge.port, why=str(error))
            self.lost(problem)
            return
        if self._ended:
            back_end.close()
            return
        self._back_end = back_end
        early, self._early = self._early, []
        for run in early:
            back_end.send(run)


class _BackEnd(asyncio.Protocol):
    """The TCP connection to the back end."""

    def __init__(
        self,
        submit: Callable[[bytes | memoryview], None],
        consumed: Callable[[int], None],
        lost: Callable[[RpchError | None], None],
    ) -> None:
        self._submit, self._consumed, self._lost = submit, consumed, lost
        self._cutter = PduCutter()
        self._transport: asyncio.Transport
        self._full = False
        self._unconsumed = 0
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, run: bytes | memoryview) -> None:
        """RPC PDUs for the back end; acknowledged when its socket has room."""
        self._transport.write(run)
        if self._full:
            self._unconsumed += len(run)
        else:
            self._consumed(len(run))

    def regulate(self, waiting: int) -> None:
        """Read no more than the client takes."""
        if self._transport.is_closing():
            return
        if not self._paused and waiting > PAUSE_ABOVE:
            self._paused = True
            self._transport.pause_reading()
        elif self._paused and waiting < PAUSE_ABOVE // 4:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            for rts, piece in self._cutter.pieces(data):
                if rts:
                    self._lost(TransportError("the back end sent an RTS PDU"))
                    return
                self._submit(piece)
        except BrokenStream as why:
            self._lost(why)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        size, self._unconsumed = self._unconsumed, 0
        if size:
            self._consumed(size)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(TransportError("the back end closed the connection" + (f": {exc}" if exc else "")))
