"""A relay says before the first request where its client is; nobody else gets a word in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.errors import ConfigError
from rpch.proxy.configuration import ProxyConfiguration
from tests.e2e.serving import served
from tests.raw_peer import raw_peer

V1 = b"PROXY TCP4 198.51.100.7 127.0.0.1 50000 443\r\n"
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a 21 11 000c c6336407 7f000001 c350 01bb")
REFUSED = (
    b"RPC_OUT_DATA /rpc/rpcproxy.dll?other:1 HTTP/1.1\r\nHost: p\r\n"
    b"X-Forwarded-For: 203.0.113.66\r\nContent-Length: 76\r\n\r\n"
)
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"


def relayed(**more: Any) -> ProxyConfiguration:
    """A listener for relays on this machine."""
    return ProxyConfiguration(
        no_tls=True, proxy_protocol=True, allow_anonymous=True, valid_ports="server:593", grace=0, **more
    )


async def said(port: int, *parts: bytes) -> bytes:
    """What is answered to these, sent one after the other."""
    async with raw_peer(port) as peer:
        for part in parts:
            peer.send(part)
            await asyncio.sleep(0.01)
        return await peer.rest()


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_the_address_in_the_header_is_the_clients(header: bytes) -> None:
    with capture_logs() as lines:
        async with served(relayed()) as (_, port):
            answer = await said(port, header[:9], header[9:] + REFUSED)
            assert b"200 OK" in await said(port, header + HEALTH)
    assert b"X-Rpch-Rule: ValidPorts" in answer
    assert [line["client"] for line in lines if line["event"] == "refused"] == ["198.51.100.7"]


async def test_clients_are_admitted_by_the_address_in_the_header() -> None:
    async with served(relayed(client_network=["203.0.113.0/24"])) as (_, port):
        assert b"X-Rpch-Rule: ClientAddress" in await said(port, V2 + REFUSED)


@pytest.mark.parametrize("data", [HEALTH, REFUSED, b"PROXY TCP4 x\r\n" + HEALTH])
async def test_whoever_sends_no_header_gets_no_answer(data: bytes) -> None:
    with capture_logs() as lines:
        async with served(relayed()) as (_, port):
            assert await said(port, data) == b""
    assert [line["rule"] for line in lines if line["event"] == "refused"] == ["ProxyProtocol"]


def test_it_is_for_listeners_whose_relays_end_tls() -> None:
    with pytest.raises(ConfigError, match="proxy-protocol"):
        ProxyConfiguration(proxy_protocol=True).options()
