"""What carries an RPC connection of a client: plain TCP, or a virtual connection over HTTP.

Both look alike to the RPC layer: whole PDUs in both directions, and an end with a reason.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

from rpch.aio.driver import Driver
from rpch.client.access import NoAnswer, ProxyAccess
from rpch.client.channel import ClientLeg, open_channel
from rpch.dcerpc.framing import PduCutter, pdus_in
from rpch.errors import RemoteProtocolError, RpchError, TransportError
from rpch.http.outcomes import Accepted, Failed, read_outcome
from rpch.http.requests import ChannelHeads
from rpch.http.targets import RpcTarget
from rpch.trace import Tracer
from rpch.vconn.client import ClientConnection
from rpch.vconn.events import (
    Action,
    ChannelReady,
    ChannelRefused,
    Closed,
    CloseRequested,
    Deliver,
    Leg,
    OpenChannel,
    Opened,
    Submit,
)
from rpch.vconn.settings import ClientSettings


class NotOpened(NoAnswer):
    """A virtual connection did not open in time; `state` is how far the client came.  MS-RPCH 3.2.2.5"""

    def __init__(self, reason: str, *, seconds: float, state: str) -> None:
        super().__init__(reason, seconds=seconds)
        self.state = state


class Receiver(Protocol):
    """The RPC layer above."""

    def receive(self, pdu: bytes) -> None:
        """One whole RPC PDU came."""

    def transport_closed(self, why: RpchError | None) -> None:
        """Nothing comes any more."""


class Carrier(Protocol):
    """Carries whole RPC PDUs."""

    async def open(self, receiver: Receiver) -> None:
        """Reach the server."""

    def send(self, pdus: bytes) -> None:
        """Send whole PDUs."""

    def close(self) -> None:
        """End it."""


class TcpCarrier(asyncio.Protocol):
    """`ncacn_ip_tcp`."""

    def __init__(self, host: str, port: int, *, timeout: float) -> None:
        self._host, self._port, self._timeout = host, port, timeout
        self._cutter = PduCutter()
        self._transport: asyncio.Transport
        self._receiver: Receiver

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)
        except TimeoutError:
            raise NoAnswer(
                f"{where} did not answer in {self._timeout:g} seconds", seconds=self._timeout
            ) from None
        except OSError as error:
            raise TransportError(f"{where} cannot be reached: {error.strerror or error}") from error

    def send(self, pdus: bytes) -> None:
        self._transport.write(pdus)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for _, piece in self._cutter.feed(data):
                for pdu in pdus_in(piece):
                    self._receiver.receive(bytes(pdu))
        except RemoteProtocolError as why:
            self._transport.abort()
            self._receiver.transport_closed(why)

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver.transport_closed(TransportError(f"the connection was lost: {exc}") if exc else None)


class MixedCarrier(TcpCarrier):
    """`ncacn_http` version 1: one HTTP request whose connection then carries RPC.  MS-RPCH 3.1.1"""

    def __init__(self, access: ProxyAccess, target: RpcTarget) -> None:
        super().__init__(access.host, access.port, timeout=access.timeout)
        self._access, self._target = access, target

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        transport, reader = await self._access.dial()
        heads = ChannelHeads(self._access.host_field, self._target, through_proxy=self._access.through_proxy)
        transport.write(heads.connect())
        try:
            async with asyncio.timeout(self._timeout):
                outcome = read_outcome(await reader.response(), tunnel=True)
        except TimeoutError:
            transport.abort()
            raise TransportError(
                f"the proxy did not answer RPC_CONNECT in {self._timeout:g} seconds"
            ) from None
        if not isinstance(outcome, Accepted):
            transport.abort()
            refused = outcome.as_error() if isinstance(outcome, Failed) else None
            raise refused or TransportError("the proxy does not take RPC_CONNECT")
        self._transport = transport
        transport.set_protocol(self)
        if rest := reader.rest():
            self.data_received(rest)


class FallbackCarrier:
    """Version 2, and version 1 where that fails and version 1 could work.  MS-RPCH 3

    Version 1 knows neither TLS nor authentication: with either it is not tried.
    """

    def __init__(self, second: HttpCarrier, first: MixedCarrier | None) -> None:
        self._second, self._first = second, first
        self._chosen: Carrier = second

    async def open(self, receiver: Receiver) -> None:
        try:
            await self._second.open(receiver)
        except TransportError:
            if self._first is None:
                raise
            self._chosen = self._first
            await self._first.open(receiver)

    def send(self, pdus: bytes) -> None:
        self._chosen.send(pdus)

    def close(self) -> None:
        self._chosen.close()


class HttpCarrier:
    """`ncacn_http`: a virtual connection through an RPC proxy."""

    def __init__(
        self,
        access: ProxyAccess,
        target: RpcTarget,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        *,
        settings: ClientSettings,
        tracer: Tracer | None = None,
    ) -> None:
        self._access, self._target, self._spawn = access, target, spawn
        self._settings, self._tracer = settings, tracer
        self._receiver: Receiver
        self._driver: Driver
        self._opened: asyncio.Future[None]

    async def open(self, receiver: Receiver) -> None:
        loop = asyncio.get_running_loop()
        self._receiver, self._opened = receiver, loop.create_future()
        cookies = iter(lambda: secrets.token_bytes(16), b"")
        machine = ClientConnection(self._settings, cookies, now=loop.time())
        self._driver = Driver(machine, self._carry_out, self._tracer)
        self._driver.start(machine.start())
        try:
            async with asyncio.timeout(self._access.timeout):
                await asyncio.shield(self._opened)
        except TimeoutError:
            seconds, state = self._access.timeout, machine.condition
            why = NotOpened(
                f"{self._target} did not open a connection in {seconds:g} seconds (state {state})",
                seconds=seconds,
                state=state,
            )
            self._driver.feed(CloseRequested(why))
            raise why from None
        except asyncio.CancelledError:
            self._driver.feed(CloseRequested())
            raise

    def send(self, pdus: bytes) -> None:
        self._driver.feed(Submit(pdus))

    def close(self) -> None:
        self._driver.feed(CloseRequested())

    def _carry_out(self, action: Action) -> None:
        match action:
            case Deliver(run=run):
                for pdu in pdus_in(run):
                    self._receiver.receive(bytes(pdu))
            case OpenChannel(leg=leg, content_length=length):
                self._spawn(self._open_channel(leg, length))
            case Opened():
                self._opened.set_result(None)
            case Closed(why=why):
                if not self._opened.done():
                    self._opened.set_exception(why or TransportError("the connection was closed"))
                else:
                    self._receiver.transport_closed(why)

    async def _open_channel(self, leg: Leg, length: int) -> None:
        connection = ClientLeg(leg)
        self._driver.attach(connection)
        try:
            await open_channel(self._access, self._target, connection, length)
        except RpchError as why:
            self._driver.feed(ChannelRefused(leg, why))
        else:
            if self._driver.machine.finished:
                connection.close()
                return
            self._driver.feed(ChannelReady(leg))
