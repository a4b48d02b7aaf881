"""Reading response heads, before a connection is a channel."""

from __future__ import annotations

import asyncio
from typing import Final

from rpch.errors import RemoteProtocolError, TransportError
from rpch.http.heads import ResponseHead, read_response_head
from rpch.http.outcomes import BodyExtent

BODY_LIMIT: Final = 64 * 1024


class HeadReader(asyncio.Protocol):
    """Collects what a proxy says, one response at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._changed: asyncio.Future[None] | None = None
        self._lost: TransportError | None = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = TransportError("the proxy closed the connection" + (f": {exc}" if exc else ""))
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def response(self) -> ResponseHead:
        """The next final response's head; interim ones are passed over."""
        while True:
            found = read_response_head(self._buffer)
            if found is None:
                await self._more()
                continue
            head, size = found
            self._buffer = self._buffer[size:]
            if head.status >= 200:
                return head

    async def body(self, extent: BodyExtent) -> bytes:
        """A short body whose length is known, read away so that the connection can be used again."""
        size = extent.length or 0
        if extent.length is None or size > BODY_LIMIT:
            raise RemoteProtocolError("a response body that cannot be passed over")
        while len(self._buffer) < size:
            await self._more()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return body

    def rest(self) -> bytes:
        """What came behind; the reader is done."""
        rest, self._buffer = self._buffer, b""
        return rest

    async def _more(self) -> None:
        if self._lost is not None:
            raise self._lost
        self._changed = asyncio.get_running_loop().create_future()
        await self._changed
