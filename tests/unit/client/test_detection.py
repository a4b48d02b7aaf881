"""Whether the HTTP proxy is needed: both ways are asked, and the rule decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rpch.client.access import ProxyAccess
from rpch.client.detection import Detected, find_way
from rpch.client.tunnels import HttpProxy
from rpch.errors import TransportError
from rpch.http.answers import echo_answer
from rpch.http.heads import RequestHead
from rpch.http.targets import RpcTarget
from tests.unit.client.scripted import (
    ALICE,
    LOOPBACK,
    OPEN,
    Exchange,
    Serve,
    asking,
    client_tls,
    peer,
    server_tls,
)

TARGET = RpcTarget("server", 6001)
BASIC = 'Basic realm="x"'
LATE = 0.3  # longer than the 200 ms for which the direct way may be later than the other


def after(delay: float, *answers: bytes, seen: list[RequestHead] | None = None) -> Serve:
    """A peer that gives these answers, one a request, each after a while."""

    async def serve(exchange: Exchange) -> None:
        for answer in answers:
            head = await exchange.request()
            if seen is not None:
                seen.append(head)
            await asyncio.sleep(delay)
            exchange.say(answer)
        await exchange.ended()

    return serve


async def silent(exchange: Exchange) -> None:
    await exchange.ended()


async def hang_up(exchange: Exchange) -> None:
    await exchange.reader.read(1)


@asynccontextmanager
async def both(direct: Serve, through: Serve, patience: float = 2.0) -> AsyncIterator[ProxyAccess]:
    """An RPC proxy and an HTTP proxy that may lead to it."""
    async with peer(direct) as port, peer(through) as relay:
        proxy = HttpProxy(LOOPBACK, relay, ALICE)
        yield ProxyAccess(LOOPBACK, port, http_proxy=proxy, http_proxy_optional=True, timeout=patience)


def is_direct(found: Detected) -> bool:
    assert not found.access.http_proxy_optional
    return found.access.http_proxy is None


@pytest.mark.conformance(87)
async def test_the_direct_way_is_taken_when_it_answers_first() -> None:
    seen: list[RequestHead] = []
    async with both(after(0, echo_answer(), seen=seen), silent) as access:
        found = await find_way(access, TARGET)
    assert is_direct(found)
    assert "is not needed" in found.reason
    assert (seen[0].method, seen[0].content_length) == ("RPC_IN_DATA", 4)


@pytest.mark.conformance(87)
async def test_the_direct_way_is_taken_when_it_answers_soon_after_the_proxy() -> None:
    async with both(after(0.05, echo_answer()), after(0, echo_answer())) as access:
        assert is_direct(await find_way(access, TARGET))


@pytest.mark.slow
@pytest.mark.conformance(87)
@pytest.mark.parametrize("direct", [silent, after(LATE, echo_answer())])
async def test_the_proxy_is_taken_when_the_direct_way_is_much_later(direct: Serve) -> None:
    async with both(direct, after(0, echo_answer())) as access:
        found = await find_way(access, TARGET)
    assert not is_direct(found)
    assert found.reason.endswith("is needed: directly, no answer")


@pytest.mark.conformance(87)
async def test_the_proxy_is_taken_at_once_when_the_direct_way_has_failed() -> None:
    async with both(hang_up, after(0.02, echo_answer())) as access:
        found = await find_way(access, TARGET)
    assert not is_direct(found)
    assert "closed the connection" in found.reason


@pytest.mark.conformance(87)
async def test_no_answer_at_all_is_an_error_that_tells_of_both_ways() -> None:
    async with both(hang_up, silent, patience=0.05) as access:
        with pytest.raises(TransportError, match=r"neither directly .*closed.* nor through the HTTP proxy"):
            await find_way(access, TARGET)
    for direct, through in ((silent, silent), (silent, hang_up)):
        async with both(direct, through, patience=0.05) as access:
            with pytest.raises(TransportError, match=r"neither directly"):
                await find_way(access, TARGET)
    async with both(hang_up, hang_up) as access:
        with pytest.raises(TransportError, match=r"neither directly"):
            await find_way(access, TARGET)


@pytest.mark.conformance(87)
@pytest.mark.parametrize("answer", [asking([BASIC]), b"HTTP/1.1 503 RPC Error: 6ba\r\n\r\n"])
async def test_every_answer_of_the_rpc_proxy_counts(answer: bytes) -> None:
    async with both(after(0, answer), silent) as access:
        assert is_direct(await find_way(access, TARGET))
    async with both(hang_up, after(0, answer)) as access:
        assert not is_direct(await find_way(access, TARGET))


@pytest.mark.parametrize("status", ["403 Forbidden", "502 Bad Gateway", "503 Unavailable", "504 Timeout"])
async def test_what_the_http_proxy_says_itself_does_not_count(status: str) -> None:
    own = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    async with both(hang_up, after(0, own)) as access:
        with pytest.raises(TransportError, match=status):
            await find_way(access, TARGET)


async def test_the_http_proxy_gets_its_credentials_first() -> None:
    seen: list[RequestHead] = []
    relay = after(0, asking([BASIC], proxy=True), echo_answer(), seen=seen)
    async with both(hang_up, relay) as access:
        assert not is_direct(await find_way(access, TARGET))
    assert [head.get("proxy-authorization") is not None for head in seen] == [False, True]
    assert all(head.get("authorization") is None for head in seen)


async def test_in_a_tunnel_only_the_rpc_proxy_speaks() -> None:
    refused = after(0, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    async with peer(refused, server_tls()) as secure:

        async def tunnel(exchange: Exchange) -> None:
            head = await exchange.head()
            exchange.say(OPEN)
            await exchange.pass_on(secure)
            assert head.method == "CONNECT"

        async with peer(tunnel) as relay, peer(hang_up) as closed:
            access = ProxyAccess(
                "localhost",
                closed,
                client_tls(),
                http_proxy=HttpProxy(LOOPBACK, relay),
                http_proxy_optional=True,
                timeout=2.0,
            )
            assert not is_direct(await find_way(access, TARGET))


async def test_without_a_choice_nobody_is_asked() -> None:
    for access in (
        ProxyAccess("nowhere.invalid", 80),
        ProxyAccess("nowhere.invalid", 80, http_proxy=HttpProxy("nowhere.invalid", 1)),
    ):
        assert await find_way(access, TARGET) == Detected(access, "")
