"""A peer over TCP that says anything and reads what comes back, PDU by PDU."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from rpch.dcerpc.framing import HEADER_SIZE, pdu_size
from rpch.dcerpc.pdus import Pdu, decode_pdu
from rpch.rts.pdus import RtsMessage, read_message

PATIENCE = 10.0  # seconds for anything to come


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that other parties bring about."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


class Encodable(Protocol):
    """Whatever has bytes."""

    def encode(self) -> bytes: ...


class RawPeer:
    """One end of a TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *items: bytes | Encodable) -> None:
        """In one write."""
        self.writer.write(b"".join(one if isinstance(one, bytes) else one.encode() for one in items))

    async def take(self, size: int) -> bytes:
        """So many bytes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def line(self) -> str:
        """One line of text."""
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.readline()).decode("latin-1").rstrip("\r\n")

    async def head(self) -> tuple[str, dict[str, str]]:
        """An HTTP head: its first line, and its fields by lower-case names."""
        first, fields = await self.line(), dict[str, str]()
        while line := await self.line():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return first, fields

    async def pdu(self) -> bytes:
        """One PDU, whichever it is."""
        head = await self.take(HEADER_SIZE)
        return head + await self.take(pdu_size(head) - HEADER_SIZE)

    async def rts(self) -> RtsMessage:
        """One RTS PDU."""
        return read_message(await self.pdu())

    async def rpc(self) -> Pdu:
        """One RPC PDU."""
        return decode_pdu(await self.pdu())

    async def rest(self) -> bytes:
        """Everything until the other end closes, in whatever way."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except OSError:
                return b""

    async def silent(self, seconds: float = 0.05) -> bool:
        """Whether nothing comes, not even the end."""
        try:
            async with asyncio.timeout(seconds):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False

    def finish(self) -> None:
        """Say that nothing more comes."""
        self.writer.write_eof()

    def reset(self) -> None:
        """Vanish without a word."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):  # to be reset is a way to be closed
            await self.writer.wait_closed()


@asynccontextmanager
async def raw_peer(port: int, host: str = "127.0.0.1") -> AsyncIterator[RawPeer]:
    """A peer that has connected there."""
    peer = RawPeer(*await asyncio.open_connection(host, port))
    try:
        yield peer
    finally:
        await peer.close()


class RawListener:
    """A port where somebody may connect, and whoever did."""

    def __init__(self) -> None:
        self.port = 0
        self.peers: list[RawPeer] = []
        self._arrived = asyncio.Event()

    def arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(RawPeer(reader, writer))
        self._arrived.set()

    async def peer(self, number: int = 0) -> RawPeer:
        """The one that came at that place."""
        async with asyncio.timeout(PATIENCE):
            while len(self.peers) <= number:
                self._arrived.clear()
                await self._arrived.wait()
        return self.peers[number]


@asynccontextmanager
async def raw_listener(greeting: bytes = b"") -> AsyncIterator[RawListener]:
    """Somebody who listens, and greets like this."""
    listener = RawListener()

    def arrive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greeting:
            writer.write(greeting)
        listener.arrive(reader, writer)

    server = await asyncio.start_server(arrive, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for peer in listener.peers:
            await peer.close()
        await server.wait_closed()
