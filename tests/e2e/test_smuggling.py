"""What is ambiguous is refused by its rule, once, and nothing behind it is ever taken for a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from structlog.testing import capture_logs

from rpch.proxy.configuration import ProxyConfiguration
from tests.e2e.serving import served
from tests.raw_peer import RawPeer, raw_peer
from tests.smuggling import CORPUS, HIDDEN, NO_LENGTH, SMUGGLER, UNREAD, Ambiguous, web

# It takes this machine for a relay and lets everybody in.
SETTINGS = ProxyConfiguration(no_tls=True, allow_anonymous=True, valid_ports="server:593", grace=0)


async def said(port: int, data: bytes, *, finished: bool = False) -> bytes:
    """All that is answered, until the connection is closed."""
    async with raw_peer(port) as peer:
        peer.send(data)
        if finished:
            await asyncio.sleep(0.1)  # an end at once would leave nobody to answer
            peer.finish()
        return await peer.rest()


def smuggled(lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the hidden request was taken for one."""
    return any(line.get("client") == SMUGGLER for line in lines)


async def test_the_hidden_request_is_seen_where_it_is_one() -> None:
    with capture_logs() as lines:
        async with served(SETTINGS) as (_, port):
            answer = await said(port, web(NO_LENGTH, method=b"GET"))
    assert answer.count(b"HTTP/1.") == 2
    assert smuggled(lines)


async def test_every_ambiguous_request_is_refused_by_its_rule_and_ends_its_connection() -> None:
    with capture_logs() as lines:
        async with served(SETTINGS) as (_, port):
            answers = await asyncio.gather(*(said(port, case.data) for case in CORPUS))
    for case, answer in zip(CORPUS, answers, strict=True):
        assert f"X-Rpch-Rule: {case.rule}\r\n".encode() in answer, (case.name, answer[:300])
        assert answer.count(b"\r\nX-Rpch-Rule: ") == 1, case.name
        assert answer.count(b"Connection: close") == 1, case.name
    assert not smuggled(lines)


async def test_a_body_is_never_taken_for_a_request() -> None:
    with capture_logs() as lines:
        async with served(SETTINGS) as (_, port):
            answers = await asyncio.gather(*(said(port, data, finished=True) for data in UNREAD.values()))
    for name, answer in zip(UNREAD, answers, strict=True):
        assert answer.count(b"HTTP/1.") == 1, (name, answer)
    assert not smuggled(lines)
    assert not [line for line in lines if line["log_level"] == "error"]


async def test_what_comes_after_a_refusal_is_not_looked_at_even_later() -> None:
    case: Ambiguous = CORPUS[0]
    with capture_logs() as lines:
        async with served(SETTINGS) as (_, port), raw_peer(port) as peer:
            peer.send(case.data)
            await _answer(peer)
            peer.send(HIDDEN)
            assert await peer.rest() == b""
    assert not smuggled(lines)


async def test_a_refused_channel_request_does_not_lend_its_connection_to_the_web() -> None:
    refused = b"RPC_OUT_DATA /rpc/rpcproxy.dll?other:1 HTTP/1.1\r\nHost: p\r\nContent-Length: 76\r\n\r\n"
    async with served(SETTINGS) as (_, port):
        answer = await said(port, refused + web(NO_LENGTH, method=b"GET", body=b""))
    assert answer.startswith(b"HTTP/1.0 503 RPC Error: 6ba")
    assert answer.count(b"HTTP/1.") == 1


async def _answer(peer: RawPeer) -> None:
    _, fields = await peer.head()
    await peer.take(int(fields["content-length"]))
