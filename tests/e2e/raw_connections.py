"""Peers made by hand: they say whatever a test wants to be said, and show what comes back."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from rpch.dcerpc.framing import RTS
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import Bind, BindAck, ContextElement, Request, decode_pdu
from rpch.dcerpc.pdus_header import NDR20
from rpch.http.channels import RpcMethod
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
from rpch.rts.pdus import (
    AckWithDestination,
    ConnA1,
    ConnA3,
    ConnB1,
    ConnC2,
    InR1A1,
    OutR1A3,
    RtsPdu,
    decode,
)
from rpch.server.demo import Demo
from tests.e2e.farm import LOOPBACK, PASSWORD, TARGET, USER
from tests.raw_peer import PATIENCE, RawPeer

LIFETIME = 1 << 30
WINDOW = 65_536
KEEPALIVE = ClientKeepalive(300_000)
BANNER = b"ncacn_http/1.0"

Pdu = TypeVar("Pdu", bound=RtsPdu)


def cookie() -> Cookie:
    """A name that nothing else has."""
    return Cookie(secrets.token_bytes(16))


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The line that proves who is there."""
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request_head(
    method: str,
    length: int,
    *fields: str,
    target: str = TARGET,
    version: str = "1.1",
    user: str | None = USER,
    url: str = "/rpc/rpcproxy.dll",
) -> bytes:
    """A request for one channel, with little in it."""
    host = url.partition("://")[2].partition("/")[0] or "localhost"
    lines = [
        f"{method} {url}?{target} HTTP/{version}",
        f"Host: {host}",
        f"Content-Length: {length}",
        *fields,
    ]
    if user is not None:
        lines.append(basic(user))
    return "\r\n".join([*lines, "", ""]).encode()


class Wire(RawPeer):
    """One TCP connection in a test's hands, which knows what must come next."""

    async def drained(self) -> None:
        """Returns when what was sent has left."""
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def head_text(self) -> str:
        """A response's head as it stands; what follows it stays."""
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def expect(self, kind: type[Pdu]) -> Pdu:
        """The next PDU, which must be of this kind."""
        found = decode(await self.pdu(), legal=[kind])
        assert isinstance(found, kind)
        return found

    async def refusal(self) -> str:
        """The status line of a refusal, behind which the connection closes."""
        said = await self.rest()
        return said.partition(b"\r\n")[0].decode("latin-1")

    async def first_word(self) -> bytes:
        """What a request begins with, or nothing when it is none."""
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.read(64)).partition(b" ")[0]


class Listening:
    """A port in a test's hands."""

    def __init__(self) -> None:
        self._accepted: asyncio.Queue[Wire] = asyncio.Queue()
        self._wires: list[Wire] = []
        self._server: asyncio.Server
        self.port = 0

    async def begin(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._take, LOOPBACK, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def accept(self) -> Wire:
        """The next connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._accepted.get()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        self._wires.append(wire)
        self._accepted.put_nowait(wire)

    async def close(self) -> None:
        """Listen no more, and close what came."""
        self._server.close()
        for wire in self._wires:
            await wire.close()


class Hands:
    """Opens connections, and closes them when the test is over."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def listen(self) -> Listening:
        """A port where others may connect."""
        listening = Listening()
        await listening.begin()
        self._stack.push_async_callback(listening.close)
        return listening

    def unopened(self, inward: Wire, outward: Wire) -> RawConnection:
        """The names of a virtual connection on two channels where nothing was said yet."""
        return RawConnection(self, 0, 0, inward, outward)

    async def dial(self, port: int) -> Wire:
        """A connection to a port of loopback."""
        wire = Wire(*await asyncio.open_connection(LOOPBACK, port))
        self._stack.push_async_callback(wire.close)
        return wire

    def head(self, method: str, length: int) -> bytes:
        """A request for a channel, to be sent when the time has come."""
        return request_head(method, length)

    async def channel(self, port: int, method: str, length: int, *fields: str, **head: str) -> Wire:
        """A connection on which a channel was asked for."""
        wire = await self.dial(port)
        wire.send(request_head(method, length, *fields, **head))
        return wire

    async def connection(
        self,
        in_port: int,
        out_port: int | None = None,
        *,
        window: int = WINDOW,
        lifetime: int = LIFETIME,
        out_length: int = 76,
        trailing: bytes = b"",
        read_opening: bool = True,
    ) -> RawConnection:
        """A virtual connection, opened in order; what opens it on OUT is read, unless told otherwise."""
        inward = await self.channel(in_port, RpcMethod.IN, lifetime)
        outward = await self.channel(out_port or in_port, RpcMethod.OUT, out_length)
        opened = RawConnection(self, in_port, out_port or in_port, inward, outward)
        outward.send(opened.a1(window), trailing)
        inward.send(opened.b1(lifetime))
        if read_opening:
            assert (await outward.head_text()).startswith("HTTP/1.1 200 Success\r\n")
            await outward.expect(ConnA3)
            await outward.expect(ConnC2)
        return opened


class RawConnection:
    """A virtual connection whose client is a test."""

    def __init__(self, hands: Hands, in_port: int, out_port: int, inward: Wire, outward: Wire) -> None:
        self.hands, self.in_port, self.out_port = hands, in_port, out_port
        self.inward, self.outward = inward, outward
        self.name, self.in_name, self.out_name = cookie(), cookie(), cookie()
        self._calls = 1
        self.received = 0  # bytes of RPC PDUs on the OUT channel

    def a1(self, window: int = WINDOW) -> ConnA1:
        """What opens its OUT channel."""
        return ConnA1(Version(1), self.name, self.out_name, ReceiveWindowSize(window))

    def b1(self, lifetime: int = LIFETIME) -> ConnB1:
        """What opens its IN channel."""
        group = AssociationGroupId(bytes(16))
        return ConnB1(Version(1), self.name, self.in_name, ChannelLifetime(lifetime), KEEPALIVE, group)

    def in_successor(self, *, successor: Cookie, **other: Cookie) -> InR1A1:
        """What begins to replace the IN channel; names may be given that are not its own."""
        name, predecessor = other.get("name", self.name), other.get("predecessor", self.in_name)
        return InR1A1(Version(1), name, predecessor, successor)

    def out_successor(self, *, successor: Cookie, **other: Cookie) -> OutR1A3:
        """What begins to replace the OUT channel."""
        name, predecessor = other.get("name", self.name), other.get("predecessor", self.out_name)
        return OutR1A3(Version(1), name, predecessor, successor, ReceiveWindowSize(WINDOW))

    async def bind(self, *, fragment: int = 5840) -> None:
        """Bind to the demo interface, through whatever the channels are now."""
        demo = ContextElement(0, interface_of(Demo).syntax, (NDR20,))
        self.inward.send(Bind(1, (demo,), fragment, fragment).encode())
        assert isinstance(decode_pdu(await self.next_pdu()), BindAck)

    async def next_pdu(self) -> bytes:
        """What comes next on the OUT channel."""
        pdu = await self.outward.pdu()
        if pdu[2] != RTS:
            self.received += len(pdu)
        return pdu

    def ask_for(self, size: int) -> None:
        """Call the operation whose answer has so many bytes."""
        self._calls += 1
        stub = size.to_bytes(4, "little")
        self.inward.send(Request(self._calls, 0, 3, stub, len(stub)).encode())

    def acknowledge(self, *, received: int | None = None, available: int = WINDOW) -> None:
        """Tell the outbound proxy what has come, or something else."""
        count = self.received if received is None else received
        ack = FlowControlAck(count, available, self.out_name.value)
        self.inward.send(AckWithDestination(Destination(ForwardDestination.OUT_PROXY), ack))

    async def is_closed(self) -> None:
        """Returns when both channels are."""
        await self.inward.rest()
        await self.outward.rest()


@asynccontextmanager
async def hands() -> AsyncIterator[Hands]:
    """Whatever a test opens with it is closed at the end."""
    async with AsyncExitStack() as stack:
        yield Hands(stack)
