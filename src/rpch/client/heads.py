"""Reading responses, before a connection is a channel."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, cast

from rpch.client.error_bodies import ERROR_BODY_WITHIN, ErrorBody
from rpch.errors import RemoteProtocolError, TransportError
from rpch.http.chunks import ChunkDecoder
from rpch.http.heads import ResponseHead, read_response_head
from rpch.http.outcomes import Accepted, BodyExtent, Challenged, Failed, read_outcome

BODY_LIMIT: Final = 64 * 1024
UNREAD_LIMIT: Final = 256 * 1024  # what a proxy may send without being asked

FinalOutcome = Accepted | Challenged | Failed


class HeadReader(asyncio.Protocol):
    """Collects what a proxy says, one response at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._changed: asyncio.Future[None] | None = None
        self.lost: TransportError | None = None
        """Why nothing comes any more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > UNREAD_LIMIT and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = TransportError("the proxy closed the connection" + (f": {exc}" if exc else ""))
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

    async def outcome(self, *, tunnel: bool = False) -> FinalOutcome:
        """What the next final response means; `tunnel` is for v1 and CONNECT."""
        return cast(FinalOutcome, read_outcome(await self.response(), tunnel=tunnel))

    async def body(self, extent: BodyExtent) -> bytes:
        """A short body whose end is known, read away so that the connection can be used again."""
        if extent.chunked:
            return await self._chunks()
        if extent.length is None or extent.length > BODY_LIMIT:
            raise RemoteProtocolError("a response body that cannot be passed over")
        while len(self._buffer) < extent.length:
            await self._more()
        body, self._buffer = self._buffer[: extent.length], self._buffer[extent.length :]
        return body

    async def failure(self, failed: Failed) -> TransportError:
        """The error of a response that failed, with what its body adds, if one can be had."""
        body = ErrorBody(failed.body)
        with suppress(TransportError, TimeoutError):
            async with asyncio.timeout(ERROR_BODY_WITHIN):
                body.feed(self.rest())
                while not body.enough:
                    await self._more()
                    body.feed(self.rest())
        return failed.with_body(body.content).as_error()

    def rest(self) -> bytes:
        """What came behind; the reader is done."""
        rest, self._buffer = self._buffer, b""
        return rest

    async def _chunks(self) -> bytes:
        decoder, body = ChunkDecoder(), b""
        while not decoder.finished:
            if not self._buffer:
                await self._more()
            body += decoder.feed(self.rest())
            if len(body) > BODY_LIMIT:
                raise RemoteProtocolError("a response body that cannot be passed over")
        return body

    async def _more(self) -> None:
        if self.lost is not None:
            raise self.lost
        self._changed = asyncio.get_running_loop().create_future()
        await self._changed
