"""The ways a client reaches the back end: a TCP connection, or a virtual connection over HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final, Protocol, cast

from benchmarks.virtual import Receiving, Sending
from rpch.dcerpc.framing import RTS, Bytes, PduCutter
from rpch.http.heads import read_response_head
from rpch.http.requests import ChannelHeads, Proof
from rpch.http.targets import RpcTarget
from rpch.rts.commands import (
    AssociationGroupId,
    ChannelLifetime,
    ClientKeepalive,
    Cookie,
    Destination,
    FlowControlAck,
    ForwardDestination,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import AckWithDestination, ConnA1, ConnA3, ConnB1, ConnC2, Ping, decode

TARGET: Final = RpcTarget("localhost", 6001)
LIFETIME: Final = 1 << 30
OPEN_WITHIN: Final = 20.0

Received = Callable[[Bytes], None]


class Line(Protocol):
    """What carries calls. Whole RPC PDUs go to `send`, and come to `received`, in runs."""

    received: Received

    def send(self, run: bytes) -> None: ...

    def close(self) -> None: ...


def ignore(run: Bytes) -> None:
    """Nobody waits for this."""


class DirectLine(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self) -> None:
        self.received: Received = ignore
        self._cutter = PduCutter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.send = self._transport.write

    def data_received(self, data: bytes) -> None:
        for _, run in self._cutter.feed(data):
            self.received(run)

    def close(self) -> None:
        self._transport.abort()


class VirtualLine:
    """One virtual connection."""

    def __init__(self, window: int) -> None:
        self.received: Received = ignore
        self.virtual, self.out_cookie, self.in_cookie = (Cookie(token_bytes(16)) for _ in range(3))
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.out, self.inn = OutChannel(self), InChannel(self)
        self._receiving = Receiving(self.out_cookie.value, window, self._acknowledge)
        self._sending = Sending(self.inn.write, 0)
        self.send = self._sending.submit

    def close(self) -> None:
        for channel in (self.out, self.inn):
            channel.transport.abort()

    def rpc(self, run: Bytes) -> None:
        """Responses came."""
        self._receiving.took(len(run))
        self.received(run)

    def rts(self, data: bytes) -> None:
        """Something about the virtual connection itself came."""
        match decode(data, legal=(ConnA3, ConnC2, AckWithDestination, Ping)):
            case ConnC2(window=window):
                self._sending.resize(window.size)
                self.opened.set_result(None)
            case AckWithDestination(ack=ack):
                self._sending.acknowledged(ack)

    def failed(self, why: str) -> None:
        """A channel was refused or lost."""
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(why))

    def _acknowledge(self, ack: FlowControlAck) -> None:
        destination = Destination(ForwardDestination.OUT_PROXY)
        self.inn.write(AckWithDestination(destination, ack).encode())


class Channel(asyncio.Protocol):
    """An HTTP connection that is a channel."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)


class InChannel(Channel):
    """Carries requests. Nothing is answered on it but a refusal."""

    def __init__(self, line: VirtualLine) -> None:
        self._line = line

    def data_received(self, data: bytes) -> None:
        self._line.failed(repr(data))

    def write(self, run: Bytes) -> None:
        """Send PDUs."""
        self.transport.write(run)


class OutChannel(Channel):
    """Carries responses, behind a head."""

    def __init__(self, line: VirtualLine) -> None:
        self._line, self._cutter = line, PduCutter()
        self._head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            data = self._skip_head(data)
        kind = self._cutter.single(data)
        if kind is not None and kind != RTS:  # most often; and this client is not to be what is measured
            self._line.rpc(data)
            return
        for rts, piece in self._cutter.feed(data):
            if rts:
                self._line.rts(bytes(piece))
            else:
                self._line.rpc(piece)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.failed("the OUT channel was closed")

    def _skip_head(self, data: bytes) -> bytes:
        self._head = (self._head or b"") + data
        found = read_response_head(self._head)
        if found is None:
            return b""
        head, size = found
        if head.status != 200:
            self._line.failed(f"{head.status} {head.phrase}")
            return b""
        data, self._head = self._head[size:], None
        return data


@dataclass(frozen=True)
class Way:
    """How to reach the back end: a port on this machine, and what to speak there."""

    name: str
    port: int
    window: int = 0
    http: bool = False
    authorization: str | None = None
    tls: ssl.SSLContext | None = None

    async def open(self) -> Line:
        """A line on which calls may be made."""
        async with asyncio.timeout(OPEN_WITHIN):
            return await self._open_virtual() if self.http else await self._open_direct()

    async def _open_direct(self) -> Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(DirectLine, "127.0.0.1", self.port)
        return line

    async def _open_virtual(self) -> Line:
        loop, line = asyncio.get_running_loop(), VirtualLine(self.window)
        name = "localhost" if self.tls else None
        for channel in (line.out, line.inn):
            await loop.create_connection(
                lambda channel=channel: channel,
                "127.0.0.1",
                self.port,
                ssl=self.tls,
                server_hostname=name,
            )
        heads, proof = ChannelHeads("localhost", TARGET), Proof(self.authorization)
        window, lifetime = ReceiveWindowSize(self.window), ChannelLifetime(LIFETIME)
        a1 = ConnA1(Version(1), line.virtual, line.out_cookie, window)
        group = AssociationGroupId(token_bytes(16))
        b1 = ConnB1(Version(1), line.virtual, line.in_cookie, lifetime, ClientKeepalive(0), group)
        line.out.transport.write(heads.out_channel(proof=proof) + a1.encode())
        line.inn.transport.write(heads.in_channel(LIFETIME, proof) + b1.encode())
        await line.opened
        return line
