"""The server of the benchmark, as a process of its own: it answers every call with fixed PDUs.

It listens three times: for plain TCP connections, for `ncacn_http` legs from an RPC proxy, and for HTTP
channels themselves, so that HAProxy can relay in `mode http` what our proxy relays. It knows no more of the
protocol than openings and flow control, and is light, so that the relays are what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Final, cast

from benchmarks.messages import ANSWER, CALL, CALL_SIZE, DOWNLOAD, FRAGMENT_SIZE, OPNUM_AT, UPLOAD, Opnum
from benchmarks.virtual import Receiving, Sending, Write
from rpch.aio.event_loop import run
from rpch.aio.leg import BANNER
from rpch.dcerpc.framing import RTS, Bytes, PduCutter
from rpch.http.answers import success_head
from rpch.http.heads import read_request_head
from rpch.rts.commands import (
    ConnectionTimeout,
    Destination,
    FlowControlAck,
    ForwardDestination,
    ReceiveWindowSize,
    Version,
)
from rpch.rts.pdus import (
    Ack,
    AckWithDestination,
    ConnA1,
    ConnA2,
    ConnA3,
    ConnB1,
    ConnB2,
    ConnB3,
    ConnC1,
    ConnC2,
    RtsPdu,
    decode,
)

LIFETIME: Final = 1 << 30
TIMEOUT: Final = ConnectionTimeout(120_000)
LAST_FRAGMENT: Final = UPLOAD[-FRAGMENT_SIZE:]


class Service:
    """Answers the calls of one connection."""

    def __init__(self, answer: Callable[[bytes], None]) -> None:
        self._answer = answer
        self._uploaded = 0

    def take(self, run: Bytes) -> None:
        """A run of requests. Small ones come one at a time, fragments of an upload in any number."""
        if run == CALL:
            self._answer(ANSWER)
        elif len(run) == CALL_SIZE and run[OPNUM_AT] == Opnum.DOWNLOAD:
            self._answer(DOWNLOAD)
        else:
            self._uploaded += len(run)
            if self._uploaded == len(UPLOAD):
                self._uploaded = 0
                self._answer(ANSWER)


class DirectConnection(asyncio.Protocol):
    """`ncacn_ip_tcp`: nothing but calls."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._service = Service(cast(asyncio.Transport, transport).write)
        self._cutter = PduCutter()

    def data_received(self, data: bytes) -> None:
        for _, requests in self._cutter.feed(data):
            self._service.take(requests)


class Served:
    """One virtual connection at this end, when both halves are here."""

    def __init__(self) -> None:
        self.out: Sending | None = None
        self.inn: Receiving | None = None
        self.opened: Callable[[], None]
        self.service = Service(self._answer)

    def _answer(self, run: bytes) -> None:
        if self.out is not None:
            self.out.submit(run)


class Leg(asyncio.Protocol):
    """One connection of a virtual connection; its first PDU says which."""

    def __init__(self, known: dict[bytes, Served], window: int) -> None:
        self._known, self.window = known, ReceiveWindowSize(window)
        self._cutter = PduCutter()
        self._served: Served | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        kind = self._cutter.single(data)
        if kind is not None and kind != RTS and self._served is not None:  # most often
            self._rpc(self._served, data)
            return
        for rts, piece in self._cutter.feed(data):
            if self._served is None:
                self._served = self._begin(bytes(piece))
                if self._served.out and self._served.inn:
                    self._served.opened()
            elif rts:
                self.control(self._served, bytes(piece))
            else:
                self._rpc(self._served, piece)

    def _rpc(self, served: Served, run: Bytes) -> None:
        assert served.inn is not None
        served.inn.took(len(run))
        served.service.take(run)

    def connection_lost(self, exc: Exception | None) -> None:
        for cookie, served in list(self._known.items()):
            if served is self._served:
                del self._known[cookie]

    def _begin(self, data: bytes) -> Served:
        pdu = decode(data, legal=self.first_pdus())
        served = self._known.setdefault(vars(pdu)["virtual_connection"].value, Served())
        self.begin(served, pdu)
        return served

    def first_pdus(self) -> tuple[type[RtsPdu], ...]:
        """What may come first."""
        raise NotImplementedError

    def begin(self, served: Served, pdu: RtsPdu) -> None:
        """Make this leg one half of a virtual connection."""
        raise NotImplementedError

    def control(self, served: Served, data: bytes) -> None:
        """An RTS PDU after the first."""
        raise NotImplementedError


class ServerLeg(Leg):
    """`ncacn_http`: a leg from an RPC proxy."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(BANNER)

    def first_pdus(self) -> tuple[type[RtsPdu], ...]:
        return (ConnA2, ConnB2)

    def begin(self, served: Served, pdu: RtsPdu) -> None:
        write = self.transport.write
        match pdu:
            case ConnA2(window=window):
                served.out = Sending(write, window.size)
            case ConnB2(in_channel=cookie, window=window, timeout=timeout):
                served.inn = Receiving(cookie.value, self.window.size, lambda ack: write(Ack(ack).encode()))
                b3, c1 = ConnB3(self.window, Version(1)), ConnC1(Version(1), window, timeout)
                served.opened = lambda: _open_server(served, write, b3, c1)

    def control(self, served: Served, data: bytes) -> None:
        out = served.out
        assert out is not None
        pdu = decode(data, legal=(Ack, AckWithDestination))
        if isinstance(pdu, Ack):
            out.acknowledged(pdu.ack)
        else:  # for the outbound proxy or the client: both are beyond OUT-T
            out.write(data)


def _open_server(served: Served, write_in: Write, b3: ConnB3, c1: ConnC1) -> None:
    assert served.out is not None
    served.out.write(c1.encode())
    write_in(b3.encode())


class ChannelLeg(Leg):
    """HTTP: a channel of a client, which takes this end for the proxies and the server at once."""

    def __init__(self, known: dict[bytes, Served], window: int) -> None:
        super().__init__(known, window)
        self._head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
            found = read_request_head(self._head)
            if found is None:
                return
            data, self._head = self._head[found[1] :], None
        super().data_received(data)

    def first_pdus(self) -> tuple[type[RtsPdu], ...]:
        return (ConnA1, ConnB1)

    def begin(self, served: Served, pdu: RtsPdu) -> None:
        write = self.transport.write
        match pdu:
            case ConnA1(window=window):
                served.out = Sending(write, window.size)
                write(success_head(LIFETIME) + ConnA3(TIMEOUT).encode())
                served.opened = lambda: write(ConnC2(Version(1), self.window, TIMEOUT).encode())
            case ConnB1(in_channel=cookie):
                served.inn = Receiving(cookie.value, self.window.size, lambda ack: _to_client(served, ack))

    def control(self, served: Served, data: bytes) -> None:
        assert served.out is not None
        pdu = decode(data, legal=(AckWithDestination,))
        assert isinstance(pdu, AckWithDestination)
        served.out.acknowledged(pdu.ack)


def _to_client(served: Served, ack: FlowControlAck) -> None:
    assert served.out is not None
    served.out.write(AckWithDestination(Destination(ForwardDestination.CLIENT), ack).encode())


async def main(window: int) -> None:
    """Listen on ports of the system's choice, and say which. `window` is what is announced to peers."""
    loop = asyncio.get_running_loop()
    legs: dict[bytes, Served] = {}
    channels: dict[bytes, Served] = {}
    makers: dict[str, Callable[[], asyncio.Protocol]] = {
        "direct": DirectConnection,
        "legs": lambda: ServerLeg(legs, window),
        "channels": lambda: ChannelLeg(channels, window),
    }
    servers = {
        name: await loop.create_server(make, "127.0.0.1", 0, backlog=4096) for name, make in makers.items()
    }
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps({"event": "ready", "process": os.getpid(), **ports}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(main(int(sys.argv[1])))
