"""One TCP connection that carries PDUs: bytes in, events out; bytes out when told.

Everything here is a callback on the transport. Nothing waits, nothing queues. What a leg may hold is bounded
by one torn PDU and by what its transport has not sent: when that is more than `CONGESTED_ABOVE` the machine
hears of it, and sends no RPC PDUs until TCP has taken nearly all of it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast

from rpch.aio.lingering import Lingering
from rpch.dcerpc.framing import RTS, BrokenStream, Bytes, PduCutter, Piece, pdus_in
from rpch.errors import DecodeError, RemoteProtocolError, TransportError
from rpch.http.chunks import encode_chunk
from rpch.vconn.events import (
    BannerArrived,
    Congested,
    Event,
    Leg,
    LegClosed,
    NonsenseArrived,
    Relieved,
    RpcArrived,
    RtsArrived,
)

BANNER: Final = b"ncacn_http/1.0"  # MS-RPCH 2.1.1.2.1
CONGESTED_ABOVE: Final = 256 * 1024  # bytes unsent: as much as the largest window that the protocol allows
RELIEVED_BELOW: Final = 32 * 1024
UNREAD_LIMIT: Final = 4 * 1024 * 1024  # bytes unsent: nothing but a flood of RTS PDUs leads there

Feed = Callable[[Event], None]


class LegConnection(asyncio.Protocol):
    """The I/O of one leg.

    `body` is how many bytes an HTTP request's body may hold; `excess_ignored` says that more than
    that is dropped, else it is nonsense. `banner` says that a server's banner may come first, and
    `announce` that its coming is an event.
    """

    __slots__ = (
        "_announce",
        "_banner",
        "_chunked",
        "_closing",
        "_cutter",
        "_excess_ignored",
        "_full",
        "_left",
        "_lingering",
        "feed",
        "leg",
        "on_detached",
        "on_lost",
        "transport",
        "unread_limit",
    )

    def __init__(
        self,
        leg: Leg,
        feed: Feed,
        *,
        body: int | None = None,
        excess_ignored: bool = False,
        banner: bool = False,
        announce: bool = False,
        chunked: bool = False,
    ) -> None:
        self.leg, self.feed = leg, feed
        self.transport: asyncio.Transport | None = None
        self.on_lost: Callable[[], None] | None = None  # for whoever lent the connection
        self.on_detached: Callable[[LegConnection], None] | None = None  # for the driver
        self._cutter = PduCutter()
        self._left, self._excess_ignored = body, excess_ignored
        self._banner: bytes | None = b"" if banner else None
        self._chunked, self._announce = chunked, announce
        self._closing = self._full = False
        self.unread_limit = UNREAD_LIMIT
        self._lingering: Lingering | None = None

    def adopt(self, transport: asyncio.Transport, already: bytes) -> None:
        """Take over a connection whose first bytes somebody else has read."""
        self.transport = transport
        if self._closing:
            transport.close()  # whoever wanted it has ended meanwhile
            return
        transport.set_write_buffer_limits(CONGESTED_ABOVE, RELIEVED_BELOW)
        transport.set_protocol(self)
        transport.resume_reading()
        if already:
            self.data_received(already)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(CONGESTED_ABOVE, RELIEVED_BELOW)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            if self._lingering is not None:
                self._lingering.drain(len(data))
            return
        if self._left is not None:
            if len(data) > self._left:
                data = self._cut_off(data)
            else:
                self._left -= len(data)
        if self._banner is None and (kind := self._cutter.single(data)) is not None:
            self.feed(RtsArrived(self.leg, data) if kind == RTS else RpcArrived(self.leg, data))
            return
        try:
            if self._banner is not None:
                data = self._skip_banner(data)
            pieces = self._cutter.feed(data)
        except DecodeError as why:
            if isinstance(why, BrokenStream):
                self._pass_on(why.pieces)
            if not self._closing:
                self.feed(NonsenseArrived(self.leg, why))
            return
        self._pass_on(pieces)

    def _pass_on(self, pieces: list[Piece]) -> None:
        for rts, piece in pieces:
            if self._closing:
                return  # what came before has ended this leg
            leg = self.leg  # what came before may have said which one this is
            self.feed(RtsArrived(leg, piece) if rts else RpcArrived(leg, piece))

    def eof_received(self) -> None:
        if not self._closing:
            self.feed(LegClosed(self.leg))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingering is not None:
            self._lingering.lost()
        if not self._closing:
            self._closing = True
            self.feed(LegClosed(self.leg))
        if self.on_detached is not None:
            self.on_detached(self)
        if self.on_lost is not None:
            self.on_lost()

    def pause_writing(self) -> None:
        self._full = True
        if not self._closing:
            self.feed(Congested(self.leg))

    def resume_writing(self) -> None:
        self._full = False
        if not self._closing:
            self.feed(Relieved(self.leg))

    def write(self, data: Bytes) -> None:
        """Send whole PDUs, or a head."""
        transport = self.transport
        if transport is None or self._closing:
            return
        if self._chunked and data[0] == 5:
            data = b"".join(encode_chunk(bytes(pdu)) for pdu in pdus_in(data))
        transport.write(data)
        if self._full and transport.get_write_buffer_size() > self.unread_limit:
            self.feed(NonsenseArrived(self.leg, TransportError("the peer does not read what it is sent")))

    def close(self) -> None:
        """Close when everything written has left, and let the peer read it."""
        if self._closing:
            return
        self._closing = True
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if transport.can_write_eof():
            transport.resume_reading()
            self._lingering = Lingering(transport)
        else:
            transport.close()

    def refuse(self, answer: bytes) -> None:
        """Write a last answer to a client that may still be sending, and close.  MS-RPCH 2.1.2.1.3"""
        transport = self.transport
        if self._closing or transport is None:
            return
        self._closing = True
        transport.write(answer)
        transport.resume_reading()
        self._lingering = Lingering(transport)

    def read_on(self, wanted: bool) -> None:
        """Read, or let the peer wait."""
        transport = self.transport
        if self._closing or transport is None or transport.is_closing():
            return
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def keep_alive(self, interval: float) -> None:
        """Let TCP probe a silent peer."""
        sock = self.transport.get_extra_info("socket") if self.transport else None
        if sock is None:
            return
        seconds = max(int(interval), 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)

    @property
    def peer(self) -> str:
        """The address of the other end, for people."""
        name = self.transport.get_extra_info("peername") if self.transport else None
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "")

    def _cut_off(self, data: bytes) -> bytes:
        """What of a read still belongs to the body, and may be passed on."""
        left, self._left = self._left or 0, 0
        if not self._excess_ignored:
            self.feed(NonsenseArrived(self.leg, RemoteProtocolError("more bytes than Content-Length")))
        return b"" if self._closing else data[:left]

    def _skip_banner(self, data: bytes) -> bytes:
        seen = (self._banner or b"") + data
        if seen.startswith(BANNER):
            self._banner = None
            if self._announce:
                self.feed(BannerArrived(self.leg))
            return seen[len(BANNER) :]
        if BANNER.startswith(seen):
            self._banner = seen
            return b""
        self._banner = None
        if seen[0] != 5:
            raise DecodeError(f"the target is no ncacn_http server: it began with {seen[:16]!r}", at=0)
        return seen
