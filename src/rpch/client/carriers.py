"""What carries an RPC connection of a client: plain TCP, or a virtual connection over HTTP.

Both look alike to the RPC layer: whole PDUs in both directions, and an end with a reason.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, cast

from rpch.aio.driver import Driver
from rpch.client.access import ProxyAccess
from rpch.client.channel import ClientLeg, open_channel
from rpch.client.connections import NoAnswer
from rpch.dcerpc.framing import BrokenStream, PduCutter, pdus_in
from rpch.errors import RpchError, TransportError
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
    RecycleRequested,
    Submit,
)
from rpch.vconn.settings import ClientSettings

CLOSE_WITHIN: Final = 1.0  # seconds a peer gets to close its end, before ours is torn down


class NotOpened(NoAnswer):
    """A virtual connection did not open in time; `state` is how far the client came.  MS-RPCH 3.2.2.5"""

    def __init__(self, reason: str, *, seconds: float, state: str) -> None:
        super().__init__(reason, seconds=seconds)
        self.state = state


class NotRenewed(NoAnswer):
    """A successor of a channel did not take over in time; `state` is how far it came.  MS-RPCH 3.2.2.5.5"""

    def __init__(self, *, seconds: float, state: str) -> None:
        super().__init__(f"no successor took over in {seconds:g} seconds (state {state})", seconds=seconds)
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
        self._gone = asyncio.Event()
        self._gone.set()

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
        except UnicodeError as error:  # a label of more than 63 bytes is no OSError
            raise TransportError(f"{where} cannot be reached: {error}") from error

    def send(self, pdus: bytes) -> None:
        self._transport.write(pdus)

    def close(self) -> None:
        self._transport.close()

    async def closed(self) -> None:
        """Wait until nothing is left of it."""
        await _until(self._gone, lambda: [self._transport])

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it."""
        return self._gone.is_set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._gone.clear()

    def data_received(self, data: bytes) -> None:
        try:
            for _, piece in self._cutter.pieces(data):
                for pdu in pdus_in(piece):
                    self._receiver.receive(bytes(pdu))
        except BrokenStream as why:
            self._transport.abort()
            self._receiver.transport_closed(why)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._receiver.transport_closed(TransportError(f"the connection was lost: {exc}") if exc else None)


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
        self._machine: ClientConnection
        self._opened: asyncio.Future[None]
        self._dialling: set[asyncio.Task[None]] = set()
        self._legs: set[ClientLeg] = set()
        self._gone = asyncio.Event()
        self._gone.set()

    async def open(self, receiver: Receiver) -> None:
        loop = asyncio.get_running_loop()
        self._receiver, self._opened = receiver, loop.create_future()
        cookies = iter(lambda: secrets.token_bytes(16), b"")
        machine = self._machine = ClientConnection(self._settings, cookies, now=loop.time())
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
            self._give_up(why)
            raise why from None
        except asyncio.CancelledError:
            self._give_up(None)
            raise

    def send(self, pdus: bytes) -> None:
        self._driver.feed(Submit(pdus))

    def close(self) -> None:
        self._driver.feed(CloseRequested())

    async def renew_in(self, within: float) -> None:
        """Let a successor take over the IN channel, long before one is due; raises why none does."""
        machine, done = self._machine, asyncio.get_running_loop().create_future()
        before = machine.in_h

        def look() -> None:
            if done.done():
                return
            if machine.finished:
                done.set_exception(machine.why or TransportError("the connection was closed"))
            elif machine.in_h is not before:
                done.set_result(None)

        self._driver.after_turn = look
        try:
            self._driver.feed(RecycleRequested())
            async with asyncio.timeout(within):
                await done
        except TimeoutError:
            raise NotRenewed(seconds=within, state=machine.condition) from None
        finally:
            self._driver.after_turn = None

    @property
    def out_channel(self) -> Leg:
        """The OUT channel of now; another one when its successor has taken over."""
        return self._machine.out_h

    @property
    def out_left(self) -> int | None:
        """How many bytes the OUT channel of now may still carry; None where its answer did not say."""
        leg = self._driver.legs.get(self._machine.out_h)
        return leg.left if isinstance(leg, ClientLeg) else None

    async def closed(self) -> None:
        """Wait until nothing is left of it."""
        await _until(self._gone, lambda: [leg.transport for leg in self._legs if leg.transport is not None])

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it."""
        return self._gone.is_set()

    def _give_up(self, why: TransportError | None) -> None:
        """Nobody waits for the opening any more."""
        self._driver.feed(CloseRequested(why))
        if self._opened.done():
            self._opened.exception()  # it was raised already, or nobody asks for it

    def _carry_out(self, action: Action) -> None:
        match action:
            case Deliver(run=run):
                for pdu in pdus_in(run):
                    self._receiver.receive(bytes(pdu))
            case OpenChannel(leg=leg, content_length=length):
                task = self._spawn(self._open_channel(leg, length))
                self._dialling.add(task)
                task.add_done_callback(self._dialling.discard)
            case Opened():
                self._opened.set_result(None)
            case Closed(why=why):
                self._stop_dialling()
                if not self._opened.done():
                    self._opened.set_exception(why or TransportError("the connection was closed"))
                else:
                    self._receiver.transport_closed(why)

    def _stop_dialling(self) -> None:
        """Nobody needs channels that are not there yet, least of all those that wait for a time-out."""
        for task in self._dialling - {asyncio.current_task()}:
            task.cancel()

    async def _open_channel(self, leg: Leg, length: int) -> None:
        connection = ClientLeg(leg, strict=self._settings.strict)
        self._driver.attach(connection)
        try:
            await open_channel(self._access, self._target, connection, length)
            self._watch(connection)
        except RpchError as why:
            self._driver.feed(ChannelRefused(leg, why))
        else:
            if not connection.ended:
                self._driver.feed(ChannelReady(leg))

    def _watch(self, leg: ClientLeg) -> None:
        """Know when the connection of a leg is gone; closing one that is still read takes a while."""
        transport = leg.transport
        if transport is None:
            return
        self._legs.add(leg)
        self._gone.clear()
        leg.on_lost = lambda: self._lost(leg)

    def _lost(self, leg: ClientLeg) -> None:
        self._legs.discard(leg)
        if not self._legs:
            self._gone.set()


async def _until(gone: asyncio.Event, transports: Callable[[], list[asyncio.Transport]]) -> None:
    """Wait for the end of connections that were closed, and make one where their peers do not."""
    try:
        async with asyncio.timeout(CLOSE_WITHIN):
            await gone.wait()
    except TimeoutError:
        for transport in transports():
            transport.abort()
        await gone.wait()
