"""Responses before a connection is a channel."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

import rpch.client.heads as module
from rpch.client.heads import BODY_LIMIT, UNREAD_LIMIT, HeadReader
from rpch.errors import DecodeError, ProxyError, RemoteProtocolError, TransportError
from rpch.http.outcomes import Accepted, BodyExtent, Failed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


class Valve:
    """A transport whose reading can be stopped."""

    def __init__(self) -> None:
        self.paused = False

    def pause_reading(self) -> None:
        self.paused = True


async def test_a_head_may_come_in_pieces_and_behind_interim_ones() -> None:
    reader = HeadReader()
    waiting = asyncio.create_task(reader.response())
    for piece in (b"HTTP/1.1 100 Continue\r\n\r\n", OK[:10], OK[10:], b"abc"):
        await asyncio.sleep(0)
        reader.data_received(piece)
    assert (await waiting).status == 200
    assert await reader.body(BodyExtent(length=3)) == b"abc"


async def test_what_comes_behind_a_body_is_the_next_response() -> None:
    reader = HeadReader()
    reader.data_received(OK + b"abc" + b"HTTP/1.1 404 Not Found\r\n\r\nrest")
    await reader.response()
    await reader.body(BodyExtent(length=3))
    assert (await reader.response()).status == 404
    assert reader.rest() == b"rest"
    assert reader.rest() == b""


async def test_a_body_may_come_in_pieces() -> None:
    reader = HeadReader()
    waiting = asyncio.create_task(reader.body(BodyExtent(length=3)))
    for piece in (b"a", b"b", b"cd"):
        await asyncio.sleep(0)
        reader.data_received(piece)
    assert await waiting == b"abc"
    assert reader.rest() == b"d"


async def test_a_chunked_body_is_put_together() -> None:
    reader = HeadReader()
    waiting = asyncio.create_task(reader.body(BodyExtent(chunked=True)))
    for piece in (b"2\r\nab", b"\r\n1\r\nc\r\n0\r\n", b"\r\n"):
        await asyncio.sleep(0)
        reader.data_received(piece)
    assert await waiting == b"abc"


@pytest.mark.parametrize(
    ("extent", "sent"),
    [
        (BodyExtent(), b""),
        (BodyExtent(length=BODY_LIMIT + 1), b""),
        (BodyExtent(chunked=True), b"%x\r\n%b\r\n" % (BODY_LIMIT + 1, bytes(BODY_LIMIT + 1))),
    ],
)
async def test_a_body_without_an_end_that_is_near_is_not_read(extent: BodyExtent, sent: bytes) -> None:
    reader = HeadReader()
    reader.data_received(sent)
    with pytest.raises(RemoteProtocolError, match="cannot be passed over"):
        await reader.body(extent)


@pytest.mark.parametrize(("tunnel", "kind"), [(False, Failed), (True, Accepted)])
async def test_an_outcome_is_never_an_interim_one(*, tunnel: bool, kind: type) -> None:
    reader = HeadReader()
    reader.data_received(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert isinstance(await reader.outcome(tunnel=tunnel), kind)


async def test_the_end_of_the_connection_ends_the_waiting() -> None:
    reader = HeadReader()
    waiting = asyncio.create_task(reader.response())
    await asyncio.sleep(0)
    reader.connection_lost(ConnectionResetError("reset"))
    with pytest.raises(TransportError, match="the proxy closed the connection: reset"):
        await waiting
    assert reader.lost is not None


async def test_what_is_no_http_is_an_error_of_the_peer() -> None:
    reader = HeadReader()
    reader.data_received(b"220 smtp.example ESMTP\r\n")
    with pytest.raises(DecodeError):
        await reader.response()


async def test_a_flood_that_nobody_reads_is_stopped() -> None:
    reader, valve = HeadReader(), Valve()
    reader.connection_made(cast(asyncio.Transport, valve))
    reader.data_received(bytes(UNREAD_LIMIT))
    assert not valve.paused
    reader.data_received(b"x")
    assert valve.paused


@pytest.mark.conformance(85)
@pytest.mark.parametrize("length", ["Content-Length: 5\r\n", "Content-Length: 9\r\n", ""])
async def test_an_error_keeps_its_code_whether_its_body_comes_or_not(
    length: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ERROR_BODY_WITHIN", 0.02)
    reader = HeadReader()
    reader.data_received(f"HTTP/1.0 503 RPC Error: 6ba\r\n{length}\r\nhello".encode())
    outcome = await reader.outcome()
    assert isinstance(outcome, Failed)
    error = await reader.failure(outcome)
    assert isinstance(error, ProxyError)
    assert error.rpc_status == 0x6BA
